"""Who one is: sessions, tokens, the demo's picker, and where which of them may be served."""

from __future__ import annotations

import base64
import hashlib
import json
import time
from collections.abc import AsyncIterator

import aiohttp
import pytest

from adapters.web import WebAdapter, check_exposure
from adapters.web.people import People, Tries
from adapters.web.session import Seal, Session
from bot.chat import Actor
from bot.errors import ConfigError
from tests.adapters.web.site import KEY, Browser, Site, serve

TOKENS = {name: hashlib.sha256(f"{name}-token".encode()).hexdigest() for name in ("alice", "root")}


@pytest.fixture
async def office() -> AsyncIterator[Site]:
    """A page with personal tokens."""
    async with serve(people=TOKENS) as served:
        yield served


@pytest.fixture
async def stranger(office: Site) -> AsyncIterator[Browser]:
    browser = Browser(office)
    await browser.open()
    yield browser
    await browser.http.close()


def cookie_of(browser: Browser) -> str:
    return next(cookie.value for cookie in browser.http.cookie_jar)


async def status_with(site: Site, value: str) -> int:
    """What a browser gets that shows this cookie."""
    headers = {"Cookie": f"nod_session_{site.port}={value}"}
    async with aiohttp.ClientSession() as http, http.get(f"{site.origin}/api/threads", headers=headers) as response:
        return response.status


# --- sessions ---


async def test_the_cookie_is_strict_and_out_of_reach_of_scripts(site: Site) -> None:
    browser = Browser(site)

    async with browser.http.get(site.origin) as response:
        cookie = response.headers["Set-Cookie"]

    await browser.http.close()
    assert "HttpOnly" in cookie
    assert "SameSite=Strict" in cookie
    assert "Path=/" in cookie


async def test_a_forged_session_is_nobody(site: Site, alice: Browser) -> None:
    body, _, signature = cookie_of(alice).partition(".")
    fields = json.loads(base64.urlsafe_b64decode(body + "=="))
    as_root = base64.urlsafe_b64encode(json.dumps([fields[0], "root", fields[2]]).encode()).decode().rstrip("=")
    flipped = ("0" if signature[0] != "0" else "1") + signature[1:]

    assert await status_with(site, f"{body}.{signature}") == 200
    for forged in (f"{as_root}.{signature}", f"{body}.{flipped}", body, f"{body}.", ".", "x" * 5000, "é.é"):
        assert await status_with(site, forged) == 401


def test_a_session_of_another_key_or_time_is_nobody() -> None:
    people = People({}, ("alice",))
    session = Session("id", "alice", 1000)
    cookie = Seal(KEY).close(session, "demo")

    assert Seal(KEY).open(cookie, people.stamp, 999.0) == session
    assert Seal(KEY).open(cookie, people.stamp, 1000.0) is None
    assert Seal(b"another key" * 3).open(cookie, people.stamp, 999.0) is None


def test_a_changed_token_ends_its_sessions() -> None:
    before, after = People({"alice": "aa" * 32}), People({"alice": "bb" * 32})
    cookie = Seal(KEY).close(Session("id", "alice", 1000), before.stamp("alice") or "")

    assert Seal(KEY).open(cookie, before.stamp, 1.0) is not None
    assert Seal(KEY).open(cookie, after.stamp, 1.0) is None


def test_a_session_of_the_demo_is_worth_nothing_where_tokens_are_needed() -> None:
    cookie = Seal(KEY).close(Session("id", "alice", 1000), "demo")

    assert Seal(KEY).open(cookie, People({"alice": "aa" * 32}).stamp, 1.0) is None


@pytest.mark.parametrize("path", ["/api/thread?thread=t1", "/api/threads", "/api/pending", "/api/events?thread=t1"])
async def test_without_a_session_nothing_is_read(site: Site, path: str) -> None:
    browser = Browser(site)

    status, said = await browser.get(path)

    await browser.http.close()
    assert (status, said["code"]) == (401, "session")


# --- tokens ---


async def test_a_page_with_tokens_asks_to_sign_in(stranger: Browser) -> None:
    page = await stranger.open("/t/t1")

    assert 'id="login"' in page
    assert "alice" not in page
    assert (await stranger.get("/api/threads"))[0] == 401
    assert (await stranger.say("hi"))[0] == 401


