"""Draw every event as one HTML fragment: the same for the transcript and for what happens now.

Knows the words of `bot.chat` and HTML; knows neither requests nor sessions. The page puts a fragment into its run's
section, in the place of the element with the same id, or at the end.
"""

from __future__ import annotations

import html
import zlib
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import assert_never

from adapters.web.markdown import markdown_html, plain_html
from adapters.web.visible import exact, exact_html, prose, prose_html
from bot.chat import Answered, Card, CardShown, Event, Notice, Said, TextSoFar, ToolLine, Working

MAX_ARGUMENT_CHARS = 200_000
"""Longer arguments are not shown in full, so the card has no Approve button."""
MAX_DRAFT_CHARS = 12_000
"""A longer answer is laid out once, at its end: while it is written it is shown as plain text."""
TALL_LINES = 300
TALL_CHARS = 20_000
"""Up to here arguments stand in full above the buttons; longer ones scroll in a box of their own, which says so."""
TONES = 6

CALL_WORDS = {
    "proposed": "getting ready",
    "waiting": "waiting for approval",
    "approved": "approved, about to run",
    "started": "running",
    "done": "done",
    "failed": "failed",
    "denied": "denied",
    "expired": "expired, not run",
    "cancelled": "cancelled, not run",
    "unknown": "outcome unknown: it started, and its end was not recorded",
}
BY_WORDS = {
    "approved": "approved by",
    "started": "approved by",
    "done": "approved by",
    "failed": "approved by",
    "unknown": "approved by",
    "denied": "denied by",
    "cancelled": "stopped by",
}
CARD_WORDS = {
    "pending": "Needs a nod",
    "approved": "Approved",
    "denied": "Denied",
    "expired": "Expired",
    "cancelled": "Cancelled",
}
OUTCOME_WORDS = {
    "approved": "Approved; it is about to run.",
    "started": "It is running.",
    "done": "It ran and finished.",
    "failed": "It ran and failed.",
    "refused": "It was not run: the policy had changed by then.",
    "unknown": "It started, and its end was not recorded: check whether it happened. It is not tried again.",
}
STATUS_WORDS = {
    "queued": "Queued: earlier messages come first.",
    "running": "Working",
    "waiting": "",
    "done": "",
    "failed": "This did not work out.",
    "cancelled": "Stopped.",
}


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


def person(key: str) -> str:
    """How a person is called on this page: `alice` for `web:alice`, other platforms in full."""
    return key.removeprefix("web:")


def tone(name: str) -> int:
    """One of the page's colours for a person, always the same one."""
    return zlib.crc32(name.encode("utf-8", "replace")) % TONES


def moment(at_ms: int, *, kind: str = "clock") -> str:
    """A point in time; the page's script words it in the reader's own time zone."""
    try:
        at = datetime.fromtimestamp(at_ms / 1000, UTC)
    except (OverflowError, OSError, ValueError):
        return "<time>at an unknown time</time>"
    return f'<time data-kind="{kind}" datetime="{at:%Y-%m-%dT%H:%M:%S}Z">{at:%Y-%m-%d %H:%M} UTC</time>'


def _attribute(text: str) -> str:
    return html.escape(exact(text))


# --- what was said --------------------------------------------------------------------------------


def _said(said: Said) -> Fragment:
    name = said.actor.label
    return Fragment(
        said.run_id,
        f"said-{said.run_id}",
        f'<div class="message said" id="said-{_attribute(said.run_id)}" data-person="{_attribute(said.actor.key)}">'
        f'<span class="avatar tone-{tone(name)}" aria-hidden="true">{_initial(name)}</span>'
        f'<div class="message-body"><p class="message-head"><b>{exact_html(name)}</b> {moment(said.at_ms)}</p>'
        f'<p class="said-text" dir="auto">{prose_html(said.text)}</p></div></div>',
    )


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
    return f"at-{at_ms}-{zlib.crc32(text.encode('utf-8', 'replace')):08x}"


