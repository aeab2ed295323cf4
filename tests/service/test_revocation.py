"""T5: a right that is taken back stops what rests on it: before the request, before the click, and before the start."""

from __future__ import annotations

import json
import signal
from collections.abc import Callable
from pathlib import Path

import pytest

from bot import chat
from bot.chat import Click
from bot.config.settings import Settings
from tests.cli.conftest import nod  # noqa: F401  # a folder for real processes
from tests.cli.kit import Nod, ask_and_wait
from tests.models.endpoint import ScriptedEndpoint, calls, says
from tests.service.kit import ALICE, BOB, ROOT, Bench, opened

RIGHTS: dict[str, tuple[str, ...]] = {
    "the requester's right": ("role web:alice finance",),
    "the approver's right": ("role web:bob finance", "approver deploy finance"),
    "the tool's approver rule": ("approver deploy @bob",),
}
"""What has to be said for the call to be possible at all, by whose right it is about."""

REVOKED: dict[str, str] = {
    "the requester's right": "deny @alice deploy",
    "the approver's right": "role @bob default",
    "the tool's approver rule": "approver deploy @carol",
}


BEHIND = {
    "the requester's right": "INSERT INTO rules (scope, subject, kind, value, condition, set_by, set_ms) "
    "VALUES ('web:', 'web:alice', 'deny', 'deploy', '', 'web:root', 1)",
    "the approver's right": "DELETE FROM rules WHERE subject = 'web:bob'",
    "the tool's approver rule": "UPDATE approver_rules SET approver = 'web:carol'",
}
"""The same as another process writes it."""


async def granted(one: Bench, right: str) -> None:
    for words in (*RIGHTS[right], *(["approver deploy @bob"] if right == "the requester's right" else [])):
        await one.admin(words)


async def approved_but_not_started(one: Bench, card: chat.Card) -> None:
    """Approve it in a process that ends before the start is stored: the decision is durable, the run does not go on."""
    await one.service._runner.aclose(within_s=0)
    outcome = await one.service.decide(Click(card.approval_id, "approve", BOB))
    assert outcome.is_accepted
    await one.service.aclose(within_s=0)
    assert await one.plain("SELECT state FROM calls") == [("approved",)]


async def changed_from_outside(one: Bench, sql: str) -> None:
    await one.tamper(sql)
    await one.tamper("UPDATE policy_version SET revision = revision + 1")


# --- before the request ---


@pytest.mark.parametrize(
    ("right", "told"),
    [
        ("the requester's right", "There is no tool named 'deploy'."),
        ("the approver's right", "Only people with the role finance can decide this."),
        ("the tool's approver rule", "Only web:carol or an admin can decide this."),
    ],
)
async def test_a_right_taken_back_before_the_request_is_not_there_at_the_click(
    settings: Settings, endpoint: ScriptedEndpoint, ledger: Callable[[], list[str]], right: str, told: str
) -> None:
    endpoint.script = [calls(("deploy", {"version": "1"})), says("It cannot be done.")]
    async with opened(settings, endpoint) as one:
        await granted(one, right)
        await one.admin(REVOKED[right])
        await one.say("Deploy 1")
        waiting = await one.service.pending(ROOT)
        said = [(await one.click(card.approval_id, actor=BOB)).message for card in waiting]

    heard = endpoint.requests[-1].body["messages"][-1]["content"] if right == "the requester's right" else said[0]
    assert told in heard
    assert len(waiting) == (0 if right == "the requester's right" else 1)
    assert ledger() == []


# --- before the click ---


@pytest.mark.parametrize(
    ("right", "told"),
    [
        (
            "the requester's right",
            "already cancelled (deploy is denied for web:alice); nothing was run.",
        ),
        ("the approver's right", "Only people with the role finance can decide this."),
        ("the tool's approver rule", "it was asked for anew, because its tool or its approver has changed"),
    ],
)
async def test_a_right_taken_back_before_the_click_makes_the_click_decide_nothing(
    settings: Settings, endpoint: ScriptedEndpoint, ledger: Callable[[], list[str]], right: str, told: str
) -> None:
    endpoint.script = [calls(("deploy", {"version": "1"})), says("It cannot be done.")]
    async with opened(settings, endpoint) as one:
        await granted(one, right)
        await one.say("Deploy 1")
        card = await one.only_card()
        await one.admin(REVOKED[right])
        await one.service.idle()
        outcome = await one.click(card.approval_id, actor=BOB)

    assert not outcome.is_accepted
    assert told in outcome.message
    assert ledger() == []


