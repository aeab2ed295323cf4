"""How Slack says no: `{"ok": false, "error": ...}` with status 200."""

from __future__ import annotations

from typing import Any


class Refused(Exception):
    """An answer with `ok: false`. `extra` are fields beside the error, as `needed` and `response_metadata`."""

    def __init__(self, error: str, **extra: Any) -> None:
        super().__init__(error)
        self.error = error
        self.extra = extra

    def body(self) -> dict[str, Any]:
        return {"ok": False, "error": self.error, **self.extra}


def invalid(error: str, *messages: str) -> Refused:
    """A refusal that says where the fault is, as Slack does for blocks and arguments."""
    return Refused(error, response_metadata={"messages": [f"[ERROR] {message}" for message in messages]})
