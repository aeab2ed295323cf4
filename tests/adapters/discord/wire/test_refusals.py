"""What the stand-in refuses that discord.py would not even send, or sends without a look: plain requests."""

from __future__ import annotations

from collections.abc import AsyncIterator
from typing import Any

import aiohttp
import pytest

from tests.adapters.discord.wire import Message
from tests.adapters.discord.wire.components import checked_modal
from tests.adapters.discord.wire.conftest import Team
from tests.adapters.discord.wire.refusals import Refused

V2 = 1 << 15
Body = dict[str, Any]


class Api:
    """The bot by hand: gives status and JSON code, 0 for none."""

    def __init__(self, team: Team, http: aiohttp.ClientSession) -> None:
        self._team = team
        self._http = http

    async def ask(self, method: str, path: str, body: Any = None) -> tuple[int, int]:
        async with self._http.request(method, self._team.server.api_url + path, json=body) as answer:
            found = await answer.json() if answer.content_type == "application/json" else {}
        return answer.status, found.get("code", 0) if isinstance(found, dict) else 0

    async def send(self, body: Body) -> tuple[int, int]:
        return await self.ask("POST", f"/channels/{self._team.room.id}/messages", body)

    async def upload(self, content: bytes) -> tuple[int, int]:
        form = aiohttp.FormData(quote_fields=False)
        form.add_field("payload_json", "{}")
        form.add_field("files[0]", content, filename="a.bin", content_type="application/octet-stream")
        url = f"{self._team.server.api_url}/channels/{self._team.room.id}/messages"
        async with self._http.post(url, data=form) as answer:
            return answer.status, (await answer.json()).get("code", 0)


@pytest.fixture
async def api(team: Team) -> AsyncIterator[Api]:
    async with aiohttp.ClientSession(headers={"Authorization": f"Bot {team.server.token}"}) as http:
        yield Api(team, http)


def text(content: str) -> Body:
    return {"type": 10, "content": content}


def row(*parts: Body) -> Body:
    return {"type": 1, "components": list(parts)}


def button(**fields: Any) -> Body:
    return {"type": 2, "style": 1, "label": "go", "custom_id": "go"} | fields


async def test_request_without_the_token_is_nobodys(team: Team) -> None:
    async with aiohttp.ClientSession() as http:
        assert await Api(team, http).ask("GET", "/users/@me") == (401, 0)


async def test_forty_components_are_the_most(api: Api) -> None:
    assert await api.send({"flags": V2, "components": [text("x")] * 40}) == (200, 0)
    assert await api.send({"flags": V2, "components": [text("x")] * 41}) == (400, 50035)


@pytest.mark.parametrize(
    "components",
    [
        [text("only in V2")],
        [row()],
        [row(*(button(custom_id=str(number)) for number in range(6)))],
        [row(button(custom_id=str(number))) for number in range(6)],
        [row(button(label="x" * 81))],
        [row(button(custom_id=""))],
        [row(button(style=5))],
        [row(button(style=5, url="javascript:x"))],
        [row({"type": 3, "custom_id": "a", "options": []})],
        [row({"type": 3, "custom_id": "a", "options": [{"label": "x" * 101, "value": "x"}]})],
        [row({"type": 3, "custom_id": "a", "options": [{"label": "x", "value": "x"}] * 2})],
    ],
)
async def test_rows_that_are_none_are_refused(api: Api, components: list[Body]) -> None:
    assert await api.send({"content": "x", "components": components}) == (400, 50035)


@pytest.mark.parametrize(
    "components",
    [
        [button()],
        [text("")],
        [{"type": 17, "components": []}],
        [{"type": 17, "components": [{"type": 17, "components": [text("x")]}]}],
        [{"type": 9, "components": [text("x")]}],
        [{"type": 13, "file": {"url": "https://example.org/a.txt"}}],
        [text("x" * 2000), text("x" * 2001)],
    ],
)
async def test_cards_that_are_none_are_refused(api: Api, components: list[Body]) -> None:
    assert await api.send({"flags": V2, "components": components}) == (400, 50035)


async def test_card_stays_a_card(team: Team, api: Api) -> None:
    await api.send({"flags": V2, "components": [text("x")]})
    path = f"/channels/{team.room.id}/messages/{team.room.history[0].id}"

    assert await api.ask("PATCH", path, {"content": "words"}) == (400, 50035)
    assert await api.ask("PATCH", path, {"components": [text("y")]}) == (200, 0)
    assert team.room.history[0].text == "y"


async def test_message_becomes_a_card_only_without_its_words(team: Team, api: Api) -> None:
    await api.send({"content": "words"})
    path = f"/channels/{team.room.id}/messages/{team.room.history[0].id}"
    card: Body = {"flags": V2, "components": [text("x")]}

    assert await api.ask("PATCH", path, card) == (400, 50035)
    assert await api.ask("PATCH", path, card | {"content": None}) == (200, 0)


async def test_message_of_somebody_else_can_be_deleted_but_not_edited(team: Team, api: Api) -> None:
    theirs = team.server.say(team.anna, team.room, "mine")
    path = f"/channels/{team.room.id}/messages/{theirs.id}"

    assert await api.ask("PATCH", path, {"content": "yours"}) == (403, 50005)
    assert await api.ask("DELETE", path) == (403, 50013)
    team.server.set_permissions(team.room, team.server.bot, allow=["manage_messages"])
    assert await api.ask("DELETE", path) == (204, 0)
    assert await api.ask("GET", path) == (404, 10008)


