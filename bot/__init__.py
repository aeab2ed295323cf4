"""Nod: a team's chat bot that can act, and asks for a nod before it does.

In a script: `await bot.run("What time is it?", model_cfg={...})`, `await bot.resume(result.checkpoint, True)`, and
`@bot.tool(confirm=True)` on a function. Everything is imported on first use, so that the command line starts fast.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from bot._version import __version__

if TYPE_CHECKING:
    from bot.engine.types import FilePart, ImagePart, TextPart
    from bot.orchestrator import OrchestratorResult, resume, run
    from bot.tools.context import ToolContext
    from bot.tools.registry import tool

__all__ = [
    "FilePart",
    "ImagePart",
    "OrchestratorResult",
    "TextPart",
    "ToolContext",
    "__version__",
    "resume",
    "run",
    "tool",
]

_HOME = {
    "FilePart": "bot.engine.types",
    "ImagePart": "bot.engine.types",
    "TextPart": "bot.engine.types",
    "run": "bot.orchestrator",
    "resume": "bot.orchestrator",
    "OrchestratorResult": "bot.orchestrator",
    "tool": "bot.tools.registry",
    "ToolContext": "bot.tools.context",
}


def __getattr__(name: str) -> object:
    if name not in _HOME:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    from importlib import import_module

    return getattr(import_module(_HOME[name]), name)
