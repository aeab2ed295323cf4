"""Draw every event as one HTML fragment: the same for the transcript and for what happens now.

Knows the words of `bot.chat` and HTML; knows neither requests nor sessions. The page puts a fragment into its run's
section, in the place of the element with the same id, or at the end.
"""

from __future__ import annotations

import html
import zlib
from dataclasses import dataclass
from typing import assert_never

from adapters.visible import exact, exact_html, prose, prose_html
from adapters.web.cards import card_html, card_says
from adapters.web.markdown import markdown_html, plain_html
from adapters.web.snippets import attribute, moment, person, tone
from adapters.wording import BY_WORDS, CALL_WORDS, STATUS_WORDS, call_state, duration
from bot.chat import Answered, Card, CardShown, Event, Notice, Said, TextSoFar, ToolLine, Working

MAX_DRAFT_CHARS = 12_000
"""A longer answer is laid out once, at its end: while it is written it is shown as plain text."""
MAX_ASKED_CHARS = 80
TALL_NOTICE_LINES = 20
TALL_NOTICE_CHARS = 2_000
"""Up to here a notice stands in full; a longer one, with the arguments of a big call, scrolls in its box."""


@dataclass(frozen=True, slots=True)
class Fragment:
    """One element of the page. Empty `html` removes it.

    `replaces` is the id of an element this one takes the place of; `status` the run's new status; `says` what is read
    out when it happens live.
    """

    run: str
    id: str
    html: str
    replaces: str = ""
    status: str = ""
    says: str = ""

    def as_json(self) -> dict[str, str]:
        return {
            "run": self.run,
            "id": self.id,
            "html": self.html,
            "replaces": self.replaces,
            "status": self.status,
            "says": self.says,
        }


def fragment(event: Event) -> Fragment:
    """Draw one event."""
    match event:
        case Said():
            return _said(event)
        case Working():
            return _working(event)
        case TextSoFar():
            return _draft(event)
        case ToolLine():
            return _tool_line(event)
        case CardShown(card):
            return _card(card)
        case Answered():
            return _answered(event)
        case Notice():
            return _notice(event)
    assert_never(event)


# --- what was said --------------------------------------------------------------------------------


def _said(said: Said) -> Fragment:
    name = said.actor.label
    return Fragment(
        said.run_id,
        f"said-{said.run_id}",
        f'<div class="message said" id="said-{attribute(said.run_id)}" data-person="{attribute(said.actor.key)}">'
        f'<span class="avatar tone-{tone(name)}" aria-hidden="true">{_initial(name)}</span>'
        f'<div class="message-body"><p class="message-head"><b>{exact_html(name)}</b> {moment(said.at_ms)}</p>'
        f'<p class="said-text" dir="auto">{prose_html(said.text)}</p>{_attached(said.attached)}</div></div>',
    )


def _attached(names: tuple[str, ...]) -> str:
    if not names:
        return ""
    shown = (f'<span class="chip-name" dir="auto">{exact_html(name)}</span>' for name in names)
    chips = "".join(f'<li class="chip">{name}</li>' for name in shown)
    return f'<ul class="chips" aria-label="Attached">{chips}</ul>'


def _initial(name: str) -> str:
    return html.escape(next((char.upper() for char in name if char.isalnum()), "?"))


def _answered(answered: Answered) -> Fragment:
    run = answered.run_id or _own_section(answered.at_ms, answered.text)
    return Fragment(
        run,
        f"answer-{run}",
        _bot_says(f"answer-{run}", "answer", markdown_html(answered.text), moment(answered.at_ms)),
        replaces=f"draft-{run}",
        says=prose(answered.text)[:1000],
    )


def _own_section(at_ms: int, text: str) -> str:
    """Where something stands that belongs to no run, for example a post from another thread."""
    return f"at-{at_ms}-{_digest(text)}"


def _digest(text: str) -> str:
    return f"{zlib.crc32(text.encode('utf-8', 'replace')):08x}"


