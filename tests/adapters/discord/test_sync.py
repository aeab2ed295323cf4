"""Discord is told of the commands once, and again only when they have changed."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import discord
import pytest
from discord import app_commands
from structlog.testing import capture_logs

from adapters.discord.sync import commands_hash, sync_if_changed
from bot.config.settings import Settings
from tests.adapters.discord.kit import running_nod, settings_of, team_of
from tests.adapters.discord.wire import DiscordServer, pointed_at, running_discord
from tests.adapters.discord.wire.faults import SYNC
from tests.models.endpoint import ScriptedEndpoint
from tests.service.conftest import settings

__all__ = ["settings"]

HASH = """
import discord
from adapters.discord.commands import add_commands
from adapters.discord.sync import commands_hash
tree = discord.app_commands.CommandTree(discord.Client(intents=discord.Intents.none()))
add_commands(tree, service=None, where=None, ask=None)
print(commands_hash(tree))
"""


class Kept:
    """The file in which is noted what Discord was told."""

    def __init__(self, path: Path) -> None:
        self.path = path

    def read(self) -> str:
        return self.path.read_text("utf-8") if self.path.exists() else ""

    def write(self, text: str) -> None:
        self.path.write_text(text, "utf-8")


@pytest.fixture
def kept(tmp_path: Path) -> Kept:
    return Kept(tmp_path / "discord-commands.json")


@pytest.fixture
async def server() -> AsyncIterator[DiscordServer]:
    async with running_discord() as server:
        yield server


@asynccontextmanager
async def tree_of(server: DiscordServer, *names: str) -> AsyncIterator[app_commands.CommandTree[discord.Client]]:
    """The tree of a client that has logged in, with these commands."""
    with pointed_at(server):
        async with discord.Client(intents=discord.Intents.none()) as client:
            tree = app_commands.CommandTree(client)
            for name in names:
                tree.add_command(app_commands.Group(name=name, description="what it is for"))
            await client.login(server.token)
            yield tree


async def test_the_same_commands_are_told_once(server: DiscordServer, kept: Kept) -> None:
    async with tree_of(server, "one", "two") as tree:
        first = await sync_if_changed(tree, read=kept.read, write=kept.write)
    async with tree_of(server, "two", "one") as tree:
        second = await sync_if_changed(tree, read=kept.read, write=kept.write)

    assert (first, second) == (True, False)
    assert [sorted(one["names"]) for one in server.world.command_writes] == [["one", "two"]]


async def test_changed_commands_are_told_again(server: DiscordServer, kept: Kept) -> None:
    async with tree_of(server, "one") as tree:
        await sync_if_changed(tree, read=kept.read, write=kept.write)
    async with tree_of(server, "one", "two") as tree:
        assert await sync_if_changed(tree, read=kept.read, write=kept.write)

    assert [one["names"] for one in server.world.command_writes] == [["one"], ["one", "two"]]


async def test_each_application_is_told_by_itself(server: DiscordServer, kept: Kept) -> None:
    async with tree_of(server, "one") as tree:
        kept.write(json.dumps({"5": commands_hash(tree)}))
        assert await sync_if_changed(tree, read=kept.read, write=kept.write)

        assert json.loads(kept.read()) == {"5": commands_hash(tree), str(server.world.app.id): commands_hash(tree)}


@pytest.mark.parametrize("text", ["", "{", "[]", '{"5": 7}', "null"])
async def test_a_damaged_note_is_as_good_as_none(server: DiscordServer, kept: Kept, text: str) -> None:
    kept.write(text)

    async with tree_of(server, "one") as tree:
        assert await sync_if_changed(tree, read=kept.read, write=kept.write)
        assert not await sync_if_changed(tree, read=kept.read, write=kept.write)


@pytest.mark.parametrize(("status", "code"), [(403, 50001), (400, 50035), (400, 30034), (503, 0)])
async def test_a_refusal_is_logged_and_tried_again_at_the_next_start(
    server: DiscordServer, kept: Kept, status: int, code: int
) -> None:
    server.faults.fail(SYNC, status, code=code)

    async with tree_of(server, "one") as tree:
        with capture_logs() as logged:
            refused = await sync_if_changed(tree, read=kept.read, write=kept.write)
        taken = await sync_if_changed(tree, read=kept.read, write=kept.write)

    assert (refused, taken) == (False, True)
    assert [one["event"] for one in logged] == ["commands.not_synced"]
    assert kept.read() != ""


async def test_a_limit_that_lasts_does_not_hold_the_start(server: DiscordServer, kept: Kept) -> None:
    server.faults.limit(SYNC, retry_after_s=3_600)

    await assert_given_up(server, kept)


async def test_a_failing_discord_does_not_hold_the_start(server: DiscordServer, kept: Kept) -> None:
    server.faults.fail(SYNC, 502, times=5)

    await assert_given_up(server, kept)


async def assert_given_up(server: DiscordServer, kept: Kept) -> None:
    async with tree_of(server, "one") as tree:
        with capture_logs() as logged:
            told = await sync_if_changed(tree, read=kept.read, write=kept.write, timeout_s=0.2)

    assert not told
    assert [(one["event"], one["error"]) for one in logged] == [("commands.not_synced", "TimeoutError")]
    assert kept.read() == ""


async def test_a_note_that_cannot_be_written_does_not_stop_the_start(server: DiscordServer, tmp_path: Path) -> None:
    gone = Kept(tmp_path / "no folder" / "commands.json")

    async with tree_of(server, "one") as tree:
        with capture_logs() as logged:
            assert await sync_if_changed(tree, read=gone.read, write=gone.write)

    assert [one["event"] for one in logged] == ["commands.not_noted", "commands.synced"]


async def test_a_client_that_has_not_logged_in_tells_nothing(kept: Kept) -> None:
    async with discord.Client(intents=discord.Intents.none()) as client:
        assert not await sync_if_changed(app_commands.CommandTree(client), read=kept.read, write=kept.write)


async def test_a_bot_that_starts_again_tells_nothing_new(
    server: DiscordServer, settings: Settings, endpoint: ScriptedEndpoint
) -> None:
    team = team_of(server)
    settings = settings_of(team, settings)

    async with running_nod(team, settings, endpoint):
        made = server.slash(team.anna, team.room, "nod approvals")
        said = await made.said()
    async with running_nod(team, settings, endpoint):
        pass

    assert (said.text, said.is_ephemeral) == ("Nothing waits for you.", True)
    assert [sorted(one["names"]) for one in server.world.command_writes] == [["ask", "nod", "nod-admin"]]
    assert server.errors == []


def test_the_digest_is_the_same_in_every_process() -> None:
    made = {
        subprocess.run(
            [sys.executable, "-W", "ignore", "-c", HASH],
            capture_output=True,
            text=True,
            check=True,
            env={"PYTHONHASHSEED": seed, "PYTHONPATH": str(Path(__file__).parents[3])},
        ).stdout
        for seed in ("1", "2")
    }

    assert len(made) == 1
    assert len(made.pop().strip()) == 64
