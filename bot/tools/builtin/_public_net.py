"""Which addresses and URLs are the public internet. Pure: no lookup happens here."""

from __future__ import annotations

import ipaddress
import re

from yarl import URL

from bot.errors import ToolError

_MAX_URL_CHARS = 2048
_HOST = re.compile(
    r"(?=.{1,253}\.?$)[a-z0-9_]([a-z0-9_-]{0,61}[a-z0-9_])?(\.[a-z0-9_]([a-z0-9_-]{0,61}[a-z0-9_])?)*\.?"
)
_AUTHORITY = re.compile(r"^[^/?#]*//([^/?#]*).*$", re.DOTALL)
_NUMERIC_LABEL = re.compile(r"[0-9]+|0x[0-9a-f]*")

# Own lists, because `is_global` changed its mind between Python releases (3.11.10, 3.12.4).
_CLOSED_V4 = tuple(
    ipaddress.IPv4Network(block)
    for block in (
        "0.0.0.0/8",
        "10.0.0.0/8",
        "100.64.0.0/10",  # carrier-grade NAT; 100.100.100.200 is Alibaba's metadata
        "127.0.0.0/8",
        "168.63.129.16/32",  # Azure's wire server
        "169.254.0.0/16",  # link-local; 169.254.169.254 is most clouds' metadata
        "172.16.0.0/12",
        "192.0.0.0/24",
        "192.0.2.0/24",
        "192.88.99.0/24",
        "192.168.0.0/16",
        "198.18.0.0/15",
        "198.51.100.0/24",
        "203.0.113.0/24",
        "224.0.0.0/3",  # multicast, reserved, broadcast
    )
)
_GLOBAL_V6 = ipaddress.IPv6Network("2000::/3")
_CLOSED_V6 = tuple(
    ipaddress.IPv6Network(block)
    for block in (
        "2001::/23",  # Teredo, ORCHID, benchmarks
        "2001:db8::/32",
        "2002::/16",  # 6to4 carries an IPv4 address
        "3fff::/20",
    )
)
_NAT64 = ipaddress.IPv6Network("64:ff9b::/96")


def is_public(address: str) -> bool:
    """Whether a literal IP address belongs to the public internet; anything that is no literal does not."""
    try:
        parsed = ipaddress.ip_address(address)
    except ValueError:
        return False
    if isinstance(parsed, ipaddress.IPv4Address):
        return _is_public_v4(parsed)
    if parsed.scope_id is not None:
        return False
    if parsed.ipv4_mapped is not None:
        return _is_public_v4(parsed.ipv4_mapped)
    if parsed in _NAT64:
        return _is_public_v4(ipaddress.IPv4Address(int(parsed) & 0xFFFFFFFF))
    return parsed in _GLOBAL_V6 and not any(parsed in block for block in _CLOSED_V6)


def _is_public_v4(address: ipaddress.IPv4Address) -> bool:
    return not any(address in block for block in _CLOSED_V4)


def checked_url(text: str, ports: frozenset[int]) -> URL:
    """Give a URL that may be looked up: http or https, a plain host, no user, an allowed port. Raises `ToolError`."""
    if len(text) > _MAX_URL_CHARS:
        raise ToolError(f"The URL is too long: at most {_MAX_URL_CHARS} characters.")
    if not text.isprintable() or " " in text or "\\" in text:
        raise ToolError("The URL holds blanks, backslashes or invisible characters.")
    try:
        url = URL(text)
        host = url.raw_host
        port = url.port
    except ValueError as err:
        raise ToolError("The URL is not valid.") from err
    if url.scheme not in ("http", "https"):
        raise ToolError("Only http:// and https:// URLs can be fetched.")
    if "@" in _AUTHORITY.sub(r"\1", text):
        raise ToolError("URLs with a user name or password are not fetched.")
    if host is None or not _is_plain_host(host):
        raise ToolError("The URL has no usable host name.")
    if port not in ports:
        raise ToolError(f"Port {port} is not allowed; only {', '.join(map(str, sorted(ports)))} are.")
    return url.with_fragment(None)


def _is_plain_host(host: str) -> bool:
    """A name, or an address in its one usual form: not `2130706433`, `0x7f.1` or `0177.0.0.1`."""
    if is_literal(host):
        return True
    last = host.rstrip(".").rpartition(".")[2]
    return bool(_HOST.fullmatch(host)) and not _NUMERIC_LABEL.fullmatch(last)


def is_literal(host: str) -> bool:
    try:
        ipaddress.ip_address(host)
    except ValueError:
        return False
    return "%" not in host
