"""Questions about a message from its menu: a modal for the question, then a turn in that message's thread.

What the message says goes with the question as something that was heard, and everybody there sees what was asked.
"""

from __future__ import annotations

import time
from collections.abc import Awaitable, Callable

from adapters.slack.handlers import Body
from adapters.slack.interactions import Action, Interaction
from adapters.slack.lookups import People
from adapters.slack.marks import look_at
from adapters.slack.modals import Modals
from adapters.slack.places import PLATFORM
from adapters.slack.rooms import Rooms
from adapters.slack.sending import Post, Sender
from adapters.slack.submissions import DONE, Sent
from adapters.slack.web import SlackRefused
from adapters.slack.words import plain
from bot.chat import Actor, ChatService, Heard, Inbound, Place
from bot.errors import PlaceGone, Refused

CALLBACK = "nod_ask"
QUESTION = "question"
MAX_QUESTION_CHARS = 3_000
"""Slack: the text input of a modal (docs, "Plain-text input")."""
EMPTY = "Write what you want to know about it."
NOT_THERE = "I am not in this conversation, so I cannot answer there: invite me first, or write to me directly."
NOTHING = "I cannot tell which message that was about: open its menu again."
GONE = "That message is not there any more."
HeardIn = Callable[[str, str, Body], Awaitable[Heard | None]]
"""A message of a channel of a workspace, as something that was heard there; None where it says nothing."""


class Asking:
    """`clock` is time's, in seconds."""

    def __init__(
        self,
        service: Callable[[], ChatService],
        people: People,
        rooms: Rooms,
        sender: Sender,
        modals: Modals,
        *,
        heard_in: HeardIn,
        clock: Callable[[], float] = time.time,
    ) -> None:
        self._service = service
        self._people = people
        self._rooms = rooms
        self._sender = sender
        self._modals = modals
        self._heard_in = heard_in
        self._clock = clock

    async def open(self, one: Interaction) -> None:
        """Ask what somebody wants to know about a message. Raises `BotError`."""
        await self._modals.show(one, question_modal())

    async def press(self, one: Interaction, action: Action) -> bool:
        """No button belongs to it."""
        return False

    async def submit(self, one: Interaction, callback: str, inputs: dict[str, str]) -> Sent | None:
        """Take the question; None for another modal. Raises `BotError`."""
        if callback != CALLBACK:
            return None
        question = inputs.get(f"{QUESTION}/{QUESTION}", "").strip()
        if not question:
            return Sent(EMPTY, QUESTION)
        if one.below is None or not one.message:
            raise Refused("not_allowed", NOTHING)
        heard = await self._heard(one, one.below)
        actor = await self._people.actor(one.team, one.user)
        key = f"{PLATFORM}-asked:{one.team}:{one.view}"
        at_ms = int(self._clock() * 1000)
        receipt = await self._service().receive(Inbound(key, one.below, actor, question, at_ms, heard=heard))
        if not receipt.is_duplicate:
            await self._show(one.below, actor, question, key)
        return DONE

    async def _heard(self, one: Interaction, place: Place) -> tuple[Heard, ...]:
        """The message as it reads now. Raises `Refused` where the bot could not answer, or it is gone."""
        try:
            message = await look_at(await self._rooms.open(place), one.message)
        except (PlaceGone, SlackRefused) as err:
            raise Refused("not_allowed", NOT_THERE) from err
        if message is None:
            raise Refused("not_allowed", GONE)
        heard = await self._heard_in(one.team, one.channel, message)
        return () if heard is None else (heard,)

    async def _show(self, place: Place, actor: Actor, question: str, key: str) -> None:
        """Let everybody there see who asked what."""
        asked = {"type": "context", "elements": [{"type": "mrkdwn", "text": f"<@{actor.user}> asks:"}]}
        words = {"type": "section", "text": plain(question)}
        await self._sender.post(place, [Post("A question", (asked, words))], key=key)


def question_modal() -> Body:
    words = {
        "type": "plain_text_input",
        "action_id": QUESTION,
        "multiline": True,
        "max_length": MAX_QUESTION_CHARS,
        "focus_on_load": True,
    }
    return {
        "type": "modal",
        "callback_id": CALLBACK,
        "title": plain("Ask about this"),
        "submit": plain("Ask"),
        "close": plain("Cancel"),
        "blocks": [
            {
                "type": "input",
                "block_id": QUESTION,
                "label": plain("What do you want to know?"),
                "hint": plain("Everybody in the thread sees your question and the answer."),
                "element": words,
            }
        ],
    }
