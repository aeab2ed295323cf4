"""The operator's own tools of these tests: effects whose traces stay outside of the bot."""

from __future__ import annotations

from pathlib import Path

from bot.config.settings import Settings, load

_TOOLS = """
import asyncio
import bot

def note(text):
    with open({ledger!r}, "a") as file:
        file.write(text + "\\n")

@bot.tool(confirm=True, effect="once")
def deploy(version: str) -> str:
    '''Deploy a version.'''
    note(version)
    return "deployed " + version

@bot.tool(confirm=True, effect="once", approver="not_requester")
def pay(amount: int) -> str:
    '''Pay an amount.'''
    note(str(amount))
    return "paid"

@bot.tool(confirm=True, effect="once", approver="admin")
def wipe() -> str:
    '''Wipe it all.'''
    note("wiped")
    return "wiped"

@bot.tool(confirm=True, effect="once", marks=("private",))
def tell(secret: str) -> str:
    '''Tell a secret.'''
    note(secret)
    return "told"

@bot.tool(effect="read")
async def look(n: int = 1) -> str:
    '''Look.'''
    return "seen " + str(n)

@bot.tool(effect="once")
async def slow() -> str:
    '''Take long.'''
    await asyncio.sleep(3600)
"""


def write_tools(folder: Path) -> Path:
    """Put them into a folder, which is given; their ledger is beside it."""
    tools = folder / "tools"
    tools.mkdir()
    (tools / "mine.py").write_text(_TOOLS.format(ledger=str(folder / "ledger")))
    return tools


def settings_with_tools(folder: Path) -> Settings:
    """The settings of a bot that has them, and its data in that folder."""
    return load({"DATA_DIR": str(folder / "data"), "TOOLS_DIR": str(write_tools(folder))}, None)[0]
