"""Asking and deciding on the command line: whatever stops in between, once and in order."""

from __future__ import annotations

import asyncio
import signal
from pathlib import Path
from typing import Any

import pytest

from tests.cli.kit import Nod, approve_in_another_process, ask_and_wait, free_port, obeys
from tests.models.endpoint import Recorded, ScriptedEndpoint, says


async def test_ask_approve_and_approve_again_where_no_bot_runs(nod: Nod) -> None:
    await approve_in_another_process(nod)


@pytest.mark.usefixtures("running")
async def test_ask_approve_and_approve_again_while_the_bot_owns_the_file(nod: Nod) -> None:
    await approve_in_another_process(nod)


async def test_after_kill_9_the_old_approval_still_works(nod: Nod) -> None:
    first = await nod.start("run")
    assert first.stdout is not None
    await asyncio.wait_for(first.stdout.readline(), 30)
    approval = await ask_and_wait(nod)
    first.send_signal(signal.SIGKILL)
    await first.wait()

    second = await nod.start("run")
    assert second.stdout is not None
    await asyncio.wait_for(second.stdout.readline(), 30)
    approved = await nod("approvals", "approve", approval, "--json")
    second.terminate()
    assert await asyncio.wait_for(second.wait(), 20) == 0

    assert (approved.code, approved.data["status"]) == (0, "done")


async def test_a_process_that_dies_inside_the_effect_leaves_it_unknown(nod: Nod, tmp_path: Path) -> None:
    waiting = await nod("ask", "Crash", "--as", "alice", "--json")
    approval = waiting.data["approvals"][0]["id"]

    died = await nod("approvals", "approve", approval)
    assert died.code == 9
    again = await nod("approvals", "approve", approval, "--json")

    assert again.data["message"] == "This was already approved by operator; its outcome is unknown."
    assert (tmp_path / "ledger").read_text() == "x"


async def test_looking_moves_nothing(nod: Nod, endpoint: ScriptedEndpoint) -> None:
    """What a crash left open goes on with the bot, not with somebody who reads a list."""
    gate = asyncio.Event()

    async def never(_request: Recorded) -> dict[str, Any]:
        await gate.wait()
        return says("late")

    endpoint.script = [never, *[obeys] * 20]
    bot = await nod.start("run")
    assert bot.stdout is not None
    await asyncio.wait_for(bot.stdout.readline(), 30)
    asking = await nod.start("ask", "Hello", "--as", "alice")
    while not endpoint.requests:
        await asyncio.sleep(0.02)
    bot.send_signal(signal.SIGKILL)
    await bot.wait()
    await asking.communicate()

    for words in (("audit",), ("approvals",), ("doctor",)):
        await nod(*words, MODEL_API_URL=f"http://127.0.0.1:{free_port()}/v1")
    answered = await nod("ask", "Count the days", "--as", "alice", "--json")
    gate.set()

    assert answered.data["response"] == "You said Count the days"
    last = endpoint.requests[-1].body["messages"]
    assert [one["content"] for one in last[1:3]] == ["Hello", "You said Hello"]


async def test_deny_tells_why(nod: Nod, endpoint: ScriptedEndpoint) -> None:
    approval = await ask_and_wait(nod)

    denied = await nod("approvals", "deny", approval[:8], "--reason", "not today", "--as", "alice", "--json")

    assert denied.code == 0
    assert denied.data["response"] == "It said: Action denied by user. Denied by alice. Reason: not today"


@pytest.mark.parametrize(
    "words",
    [
        ("approvals", "--as", "bob", "--json", "approve", "ID"),
        ("approvals", "approve", "ID", "--as", "bob", "--json"),
        ("approvals", "--as", "bob", "approve", "--json", "ID"),
    ],
)
async def test_whoever_is_named_decides_wherever_the_option_stands(nod: Nod, words: tuple[str, ...]) -> None:
    approval = await ask_and_wait(nod)

    ran = await nod(*(approval if word == "ID" else word for word in words))

    assert (ran.code, ran.data["message"]) == (1, "Only alice or an admin can decide this.")


async def test_the_first_characters_of_an_id_are_enough_also_for_the_second_one(nod: Nod) -> None:
    approval = await ask_and_wait(nod)

    assert (await nod("approvals", "approve", approval[:8])).code == 0
    again = await nod("approvals", "approve", approval[:8])

    assert again.out == "This was already approved by operator; it has run.\n"


async def test_a_stop_in_the_middle_of_a_start_is_in_good_order(nod: Nod, tmp_path: Path) -> None:
    process = await nod.start("run")
    while not (tmp_path / "data" / "nod.lock").exists():
        await asyncio.sleep(0.005)
    process.send_signal(signal.SIGTERM)

    out, _ = await asyncio.wait_for(process.communicate(), 30)

    assert process.returncode == 0
    assert b"Stopping ..." in out


async def test_a_restore_without_a_database_is_refused(nod: Nod) -> None:
    ran = await nod("migrate", "--restored")

    assert (ran.code, ran.err) == (
        2,
        "configuration: DATA_DIR: there is no database here yet: restore the backup first\n",
    )


async def test_after_a_restore_what_was_approved_is_unknown_and_never_run(nod: Nod, tmp_path: Path) -> None:
    approval = (await nod("ask", "Clear all notes", "--json")).data["approvals"][0]["id"]
    crashed = await nod("approvals", "approve", approval, CRASH_AT="claim.before")
    assert crashed.code == -signal.SIGKILL

    restored = await nod("migrate", "--restored")
    later = await nod("approvals", "approve", approval, "--json")

    assert "Marked as restored: 1 unfinished run." in restored.out
    assert later.data["approval"]["outcome"] == "unknown"
    assert (later.code, later.data["accepted"]) == (1, False)
