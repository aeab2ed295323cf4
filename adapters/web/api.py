"""Answer the page's requests: parse them once, ask the service, word the result as JSON.

Who speaks comes from the signed session alone; nothing a request says changes it.
"""

from __future__ import annotations

import asyncio
import hmac
import secrets
import time
from collections.abc import Callable
from dataclasses import dataclass

import structlog
from aiohttp import web

from adapters.recent import Latest
from adapters.visible import exact, prose
from adapters.web.clicks import click_of
from adapters.web.feed import Feed, sse
from adapters.web.forms import form_body
from adapters.web.guard import Rejected, is_from_here, is_navigation, own_port
from adapters.web.page import Look, Viewer, bounce_page, chat_page, login_page
from adapters.web.parsing import (
    CLIENT_ID,
    MAX_LINE_CHARS,
    MAX_WORDS_BYTES,
    THREAD,
    WORDS_TOO_LONG,
    body_bytes,
    flag_of,
    json_body,
    line_of,
    matching,
    message_text,
    text_of,
    thread_id,
    words_of,
)
from adapters.web.people import People, Tries
from adapters.web.render import fragment, private_html
from adapters.web.session import SESSION_S, Seal, Session
from adapters.web.snippets import person
from adapters.web.stream import stream
from bot.chat import Actor, Card, CardShown, ChatService, Completion, Inbound, Place

log = structlog.get_logger()

ROOM = Place("web", "", "general")
MAX_COMPLETIONS = 20
MAX_ABOUT_CHARS = 200
LOGIN_S = 0.5
MAX_ENDED = 10_000


@dataclass(frozen=True, slots=True)
class Door:
    """Everything the handlers need. `service` raises Rejected while there is none yet."""

    service: Callable[[], ChatService]
    people: People
    seal: Seal
    feed: Feed
    look: Look


def new_thread_id() -> str:
    return secrets.token_hex(8)