async def test_what_is_too_big_or_of_the_wrong_shape_is_refused(team: Team, api: Api) -> None:
    team.server.world.rules.max_upload_bytes = 1000

    assert await api.upload(b"x" * 1000) == (200, 0)
    assert await api.upload(b"x" * 1001) == (413, 40005)
    assert await api.send({"content": "x", "nonce": "n" * 26, "enforce_nonce": True}) == (400, 50035)
    assert await api.send({"embeds": [{"description": "x" * 4097}]}) == (400, 50035)
    assert await api.send({"content": "x", "message_reference": {"message_id": "1"}}) == (400, 50035)
    assert await api.ask("GET", f"/channels/{team.room.id}/messages?limit=101") == (400, 50035)


async def test_reply_and_history_need_the_right_to_read_it(team: Team, api: Api) -> None:
    first = team.server.say(team.anna, team.room, "hello")
    team.server.set_permissions(team.room, team.server.bot, deny=["read_message_history"])
    path = f"/channels/{team.room.id}/messages"

    assert await api.send({"content": "x", "message_reference": {"message_id": str(first.id)}}) == (400, 160002)
    assert await api.ask("GET", f"{path}/{first.id}") == (403, 50013)
    assert await api.ask("GET", path) == (200, 0)


async def test_archived_thread_can_be_neither_edited_in_nor_joined(team: Team, api: Api) -> None:
    thread = team.server.create_thread(team.anna, team.room)
    await api.ask("POST", f"/channels/{thread.id}/messages", {"content": "x"})
    mine: Message = thread.history[-1]
    team.server.archive(thread)

    assert await api.ask("PATCH", f"/channels/{thread.id}/messages/{mine.id}", {"content": "y"}) == (400, 50083)
    assert await api.ask("PUT", f"/channels/{thread.id}/thread-members/@me") == (400, 50083)


async def test_private_thread_is_hidden_from_those_not_in_it(team: Team, api: Api) -> None:
    thread = team.server.create_thread(team.anna, team.room, private=True)
    before = await api.ask("GET", f"/channels/{thread.id}")

    team.server.say(team.anna, thread, f"{team.server.bot.mention} come in")

    assert before == (403, 50001)
    assert await api.ask("GET", f"/channels/{thread.id}") == (200, 0)


async def test_commands_made_in_a_day_are_counted(team: Team, api: Api) -> None:
    team.server.world.rules.commands_per_day = 2
    path = f"/applications/{team.server.world.app.id}/guilds/{team.guild.id}/commands"
    commands = [{"name": name, "description": "x"} for name in ("a", "b", "c")]

    assert await api.ask("PUT", path, commands[:2]) == (200, 0)
    assert await api.ask("PUT", path, commands[:2]) == (200, 0)
    assert await api.ask("PUT", path, commands) == (400, 30034)
    assert [one["created"] for one in team.server.world.command_writes] == [["a", "b"], []]


@pytest.mark.parametrize(
    "command",
    [
        {"name": "With Space", "description": "x"},
        {"name": "a", "description": ""},
        {"name": "a", "description": "x" * 101},
        {"name": "a", "description": "x", "options": [{"type": 3, "name": "o", "description": "x"}] * 26},
    ],
)
async def test_commands_that_are_none_are_refused(team: Team, api: Api, command: Body) -> None:
    assert await api.ask("POST", f"/applications/{team.server.world.app.id}/commands", command) == (400, 50035)


@pytest.mark.parametrize(
    "change",
    [
        {"title": "x" * 46},
        {"custom_id": ""},
        {"components": []},
        {"components": [text(str(number)) for number in range(6)]},
        {"components": [{"type": 18, "label": "x" * 46, "component": {"type": 4, "custom_id": "a"}}]},
        {"components": [{"type": 4, "custom_id": "a"}]},
        {"components": [{"type": 18, "label": "x", "component": {"type": 4, "custom_id": "a", "max_length": 4001}}]},
    ],
)
def test_modals_that_are_none_are_refused(change: Body) -> None:
    good: Body = {"title": "t", "custom_id": "m", "components": [text("words")]}

    with pytest.raises(Refused):
        checked_modal(good | change)

    assert checked_modal(good)["title"] == "t"


async def test_answers_that_do_not_fit_are_refused(team: Team, api: Api) -> None:
    await api.send({"content": "x", "components": [row(button())]})
    click = team.server.press(team.anna, team.room.history[0], "go")
    path = f"/interactions/{click.id}/{click.token}/callback"

    assert await api.ask("POST", path, {"type": 8, "data": {"choices": []}}) == (400, 50035)
    assert await api.ask("POST", f"{path[:-9]}x/callback", {"type": 6}) == (404, 10062)
    assert await api.ask("POST", path, {"type": 6}) == (204, 0)
    assert await api.ask("POST", path, {"type": 6}) == (400, 40060)
    team.server.world.rules.token_lives_s = 0.0
    assert await api.ask("GET", f"/webhooks/{team.server.world.app.id}/{click.token}/messages/@original") == (
        401,
        50027,
    )
