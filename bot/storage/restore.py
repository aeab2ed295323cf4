"""After restoring a backup: what had been approved may have run after the backup was made, so nobody knows."""

from __future__ import annotations

from bot.engine.machine import apply
from bot.engine.steps import Restored
from bot.errors import CheckpointError
from bot.storage.runs import RunRows


async def mark_restored(runs: RunRows) -> int:
    """Let every approved or started call become unknown, with its report, and end every run that was being worked on.

    What waits for people goes on waiting. Safe to run again. Gives how many runs were touched.
    """
    open_runs = await runs.open_runs()
    for one in open_runs:
        try:
            before = (await runs.load(one.id)).run
            await runs.commit(before, [Restored()], apply(before, Restored()))
        except CheckpointError as err:
            await runs.abandon(one.id, f"I cannot go on with this: {err.user_message} Nothing of it will be run.")
    return len(open_runs)
