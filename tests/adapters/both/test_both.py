"""One bot on Slack and Discord: what is asked for on one is decided on the other, by the same person or by none."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path

import pytest

from adapters.discord import DiscordAdapter
from adapters.slack import SlackAdapter
from bot.app import App
from bot.chat import Actor, Place
from bot.config.settings import Settings
from bot.errors import ConfigError
from tests.adapters.discord import kit as discord_kit
from tests.adapters.discord.approving import ask, told
from tests.adapters.discord.wire import Channel, running_discord
from tests.adapters.opening import at_work, opened
from tests.adapters.slack import kit as slack_kit
from tests.adapters.slack.doors import options_of
from tests.adapters.slack.wire import Channel as SlackChannel
from tests.adapters.slack.wire import running_slack
from tests.adapters.tools import settings_with_tools
from tests.models.endpoint import ScriptedEndpoint, calls, says


@dataclass
class Both:
    """A workspace and a server with one bot. Anna is in both; `desk` and `counter` are where each side is
    shown what waits on the other."""

    slack: slack_kit.Team
    discord: discord_kit.Team
    desk: Channel
    counter: SlackChannel
    app: App

    @property
    def anna_here(self) -> str:
        return self.slack.key(self.slack.anna)

    @property
    def anna_there(self) -> str:
        return f"{self.discord.scope}/{self.discord.anna.id}"

    async def link(self) -> None:
        """An admin of each side says that Anna is the same person on both."""
        slack, discord = self.slack.server, self.discord
        words = f"link {self.anna_here} {self.anna_there}"
        said = slack.slash(self.slack.admin, self.slack.room, "/nod-admin", words)
        await said.responded()
        place = Place("discord", str(discord.guild.id), str(discord.room.id))
        admin = Actor("discord", str(discord.guild.id), str(discord.admin.id), "root")
        await self.app.service.command(place, admin, words, is_admin=True)


@pytest.fixture
async def both(tmp_path: Path, endpoint: ScriptedEndpoint) -> AsyncIterator[Both]:
    async with running_slack() as slack_server, running_discord() as discord_server:
        slack, discord = slack_kit.team_of(slack_server), discord_kit.team_of(discord_server)
        desk = discord_server.create_channel(discord.guild, "approvals")
        counter = slack_server.create_channel("approvals", members=[slack.anna, slack.admin])
        settings = settings_with_tools(tmp_path).model_copy(
            update={
                "adapters": ("slack", "discord"),
                "admins": (slack.key(slack.admin), f"{discord.scope}/{discord.admin.id}"),
                "approvals_channels": (
                    f"{slack.scope}>{discord.scope}/{desk.id}",
                    f"{discord.scope}>{slack.scope}/{counter.id}",
                ),
            }
        )
        async with _running(slack, discord, settings, endpoint) as app:
            yield Both(slack, discord, desk, counter, app)
        assert slack_server.errors == []
        assert discord_server.errors == []


@asynccontextmanager
async def _running(
    slack: slack_kit.Team, discord: discord_kit.Team, settings: Settings, endpoint: ScriptedEndpoint
) -> AsyncIterator[App]:
    failures: list[ConfigError] = []
    adapters = (
        SlackAdapter(options_of(slack.server, settings.data_dir), failed=failures.append),
        DiscordAdapter(discord_kit.options_of(discord, settings), failed=failures.append),
    )
    ready = lambda: slack.server.until(lambda: all(one.state() == "ok" for one in adapters))  # noqa: E731
    async with opened(settings, endpoint) as app, at_work(app, *adapters, connected=ready):
        yield app
    assert failures == []


async def test_a_linked_person_approves_on_the_other_platform_and_both_cards_follow(
    both: Both, endpoint: ScriptedEndpoint, ledger: Callable[[], list[str]]
) -> None:
    endpoint.script = [calls(("deploy", {"version": "7"})), says("It is out.")]
    await both.link()

    both.slack.ask("deploy 7")
    here = await both.slack.card()
    there = await both.discord.card()
    both.discord.server.press(both.discord.anna, there, "Approve")
    await both.slack.answer("It is out.")
    await both.slack.server.until(lambda: not here.labels and "Approve" not in there.labels)

    assert there.channel_id == both.desk.id
    assert ledger() == ["7"]
    assert "Approved" in here.shown
    assert "Approved" in there.text
    assert both.slack.answers() == ["It is out."]


async def test_what_is_asked_for_on_discord_is_approved_on_slack(
    both: Both, endpoint: ScriptedEndpoint, ledger: Callable[[], list[str]]
) -> None:
    endpoint.script = [calls(("deploy", {"version": "7"})), says("It is out.")]
    await both.link()

    ask(both.discord, "deploy 7")
    here = await both.discord.card()
    there = await both.slack.card()
    both.slack.server.press(both.slack.anna, there, "Approve")
    await both.discord.answer("It is out.")
    await both.slack.server.until(lambda: not there.labels and "Approve" not in here.labels)

    assert there.channel == both.counter.id
    assert ledger() == ["7"]
    assert "Approved" in there.shown
    assert "Approved" in here.text


async def test_whoever_is_not_linked_decides_nothing_there(
    both: Both, endpoint: ScriptedEndpoint, ledger: Callable[[], list[str]]
) -> None:
    endpoint.script = [calls(("deploy", {"version": "7"})), says("It is out.")]

    both.slack.ask("deploy 7")
    here = await both.slack.card()
    there = await both.discord.card()
    refusal = await told(both.discord, both.discord.server.press(both.discord.anna, there, "Approve"))

    assert refusal == "This can only be decided where it was asked for."
    assert ledger() == []
    assert "Approve" in here.labels


async def test_what_is_decided_first_counts_wherever_the_second_click_comes(
    both: Both, endpoint: ScriptedEndpoint, ledger: Callable[[], list[str]]
) -> None:
    endpoint.script = [calls(("deploy", {"version": "7"})), says("It is out.")]
    await both.link()

    both.slack.ask("deploy 7")
    here = await both.slack.card()
    there = await both.discord.card()
    both.slack.server.press(both.slack.anna, here, "Approve")
    deny = both.discord.server.press(both.discord.anna, there, "Deny")
    await both.slack.server.until(lambda: not here.labels and "Approve" not in there.labels)
    await both.app.service.idle()

    is_approved = "Approved" in here.shown
    assert ledger() == (["7"] if is_approved else [])
    assert ("Approved" if is_approved else "Denied") in there.text
    if is_approved:
        assert "already approved by anna" in await told(both.discord, deny)
