"""Read what somebody presses on a card: parsed once, bounded, refused in one sentence."""

from __future__ import annotations

from typing import Literal

from aiohttp import web

from adapters.web.cards import MAX_EDIT_BYTES
from adapters.web.guard import Rejected
from adapters.web.parsing import APPROVAL, body_bytes, bounded, json_body, matching, storable, text_of
from bot.chat import ONCE, Actor, Click

MAX_REASON_CHARS = 500
MAX_GRANT_CHARS = 40
MAX_PATTERN_CHARS = 1000
ARGUMENTS_TOO_LONG = f"These arguments are too long: at most {MAX_EDIT_BYTES // 1024} kB can be saved here."
FIELDS = {"approve": {"grant", "pattern"}, "edit": {"arguments"}, "deny": set[str]()}
"""What each verb comes with. Arguments beside an approval would seem to be approved, and something else would run."""


async def click_of(request: web.Request, actor: Actor) -> Click:
    """What this person says to the approval in the address."""
    approval_id = matching(APPROVAL, request.match_info["id"], "There is no such approval.", status=404)
    body = await json_body(request, at_most=body_bytes(MAX_EDIT_BYTES), too_long=ARGUMENTS_TOO_LONG)
    verb = _verb(body)
    stray = body.keys() & {"grant", "pattern", "arguments"} - FIELDS[verb]
    if stray:
        raise Rejected(400, f"A click that says {verb} has no {min(stray)!r}.")
    return Click(
        approval_id,
        verb,
        actor,
        reason=_short(body, "reason", MAX_REASON_CHARS, default="").strip(),
        arguments=bounded(text_of(body, "arguments"), MAX_EDIT_BYTES, ARGUMENTS_TOO_LONG) if verb == "edit" else "",
        grant=_short(body, "grant", MAX_GRANT_CHARS, default=ONCE),
        pattern=_short(body, "pattern", MAX_PATTERN_CHARS, default=""),
    )


def _verb(body: dict[str, object]) -> Literal["approve", "deny", "edit"]:
    match text_of(body, "verb"):
        case "approve":
            return "approve"
        case "deny":
            return "deny"
        case "edit":
            return "edit"
        case _:
            raise Rejected(400, "A card is approved, edited or denied, nothing else.")


def _short(body: dict[str, object], name: str, at_most: int, *, default: str) -> str:
    text = storable(text_of(body, name, default=default))
    if len(text) > at_most:
        raise Rejected(400, f"A {name} has at most {at_most} characters.")
    return text
