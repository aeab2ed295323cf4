"""Slack over HTTP: signed or 401, readable or 400, kept or 500."""

from __future__ import annotations

import asyncio
import json
import random
import time
from collections.abc import AsyncIterator
from dataclasses import dataclass
from typing import Any
from urllib.parse import quote, urlencode, urlsplit

import aiohttp
import pytest
import structlog

from adapters.slack.door.app import SlackApp
from adapters.slack.door.http import MAX_BODY, PATH, HttpDoor
from adapters.slack.door.signatures import Signatures
from bot.errors import StoreBusy
from tests.adapters.slack.doors import Noting, serving, until
from tests.adapters.slack.wire import SlackServer
from tests.adapters.slack.wire.hooks import Hooks

FORM, JSON = "application/x-www-form-urlencoded", "application/json"
BODY = json.dumps({"type": "event_callback", "team_id": "T1", "event": {"type": "message", "text": "hello"}})


@dataclass
class Site:
    """A bot that Slack posts to, and somebody who posts whatever they like."""

    url: str
    handlers: Noting
    app: SlackApp
    hooks: Hooks
    client: aiohttp.ClientSession

    async def post(self, body: str | bytes, *, kind: str = JSON, headers: Any = None, **more: str) -> int:
        """Post it as Slack would sign it, or with these headers."""
        content = body.encode() if isinstance(body, str) else body
        signed = self.hooks.signed(content.decode("utf-8", "replace")) if headers is None else headers
        given = [("content-type", kind), *(signed.items() if isinstance(signed, dict) else signed), *more.items()]
        async with self.client.post(self.url, data=content, headers=given) as answer:
            return answer.status


@pytest.fixture
async def site(slack: SlackServer) -> AsyncIterator[Site]:
    handlers = Noting()
    app = SlackApp(handlers)
    door = HttpDoor(app, Signatures(slack.signing_secret))
    async with serving(door.routes()) as base, aiohttp.ClientSession() as client:
        yield Site(base + PATH, handlers, app, slack.deliver_to(base + PATH), client)
        await app.close()


# --- what Slack posts ---


async def test_messages_are_kept_before_they_are_acknowledged(site: Site, slack: SlackServer) -> None:
    anna = slack.create_user("anna")
    room = slack.create_channel("general", members=[anna])

    slack.say(anna, room, f"{slack.bot.mention} hello")
    await slack.until(lambda: len(slack.events) == 2 and all(sent.is_acked for sent in slack.events))

    assert [body["event"]["type"] for body in site.handlers.bodies("keep")] == ["message", "app_mention"]
    assert [body["event_id"] for body in site.handlers.bodies("keep")] == [one.body["event_id"] for one in slack.events]
    assert site.handlers.retries == [0, 0]


async def test_the_address_is_verified_with_its_challenge(site: Site) -> None:
    assert await site.hooks.verify_url() == (200, '{"challenge": "a-challenge"}')
    assert site.handlers.calls == []


async def test_an_event_that_could_not_be_kept_comes_again(site: Site, slack: SlackServer) -> None:
    """At once, within the same second: with the very same signature."""
    slack.world.rules.retry_delays_s = (0.0, 0.0, 0.0)
    refusals = iter([StoreBusy("full"), StoreBusy("full")])

    async def before(_name: str) -> None:
        if (error := next(refusals, None)) is not None:
            raise error

    site.handlers.before = before
    slack.direct(slack.create_user("anna"), "hello")
    await slack.until(lambda: slack.events[-1].is_acked)

    assert [attempt.outcome for attempt in slack.events[-1].attempts] == ["http_error", "http_error", "acked"]
    assert (site.handlers.retries, site.handlers.names) == ([0, 1, 2], ["keep"])


async def test_commands_presses_and_forms_are_acknowledged(site: Site, slack: SlackServer) -> None:
    anna = slack.create_user("anna")
    room = slack.create_channel("general", members=[anna])
    site.handlers.answer = {"response_action": "errors", "errors": {"reason": "Say why."}}
    view = {"type": "modal", "callback_id": "nod:edit", "title": {"type": "plain_text", "text": "Edit"}, "blocks": []}

    command = await slack.slash(anna, room, "/nod", "show <@U1>").acked()
    shortcut = await slack.shortcut(anna, "nod_approvals").acked()
    submitted = {"type": "view_submission", "team": {"id": "T1"}, "user": {"id": anna.id}, "view": view}
    sent = slack.delivery.send("interactive", submitted)
    await slack.until(lambda: sent.is_acked)

    assert (command.body, shortcut.body, sent.answer) == ({}, {}, site.handlers.answer)
    assert site.handlers.names == ["command", "shortcut", "submit"]
    assert site.handlers.bodies("command")[0]["text"] == "show <@U1>"


