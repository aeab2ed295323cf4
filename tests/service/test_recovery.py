"""After a crash or a restored backup: everything comes to its end through the same drive, or is said to be unknown."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from pathlib import Path

import pytest

from bot import chat
from bot.chat import Inbound, Place
from bot.config.settings import Settings
from bot.engine import words
from bot.storage.database import open_database
from bot.storage.runs import RunRows
from tests.models.endpoint import ScriptedEndpoint, calls, says
from tests.service.kit import ALICE, PLACE, ROOT, Bench, opened

MAILER = """
import bot, pathlib
from bot.errors import ToolError

async def look(key):
    told = pathlib.Path({told!r})
    if not told.exists():
        return None
    if told.read_text() == "no":
        raise ToolError("The server never got it.")
    return "The server has it: " + key

@bot.tool(confirm=True, effect='once', reconcile=look)
async def mail(context: bot.ToolContext) -> str:
    '''Send a mail.'''
    return 'sent'
"""


@pytest.fixture
def told(settings: Settings, tmp_path: Path) -> Path:
    """Where the mail server of the tests says what it knows."""
    assert settings.tools_dir is not None
    path = tmp_path / "told"
    (settings.tools_dir / "mail.py").write_text(MAILER.format(told=str(path)))
    return path


async def cut_off(one: Bench) -> chat.Card:
    """As if the process had ended after the start of the approved call was durable."""
    await one.say("Mail it")
    card = await one.only_card()
    await one.service.aclose(within_s=0)
    await one.tamper(
        "UPDATE calls SET state = 'started', decision = 'approve', decided_by = 'root', decider = 'web:root'"
    )
    await one.tamper("UPDATE approvals SET state = 'approved', decided_by = 'web:root', decided_name = 'root'")
    await one.tamper("UPDATE runs SET status = 'running'")
    return card


@pytest.mark.parametrize(
    ("said", "outcome", "result"),
    [
        ("yes", "done", "The server has it: "),
        ("no", "failed", "The server never got it."),
        (None, "unknown", "Outcome unknown"),
    ],
)
async def test_a_call_that_was_cut_off_is_what_its_tool_finds_out_or_unknown(
    settings: Settings, endpoint: ScriptedEndpoint, told: Path, said: str | None, outcome: str, result: str
) -> None:
    endpoint.script = [calls(("mail", {})), says("so it is")]
    async with opened(settings, endpoint) as one:
        card = await cut_off(one)
    if said:
        told.write_text(said)

    async with opened(settings, endpoint) as two:
        await two.service.idle()
        assert two.adapter.cards()[card.approval_id].outcome == outcome
        reports = [event for event in two.adapter.events(chat.Notice) if isinstance(event, chat.Notice)]

    assert endpoint.requests[-1].body["messages"][-1]["content"].startswith(result)
    assert [report.addressed for report in reports] == ([("web:alice", "web:root")] if outcome == "unknown" else [])
    assert all("alice, root: it is not known whether mail took effect" in report.text for report in reports)


async def test_an_unknown_outcome_is_reported_once_however_often_the_bot_starts(
    settings: Settings, endpoint: ScriptedEndpoint, told: Path
) -> None:
    endpoint.script = [calls(("mail", {})), says("so it is")]
    async with opened(settings, endpoint) as one:
        await cut_off(one)
    shown = 0
    for _ in range(3):
        async with opened(settings, endpoint) as two:
            await two.service.idle()
            shown += len(two.adapter.events(chat.Notice))

    assert shown == 1


# --- a run that ends the process --------------------------------------------------------------------------------------


async def asked(endpoint: ScriptedEndpoint, times: int) -> None:
    """Wait until the model was asked so often."""
    async with asyncio.timeout(10):
        while len(endpoint.requests) < times:
            await asyncio.sleep(0.01)


async def work_on(one: Bench, place: Place = PLACE, event_id: str = "work") -> None:
    await one.service.receive(Inbound(event_id, place, ALICE, "work", 1))


async def crashed(one: Bench) -> None:
    """End the work as a crash does: nothing is forgiven."""
    await one.service._runner.aclose(within_s=0)


async def hangs(_request: object) -> dict[str, object]:
    await asyncio.Event().wait()
    return says("never")


async def test_a_run_that_ends_the_process_three_times_is_parked_and_its_person_told(
    settings: Settings, endpoint: ScriptedEndpoint
) -> None:
    endpoint.script = [hangs, hangs, hangs, hangs, says("I am fine")]
    async with opened(settings, endpoint) as one:
        await work_on(one)
        await asked(endpoint, 1)
        await crashed(one)
    for start in range(3):
        async with opened(settings, endpoint) as two:
            await asked(endpoint, start + 2)
            assert two.answers() == []
            await crashed(two)

    async with opened(settings, endpoint) as last:
        await last.service.idle()
        assert last.answers() == [words.PARKED]
        await last.say("Are you there?")
        assert last.answers()[-1] == "I am fine"
    assert len(endpoint.requests) == 5


async def test_a_repeatable_call_that_ends_the_process_is_parked_too(
    settings: Settings, endpoint: ScriptedEndpoint
) -> None:
    """Beginning the same call again is no progress."""
    assert settings.tools_dir is not None
    (settings.tools_dir / "again.py").write_text(
        "import asyncio, bot\n@bot.tool(effect='idempotent')\nasync def again() -> str:\n    'Again.'\n"
        "    await asyncio.sleep(3600)\n"
    )
    endpoint.script = [calls(("again", {})), says("never")]
    for start in range(4):
        async with opened(settings, endpoint) as one:
            if start == 0:
                await work_on(one)
            async with asyncio.timeout(10):
                while not any(line.state == "started" for line in one.adapter.events(chat.ToolLine)):  # type: ignore[attr-defined]
                    await asyncio.sleep(0.01)
            await crashed(one)

    async with opened(settings, endpoint) as last:
        await last.service.idle()
        assert last.answers() == [words.PARKED]


async def test_a_restart_in_good_order_is_not_held_against_a_run(
    settings: Settings, endpoint: ScriptedEndpoint
) -> None:
    endpoint.script = [*[hangs] * 6, says("at last")]
    for start in range(6):
        async with opened(settings, endpoint) as one:
            if start == 0:
                await work_on(one)
            await asked(endpoint, start + 1)
            await one.service.aclose(within_s=0)

    async with opened(settings, endpoint) as last:
        await last.service.idle()
        assert last.answers() == ["at last"]


async def test_a_message_that_only_stood_in_line_is_not_blamed(settings: Settings, endpoint: ScriptedEndpoint) -> None:
    endpoint.script = [hangs] * 4
    async with opened(settings, endpoint) as one:
        await work_on(one)
        await asked(endpoint, 1)
        await one.service.receive(Inbound("behind", PLACE, ROOT, "and this", 2))
        await crashed(one)
    for start in range(3):
        async with opened(settings, endpoint) as two:
            await asked(endpoint, start + 2)
            await crashed(two)

    endpoint.script.append(says("I only stood in line"))
    async with opened(settings, endpoint) as last:
        await last.service.idle()
        assert last.answers() == [words.PARKED, "I only stood in line"]


async def test_the_last_chance_is_taken_alone_so_that_no_run_is_blamed_for_another(
    settings: Settings, endpoint: ScriptedEndpoint
) -> None:
    places = [Place("web", "", "general", f"t{n}") for n in range(3)]
    endpoint.script = [hangs] * 9
    for start in range(3):
        async with opened(settings, endpoint) as one:
            if start == 0:
                for number, place in enumerate(places):
                    await work_on(one, place, f"e{number}")
            await asked(endpoint, 3 * (start + 1))
            await crashed(one)

    at_once = 0

    async def counts(_request: object) -> dict[str, object]:
        nonlocal at_once
        at_once += 1
        assert at_once == 1, "another suspect works at the same time"
        await asyncio.sleep(0.05)
        at_once -= 1
        return says("innocent")

    endpoint.script.extend([counts] * 3)
    async with opened(settings, endpoint) as last:
        await last.service.idle()
        assert last.answers() == ["innocent"] * 3


# --- a restored backup ------------------------------------------------------------------------------------------------


async def restore(settings: Settings) -> int:
    database = await open_database(settings.database)
    try:
        return await RunRows(database).mark_restored()
    finally:
        await database.aclose()


async def test_what_a_backup_holds_as_approved_is_unknown_and_never_run(
    settings: Settings, endpoint: ScriptedEndpoint, ledger: Callable[[], list[str]]
) -> None:
    endpoint.script = [calls(("deploy", {"version": "1"})), says("never asked")]
    async with opened(settings, endpoint) as one:
        await one.say("Deploy 1")
        card = await one.only_card()
        await one.service.aclose(within_s=0)
        await one.tamper("UPDATE calls SET state = 'approved', decision = 'approve', decided_by = 'root'")
        await one.tamper("UPDATE approvals SET state = 'approved', decided_name = 'root'")
        await one.tamper("UPDATE runs SET status = 'running'")

    assert await restore(settings) == 1
    assert await restore(settings) == 0
    async with opened(settings, endpoint) as two:
        await two.service.idle()
        (report,) = two.adapter.events(chat.Notice)
        assert isinstance(report, chat.Notice)
        assert "the bot was restored from a backup" in report.text
        assert two.answers()[0].startswith(words.RESTORED_RUN)
        assert two.adapter.cards()[card.approval_id].outcome == "unknown"
        late = await two.click(card.approval_id)

    assert late.message == "This was already approved by root; its outcome is unknown."
    assert ledger() == []
    assert len(endpoint.requests) == 1


async def test_what_waits_in_a_backup_still_waits(
    settings: Settings, endpoint: ScriptedEndpoint, ledger: Callable[[], list[str]]
) -> None:
    endpoint.script = [calls(("deploy", {"version": "1"})), says("out")]
    async with opened(settings, endpoint) as one:
        await one.say("Deploy 1")
        card = await one.only_card()

    assert await restore(settings) == 0
    async with opened(settings, endpoint) as two:
        await two.click(card.approval_id)

    assert ledger() == ["1"]


async def test_a_message_that_was_queued_in_a_backup_is_not_answered_a_second_time(
    settings: Settings, endpoint: ScriptedEndpoint
) -> None:
    endpoint.script = [hangs]
    async with opened(settings, endpoint) as one:
        await work_on(one)
        await one.service.receive(Inbound("later", PLACE, ROOT, "and this", 2))
        await crashed(one)

    assert await restore(settings) == 2
    async with opened(settings, endpoint) as two:
        await two.service.idle()

    assert two.answers() == [words.RESTORED_RUN] * 2


# --- damage -----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "damage",
    [
        "UPDATE approvals SET arguments = CAST(X'7bff7d' AS TEXT)",
        "UPDATE approvals SET arguments = X'7bff7d'",
        "UPDATE approvals SET expires_ms = 'soon'",
        "UPDATE calls SET arguments = X'7bff7d'",
        "UPDATE run_messages SET body = X'7bff7d'",
        "UPDATE runs SET requester = X'7bff7d'",
        "UPDATE runs SET head = X'7bff7d'",
    ],
)
async def test_a_damaged_row_ends_its_run_at_the_latest_when_it_is_due_and_holds_up_nobody_else(
    settings: Settings, endpoint: ScriptedEndpoint, ledger: Callable[[], list[str]], damage: str
) -> None:
    other = Place("web", "", "general", "other")
    endpoint.script = [calls(("deploy", {"version": "1"})), calls(("deploy", {"version": "2"})), *[says("ok")] * 3]
    async with opened(settings, endpoint) as one:
        await one.say("Deploy 1")
        await one.tamper(damage)
        await one.say("Deploy 2", place=other)
        (card,) = [card for card in await one.service.pending(ROOT) if card.place == other]

    async with opened(settings, endpoint) as two:
        await two.service.sweep()
        if "soon" not in damage:
            await two.tamper(f"UPDATE approvals SET expires_ms = 1 WHERE id <> '{card.approval_id}'")
        await two.service.sweep()
        await two.service.idle()
        outcome = await two.click(card.approval_id)
        statuses = await two.plain("SELECT status FROM runs ORDER BY seq")

    assert outcome.is_accepted
    assert ledger() == ["2"]
    assert [status for (status,) in statuses] in (["failed", "done"], ["done", "done"])


async def test_an_approval_that_was_changed_from_outside_is_never_run_and_its_run_ends(
    settings: Settings, endpoint: ScriptedEndpoint, ledger: Callable[[], list[str]]
) -> None:
    endpoint.script = [calls(("deploy", {"version": "1"})), says("next")]
    async with opened(settings, endpoint) as one:
        await one.say("Deploy 1")
        card = await one.only_card()
        await one.tamper('UPDATE approvals SET arguments = \'{"version": "evil"}\'')

        outcome = await one.click(card.approval_id)
        await one.service.sweep()
        await one.say("Are you there?")

    assert outcome.message == "The stored call is not the one that was shown any more; it was not run."
    assert one.answers() == [words.damaged("A stored approval is damaged."), "next"]
    assert ledger() == []
