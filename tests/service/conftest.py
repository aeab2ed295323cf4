"""The operator's settings and tools, and the ledger of what really happened."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from bot.config.settings import Settings, load


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    return load({"DATA_DIR": str(tmp_path / "data"), "ADMINS": "web:root", "TOOLS_DIR": str(_tools(tmp_path))}, None)[0]


def _tools(tmp_path: Path) -> Path:
    """The operator's own tool: a gated effect whose traces stay outside of the bot."""
    folder = tmp_path / "tools"
    folder.mkdir()
    ledger = tmp_path / "ledger"
    (folder / "deploy.py").write_text(
        "import asyncio, pathlib\n"
        "import bot\n"
        "@bot.tool(confirm=True, effect='once')\n"
        "def deploy(version: str) -> str:\n"
        "    '''Deploy a version.'''\n"
        f"    with open({str(ledger)!r}, 'a') as file:\n"
        "        file.write(version + '\\n')\n"
        "    return 'deployed ' + version\n"
        "@bot.tool(confirm=True, effect='once', approver='not_requester')\n"
        "def pay(amount: int) -> str:\n"
        "    '''Pay an amount.'''\n"
        f"    with open({str(ledger)!r}, 'a') as file:\n"
        "        file.write(str(amount) + '\\n')\n"
        "    return 'paid'\n"
        "@bot.tool(confirm=True, effect='once')\n"
        "async def pause() -> str:\n"
        "    '''Take a moment.'''\n"
        "    await asyncio.sleep(0.3)\n"
        "    return 'rested'\n"
        "@bot.tool(effect='read', roles=['admin'])\n"
        "async def secret() -> str:\n"
        "    '''Only for admins.'''\n"
        "    return 'secret'\n"
        "@bot.tool(effect='once')\n"
        "async def slow() -> str:\n"
        "    '''Take long.'''\n"
        "    await asyncio.sleep(3600)\n"
    )
    return folder


@pytest.fixture
def ledger(tmp_path: Path) -> Callable[[], list[str]]:
    path = tmp_path / "ledger"
    return lambda: path.read_text().split() if path.exists() else []
