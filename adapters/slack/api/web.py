"""The Web API of one workspace: each method at its own pace, and every failure in the words of deliveries.

Over slack_sdk's client, whose retries are off: it repeats what may have happened already.
"""

from __future__ import annotations

import asyncio
import itertools
import time
from collections.abc import Callable
from typing import Any, TypeAlias

import aiohttp
from slack_sdk.errors import SlackApiError, SlackClientError
from slack_sdk.web.async_client import AsyncWebClient

from adapters.slack.api.pace import Paces
from adapters.slack.options import API_URL
from bot.errors import BotError, PlaceGone, SendError

Json: TypeAlias = dict[str, Any]
"""What Slack takes and gives. Nothing in it has been checked."""

TIMEOUT_S = 20.0
PATIENCE_S = 30.0
"""How long a call waits for its turn. What passes has none (0): it is skipped instead."""
TRIES, AGAIN_AFTER_S = 3, 0.5
REST_S, LONGEST_REST_S = 5.0, 3600.0
"""How long to wait where Slack asks to and does not say how long, and the longest that is believed."""
GONE = frozenset(
    {
        "cannot_dm_bot",
        "cannot_reply_to_message",
        "channel_not_found",
        "channel_type_not_supported",
        "is_archived",
        "is_inactive",
        "messages_tab_disabled",
        "not_in_channel",
        "restricted_action",
        "restricted_action_non_threadable_channel",
        "restricted_action_read_only_channel",
        "restricted_action_thread_locked",
        "restricted_action_thread_only_channel",
        "team_access_not_granted",
        "thread_not_found",
        "user_disabled",
        "user_not_found",
        "user_not_in_channel",
        "user_not_visible",
        "users_not_found",
    }
)
"""What Slack says of a place or a person that nothing can be written to (docs, errors of the methods below)."""
WRITING = frozenset(
    {
        "chat.postEphemeral",
        "chat.postMessage",
        "chat.update",
        "conversations.open",
        "files.completeUploadExternal",
    }
)
"""Where those words mean that the place is gone. `chat.startStream` is none of them: it names a reader besides."""
NO_TOKEN = frozenset({"account_inactive", "invalid_auth", "not_authed", "token_expired", "token_revoked"})
"""What Slack says of a token that it does not take: nothing is wrong with the place."""
THREAD_GONE = ("message_not_found", "chat.postMessage")
_IN_TROUBLE = frozenset(
    {"fatal_error", "internal_error", "request_timeout", "service_unavailable", "team_added_to_org"}
)
"""Slack does not know itself whether it did it (docs: "some aspect of the operation succeeded")."""
_LIMITED = frozenset({"ratelimited", "rate_limited", "message_limit_exceeded"})
_SAME_TWICE = frozenset(
    {
        "agents.sessions.rename",
        "agents.sessions.setStatus",
        "assistant.threads.setStatus",
        "assistant.threads.setSuggestedPrompts",
        "auth.test",
        "chat.delete",
        "chat.getPermalink",
        "chat.update",
        "conversations.history",
        "conversations.info",
        "conversations.members",
        "conversations.open",
        "conversations.replies",
        "files.info",
        "team.info",
        "users.info",
        "views.publish",
    }
)
"""Reads, and what is the same when it is done twice. All lists are too."""


class SlackRefused(BotError):
    """Slack said no. `code` is its word for why, `needed` the scope it misses, `messages` what it says beside."""

    def __init__(self, method: str, code: str, *, needed: str = "", messages: tuple[str, ...] = ()) -> None:
        super().__init__(f"Slack refused this ({code}{f', it needs {needed}' if needed else ''}).")
        self.method = method
        self.code = code
        self.needed = needed
        self.messages = messages


class TokenRefused(SendError):
    """Slack does not take the token any more. `code` is its word for why."""

    def __init__(self, code: str) -> None:
        super().__init__("Slack does not take my token any more.")
        self.code = code


class Unsure(SendError):
    """The answer was lost: nobody knows whether Slack did it."""


class _Limited(Exception):
    """Slack asks to wait with this method."""

    def __init__(self, seconds: float) -> None:
        super().__init__(seconds)
        self.seconds = seconds