@pytest.mark.parametrize("right", RIGHTS)
async def test_a_right_taken_back_behind_the_service_s_back_stops_the_click_all_the_same(
    settings: Settings, endpoint: ScriptedEndpoint, ledger: Callable[[], list[str]], right: str
) -> None:
    """Another process changes the policy: nothing tells this one, and it looks for itself."""
    endpoint.script = [calls(("deploy", {"version": "1"})), says("It cannot be done.")]
    async with opened(settings, endpoint) as one:
        await granted(one, right)
        await one.say("Deploy 1")
        card = await one.only_card()
        await changed_from_outside(one, BEHIND[right])
        outcome = await one.click(card.approval_id, actor=BOB)

    assert not outcome.is_accepted
    assert ledger() == []


# --- before the start ---


@pytest.mark.parametrize("how", ["by a command before the end", "by another process while it is down"])
@pytest.mark.parametrize(
    ("right", "told"),
    [
        ("the requester's right", "deploy is denied for web:alice"),
        ("the approver's right", "it was approved by web:bob, which is not enough any more"),
        ("the tool's approver rule", "it was approved by web:bob, which is not enough any more"),
    ],
)
async def test_a_right_taken_back_between_the_approval_and_the_start_runs_nothing_and_people_are_told(
    settings: Settings, endpoint: ScriptedEndpoint, ledger: Callable[[], list[str]], right: str, told: str, how: str
) -> None:
    endpoint.script = [calls(("deploy", {"version": "1"})), says("It was refused.")]
    async with opened(settings, endpoint) as one:
        await granted(one, right)
        await one.say("Deploy 1")
        card = await one.only_card()
        await approved_but_not_started(one, card)
        if how == "by a command before the end":
            await one.admin(REVOKED[right])
            await one.service.aclose(within_s=0)
        else:
            await changed_from_outside(one, BEHIND[right])

    async with opened(settings, endpoint) as two:
        await two.service.idle()
        assert two.adapter.cards()[card.approval_id].outcome == "refused"
        assert two.answers() == ["It was refused."]
        last = (await two.app.audit.read())[-1]

    assert ledger() == []
    assert (last["event"], last["outcome"]) == ("call.denied", "denied")
    assert told in last["rule"]
    assert told in endpoint.requests[-1].body["messages"][-1]["content"]


@pytest.mark.parametrize("right", RIGHTS)
@pytest.mark.parametrize("where", ["before the request", "before the click", "before the start"])
async def test_where_nothing_is_taken_back_it_runs_once(
    settings: Settings, endpoint: ScriptedEndpoint, ledger: Callable[[], list[str]], right: str, where: str
) -> None:
    endpoint.script = [calls(("deploy", {"version": "1"})), says("It is live.")]
    async with opened(settings, endpoint) as one:
        await granted(one, right)
        if where == "before the request":  # said and taken back: what counts is how things stand
            await one.admin("deny @alice deploy")
            await one.admin("reset @alice deploy")
        await one.say("Deploy 1")
        card = await one.only_card()
        if where == "before the start":
            await approved_but_not_started(one, card)
        else:
            assert (await one.click(card.approval_id, actor=BOB)).is_accepted

    async with opened(settings, endpoint) as two:
        await two.service.idle()
        again = await two.click(card.approval_id, actor=BOB)

    assert ledger() == ["1"]
    assert again.message == "This was already approved by bob; it has run."


