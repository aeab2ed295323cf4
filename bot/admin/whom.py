"""WHO in the words: a person, a group of the platform, or a channel. Ids only, exactly one, never the bot itself."""

from __future__ import annotations

import re
from dataclasses import dataclass
from difflib import get_close_matches

from bot.admin.asking import Asking
from bot.engine.types import parse_actor
from bot.errors import PolicyError
from bot.policy.book import channel_of, group_key, is_person, scope_of
from bot.policy.judge import whom

_MENTION = re.compile(r"<(?P<kind>@!|@&|@|#|!subteam\^)(?P<id>[A-Za-z0-9]+)(?:\|[^>]*)?>")
_KEY = re.compile(r"(?:(?P<kind>group|channel|user):)?(?P<platform>web|slack|discord):(?P<rest>[\w.-]+(?:/[\w.-]+)?)")
_NAME = re.compile(r"[\w.-]{1,64}")
_ALL = frozenset({"everyone", "here", "channel", "all", "*"})
_BOT = frozenset({"nod", "bot"})
_OPENS = {"person": "@", "group": "@", "channel": "#"}
_WRITTEN = {"person": "<@U123>", "group": "group:slack:T123/S123", "channel": "<#C123>"}
"""What chat platforms open a list of names after, and what an id looks like."""
NAMED_PLATFORMS = frozenset({"web", "cli"})
"""Where a person's name is their id; elsewhere names are display only."""


@dataclass(frozen=True, slots=True)
class Who:
    """Whom a rule is for. `subject` as in `bot.policy.types.Rule`."""

    subject: str

    @property
    def is_person(self) -> bool:
        return is_person(self.subject)

    @property
    def text(self) -> str:
        """In words: `web:bob`, `group web:ops`, `channel web:general`."""
        return whom(self.subject)


def parse_who(text: str, asking: Asking) -> Who:
    """Read one WHO. Raises `PolicyError` with what to write instead."""
    subject = _subject(text, asking)
    if not asking.sees(scope_of(subject)):
        raise PolicyError(f"{whom(subject)} belongs to another workspace: only an admin there can do this.")
    if is_person(subject):
        known = asking.book.people.get(subject)
        is_bot = known is not None and known.standing == "bot"
        if is_bot or parse_actor(subject).user.lower() in _BOT:
            raise PolicyError("A bot has no rights of its own: name the person who asks.")
    return Who(subject)


def _subject(text: str, asking: Asking) -> str:
    bare = text.lstrip("@!").strip("<>").casefold()
    if bare in _ALL or "*" in text:
        raise PolicyError("Name one person, one group or one channel: a rule for everybody is the tool's own default.")
    if mention := _MENTION.fullmatch(text):
        return _mentioned(mention["kind"], mention["id"], asking)
    if "<" in text or "," in text:
        raise PolicyError("Name exactly one person, group or channel.")
    if key := _KEY.fullmatch(text):
        return text.removeprefix("user:") if key["kind"] in (None, "user") else text
    return _named(text, asking)


def _mentioned(kind: str, name: str, asking: Asking) -> str:
    scope = asking.actor.scope
    match kind:
        case "#":
            return f"channel:{scope}/{name}"
        case "@&" | "!subteam^":
            return group_key(scope, name)
        case _:
            return f"{scope}/{name}"


def _named(text: str, asking: Asking) -> str:
    """A name, where names are ids."""
    kind, name = _kind_and_name(text)
    if "@" in name:
        raise PolicyError("An e-mail address is nobody here: mention the person.")
    if not _NAME.fullmatch(name):
        raise PolicyError(f"{text[:60]!r} is nobody I know: write a name, `&group` or `#channel`.")
    if asking.actor.platform not in NAMED_PLATFORMS:
        raise PolicyError(
            f"Names can be taken by anybody: choose the {kind} from the list that opens after `{_OPENS[kind]}`, so "
            f"that its id is meant, as in `{_WRITTEN[kind]}`."
        )
    match kind:
        case "group":
            return group_key("web:", name)
        case "channel":
            return f"channel:web:{name}"
        case _:
            return f"web:{name}"


def _kind_and_name(text: str) -> tuple[str, str]:
    for sign, kind in (("&", "group"), ("group:", "group"), ("#", "channel"), ("channel:", "channel"), ("@", "person")):
        if text.startswith(sign):
            return kind, text.removeprefix(sign)
    return "person", text


def known_subjects(asking: Asking) -> list[str]:
    """Everybody and everything a rule could be for here, as one would write it."""
    book = asking.book
    subjects = {key for key in book.people if asking.sees(parse_actor(key).scope)}
    subjects |= {
        group_key(parse_actor(person.key).scope, group)
        for person in book.people.values()
        for group in person.groups
        if asking.sees(parse_actor(person.key).scope)
    }
    subjects |= {rule.subject for rule in book.rules if asking.sees(scope_of(rule.subject))}
    if not asking.is_operator:
        subjects.add(channel_of(asking.place))
    return sorted(_written(subject) for subject in subjects)


def _written(subject: str) -> str:
    """A subject as one writes it: `@bob`, `&ops`, `#general` on the page, keys elsewhere."""
    for prefix, sign in (("group:web:", "&"), ("channel:web:", "#"), ("web:", "@")):
        if subject.startswith(prefix):
            return sign + subject.removeprefix(prefix)
    return subject


def unmet(who: Who, asking: Asking) -> str:
    """A word on a person nobody has heard of yet, "" for all others."""
    if not who.is_person or who.subject in asking.book.people:
        return ""
    names_are_ids = parse_actor(who.subject).platform in NAMED_PLATFORMS
    known = list(asking.book.people) if names_are_ids else []
    close = get_close_matches(who.subject, known, n=1, cutoff=0.7)
    hint = f" Did you mean {close[0]}?" if close else ""
    return f"I have not met {who.text} yet.{hint}"
