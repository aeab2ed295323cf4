"""The bad inputs of admins, rows 51 to 54 of the table: ids only, exact names, deny wins, an admin remains."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from bot.chat import Actor
from tests.admin.kit import SLACK_PLACE, at, rules
from tests.models.endpoint import ScriptedEndpoint, calls, says
from tests.service.kit import ALICE, ROOT, Bench

# --- 51: to whom ---


@pytest.mark.parametrize(
    ("platform", "who", "why"),
    [
        ("slack", "bob", "Names can be taken by anybody"),
        ("slack", "@bob", "choose the person from the list that opens after `@`"),
        ("slack", "#general", "choose the channel from the list that opens after `#`"),
        ("slack", "&ops", "choose the group from the list that opens after `@`"),
        ("slack", "bob@example.com", "An e-mail address is nobody here"),
        ("slack", "<mailto:bob@example.com|bob@example.com>", "Name exactly one person"),
        ("slack", "<@U1><@U2>", "Name exactly one person"),
        ("slack", "<@U1>,<@U2>", "Name exactly one person"),
        ("slack", "<@U1> <@U2>", "There is no tool '<@U2> deploy'"),
        ("slack", "everyone", "Name one person, one group or one channel"),
        ("slack", "<!everyone>", "Name exactly one person"),
        ("slack", "<!channel>", "Name exactly one person"),
        ("slack", "<!here|here>", "Name exactly one person"),
        ("slack", "<@UBOT>", "A bot has no rights of its own"),
        ("slack", "slack:T1/UBOT", "A bot has no rights of its own"),
        ("slack", "slack:T2/U9", "belongs to another workspace"),
        ("slack", "web:alice", "belongs to another workspace"),
        ("slack", "group:slack:T2/S1", "belongs to another workspace"),
        ("web", "alice@example.com", "An e-mail address is nobody here"),
        ("web", "@alice,@bob", "Name exactly one person"),
        ("web", "everyone", "Name one person, one group or one channel"),
        ("web", "@everyone", "Name one person, one group or one channel"),
        ("web", "@here", "Name one person, one group or one channel"),
        ("web", "*", "Name one person, one group or one channel"),
        ("web", "web:*", "Name one person, one group or one channel"),
        ("web", "nod", "A bot has no rights of its own"),
        ("web", "@Nod", "A bot has no rights of its own"),
        ("web", "slack:T1/U1", "belongs to another workspace"),
        ("web", "web:elsewhere/alice", "belongs to another workspace"),
        ("web", "a\u202eb", "is nobody I know"),
    ],
)
@pytest.mark.parametrize("verb", ["allow", "ask", "deny"])
async def test_row_51_a_right_is_given_to_exactly_one_id(
    one: Bench, platform: str, who: str, why: str, verb: str
) -> None:
    said = await at(one, platform, f"{verb} {who} deploy")

    assert why in said
    assert await rules(one) == []


@pytest.mark.parametrize(
    ("platform", "who", "subject"),
    [
        ("web", "@alice", "web:alice"),
        ("web", "alice", "web:alice"),
        ("web", "web:alice", "web:alice"),
        ("web", "&ops", "group:web:ops"),
        ("web", "#general", "channel:web:general"),
        ("slack", "<@U2>", "slack:T1/U2"),
        ("slack", "<@U2|alice>", "slack:T1/U2"),
        ("slack", "slack:T1/U2", "slack:T1/U2"),
        ("slack", "<!subteam^S1|@ops>", "group:slack:T1/S1"),
        ("slack", "<#C1|general>", "channel:slack:T1/C1"),
    ],
)
async def test_row_51_twin_an_id_is_taken_as_it_is(one: Bench, platform: str, who: str, subject: str) -> None:
    await at(one, platform, f"allow {who} deploy")

    assert await rules(one) == [(subject, "allow", "deploy", "")]


async def test_row_51_a_name_that_looks_like_another_is_said_to_be_unknown(one: Bench) -> None:
    await one.service.met(ALICE)
    said = await at(one, "web", "allow аlice deploy")  # the first letter is Cyrillic

    assert "I have not met web:аlice yet. Did you mean web:alice?" in said


@pytest.mark.parametrize("role", ["everyone", "admins", "members", "requester", "none", "Admin", "*", "a b", "x" * 41])
async def test_row_51_a_role_is_one_plain_word_and_none_of_ours(one: Bench, role: str) -> None:
    said = await at(one, "web", f"role @alice {role}")

    assert said.startswith("A role is one word")
    assert await rules(one) == []


@pytest.mark.parametrize(
    ("who", "role"),
    [
        ("channel:web:general", "admin"),  # everybody there would have the tools of admins
        ("web:nod", "admin"),
        ("web:robot", "admin"),
        ("web:bob", "everyone"),
        ("web:bob", "admins"),
    ],
)
async def test_row_51_what_the_words_refuse_a_file_does_not_bring_in(one: Bench, who: str, role: str) -> None:
    await one.service.met(Actor("web", "", "robot", "robot", standing="bot"))
    exported = (await one.admin("policy export")).removesuffix("```")
    await one.admin(f"role {who} {role}")
    assert await rules(one) == []
    await one.admin(f'policy import\n{exported}[[rule]]\nwho = "{who}"\nkind = "role"\nrole = "{role}"\n```')

    assert await rules(one) == []


# --- 52: which tool ---


@pytest.mark.parametrize(
    "tool", ["*", "dep*", "deploy*", "../deploy", "Deploy", "DEPLOY", "mcp.deploy", "server/deploy", "depl\u043ey", "."]
)
@pytest.mark.parametrize("words", ["allow @alice {}", "deny @alice {}", "ask @alice {}", "approver {} @bob"])
async def test_row_52_tools_have_exact_names_and_there_are_no_patterns(one: Bench, tool: str, words: str) -> None:
    said = await at(one, "web", words.format(tool))

    assert "names are exact, and there are no patterns" in said
    assert await rules(one) == await one.plain("SELECT 1 FROM approver_rules") == []


async def test_row_52_one_wrong_name_in_a_list_changes_nothing_and_the_closest_is_said(one: Bench) -> None:
    wrong = await at(one, "web", "allow @alice notes_add,deplo")
    right = await at(one, "web", "allow @alice notes_add,deploy")

    assert "did you mean deploy?" in wrong
    assert right.startswith("web:alice may run notes_add, deploy without being asked.")
    assert len(await rules(one)) == 2


# --- 53: allow and deny ---


@pytest.mark.parametrize("order", [("allow", "deny"), ("deny", "allow")])
async def test_row_53_the_same_tool_in_allow_and_deny_is_accepted_deny_wins_and_it_is_said(
    one: Bench, endpoint: ScriptedEndpoint, ledger: Callable[[], list[str]], order: tuple[str, str]
) -> None:
    endpoint.script = [calls(("deploy", {"version": "1"})), says("It cannot be done.")]
    said = {verb: await at(one, "web", f"{verb} @alice deploy") for verb in order}
    await one.say("Deploy 1")
    shown = await one.admin("show @alice")

    assert len(await rules(one)) == 2
    assert ("But deny is set for the same, and wins." in said["allow"]) is (order[0] == "deny")
    assert said["deny"].startswith("web:alice cannot run deploy.")
    assert "- not at all: deploy" in shown
    assert await one.service.pending(ROOT) == []
    assert ledger() == []


async def test_row_53_twin_without_the_deny_it_runs_unasked(
    one: Bench, endpoint: ScriptedEndpoint, ledger: Callable[[], list[str]]
) -> None:
    endpoint.script = [calls(("deploy", {"version": "1"})), says("It is live.")]
    await at(one, "web", "deny @alice deploy")
    await at(one, "web", "reset @alice deploy")
    await at(one, "web", "allow @alice deploy")
    await one.say("Deploy 1")

    assert ledger() == ["1"]


async def test_row_53_a_deny_whose_time_is_over_is_not_said_to_win(one: Bench) -> None:
    await at(one, "web", "deny @alice deploy for 1h")
    await one.tamper("UPDATE rules SET expires_ms = 1")
    await one.tamper("UPDATE policy_version SET revision = revision + 1")

    assert "But deny is set for the same" not in await at(one, "web", "allow @alice deploy")


# --- 54: the last admin, oneself ---


@pytest.mark.parametrize(("platform", "me"), [("web", "@root"), ("slack", "<@U1>")])
@pytest.mark.parametrize("role", ["default", "user", "guest"])
async def test_row_54_the_last_admin_and_oneself_are_not_demoted(one: Bench, platform: str, me: str, role: str) -> None:
    said = await at(one, platform, f"role {me} {role}")

    assert "is an admin by ADMINS: the operator changes that there." in said
    assert await rules(one) == []


async def test_row_54_an_admin_by_a_role_does_not_take_their_own_and_another_one_may(one: Bench) -> None:
    second = Actor("slack", "T1", "U2", "second")
    await at(one, "slack", "role <@U2> admin")
    own = await one.admin("role <@U2> default", actor=second, place=SLACK_PLACE)
    (version,) = (await one.plain("SELECT version FROM policy_version"))[0]
    imported = await one.admin(f"policy import\nversion = {version}\n", actor=second, place=SLACK_PLACE)
    still = await rules(one)
    by_another = await at(one, "slack", "role <@U2> default")

    assert own == "You cannot change your own role: another admin has to."
    assert imported == "You cannot take your own role as an admin: another admin has to."
    assert still == [("slack:T1/U2", "role", "admin", "")]
    assert by_another == "slack:T1/U2 has no role of its own any more."
    assert await rules(one) == []
