"""Draw an approval as a card: the exact call, who may decide, and what became of it.

Everything in it is spelled out, so that nothing hides; no text can leave the frame.
"""

from __future__ import annotations

import html
import json

from adapters import wording
from adapters.visible import exact, exact_html, exact_json
from adapters.web.snippets import attribute, moment, person
from adapters.wording import CARD_WORDS, OUTCOME_WORDS
from bot.chat import Card, Offer

MAX_ARGUMENT_CHARS = 200_000
"""Longer arguments are not shown in full, so the card has no Approve button."""
MAX_EDIT_BYTES = 64 * 1024
"""Longer arguments cannot be edited on the page."""
TALL_LINES = 300
TALL_CHARS = 20_000
"""Up to here arguments stand in full above the buttons; longer ones scroll in a box of their own, which says so."""


def card_html(card: Card, element: str) -> str:
    """The card as it is now, as the element with this id."""
    foot = _buttons(card) if card.state == "pending" else _decided(card)
    return (
        f'<article class="card" id="{attribute(element)}" data-approval="{attribute(card.approval_id)}" '
        f'data-state="{card.state}" data-outcome="{attribute(card.outcome)}" '
        f'data-voters="{_held(list(card.approved_by))}" tabindex="-1" '
        f'aria-label="{CARD_WORDS[card.state]}: {attribute(card.tool)}">'
        f'<header class="card-head"><span class="card-state">{CARD_WORDS[card.state]}</span>'
        f'<h3 class="card-tool"><code>{exact_html(card.tool)}</code></h3></header>'
        f"{_about(card)}{_edited(card)}{_arguments(card)}{_facts(card)}{foot}</article>"
    )


def _about(card: Card) -> str:
    return f'<p class="card-about" dir="auto">{exact_html(card.about)}</p>' if card.about else ""


def _edited(card: Card) -> str:
    if not card.edited_by:
        return ""
    return f'<p class="card-edited">Arguments edited by <b>{exact_html(person(card.edited_by))}</b></p>'


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
        ("May decide", _deciders(card)),
        ("Why it asks", exact_html(card.rule)),
        ("Expires", moment(card.expires_ms, kind="until") if card.state == "pending" else ""),
    ]
    shown = "".join(f"<div><dt>{name}</dt><dd>{value}</dd></div>" for name, value in rows if value)
    return f'<dl class="card-facts">{shown}</dl>'


def _requester(card: Card) -> str:
    return exact_html(_asker(card))


def _asker(card: Card) -> str:
    key = person(card.requester)
    return f"{card.requester_name} ({key})" if card.requester_name and card.requester_name != key else key


def _deciders(card: Card) -> str:
    return exact_html(card.asks or wording.approver(card.approver, _asker(card), person))


def _buttons(card: Card) -> str:
    element = attribute(f"reason-{card.approval_id}")
    if len(card.arguments) > MAX_ARGUMENT_CHARS:
        approve = '<p class="card-note">It cannot be approved here, because its arguments cannot be shown in full.</p>'
        offers = ""
    else:
        approve = '<button type="button" class="button button-approve" data-verb="approve">Approve</button>'
        approve += _longer(card)
        offers = _offers(card)
    return (
        f'<div class="card-foot">{_votes(card)}<div class="card-actions">'
        f'<label class="hidden" for="{element}">Reason, optional</label>'
        f'<input class="card-reason" id="{element}" maxlength="500" placeholder="Reason (optional)" autocomplete="off">'
        f'<div class="card-buttons">{approve}{_edit(card)}'
        f'<button type="button" class="button button-deny" data-verb="deny">Deny</button></div>{offers}</div>'
        f'<p class="card-others">You cannot decide this one. It waits for {_deciders(card)}.</p>'
        '<p class="card-voted">You have approved this. It waits for the others.</p>'
        '<p class="card-error error" role="alert"></p></div>'
    )


