"""Which workspaces have installed the bot: kept, found, replaced, forgotten."""

from __future__ import annotations

import asyncio
import stat
import time
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest
from slack_sdk.oauth.installation_store import Installation

from adapters.slack.api.installs import FILE, Installs, is_end_of, open_installs
from adapters.slack.handlers import Body
from adapters.slack.options import Options
from bot.errors import ConfigError

KEY = b"0123456789abcdef0123456789abcdef"


def options(data_dir: Path, **others: Any) -> Options:
    return Options(**{"data_dir": data_dir, "client_id": "1.2", "client_secret": "secret", "secret_key": KEY, **others})


def installation(team: str = "T1", **others: Any) -> Installation:
    given = {
        "app_id": "A1",
        "team_id": team,
        "team_name": f"Team {team}",
        "bot_token": f"xoxb-{team}",
        "bot_id": "B1",
        "bot_user_id": "UBOT",
        "bot_scopes": "chat:write,commands",
        "user_id": "U9",
    }
    return Installation(**{**given, **others})


@pytest.fixture
async def installs(tmp_path: Path) -> AsyncIterator[Installs]:
    async with open_installs(options(tmp_path)) as one:
        yield one


async def test_an_installation_is_found_by_its_workspace(installs: Installs) -> None:
    kept = await installs.keep(installation())

    assert await installs.token_of("T1") == kept
    assert (kept.team, kept.name, kept.token) == ("T1", "Team T1", "xoxb-T1")
    assert (kept.bot_user, kept.bot_id, kept.app_id) == ("UBOT", "B1", "A1")
    assert kept.scopes == {"chat:write", "commands"}
    assert await installs.is_installed("T1")
    assert "xoxb" not in repr(kept)


async def test_other_workspaces_have_none(installs: Installs) -> None:
    await installs.keep(installation())

    assert await installs.token_of("T2") is None
    assert not await installs.is_installed("T2")
    assert not await installs.is_installed("")


async def test_workspaces_of_an_organization_are_found_by_their_own_id(installs: Installs) -> None:
    await installs.keep(installation(enterprise_id="E1", enterprise_name="Corp"))

    assert await installs.is_installed("T1")


async def test_it_is_all_there_after_a_restart_and_no_token_can_be_read_meanwhile(tmp_path: Path) -> None:
    async with open_installs(options(tmp_path)) as before:
        await before.keep(installation("T1"))
        await before.keep(installation("T2"))
        known = await before.all()
    raw = (tmp_path / FILE).read_bytes()
    async with open_installs(options(tmp_path)) as after:
        assert await after.all() == known

    assert [one.team for one in known] == ["T1", "T2"]
    assert b"xoxb" not in raw
    assert stat.S_IMODE((tmp_path / FILE).stat().st_mode) == 0o600


async def test_installed_again_the_new_token_counts_and_the_old_one_is_gone(tmp_path: Path) -> None:
    async with open_installs(options(tmp_path)) as one:
        await one.keep(installation(installed_at=time.time() + 60))  # a clock that was wrong
        await one.keep(installation(bot_token="xoxb-new"))
        tokens = [found.token for found in await one.all()]
    async with open_installs(options(tmp_path)) as again:
        tokens += [found.token for found in await again.all()]

    assert tokens == ["xoxb-new", "xoxb-new"]


async def test_with_another_secret_key_it_does_not_start(tmp_path: Path) -> None:
    async with open_installs(options(tmp_path)) as one:
        await one.keep(installation())

    with pytest.raises(ConfigError) as refused:
        async with open_installs(options(tmp_path, secret_key=KEY[::-1])):
            pass

    assert refused.value.key == "SECRET_KEY"
    assert "put it back" in refused.value.user_message


async def test_another_app_s_installations_are_none_of_ours(tmp_path: Path) -> None:
    async with open_installs(options(tmp_path)) as one:
        await one.keep(installation())

    async with open_installs(options(tmp_path, client_id="3.4")) as other:
        assert await other.all() == []


@pytest.mark.parametrize("how", ["garbage", "folder", "nowhere"])
async def test_a_file_that_cannot_be_used_is_said(how: str, tmp_path: Path) -> None:
    data_dir = tmp_path / "data"
    match how:
        case "garbage":
            data_dir.mkdir()
            (data_dir / FILE).write_bytes(b"no database at all" * 100)
        case "folder":
            (data_dir / FILE).mkdir(parents=True)

    with pytest.raises(ConfigError) as refused:
        async with open_installs(options(data_dir)):
            pass

    assert refused.value.user_message.startswith("DATA_DIR: slack.db in it cannot be used (")


# --- the end of one ---


async def test_a_workspace_that_took_it_away_is_forgotten(tmp_path: Path) -> None:
    async with open_installs(options(tmp_path)) as one:
        await one.keep(installation("T1"))
        await one.keep(installation("T2"))
        await one.forget("T1", at_s=time.time() + 1)
        await one.forget("T3")
    async with open_installs(options(tmp_path)) as again:
        assert [found.team for found in await again.all()] == ["T2"]


async def test_word_of_an_earlier_end_does_not_take_the_new_one(installs: Installs) -> None:
    """Slack sends an event again for up to an hour: the workspace may have installed the bot anew."""
    await installs.keep(installation())

    await installs.forget("T1", at_s=time.time() - 60)

    assert await installs.is_installed("T1")


END = {"type": "tokens_revoked", "tokens": {"oauth": [], "bot": ["UBOT"]}}


@pytest.mark.parametrize(
    ("event", "is_end"),
    [
        ({"type": "app_uninstalled"}, True),
        (END, True),
        ({**END, "tokens": {"oauth": ["U9"], "bot": []}}, False),
        ({**END, "tokens": {"oauth": ["U9"]}}, False),
        ({**END, "tokens": None}, False),
        ({"type": "message"}, False),
        (None, False),
    ],
)
def test_only_the_bot_s_own_end_ends_an_installation(event: Body | None, is_end: bool) -> None:
    assert is_end_of({"type": "event_callback", "event": event}) is is_end


# --- states ---


async def test_a_state_is_good_once(installs: Installs) -> None:
    state = await installs.new_state()

    assert state is not None
    assert [await installs.use_state(state) for _ in range(3)] == [True, False, False]


async def test_of_many_at_once_one_uses_it(installs: Installs) -> None:
    state = await installs.new_state()

    assert state is not None
    used = await asyncio.gather(*(installs.use_state(state) for _ in range(10)))
    assert sorted(used) == [False] * 9 + [True]


@pytest.mark.parametrize(
    "state",
    ["", "another", "' OR 1=1 --", "x" * 10_000, "\ud800"],
    ids=["none", "word", "sql", "long", "half a character"],
)
async def test_a_foreign_state_is_good_for_nothing(state: str, installs: Installs) -> None:
    await installs.new_state()

    assert not await installs.use_state(state)


async def test_a_state_expires(tmp_path: Path) -> None:
    async with open_installs(options(tmp_path), state_s=-1) as one:
        state = await one.new_state()

        assert state is not None
        assert not await one.use_state(state)


async def test_so_many_wait_at_a_time(tmp_path: Path) -> None:
    async with open_installs(options(tmp_path), max_states=3) as one:
        given = [await one.new_state() for _ in range(5)]

    assert [state is None for state in given] == [False, False, False, True, True]


async def test_expired_ones_do_not_wait(tmp_path: Path) -> None:
    async with open_installs(options(tmp_path), state_s=-1) as one:
        for _ in range(3):
            await one.new_state()
    async with open_installs(options(tmp_path), max_states=1) as one:
        assert await one.new_state() is not None
