"""`/nod`, `/nod-admin` and `/ask` as Discord is told of them, and what is offered while somebody types."""

from __future__ import annotations

from typing import Any

import pytest
from structlog.testing import capture_logs

from bot.admin.words import ADMINS, EVERYBODY
from tests.adapters.discord.commanding import Desk, desk, team
from tests.service.conftest import ledger, settings

__all__ = ["desk", "ledger", "settings", "team"]


def options_of(level: dict[str, Any]) -> list[dict[str, Any]]:
    """A command, its groups and options, all of them."""
    below = level.get("options") or []
    return [level, *(one for option in below for one in options_of(option))]


def payloads(desk: Desk) -> dict[str, dict[str, Any]]:
    return {one.name: one.to_dict(desk.client.tree) for one in desk.client.tree.get_commands()}


# --- the commands as Discord is told of them --------------------------------------------------------------------------


async def test_every_word_of_the_service_is_a_command(desk: Desk) -> None:
    told = payloads(desk)

    assert [one["name"] for one in told["nod"]["options"]] == list(EVERYBODY)
    assert {one["name"] for one in told["nod-admin"]["options"]} == set(ADMINS)
    assert set(told) == {"nod", "nod-admin", "ask"}


async def test_commands_are_within_the_limits_of_discord(desk: Desk) -> None:
    for command in payloads(desk).values():
        levels = options_of(command)
        sizes = [len(one["name"]) + len(one["description"]) for one in levels]

        assert sum(sizes) <= 8_000
        assert [one["name"] for one in levels if len(one.get("options") or []) > 25] == []
        assert [one["name"] for one in levels if len(one.get("choices") or []) > 25] == []
        assert [one["name"] for one in levels if not (1 <= len(one["name"]) <= 32 and one["name"].islower())] == []
        assert [one["name"] for one in levels if not 1 < len(one["description"]) <= 100] == []
        assert [one["description"] for one in levels if one["description"].endswith("…")] == []


async def test_admin_commands_are_for_servers_and_shown_to_who_manages_them(desk: Desk) -> None:
    told = payloads(desk)

    assert (told["nod-admin"]["contexts"], told["nod-admin"]["default_member_permissions"]) == ([0], 32)
    assert (told["nod"]["contexts"], told["nod"]["default_member_permissions"]) == ([0, 1], None)
    assert (told["ask"]["contexts"], told["ask"]["default_member_permissions"]) == ([0, 1], None)
    assert [one["integration_types"] for one in told.values()] == [[0], [0], [0]]


# --- what is offered while somebody types -----------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("path", "option", "typed", "offered"),
    [
        ("nod-admin allow", "tool", "de", ["deploy"]),
        ("nod-admin allow", "tool", "pay, de", ["pay, deploy"]),
        ("nod-admin audit", "tool", "de", ["deploy"]),
        ("nod-admin allow", "for", "", ["2h", "1d", "7d"]),
        ("nod-admin allow", "for", "1", ["1d"]),
        ("nod-admin role", "role", "ad", ["admin"]),
        ("nod-admin approver", "rule", "requester", ["requester"]),
        ("nod-admin approver", "rule", "2 of adm", ["2 of admin"]),
        ("nod-admin simulate", "change", "al", ["allow"]),
        ("nod-admin simulate", "change", "ask <@1> dep", ["ask <@1> deploy"]),
        ("nod-admin revoke", "id", "", []),
        ("nod approve", "id", "", []),
        ("nod approve", "for", "", ["run", "thread", "8h", "always"]),
        ("nod approve", "for", "al", ["always"]),
        ("nod explain", "tool", "dep", ["deploy"]),
        ("nod model", "label", "", ["m", "usual"]),
        ("nod explain", "tool", "x" * 200, []),
    ],
)
async def test_the_service_completes_an_option(
    desk: Desk, path: str, option: str, typed: str, offered: list[str]
) -> None:
    assert await desk.offered(desk.team.admin, path, option, typed) == offered


async def test_nothing_is_offered_where_anything_is_in_the_way(desk: Desk) -> None:
    desk.service.trouble = RuntimeError("broken")

    with capture_logs() as logged:
        offered = await desk.offered(desk.team.admin, "nod explain", "tool", "dep")

    assert offered == []
    assert [one["event"] for one in logged] == ["discord.completion_failed"]
