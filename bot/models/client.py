"""Ask an OpenAI-compatible endpoint for the next message. Must not know tools, policy or storage.

The SDK prepares the request once (`prepared.py`); bodies are ready bytes, and replies are read as bytes.
"""

from __future__ import annotations

import asyncio
import io
import math
import socket
import ssl
from collections.abc import AsyncGenerator, Awaitable, Callable, Iterator
from contextlib import aclosing, contextmanager
from datetime import UTC, datetime
from typing import cast

import aiohttp
import structlog

from bot import crash
from bot.engine.compaction import IMPLAUSIBLE
from bot.engine.ports import TextListener
from bot.engine.types import Message, Reply, Run
from bot.errors import ModelError, ModelGarbled, ModelRejected, ModelUnavailable
from bot.models import faults
from bot.models.completion import Completion, ErrorInReply, NotACompletion, TooMuchText, mask
from bot.models.config import NO_KEY, ModelConfig
from bot.models.patience import Breaker, RetryBudget
from bot.models.pool import open_http
from bot.models.prepared import prepare
from bot.models.reading import BrokenOff, FellSilent, Scrambled, Watcher, read_completion
from bot.models.sending import RequestForm
from bot.models.wire import NewId, new_id, read_reply

log = structlog.get_logger()

MAX_ERROR_BYTES = 64 << 10
STALE_CONNECTIONS = 2
IMPATIENT_S = 1.0
LONG_BYTES = 6000
WHOLE_BODY_BYTES = 512 << 10
"""A larger body is handed over in pieces, so that sending it does not hold up the others."""

Redact = Callable[[str], str]
Pause = Callable[[float], Awaitable[None]]


def identity(text: str) -> str:
    """Redact nothing."""
    return text