def _longer(card: Card) -> str:
    if not card.offers:
        return ""
    return (
        f'<button type="button" class="button button-longer" id="{attribute(f"longer-{card.approval_id}")}" '
        f'aria-haspopup="menu" aria-expanded="false" aria-controls="{attribute(f"offers-{card.approval_id}")}">'
        "Approve for…</button>"
    )


def _offers(card: Card) -> str:
    if not card.offers:
        return ""
    return (
        f'<div class="card-offers" id="{attribute(f"offers-{card.approval_id}")}" role="menu" '
        f'aria-labelledby="{attribute(f"longer-{card.approval_id}")}" hidden>'
        f"{''.join(_offer(offer) for offer in card.offers)}</div>"
    )


def _offer(offer: Offer) -> str:
    chosen = _held({"grant": offer.grant, "pattern": offer.pattern})
    return (
        f'<button type="button" class="card-offer" role="menuitem" tabindex="-1" data-offer="{chosen}" dir="auto">'
        f"{exact_html(offer.text)}</button>"
    )


def _edit(card: Card) -> str:
    arguments = exact_json(card.arguments) if len(card.arguments) <= MAX_EDIT_BYTES else ""
    if not arguments or len(arguments.encode()) > MAX_EDIT_BYTES:
        return ""
    return f'<button type="button" class="button" data-arguments="{html.escape(arguments)}">Edit</button>'


def _held(value: object) -> str:
    """Something for the page's script in an attribute: JSON in ASCII, so that it comes back to the last character."""
    return html.escape(json.dumps(value))


def _votes(card: Card) -> str:
    """Who has approved so far, and what is missing."""
    missing = "" if card.missing == card.asks else exact_html(card.missing)
    if card.approved_by:
        return f'<p class="card-votes">Approved by {_approved_by(card)}{f"; {missing}" if missing else ""}</p>'
    return f'<p class="card-votes">Missing: {missing}</p>' if missing else ""


def _approved_by(card: Card) -> str:
    return ", ".join(f"<b>{exact_html(person(name))}</b>" for name in card.approved_by)


def _decided(card: Card) -> str:
    when = f" {moment(card.decided_ms)}" if card.decided_ms is not None else ""
    by = f" by <b>{exact_html(person(card.decided_by))}</b>" if card.decided_by else ""
    is_approved = card.state == "approved"
    if is_approved and len(card.approved_by) > 1:
        by = f" by {_approved_by(card)}"
    elif card.approved_by and not is_approved:
        when += f" (approved before by {_approved_by(card)})"
    granted = f'<p class="card-granted" dir="auto">{exact_html(card.granted)}</p>' if card.granted else ""
    reason = f'<p class="card-why" dir="auto">“{exact_html(card.reason)}”</p>' if card.reason else ""
    words = wording.outcome(card.state, card.outcome)
    outcome = f'<p class="card-outcome">{words}</p>' if words else ""
    return (
        f'<div class="card-foot"><p class="card-decided">{CARD_WORDS[card.state]}{by}{when}</p>'
        f"{granted}{reason}{outcome}"
        '<p class="card-error error" role="alert"></p></div>'
    )


def card_says(card: Card) -> str:
    """What is read out when it is drawn live."""
    if card.state == "pending":
        asked = f"Approval needed: {exact(card.tool)}, asked by {exact(card.requester_name or person(card.requester))}."
        return " ".join([asked, *_said_so_far(card)])
    by = f" by {exact(person(card.decided_by))}" if card.decided_by else ""
    return f"{exact(card.tool)}: {CARD_WORDS[card.state].lower()}{by}. {OUTCOME_WORDS.get(card.outcome, '')}".strip()


def _said_so_far(card: Card) -> list[str]:
    said = []
    if card.edited_by:
        said.append(f"Arguments edited by {exact(person(card.edited_by))}.")
    if card.approved_by:
        names = ", ".join(exact(person(name)) for name in card.approved_by)
        said.append(f"Approved by {names}{f'; {exact(card.missing)}' if card.missing else ''}.")
    return said
