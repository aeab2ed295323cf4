"""Calls that a crash cut off: the tool is asked what became of them, and nothing is run."""

from __future__ import annotations

import pytest

from bot.engine.types import ToolResult
from bot.errors import ToolError
from bot.tools.registry import spec_of, tool
from tests.tools.boxes import box, call


@tool(effect="read")
def echo(text: str) -> str:
    """Give the text back."""
    return text


def _finds(found: object) -> object:
    """A tool whose `reconcile` gives or raises this."""

    async def look(key: str) -> str | None:
        asked.append(key)
        if isinstance(found, Exception):
            raise found
        return found  # type: ignore[return-value]

    asked: list[str] = []

    @tool(reconcile=look, timeout_s=0.2)
    def send() -> str:
        """Send."""
        raise AssertionError("a call that was cut off is never run")

    return send


@pytest.mark.parametrize(
    ("found", "result"),
    [
        ("it is there", ToolResult("it is there")),
        (ToolError("It never arrived."), ToolResult("It never arrived.", is_error=True)),
        (None, None),
        (RuntimeError("the server is down"), None),
        ({"x": object()}, None),
    ],
)
async def test_a_tool_is_asked_what_became_of_a_call_and_only_a_definite_word_counts(
    found: object, result: ToolResult | None
) -> None:
    send = _finds(found)
    cut_off = call("send", "{}", definition=spec_of(send).fingerprint)  # type: ignore[arg-type]

    assert await box([send]).reconcile(cut_off, key="r1:c1") == result  # type: ignore[list-item]


async def test_a_tool_that_has_changed_or_cannot_tell_is_not_asked() -> None:
    send = _finds("it is there")

    assert await box([send]).reconcile(call("send", "{}", definition="other"), key="r1:c1") is None  # type: ignore[list-item]
    assert await box([echo]).reconcile(call("echo", "{}", definition=spec_of(echo).fingerprint), key="r1:c1") is None
    assert await box([]).reconcile(call("gone", "{}", definition="d"), key="r1:c1") is None