class Api:
    """The handlers. Each takes a request that the guard has let through."""

    def __init__(self, door: Door) -> None:
        self._door = door
        self._tries = Tries()
        self._ended: Latest[str, None] = Latest(MAX_ENDED)

    # --- pages ----------------------------------------------------------------------------------------

    async def page(self, request: web.Request) -> web.StreamResponse:
        thread = thread_id(request.match_info["thread"]) if "thread" in request.match_info else ""
        session = self._session(request)
        if session is None:
            if is_navigation(request) and request.headers.get("Sec-Fetch-Site") in ("cross-site", "same-site"):
                return _html(bounce_page(self._door.look))
            session = _fresh(self._door.people.first)
        if session.person:
            text = chat_page(
                self._door.look, self._viewer(session), thread=thread or new_thread_id(), is_new=not thread
            )
        else:
            text = login_page(self._door.look, self._door.seal.csrf(session))
        response = _html(text)
        self._keep(request, response, session)
        return response

    def _viewer(self, session: Session) -> Viewer:
        people, service = self._door.people, self._door.service()
        names = people.demo if people.mode == "demo" else ()
        return Viewer(
            name=session.person,
            role=service.role_of(people.actor(session.person)),
            csrf=self._door.seal.csrf(session),
            can_leave=people.mode == "token",
            choices=tuple((name, service.role_of(people.actor(name))) for name in names),
        )

    # --- who one is -----------------------------------------------------------------------------------

    async def login(self, request: web.Request) -> web.StreamResponse:
        """A wrong token takes as long as any other, and only a few are heard per minute."""
        self._checked(request)
        body = await json_body(request)
        address = request.remote or ""
        if not self._tries.may_try(address, time.monotonic()):
            raise Rejected(429, "Too many tries. Wait a minute, then try again.")
        name = self._door.people.with_token(text_of(body, "token")) if self._door.people.mode == "token" else None
        await asyncio.sleep(LOGIN_S)
        if name is None:
            log.warning("web.login_refused", address=address)
            raise Rejected(401, "This token is not known here.")
        self._tries.forget(address)
        return self._become(request, name)

    async def logout(self, request: web.Request) -> web.StreamResponse:
        self._end(self._checked(request))
        response = web.json_response({})
        response.del_cookie(_cookie(request), path="/", httponly=True, samesite="Strict")
        return response

    async def choose_person(self, request: web.Request) -> web.StreamResponse:
        session = self._checked(request)
        name = text_of(await json_body(request), "name")
        if self._door.people.mode != "demo":
            raise Rejected(403, "Only the demo lets you pick who you are.")
        if not self._door.people.knows(name):
            raise Rejected(404, "There is nobody of that name in this demo.")
        self._end(session)
        return self._become(request, name)

    # --- talking --------------------------------------------------------------------------------------

    async def new_thread(self, request: web.Request) -> web.StreamResponse:
        self._speaker(request)
        return web.json_response({"thread": new_thread_id()})

    async def send(self, request: web.Request) -> web.StreamResponse:
        actor = self._speaker(request)
        is_form = request.content_type == "multipart/form-data"
        body, uploads = await form_body(request) if is_form else (await json_body(request), ())
        thread = thread_id(text_of(body, "thread"))
        event_id = matching(CLIENT_ID, text_of(body, "event_id"), "This message has no proper id.")
        text = message_text(text_of(body, "text"), may_be_blank=bool(uploads))
        # The id is the person's own: nobody can take another's id first and so swallow their message.
        inbound = Inbound(f"{actor.key}:{event_id}", _place(thread), actor, text, _now_ms(), uploads)
        receipt = await self._door.service().receive(inbound)
        return web.json_response(
            {
                "run": receipt.run_id,
                "thread": thread,
                "position": receipt.position,
                "is_duplicate": receipt.is_duplicate,
            }
        )

    async def decide(self, request: web.Request) -> web.StreamResponse:
        click = await click_of(request, self._speaker(request))
        outcome = await self._door.service().decide(click)
        answer: dict[str, object] = {"fragment": fragment_of(outcome.card)}
        if outcome.is_accepted:
            return web.json_response(answer | {"message": outcome.message})
        return web.json_response(answer | {"error": outcome.message}, status=409)

    async def stop(self, request: web.Request) -> web.StreamResponse:
        actor = self._speaker(request)
        thread = thread_id(text_of(await json_body(request), "thread"))
        return web.json_response({"message": await self._door.service().stop(_place(thread), actor)})

    async def command(self, request: web.Request) -> web.StreamResponse:
        """Do what the words after `/nod` or `/nod-admin` say. The answer is for this person alone: it is neither stored
        nor shown."""
        actor = self._speaker(request)
        body = await json_body(request, at_most=body_bytes(MAX_WORDS_BYTES), too_long=WORDS_TOO_LONG)
        thread, words, is_admin = thread_id(text_of(body, "thread")), words_of(body), flag_of(body, "is_admin")
        answer = await self._door.service().command(_place(thread), actor, words, is_admin=is_admin)
        html = private_html(words, answer, _now_ms(), is_admin=is_admin)
        return web.json_response({"html": html, "says": prose(answer)[:1000]})

    # --- looking --------------------------------------------------------------------------------------

    async def thread(self, request: web.Request) -> web.StreamResponse:
        self._viewing(request)
        thread = thread_id(request.query.get("thread", ""))
        events = await self._door.service().transcript(_place(thread))
        drawn = await asyncio.to_thread(lambda: [fragment(event).as_json() for event in events])
        return web.json_response({"thread": thread, "fragments": drawn})

    async def threads(self, request: web.Request) -> web.StreamResponse:
        self._viewing(request)
        listed = [
            {
                "thread": thread.place.thread,
                "title": " ".join(prose(thread.title).split())[:200],
                "updated_ms": thread.updated_ms,
                "is_waiting": thread.is_waiting,
            }
            for thread in await self._door.service().threads(ROOM)
            if THREAD.fullmatch(thread.place.thread)
        ]
        return web.json_response({"threads": listed})

    async def pending(self, request: web.Request) -> web.StreamResponse:
        session = self._viewing(request)
        cards = await self._door.service().pending(self._door.people.actor(session.person))
        return web.json_response({"cards": [_waiting(card) for card in cards]})

    async def complete(self, request: web.Request) -> web.StreamResponse:
        """How the command that is being typed may go on."""
        actor = self._door.people.actor(self._viewing(request).person)
        thread = thread_id(request.query.get("thread", ""))
        words, is_admin = line_of(request.query)
        found = await self._door.service().complete(_place(thread), actor, words, is_admin=is_admin)
        shown = [_completion(one) for one in found if _hides_nothing(one.words)]
        return web.json_response({"completions": shown[:MAX_COMPLETIONS]})

    async def events(self, request: web.Request) -> web.StreamResponse:
        """Stream what happens: first `hello`, then `fragment` and `changed`; `reload` or `bye` is the last."""
        session = self._viewing(request)
        subscriber = self._door.feed.subscribe(thread_id(request.query.get("thread", "")), session.person)
        hello = sse("hello", {"version": self._door.look.version})
        try:
            return await stream(request, subscriber, hello=hello, is_valid=lambda: self._is_valid(session))
        finally:
            self._door.feed.unsubscribe(subscriber)

    async def nothing(self, request: web.Request) -> web.StreamResponse:
        raise Rejected(404, "There is nothing at this address.")

    # --- sessions -------------------------------------------------------------------------------------

    def _session(self, request: web.Request) -> Session | None:
        """Who the browser proved to be. Where no token is needed, only this very machine counts as a browser."""
        if self._door.people.mode != "token" and not is_from_here(request):
            raise Rejected(403, "This page can be used on the machine it runs on only.")
        session = self._door.seal.open(request.cookies.get(_cookie(request), ""), self._door.people.stamp, time.time())
        return None if session is None or session.id in self._ended else session

    def _is_valid(self, session: Session) -> bool:
        is_current = session.expires_s > time.time() and session.id not in self._ended
        return is_current and self._door.people.knows(session.person)

    def _viewing(self, request: web.Request) -> Session:
        session = self._session(request)
        if session is None or not session.person:
            raise Rejected(401, "You are not signed in. Load the page again.", code="session")
        return session

    def _checked(self, request: web.Request) -> Session:
        """The session of a POST whose CSRF token fits it."""
        session = self._session(request)
        if session is None:
            raise Rejected(401, "You are not signed in. Load the page again.", code="session")
        given = request.headers.get("X-CSRF-Token", "")
        if not hmac.compare_digest(given.encode("utf-8", "replace"), self._door.seal.csrf(session).encode()):
            raise Rejected(403, "This page is out of date. Load it again.", code="csrf")
        return session

    def _speaker(self, request: web.Request) -> Actor:
        session = self._checked(request)
        if not session.person:
            raise Rejected(401, "You are not signed in. Load the page again.", code="session")
        return self._door.people.actor(session.person)

    def _become(self, request: web.Request, name: str) -> web.StreamResponse:
        response = web.json_response({"person": name})
        self._keep(request, response, _fresh(name))
        return response

    def _keep(self, request: web.Request, response: web.StreamResponse, session: Session) -> None:
        stamp = self._door.people.stamp(session.person)
        assert stamp is not None, "a session is made for somebody known only"
        is_https = request.secure or request.headers.get("Origin", "").startswith("https://")
        response.set_cookie(
            _cookie(request),
            self._door.seal.close(session, stamp),
            max_age=max(0, int(session.expires_s - time.time())),
            path="/",
            httponly=True,
            samesite="Strict",
            secure=is_https,
        )

    def _end(self, session: Session) -> None:
        self._ended[session.id] = None