class ModelClient:
    """One model behind an OpenAI-compatible endpoint. Implements `ChatModel`.

    `http` is shared when given, else opened here and closed by `aclose`. `redact` masks known secrets in every text the
    endpoint sends, before it is stored or shown.
    """

    def __init__(
        self,
        config: ModelConfig,
        http: aiohttp.ClientSession | None = None,
        redact: Redact = identity,
        *,
        make_id: NewId = new_id,
        pause: Pause = asyncio.sleep,
    ) -> None:
        self._config = config
        self._request = prepare(config)
        self._owned = open_http() if http is None else None
        self._http = cast("aiohttp.ClientSession", http or self._owned)
        self._form = RequestForm.of(config.model_name, config.sampling, host=config.host, label=config.label)
        self._breaker = Breaker()
        self._redact = redact
        self._make_id = make_id
        self._pause = pause

    @property
    def label(self) -> str:
        return self._config.label

    @property
    def config(self) -> ModelConfig:
        return self._config

    async def reply(
        self,
        messages: tuple[Message, ...],
        *,
        run: Run,
        tools: bytes,
        tool_choice: str = "auto",
        on_text: TextListener | None = None,
        budget: RetryBudget | None = None,
        is_last: bool = True,
    ) -> Reply:
        """Give the next assistant message, streamed to `on_text` when given.

        Takes at most `timeout_s` in all, retries included; `budget` holds the retries of the turn this is part of. With
        another model to ask (`is_last` False) nobody waits long for this one. Half a reply is given, and says so, when
        nothing better comes. Raises `ModelError`.
        """
        offered = b"" if self._config.tools is False else tools
        body = self._form.fill(messages, tools=offered, tool_choice=tool_choice, stream=on_text is not None)
        watcher = Watcher(on_text, self._redact)
        crash.at("model.before")
        with self._translated():
            completion = await self._whole_or_half(body, watcher, budget or RetryBudget(), is_last=is_last)
            reply = read_reply(self._masked(completion), run, make_id=self._make_id, by=self.label)
        self._notice_cut(len(body), reply.usage.prompt_tokens)
        await watcher.tell(reply.text)
        crash.at("model.after")
        return reply

    def _notice_cut(self, sent: int, counted: int) -> None:
        """Tell the operator where the host has counted far less than it was sent: it cut the prompt without a word."""
        if self._config.host.cuts_silently and sent > LONG_BYTES and 0 < counted < sent * IMPLAUSIBLE:
            advice = self._config.host.advice
            log.warning("model.prompt_cut", model=self.label, prompt_tokens=counted, sent_bytes=sent, advice=advice)

    async def aclose(self) -> None:
        """Close the pool this client opened; a shared one stays open."""
        if self._owned is not None:
            await self._owned.close()

    # --- patience ---

    async def _whole_or_half(self, body: bytes, watcher: Watcher, budget: RetryBudget, *, is_last: bool) -> Completion:
        try:
            return await self._in_time(body, watcher, budget, math.inf if is_last else IMPATIENT_S)
        except ModelError:
            if watcher.half is None:
                raise
            return watcher.half

    async def _in_time(self, body: bytes, watcher: Watcher, budget: RetryBudget, patience_s: float) -> Completion:
        try:
            async with asyncio.timeout(self._config.timeout_s) as limit:
                return await self._with_retries(body, watcher, budget, limit, patience_s)
        except TimeoutError as err:
            if not limit.expired():
                raise  # the listener's own
            what = f"did not finish within {self._config.timeout_s:g} seconds"
            late = faults.unavailable(self.label, what, "Ask for less, or try again later.")
            self._breaker.failed(late)
            raise late from err

    async def _with_retries(
        self, body: bytes, watcher: Watcher, budget: RetryBudget, limit: asyncio.Timeout, patience_s: float
    ) -> Completion:
        """Ask until a whole reply has come. Raises `ModelError` when asking again makes no sense."""
        attempt = 0
        while True:
            try:
                return await self._guarded(body, watcher)
            except ModelUnavailable as err:
                left_s = (limit.when() or 0) - asyncio.get_running_loop().time()
                is_hopeless = self._breaker.is_open or (watcher.has_begun and not isinstance(err, faults.Interrupted))
                wait_s = None if is_hopeless else budget.wait_s(err, attempt, at_most_s=min(left_s, patience_s))
                if wait_s is None:
                    raise
            await self._pause(wait_s)
            attempt += 1

    async def _guarded(self, body: bytes, watcher: Watcher) -> Completion:
        """Ask for a whole reply, unless the breaker is open; it is told what came of it."""
        ticket = self._breaker.enter()
        if ticket is None:
            raise faults.resting(self.label, self._breaker.rests_s)
        try:
            completion = await self._ask(body, watcher)
            if completion.is_cut:
                raise faults.interrupted(self.label, "broke off in the middle of its reply")
        except ModelUnavailable as err:
            self._breaker.failed(err, ticket)
            raise
        except ModelError:
            self._breaker.succeeded()  # it is there, whatever it said
            raise
        except BaseException:
            self._breaker.let_go(ticket)
            raise
        self._breaker.succeeded()
        return completion

    # --- one request ---

    async def _ask(self, body: bytes, watcher: Watcher) -> Completion:
        """Send the request once and read the reply; the connection is free afterwards, however it ends."""
        with self._translated():
            async with await self._response(body) as response:
                crash.at("model.inside")
                if response.status >= 300:
                    raise await self._refusal(response)
                async with aclosing(_chunks(response)) as chunks:
                    return await read_completion(chunks, watcher, silence_s=self._config.silence_s)

    async def _response(self, body: bytes) -> aiohttp.ClientResponse:
        """Send the request; again at once where a connection that was kept turns out to be closed.

        llama.cpp's server closes it behind each stream though it promises otherwise, and any server may just now have
        closed one. Nothing was answered, and asking a model has no effect that could happen twice.
        """
        for left in range(STALE_CONNECTIONS, -1, -1):
            data = body if len(body) <= WHOLE_BODY_BYTES else io.BytesIO(body)
            try:
                return await self._http.post(
                    self._request.url, data=data, headers=self._request.headers, allow_redirects=False
                )
            except aiohttp.ClientConnectionError as err:
                if not left or isinstance(err, aiohttp.ClientConnectorError | aiohttp.ServerTimeoutError):
                    raise
        raise AssertionError("the last try returns or raises")

    async def _refusal(self, response: aiohttp.ClientResponse) -> ModelError:
        said = faults.complaint_of_body(response.status, await _beginning(response))
        wait_s = faults.retry_after_s(response.headers, now=datetime.now(UTC))
        return faults.fault(self.label, said, retry_after_s=wait_s, clean=self._clean)

    def _masked(self, completion: Completion) -> Completion:
        if self._redact is identity:
            return completion
        masked = cast("dict[str, object]", mask(completion.message, self._redact))
        return Completion(masked, completion.finish, completion.is_cut, completion.usage)

    def _clean(self, text: str) -> str:
        """Mask the key, which some endpoints repeat in their errors, and every other known secret."""
        key = self._config.api_key
        return self._redact(text if key == NO_KEY else text.replace(key, "***"))

    @contextmanager
    def _translated(self) -> Iterator[None]:
        """Turn every failure of an endpoint into a `ModelError`."""
        label = self.label
        try:
            yield
        except aiohttp.ClientResponseError as err:
            raise faults.garbled(label, "not HTTP as it should be") from err
        except (aiohttp.ClientError, OSError) as err:
            if isinstance(err, TimeoutError) and not isinstance(err, aiohttp.ClientError):
                raise  # the time limit, or the listener's own
            raise _unreachable(label, err) from err
        except ErrorInReply as err:
            raise faults.fault(label, faults.complaint(None, err.error), clean=self._clean) from err
        except TooMuchText as err:
            text = f"The model {label!r} wrote too much text and did not end, so I stopped listening. Ask for less."
            raise ModelGarbled(label, text) from err
        except NotACompletion as err:
            raise faults.garbled(label, str(err)) from err
        except BrokenOff as err:
            raise faults.unavailable(label, "broke off before it answered") from err
        except FellSilent as err:
            raise faults.interrupted(label, f"stopped answering for {self._config.silence_s:g} seconds") from err
        except Scrambled as err:
            raise faults.interrupted(label, "sent something unreadable in the middle of its reply") from err