def _draft(draft: TextSoFar) -> Fragment:
    body = markdown_html(draft.text) if len(draft.text) <= MAX_DRAFT_CHARS else plain_html(draft.text)
    return Fragment(draft.run_id, f"draft-{draft.run_id}", _bot_says(f"draft-{draft.run_id}", "draft", body, ""))


def _bot_says(element: str, kind: str, body: str, when: str) -> str:
    return (
        f'<div class="message {kind}" id="{_attribute(element)}">'
        '<span class="avatar avatar-nod" aria-hidden="true"></span>'
        f'<div class="message-body"><p class="message-head"><b>Nod</b> {when}</p>'
        f'<div class="markdown" dir="auto">{body}</div></div></div>'
    )


def _notice(notice: Notice) -> Fragment:
    run = notice.run_id or _own_section(notice.at_ms, notice.text)
    element = f"notice-{run}-{notice.at_ms}"
    return Fragment(
        run,
        element,
        f'<p class="notice" id="{_attribute(element)}"><span dir="auto">{prose_html(notice.text)}</span> '
        f"{moment(notice.at_ms)}</p>",
        says=prose(notice.text),
    )


def _working(working: Working) -> Fragment:
    words = STATUS_WORDS[working.status]
    element = f"status-{working.run_id}"
    shown = f'<p class="status status-{working.status}" id="{_attribute(element)}">{words}</p>' if words else ""
    return Fragment(working.run_id, element, shown, status=working.status)


# --- tools and cards ------------------------------------------------------------------------------


def _tool_line(line: ToolLine) -> Fragment:
    state = line.state if line.state in CALL_WORDS else "unknown"
    details = [f'<span class="call-state">{CALL_WORDS[state]}</span>']
    if line.by and state in BY_WORDS:
        details.append(f'<span class="call-by">{BY_WORDS[state]} {exact_html(person(line.by))}</span>')
    if line.duration_ms is not None:
        details.append(f'<span class="call-time">{duration(line.duration_ms)}</span>')
    return Fragment(
        line.run_id,
        f"call-{line.call_id}",
        f'<p class="call" id="call-{_attribute(line.call_id)}" data-state="{state}" '
        f'data-tool="{_attribute(line.tool)}"><span class="call-mark" aria-hidden="true"></span>'
        f"<code>{exact_html(line.tool)}</code> {' '.join(details)}</p>",
    )


def duration(ms: int) -> str:
    """A duration in the words people use: `0.4 s`, `12 s`, `2 min 5 s`."""
    if ms < 10_000:
        return f"{max(ms, 0) / 1000:.1f} s"
    seconds = round(ms / 1000)
    if seconds < 60:
        return f"{seconds} s"
    return f"{seconds // 60} min {seconds % 60} s"


def _card(card: Card) -> Fragment:
    element = f"card-{card.approval_id}"
    foot = _card_buttons(card) if card.state == "pending" else _card_decided(card)
    return Fragment(
        card.run_id,
        element,
        f'<article class="card" id="{_attribute(element)}" data-approval="{_attribute(card.approval_id)}" '
        f'data-state="{card.state}" data-outcome="{_attribute(card.outcome)}" tabindex="-1" '
        f'aria-label="{CARD_WORDS[card.state]}: {_attribute(card.tool)}">'
        f'<header class="card-head"><span class="card-state">{CARD_WORDS[card.state]}</span>'
        f'<h3 class="card-tool"><code>{exact_html(card.tool)}</code></h3></header>'
        f"{_card_about(card)}{_card_arguments(card)}{_card_facts(card)}{foot}</article>",
        says=_card_says(card),
    )


def _card_about(card: Card) -> str:
    return f'<p class="card-about" dir="auto">{exact_html(card.about)}</p>' if card.about else ""


