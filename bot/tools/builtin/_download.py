"""One public document over HTTP, connecting only to addresses that were checked.

A host is looked up once per hop, all its addresses must be public, and the socket is opened to one of exactly these;
redirects are followed by hand through the same checks. No proxy, no cookies, no credentials.
"""

from __future__ import annotations

import asyncio
import socket
import zlib
from dataclasses import dataclass

import aiohttp
from aiohttp.abc import AbstractResolver, ResolveResult
from yarl import URL

from bot.errors import ToolError
from bot.tools.builtin._public_net import checked_url, is_literal, is_public
from bot.tools.context import Resolve

MAX_BODY_BYTES = 2_000_000
MAX_REDIRECTS = 5
TOTAL_S = 15.0
_REDIRECTS = frozenset({301, 302, 303, 307, 308})
_CHUNK = 65_536
_HEADERS = {
    "User-Agent": "Nod/1 (chat bot; fetches pages on request)",
    "Accept": "text/html, application/xhtml+xml, text/*;q=0.9, application/json;q=0.9, application/xml;q=0.8",
    "Accept-Encoding": "gzip, deflate",
}


@dataclass(frozen=True, slots=True)
class Rules:
    """What may be reached. `allow_private`, or single `listed` addresses, let tests reach a server on loopback."""

    ports: frozenset[int] = frozenset({80, 443})
    allow_private: bool = False
    listed: frozenset[str] = frozenset()
    resolve: Resolve | None = None


@dataclass(frozen=True, slots=True)
class Document:
    """What came back: final URL, bare content type, charset if said, at most `MAX_BODY_BYTES` of the decoded body."""

    url: str
    content_type: str
    charset: str | None
    body: bytes
    is_cut: bool


async def download(text: str, rules: Rules) -> Document:
    """Give the document at a URL. Raises `ToolError` when it may not or cannot be fetched."""
    try:
        async with asyncio.timeout(TOTAL_S):
            return await _follow(checked_url(text, rules.ports), rules)
    except TimeoutError as err:
        raise ToolError(f"The page did not answer within {TOTAL_S:g} seconds.") from err
    except aiohttp.ClientConnectorCertificateError as err:
        raise ToolError("The page's certificate is not valid.") from err
    except (aiohttp.ClientError, OSError, ValueError) as err:
        raise ToolError(f"The page cannot be reached ({type(err).__name__}).") from err


async def _follow(url: URL, rules: Rules) -> Document:
    for _ in range(MAX_REDIRECTS + 1):
        step = await _hop(url, rules)
        if isinstance(step, Document):
            return step
        url = checked_url(step, rules.ports)
    raise ToolError(f"The page redirects more than {MAX_REDIRECTS} times.")


async def _hop(url: URL, rules: Rules) -> Document | str:
    """Fetch one URL: give its document, or the URL it redirects to."""
    addresses = await _checked_addresses(url, rules)
    connector = aiohttp.TCPConnector(
        resolver=_Pinned(addresses),
        use_dns_cache=False,
        force_close=True,
        socket_factory=_only_to(frozenset(addresses)),
    )
    async with (
        aiohttp.ClientSession(
            connector=connector, cookie_jar=aiohttp.DummyCookieJar(), trust_env=False, auto_decompress=False
        ) as session,
        session.get(url, allow_redirects=False, headers=_HEADERS, max_line_size=8190) as response,
    ):
        if response.status in _REDIRECTS and (location := response.headers.get("Location")):
            return str(url.join(URL(location)))
        if not 200 <= response.status < 300:
            raise ToolError(f"The page answered {response.status} {(response.reason or '')[:60]}".rstrip() + ".")
        content_type = _readable_type(response)
        body, is_cut = await _body(response)
        return Document(str(url), content_type, response.charset, body, is_cut)


# --- addresses ---


async def _checked_addresses(url: URL, rules: Rules) -> list[str]:
    host, port = url.raw_host, url.port
    assert host is not None
    assert port is not None
    if is_literal(host):
        addresses = [host]
    else:
        addresses = await (rules.resolve or _system_resolve)(host, port)
    if not addresses:
        raise ToolError(f"The host {host[:100]!r} is not known.")
    if not rules.allow_private and not all(is_public(found) or found in rules.listed for found in addresses):
        raise ToolError(f"The host {host[:100]!r} is not on the public internet and is not fetched.")
    return addresses


