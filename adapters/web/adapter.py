"""The web page as an adapter: what the service shows goes to the pages that are open."""

from __future__ import annotations

import asyncio
import hashlib
from collections.abc import Mapping
from importlib import resources

import structlog
from aiohttp import web

from adapters.web.api import ROOM, Api, Door
from adapters.web.feed import Drafts, Feed
from adapters.web.guard import Guard, Hosts, Rejected
from adapters.web.page import Look
from adapters.web.people import People, check_exposure, groups_by_person
from adapters.web.render import fragment
from adapters.web.session import Seal
from bot.chat import Actor, Answered, ChatService, Delivery, Event, Place, TextSoFar, ToolLine, Working

log = structlog.get_logger()

STATIC = {
    "nod.css": "text/css",
    "nod.js": "text/javascript",
    "attach.js": "text/javascript",
    "decide.js": "text/javascript",
    "complete.js": "text/javascript",
    "login.js": "text/javascript",
    "nod.svg": "image/svg+xml",
}
COMMAND_LINE = "cli"
"""The operator's platform (`bot.policy.book`): whoever reaches it owns what the page shows."""
LONG_CHARS = 8_000
FOREVER = "private, max-age=31536000, immutable"


class WebAdapter:
    """One channel, `#general`, whose threads are conversations.

    `people` maps a person's name to the SHA-256 of their token (hexadecimal). Without tokens, `demo_people` can be
    picked from, or else the one local person is `local`; both for loopback connections only. `groups` maps a group to
    the names of its people. `allowed_hosts` are further names the page answers to, for example behind a proxy. Raises
    ConfigError where it would serve strangers.
    """

    def __init__(
        self,
        service: ChatService | None = None,
        *,
        secret_key: bytes,
        host: str,
        port: int,
        people: Mapping[str, str],
        demo_people: tuple[str, ...] = (),
        suggestions: tuple[str, ...] = (),
        title: str = "Nod",
        notice: str = "",
        allowed_hosts: tuple[str, ...] = (),
        groups: Mapping[str, tuple[str, ...]] = {},
    ) -> None:
        check_exposure(host, people, bool(demo_people))
        self._service = service
        self._feed = Feed()
        self._drafts = Drafts(self._draw)
        self._people = People(dict(people), demo_people, groups_by_person(groups))
        self._guard = Guard(Hosts(host, port, allowed_hosts))
        self._static = {name: _packaged(name) for name in STATIC}
        self._version = hashlib.sha256(b"".join(self._static.values())).hexdigest()[:12]
        self._api = Api(
            Door(
                service=self._attached,
                people=self._people,
                seal=Seal(secret_key),
                feed=self._feed,
                look=Look(title, notice, suggestions, self._version),
            )
        )

    @property
    def platform(self) -> str:
        return "web"

    def members(self) -> list[Actor]:
        """Everybody who may use the page, as the service knows them."""
        return self._people.everybody()

    @property
    def is_closed_circle(self) -> bool:
        """Whether these are all who may use the page: with tokens, whoever has none is nobody any more."""
        return self._people.mode == "token"

    def attach(self, service: ChatService) -> None:
        """Give the page its service; until then it answers that Nod is starting."""
        self._service = service

    def routes(self, app: web.Application) -> None:
        """Add the page to an application. Its checks and headers cover these routes only."""
        wrap, api = self._guard.wrap, self._api
        app.add_routes(
            [
                web.get("/", wrap(api.page)),
                web.get("/t/{thread}", wrap(api.page)),
                web.get("/static/{name}", wrap(self._file)),
                web.post("/login", wrap(api.login)),
                web.post("/logout", wrap(api.logout)),
                web.get("/api/events", wrap(api.events), allow_head=False),
                web.get("/api/thread", wrap(api.thread)),
                web.get("/api/threads", wrap(api.threads)),
                web.get("/api/pending", wrap(api.pending)),
                web.get("/api/complete", wrap(api.complete)),
                web.post("/api/threads", wrap(api.new_thread)),
                web.post("/api/messages", wrap(api.send)),
                web.post("/api/command", wrap(api.command)),
                web.post("/api/approvals/{id}", wrap(api.decide)),
                web.post("/api/stop", wrap(api.stop)),
                web.post("/api/person", wrap(api.choose_person)),
                web.route("*", "/api/{rest:.*}", wrap(api.nothing)),
            ]
        )

    async def close(self) -> None:
        """End the open streams, so that the server can stop at once."""
        self._drafts.close()
        await self._feed.close()

    # --- what the service asks ------------------------------------------------------------------------

    def is_watched(self, place: Place) -> bool:
        return place.room == ROOM and self._feed.is_watched(place.thread)

    def target(self, actor: Actor, channel: str, key: str) -> Place | str:
        """A thread of its own for each post, the same one when it is posted again."""
        is_one_of_us = actor.platform == self.platform and self._people.knows(actor.user)
        if not (is_one_of_us or actor.platform == COMMAND_LINE):
            return "Only people of the web page can have something posted there."
        if channel != ROOM.channel:
            return f"There is no channel {channel[:100]!r}: the web page has one, #{ROOM.channel}."
        thread = hashlib.sha256(key.encode()).hexdigest()[:20]
        return Place(ROOM.platform, ROOM.workspace, ROOM.channel, thread)

    async def send(self, delivery: Delivery) -> str:
        """Draw it on the pages that are open; a page that opens later has it from the store."""
        await self.show(delivery.place, delivery.event)
        return ""

    async def show(self, place: Place, event: Event) -> None:
        if place.room != ROOM:
            return
        try:
            await self._show(place.thread, event)
        except Exception:
            # The rim: what cannot be drawn is in the store all the same, and must not end the run that says it.
            log.exception("web.show_failed", place=str(place), kind=type(event).__name__)

    async def _show(self, thread: str, event: Event) -> None:
        is_watched = self._feed.is_watched(thread)
        if isinstance(event, TextSoFar):
            if is_watched:
                self._drafts.put(thread, event.run_id, event.text)
            return
        if isinstance(event, Answered) or (isinstance(event, Working) and event.status != "running"):
            self._drafts.drop(thread, event.run_id)
        if is_watched:
            is_long = isinstance(event, Answered) and len(event.text) > LONG_CHARS
            drawn = await asyncio.to_thread(fragment, event) if is_long else fragment(event)
            self._feed.publish(thread, drawn)
        if not isinstance(event, ToolLine):
            self._feed.publish_change(thread)

    def _draw(self, thread: str, run: str, text: str) -> None:
        self._feed.publish(thread, fragment(TextSoFar(run, text)))

    # --- own ------------------------------------------------------------------------------------------

    def _attached(self) -> ChatService:
        if self._service is None:
            raise Rejected(503, "Nod is still starting. Try again in a moment.")
        return self._service

    async def _file(self, request: web.Request) -> web.StreamResponse:
        name = request.match_info["name"]
        if name not in self._static:
            raise Rejected(404, "There is nothing at this address.")
        is_current = request.query.get("v") == self._version
        return web.Response(
            body=self._static[name],
            headers={"Cache-Control": FOREVER} if is_current else {},
            content_type=STATIC[name],
            charset="utf-8",
        )


def _packaged(name: str) -> bytes:
    return resources.files("adapters.web").joinpath("static", name).read_bytes()
