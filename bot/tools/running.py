"""Running one function so that whatever it does, its caller gets an outcome in time.

A blocking function gets a daemon thread of its own: one that never returns keeps neither a pool nor the exit of the
process waiting.
"""

from __future__ import annotations

import asyncio
import contextlib
import contextvars
import inspect
import threading
from collections.abc import Callable
from dataclasses import dataclass

from bot.errors import ToolError

_GRACE_S = 1.0
MAX_THREADS = 128
_free_threads = threading.BoundedSemaphore(MAX_THREADS)
_left_behind: set[asyncio.Task[Outcome]] = set()


@dataclass(frozen=True, slots=True)
class Outcome:
    """What a function gave or raised. `timed_out`: it may still be running."""

    value: object = None
    error: BaseException | None = None
    timed_out: bool = False


async def run_bounded(function: Callable[[], object], *, timeout_s: float) -> Outcome:
    """Run a plain or async function for at most `timeout_s`. Raises nothing but our own `CancelledError`."""
    task = asyncio.create_task(_settled(function))
    try:
        done, _ = await asyncio.wait({task}, timeout=timeout_s)
    except asyncio.CancelledError:
        await _stop(task)
        raise
    if done:
        return task.result()
    await _stop(task)
    return Outcome(timed_out=True)


async def _stop(task: asyncio.Task[Outcome]) -> None:
    """Cancel and wait a moment for the cleanup; a function that refuses to end is left behind."""
    task.cancel()
    _left_behind.add(task)
    task.add_done_callback(_left_behind.discard)
    await asyncio.wait({task}, timeout=_GRACE_S)


async def _settled(function: Callable[[], object]) -> Outcome:
    try:
        is_async = inspect.iscoroutinefunction(inspect.unwrap(getattr(function, "func", function)))
        value = function() if is_async else await in_thread(function)
        return Outcome(await value if inspect.isawaitable(value) else value)
    except BaseException as err:  # the rim: SystemExit and CancelledError of a tool are its failures, not ours
        return Outcome(error=err)


async def in_thread(function: Callable[[], object]) -> object:
    """Run a blocking function in a daemon thread of its own and give what it gives.

    Raises `ToolError` when too many such threads run, most of them certainly hanging.
    """
    if not _free_threads.acquire(blocking=False):
        raise ToolError("Too many tools are still running; try again later.")
    loop = asyncio.get_running_loop()
    future: asyncio.Future[Outcome] = loop.create_future()
    context = contextvars.copy_context()

    def settle(outcome: Outcome) -> None:
        if not future.done():
            future.set_result(outcome)

    def work() -> None:
        try:
            outcome = Outcome(context.run(function))
        except BaseException as err:  # the rim: handed over to whoever waits
            outcome = Outcome(error=err)
        finally:
            _free_threads.release()
        with contextlib.suppress(RuntimeError):  # the loop is closed: nobody waits any more
            loop.call_soon_threadsafe(settle, outcome)

    threading.Thread(target=work, name="nod-tool", daemon=True).start()
    outcome = await future
    if outcome.error is not None:
        raise outcome.error
    return outcome.value
