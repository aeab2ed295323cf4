"""Socket Mode: one connection to Slack, kept for as long as the bot runs.

Slack replaces its sockets every few hours and says so before: the next one is open before the last one ends. What comes
is handed to the app and acknowledged on the socket it came by.
"""

from __future__ import annotations

import asyncio
import contextlib
import json
import time
from collections.abc import Callable
from typing import Any, TypeVar

import aiohttp
import structlog
from slack_bolt.response import BoltResponse
from slack_sdk.socket_mode.request import SocketModeRequest
from slack_sdk.socket_mode.response import SocketModeResponse

from adapters.slack.api.asking import NoAnswer, SaidNo, ask
from adapters.slack.door.app import SlackApp
from adapters.slack.options import Options
from bot.errors import ConfigError

log = structlog.get_logger()
_T = TypeVar("_T")

NOT_CONNECTED = "not connected"
SWITCHED_OFF = "Socket Mode is switched off in the app's settings"
RETRY_S, LONGEST_RETRY_S = 1.0, 120.0
SETTLED_S = 30.0
"""A connection that lasted this long was a good one: the next is opened at once, and pauses begin anew."""
HELLO_S, FINISH_S = 10.0, 3.0
"""How long a new socket may say nothing; how long what is being handled may go on at the end."""
HEARTBEAT_S = 15.0
"""Slack answers pings; a socket that does not is dead, whatever the network says."""
DRAIN_S = 60.0
"""How long a socket that Slack is about to close is still listened to. It says so at least ten seconds before."""
MAX_MESSAGE = 4 << 20
MAX_AT_ONCE = 200
"""Envelopes being handled at a time. Beyond that nothing more is read, and Slack holds it back."""

_TROUBLE = (NoAnswer, aiohttp.ClientError, OSError, TimeoutError, ValueError)
_TOKEN = "copy an app-level token (xapp-) anew from Basic Information > App-Level Tokens, api.slack.com/apps"
_SCOPE = "it lacks connections:write; make an app-level token with it under Basic Information, api.slack.com/apps"
_FOR_GOOD = {
    "invalid_auth": f"Slack refuses it; {_TOKEN}",
    "not_authed": f"Slack refuses it; {_TOKEN}",
    "token_revoked": f"it was revoked; {_TOKEN}",
    "token_expired": f"it has expired; {_TOKEN}",
    "account_inactive": f"its app was removed or switched off; {_TOKEN}",
    "not_allowed_token_type": f"it is another kind of token; {_TOKEN}",
    "missing_scope": _SCOPE,
    "no_permission": _SCOPE,
}


def refused_for_good(code: str) -> ConfigError | None:
    """Why Slack will never open a connection for this token; None where it may later."""
    why = _FOR_GOOD.get(code)
    return None if why is None else ConfigError("SLACK_APP_TOKEN", why)


class SocketConnection:
    """`failed` is told once when Slack will never let it in again; `opened` whenever a socket is open after there was
    none, so that what was missed can be looked up."""

    def __init__(
        self,
        options: Options,
        app: SlackApp,
        *,
        failed: Callable[[ConfigError], None],
        opened: Callable[[], None] = lambda: None,
        retry_s: float = RETRY_S,
        hello_s: float = HELLO_S,
    ) -> None:
        self._options = options
        self._desk = _Desk(app)
        self._failed = failed
        self._opened = opened
        self._retry_s = retry_s
        self._hello_s = hello_s
        self._http: aiohttp.ClientSession | None = None
        self._life: asyncio.Task[None] | None = None
        self._sockets: set[_Socket] = set()
        self._why = NOT_CONNECTED

    async def start(self, *, within_s: float) -> None:
        """Connect, then stay connected in the background. Where Slack cannot be reached it goes on trying. Raises
        `ConfigError` for a token that Slack refuses."""
        self._http = aiohttp.ClientSession(trust_env=True)
        first: asyncio.Future[ConfigError | None] = asyncio.get_running_loop().create_future()
        self._life = asyncio.create_task(self._live(first))
        await asyncio.wait([first], timeout=within_s)
        if not first.done():
            first.set_result(None)
        elif (why := first.result()) is not None:
            raise why

    def state(self) -> str:
        """ "ok", or what is not ready."""
        return "ok" if any(socket.is_open for socket in self._sockets) else self._why

    def stop_taking(self) -> None:
        """Open no more sockets. Those that are open still carry what has to be acknowledged."""
        if self._life is not None:
            self._life.cancel()

    async def close(self) -> None:
        self.stop_taking()
        await self._desk.finish()
        tasks = [socket.reading for socket in self._sockets]
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, *([self._life] if self._life else []), return_exceptions=True)
        if self._http is not None:
            await self._http.close()

    async def _live(self, first: asyncio.Future[ConfigError | None]) -> None:
        pause_s = self._retry_s
        while True:
            began_s = time.monotonic()
            try:
                socket = await self._open()
                _tell(first, None)
                self._why = await socket.is_ending
            except ConfigError as err:
                if not _tell(first, err):
                    self._failed(err)
                return
            except SaidNo as err:
                log.warning("slack.refused", code=err.code, hint="nod doctor says what to change")
                _tell(first, None)
            except _TROUBLE as err:
                log.warning("slack.unreachable", kind=type(err).__name__, why=str(err)[:200])
                _tell(first, None)
            except Exception:  # the rim of a worker's loop
                log.exception("slack.connection_failed")
            if time.monotonic() - began_s > SETTLED_S:
                pause_s = self._retry_s
                continue
            await asyncio.sleep(pause_s)
            pause_s = min(pause_s * 2, LONGEST_RETRY_S)

    async def _open(self) -> _Socket:
        """A new socket that Slack has said hello on."""
        assert self._http is not None, "started"
        url = await self._address(self._http)
        waits = aiohttp.ClientWSTimeout(ws_close=2)
        stream = await self._http.ws_connect(url, heartbeat=HEARTBEAT_S, max_msg_size=MAX_MESSAGE, timeout=waits)
        socket = _Socket(stream, self._desk)
        is_first = not any(other.is_open for other in self._sockets)
        self._sockets.add(socket)
        socket.reading.add_done_callback(lambda _task: self._sockets.discard(socket))
        try:
            async with asyncio.timeout(self._hello_s):
                if not await socket.has_begun:
                    raise ConnectionError(NOT_CONNECTED)
        except TimeoutError:
            socket.reading.cancel()
            raise
        log.info("slack.connected")
        if is_first:
            self._opened()
        return socket

    async def _address(self, http: aiohttp.ClientSession) -> str:
        """Where the next socket is. Raises `ConfigError`, and `SaidNo` or `NoAnswer` for what may pass."""
        try:
            answer = await ask(self._options.api_url, "apps.connections.open", self._options.app_token, session=http)
        except SaidNo as err:
            if (why := refused_for_good(err.code)) is not None:
                raise why from err
            raise
        return str(answer.data.get("url"))