async def test_nothing_is_acknowledged_once_it_stops(site: Site) -> None:
    site.app.stop_taking()

    assert await site.post(BODY) == 503


# --- rows 31 to 34 ---


async def test_row_31_signatures_that_are_missing_wrong_or_twice(site: Site) -> None:
    right = site.hooks.signed(BODY)
    name, signature = "x-slack-signature", right["x-slack-signature"]
    rest = {"x-slack-request-timestamp": right["x-slack-request-timestamp"]}
    wrong: list[Any] = [
        {},
        rest,
        {name: signature},
        {**rest, name: ""},
        {**rest, name: "v1" + signature.removeprefix("v0")},
        {**rest, name: signature[:-1]},
        {**rest, name: "v0=" + signature.removeprefix("v0=").upper()},
        [*right.items(), (name, signature)],
        [*right.items(), (name, "v0=" + "0" * 64)],
        [*right.items(), *rest.items()],
    ]

    assert [await site.post(BODY, headers=headers) for headers in wrong] == [401] * len(wrong)
    assert site.handlers.calls == []


async def test_row_32_timestamps_that_are_stale_or_none(site: Site) -> None:
    now = int(time.time())
    fullwidth = "".join(chr(ord(digit) + 0xFEE0) for digit in str(now))
    stamps = [str(now - 302), str(now + 302), "1e9", fullwidth, "", f"{now}.0", f"+{now}"]
    headers = [
        {"x-slack-request-timestamp": stamp, "x-slack-signature": site.hooks.signature(BODY, stamp)} for stamp in stamps
    ]

    assert [await site.post(BODY, headers=one) for one in headers] == [401] * len(stamps)
    assert site.handlers.calls == []


READABLE = json.dumps({"type": "event_callback"})
ROW_33 = {
    "no JSON": ("{", JSON),
    "empty": ("", JSON),
    "a list": ("[]", JSON),
    "a word": ('"event_callback"', JSON),
    "a form that says it is JSON": ("payload=%7B%7D", JSON),
    "nested too deep": ("[" * 100_000, JSON),
    "an endless number": ('{"a": ' + "9" * 10_000 + "}", JSON),
    "a form without payload": ("a=b", FORM),
    "an empty form": ("", FORM),
    "JSON that says it is a form": (READABLE, FORM),
    "a payload that is no JSON": ("payload=%7B", FORM),
    "a payload that is no object": ("payload=%5B%5D", FORM),
    "two payloads": ("payload=%7B%7D&payload=%7B%7D", FORM),
    "a payload in another charset": ("payload=%FF", FORM),
    "a thousand fields": ("&".join(f"a{number}=b" for number in range(1_000)), FORM),
    "another charset": (READABLE, f"{JSON}; charset=utf-16"),
    "an unknown charset": (READABLE, f"{JSON}; charset=klingon"),
    "text": (READABLE, "text/plain"),
    "no type": (READABLE, "application/octet-stream"),
}


@pytest.mark.parametrize(("body", "kind"), ROW_33.values(), ids=ROW_33.keys())
async def test_row_33_what_is_signed_and_cannot_be_read_is_refused_with_one_line(
    body: str, kind: str, site: Site
) -> None:
    with structlog.testing.capture_logs() as lines:
        status = await site.post(body, kind=kind)

    assert (status, site.handlers.calls) == (400, [])
    assert [line["event"] for line in lines] == ["slack.unreadable"]


async def test_what_cannot_be_read_need_not_come_again(site: Site) -> None:
    headers = {"content-type": JSON, **site.hooks.signed("{")}

    async with site.client.post(site.url, data="{", headers=headers) as answer:
        assert (answer.status, answer.headers["x-slack-no-retry"]) == (400, "1")


@pytest.mark.parametrize("charset", ["utf-8", "UTF-8", '"utf8"'])
async def test_slack_s_own_charset_is_read(charset: str, site: Site) -> None:
    assert await site.post(BODY, kind=f"{JSON}; charset={charset}") == 200


async def test_row_34_an_unsigned_verification_is_refused(site: Site) -> None:
    body = json.dumps({"type": "url_verification", "challenge": "a-challenge"})

    assert await site.post(body, headers={}) == 401
    assert await site.post("ssl_check=1&token=x", kind=FORM, headers={}) == 401


