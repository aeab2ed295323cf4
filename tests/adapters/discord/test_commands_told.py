"""What is answered, to whom, and what becomes of it when Discord does not take it."""

from __future__ import annotations

import pytest
from structlog.testing import capture_logs

from adapters.discord.commands import FAILED, STALE
from adapters.discord.homes import NO_SERVER
from bot.chat import Place
from bot.errors import BotError, Refused
from tests.adapters.discord.commanding import Desk, desk, team
from tests.adapters.discord.wire import Interaction, Upload
from tests.adapters.discord.wire.faults import CALLBACK, FOLLOWUP
from tests.service.conftest import ledger, settings

__all__ = ["desk", "ledger", "settings", "team"]


async def test_an_answer_is_acknowledged_at_once_and_for_one_person_alone(desk: Desk) -> None:
    made = await desk.used(desk.team.anna, "nod help")
    first = await made.answered()

    assert first.kind == 5
    assert (await made.said()).is_ephemeral
    assert desk.team.said() == []


async def test_who_speaks_and_where_is_what_discord_says(desk: Desk) -> None:
    team = desk.team
    role = team.server.create_role(team.guild, "ops")
    team.server.give_role(team.anna, role)
    thread = team.server.create_thread(team.anna, team.room)

    await team.server.slash(team.anna, thread, "nod show").said()

    place, actor = desk.service.speakers[0]
    assert place == Place("discord", str(team.guild.id), str(team.room.id), str(thread.id))
    assert actor.key == f"{team.scope}/{team.anna.id}"
    assert actor.groups == {str(role.id)}


async def test_in_a_direct_talk_the_rights_are_those_of_the_shared_server(desk: Desk) -> None:
    team = desk.team

    made = team.server.slash(team.anna, team.server.dm(team.anna), "nod approvals")

    assert (await made.said()).text == "Nothing waits for you."
    place, actor = desk.service.speakers[0]
    assert place == Place("discord", str(team.guild.id), f"@{team.anna.id}")
    assert actor.key == f"{team.scope}/{team.anna.id}"


async def test_who_shares_no_server_is_told_so(desk: Desk) -> None:
    stranger = desk.team.server.create_user("mallory")

    made = desk.team.server.slash(stranger, desk.team.server.dm(stranger), "nod help")

    assert (await made.said()).text == NO_SERVER
    assert desk.service.lines == []


async def test_admin_commands_are_not_there_in_a_direct_talk(desk: Desk) -> None:
    with pytest.raises(LookupError):
        desk.team.server.slash(desk.team.admin, desk.team.server.dm(desk.team.admin), "nod-admin help")


async def test_who_is_no_admin_is_refused_by_the_service(desk: Desk) -> None:
    team = desk.team

    made = await desk.used(team.anna, "nod-admin allow", forged=True, who=team.anna, tool="deploy")

    assert (await made.said()).text == "Only admins can do this."
    assert (await made.said()).is_ephemeral


async def test_exactly_one_whom_has_to_be_chosen(desk: Desk) -> None:
    root, team = desk.team.admin, desk.team
    one = "Choose exactly one: a person or role in `who`, or a channel in `channel`."

    none = await desk.use(root, "nod-admin allow", tool="deploy")
    both = await desk.use(root, "nod-admin allow", tool="deploy", who=team.anna, channel=team.room)

    assert (none, both) == (one, one)
    assert desk.service.lines == []


async def test_a_rule_for_everyone_is_refused_in_words(desk: Desk) -> None:
    everyone = desk.team.server.everyone(desk.team.guild)

    told = await desk.use(desk.team.admin, "nod-admin allow", tool="deploy", who=everyone)

    assert told.startswith("Name one person, one group or one channel")


async def test_a_thread_stands_for_its_channel_and_a_private_one_for_itself(desk: Desk) -> None:
    team, root = desk.team, desk.team.admin
    public = team.server.create_thread(team.anna, team.room)
    private = team.server.create_thread(root, team.room, private=True)
    category = team.server.create_channel(team.guild, "offices", kind=4)

    await desk.use(root, "nod-admin show", channel=public)
    await desk.use(root, "nod-admin show", channel=private)
    told = await desk.use(root, "nod-admin show", channel=category)

    assert desk.service.lines == [f"/nod-admin show <#{team.room.id}>", f"/nod-admin show <#{private.id}>"]
    assert told == "Choose a channel: a category has no talk of its own."


