"""The forms of the Home tab for admins: opened from there, and sent as the words they stand for."""

from __future__ import annotations

from collections.abc import Callable

import structlog

from adapters.slack.directory.people import People
from adapters.slack.drawing.adminforms import COMPLETED, FORMS, WHEN, WHO, choices, line_of
from adapters.slack.interactivity.home import Home
from adapters.slack.interactivity.interactions import Action, Interaction
from adapters.slack.interactivity.modals import Modals
from adapters.slack.interactivity.submissions import Sent
from bot.chat import ChatService
from bot.errors import BotError, PolicyError

log = structlog.get_logger()


class Administering:
    def __init__(self, service: Callable[[], ChatService], people: People, modals: Modals, home: Home) -> None:
        self._service = service
        self._people = people
        self._modals = modals
        self._home = home

    async def press(self, one: Interaction, action: Action) -> bool:
        """Open a form; False for another button. Raises `BotError`."""
        if (form := FORMS.get(action.id)) is None:
            return False
        await self._modals.show(one, form())
        return True

    async def submit(self, one: Interaction, callback: str, inputs: dict[str, str]) -> Sent | None:
        """Do what a form says, as whoever sent it may; None for another modal. Raises `BotError`."""
        if callback not in FORMS:
            return None
        actor = await self._people.actor(one.team, one.user, user_team=one.user_team)
        await self._meet(one.team, inputs.get(f"{WHO}/{WHO}", ""))
        line = line_of(callback, inputs)
        try:
            told = await self._service().command(one.direct, actor, line, is_admin=True, is_strict=True)
        except PolicyError as err:
            is_limited = bool(inputs.get(f"{WHEN}/{WHEN}"))
            return Sent(err.user_message, WHEN if is_limited else WHO)
        self._home.changed()
        return Sent(told)

    async def offered(self, one: Interaction, menu: str, typed: str) -> list[dict[str, object]]:
        """What a menu of a form offers for what was typed. Raises `BotError`."""
        if (before := COMPLETED.get(menu)) is None:
            return []
        actor = await self._people.actor(one.team, one.user, user_team=one.user_team)
        found = await self._service().complete(one.direct, actor, before + "".join(typed.split()), is_admin=True)
        return choices(completion.words.removeprefix(before) for completion in found)

    async def _meet(self, team: str, user: str) -> None:
        """Tell the service what the person is whom a form is about."""
        try:
            await self._service().met(await self._people.actor(team, user))
        except BotError as err:
            log.info("person.not_looked_at", kind=type(err).__name__)