async def _chunks(response: aiohttp.ClientResponse) -> AsyncGenerator[bytes]:
    try:
        async for chunk in response.content.iter_any():
            yield chunk
    except aiohttp.ClientPayloadError as err:
        if isinstance(err.__cause__, aiohttp.http_exceptions.ContentEncodingError):
            raise NotACompletion("a broken compression") from err
        raise BrokenOff from err
    except aiohttp.ClientConnectionError as err:
        raise BrokenOff from err


async def _beginning(response: aiohttp.ClientResponse) -> bytes:
    """The beginning of an error's body; what cannot be read of it is left out."""
    body = b""
    try:
        async for chunk in response.content.iter_any():
            body += chunk
            if len(body) >= MAX_ERROR_BYTES:
                break
    except aiohttp.ClientError:
        pass
    return body[:MAX_ERROR_BYTES]


def _unreachable(label: str, err: Exception) -> ModelError:
    causes = list(_causes(err))
    if any(isinstance(cause, ssl.SSLError | aiohttp.ClientSSLError) for cause in causes):
        text = f"The model {label!r} has no trustworthy TLS certificate. An operator has to check its api_url."
        return ModelRejected(label, text)
    operator = "An operator has to check that it runs and that its api_url is right."
    if any(isinstance(cause, socket.gaierror) for cause in causes):
        return faults.unavailable(label, "has an address that cannot be found", operator)
    if any(isinstance(cause, ConnectionRefusedError) for cause in causes):
        return faults.unavailable(label, "refused the connection", operator)
    if any(isinstance(cause, TimeoutError) for cause in causes):
        return faults.unavailable(label, "did not take the connection in time")
    return faults.unavailable(label, "broke off the connection")


def _causes(err: BaseException | None) -> Iterator[BaseException]:
    """Give an error and everything behind it; attempts on several addresses come as a group."""
    while err is not None:
        yield err
        if isinstance(err, BaseExceptionGroup):
            for one in err.exceptions:
                yield from _causes(one)
        err = err.__cause__ or err.__context__