def _card_arguments(card: Card) -> str:
    text = card.arguments
    if len(text) > MAX_ARGUMENT_CHARS:
        left_out = f"\n\n… {len(text) - 40_000:,} characters left out …\n\n"
        return (
            '<pre class="card-arguments is-tall" tabindex="0" aria-label="Arguments, in part" dir="ltr">'
            f"{exact_html(text[:20_000])}{left_out}{exact_html(text[-20_000:])}</pre>"
            f'<p class="card-note">{len(text):,} characters: too long to be shown in full.</p>'
        )
    lines = text.count("\n") + 1
    is_tall = lines > TALL_LINES or len(text) > TALL_CHARS
    note = f'<p class="card-note">{lines:,} lines, {len(text):,} characters: scroll to read all of it.</p>'
    return (
        f'<pre class="card-arguments{" is-tall" if is_tall else ""}" tabindex="0" aria-label="Arguments" '
        f'dir="ltr">{exact_html(text)}</pre>{note if is_tall else ""}'
    )


def _card_facts(card: Card) -> str:
    rows = [
        ("Asked by", _requester(card)),
        ("May decide", _approver(card)),
        ("Why it asks", exact_html(card.rule)),
        ("Expires", moment(card.expires_ms, kind="until") if card.state == "pending" else ""),
    ]
    shown = "".join(f"<div><dt>{name}</dt><dd>{value}</dd></div>" for name, value in rows if value)
    return f'<dl class="card-facts">{shown}</dl>'


def _requester(card: Card) -> str:
    key = person(card.requester)
    if not card.requester_name or card.requester_name == key:
        return exact_html(key)
    return f"{exact_html(card.requester_name)} ({exact_html(key)})"


def _approver(card: Card) -> str:
    """The tool's approver rule in words (see `bot.policy.judge.may_decide`): a role, or a list of people."""
    match card.approver:
        case "requester":
            return f"{_requester(card)}, who asked, or an admin"
        case "not_requester":
            return f"anybody but {_requester(card)}"
        case "admin":
            return "an admin"
        case "":
            return "nobody"
        case people if ":" in people:
            named = ", ".join(person(one.strip()) for one in people.split(","))
            return f"{exact_html(named)}, or an admin"
        case role:
            return f"people with the role {exact_html(role)}, or an admin"


def _card_buttons(card: Card) -> str:
    element = _attribute(f"reason-{card.approval_id}")
    approve = '<button type="button" class="button button-approve" data-verb="approve">Approve</button>'
    if len(card.arguments) > MAX_ARGUMENT_CHARS:
        approve = '<p class="card-note">It cannot be approved here, because its arguments cannot be shown in full.</p>'
    return (
        '<div class="card-foot"><div class="card-actions">'
        f'<label class="hidden" for="{element}">Reason, optional</label>'
        f'<input class="card-reason" id="{element}" maxlength="500" placeholder="Reason (optional)" autocomplete="off">'
        f'<div class="card-buttons">{approve}'
        '<button type="button" class="button button-deny" data-verb="deny">Deny</button></div></div>'
        f'<p class="card-others">You cannot decide this one. It waits for {_approver(card)}.</p>'
        '<p class="card-error error" role="alert"></p></div>'
    )


def _card_decided(card: Card) -> str:
    when = f" {moment(card.decided_ms)}" if card.decided_ms is not None else ""
    by = f" by <b>{exact_html(person(card.decided_by))}</b>" if card.decided_by else ""
    reason = f'<p class="card-why" dir="auto">“{exact_html(card.reason)}”</p>' if card.reason else ""
    words = OUTCOME_WORDS.get(card.outcome, "") if card.state == "approved" else "It was not run."
    outcome = f'<p class="card-outcome">{words}</p>' if words else ""
    return (
        f'<div class="card-foot"><p class="card-decided">{CARD_WORDS[card.state]}{by}{when}</p>{reason}{outcome}'
        '<p class="card-error error" role="alert"></p></div>'
    )


def _card_says(card: Card) -> str:
    if card.state == "pending":
        return f"Approval needed: {exact(card.tool)}, asked by {exact(card.requester_name or person(card.requester))}."
    by = f" by {exact(person(card.decided_by))}" if card.decided_by else ""
    return f"{exact(card.tool)}: {CARD_WORDS[card.state].lower()}{by}. {OUTCOME_WORDS.get(card.outcome, '')}".strip()