class SlackClient:
    """Calls methods of the Web API with one token. `session` is shared by all workspaces, None = one for each call.
    `refused` is told whenever Slack does not take the token, with its word for why.

    Nothing that makes something new is ever repeated: who calls it looks for what it made.
    """

    def __init__(
        self,
        token: str,
        *,
        api_url: str = API_URL,
        session: aiohttp.ClientSession | None = None,
        refused: Callable[[str], None] = lambda _code: None,
        timeout_s: float = TIMEOUT_S,
        clock: Callable[[], float] = time.monotonic,
        sleep: Callable[[float], Any] = asyncio.sleep,
    ) -> None:
        self.raw = AsyncWebClient(token, base_url=api_url, timeout=round(timeout_s), session=session, retry_handlers=[])
        self._session = session
        self._refused = refused
        self._timeout_s = timeout_s
        self._sleep = sleep
        self._clock = clock
        self._paces = Paces(clock)

    async def call(self, method: str, *, patience_s: float = PATIENCE_S, **args: Any) -> Json:
        """Call a method, as "chat.postMessage", and give its answer. Waits at most `patience_s` for its turn.

        Raises `SlackRefused` where Slack says no, and `PlaceGone` where that is about the place that is written to;
        `SendError` where it asks to wait longer or cannot be reached; `TokenRefused` where it does not take the token;
        `Unsure` where its answer was lost.
        """
        channel = str(args.get("channel") or "")
        patient_until = self._clock() + patience_s
        for attempt in itertools.count(1):
            await self._turn(method, channel, patient_until)
            try:
                return await self._once(method, args)
            except _Limited as err:
                self._paces.hold(method, channel, err.seconds)
            except TokenRefused as err:
                self._refused(err.code)
                raise
            except Unsure:
                if attempt >= TRIES or not _is_same_twice(method):
                    raise
                await self._sleep(AGAIN_AFTER_S * attempt)
        raise AssertionError("counts on")

    async def upload(self, url: str, content: bytes) -> None:
        """Send the bytes of a file to the address Slack gave for it. Raises `SendError`."""
        session = self._session or aiohttp.ClientSession()
        try:
            async with asyncio.timeout(self._timeout_s * 3), session.post(url, data=content) as answer:
                if answer.status != 200:
                    raise SendError(f"Slack did not take a file (HTTP {answer.status}).")
        except (aiohttp.ClientError, OSError, TimeoutError) as err:
            raise SendError("Slack cannot be reached.") from err
        finally:
            if session is not self._session:
                await session.close()

    async def _turn(self, method: str, channel: str, patient_until: float) -> None:
        left_s = max(0.0, patient_until - self._clock())
        wait_s, is_mine = self._paces.turn(method, channel, within_s=left_s)
        if not is_mine:
            raise SendError("Slack asks to wait.", retry_after_s=wait_s)
        if wait_s > 0:
            await self._sleep(wait_s)

    async def _once(self, method: str, args: Json) -> Json:
        called = getattr(self.raw, method.replace(".", "_"))
        try:
            async with asyncio.timeout(self._timeout_s):
                answer = await called(**args)
        except SlackApiError as err:
            raise _said(method, err) from err
        except (aiohttp.ClientConnectorError, aiohttp.InvalidURL) as err:  # nothing was sent
            raise SendError("Slack cannot be reached.") from err
        except (aiohttp.ClientError, OSError, TimeoutError, AttributeError) as err:
            # AttributeError: slack_sdk on an answer in plain text
            raise Unsure("Slack cannot be reached.") from err
        except SlackClientError as err:
            raise SlackRefused(method, "invalid_arguments") from err
        return dict(answer.data)


def _is_same_twice(method: str) -> bool:
    return method in _SAME_TWICE or method.endswith(".list")


def _said(method: str, err: SlackApiError) -> Exception:
    """What an answer that is none says, as the error it is."""
    answer = err.response
    data = getattr(answer, "data", None)
    said: Json = data if isinstance(data, dict) else {}
    status = int(getattr(answer, "status_code", None) or getattr(answer, "status", None) or 0)
    code = said.get("error")
    if status == 429 or code in _LIMITED:
        return _Limited(_rest_s(getattr(answer, "headers", None)))
    if not isinstance(code, str) or not code or status >= 500 or code in _IN_TROUBLE:
        return Unsure(f"Slack is in trouble (HTTP {status}).")
    if (code in GONE and method in WRITING) or (code, method) == THREAD_GONE:
        return PlaceGone(f"Slack does not let me write there ({code}).")
    if code in NO_TOKEN:
        return TokenRefused(code)
    needed = said.get("needed")
    return SlackRefused(method, code, needed=needed if isinstance(needed, str) else "", messages=_messages(said))


def _messages(said: Json) -> tuple[str, ...]:
    beside = said.get("response_metadata")
    messages = beside.get("messages") if isinstance(beside, dict) else None
    return tuple(one for one in messages if isinstance(one, str)) if isinstance(messages, list) else ()


def _rest_s(headers: Any) -> float:
    """What `Retry-After` says, in seconds; Slack gives whole ones."""
    found = {str(name).lower(): value for name, value in dict(headers or {}).items()}.get("retry-after", "")
    text = str(found[0] if isinstance(found, list) and found else found)
    if not (text.isascii() and text.isdigit()):
        return REST_S
    return min(max(float(text), 1.0), LONGEST_REST_S)
