"""Hosts, origins, CSRF tokens and headers, over real connections."""

from __future__ import annotations

import asyncio

import pytest

from adapters.web.guard import Hosts
from tests.adapters.web.site import Browser, Site

POSTS = [
    ("/api/threads", {}),
    ("/api/messages", {"thread": "t1", "text": "hi", "event_id": "event-0001"}),
    ("/api/approvals/a1", {"verb": "approve"}),
    ("/api/approvals/a1", {"verb": "approve", "grant": "8h", "pattern": "path like notes/*"}),
    ("/api/approvals/a1", {"verb": "edit", "arguments": "{}"}),
    ("/api/command", {"thread": "t1", "words": "policy show", "is_admin": True}),
    ("/api/stop", {"thread": "t1"}),
    ("/api/person", {"name": "bob"}),
    ("/login", {"token": "x"}),
    ("/logout", {}),
]
GETS = [
    "/",
    "/t/t1",
    "/static/nod.js",
    "/api/thread?thread=t1",
    "/api/threads",
    "/api/pending",
    "/api/complete?thread=t1&words=m",
    "/api/events?thread=t1",
]
POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; connect-src 'self'; base-uri 'none'; "
    "form-action 'self'; frame-ancestors 'none'"
)


@pytest.mark.parametrize("path", ["/", "/static/nod.css", "/api/threads", "/api/nothing-here", "/static/nothing.js"])
async def test_every_answer_carries_the_headers(site: Site, alice: Browser, path: str) -> None:
    async with alice.http.get(site.origin + path) as response:
        headers = response.headers

    assert headers["Content-Security-Policy"] == POLICY
    assert headers["X-Content-Type-Options"] == "nosniff"
    assert headers["Referrer-Policy"] == "no-referrer"
    assert headers["Cache-Control"] == "no-store"


async def test_the_stream_carries_the_headers_too(site: Site, alice: Browser) -> None:
    async with alice.http.get(f"{site.origin}/api/events?thread=t1") as response:
        assert response.headers["Content-Security-Policy"] == POLICY
        assert response.headers["Content-Type"] == "text/event-stream"
        assert response.headers["Cache-Control"] == "no-store"


async def test_a_file_asked_for_by_its_version_may_be_kept(site: Site, alice: Browser) -> None:
    page = await alice.open()
    path = page.split('href="', 3)[2].split('"')[0]

    async with alice.http.get(site.origin + path) as response:
        assert "immutable" in response.headers["Cache-Control"]


async def test_the_page_holds_nothing_inline(alice: Browser) -> None:
    page = await alice.open()

    assert "<style" not in page
    assert " style=" not in page
    assert "<script>" not in page
    assert " onclick" not in page


@pytest.mark.parametrize("path", GETS)
@pytest.mark.parametrize(
    "host", ["evil.example", "evil.example:80", "127.0.0.1", "localhost:1", "127.0.0.1.nip.io:8080", ""]
)
async def test_a_foreign_host_is_misdirected(site: Site, alice: Browser, path: str, host: str) -> None:
    async with alice.http.get(site.origin + path, headers={"Host": host}) as response:
        # An empty Host is refused by the HTTP parser or by us, never served.
        assert response.status in (400, 421)


@pytest.mark.parametrize("name", ["127.0.0.1", "localhost", "LOCALHOST"])
async def test_the_loopback_names_are_served(site: Site, alice: Browser, name: str) -> None:
    async with alice.http.get(site.origin, headers={"Host": f"{name}:{site.port}"}) as response:
        assert response.status == 200


@pytest.mark.parametrize(("path", "body"), POSTS)
@pytest.mark.parametrize(
    ("headers", "drop"),
    [
        ({}, ("Origin",)),
        ({"Origin": "null"}, ()),
        ({"Origin": "http://evil.example"}, ()),
        ({"Origin": "http://127.0.0.1:1"}, ()),
        ({"Origin": "http://127.0.0.1"}, ()),
        ({"Origin": "file://"}, ()),
        ({"Sec-Fetch-Site": "cross-site"}, ()),
        ({"Sec-Fetch-Site": "same-site"}, ()),
        ({"Sec-Fetch-Site": "none"}, ()),
        ({"Sec-Fetch-Site": "cross-site", "Sec-Fetch-Mode": "navigate", "Sec-Fetch-Dest": "document"}, ()),
        ({}, ("X-CSRF-Token",)),
        ({"X-CSRF-Token": "0" * 64}, ()),
        ({"X-CSRF-Token": "é"}, ()),
        ({"Host": "evil.example"}, ()),
    ],
)
async def test_a_forged_post_changes_nothing(
    site: Site, alice: Browser, path: str, body: dict[str, object], headers: dict[str, str], drop: tuple[str, ...]
) -> None:
    status, said = await alice.post(path, body, headers=headers, drop=drop)

    assert status in (403, 421)
    assert said["error"].endswith(".")
    assert site.service.received == []
    assert site.service.clicks == []
    assert site.service.admin_commands == []


