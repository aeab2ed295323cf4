"""A model's configuration and four tools that leave a trace in `ran`."""

from __future__ import annotations

from typing import Any

import bot
from tests.models.endpoint import ScriptedEndpoint

KEY = "sk-very-secret-canary-1234"


def model(endpoint: ScriptedEndpoint, **change: Any) -> dict[str, Any]:
    base = {
        "label": "test",
        "api_url": endpoint.url,
        "api_key": KEY,
        "model_name": "scripted-1",
        "host_type": "generic",
    }
    return {**base, **change}


ran: list[str] = []


@bot.tool(effect="read")
async def look(what: str = "it") -> str:
    """Look at something."""
    ran.append(f"look {what}")
    return f"saw {what}"


@bot.tool(effect="once")
async def send(text: str) -> str:
    """Send a text."""
    ran.append(f"send {text}")
    return f"sent {text}"


@bot.tool(confirm=True, effect="once")
async def delete(name: str) -> str:
    """Delete a thing."""
    ran.append(f"delete {name}")
    return f"deleted {name}"


@bot.tool(effect="read", roles=("admin",))
async def payroll() -> str:
    """Show the payroll."""
    ran.append("payroll")
    return "secret numbers"


TOOLS = [look, send, delete, payroll]
