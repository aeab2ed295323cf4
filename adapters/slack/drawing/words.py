"""What one person is told alone, as a message and as a modal. Pure."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from adapters.slack.drawing.blocks import named, rich, section
from adapters.slack.drawing.markup import mentioned, mrkdwn, private_answer
from adapters.slack.handlers import Body
from adapters.visible import exact

MAX_SENTENCE_CHARS = 2_900
MAX_NOTICE_CHARS = 140
IN_THREADS = (
    "Slack has no `/nod` in threads: there write `@Nod` and one of help, show, approvals, grants, model, usage, stop "
    "and reset-thread. Everything else after `/nod` is written outside of threads."
)
File = tuple[str, bytes]


@dataclass(frozen=True, slots=True)
class Words:
    """`text` is what a notification says, `blocks` what is shown."""

    text: str
    blocks: tuple[Body, ...]

    @property
    def message(self) -> Body:
        return {"text": self.text, "blocks": list(self.blocks)}

    def with_note(self, note: str) -> Words:
        """The same with a remark below."""
        return Words(self.text, (*self.blocks, {"type": "context", "elements": [{"type": "mrkdwn", "text": note}]}))

    @property
    def view(self) -> Body:
        """The same as a modal with nothing to do in it."""
        return {"type": "modal", "title": plain("Nod"), "close": plain("Close"), "blocks": list(self.blocks)}


def sentence(text: str, team: str = "") -> Words:
    """A sentence of the bot's own, maybe with names in it: shown as it is, nothing in it is markup. People and groups
    of this workspace are mentioned in place of their ids."""
    shown = exact(text).strip() or "…"
    cut = shown if len(shown) <= MAX_SENTENCE_CHARS else f"{shown[:MAX_SENTENCE_CHARS]}…"
    said = named(cut, team)
    block = {"type": "section", "text": plain(cut)} if len(said) == 1 else rich(section([said]))
    return Words(mrkdwn(cut[:MAX_NOTICE_CHARS]), (block,))


def said_in_thread(text: str) -> str:
    """What a word gave, as Markdown, with what works there of the commands it speaks of."""
    return f"{text}\n\n{IN_THREADS}" if "`/nod " in text else text


def answer_of(text: str, team: str = "") -> tuple[Words, File | None]:
    """What a word gave, as Markdown, with people, groups and channels of this workspace as mentions; and a file, where
    it is one, or is too long for a message."""
    shown, file = private_answer(text)
    shown = mentioned(shown, team) if team else shown
    return Words(mrkdwn(text[:MAX_NOTICE_CHARS]), ({"type": "markdown", "text": shown or "…"},)), file


def plain(text: str) -> dict[str, Any]:
    """Text in which nothing is markup (docs, "Text object")."""
    return {"type": "plain_text", "text": text, "emoji": False}
