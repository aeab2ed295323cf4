"""The words of admins: what each changes, what it says, and that the enforcer heeds it."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import replace

import pytest

from bot import chat
from bot.chat import Place
from bot.errors import Refused
from bot.storage.runs import now_ms
from tests.models.endpoint import ScriptedEndpoint, calls, says
from tests.service.kit import ALICE, BOB, PLACE, ROOT, Bench

pytestmark = pytest.mark.usefixtures("nothing_blocks")


async def run_deploy(nod: Bench, endpoint: ScriptedEndpoint, version: str = "1", *, actor: chat.Actor = ALICE) -> str:
    """What became of a call of `deploy`, in a thread of its own: ran, asked or denied."""
    await nod.service.idle()  # what a change has ended comes to rest first
    endpoint.script = [
        *endpoint.script[: len(endpoint.requests)],
        calls(("deploy", {"version": version})),
        says("done"),
    ]
    place = replace(PLACE, thread=f"d{len(endpoint.requests)}")
    await nod.say(f"Deploy {version}", actor=actor, place=place)
    (line,) = [event for event in await nod.service.transcript(place) if isinstance(event, chat.ToolLine)]
    return {"done": "ran", "waiting": "asked"}.get(line.state, line.state)


# --- allow, ask, deny, reset -----------------------------------------------------------------------------------------


async def test_allow_ask_and_deny_are_heeded_and_reset_takes_them_back(nod: Bench, endpoint: ScriptedEndpoint) -> None:
    assert await run_deploy(nod, endpoint) == "asked"
    assert await nod.admin("allow @alice deploy") == "web:alice may run deploy without being asked."
    assert await run_deploy(nod, endpoint) == "ran"
    assert (await nod.admin("ask alice deploy")) == "web:alice is always asked before deploy runs."
    assert await run_deploy(nod, endpoint) == "asked"
    assert await nod.admin("deny alice deploy") == "web:alice cannot run deploy."
    assert await run_deploy(nod, endpoint) == "denied"
    assert "Nothing special is set any more" in await nod.admin("reset alice deploy")
    assert await run_deploy(nod, endpoint) == "asked"
    assert await nod.admin("reset alice deploy") == "Nothing is set for web:alice about deploy."


async def test_a_rule_with_a_condition_is_for_such_calls_only(nod: Bench, endpoint: ScriptedEndpoint) -> None:
    said = await nod.admin("allow alice deploy when version=1|2 for 2h")

    assert said.startswith("web:alice may run deploy without being asked when version=1|2 for 2h (until ")
    assert await run_deploy(nod, endpoint, "2") == "ran"
    assert await run_deploy(nod, endpoint, "3") == "asked"


async def test_a_rule_ends_with_its_time(nod: Bench, endpoint: ScriptedEndpoint) -> None:
    await nod.set_rule("web:alice", "allow", "deploy", expires_ms=1)

    assert await run_deploy(nod, endpoint) == "asked"


async def test_groups_and_channels_have_rules_too(nod: Bench, endpoint: ScriptedEndpoint) -> None:
    await nod.admin("allow &ops deploy")
    assert await run_deploy(nod, endpoint) == "asked"
    assert await run_deploy(nod, endpoint, actor=replace(ALICE, groups=frozenset({"ops"}))) == "ran"
    await nod.admin("ask #general deploy")
    assert await run_deploy(nod, endpoint, actor=replace(ALICE, groups=frozenset({"ops"}))) == "asked"


async def test_what_a_stronger_rule_overrules_is_said(nod: Bench) -> None:
    await nod.admin("deny alice deploy")

    assert await nod.admin("allow alice deploy") == (
        "web:alice may run deploy without being asked. But deny is set for the same, and wins."
    )


@pytest.mark.parametrize(
    ("words", "sentence"),
    [
        ("allow alice", "Write allow WHO TOOL"),
        ("allow alice deplyo", "There is no tool 'deplyo': names are exact, and there are no patterns; did you mean"),
        ("allow alice deploy when colour=red", "deploy has no"),
        ("allow alice deploy when version", "condition"),
        ("allow alice deploy for 0s", "is not between 1 second and 10 years"),
        ("role alice Big Boss", "A role is one word"),
        ("role alice members", "A role is one word"),
        ("role #general admin", "A channel cannot make people admins"),
        ("role root user", "web:root is an admin by ADMINS"),
        ("approver deploy", "Write approver TOOL RULE"),
        ("approver deploy 0 of finance", "write a number from 1 to 20"),
        ("link alice alice", "These are the same identity"),
        ("revoke zzz", "There is no grant of this id"),
        ("simulate dance alice", "Write simulate"),
        ("policy burn", "Write policy export"),
        ("policy import\nversion = x", "TOML"),
        ("audit limit=many", "limit is a number"),
        ("audit colour=red", "Write filters as NAME=VALUE"),
        ("dance", "There is no word 'dance' after `/nod-admin`"),
    ],
)
async def test_what_cannot_be_done_is_said_in_one_sentence_and_changes_nothing(
    nod: Bench, words: str, sentence: str
) -> None:
    said = await nod.admin(words)

    assert sentence.lower() in said.lower()
    assert "Traceback" not in said
    assert await nod.plain("SELECT count(*) FROM rules") == [(0,)]


async def test_only_admins_use_them_and_a_refusal_is_audited(nod: Bench) -> None:
    with pytest.raises(Refused, match="Only admins can do this"):
        await nod.admin("allow alice deploy", actor=ALICE)

    last = (await nod.app.audit.read())[-1]
    assert (last["event"], last["requester"], last["rule"]) == ("words.refused", "web:alice", "allow alice deploy")


# --- approvers, show, explain ----------------------------------------------------------------------------------------


async def test_an_approver_rule_is_heeded_and_taken_back(nod: Bench, endpoint: ScriptedEndpoint) -> None:
    assert await nod.admin("approver deploy 2 of finance not_requester then admin after 2h") == (
        "deploy here is approved by 2 of finance, not whoever asked; after 2h also an admin."
    )
    assert await run_deploy(nod, endpoint) == "asked"
    assert (await nod.only_card()).asks == "2 of finance, not alice; after 2h also an admin"
    assert (
        await nod.admin("approver deploy none when version=7")
        == "deploy here when version=7: nobody has to approve it."
    )
    assert await nod.admin("approver deploy default") == "deploy here goes by its own rule again."
    assert await run_deploy(nod, endpoint, "7") == "asked"


async def test_show_lists_roles_tools_and_what_was_set(nod: Bench) -> None:
    await nod.admin("role alice ops")
    await nod.admin("deny alice pay")

    said = await nod.admin("show alice")

    assert said.splitlines()[0] == "**web:alice**: ops"
    assert "- not at all: " in said
    assert "pay" in next(line for line in said.splitlines() if line.startswith("- not at all"))
    assert "- deny pay (set by web:root, " in said
    assert (await nod.service.command(PLACE, ALICE, "show")).splitlines()[0] == "**web:alice**: ops"
    assert await nod.service.command(PLACE, ALICE, "show bob") == "Only admins can look at others."


async def test_explain_says_what_the_enforcer_does_for_a_call_one_thinks_of(
    nod: Bench, endpoint: ScriptedEndpoint
) -> None:
    await nod.admin("allow alice deploy when version=1")

    assert "**runs without asking**" in await nod.service.command(PLACE, ALICE, "explain deploy version=1")
    assert "**has to be approved**" in await nod.service.command(PLACE, ALICE, "explain deploy version=2")
    assert "**has to be approved**" in await nod.admin("explain bob deploy version=1")
    assert await run_deploy(nod, endpoint, "1") == "ran"


async def test_explain_says_why_a_real_call_was_asked_about(nod: Bench, endpoint: ScriptedEndpoint) -> None:
    await run_deploy(nod, endpoint)
    card = await nod.only_card()

    said = await nod.service.command(PLACE, ALICE, f"explain {card.approval_id[:8]}")

    assert "- it was asked because deploy needs confirmation" in said
    assert '`{"version":"1"}`' in said.replace('": "', '":"')
    assert await nod.service.command(PLACE, BOB, f"explain {card.approval_id[:8]}") == (
        "There is no approval of this id."
    )


# --- the policy as a file --------------------------------------------------------------------------------------------


async def test_the_policy_goes_out_into_a_file_and_comes_back(nod: Bench) -> None:
    await nod.admin("allow alice deploy when version=1")
    await nod.admin("approver pay 2 of finance")
    exported = await nod.admin("policy export")

    assert await nod.admin(f"policy diff\n{exported}") == "The file says what is in force already."
    changed = exported.replace('who = "web:alice"', 'who = "web:bob"')
    assert await nod.admin(f"policy diff\n{changed}") == (
        "```diff\n+ allow web:bob deploy when version=1\n- allow web:alice deploy when version=1\n```"
    )
    assert (await nod.admin(f"policy import\n{changed}")).startswith("Imported.")
    assert "allow deploy when version=1" in await nod.admin("show bob")
    assert "allow deploy" not in await nod.admin("show alice")


async def test_a_file_of_an_older_policy_is_refused_and_nothing_is_changed(nod: Bench) -> None:
    exported = await nod.admin("policy export")
    await nod.admin("deny bob deploy")

    said = await nod.admin(f"policy import\n{exported}")

    assert said.startswith("The policy has changed since this file was written")
    assert "deny deploy" in await nod.admin("show bob")


async def test_meeting_somebody_new_does_not_make_a_file_old(nod: Bench) -> None:
    exported = await nod.admin("policy export")
    await nod.service.met(chat.Actor("web", "", "carol", "carol"))

    assert await nod.admin(f"policy import\n{exported}") == "The file says what is in force already."


async def test_a_file_says_nothing_about_another_workspace(nod: Bench) -> None:
    foreign = '[[rule]]\nwho = "slack:T1/U1"\nkind = "role"\nrole = "admin"\n'

    assert "another workspace" in await nod.admin(f"policy import\n{foreign}")
    assert await nod.plain("SELECT count(*) FROM rules") == [(0,)]


# --- the past --------------------------------------------------------------------------------------------------------


async def test_simulate_counts_what_would_have_been_and_changes_nothing(
    nod: Bench, endpoint: ScriptedEndpoint, ledger: Callable[[], list[str]]
) -> None:
    await nod.admin("allow alice deploy")
    for version in ("1", "2", "3"):
        await run_deploy(nod, endpoint, version)

    said = await nod.admin("simulate ask @alice deploy when version=2|3 for 30d")

    assert "2 of 3 calls" in said
    assert await run_deploy(nod, endpoint, "2") == "ran"
    assert ledger() == ["1", "2", "3", "2"]


async def test_what_is_approved_again_and_again_is_suggested_narrowly(nod: Bench, endpoint: ScriptedEndpoint) -> None:
    for _ in range(5):
        await run_deploy(nod, endpoint, "9")
        await nod.click((await nod.only_card()).approval_id)

    said = await nod.admin("suggest for 30d")

    assert 'approved 5 times and never denied: `/nod-admin allow web:alice deploy when version="9" for 30d`' in said
    suggested = said.split("`/nod-admin ")[1].split("`")[0]
    await nod.admin(suggested)
    assert await run_deploy(nod, endpoint, "9") == "ran"
    assert await run_deploy(nod, endpoint, "10") == "asked"


# --- the rest ------------------------------------------------------------------------------------------------------


async def test_usage_counts_runs_and_tokens(nod: Bench, endpoint: ScriptedEndpoint) -> None:
    for number, person in enumerate((ALICE, BOB)):
        await nod.service.receive(chat.Inbound(f"now{number}", PLACE, person, "hi", now_ms()))
    await nod.service.idle()

    mine = await nod.service.command(PLACE, ALICE, "usage")
    everybody = await nod.admin("usage for 7d")

    assert mine.startswith("- web:alice: ")
    assert len(mine.splitlines()) == 1
    assert {line.split(":")[1].split()[0] for line in everybody.splitlines()} >= {"alice", "bob"}


async def test_reset_thread_begins_anew_for_the_model_only(nod: Bench, endpoint: ScriptedEndpoint) -> None:
    await nod.say("My secret is blue")
    said = await nod.service.command(PLACE, ALICE, "reset-thread")
    await nod.say("What did I say?")

    assert said.startswith("Forgotten")
    assert "blue" not in json.dumps(endpoint.requests[-1].body)
    assert any(isinstance(event, chat.Said) and "blue" in event.text for event in await nod.service.transcript(PLACE))


async def test_words_complete_themselves(nod: Bench) -> None:
    def lines(found: list[chat.Completion]) -> list[str]:
        return [one.words for one in found]

    assert lines(await nod.service.complete(PLACE, ALICE, "ap")) == ["approvals", "approve"]
    assert lines(await nod.service.complete(PLACE, ROOT, "allow al", is_admin=True)) == ["allow @alice"]
    assert lines(await nod.service.complete(PLACE, ROOT, "allow @alice dep", is_admin=True)) == ["allow @alice deploy"]
    assert lines(await nod.service.complete(PLACE, ALICE, "allow ", is_admin=True)) == []
    assert lines(await nod.service.complete(PLACE, ALICE, "nonsense ")) == []


async def test_the_audit_is_filtered_clamped_and_of_this_workspace(nod: Bench, endpoint: ScriptedEndpoint) -> None:
    await run_deploy(nod, endpoint)
    await nod.admin("deny bob pay")

    assert len((await nod.admin("audit limit=1e9")).splitlines()) >= 2
    assert len((await nod.admin("audit limit=-1")).splitlines()) == 1
    assert "policy.changed" in await nod.admin("audit event=policy.changed")
    assert "call.waiting" not in await nod.admin("audit event=policy.changed")
    assert await nod.admin("audit tool=';DROP") == "Nothing like this is in the audit."
    elsewhere = await nod.app.audit.read(scope="slack:T1")
    assert elsewhere == []


async def test_the_operator_sees_and_sets_everything(nod: Bench) -> None:
    operator = chat.Actor("cli", "", "operator", "operator")

    assert await nod.admin("approver pay admin", actor=operator, place=Place("cli", "", "admin")) == (
        "pay everywhere is approved by an admin."
    )
    assert "pay" in await nod.admin("policy export", actor=operator)
