"""Questions about a message from its menu: a modal for the question, then a turn in that message's thread.

What the message says goes with the question as something that was heard, and everybody there sees what was asked.
"""

from __future__ import annotations

import time
from collections.abc import Callable

import structlog

from adapters.slack.api.rooms import Rooms
from adapters.slack.api.strict import TS, fit, items, text
from adapters.slack.api.web import SlackRefused
from adapters.slack.directory.people import People
from adapters.slack.drawing.words import plain
from adapters.slack.handlers import Body
from adapters.slack.inbound.events import BROADCAST, ms_of, read_message
from adapters.slack.inbound.messages import readable
from adapters.slack.inbound.naming import Naming
from adapters.slack.interactivity.interactions import Action, Interaction
from adapters.slack.interactivity.modals import Modals
from adapters.slack.interactivity.submissions import DONE, Sent
from adapters.slack.outbound.marks import look_at
from adapters.slack.outbound.sending import Post, Sender
from adapters.slack.places import PLATFORM, event_id
from adapters.spoken import with_files
from adapters.visible import is_blank
from bot.chat import Actor, ChatService, Heard, Inbound, Place
from bot.errors import PlaceGone, Refused, SendError

log = structlog.get_logger()

CALLBACK = "nod_ask"
QUESTION = "question"
MAX_QUESTION_CHARS = 3_000
"""Slack: the text input of a modal (docs, "Plain-text input")."""
EMPTY = "Write what you want to know about it."
NOT_THERE = "I am not in this conversation, so I cannot answer there: invite me first, or write to me directly."
NOTHING = "I cannot tell which message that was about: open its menu again."
GONE = "That message is not there any more."


class Asking:
    """`clock` is time's, in seconds."""

    def __init__(
        self,
        service: Callable[[], ChatService],
        people: People,
        rooms: Rooms,
        sender: Sender,
        modals: Modals,
        naming: Naming,
        *,
        clock: Callable[[], float] = time.time,
    ) -> None:
        self._service = service
        self._people = people
        self._rooms = rooms
        self._sender = sender
        self._modals = modals
        self._naming = naming
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
        actor = await self._people.actor(one.team, one.user, user_team=one.user_team)
        key = f"{PLATFORM}-asked:{one.team}:{one.view}"
        at_ms = int(self._clock() * 1000)
        inbound = Inbound(key, one.below, actor, question, at_ms, heard=heard)
        receipt = await self._service().receive(inbound)
        await self._show(inbound, attempts=int(receipt.is_duplicate))
        return DONE

    async def _heard(self, one: Interaction, place: Place) -> tuple[Heard, ...]:
        """The message as it reads now. Raises `Refused` where the bot could not answer, or it is gone."""
        try:
            room = await self._rooms.open(place)
            message = await look_at(room, one.message)
        except (PlaceGone, SlackRefused) as err:
            raise Refused("not_allowed", NOT_THERE) from err
        ts = fit(TS, (message or {}).get("ts"))
        if message is None or not ts:
            raise Refused("not_allowed", GONE)
        names = await self._naming.of(one.team, text(message, "text"), room.bot_user)
        said = with_files(
            readable(text(message, "text"), room.bot_user, names),
            (text(file, "name") for file in items(message, "files")),
        )
        if is_blank(said):
            return ()
        event = event_id(one.team, one.channel, ts)
        return (Heard(event, await self._author(one, message), said, ms_of(ts)),)

    async def _author(self, one: Interaction, message: Body) -> Actor:
        """Who wrote a message: somebody, or a program."""
        said = read_message(message, one.team, one.channel, now_s=self._clock(), also=BROADCAST)
        if said is not None:
            return await self._people.actor(one.team, said.user, user_team=said.user_team)
        name = text(message, "username") or text(message, "bot_id") or "a program"
        return Actor(PLATFORM, one.team, text(message, "bot_id") or "unknown", name, standing="bot")

    async def _show(self, asked: Inbound, *, attempts: int) -> None:
        """Let everybody there see who asked what, once. It is answered all the same where Slack does not take that."""
        who = {"type": "context", "elements": [{"type": "mrkdwn", "text": f"<@{asked.actor.user}> asks:"}]}
        post = Post("A question", (who, {"type": "section", "text": plain(asked.text)}))
        try:
            await self._sender.post(asked.place, [post], key=asked.event_id, since_ms=asked.at_ms, attempts=attempts)
        except SendError as err:
            log.info("question.not_shown", kind=type(err).__name__)


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