async def test_a_request_that_was_taken_is_refused_when_it_is_replayed(site: Site) -> None:
    headers = site.hooks.signed(BODY)

    assert [await site.post(BODY, headers=headers) for _ in range(3)] == [200, 401, 401]
    assert site.handlers.names == ["keep"]


async def test_of_many_copies_at_once_one_is_taken(site: Site) -> None:
    headers = site.hooks.signed(BODY)

    statuses = await asyncio.gather(*(site.post(BODY, headers=headers) for _ in range(20)))

    assert sorted(statuses) == [200] + [401] * 19
    assert site.handlers.names == ["keep"]


async def test_a_body_that_is_too_large_is_refused(site: Site) -> None:
    body = json.dumps({"type": "event_callback", "text": "x" * MAX_BODY})

    async def in_pieces() -> AsyncIterator[bytes]:
        yield body.encode()

    declared = await site.post(body)
    headers = {"content-type": JSON, **site.hooks.signed(body)}
    async with site.client.post(site.url, data=in_pieces(), headers=headers) as answer:
        undeclared = answer.status

    assert (declared, undeclared, site.handlers.calls) == (413, 413, [])


async def test_unsigned_bodies_are_not_read_at_all(site: Site) -> None:
    """The answer comes while the body is still on its way."""
    may_end = asyncio.Event()

    async def slowly() -> AsyncIterator[bytes]:
        yield b"{"
        await may_end.wait()

    async with site.client.post(site.url, data=slowly(), headers={"content-type": JSON}) as answer:
        assert answer.status == 401
        may_end.set()


@pytest.mark.parametrize("packed", ["gzip", "deflate"])
async def test_a_body_that_is_packed_is_refused(packed: str, site: Site) -> None:
    headers = {**site.hooks.signed(BODY), "content-encoding": packed}

    assert await site.post(BODY, headers=headers) == 401
    assert site.handlers.calls == []


async def test_a_body_that_ends_in_the_middle_is_refused(site: Site) -> None:
    signed = "".join(f"{name}: {value}\r\n" for name, value in site.hooks.signed(BODY).items())
    address = urlsplit(site.url)
    with structlog.testing.capture_logs() as lines:
        _reader, writer = await asyncio.open_connection(address.hostname, address.port)
        writer.write(f"POST {PATH} HTTP/1.1\r\nHost: nod\r\n{signed}Content-Length: 900\r\n\r\n{{".encode())
        await writer.drain()
        await asyncio.sleep(0)
        writer.close()
        await writer.wait_closed()
        await until(lambda: lines)

    assert [line["event"] for line in lines] == ["slack.request_refused"]
    assert site.handlers.calls == []


async def test_refusals_are_counted_and_told_ever_more_rarely(site: Site) -> None:
    with structlog.testing.capture_logs() as lines:
        for _ in range(10):
            await site.post(BODY, headers={})

    assert [(line["event"], line["count"]) for line in lines] == [("slack.request_refused", n) for n in (1, 2, 4, 8)]


async def test_only_posts_are_served(site: Site) -> None:
    async with site.client.get(site.url) as answer:
        assert answer.status == 405


async def test_hundreds_of_altered_requests_are_all_refused(site: Site) -> None:
    """The bulk of them is in the tests of the check itself."""
    dice = random.Random(33)
    payload = json.dumps({"type": "block_actions", "actions": [{"action_id": "nod:approve:1"}]})
    bodies = [(BODY, JSON), (urlencode({"payload": payload}), FORM), (f"command=%2Fnod&text={quote('stop')}", FORM)]
    statuses = []
    for _ in range(300):
        body, kind = dice.choice(bodies)
        headers = site.hooks.signed(body)
        changed = bytearray(body.encode())
        match dice.randrange(3):
            case 0:
                place = dice.randrange(len(changed))
                changed[place] = dice.choice([byte for byte in range(32, 127) if byte != changed[place]])
            case 1:
                headers["x-slack-request-timestamp"] = str(int(headers["x-slack-request-timestamp"]) + 1)
            case 2:
                signature = headers["x-slack-signature"]
                place = dice.randrange(3, len(signature))
                other = dice.choice([digit for digit in "0123456789abcdef" if digit != signature[place]])
                headers["x-slack-signature"] = signature[:place] + other + signature[place + 1 :]
        statuses.append(await site.post(bytes(changed), kind=kind, headers=headers))

    assert statuses == [401] * 300
    assert site.handlers.calls == []