@pytest.mark.parametrize("first_left", ["bob", "carol"])
async def test_one_of_two_approvers_who_left_before_the_start_is_enough_to_stop_it(
    settings: Settings, endpoint: ScriptedEndpoint, ledger: Callable[[], list[str]], first_left: str
) -> None:
    endpoint.script = [calls(("deploy", {"version": "1"})), says("It was refused.")]
    async with opened(settings, endpoint) as one:
        for words in ("role @bob finance", "role @carol finance", "approver deploy 2 of finance"):
            await one.admin(words)
        await one.say("Deploy 1")
        card = await one.only_card()
        await one.click(card.approval_id, actor=chat.Actor("web", "", "carol", "carol"))
        await approved_but_not_started(one, card)
        await changed_from_outside(one, f"DELETE FROM rules WHERE subject = 'web:{first_left}'")

    async with opened(settings, endpoint) as two:
        await two.service.idle()

    assert ledger() == []
    assert "it was approved by web:carol and web:bob, which is not enough any more" in str(endpoint.requests[-1].body)


async def test_a_tool_that_changed_before_the_start_does_not_run(
    settings: Settings, endpoint: ScriptedEndpoint, ledger: Callable[[], list[str]], tmp_path: Path
) -> None:
    endpoint.script = [calls(("deploy", {"version": "1"})), says("It was refused.")]
    async with opened(settings, endpoint) as one:
        await one.admin("approver deploy @bob")
        await one.say("Deploy 1")
        await approved_but_not_started(one, await one.only_card())

    source = tmp_path / "tools" / "deploy.py"
    source.write_text(source.read_text().replace("Deploy a version.", "Deploy a version, to everybody at once."))
    async with opened(settings, endpoint) as two:
        await two.service.idle()
        last = (await two.app.audit.read())[-1]

    assert ledger() == []
    assert last["rule"] == "tool changed since it was approved"


@pytest.mark.parametrize(("point", "revoked"), [("click.after", True), ("click.after", False), ("claim.inside", True)])
async def test_a_process_killed_between_the_approval_and_the_start_runs_it_later_only_if_it_still_may(
    nod: Nod,  # noqa: F811
    point: str,
    revoked: bool,
) -> None:
    """The real thing: a process that is killed at this very point, and others that come after it."""
    await nod("ask", "Note buy milk", "--as", "alice", "--json")
    card_id = await ask_and_wait(nod)
    killed = await nod("approvals", "approve", card_id, "--as", "root", CRASH_AT=point)
    assert killed.code == -signal.SIGKILL
    if revoked:
        said = await nod("admin", "deny", "web:alice", "notes_clear")
        assert "web:alice cannot run notes_clear" in said.out

    again = await nod("approvals", "approve", card_id, "--as", "root", "--json")
    rows = [json.loads(line) for line in (await nod("audit", "--json")).out.splitlines()]
    outcomes = [row["outcome"] for row in rows if row["tool"] == "notes_clear" and row["outcome"]]

    assert again.data["accepted"] is False
    assert outcomes == (["denied"] if revoked else ["done"])
    assert ("buy milk" in (await nod("ask", "Count", "--as", "alice")).out) is revoked
    assert ("notes_clear is denied for web:alice" in str(rows)) is revoked


# --- loosened, tightened ---


@pytest.mark.parametrize("loosened", ["allow @alice deploy", "approver deploy none", "approver deploy requester"])
async def test_a_loosened_policy_releases_nothing_that_waits(
    settings: Settings, endpoint: ScriptedEndpoint, ledger: Callable[[], list[str]], loosened: str
) -> None:
    endpoint.script = [calls(("deploy", {"version": "1"})), says("It is live.")]
    async with opened(settings, endpoint) as one:
        await one.admin("approver deploy @bob")
        await one.say("Deploy 1")
        before = await one.only_card()
        await one.admin(loosened)
        await one.service.sweep()
        await one.service.idle()
        card = await one.only_card()
        assert ledger() == []
        assert card.state == "pending"

    async with opened(settings, endpoint) as two:
        await two.service.sweep()
        await two.service.idle()
        assert ledger() == []
        by = ALICE if loosened.endswith("requester") else BOB
        outcome = await two.click(card.approval_id, actor=by)

    assert outcome.is_accepted
    assert ledger() == ["1"]
    assert (before.approval_id == card.approval_id) is not loosened.endswith("requester")


