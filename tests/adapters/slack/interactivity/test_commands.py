"""`/nod` and `/nod-admin`: the words after them, and what is answered to whom."""

from __future__ import annotations

import html

import pytest
from structlog.testing import capture_logs

from adapters.slack.interactivity.interactive import MAYBE_DONE, NOBODY
from bot.config.settings import Settings
from tests.adapters.slack.kit import Team
from tests.adapters.slack.pressing import Desk, running_desk, shown_in
from tests.models.endpoint import ScriptedEndpoint, calls, says


async def used(desk: Desk, user: str, command: str, words: str = "", **fields: object) -> str:
    """What somebody is answered privately, where they used a command."""
    person = getattr(desk.team, user)
    made = desk.team.server.slash(person, desk.team.room, command, words, **fields)
    return "\n".join(shown_in(await made.responded()))


@pytest.mark.parametrize("words", ["", "help", "--help", "-h", " HELP ", "?"])
async def test_help_lists_the_words_and_is_for_one_person_alone(desk: Desk, words: str) -> None:
    made = desk.team.server.slash(desk.team.anna, desk.team.room, "/nod", words)
    await made.responded()

    (only,) = desk.ephemerals(desk.team.anna)
    assert "`/nod explain TOOL" in only
    assert desk.team.server.said() == []
    assert made.responses[0]["response_type"] == "ephemeral"


async def test_words_nobody_knows_are_answered_with_the_closest(desk: Desk) -> None:
    assert "Did you mean `/nod approvals`?" in await used(desk, "anna", "/nod", "aprovals")
    assert "`/nod-admin ask`" in await used(desk, "anna", "/nod", "ask who is this")
    assert "Did you mean `/nod-admin allow`?" in await used(desk, "admin", "/nod-admin", "alow x")


async def test_who_speaks_is_who_slack_says(desk: Desk) -> None:
    assert desk.team.key(desk.team.anna) in await used(desk, "anna", "/nod", "show")


@pytest.mark.parametrize(
    ("words", "kept"),
    [
        ("deny {ben} deploy", "{team}/{ben_id}"),
        ("ask {ops} deploy", "group:{team}/{ops_id}"),
        ("allow {room} deploy", "channel:{team}/{room_id}"),
        ("allow {ben} deploy when version=1 for 2h", "{team}/{ben_id}"),
    ],
)
async def test_mentions_mean_the_ids_that_slack_gave(desk: Desk, words: str, kept: str) -> None:
    """`should_escape`: people, channels and groups come as ids with their names beside."""
    team, slack = desk.team, desk.team.server
    ops = slack.create_group("ops", users=[team.ben])
    line = words.format(
        ben=f"<@{team.ben.id}|ben the builder>", ops=f"<!subteam^{ops.id}|@ops>", room=f"<#{team.room.id}|general>"
    )

    await used(desk, "admin", "/nod-admin", line)
    rules = await desk.rules()

    assert rules == [kept.format(team=f"slack:{team.id}", ben_id=team.ben.id, ops_id=ops.id, room_id=team.room.id)]


@pytest.mark.parametrize(
    ("words", "why"),
    [
        ("deny @ben deploy", "choose the person from the list that opens after `@`"),
        ("deny &ops deploy", "choose the group from the list that opens after `@`"),
        ("deny #general deploy", "choose the channel from the list that opens after `#`"),
        ("deny <mailto:ben@a.example|ben@a.example> deploy", "An e-mail address is nobody here"),
        ("allow <!everyone> deploy", "a rule for everybody is the tool's own default"),
        ("allow <!here|here> deploy", "a rule for everybody is the tool's own default"),
    ],
)
async def test_whom_slack_did_not_recognise_is_asked_for_in_words(desk: Desk, words: str, why: str) -> None:
    assert why in await used(desk, "admin", "/nod-admin", words)
    assert await desk.rules() == []


async def test_a_program_that_was_never_heard_is_given_no_rights(desk: Desk) -> None:
    """Slack is asked who a named person is."""
    robot = desk.team.server.create_user("robot", is_bot=True)

    told = await used(desk, "admin", "/nod-admin", f"allow <@{robot.id}|robot> deploy")

    assert told.startswith("A bot has no rights of its own")
    assert await desk.rules() == []


async def test_a_workspace_without_user_groups_says_so(
    slack_without_groups: Team, settings: Settings, endpoint: ScriptedEndpoint
) -> None:
    async with running_desk(slack_without_groups, settings, endpoint) as desk:
        told = await used(desk, "admin", "/nod-admin", "approver deploy <!subteam^S0123|@ops>")

    assert told.startswith("This workspace's plan of Slack has no user groups")


@pytest.fixture
def slack_without_groups(team: Team) -> Team:
    team.server.team.has_user_groups = False
    return team


