"""The table of words: what each is called, whom it is for, what it does, and how it may go on."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from difflib import get_close_matches
from functools import partial

from bot.admin import filing, looking
from bot.admin.asking import Asking, Doors, Tools
from bot.admin.changing import USAGE
from bot.admin.choosing import model, reset_thread
from bot.admin.completing import Slots, completions
from bot.chat import Completion
from bot.engine.types import Actor, Place
from bot.errors import BotError, PolicyError, Refused
from bot.policy.access import Administer, authorize
from bot.policy.explain import Explanation
from bot.storage.audit import AuditRows
from bot.storage.people import PeopleRows
from bot.work import Parts, refresh_book

MAX_WORDS_CHARS = 4_000
MAX_FILE_CHARS = 300_000
Do = Callable[[Asking], Awaitable[str]]

__all__ = ["Doors", "Words"]


@dataclass(frozen=True, slots=True)
class Word:
    """One word: how it is written, what it is for, what it does, and what may follow it."""

    usage: str
    about: str
    do: Do
    slots: Slots = ()
    may_be_long: bool = False


async def _stop(asking: Asking) -> str:
    return await asking.tools.doors.stop(asking.place, asking.actor)


EVERYBODY: dict[str, Word] = {
    "help": Word("help", "what you can write here", lambda asking: _help(asking, is_admin=False)),
    "show": Word("show", "your roles, your tools, and what was set for you", looking.show),
    "explain": Word(
        "explain TOOL [NAME=VALUE ...]",
        "whether you may run a tool, why, and what would change it; or why an approval was asked for, by its id",
        looking.explain_words,
        ("tool",),
    ),
    "approvals": Word("approvals", "what waits for you, and what you wait for", looking.approvals),
    "approve": Word(
        "approve ID [for run | thread | DURATION | always]",
        "approve what waits; with `for`, also what is exactly like it",
        partial(looking.decide, "approve"),
        ("approval", "grant"),
    ),
    "deny": Word("deny ID [REASON]", "deny what waits", partial(looking.decide, "deny"), ("approval",)),
    "grants": Word("grants", "what was approved for more than once", looking.granted),
    "revoke": Word("revoke ID", "take back what was approved for more than once", looking.revoke, ("grant_id",)),
    "model": Word(
        "model [LABEL]",
        "which models may answer here; `/nod model LABEL` chooses one, `/nod model usual` lets it go",
        model,
        ("model",),
    ),
    "usage": Word("usage [for 30d]", "the tokens you used", partial(looking.usage, is_everybody=False)),
    "stop": Word("stop", "stop what I am working on for you here", _stop),
    "reset-thread": Word("reset-thread", "begin anew here: I forget what was said before", reset_thread),
}


def _changing(verb: str, about: str, slots: Slots) -> Word:
    return Word(USAGE[verb], about, partial(filing.change, verb), slots)


_RULE_SLOTS: Slots = ("who", "tool", "for")
ADMINS: dict[str, Word] = {
    "help": Word("help", "what admins can write here", lambda asking: _help(asking, is_admin=True)),
    "show": Word(
        "show WHO", "somebody's roles and tools; what is set for a group or a channel", looking.show, ("who",)
    ),
    "explain": Word(
        "explain WHO TOOL [NAME=VALUE ...] [in #channel]",
        "whether somebody may run a tool, why, and what would change it; or an approval, by its id",
        looking.explain_words,
        ("who", "tool"),
    ),
    "allow": _changing("allow", "run it without asking", _RULE_SLOTS),
    "ask": _changing("ask", "always ask before it runs", _RULE_SLOTS),
    "deny": _changing("deny", "not at all; a deny anywhere wins, then ask, then allow", _RULE_SLOTS),
    "reset": _changing("reset", "take back allow, ask and deny", ("who", "tool")),
    "role": _changing("role", "give a role: it opens the tools and models that name it", ("who", "role", "for")),
    "approver": _changing(
        "approver",
        "who approves a tool: requester, admin, not_requester, a role, @person, &group, `2 of finance`, "
        "`finance then admin after 2h`, none",
        ("tool", "approver"),
    ),
    "link": _changing("link", "two identities are one person: their word counts once", ("who", "who")),
    "unlink": _changing("unlink", "they are two people again", ("who", "who")),
    "grants": Word("grants [WHO]", "what was approved for more than once", looking.granted, ("who",)),
    "revoke": Word("revoke ID", "take back what was approved for more than once", looking.revoke, ("grant_id",)),
    "audit": Word(
        "audit [who=WHO] [tool=TOOL] [event=..] [decision=..] [outcome=..] [since=7d] [limit=20] [as=csv]",
        "what was asked, decided and changed; with `as=csv` up to 10,000 rows as a file",
        looking.audited,
        ("filter",),
    ),
    "simulate": Word(
        "simulate CHANGE [for 30d]",
        "what a change would have done to the calls of the last days, for example `simulate ask @bob files_delete`",
        filing.simulated,
        ("verb", "who", "tool"),
    ),
    "suggest": Word("suggest [for 30d]", "rules that would save approving the same again and again", filing.suggest),
    "policy": Word(
        "policy export | diff | import",
        "all of it as a TOML file for review; paste the file below diff and import",
        filing.policy,
        ("file",),
        may_be_long=True,
    ),
    "usage": Word("usage [for 30d]", "the tokens everybody used", partial(looking.usage, is_everybody=True)),
    "data": Word("data export WHO | data erase WHO", "all that is kept of a person", filing.data, ("data", "who")),
}


class Words:
    """Does what people write after `/nod` and `/nod-admin`. Who asks is who the platform verified; what they write
    grants nothing."""

    def __init__(self, parts: Parts, audit: AuditRows, doors: Doors) -> None:
        self._tools = Tools(parts, audit, PeopleRows(parts.policies.database), doors)

    async def do(
        self, place: Place, actor: Actor, words: str, *, is_admin: bool = False, is_strict: bool = False
    ) -> str:
        """Do it, and give what to show to this person alone. Raises `Refused`; what cannot be done is said, or raised
        as `BotError` with `is_strict`."""
        await refresh_book(self._tools.parts)
        words = self._tools.parts.redact(words)
        await self._check(actor, words, is_admin=is_admin)
        first, rest = _split(words)
        table = ADMINS if is_admin else EVERYBODY
        word = table.get(first.lower())
        try:
            if word is None:
                raise PolicyError(_unknown(first, is_admin=is_admin))
            if not word.may_be_long and len(words) > MAX_WORDS_CHARS:
                raise PolicyError(f"That is too long: at most {MAX_WORDS_CHARS} characters.")
            return await word.do(Asking(place, actor, rest, self._tools))
        except Refused:
            raise
        except BotError as err:
            if is_strict:
                raise
            return err.user_message

    def explain(self, place: Place, actor: Actor, words: str) -> Explanation:
        """What `explain` says, as data. Raises `PolicyError`."""
        return looking.explanation(Asking(place, actor, words.strip(), self._tools))

    async def complete(self, place: Place, actor: Actor, words: str, *, is_admin: bool = False) -> list[Completion]:
        """How these words may go on. Nothing for who may not use them."""
        parts = self._tools.parts
        if is_admin and authorize(parts.book, actor, Administer(actor.scope), parts.clock()) is not None:
            return []
        table = ADMINS if is_admin else EVERYBODY
        known = {name: (word.usage, word.about, word.slots) for name, word in table.items()}
        return completions(known, words, Asking(place, actor, "", self._tools))

    async def _check(self, actor: Actor, words: str, *, is_admin: bool) -> None:
        parts = self._tools.parts
        if is_admin and (why := authorize(parts.book, actor, Administer(actor.scope), parts.clock())):
            await self._tools.audit.note_words_refused(actor=actor.key, scope=actor.scope, words=words[:500])
            raise Refused("not_allowed", why)
        if len(words) > MAX_FILE_CHARS:
            raise Refused("too_long", f"That is too long: at most {MAX_FILE_CHARS} characters.")


def _split(words: str) -> tuple[str, str]:
    """The first word, and what comes after it; a file keeps its lines."""
    words = words.strip()
    parts = words.split(maxsplit=1)
    if not parts:
        return "help", ""
    return parts[0], words[len(parts[0]) :].strip(" ").lstrip()


def _unknown(word: str, *, is_admin: bool) -> str:
    table, other = (ADMINS, EVERYBODY) if is_admin else (EVERYBODY, ADMINS)
    prefix = "/nod-admin" if is_admin else "/nod"
    if word.lower() in other and not is_admin:
        return f"`{word[:40]}` is a word for admins: `/nod-admin {word[:40]}`."
    close = get_close_matches(word.lower(), table, n=1)
    hint = f"Did you mean `{prefix} {close[0]}`?" if close else f"`{prefix} help` lists them."
    return f"There is no word {word[:40]!r} after `{prefix}`. {hint}"


async def _help(asking: Asking, *, is_admin: bool) -> str:
    table, prefix = (ADMINS, "/nod-admin") if is_admin else (EVERYBODY, "/nod")
    lines = [f"- `{prefix} {word.usage}`: {word.about}" for word in table.values()]
    if is_admin:
        lines.append(
            "WHO is a person, a `&group` or a `#channel`. CONDITION: `amount<=100`, `env=staging|test`, "
            "`url.host=docs.python.org`, `path.under=reports`. DURATION: `30m`, `2h`, `7d`."
        )
    return "\n".join(lines)
