"""What the buttons and menus of a card hold: a verb and an opaque id, never a word of the call. Pure.

Discord: a custom_id has 1 to 100 characters and is unique in its message (docs, "Component Object"). Slack: an
action_id has at most 255 (docs, "Button element").
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Literal, get_args

Verb = Literal[
    "approve", "deny", "reason", "edit", "longer", "grant", "all", "none", "look", "stop", "edited", "denied"
]
"""`approve` and `deny` decide; `reason`, `edit` and `longer` ask for more first (a modal, a menu), which comes back as
`denied`, `edited` and `grant`; `all` and `none` decide everything that was asked for together; `look` shows privately
what the card hides; `stop` ends a run."""
PREFIX = "nod:"
MAX_CHARS = 100
_ID = re.compile(r"[0-9a-zA-Z_-]{1,64}")
_TOKEN = re.compile(r"[0-9a-zA-Z_-]{0,24}")
TEMPLATE = re.compile(r"nod:(?P<verb>[a-z]{1,8}):(?P<id>[0-9a-zA-Z_-]{1,64})(?::(?P<token>[0-9a-zA-Z_-]{1,24}))?")
_VERBS = frozenset(get_args(Verb))


@dataclass(frozen=True, slots=True)
class Pressed:
    """What a button meant: `id` is an approval's, or a run's for `stop`; `token` is the card's `together`."""

    verb: Verb
    id: str
    token: str = ""


def custom_id(verb: Verb, of: str, token: str = "") -> str:
    """The id of a button or a menu. Raises ValueError for an id that does not fit."""
    if not _ID.fullmatch(of) or not _TOKEN.fullmatch(token):
        raise ValueError("an id is letters, digits, dash and underscore, at most 64")
    return f"{PREFIX}{verb}:{of}:{token}" if token else f"{PREFIX}{verb}:{of}"


def read(text: str) -> Pressed | None:
    """What such an id says; None for one that is none of ours, or that nobody knows any more."""
    found = TEMPLATE.fullmatch(text)
    if found is None or found["verb"] not in _VERBS:
        return None
    return Pressed(found["verb"], found["id"], found["token"] or "")  # type: ignore[arg-type]  # checked
