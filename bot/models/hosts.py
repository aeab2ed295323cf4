"""The kinds of model hosts, one row each, quirks as flags. Knows no network and no SDK."""

from __future__ import annotations

from dataclasses import dataclass
from urllib.parse import SplitResult, urlsplit

from bot.addresses import is_near

ENDPOINT = "/chat/completions"


@dataclass(frozen=True, slots=True)
class Host:
    """One kind of host.

    `api_path` is what its API adds to the address people know it by; `reports_stream_usage` tells that it takes
    `stream_options.include_usage`.
    """

    name: str
    api_path: str = ""
    reports_stream_usage: bool = True


HOSTS = {
    host.name: host
    for host in (
        Host("generic"),
        # Open WebUI: <host>/api/chat/completions, docs "API Endpoints"
        Host("openwebui", api_path="/api"),
    )
}


def find_host(name: str) -> Host:
    """Give the row of a host. Raises `ValueError` listing the known ones."""
    if name not in HOSTS:
        raise ValueError(f"host_type {name!r} is not known; use one of: {', '.join(HOSTS)}")
    return HOSTS[name]


def base_url(host: Host, api_url: str) -> str:
    """Give the address that `/chat/completions` is added to.

    A trailing slash, the endpoint itself and the host's own path may already be part of `api_url`. Raises `ValueError`
    with a reason that never repeats the URL: it may hold a secret.
    """
    url = _checked(api_url)
    path = url.path.rstrip("/").removesuffix(ENDPOINT).rstrip("/")
    if not path.endswith(host.api_path):
        path += host.api_path
    return f"{url.scheme}://{url.netloc}{path}"


def _checked(api_url: str) -> SplitResult:
    if any(letter.isspace() or not letter.isprintable() for letter in api_url):
        raise ValueError("api_url must not contain spaces or control characters")
    try:
        url = urlsplit(api_url)
        has_host = bool((url.hostname or "").encode("idna")) and url.port != 0
    except ValueError as err:
        raise ValueError("api_url is not a valid URL") from err
    if url.scheme == "http" and url.hostname and not is_near(url.hostname):
        raise ValueError("api_url: plain http is only for this machine and private networks; use https")
    if url.scheme not in ("http", "https"):
        raise ValueError("api_url must start with http:// or https://")
    if not has_host:
        raise ValueError("api_url names no host")
    if "@" in url.netloc:
        raise ValueError("api_url must not contain a user or password; put the key into api_key")
    if url.query or url.fragment:
        raise ValueError("api_url must not contain '?' or '#'")
    return url