async def test_comparisons_are_read_as_they_were_typed(desk: Desk) -> None:
    told = await used(desk, "admin", "/nod-admin", f"allow <@{desk.team.ben.id}> pay when amount&lt;=100")

    assert "when amount<=100." in html.unescape(told)


@pytest.mark.parametrize("who", ["anna", "ben"])
async def test_who_is_no_admin_changes_nothing(desk: Desk, who: str) -> None:
    assert await used(desk, who, "/nod-admin", f"role <@{desk.team.ben.id}> admin") == "Only admins can do this."
    assert await desk.rules() == []


async def test_guests_have_no_words(desk: Desk) -> None:
    guest = desk.team.server.create_user("guest", is_guest=True)
    desk.team.room.members.append(guest.id)

    made = desk.team.server.slash(guest, desk.team.room, "/nod", "show")

    assert shown_in(await made.responded()) == ["You may not talk to this bot; ask an admin."]


async def test_a_command_works_where_the_bot_is_not(desk: Desk) -> None:
    slack, anna = desk.team.server, desk.team.anna
    private = slack.create_channel("private", members=[anna], kind="private", has_bot=False)

    made = slack.slash(anna, private, "/nod", "approvals")

    assert shown_in(await made.responded()) == ["Nothing waits for you."]


async def test_where_slacks_address_takes_nothing_it_is_said_in_the_channel(desk: Desk) -> None:
    slack, anna = desk.team.server, desk.team.anna
    slack.faults.fail("response_url", 500)

    told = await desk.told(slack.slash(anna, desk.team.room, "/nod", "approvals"))

    assert told == "Nothing waits for you."


async def test_row_49_an_answer_goes_to_no_other_address(desk: Desk) -> None:
    slack, anna = desk.team.server, desk.team.anna

    made = slack.slash(anna, desk.team.room, "/nod", "approvals", response_url="http://169.254.169.254/latest")
    told = await desk.told(made)

    assert told == "Nothing waits for you."
    assert slack.calls("response_url") == []


async def test_a_sheet_of_the_audit_comes_as_a_file_directly(desk: Desk, endpoint: ScriptedEndpoint) -> None:
    endpoint.script = [calls(("look", {"n": 1})), says("Seen.")]
    await desk.ask("look")

    told = await used(desk, "admin", "/nod-admin", "audit as=csv")
    await desk.until(lambda: desk.files(desk.team.admin))

    ((name, content),) = desk.files(desk.team.admin)
    assert name == "nod.csv"
    assert content.startswith(b"at,event,")
    assert b"look" in content
    assert "I sent you `nod.csv` directly." in told
    assert desk.files(desk.team.anna) == []


async def test_a_file_that_slack_does_not_take_is_said(desk: Desk, endpoint: ScriptedEndpoint) -> None:
    endpoint.script = [calls(("look", {"n": 1})), says("Seen.")]
    await desk.ask("look")
    desk.team.server.faults.fail("files.getUploadURLExternal", "missing_scope")

    assert "I could not send you `nod.csv`" in await used(desk, "admin", "/nod-admin", "audit as=csv")


@pytest.mark.parametrize("word", ["stop", "reset-thread"])
async def test_words_for_threads_say_that_they_were_not_in_one(desk: Desk, word: str) -> None:
    """Slack has no slash commands in threads."""
    assert f"for what is said in a thread write `@Nod {word}` there" in await used(desk, "anna", "/nod", word)


async def test_where_answers_stand_in_the_channel_stop_needs_no_hint(
    team: Team, settings: Settings, endpoint: ScriptedEndpoint
) -> None:
    async with running_desk(team, settings, endpoint, answers="place") as desk:
        told = await used(desk, "anna", "/nod", "stop")

    assert told == "There is nothing of yours to stop here."


async def test_what_breaks_is_logged_and_said_without_its_insides(desk: Desk) -> None:
    desk.service.trouble = RuntimeError("secret insides")

    with capture_logs() as logged:
        told = await used(desk, "anna", "/nod", "show")

    assert told == MAYBE_DONE
    assert [one["event"] for one in logged if one["log_level"] == "error"] == ["interaction.failed"]


async def test_a_command_of_nobody_is_answered_at_its_address(desk: Desk) -> None:
    assert await used(desk, "anna", "/nod", "show", user_id="") == NOBODY


async def test_a_policy_of_many_lines_is_read_as_it_was_pasted(desk: Desk) -> None:
    pasted = f'policy diff\n[[rule]]\nwho = "{desk.team.key(desk.team.ben)}"\nkind = "allow"\ntool = "deploy"\n'

    told = await used(desk, "admin", "/nod-admin", pasted.replace("&", "&amp;"))

    assert "deploy" in told
