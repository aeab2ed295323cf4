"""`python -m bot run` as a process: what its environment has on every platform, its life, and its sudden end."""

from __future__ import annotations

import asyncio
import os
import signal
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

from tests.adapters.tools import write_tools
from tests.cli.kit import free_port
from tests.models.endpoint import ScriptedEndpoint


def environment_of(endpoint: ScriptedEndpoint, folder: Path, **platform: str) -> dict[str, str]:
    """What a process is started with: its data and the tools of these tests in that folder, and what its platform
    wants."""
    return {
        **{name: value for name, value in os.environ.items() if name in ("PATH", "HOME", "LANG")},
        "PYTHONPATH": str(Path(__file__).parents[2]),
        "DATA_DIR": str(folder / "data"),
        "TOOLS_DIR": str(write_tools(folder)),
        "MODEL_API_URL": endpoint.url,
        "MODEL_NAME": "scripted",
        "HTTP_PORT": str(free_port()),
        **platform,
    }


@asynccontextmanager
async def bot_process(environment: dict[str, str], folder: Path) -> AsyncIterator[asyncio.subprocess.Process]:
    """A running bot, killed in the end where it still runs."""
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "bot", "run"),
        cwd=folder,
        env=environment,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.STDOUT,
    )
    try:
        yield process
    finally:
        if process.returncode is None:
            process.kill()
        await process.communicate()


async def killed(process: asyncio.subprocess.Process) -> None:
    """End it as the machine would, without a word, and wait until it is gone."""
    process.send_signal(signal.SIGKILL)
    await process.wait()