def fragment_of(card: Card | None) -> dict[str, str] | None:
    """The card as it is now, where the service gave one and it belongs to this page."""
    if card is None or card.place.room != ROOM:
        return None
    return fragment(CardShown(card)).as_json()


def _fresh(name: str) -> Session:
    return Session(secrets.token_urlsafe(18), name, int(time.time()) + SESSION_S)


def _place(thread: str) -> Place:
    return Place(ROOM.platform, ROOM.workspace, ROOM.channel, thread)


def _cookie(request: web.Request) -> str:
    """Cookies do not tell ports apart, and two bots on one machine must not sign each other out."""
    return f"nod_session_{own_port(request)}"


def _now_ms() -> int:
    return time.time_ns() // 1_000_000


def _html(text: str) -> web.Response:
    return web.Response(text=text, content_type="text/html", charset="utf-8")


def _waiting(card: Card) -> dict[str, object]:
    is_here = card.place.room == ROOM and THREAD.fullmatch(card.place.thread) is not None
    return {
        "approval": card.approval_id,
        "thread": card.place.thread if is_here else "",
        "where": "" if is_here else exact(str(card.place)),
        "tool": exact(card.tool),
        "requester": exact(card.requester_name or person(card.requester)),
        "expires_ms": card.expires_ms,
    }


def _completion(one: Completion) -> dict[str, object]:
    return {"words": one.words, "about": exact(" ".join(one.about.split()))[:MAX_ABOUT_CHARS]}


def _hides_nothing(words: str) -> bool:
    """Is what is taken what is seen? Words that are put into the composer cannot be spelled out."""
    return len(words) <= MAX_LINE_CHARS and exact(words) == words and words.isprintable()
