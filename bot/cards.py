"""Approvals as the cards people see: who may decide, who has, who is missing, and what more could be approved."""

from __future__ import annotations

import hashlib
import json

from bot import chat, present
from bot.engine.types import Place, Run, ToolCall, parse_actor
from bot.policy import grants
from bot.policy.access import Decide, asked_of, voters_of
from bot.policy.approvers import approvers_of, in_words, missing, named
from bot.policy.book import NOBODY
from bot.storage.asked import StoredApproval
from bot.storage.outbox import UNDELIVERED
from bot.work import Parts

DIRECT_PLATFORMS = frozenset({"discord", "slack"})
"""Where somebody can be written to directly, in the channel `@<id>`."""
TIMED_GRANT = "8h"
MAX_DIRECT = 20
"""How many approvers are sent a card each; what waits for more people than that is for a channel."""


def card_of(parts: Parts, approval: StoredApproval) -> chat.Card:
    """An approval as a card, as things stand now."""
    about = parts.about(approval.tool)
    is_pending = approval.state == "pending"
    is_last = is_pending and len(approval.together) > 1 and approval.together[-1] == approval.id
    return present.card(
        approval,
        about,
        asks=in_words(approvers_of(approval.approver), approval.requester.label),
        missing=missing_of(parts, approval) if is_pending and approval.votes else "",
        offers=offers(approval) if is_pending else (),
        granted=_granted(approval),
        together=token_of(approval.together) if is_last else "",
        together_count=len(approval.together) if is_last else 0,
    )


def token_of(approval_ids: tuple[str, ...]) -> str:
    """A short word for exactly these approvals: another one among them, or one less, makes another word."""
    return hashlib.sha256(",".join(approval_ids).encode()).hexdigest()[:20]


def copies_of(parts: Parts, run: Run, call: ToolCall) -> tuple[Place, ...]:
    """Where the card of a call is shown beside the place it was asked for in: the channels of the operator, and the
    direct messages of those who are named as its approvers."""
    if run.place.platform in UNDELIVERED:
        return ()
    channels = [place for scope, place in map(_channel, parts.settings.approvals_channels) if scope == run.place.scope]
    has_direct = parts.settings.approvals_dm and run.place.platform in DIRECT_PLATFORMS
    found = dict.fromkeys([*channels, *(_direct(parts, run, call) if has_direct else ())])
    return tuple(place for place in found if place != run.place and place.platform in parts.settings.adapters)


def _channel(text: str) -> tuple[str, Place]:
    """`discord:1/2` is for what is asked for in its workspace, `slack:T1>discord:1/2` for what is asked for in T1."""
    scope, arrow, target = text.rpartition(">")
    platform, _, rest = target.partition(":")
    workspace, _, channel = rest.rpartition("/")
    place = Place(platform, workspace, channel)
    return (scope if arrow else place.scope), place


def _direct(parts: Parts, run: Run, call: ToolCall) -> list[Place]:
    scope = run.place.scope
    keys = named(
        approvers_of(call.approver),
        requester=run.requester.key,
        admins=parts.book.admins_in(scope, parts.clock()),
        scope=scope,
        age_s=0,
    )
    people = [parts.book.known(parse_actor(key)) for key in keys if key != run.requester.key]
    theirs = [one for one in people if one.scope == scope and one.standing not in NOBODY]
    return [Place(one.platform, one.workspace, f"@{one.user}") for one in theirs[:MAX_DIRECT]]


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
