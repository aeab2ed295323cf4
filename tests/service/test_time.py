"""Time: approvals end by the database's clock, approvers are reminded, requesters are told."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from bot import chat
from bot.config.settings import Settings
from tests.models.endpoint import ScriptedEndpoint, calls, says
from tests.service.kit import ALICE, BOB, opened

DAY_MS = 86_400_000


async def test_an_approval_waits_a_day_and_one_of_a_tool_with_a_time_of_its_own_as_long_as_that(
    settings: Settings, endpoint: ScriptedEndpoint
) -> None:
    assert settings.tools_dir is not None
    (settings.tools_dir / "hasty.py").write_text(
        "import bot\n@bot.tool(confirm=True, approval_ttl_s=90)\ndef hasty() -> str:\n    '''Hurry.'''\n    return ''\n"
    )
    endpoint.script = [calls(("deploy", {"version": "1"}), ("hasty", {}))]
    async with opened(settings, endpoint) as one:
        await one.say("Go")
        waits = {
            approval.tool: approval.expires_ms - approval.created_ms for approval in await one.app.approvals.pending()
        }

    assert waits == {"deploy": DAY_MS, "hasty": 90_000}


async def test_the_database_s_clock_decides_whether_a_click_is_in_time(
    settings: Settings, endpoint: ScriptedEndpoint, ledger: Callable[[], list[str]]
) -> None:
    endpoint.script = [calls(("deploy", {"version": "1"})), says("ok")]
    async with opened(settings, endpoint) as one:
        await one.say("Go")
        card = await one.only_card()
        now = "CAST((julianday('now') - 2440587.5) * 86400000 AS INTEGER)"

        await one.tamper(f"UPDATE approvals SET expires_ms = {now} + 60000")
        assert await one.service.expire_due() == 0
        assert (await one.app.approvals.approval(card.approval_id)).state == "pending"  # type: ignore[union-attr]

        await one.tamper(f"UPDATE approvals SET expires_ms = {now} - 1")
        outcome = await one.click(card.approval_id)

    assert (outcome.is_accepted, outcome.message) == (False, "This approval has expired; nothing was run.")
    assert ledger() == []


async def test_an_expiry_closes_the_card_tells_the_requester_and_is_neither_yes_nor_no(
    settings: Settings, endpoint: ScriptedEndpoint, ledger: Callable[[], list[str]]
) -> None:
    endpoint.script = [calls(("deploy", {"version": "1"})), says("Nobody answered.")]
    async with opened(settings, endpoint) as one:
        await one.say("Go")
        card = await one.only_card()
        await one.tamper("UPDATE approvals SET expires_ms = 1")
        await one.service.sweep()
        await one.service.idle()

        assert one.adapter.cards()[card.approval_id].state == "expired"
        (told,) = one.adapter.events(chat.Notice)
        assert isinstance(told, chat.Notice)
        assert told.addressed == (ALICE.key,)
        assert told.text == (
            "alice: nobody decided about deploy in time, so it was not run. That is neither a yes nor a no: "
            "ask again if it is still needed."
        )
        last = (await one.app.audit.read())[-1]

    assert (last["decision"], last["outcome"]) == ("expire", "expired")
    assert "neither consent nor denial" in endpoint.requests[1].body["messages"][-1]["content"]
    assert ledger() == []


@pytest.mark.parametrize(("reminders", "told_at"), [("1", [50]), ("2", [34, 67]), ("0", [])])
async def test_approvers_are_reminded_at_equal_parts_of_the_time(
    settings: Settings, endpoint: ScriptedEndpoint, reminders: str, told_at: list[int]
) -> None:
    settings = settings.model_copy(update={"approval_reminders": int(reminders)})
    endpoint.script = [calls(("deploy", {"version": "1"}))]
    told = []
    async with opened(settings, endpoint) as one:
        await one.say("Go")
        for percent in range(100):
            age = percent * DAY_MS // 100 + 60_000
            await one.tamper(
                "UPDATE approvals SET created_ms = CAST((julianday('now') - 2440587.5) * 86400000 AS INTEGER) - "
                f"{age}, expires_ms = CAST((julianday('now') - 2440587.5) * 86400000 AS INTEGER) + {DAY_MS - age}"
            )
            before = len(one.adapter.events(chat.Notice))
            await one.service.sweep()
            await one.service.idle()
            told += [percent] * (len(one.adapter.events(chat.Notice)) - before)
        notices = [event for event in one.adapter.events(chat.Notice) if isinstance(event, chat.Notice)]

    assert told == told_at
    for notice in notices:
        assert notice.addressed == (ALICE.key,)
        assert notice.text.startswith("Still waiting for approval by alice: deploy, asked for by alice.")


async def test_a_tool_that_changes_while_it_waits_closes_its_card_and_asks_anew(
    settings: Settings, endpoint: ScriptedEndpoint, ledger: Callable[[], list[str]], tmp_path: Path
) -> None:
    endpoint.script = [calls(("deploy", {"version": "1"})), says("out")]
    async with opened(settings, endpoint) as one:
        await one.say("Go")
        old = await one.only_card()

    source = tmp_path / "tools" / "deploy.py"
    source.write_text(source.read_text().replace("Deploy a version.", "Deploy a version, to everybody at once."))
    async with opened(settings, endpoint) as two:
        await two.service.idle()
        new = await two.only_card()
        refused = await two.click(old.approval_id)
        assert two.adapter.cards()[old.approval_id].state == "cancelled"
        assert ledger() == []
        accepted = await two.click(new.approval_id)

    assert new.approval_id != old.approval_id
    assert refused.message == (
        "This request was already cancelled (it was asked for anew, because its tool or its approver has changed); "
        "nothing was run."
    )
    assert accepted.is_accepted
    assert ledger() == ["1"]


async def test_a_tool_that_is_gone_ends_what_waits_for_it_with_a_clear_refusal(
    settings: Settings, endpoint: ScriptedEndpoint, ledger: Callable[[], list[str]], tmp_path: Path
) -> None:
    endpoint.script = [calls(("deploy", {"version": "1"})), says("I cannot any more.")]
    async with opened(settings, endpoint) as one:
        await one.say("Go")
        card = await one.only_card()

    (tmp_path / "tools" / "deploy.py").unlink()
    async with opened(settings, endpoint) as two:
        await two.service.idle()
        assert two.adapter.cards()[card.approval_id].state == "cancelled"
        assert two.answers() == ["I cannot any more."]
    assert "the tool changed while this waited" in endpoint.requests[1].body["messages"][-1]["content"]


async def test_another_approver_is_asked_anew(
    settings: Settings, endpoint: ScriptedEndpoint, ledger: Callable[[], list[str]]
) -> None:
    endpoint.script = [calls(("deploy", {"version": "1"})), says("out")]
    async with opened(settings, endpoint) as one:
        await one.say("Go")
        old = await one.only_card()

    stricter = settings.model_copy(update={"default_approver": "not_requester"})
    async with opened(stricter, endpoint) as two:
        await two.service.idle()
        (new,) = await two.service.pending(BOB)
        late = await two.click(old.approval_id, actor=ALICE)
        refused = await two.click(new.approval_id, actor=ALICE)
        assert ledger() == []
        accepted = await two.click(new.approval_id, actor=BOB)

    assert new.approver == "not_requester"
    assert "it was asked for anew" in late.message
    assert not refused.is_accepted
    assert accepted.is_accepted
    assert ledger() == ["1"]