@pytest.mark.parametrize(
    ("trouble", "told"),
    [(Refused("not_allowed", "You may not."), "You may not."), (BotError("The store is busy."), "The store is busy.")],
)
async def test_what_is_refused_is_said_in_its_own_words(desk: Desk, trouble: Exception, told: str) -> None:
    desk.service.trouble = trouble

    assert await desk.use(desk.team.anna, "nod show") == told


async def test_what_breaks_is_logged_and_said_without_its_insides(desk: Desk) -> None:
    desk.service.trouble = RuntimeError("secret insides")

    with capture_logs() as logged:
        told = await desk.use(desk.team.anna, "nod show")

    assert told == FAILED
    assert [(one["event"], one["command"]) for one in logged] == [("discord.command_failed", "show")]


# --- interactions that are lost ---------------------------------------------------------------------------------------


@pytest.mark.parametrize(("status", "code"), [(404, 10062), (400, 40060)])
async def test_what_cannot_be_acknowledged_is_not_done(desk: Desk, status: int, code: int) -> None:
    server = desk.team.server
    fault = server.faults.fail(CALLBACK, status, code=code)

    with capture_logs() as logged:
        server.slash(desk.team.anna, desk.team.room, "nod reset-thread")
        await server.until(lambda: fault.hits and logged)

    assert desk.service.lines == []
    assert [(one["event"], one["command"]) for one in logged] == [("discord.command_lost", "reset-thread")]


async def test_what_was_done_stays_done_when_its_answer_is_lost(desk: Desk) -> None:
    team = desk.team
    made: list[Interaction] = []
    desk.service.before = lambda: made[0].expire()

    with capture_logs() as logged:
        made.append(team.server.slash(team.admin, team.room, "nod-admin deny", {"who": team.anna, "tool": "deploy"}))
        await team.server.until(lambda: logged)

    assert [one["event"] for one in logged] == ["private.not_told"]
    assert team.said() == []
    desk.service.before = lambda: None
    assert "deny deploy" in await desk.use(team.admin, "nod-admin show", who=team.anna)


async def test_an_answer_that_is_cut_off_is_dropped(desk: Desk) -> None:
    server = desk.team.server
    server.faults.cut(FOLLOWUP, times=9)

    with capture_logs() as logged:
        server.slash(desk.team.anna, desk.team.room, "nod approvals")
        await server.until(lambda: any(one["event"] == "private.not_told" for one in logged), 20)

    assert desk.service.lines == ["/nod approvals"]
    assert desk.team.said() == []


async def test_a_command_that_is_not_there_any_more_says_so(desk: Desk) -> None:
    desk.client.tree.remove_command("nod")

    made = desk.team.server.slash(desk.team.anna, desk.team.room, "nod help")

    assert (await made.said()).text == STALE
    assert (await made.said()).is_ephemeral


# --- asking -----------------------------------------------------------------------------------------------------------


async def test_a_question_is_handed_over_with_its_file(desk: Desk) -> None:
    team = desk.team
    notes = Upload("notes.txt", b"from a file")

    await team.server.slash(team.anna, team.room, "ask", {"question": "what is this?", "file": notes}).said()
    await team.server.slash(team.anna, team.server.dm(team.anna), "ask", {"question": "and\nthis?"}).said()

    assert desk.asked == [("what is this?", ("from a file",)), ("and\nthis?", ())]


@pytest.mark.parametrize(
    ("trouble", "told", "events"),
    [
        (Refused("too_long", "That is too long."), "That is too long.", []),
        (RuntimeError("insides"), FAILED, ["discord.command_failed"]),
    ],
)
async def test_a_question_that_is_not_taken_is_answered_privately(
    desk: Desk, trouble: Exception, told: str, events: list[str]
) -> None:
    desk.ask_trouble = trouble

    with capture_logs() as logged:
        made = desk.team.server.slash(desk.team.anna, desk.team.room, "ask", {"question": "why?"})
        said = await made.said()

    assert (said.text, said.is_ephemeral) == (told, True)
    assert [one["event"] for one in logged] == events
    assert desk.team.said() == []
