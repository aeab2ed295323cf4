"""A folder of its own for each test, and a bot that serves in it."""

from __future__ import annotations

import asyncio
import os
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from tests.cli.kit import KEY, Nod, free_port, obeys
from tests.models.endpoint import ScriptedEndpoint


@pytest.fixture
async def nod(tmp_path: Path, endpoint: ScriptedEndpoint) -> Nod:
    endpoint.script = [obeys] * 200
    tools = tmp_path / "tools"
    tools.mkdir()
    (tools / "crash.py").write_text(
        "import os, bot\n"
        "@bot.tool(confirm=True, effect='once')\n"
        "def crash() -> str:\n"
        "    '''Crash.'''\n"
        f"    open({str(tmp_path / 'ledger')!r}, 'a').write('x')\n"
        "    os._exit(9)\n"
    )
    return Nod(
        tmp_path,
        {
            "PATH": os.environ["PATH"],
            "PYTHONPATH": str(Path(__file__).parents[2]),
            "DATA_DIR": str(tmp_path / "data"),
            "TOOLS_DIR": str(tools),
            "MODEL_API_URL": endpoint.url,
            "MODEL_NAME": "scripted",
            "MODEL_API_KEY": KEY,
            "ADMINS": "web:root",
            "HTTP_PORT": str(free_port()),
        },
    )


@pytest.fixture
async def running(nod: Nod) -> AsyncIterator[asyncio.subprocess.Process]:
    """The bot serving in a process of its own."""
    process = await nod.start("run")
    assert process.stdout is not None
    line = await asyncio.wait_for(process.stdout.readline(), 30)
    assert line.startswith(b"Nod is running: http://localhost:")
    yield process
    if process.returncode is None:
        process.terminate()
        await asyncio.wait_for(process.wait(), 20)