async def test_a_token_signs_its_person_in_and_out(office: Site, stranger: Browser) -> None:
    status, said = await stranger.post("/login", {"token": "alice-token"})
    page = await stranger.open()
    kept = cookie_of(stranger)

    assert (status, said) == (200, {"person": "alice"})
    assert 'data-person="alice"' in page
    assert (await stranger.say("hi"))[0] == 200
    assert office.service.received[0].actor == Actor("web", "", "alice", "alice")

    assert (await stranger.post("/logout", {}))[0] == 200
    assert 'id="login"' in await stranger.open()
    assert await status_with(office, kept) == 401


async def test_a_wrong_token_is_refused_slowly_and_only_a_few_times(stranger: Browser) -> None:
    started = time.monotonic()
    first = await stranger.post("/login", {"token": "guess"})
    took_s = time.monotonic() - started

    assert first == (401, {"error": "This token is not known here."})
    assert took_s >= 0.4
    assert [(await stranger.post("/login", {"token": f"guess{n}"}))[0] for n in range(5)] == [401] * 4 + [429]
    assert (await stranger.post("/login", {"token": "alice-token"}))[0] == 429


async def test_tokens_leave_no_picker(stranger: Browser) -> None:
    await stranger.post("/login", {"token": "alice-token"})
    page = await stranger.open()

    assert 'id="person"' not in page
    assert (await stranger.post("/api/person", {"name": "root"}))[0] == 403


def test_an_address_may_try_again_after_a_minute() -> None:
    tries = Tries()

    assert [tries.may_try("192.0.2.1", float(n)) for n in range(6)] == [True] * 5 + [False]
    assert tries.may_try("192.0.2.2", 6.0)
    assert tries.may_try("192.0.2.1", 61.0)


def test_one_ipv6_network_counts_as_one() -> None:
    tries = Tries()

    assert [tries.may_try(f"2001:db8::{n}", 0.0) for n in range(6)] == [True] * 5 + [False]


# --- the demo, and the one local person ---


async def test_the_demo_lets_one_pick(site: Site, alice: Browser) -> None:
    page = await alice.open()
    assert '<option value="root">root (admin)</option>' in page

    await alice.be("bob")
    await alice.say("hi")

    assert site.service.received[0].actor == Actor("web", "", "bob", "bob")
    assert (await alice.post("/api/person", {"name": "mallory"}))[0] == 404


async def test_a_page_of_before_the_switch_cannot_speak_as_the_new_person(site: Site, alice: Browser) -> None:
    old = alice.csrf
    await alice.be("bob")
    alice.csrf = old

    assert (await alice.say("hi"))[0] == 403
    assert site.service.received == []


async def test_without_tokens_there_is_one_local_person() -> None:
    async with serve(people={}, demo_people=()) as served:
        browser = Browser(served)
        page = await browser.open()
        await browser.say("hi")
        await browser.http.close()

        assert 'data-person="local"' in page
        assert served.service.received[0].actor == Actor("web", "", "local", "local")


# --- exposure ---


@pytest.mark.parametrize(
    "host", ["127.0.0.1", "127.8.8.8", "::1", "[::1]", "localhost", "LocalHost", "::ffff:127.0.0.1"]
)
@pytest.mark.parametrize("is_demo", [True, False])
def test_loopback_needs_no_tokens(host: str, is_demo: bool) -> None:
    check_exposure(host, {}, is_demo)


@pytest.mark.parametrize("host", ["0.0.0.0", "::", "", "192.168.1.5", "nod.example.org", "localhost.evil.example"])
def test_beyond_loopback_needs_tokens_and_no_demo(host: str) -> None:
    with pytest.raises(ConfigError) as without_tokens:
        check_exposure(host, {}, False)
    with pytest.raises(ConfigError) as as_demo:
        check_exposure(host, TOKENS, True)

    assert without_tokens.value.key == as_demo.value.key == "HTTP_HOST"
    check_exposure(host, TOKENS, False)


def test_the_adapter_refuses_to_serve_strangers() -> None:
    with pytest.raises(ConfigError):
        WebAdapter(None, secret_key=KEY, host="0.0.0.0", port=8080, people={})
