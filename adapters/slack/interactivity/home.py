"""The app's Home tab: what waits for somebody, their rights and usage; for admins, forms. And prompts in its talk.

That somebody sees it means nothing: whatever they send from there is judged when it comes. It is drawn anew when they
open it, and while they may be looking, when what waits for them has changed.
"""

from __future__ import annotations

import asyncio
import hashlib
import json
import time
from collections.abc import Callable
from dataclasses import dataclass, field

import structlog

from adapters.recent import Latest
from adapters.slack.api.rooms import Workspaces
from adapters.slack.api.strict import CHANNEL, USER, fit, text
from adapters.slack.api.web import SlackRefused
from adapters.slack.directory.people import People
from adapters.slack.drawing.homeview import Overview, approvals_modal, home_view
from adapters.slack.handlers import Body
from adapters.slack.interactivity.interactions import Interaction
from adapters.slack.interactivity.modals import Modals
from adapters.slack.places import direct_place
from bot.chat import Actor, ChatService
from bot.errors import BotError

log = structlog.get_logger()

ADMIN = "admin"
RECENT_S = 3_600.0
MAX_RECENT = 500
"""For whom the tab is drawn anew by itself: who opened it in the last hour, the last of them."""
AFTER_S = 0.5
"""How long changes are gathered before it is."""
PROMPTED_S = 6 * 3_600.0
PROMPTS = (
    ("What can you do?", "What can you do here, and which tools may I use?"),
    ("What waits for me?", "approvals"),
    ("Read a page", "Read this page and tell me what it says in five sentences: "),
    ("Work something out", "Work this out step by step: "),
)
"""Slack shows at most four (docs, "assistant.threads.setSuggestedPrompts")."""


@dataclass(slots=True)
class _Open:
    """A tab that somebody may be looking at. `hash` is what Slack calls its state, `shown` what we last drew."""

    at_s: float
    turn: asyncio.Lock = field(default_factory=asyncio.Lock)
    overview: Overview | None = None
    hash: str = ""
    shown: str = ""


class Home:
    """`clock` is monotonic, in seconds."""

    def __init__(
        self,
        service: Callable[[], ChatService],
        people: People,
        workspaces: Workspaces,
        modals: Modals,
        *,
        after_s: float = AFTER_S,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._service = service
        self._people = people
        self._workspaces = workspaces
        self._modals = modals
        self._after_s = after_s
        self._clock = clock
        self._open: Latest[tuple[str, str], _Open] = Latest(MAX_RECENT)
        self._prompted: Latest[tuple[str, str], float] = Latest(MAX_RECENT)
        self._is_dirty = False
        self._drawing: asyncio.Task[None] | None = None

    async def opened(self, team: str, event: Body) -> None:
        """Somebody opened a tab of the app (docs, "app_home_opened"). Raises `BotError`."""
        user, channel = fit(USER, event.get("user")), fit(CHANNEL, event.get("channel"))
        if user and text(event, "tab") == "home":
            await self._draw(team, user, self._note(team, user), is_new=True)
        elif user and channel:
            await self._prompt(team, user, channel)

    async def show_approvals(self, one: Interaction) -> None:
        """Show somebody what waits for them in a modal. Raises `BotError`."""
        actor = await self._people.actor(one.team, one.user, user_team=one.user_team)
        await self._modals.show(one, approvals_modal(tuple(await self._service().pending(actor))))

    def changed(self) -> None:
        """What waits for people has changed: draw the tabs anew that somebody may be looking at."""
        self._is_dirty = True
        if self._open and (self._drawing is None or self._drawing.done()):
            self._drawing = asyncio.create_task(self._draw_all())

    async def aclose(self) -> None:
        if self._drawing is not None:
            self._drawing.cancel()
            await asyncio.wait([self._drawing])

    # --- drawing ---

    def _note(self, team: str, user: str) -> _Open:
        """That somebody looks at their tab now."""
        one = self._open.setdefault((team, user), _Open(0.0))
        one.at_s = self._clock()
        self._open.move_to_end((team, user))
        return one

    async def _draw_all(self) -> None:
        while self._is_dirty:
            await asyncio.sleep(self._after_s)
            self._is_dirty = False
            for (team, user), one in list(self._open.items()):
                if self._clock() - one.at_s > RECENT_S:
                    del self._open[team, user]
                    continue
                try:
                    await self._draw(team, user, one, is_new=False)
                except BotError as err:
                    log.info("home.not_drawn", why=err.user_message)
                except Exception:  # the rim of a task
                    log.exception("home.failed")

    async def _draw(self, team: str, user: str, one: _Open, *, is_new: bool) -> None:
        """Draw a tab, one after the other. Where it is not `is_new`, only what waits is looked up again."""
        async with one.turn:
            actor = await self._people.actor(team, user)
            if is_new or one.overview is None:
                one.overview = await self._overview(actor)
            cards = tuple(await self._service().pending(actor))
            view = home_view(cards, one.overview)
            shown = hashlib.sha256(json.dumps(view, sort_keys=True).encode()).hexdigest()
            if is_new or shown != one.shown:
                one.hash = await self._publish(team, user, view, one.hash)
                one.shown = shown

    async def _publish(self, team: str, user: str, view: Body, known: str) -> str:
        """Show a view in somebody's tab; gives what Slack calls its state. Another process may have drawn meanwhile:
        this is newer."""
        client = (await self._workspaces.get(team)).client
        try:
            answer = await client.call("views.publish", user_id=user, view=view, hash=known or None)
        except SlackRefused as err:
            if err.code != "hash_conflict":
                raise
            answer = await client.call("views.publish", user_id=user, view=view)
        drawn = answer.get("view")
        return text(drawn, "hash") if isinstance(drawn, dict) else ""

    async def _overview(self, actor: Actor) -> Overview:
        """Somebody's rights and usage, as the words say them; of who may not talk, why."""
        service, place = self._service(), direct_place(actor.workspace, actor.user)
        try:
            rights = await service.command(place, actor, "show")
            usage = await service.command(place, actor, "usage")
        except BotError as err:
            return Overview(err.user_message, "", is_admin=False)
        is_admin = ADMIN in service.role_of(actor).split(", ")
        return Overview(rights, usage, is_admin=is_admin, team=actor.workspace)

    # --- prompts ---

    async def _prompt(self, team: str, user: str, channel: str) -> None:
        """Suggest what to ask, now and then."""
        last_s = self._prompted.get((team, user))
        if last_s is not None and self._clock() - last_s < PROMPTED_S:
            return
        self._prompted[team, user] = self._clock()
        client = (await self._workspaces.get(team)).client
        prompts = [{"title": title, "message": message} for title, message in PROMPTS]
        await client.call("assistant.threads.setSuggestedPrompts", channel_id=channel, prompts=prompts)