class _Desk:
    """What came by any socket, while it is being handled."""

    def __init__(self, app: SlackApp) -> None:
        self._app = app
        self._room = asyncio.Semaphore(MAX_AT_ONCE)
        self._tasks: set[asyncio.Task[None]] = set()

    async def take(self, envelope: SocketModeRequest, stream: aiohttp.ClientWebSocketResponse) -> None:
        """Begin with it; waits only while there is no room."""
        await self._room.acquire()
        task = asyncio.create_task(self._handle(envelope, stream))
        self._tasks.add(task)
        task.add_done_callback(self._done)

    async def finish(self) -> None:
        """Let what was begun be acknowledged, for a moment."""
        if self._tasks:
            _, late = await asyncio.wait(self._tasks, timeout=FINISH_S)
            for task in late:
                task.cancel()
            await asyncio.gather(*late, return_exceptions=True)

    async def _handle(self, envelope: SocketModeRequest, stream: aiohttp.ClientWebSocketResponse) -> None:
        attempt = envelope.retry_attempt
        response = await self._app.take(envelope.payload, retry=attempt if isinstance(attempt, int) else 0)
        if response.status != 200:
            return  # Slack sends it again
        answer = SocketModeResponse(envelope.envelope_id, _payload(response)).to_dict()
        with contextlib.suppress(ConnectionError, aiohttp.ClientError):  # it closed meanwhile: Slack sends it again
            await stream.send_str(json.dumps(answer))

    def _done(self, task: asyncio.Task[None]) -> None:
        self._tasks.discard(task)
        self._room.release()


class _Socket:
    """One socket: it is read until it closes, also after Slack has said that it will."""

    def __init__(self, stream: aiohttp.ClientWebSocketResponse, desk: _Desk) -> None:
        loop = asyncio.get_running_loop()
        self._stream = stream
        self._desk = desk
        self.has_begun: asyncio.Future[bool] = loop.create_future()
        self.is_ending: asyncio.Future[str] = loop.create_future()
        self.reading = asyncio.create_task(self._read())

    @property
    def is_open(self) -> bool:
        """Whether Slack is heard here."""
        return self.has_begun.done() and not self.reading.done()

    async def _read(self) -> None:
        try:
            async for message in self._stream:
                if message.type is aiohttp.WSMsgType.TEXT:
                    await self._heed(message.data)
        except (aiohttp.ClientError, OSError) as err:
            log.warning("slack.socket_broke", kind=type(err).__name__)
        finally:
            _tell(self.has_begun, False)
            _tell(self.is_ending, NOT_CONNECTED)
            await self._stream.close()

    async def _heed(self, text: str) -> None:
        try:
            message = json.loads(text)
            kind = message["type"]
            envelope = SocketModeRequest.from_dict(message)
        except (ValueError, KeyError, TypeError):
            log.warning("slack.unreadable", kind="envelope")
            return
        if kind == "hello":
            _tell(self.has_begun, True)
        elif kind == "disconnect":
            self._told_to_go(str(message.get("reason")))
        elif envelope is not None:
            await self._desk.take(envelope, self._stream)

    def _told_to_go(self, reason: str) -> None:
        """Slack is about to close this socket: the next one is opened, and this one read until then."""
        log.info("slack.disconnecting", reason=reason)
        _tell(self.is_ending, SWITCHED_OFF if reason == "link_disabled" else NOT_CONNECTED)
        asyncio.get_running_loop().call_later(DRAIN_S, self.reading.cancel)


def _tell(future: asyncio.Future[_T], result: _T) -> bool:
    """Whether this is the first that is said there."""
    if future.done():
        return False
    future.set_result(result)
    return True


def _payload(response: BoltResponse) -> dict[str, Any] | None:
    """What an acknowledgement carries, if anything."""
    if not response.body:
        return None
    return dict(json.loads(response.body)) if response.body.startswith("{") else {"text": response.body}
