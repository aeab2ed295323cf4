"""What becomes of a modal that was sent, and how Slack is told so when it waits for the acknowledgement."""

from __future__ import annotations

from dataclasses import dataclass

from adapters.slack.drawing.words import sentence
from adapters.slack.handlers import Body

MAX_ERROR_CHARS = 600


@dataclass(frozen=True, slots=True)
class Sent:
    """`text` is for whoever sent it, "" where nothing has to be said. `field` is the block of what is wrong: then the
    modal stays open, with what was typed."""

    text: str = ""
    field: str = ""


DONE = Sent()


def acknowledged(sent: Sent, team: str = "") -> Body:
    """What to acknowledge a modal with (docs, "View submission payload", `response_action`)."""
    if sent.field:
        return {"response_action": "errors", "errors": {sent.field: sent.text[:MAX_ERROR_CHARS] or "?"}}
    if sent.text:
        return {"response_action": "update", "view": sentence(sent.text, team).view}
    return {"response_action": "clear"}
