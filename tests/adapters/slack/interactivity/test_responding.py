"""The address that Slack sent along: used where it is Slack's, and never fetched otherwise (row 49)."""

from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from typing import Any

import aiohttp
import pytest
from aiohttp import web
from aiohttp.test_utils import TestServer
from structlog.testing import capture_logs

from adapters.slack.interactivity.responding import Responder

API = "https://slack.com/api/"


@asynccontextmanager
async def receiving(
    answer: Callable[[web.Request], Awaitable[web.StreamResponse]],
) -> AsyncIterator[tuple[str, Responder]]:
    """What stands for Slack, and whoever answers there."""
    app = web.Application()
    app.router.add_route("*", "/{path:.*}", answer)
    async with TestServer(app) as server, aiohttp.ClientSession() as session:
        base = str(server.make_url("/"))
        yield base, Responder(lambda: session, f"{base}api/")


@pytest.mark.parametrize(
    ("address", "is_slack"),
    [
        ("https://hooks.slack.com/actions/T1/1/x", True),
        ("https://HOOKS.slack.com/commands/T1/1/x", True),
        ("https://slack.com/x", True),
        ("http://hooks.slack.com/actions/T1/1/x", False),
        ("https://hooks.slack.com:8443/x", False),
        ("https://hooks.slack.com.nod.example/x", False),
        ("https://hooks.slack.com@nod.example/x", False),
        ("https://nod.example@hooks.slack.com/x", False),
        ("https://hooks.slack.com\\@nod.example/x", False),
        ("https://nod.example/hooks.slack.com", False),
        ("https://nod.example#hooks.slack.com", False),
        ("//hooks.slack.com/x", False),
        ("file:///etc/passwd", False),
        ("http://169.254.169.254/latest", False),
        ("http://[hooks.slack.com/x", False),
        ("hooks.slack.com", False),
        ("", False),
    ],
)
def test_row_49_only_slacks_own_addresses_are_used(address: str, is_slack: bool) -> None:
    responder = Responder(_no_session, API)

    assert responder.may_use(address) is is_slack


@pytest.mark.parametrize("address", ["https://nod.example/x", "http://[nod", "file:///x"])
async def test_row_49_another_address_is_never_fetched_and_noted(address: str) -> None:
    with capture_logs() as logged:
        is_taken = await Responder(_no_session, API).answer(address, {"text": "x"})

    assert not is_taken
    assert [one["event"] for one in logged] == ["response.not_slack"]


async def test_an_answer_is_for_one_person_and_replaces_nothing() -> None:
    bodies: list[dict[str, Any]] = []

    async def take(request: web.Request) -> web.Response:
        bodies.append(await request.json())
        return web.Response(text="ok")

    async with receiving(take) as (base, responder):
        is_taken = await responder.answer(f"{base}commands/1", {"text": "Denied."})

    assert is_taken
    assert bodies == [{"response_type": "ephemeral", "replace_original": False, "text": "Denied."}]


@pytest.mark.parametrize("status", [301, 404, 500])
async def test_an_answer_that_is_not_taken_is_followed_nowhere(status: int) -> None:
    paths: list[str] = []

    async def refuse(request: web.Request) -> web.Response:
        paths.append(request.path)
        return web.Response(status=status, headers={"Location": "/elsewhere"})

    async with receiving(refuse) as (base, responder):
        is_taken = await responder.answer(f"{base}commands/1", {"text": "Denied."})

    assert not is_taken
    assert paths == ["/commands/1"]


async def test_an_address_where_nobody_listens_takes_nothing() -> None:
    async def never(_request: web.Request) -> web.Response:
        raise AssertionError("it is closed")

    async with receiving(never) as (base, _):
        pass
    async with aiohttp.ClientSession() as session:
        assert not await Responder(lambda: session, base).answer(f"{base}x", {"text": "x"})


def _no_session() -> aiohttp.ClientSession:
    raise AssertionError("nothing is fetched")
