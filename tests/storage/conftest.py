"""The operator's settings, and tools that ask first."""

from __future__ import annotations

from pathlib import Path

import pytest

from bot.config.settings import Settings, load

DEPLOY = """
import bot
@bot.tool(confirm=True, effect='once', approver='web:carol')
def deploy(version: str) -> str:
    '''Deploy a version.'''
    return 'deployed ' + version
"""


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    tools = tmp_path / "tools"
    tools.mkdir()
    (tools / "deploy.py").write_text(DEPLOY)
    return load({"DATA_DIR": str(tmp_path / "data"), "ADMINS": "web:root", "TOOLS_DIR": str(tools)}, None)[0]
