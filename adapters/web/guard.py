"""What every request passes before a handler sees it, and what every answer carries.

Knows hosts, origins and headers; knows neither people nor chat. It covers only the handlers it wraps, so other routes
of the same application (health, Slack's events) are none of its business.
"""

from __future__ import annotations

import ipaddress
import re
from collections.abc import Awaitable, Callable, Iterable

import structlog
from aiohttp import web

from bot.addresses import is_loopback
from bot.errors import BotError, Refused

log = structlog.get_logger()

Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]

POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; connect-src 'self'; "
    "base-uri 'none'; form-action 'self'; frame-ancestors 'none'"
)
HEADERS = {
    "Content-Security-Policy": POLICY,
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
    "Referrer-Policy": "no-referrer",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Permissions-Policy": "camera=(), geolocation=(), microphone=()",
    "Cache-Control": "no-store",
}
STATUS_OF = {
    "unknown": 404,
    "not_allowed": 403,
    "decided": 409,
    "expired": 410,
    "damaged": 409,
    "empty": 400,
    "too_long": 413,
    "not_readable": 415,
}
SAFE_METHODS = frozenset({"GET", "HEAD"})


class Rejected(BotError):
    """A request this page does not serve. `status` is the HTTP status, `code` a word for the page's script."""

    def __init__(self, status: int, user_message: str, *, code: str = "") -> None:
        super().__init__(user_message)
        self.status = status
        self.code = code


class Hosts:
    """The names this page answers to. A name that only leads here (DNS rebinding) is not one of them.

    Bound to all addresses, any numeric address is accepted too: a number cannot be rebound. Names come with the port of
    the connection or the configured one; those the operator allowed also exactly as they are written there.
    """

    def __init__(self, host: str, port: int, allowed: Iterable[str] = ()) -> None:
        self._port = port
        self._takes_numbers = host in ("0.0.0.0", "::", "")
        self._allowed = frozenset(name.lower() for name in allowed)
        own = {"127.0.0.1", "localhost", "[::1]"} | (set() if self._takes_numbers else {_bracketed(host).lower()})
        self._with_port = own | self._allowed

    def accept(self, header: str, port: int) -> bool:
        host = header.lower()
        if host in self._allowed:
            return True
        name, _, given = host.rpartition(":") if _ends_in_port(host) else (host, "", "80")
        if given not in (str(port), str(self._port)):
            return False
        return name in self._with_port or (self._takes_numbers and _is_number(name))


def _ends_in_port(host: str) -> bool:
    return re.search(r":[0-9]{1,5}$", host) is not None


def _is_number(name: str) -> bool:
    try:
        ipaddress.ip_address(name.removeprefix("[").removesuffix("]"))
    except ValueError:
        return False
    return True


def _bracketed(host: str) -> str:
    return f"[{host}]" if ":" in host and not host.startswith("[") else host


class Guard:
    """Wraps handlers: checks before, headers after, and one plain sentence for whatever goes wrong."""

    def __init__(self, hosts: Hosts) -> None:
        self._hosts = hosts

    def wrap(self, handler: Handler) -> Handler:
        async def guarded(request: web.Request) -> web.StreamResponse:
            try:
                self._check(request)
                response = await handler(request)
            except BotError as err:
                response = refusal(err)
            except Exception:
                # The rim: whatever a handler did not foresee is logged here and answered with one sentence.
                log.exception("web.request_failed", path=request.path, method=request.method)
                response = _json_error(500, "Something went wrong on Nod's side. It is in the log; please try again.")
            if not response.prepared:
                for name, value in HEADERS.items():
                    response.headers.setdefault(name, value)
            return response

        return guarded

    def _check(self, request: web.Request) -> None:
        host = request.headers.get("Host", "")
        if len(request.headers.getall("Host", [])) != 1 or not self._hosts.accept(host, own_port(request)):
            sentence = "This is not an address this page answers to. The operator can add it to HTTP_HOSTNAMES."
            raise Rejected(421, sentence, code="host")
        is_safe = request.method in SAFE_METHODS
        origins = request.headers.getall("Origin", [])
        if not is_safe and not origins:
            raise Rejected(403, "This request does not say which page it comes from.", code="origin")
        if any(not _is_same_origin(origin, host) for origin in origins):
            raise Rejected(403, "This request comes from another page.", code="origin")
        if not _is_own_fetch(request, is_safe=is_safe):
            raise Rejected(403, "This request comes from another page.", code="fetch_site")


def _is_same_origin(origin: str, host: str) -> bool:
    """A proxy may end TLS before us, so the scheme is not compared; host and port are, as the browser wrote them."""
    scheme, _, rest = origin.partition("://")
    return scheme in ("http", "https") and rest.lower() == host.lower()


def _is_own_fetch(request: web.Request, *, is_safe: bool) -> bool:
    """Fetch Metadata: our own page, the address bar, or (to read a page) a link somebody followed."""
    site = request.headers.get("Sec-Fetch-Site")
    if site is None or site == "same-origin":
        return True
    if not is_safe:
        return False
    return site == "none" or is_navigation(request)


def is_navigation(request: web.Request) -> bool:
    """Is a person opening a page in a tab, rather than a page fetching something?"""
    return request.headers.get("Sec-Fetch-Mode") == "navigate" and request.headers.get("Sec-Fetch-Dest") == "document"


def own_port(request: web.Request) -> int:
    """The port this connection came in at."""
    address = request.transport.get_extra_info("sockname") if request.transport is not None else None
    return int(address[1]) if isinstance(address, tuple) else 0


def is_from_here(request: web.Request) -> bool:
    """Does the request come from this very machine, and not through a proxy that speaks for others?"""
    is_forwarded = any(name in request.headers for name in ("Forwarded", "X-Forwarded-For", "X-Real-IP"))
    return request.remote is not None and is_loopback(request.remote) and not is_forwarded


def refusal(err: BotError) -> web.Response:
    """Say no: one sentence as JSON, with the status that fits."""
    match err:
        case Rejected():
            return _json_error(err.status, err.user_message, err.code)
        case Refused():
            return _json_error(STATUS_OF.get(err.code, 400), err.user_message, err.code)
        case _:
            log.error("web.request_refused", error=type(err).__name__)
            return _json_error(503, err.user_message)


def _json_error(status: int, sentence: str, code: str = "") -> web.Response:
    return web.json_response({"error": sentence, "code": code} if code else {"error": sentence}, status=status)
