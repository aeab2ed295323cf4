"""What every word is given: who asked, where, what they wrote after the word, and the parts it may use."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import dataclass

from bot import chat
from bot.engine.types import Actor, Place
from bot.policy.access import Administer, authorize
from bot.policy.book import OPERATOR_PLATFORM, Book
from bot.storage.audit import AuditRows
from bot.storage.people import PeopleRows
from bot.work import Parts


@dataclass(frozen=True, slots=True)
class Doors:
    """What the words do through the service itself. `look_again`: let what waits be judged anew."""

    stop: Callable[[Place, Actor], Awaitable[str]]
    decide: Callable[[chat.Click], Awaitable[chat.Outcome]]
    pending: Callable[[Actor], Awaitable[list[chat.Card]]]
    look_again: Callable[[], Awaitable[None]]
    stop_all_of: Callable[[str, Actor], Awaitable[int]]


@dataclass(frozen=True, slots=True)
class Tools:
    """What the words work with."""

    parts: Parts
    audit: AuditRows
    people: PeopleRows
    doors: Doors


@dataclass(frozen=True, slots=True)
class Asking:
    """One line somebody wrote: `rest` is what stands after the word."""

    place: Place
    actor: Actor
    rest: str
    tools: Tools

    @property
    def parts(self) -> Parts:
        return self.tools.parts

    @property
    def book(self) -> Book:
        return self.tools.parts.book

    @property
    def now_ms(self) -> int:
        return self.tools.parts.clock()

    @property
    def is_operator(self) -> bool:
        return self.actor.platform == OPERATOR_PLATFORM

    @property
    def scope(self) -> str:
        """The workspace these words are about: who asks from there administers it."""
        return "" if self.is_operator else self.actor.scope

    @property
    def is_admin(self) -> bool:
        return authorize(self.book, self.actor, Administer(self.actor.scope), self.now_ms) is None

    def sees(self, scope: str) -> bool:
        """Whether a workspace is one this person administers."""
        return self.is_operator or self.actor.scope == scope
