"""The Bolt app: what Slack sends is kept or handed on, and acknowledged. Both transports end here.

An event is acknowledged once it is durable, because Slack never sends it again after that. Everything else is
acknowledged at once, as Slack waits three seconds, and worked on in tasks that are kept hold of here: Bolt would not.
"""

from __future__ import annotations

import asyncio
import logging
import re
from collections.abc import Awaitable, Callable, Coroutine
from typing import Any

import structlog
from slack_bolt.async_app import AsyncAck, AsyncApp, AsyncBoltRequest
from slack_bolt.authorization import AuthorizeResult
from slack_bolt.authorization.async_authorize import AsyncAuthorize
from slack_bolt.context.async_context import AsyncBoltContext
from slack_bolt.error import BoltUnhandledRequestError
from slack_bolt.middleware.async_middleware import AsyncMiddleware
from slack_bolt.response import BoltResponse
from slack_sdk.web.async_client import AsyncWebClient

from adapters.slack.api.strict import text
from adapters.slack.door.registered import LIFECYCLE, REGISTERED
from adapters.slack.handlers import Body, Handlers
from bot.errors import BotError

log = structlog.get_logger()

CLOSE_S = 3.0
"""How long what is being worked on may go on at the end."""
RETRY_NUM = "x-slack-retry-num"
ANYTHING = re.compile("")
"""Old buttons and unknown forms have to be answered too."""
NOT_INSTALLED = "I am not installed in this workspace any more. Whoever manages its apps can install me again."

_quiet = logging.getLogger("slack_bolt.nod")
_quiet.disabled = True
"""Bolt's own lines: its loggers take this one's switch. What matters of them is logged here."""


async def _everywhere(_team: str) -> bool:
    return True


class SlackApp:
    """What both doors hand a request to, once it is known to be Slack's own. `is_installed` tells whether a workspace
    is one of ours; it may raise `BotError`, and then Slack sends the request again."""

    def __init__(
        self,
        handlers: Handlers,
        *,
        is_installed: Callable[[str], Awaitable[bool]] = _everywhere,
        close_s: float = CLOSE_S,
    ) -> None:
        self._close_s = close_s
        self._tasks: set[asyncio.Task[None]] = set()
        self._is_stopping = False
        self._bolt = _bolt(handlers, _Gate(handlers, is_installed), self._start)

    async def take(self, body: Body, *, retry: int = 0) -> BoltResponse:
        """What to answer Slack: status 200 is the acknowledgement, its body what Slack does with it. `retry` counts
        Slack's repetitions. Raises nothing."""
        if self._is_stopping:
            return BoltResponse(status=503)
        try:
            request = AsyncBoltRequest(mode="socket_mode", body=body, headers={RETRY_NUM: str(retry)})
            return await self._bolt.async_dispatch(request)
        except Exception as err:  # the rim: Bolt takes some of the shape of a body for granted
            log.warning("slack.unreadable", kind=type(err).__name__)
            return BoltResponse(status=400)

    def stop_taking(self) -> None:
        """Acknowledge nothing more: Slack sends it to whoever runs next."""
        self._is_stopping = True

    async def close(self) -> None:
        """Let what was acknowledged come to its end, for a moment."""
        self._is_stopping = True
        if self._tasks:
            _, late = await asyncio.wait(self._tasks, timeout=self._close_s)
            for task in late:
                task.cancel()
            await asyncio.gather(*late, return_exceptions=True)

    def _start(self, work: Coroutine[Any, Any, None]) -> None:
        task = asyncio.create_task(_guarded(work))
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)


async def _guarded(work: Coroutine[Any, Any, None]) -> None:
    try:
        await work
    except Exception:  # the rim of a task: nobody awaits it
        log.exception("slack.handler_failed")