def _draft(draft: TextSoFar) -> Fragment:
    body = markdown_html(draft.text) if len(draft.text) <= MAX_DRAFT_CHARS else plain_html(draft.text)
    return Fragment(draft.run_id, f"draft-{draft.run_id}", _bot_says(f"draft-{draft.run_id}", "draft", body, ""))


def _bot_says(element: str, kind: str, body: str, when: str) -> str:
    return (
        f'<div class="message {kind}" id="{attribute(element)}">'
        '<span class="avatar avatar-nod" aria-hidden="true"></span>'
        f'<div class="message-body"><p class="message-head"><b>Nod</b> {when}</p>'
        f'<div class="markdown" dir="auto">{body}</div></div></div>'
    )


def private_html(words: str, answer: str, at_ms: int, *, is_admin: bool = False) -> str:
    """What was answered to a person's `/nod ...` or `/nod-admin ...`, as a line that only they are shown."""
    asked = exact_html(_shortened(f"{'/nod-admin' if is_admin else '/nod'} {prose(words)}".strip()))
    return (
        '<div class="message private"><span class="avatar avatar-nod" aria-hidden="true"></span>'
        f'<div class="message-body"><p class="message-head"><b>Nod</b> {moment(at_ms)} '
        f'<span class="private-note">Only you see this</span> <code>{asked}</code></p>'
        f'<div class="markdown" dir="auto">{markdown_html(answer)}</div></div></div>'
    )


def _shortened(line: str) -> str:
    first = line.split("\n", 1)[0][:MAX_ASKED_CHARS]
    return first if first == line else f"{first} …"


def _notice(notice: Notice) -> Fragment:
    """A calm warning. Known by its words: shown again, with another time, it takes its own place."""
    run = notice.run_id or _own_section(notice.at_ms, notice.text)
    element = f"notice-{run}-{_digest(notice.text)}"
    is_tall = notice.text.count("\n") >= TALL_NOTICE_LINES or len(notice.text) > TALL_NOTICE_CHARS
    opening = (
        '<p class="notice-text is-tall" tabindex="0" dir="auto">' if is_tall else '<p class="notice-text" dir="auto">'
    )
    return Fragment(
        run,
        element,
        f'<div class="notice" id="{attribute(element)}" role="note">'
        f"{opening}{exact_html(notice.text)}</p>{moment(notice.at_ms)}</div>",
        says=exact(notice.text)[:1000],
    )


def _working(working: Working) -> Fragment:
    words = STATUS_WORDS[working.status]
    element = f"status-{working.run_id}"
    shown = f'<p class="status status-{working.status}" id="{attribute(element)}">{words}</p>' if words else ""
    return Fragment(working.run_id, element, shown, status=working.status)


# --- tools and cards ------------------------------------------------------------------------------


def _tool_line(line: ToolLine) -> Fragment:
    state = call_state(line.state)
    details = [f'<span class="call-state">{CALL_WORDS[state]}</span>']
    if state == "denied" and line.by:
        details = [f'<span class="call-state">denied by {exact_html(person(line.by))}</span>']
    elif line.by and state in BY_WORDS:
        details.append(f'<span class="call-by">{BY_WORDS[state]} {exact_html(person(line.by))}</span>')
    if line.duration_ms is not None:
        details.append(f'<span class="call-time">{duration(line.duration_ms)}</span>')
    return Fragment(
        line.run_id,
        f"call-{line.call_id}",
        f'<p class="call" id="call-{attribute(line.call_id)}" data-state="{state}" '
        f'data-tool="{attribute(line.tool)}"><span class="call-mark" aria-hidden="true"></span>'
        f"<code>{exact_html(line.tool)}</code> {' '.join(details)}</p>",
    )


def _card(card: Card) -> Fragment:
    element = f"card-{card.approval_id}"
    return Fragment(card.run_id, element, card_html(card, element), says=card_says(card))
