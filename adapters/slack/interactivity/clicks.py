"""What is pressed on cards, and the modals that come of it: decide, and tell the person alone what became of it.

A button holds a verb and an opaque id, so it works in any process, whenever it is pressed. What was decided is durable
before anybody sees it: the card follows through the outbox.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from dataclasses import replace
from typing import Any, Literal
from weakref import WeakValueDictionary

import structlog

from adapters.ids import Pressed, read
from adapters.offers import chosen
from adapters.slack.api.web import SlackRefused
from adapters.slack.directory.people import People
from adapters.slack.drawing.cards import can_edit
from adapters.slack.drawing.forms import edit_modal, look_modal, offers_modal, reason_modal
from adapters.slack.drawing.words import sentence
from adapters.slack.handlers import Body
from adapters.slack.interactivity.interactions import Action, Interaction
from adapters.slack.interactivity.modals import Modals
from adapters.slack.interactivity.private import Private
from adapters.slack.interactivity.submissions import DONE, Sent
from adapters.slack.places import PLATFORM
from bot.chat import Actor, Card, ChatService, Click, Outcome
from bot.errors import BotError, Refused, SendError

log = structlog.get_logger()

NOT_VALID = "This button is not valid any more; nothing was decided by it."
GONE_OFFER = "That is not offered any more; press Always… again."
TOO_LONG = "These arguments are too long to be edited here."
NOT_HERE = "There is nothing to stop here."
Verb = Literal["approve", "deny", "edit"]


class Clicks:
    def __init__(self, service: Callable[[], ChatService], people: People, private: Private, modals: Modals) -> None:
        self._service = service
        self._people = people
        self._private = private
        self._modals = modals
        self._turns: WeakValueDictionary[str, asyncio.Lock] = WeakValueDictionary()

    async def press(self, one: Interaction, action: Action) -> bool:
        """Do what a button of a card says; False for any other. Raises `BotError`."""
        if (pressed := read(action.id)) is None:
            return False
        await self._do(one, pressed)
        return True

    async def _do(self, one: Interaction, pressed: Pressed) -> None:
        match pressed.verb:
            case "approve" | "deny":
                await self._press(one, pressed.verb, pressed.id)
            case "all" | "none":
                verb: Verb = "approve" if pressed.verb == "all" else "deny"
                await self._press(one, verb, pressed.id, together=pressed.token)
            case "stop":
                await self._stop(one, pressed.id)
            case "reason" | "edit" | "longer" | "look":
                await self._show_more(one, pressed)
            case _:
                raise Refused("not_allowed", NOT_VALID)

    async def submit(self, one: Interaction, callback: str, inputs: dict[str, str]) -> Sent | None:
        """Do what a modal says that a card had opened; None for any other. Raises `BotError`."""
        if (pressed := read(callback)) is None:
            return None
        field, text = next(iter(inputs.items()), ("", ""))
        match pressed.verb:
            case "denied":
                outcome = await self._decide(one, "deny", pressed.id, reason=text)
            case "edited":
                outcome = await self._decide(one, "edit", pressed.id, arguments=text)
            case "grant":
                outcome = await self._grant(one, pressed.id, text)
            case _:
                raise Refused("not_allowed", NOT_VALID)
        is_open = outcome.card is not None and outcome.card.state == "pending"
        if outcome.is_accepted:
            return Sent(outcome.message) if is_open else DONE
        return Sent(outcome.message, field.partition("/")[0] if is_open else "")

    # --- asking for more ---

    async def _show_more(self, one: Interaction, pressed: Pressed) -> None:
        actor = await self._people.actor(one.team, one.user, user_team=one.user_team)
        card = await self._service().card_for(pressed.id, actor)
        await self._modals.show(one, _asked_in(pressed.verb, card, one.team))

    async def _grant(self, one: Interaction, approval_id: str, value: str) -> Outcome:
        actor = await self._people.actor(one.team, one.user, user_team=one.user_team)
        offer = chosen(await self._service().card_for(approval_id, actor), value)
        if offer is None:
            raise Refused("not_allowed", GONE_OFFER)
        return await self._decide(one, "approve", approval_id, grant=offer.grant, pattern=offer.pattern)

    # --- deciding ---

    async def _press(self, one: Interaction, verb: Verb, approval_id: str, **more: Any) -> None:
        """Decide, and say what only this person has to know: the card says the rest."""
        outcome = await self._decide(one, verb, approval_id, **more)
        is_open = outcome.card is not None and outcome.card.state == "pending"
        if one.view and not one.is_home:
            await self._say_in_modal(one, outcome.message)
        elif not outcome.is_accepted or is_open or more:
            await self._private.tell(one, outcome.message)

    async def _say_in_modal(self, one: Interaction, said: str) -> None:
        """Say it in the modal that was pressed in; where that was closed meanwhile, privately."""
        try:
            await self._modals.replace(one, sentence(said, one.team).view)
        except (SlackRefused, SendError) as err:
            log.info("modal.not_replaced", kind=type(err).__name__)
            await self._private.tell(replace(one, view=""), said)

    async def _decide(self, one: Interaction, verb: Verb, approval_id: str, **more: Any) -> Outcome:
        lock = self._turns.setdefault(approval_id, asyncio.Lock())
        async with lock:  # the first to press is the first to be heard, whatever has to be looked up
            may_run = verb != "deny"
            actor = await self._people.actor(one.team, one.user, user_team=one.user_team, is_fresh=may_run)
            if may_run:
                await self._look_at_requester(approval_id, actor)
            shown_as = "" if one.is_ephemeral else one.message
            click = Click(approval_id, verb, actor, shown_in=one.place, shown_as=shown_as, **more)
            return await self._service().decide(click)

    async def _look_at_requester(self, approval_id: str, actor: Actor) -> None:
        """Tell the service what whoever asked is to their workspace now, where their call may run. Where Slack cannot
        say, what was known of them counts."""
        asked = await self._service().asked(approval_id)
        if asked is None or asked[1].key == actor.key or asked[1].platform != PLATFORM:
            return
        try:
            await self._service().met(await self._people.actor(asked[1].workspace, asked[1].user, is_fresh=True))
        except BotError as err:
            log.info("person.not_looked_at", kind=type(err).__name__)

    async def _stop(self, one: Interaction, run_id: str) -> None:
        if one.place is None:
            raise Refused("not_allowed", NOT_HERE)
        actor = await self._people.actor(one.team, one.user, user_team=one.user_team)
        await self._private.tell(one, await self._service().stop(one.place, actor, run_id=run_id))


def _asked_in(verb: str, card: Card, team: str) -> Body:
    """The modal that a button of a card opens. Raises `Refused` where nothing can be asked in one."""
    match verb:
        case "reason":
            return reason_modal(card)
        case "longer":
            return offers_modal(card)
        case "edit" if not can_edit(card):
            raise Refused("not_allowed", TOO_LONG)
        case "edit":
            return edit_modal(card)
        case _:
            return look_modal(card, team=team)