async def test_a_post_without_fetch_metadata_is_served(site: Site, alice: Browser) -> None:
    status, _ = await alice.post("/api/threads", {}, drop=("Sec-Fetch-Site",))

    assert status == 200


async def test_the_csrf_token_of_somebody_else_is_refused(alice: Browser, bob: Browser) -> None:
    status, said = await alice.post("/api/threads", {}, headers={"X-CSRF-Token": bob.csrf})

    assert (status, said["code"]) == (403, "csrf")


@pytest.mark.parametrize("path", ["/api/threads", "/api/events?thread=t1", "/api/complete?thread=t1"])
async def test_another_page_cannot_read(site: Site, alice: Browser, path: str) -> None:
    assert (await alice.get(path, **{"Sec-Fetch-Site": "cross-site"}))[0] == 403
    assert (await alice.get(path, **{"Origin": "http://evil.example"}))[0] == 403


async def test_a_link_from_elsewhere_is_brought_home_without_a_new_session(site: Site) -> None:
    """The strict cookie stays away when another site's link is followed: the page loads itself once more."""
    browser = Browser(site)
    follow = {"Sec-Fetch-Site": "cross-site", "Sec-Fetch-Mode": "navigate", "Sec-Fetch-Dest": "document"}

    async with browser.http.get(site.origin, headers=follow) as response:
        page = await response.text()
        cookies = response.cookies

    await browser.http.close()
    assert 'http-equiv="refresh"' in page
    assert not cookies


@pytest.mark.parametrize("header", ["X-Forwarded-For", "Forwarded", "X-Real-IP"])
async def test_the_demo_is_not_served_through_a_proxy(alice: Browser, header: str) -> None:
    status, _ = await alice.get("/api/threads", **{header: "203.0.113.9"})

    assert status == 403


@pytest.mark.parametrize("method", ["PUT", "DELETE", "PATCH", "OPTIONS"])
async def test_other_methods_get_json(site: Site, alice: Browser, method: str) -> None:
    headers = {"Origin": site.origin}

    async with alice.http.request(method, f"{site.origin}/api/messages", headers=headers) as response:
        assert response.status == 404
        assert (await response.json())["error"]


async def test_two_host_headers_are_refused(site: Site) -> None:
    reader, writer = await asyncio.open_connection("127.0.0.1", site.port)
    writer.write(f"GET / HTTP/1.1\r\nHost: 127.0.0.1:{site.port}\r\nHost: evil.example\r\n\r\n".encode())

    answer = await reader.readline()

    writer.close()
    await writer.wait_closed()
    assert answer.split()[1] in (b"400", b"421")


@pytest.mark.parametrize(
    ("bound", "allowed", "header", "is_accepted"),
    [
        ("127.0.0.1", (), "127.0.0.1:8080", True),
        ("127.0.0.1", (), "[::1]:8080", True),
        ("127.0.0.1", (), "192.168.1.5:8080", False),
        ("192.168.1.5", (), "192.168.1.5:8080", True),
        ("0.0.0.0", (), "192.168.1.5:8080", True),
        ("0.0.0.0", (), "[fe80::1]:8080", True),
        ("0.0.0.0", (), "192.168.1.5:81", False),
        ("0.0.0.0", (), "evil.example:8080", False),
        ("0.0.0.0", (), "192.168.1.5@evil.example:8080", False),
        ("0.0.0.0", ("nod.example.org",), "nod.example.org", True),
        ("0.0.0.0", ("nod.example.org",), "NOD.example.org:8080", True),
        ("0.0.0.0", ("nod.example.org",), "nod.example.org:9999", False),
        ("0.0.0.0", ("nod.example.org",), "x.nod.example.org", False),
        ("0.0.0.0", ("nod.example.org:9000",), "nod.example.org:9000", True),
        ("127.0.0.1", (), "", False),
    ],
)
def test_hosts(bound: str, allowed: tuple[str, ...], header: str, is_accepted: bool) -> None:
    assert Hosts(bound, 8080, allowed).accept(header, 8080) is is_accepted
