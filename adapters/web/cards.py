"""Draw an approval as a card: the exact call, who may decide, and what became of it.

Everything in it is spelled out, so that nothing hides; no text can leave the frame.
"""

from __future__ import annotations

from adapters.web.snippets import attribute, moment, person
from adapters.web.visible import exact, exact_html
from bot.chat import Card

MAX_ARGUMENT_CHARS = 200_000
"""Longer arguments are not shown in full, so the card has no Approve button."""
TALL_LINES = 300
TALL_CHARS = 20_000
"""Up to here arguments stand in full above the buttons; longer ones scroll in a box of their own, which says so."""

CARD_WORDS = {
    "pending": "Needs a nod",
    "approved": "Approved",
    "denied": "Denied",
    "expired": "Expired",
    "cancelled": "Cancelled",
}
OUTCOME_WORDS = {
    "started": "It is running.",
    "done": "It ran and finished.",
    "failed": "It failed.",
    "cancelled": "It was not run: the run ended before it started.",
    "refused": "It was not run: the policy had changed by then.",
    "unknown": "It started, and its end was not recorded: check whether it happened. It is not tried again.",
}


def card_html(card: Card, element: str) -> str:
    """The card as it is now, as the element with this id."""
    foot = _buttons(card) if card.state == "pending" else _decided(card)
    return (
        f'<article class="card" id="{attribute(element)}" data-approval="{attribute(card.approval_id)}" '
        f'data-state="{card.state}" data-outcome="{attribute(card.outcome)}" tabindex="-1" '
        f'aria-label="{CARD_WORDS[card.state]}: {attribute(card.tool)}">'
        f'<header class="card-head"><span class="card-state">{CARD_WORDS[card.state]}</span>'
        f'<h3 class="card-tool"><code>{exact_html(card.tool)}</code></h3></header>'
        f"{_about(card)}{_arguments(card)}{_facts(card)}{foot}</article>"
    )


def _about(card: Card) -> str:
    return f'<p class="card-about" dir="auto">{exact_html(card.about)}</p>' if card.about else ""


def _arguments(card: Card) -> str:
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


def _facts(card: Card) -> str:
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


def _buttons(card: Card) -> str:
    element = attribute(f"reason-{card.approval_id}")
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


def _decided(card: Card) -> str:
    when = f" {moment(card.decided_ms)}" if card.decided_ms is not None else ""
    by = f" by <b>{exact_html(person(card.decided_by))}</b>" if card.decided_by else ""
    reason = f'<p class="card-why" dir="auto">“{exact_html(card.reason)}”</p>' if card.reason else ""
    words = OUTCOME_WORDS.get(card.outcome, "") if card.state == "approved" else "It was not run."
    outcome = f'<p class="card-outcome">{words}</p>' if words else ""
    return (
        f'<div class="card-foot"><p class="card-decided">{CARD_WORDS[card.state]}{by}{when}</p>{reason}{outcome}'
        '<p class="card-error error" role="alert"></p></div>'
    )


def card_says(card: Card) -> str:
    """What is read out when it is drawn live."""
    if card.state == "pending":
        return f"Approval needed: {exact(card.tool)}, asked by {exact(card.requester_name or person(card.requester))}."
    by = f" by {exact(person(card.decided_by))}" if card.decided_by else ""
    return f"{exact(card.tool)}: {CARD_WORDS[card.state].lower()}{by}. {OUTCOME_WORDS.get(card.outcome, '')}".strip()