def _bolt(handlers: Handlers, gate: AsyncMiddleware, start: Callable[[Coroutine[Any, Any, None]], None]) -> AsyncApp:
    """The app with everything it takes. The signature is checked before, over the bytes; nothing here calls Slack."""
    app = AsyncApp(
        name="nod",
        logger=_quiet,
        client=AsyncWebClient(logger=_quiet),
        authorize=_Trusted(),  # type: ignore[no-untyped-call]  # Bolt's own has no types
        signing_secret="",
        raise_error_for_unhandled_request=True,
        request_verification_enabled=False,
        ssl_check_enabled=False,
        ignoring_self_events_enabled=False,
        attaching_function_token_enabled=False,
        attaching_conversation_kwargs_enabled=False,
    )
    app.middleware(gate)
    app.error(_failed)

    def handed_on(handle: Callable[[Body], Coroutine[Any, Any, None]]) -> Callable[..., Awaitable[None]]:
        async def listener(ack: AsyncAck, body: Body) -> None:
            await ack()
            start(handle(body))

        return listener

    async def submitted(ack: AsyncAck, body: Body) -> None:
        answer = await handlers.submit(body)
        await (ack() if answer is None else ack(answer))

    async def offered(ack: AsyncAck, body: Body) -> None:
        await ack(await handlers.options(body))

    for command in REGISTERED.commands:
        app.command(command.name)(handed_on(handlers.command))
    for shortcut in REGISTERED.shortcuts:
        place = app.message_shortcut if shortcut.kind == "message" else app.global_shortcut
        place(shortcut.callback_id)(handed_on(handlers.shortcut))
    app.block_action({"action_id": ANYTHING})(handed_on(handlers.press))
    app.view_closed(ANYTHING)(handed_on(handlers.closed))
    app.view_submission(ANYTHING)(submitted)
    app.options(ANYTHING)(offered)
    return app


class _Gate(AsyncMiddleware):
    """Keeps events, and turns away what comes from workspaces that are not ours. An event is answered here: listeners
    of Bolt run after the acknowledgement, in tasks that it does not keep."""

    def __init__(self, handlers: Handlers, is_installed: Callable[[str], Awaitable[bool]]) -> None:
        self._handlers = handlers
        self._is_installed = is_installed

    async def async_process(
        self,
        *,
        req: AsyncBoltRequest,
        resp: BoltResponse,
        next: Callable[[], Awaitable[BoltResponse]],  # noqa: A002
    ) -> BoltResponse:
        is_event = req.body.get("type") == "event_callback"
        name = text(req.body["event"], "type") if is_event else ""
        if is_event and name not in REGISTERED.events:
            log.debug("slack.event_ignored", name=name[:80])
            return BoltResponse(status=200)
        if name not in LIFECYCLE and not await self._is_installed(req.context.team_id or ""):
            log.warning("slack.not_installed", team=req.context.team_id)
            return BoltResponse(status=200, body=NOT_INSTALLED if "command" in req.body else "")
        if not is_event:
            return await next()
        await self._handlers.keep(req.body, retry=int(req.headers[RETRY_NUM][0]))
        return BoltResponse(status=200)


class _Trusted(AsyncAuthorize):
    """Bolt wants a token for each request, to call Slack with: it is never used, so none is looked up."""

    async def __call__(
        self,
        *,
        context: AsyncBoltContext,
        enterprise_id: str | None,
        team_id: str | None,
        user_id: str | None,
        actor_enterprise_id: str | None = None,
        actor_team_id: str | None = None,
        actor_user_id: str | None = None,
    ) -> AuthorizeResult:
        return AuthorizeResult(enterprise_id=enterprise_id, team_id=team_id, user_id=user_id)


async def _failed(error: Exception, body: Body) -> BoltResponse:
    """What Bolt could not do. After a 500 Slack sends an event again, and says at a button that it did not work."""
    if isinstance(error, BoltUnhandledRequestError):
        log.debug("slack.unhandled", kind=str(body.get("type"))[:80])
        return BoltResponse(status=404)
    if isinstance(error, BotError):
        log.warning("slack.not_kept", why=error.user_message)
    else:
        log.error("slack.failed", kind=type(error).__name__, exc_info=error)
    return BoltResponse(status=500)