@pytest.mark.parametrize(
    ("tightened", "reason", "waits_for"),
    [
        ("deny @alice deploy", "deploy is denied for web:alice", []),
        ("deny &ops deploy", "deploy is denied for group web:ops", []),
        ("deny #general deploy", "deploy is denied for channel web:general", []),
        ("role @alice guest", "role guest does not have deploy", []),
        ("approver deploy 2 of finance", "it was asked for anew", ["2 of finance"]),
        ("approver deploy not_requester", "it was asked for anew", ["not_requester"]),
    ],
)
async def test_a_tightened_policy_closes_the_card_at_once_when_it_came_by_command(
    settings: Settings,
    endpoint: ScriptedEndpoint,
    ledger: Callable[[], list[str]],
    tightened: str,
    reason: str,
    waits_for: list[str],
) -> None:
    endpoint.script = [calls(("deploy", {"version": "1"})), says("It cannot be done.")]
    async with opened(settings, endpoint) as one:
        await one.say("Deploy 1", actor=chat.Actor("web", "", "alice", "alice", frozenset({"ops"})))
        card = await one.only_card()
        await one.admin(tightened)
        await one.service.idle()
        closed = one.adapter.cards()[card.approval_id]
        late = await one.click(card.approval_id)
        waiting = [waits.approver for waits in await one.service.pending(ROOT)]

    assert (closed.state, late.is_accepted) == ("cancelled", False)
    assert reason in closed.reason
    assert reason in late.message
    assert waiting == waits_for
    assert ledger() == []


async def test_a_rule_that_ends_by_itself_before_the_start_takes_its_right_with_it(
    settings: Settings, endpoint: ScriptedEndpoint, ledger: Callable[[], list[str]]
) -> None:
    endpoint.script = [calls(("deploy", {"version": "1"})), says("It was refused.")]
    async with opened(settings, endpoint) as one:
        await one.admin("role @bob finance for 2h")
        await one.admin("approver deploy finance")
        await one.say("Deploy 1")
        await approved_but_not_started(one, await one.only_card())
        await one.tamper("UPDATE rules SET expires_ms = 1 WHERE subject = 'web:bob'")

    async with opened(settings, endpoint) as two:
        await two.service.idle()

    assert ledger() == []


async def test_a_requester_who_may_not_talk_any_more_has_not_lost_the_right_to_what_was_asked(
    settings: Settings, endpoint: ScriptedEndpoint, ledger: Callable[[], list[str]]
) -> None:
    """Talking and running are two rights: a tool is taken away by deny or by role, not by silence."""
    endpoint.script = [calls(("deploy", {"version": "1"})), says("It is live.")]
    async with opened(settings, endpoint) as one:
        await one.admin("approver deploy @bob")
        await one.say("Deploy 1")
        card = await one.only_card()

    silent = settings.model_copy(update={"who_may_talk": ("admins",)})
    async with opened(silent, endpoint) as two:
        outcome = await two.click(card.approval_id, actor=BOB)

    assert outcome.is_accepted
    assert ledger() == ["1"]


# --- an unreadable rule ---


async def test_an_unreadable_rule_in_the_database_denies_and_does_not_keep_the_bot_from_starting(
    settings: Settings, endpoint: ScriptedEndpoint, ledger: Callable[[], list[str]]
) -> None:
    endpoint.script = [calls(("deploy", {"version": "1"})), says("It cannot be done.")]
    async with opened(settings, endpoint) as one:
        await one.admin("approver deploy @bob")
        await one.say("Deploy 1")
        card = await one.only_card()
        await one.tamper("UPDATE approver_rules SET approver = '2 of of, then'")

    async with opened(settings, endpoint) as two:
        await two.service.idle()
        outcome = await two.click(card.approval_id, actor=BOB)

    assert not outcome.is_accepted
    assert ledger() == []
