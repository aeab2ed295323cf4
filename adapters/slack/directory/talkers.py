"""Who talks with the bot in which thread: there they are heard without a mention."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterable

from adapters.mark import joined
from adapters.recent import Latest
from adapters.slack.places import PLATFORM
from bot.chat import ChatService, Place, Room

MAX_PLACES = 50_000


class Talkers:
    """Known from what was stored, and from what is said since."""

    def __init__(self, service: Callable[[], ChatService]) -> None:
        self._service = service
        self._people: Latest[Place, set[str]] = Latest(MAX_PLACES)
        self._is_known = False
        self._lock = asyncio.Lock()

    async def know(self) -> None:
        """Read who talked where before this process; once. Raises `StoreError`."""
        if self._is_known:
            return
        async with self._lock:
            if not self._is_known:
                self.add(await joined(self._service(), PLATFORM))
                self._is_known = True

    def add(self, rooms: Iterable[Room]) -> None:
        for room in rooms:
            self._at(room.place).update(room.people)

    def note(self, place: Place, key: str) -> None:
        """This person (an identity) talks with the bot here."""
        self._at(place).add(key)

    def drop(self, place: Place, key: str) -> None:
        """They do not talk with it here after all."""
        self._at(place).discard(key)

    def are_in(self, place: Place) -> bool:
        """Whether anybody talks with the bot here."""
        return bool(self._people.get(place))

    def has(self, place: Place, key: str) -> bool:
        return key in self._people.get(place, ())

    def _at(self, place: Place) -> set[str]:
        found = self._people.setdefault(place, set())
        self._people.move_to_end(place)
        return found