async def _system_resolve(host: str, port: int) -> list[str]:
    try:
        found = await asyncio.get_running_loop().getaddrinfo(host, port, type=socket.SOCK_STREAM)
    except (socket.gaierror, UnicodeError) as err:
        raise ToolError(f"The host {host[:100]!r} is not known.") from err
    return list(dict.fromkeys(str(answer[4][0]) for answer in found))


class _Pinned(AbstractResolver):
    """Answers every question with the addresses that were checked."""

    def __init__(self, addresses: list[str]) -> None:
        self._addresses = addresses

    async def resolve(
        self, host: str, port: int = 0, family: socket.AddressFamily = socket.AF_INET
    ) -> list[ResolveResult]:
        return [
            ResolveResult(
                hostname=host,
                host=address,
                port=port,
                family=socket.AF_INET6 if ":" in address else socket.AF_INET,
                proto=0,
                flags=socket.AI_NUMERICHOST,
            )
            for address in self._addresses
        ]

    async def close(self) -> None:
        pass


def _only_to(addresses: frozenset[str]) -> aiohttp.SocketFactoryType:
    """The last gate: no socket is made for an address that was not checked, however the client came by it."""

    def make(info: aiohttp.AddrInfoType) -> socket.socket:
        family, kind, protocol, _, address = info
        if address[0] not in addresses:
            raise OSError("the address was not checked")
        made = socket.socket(family, kind, protocol)
        made.setblocking(False)
        return made

    return make


# --- body ---


def _readable_type(response: aiohttp.ClientResponse) -> str:
    found = response.content_type.lower() if "Content-Type" in response.headers else "text/plain"
    is_text = found.startswith("text/") or found.endswith(("/json", "+json", "/xml", "+xml", "/javascript"))
    if not is_text or found == "image/svg+xml":
        raise ToolError(f"The page is {found[:60]!r}, not text, and cannot be read.")
    return found


async def _body(response: aiohttp.ClientResponse) -> tuple[bytes, bool]:
    """Give at most `MAX_BODY_BYTES` of the decoded body, and whether there was more."""
    decoder = _decoder(response.headers.get("Content-Encoding", "identity").strip().lower())
    body = bytearray()
    received = 0
    async for chunk in response.content.iter_chunked(_CHUNK):
        received += len(chunk)
        room = MAX_BODY_BYTES + 1 - len(body)
        # max_length stops a decompression bomb: what it holds beyond is never made
        body += chunk[:room] if decoder is None else decoder.decompress(chunk, room)
        if len(body) > MAX_BODY_BYTES or received > MAX_BODY_BYTES:
            return bytes(body[:MAX_BODY_BYTES]), True
    return bytes(body), False


class _Inflater:
    """zlib, gzip or, as many servers send for "deflate", a raw stream."""

    def __init__(self) -> None:
        self._zlib = zlib.decompressobj(zlib.MAX_WBITS | 32)
        self._is_begun = False

    def decompress(self, chunk: bytes, max_length: int) -> bytes:
        try:
            made = self._zlib.decompress(chunk, max_length)
        except zlib.error as err:
            if self._is_begun:
                raise ToolError("The page is damaged: it cannot be decompressed.") from err
            self._zlib = zlib.decompressobj(-zlib.MAX_WBITS)
            made = self._raw(chunk, max_length)
        self._is_begun = True
        return made

    def _raw(self, chunk: bytes, max_length: int) -> bytes:
        try:
            return self._zlib.decompress(chunk, max_length)
        except zlib.error as err:
            raise ToolError("The page is damaged: it cannot be decompressed.") from err


def _decoder(encoding: str) -> _Inflater | None:
    if encoding in ("", "identity"):
        return None
    if encoding in ("gzip", "x-gzip", "deflate"):
        return _Inflater()
    raise ToolError(f"The page is sent in an encoding that cannot be read ({encoding[:30]!r}).")
