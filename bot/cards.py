"""Approvals as the cards people see: who may decide, who has, who is missing, and what more could be approved."""

from __future__ import annotations

import json

from bot import chat, present
from bot.policy import grants
from bot.policy.access import Decide, asked_of, voters_of
from bot.policy.approvers import approvers_of, in_words, missing
from bot.storage.reading import StoredApproval
from bot.work import Parts

TIMED_GRANT = "8h"


def card_of(parts: Parts, approval: StoredApproval) -> chat.Card:
    """An approval as a card, as things stand now."""
    about = parts.about(approval.tool)
    is_pending = approval.state == "pending"
    return present.card(
        approval,
        about,
        asks=in_words(approvers_of(approval.approver), approval.requester.label),
        missing=missing_of(parts, approval) if is_pending and approval.votes else "",
        offers=offers(approval) if is_pending else (),
        granted=_granted(approval),
    )


def decide_of(approval: StoredApproval, *, is_operator: bool = False) -> Decide:
    """Deciding this, as something that needs to be authorized."""
    return Decide(
        approval.approver,
        approval.place,
        approval.requester,
        approval.editor,
        approval.waited_ms / 1000,
        is_operator,
    )


def missing_of(parts: Parts, approval: StoredApproval) -> str:
    """Who has yet to approve, in words."""
    keys = tuple(vote.person for vote in approval.votes if vote.verb == "approve")
    voters = voters_of(parts.book, keys, approval.place, parts.clock())
    asked = asked_of(parts.book, decide_of(approval))
    return missing(approvers_of(approval.approver), voters, asked)


def offers(approval: StoredApproval) -> tuple[chat.Offer, ...]:
    """The ways to approve more than this very call: exactly these arguments, or a pattern they meet."""
    try:
        arguments = json.loads(approval.arguments or "{}")
    except (ValueError, RecursionError):
        return ()
    if not isinstance(arguments, dict):
        return ()
    exact = [(kind, "") for kind in ("run", "thread", TIMED_GRANT, "always")]
    wider = [(kind, pattern) for pattern in grants.offers(arguments)[:1] for kind in ("thread", TIMED_GRANT, "always")]
    return tuple(
        chat.Offer(kind, pattern, grants.in_words(kind, pattern, approval.tool)) for kind, pattern in (*exact, *wider)
    )


def _granted(approval: StoredApproval) -> str:
    """What was approved beside this very call."""
    if approval.state != "approved" or not approval.votes:
        return ""
    kind, pattern = grants.narrowest_of((vote.grant, vote.pattern) for vote in approval.votes)
    return "" if kind == chat.ONCE else grants.in_words(kind, pattern, approval.tool)
