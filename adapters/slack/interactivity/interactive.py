"""What people press, send, choose and command on Slack, handed to whoever is to do it. Nothing here raises.

Slack waits three seconds for the acknowledgement of a modal, so what takes longer goes on without it, and whoever sent
it is told afterwards.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Coroutine
from dataclasses import replace
from typing import Any, Protocol, TypeVar

import structlog

from adapters.slack.api.strict import part, text
from adapters.slack.drawing.words import sentence
from adapters.slack.handlers import Body
from adapters.slack.interactivity.clicks import NOT_VALID
from adapters.slack.interactivity.commands import Commands
from adapters.slack.interactivity.interactions import (
    Action,
    Interaction,
    actions_of,
    inputs_of,
    is_of_organisation,
    opened_from,
    read_command,
    read_interaction,
)
from adapters.slack.interactivity.private import Private
from adapters.slack.interactivity.responding import Responder
from adapters.slack.interactivity.shortcuts import Shortcuts
from adapters.slack.interactivity.submissions import Sent, acknowledged
from bot.errors import BotError, SendError, StoreError

log = structlog.get_logger()

FAILED = "Something went wrong inside the bot; nothing was decided by this click."
MAYBE_DONE = (
    "Something went wrong here, and it may be half done: look before you try again. The operator's log says more."
)
NOBODY = "Slack did not say who you are; try it again."
ORGANISATION = "I do not work for a whole organisation at once: let me be installed in each workspace of it."
SUBMITTED_WITHIN_S = 2.0
"""Slack waits three seconds for the acknowledgement of a modal (docs, "Handling user interaction")."""


T = TypeVar("T")


class Part(Protocol):
    """Some of what can be pressed and sent: cards, answers, the Home tab. All of it may raise `BotError`."""

    async def press(self, one: Interaction, action: Action) -> bool:
        """Do what a button or a menu says; False where it is none of these."""

    async def submit(self, one: Interaction, callback: str, inputs: dict[str, str]) -> Sent | None:
        """Do what a modal says; None where it is none of these."""


Offers = Callable[[Interaction, str, str], Awaitable[list[Body]]]
"""What a menu offers for what was typed, by the id of the menu. Raises `BotError`."""


class Interactive:
    """Six of the `Handlers`. `parts` are asked in order who knows a button or a modal."""

    def __init__(
        self,
        parts: tuple[Part, ...],
        commands: Commands,
        shortcuts: Shortcuts,
        offers: Offers,
        private: Private,
        responder: Responder,
        *,
        submitted_within_s: float = SUBMITTED_WITHIN_S,
    ) -> None:
        self._parts = parts
        self._commands = commands
        self._shortcuts = shortcuts
        self._offers = offers
        self._private = private
        self._responder = responder
        self._submitted_within_s = submitted_within_s
        self._working: set[asyncio.Task[Any]] = set()

    async def press(self, body: Body) -> None:
        """Do what was pressed; what nobody knows is answered too."""
        if (one := await self._somebody(body, read_interaction(body))) is None:
            return
        for action in actions_of(body):
            await self._guarded(one, self._press(one, action), FAILED)

    async def submit(self, body: Body) -> Body | None:
        """Do what a modal says, and give what to acknowledge it with."""
        one = read_interaction(body)
        if one is None or is_of_organisation(body):
            return acknowledged(Sent(ORGANISATION if one else NOBODY))
        one = opened_from(one)
        working = self._start(self._submit(one, text(part(body, "view"), "callback_id"), inputs_of(body)))
        done, _ = await asyncio.wait({working}, timeout=self._submitted_within_s)
        if done:
            return acknowledged(working.result(), one.team)
        self._start(self._tell_late(one, working))
        return acknowledged(Sent())

    async def closed(self, body: Body) -> None:
        """A modal that was closed asks for nothing."""

    async def command(self, body: Body) -> None:
        if (one := await self._somebody(body, read_command(body))) is not None:
            await self._guarded(one, self._commands.use(one, text(body, "command"), text(body, "text")), MAYBE_DONE)

    async def shortcut(self, body: Body) -> None:
        if (one := await self._somebody(body, read_interaction(body))) is not None:
            await self._guarded(one, self._shortcuts.use(one, text(body, "callback_id")), MAYBE_DONE)

    async def options(self, body: Body) -> Body:
        one = read_interaction(body)
        try:
            async with asyncio.timeout(self._submitted_within_s):
                offered = [] if one is None else await self._offers(one, text(body, "action_id"), text(body, "value"))
        except (BotError, TimeoutError):
            offered = []
        except Exception:  # the rim: a proposal less, nothing more
            log.exception("interaction.failed", action_id=text(body, "action_id")[:100])
            offered = []
        return {"options": offered}

    async def aclose(self) -> None:
        """Let go of what still goes on: what was decided is durable."""
        working = list(self._working)
        for task in working:
            task.cancel()
        await asyncio.gather(*working, return_exceptions=True)

    # --- rims ---

    async def _somebody(self, body: Body, one: Interaction | None) -> Interaction | None:
        """Whoever did it; None, after they were told so, where it is nobody the bot can be there for."""
        if one is not None and not is_of_organisation(body):
            return opened_from(one) if one.view and not one.is_home else one
        log.warning("interaction.of_nobody", kind=text(body, "type")[:40])
        said = sentence(NOBODY if one is None else ORGANISATION)
        await self._responder.answer(text(body, "response_url"), said.message)
        return None

    async def _guarded(self, one: Interaction, do: Coroutine[Any, Any, None], failed: str) -> None:
        try:
            await do
        except BotError as err:
            await self._private.tell(one, err.user_message)
        except Exception:  # the rim of an interaction: nobody awaits it
            log.exception("interaction.failed", team=one.team, user=one.user)
            await self._private.tell(one, failed)

    async def _press(self, one: Interaction, action: Action) -> None:
        for known in self._parts:
            if await known.press(one, action):
                return
        log.warning("click.not_valid", action_id=action.id[:100], user=one.user)
        await self._private.tell(one, NOT_VALID)

    async def _submit(self, one: Interaction, callback: str, inputs: dict[str, str]) -> Sent:
        try:
            for known in self._parts:
                if (sent := await known.submit(one, callback, inputs)) is not None:
                    return sent
        except (SendError, StoreError) as err:  # what was typed is still there when they try again
            return Sent(err.user_message, next(iter(inputs), "").partition("/")[0])
        except BotError as err:
            return Sent(err.user_message)
        except Exception:  # the rim of an interaction
            log.exception("interaction.failed", team=one.team, user=one.user)
            return Sent(MAYBE_DONE)
        return Sent(NOT_VALID)

    # --- what takes longer ---

    async def _tell_late(self, one: Interaction, working: asyncio.Task[Sent]) -> None:
        sent = await working
        if sent.text:
            await self._private.tell(replace(one, view=""), sent.text)

    def _start(self, work: Coroutine[Any, Any, T]) -> asyncio.Task[T]:
        task = asyncio.create_task(work)
        self._working.add(task)
        task.add_done_callback(self._working.discard)
        return task
