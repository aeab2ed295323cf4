"""Ask an OpenAI-compatible endpoint for the next message. The only importer of `openai`.

The SDK carries the request (auth, transport, its errors); bodies are ready bytes, and replies are read as bytes.
Must not know tools, policy or storage.
"""

from __future__ import annotations

import asyncio
import random
import socket
import ssl
from collections.abc import AsyncGenerator, AsyncIterator, Awaitable, Callable, Iterator
from contextlib import aclosing, asynccontextmanager, contextmanager
from datetime import UTC, datetime
from importlib import import_module
from typing import TYPE_CHECKING, Any, cast

from bot import crash
from bot.engine.ports import TextListener
from bot.engine.types import Message, Reply, Run
from bot.errors import ModelConfigError, ModelError, ModelRejected, ModelUnavailable
from bot.models import faults
from bot.models.completion import Completion, ErrorInReply, NotACompletion, mask
from bot.models.pool import open_http
from bot.models.reading import SILENCE_S, BrokenOff, FellSilent, Watcher, read_completion
from bot.models.registry import NO_KEY, ModelConfig
from bot.models.wire import NewId, RequestForm, new_id, read_reply

if TYPE_CHECKING:
    import httpx2
    import openai

RETRIES = 2
FIRST_WAIT_S = 0.5

Redact = Callable[[str], str]
Pause = Callable[[float], Awaitable[None]]


def identity(text: str) -> str:
    """Redact nothing."""
    return text


class ModelClients:
    """The clients of all models over one HTTP pool. Open it once, close it at the end."""

    def __init__(self, *, redact: Redact = identity) -> None:
        self._http = open_http()
        self._redact = redact
        self._clients: dict[ModelConfig, ModelClient] = {}

    def for_config(self, config: ModelConfig) -> ModelClient:
        """Give the client of this model: the same one for an equal configuration."""
        if config not in self._clients:
            self._clients[config] = ModelClient(config, self._http, self._redact)
        return self._clients[config]

    @staticmethod
    async def warm() -> None:
        """Import the SDK beside the event loop: half a second that the first message need not wait for."""
        await asyncio.to_thread(import_module, "openai")

    async def aclose(self) -> None:
        await self._http.aclose()

    async def __aenter__(self) -> ModelClients:
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.aclose()


class ModelClient:
    """One model behind an OpenAI-compatible endpoint. Implements `ChatModel`.

    `http` is shared when given, else opened here and closed by `aclose`. `redact` masks known secrets in every text the
    endpoint sends, before it is stored or shown.
    """

    def __init__(
        self,
        config: ModelConfig,
        http: httpx2.AsyncClient | None = None,
        redact: Redact = identity,
        *,
        make_id: NewId = new_id,
        pause: Pause = asyncio.sleep,
        silence_s: float = SILENCE_S,
    ) -> None:
        self._config = config
        self._owned = open_http() if http is None else None
        self._api = _open_api(config, http or self._owned)
        self._form = RequestForm.of(
            config.model_name, config.sampling, with_stream_usage=config.host.reports_stream_usage
        )
        self._redact = redact
        self._make_id = make_id
        self._pause = pause
        self._silence_s = silence_s

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
    ) -> Reply:
        """Give the next assistant message, streamed to `on_text` when given.

        Takes at most `timeout_s` in all, retries included. Raises `ModelError`.
        """
        offered = b"" if self._config.tools is False else tools
        body = self._form.fill(messages, tools=offered, tool_choice=tool_choice, stream=on_text is not None)
        watcher = Watcher(on_text, self._redact)
        crash.at("model.before")
        with self._translated():
            completion = await self._in_time(body, watcher)
            reply = read_reply(self._masked(completion), run, make_id=self._make_id)
        await watcher.tell(reply.text)
        crash.at("model.after")
        return reply

    async def aclose(self) -> None:
        """Close the pool this client opened; a shared one stays open."""
        if self._owned is not None:
            await self._owned.aclose()

    async def _in_time(self, body: bytes, watcher: Watcher) -> Completion:
        try:
            async with asyncio.timeout(self._config.timeout_s) as limit:
                return await self._with_retries(body, watcher, limit)
        except TimeoutError as err:
            if not limit.expired():
                raise  # the listener's own
            what = f"did not finish within {self._config.timeout_s:g} seconds"
            raise faults.unavailable(self.label, what, "Ask for less, or try again later.") from err

    async def _with_retries(self, body: bytes, watcher: Watcher, limit: asyncio.Timeout) -> Completion:
        for attempt in range(RETRIES):
            try:
                return await self._ask(body, watcher)
            except ModelUnavailable as err:
                wait_s = _wait_s(err, attempt)
                if watcher.has_begun or not _fits(wait_s, limit):
                    raise
            await self._pause(wait_s)
        return await self._ask(body, watcher)

    async def _ask(self, body: bytes, watcher: Watcher) -> Completion:
        """Send the request once and read the reply; the connection is free afterwards, however it ends."""
        with self._translated():
            async with self._sent(body) as response, aclosing(_chunks(response)) as chunks:
                crash.at("model.inside")
                return await read_completion(chunks, watcher, silence_s=self._silence_s)

    @asynccontextmanager
    async def _sent(self, body: bytes) -> AsyncIterator[httpx2.Response]:
        """Send the request and give the response before its body is read."""
        import httpx2

        post: Any = self._api.post  # its overloads do not know a streamed response that is given as it is
        response: httpx2.Response = await post(
            "/chat/completions",
            content=body,
            cast_to=httpx2.Response,
            options={"headers": {"Content-Type": "application/json"}, "follow_redirects": False},
            stream=True,
        )
        try:
            yield response
        finally:
            await response.aclose()

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
        import httpx2
        import openai

        label = self.label
        try:
            yield
        except openai.APIStatusError as err:
            raise self._refusal(err) from err
        except (openai.APIConnectionError, httpx2.HTTPError) as err:
            raise _unreachable(label, err) from err
        except openai.OpenAIError as err:
            raise faults.garbled(label, "not what was asked for") from err
        except ErrorInReply as err:
            raise faults.fault(label, faults.complaint(None, err.error), clean=self._clean) from err
        except NotACompletion as err:
            raise faults.garbled(label, str(err)) from err
        except BrokenOff as err:
            raise faults.unavailable(label, "broke off before it answered") from err
        except FellSilent as err:
            raise faults.unavailable(label, f"stopped answering for {self._silence_s:g} seconds") from err

    def _refusal(self, err: openai.APIStatusError) -> ModelError:
        said = faults.complaint_of_body(err.status_code, err.response.content)
        wait_s = faults.retry_after_s(err.response.headers, now=datetime.now(UTC))
        return faults.fault(self.label, said, retry_after_s=wait_s, clean=self._clean)


def _open_api(config: ModelConfig, http: httpx2.AsyncClient | None) -> openai.AsyncOpenAI:
    import httpx2
    import openai

    try:
        api = openai.AsyncOpenAI(
            base_url=config.base_url,
            api_key=config.api_key,
            max_retries=0,
            timeout=http.timeout if http else None,
            default_headers={"Authorization": f"Bearer {config.api_key}"},
            http_client=http,
        )
    except (httpx2.InvalidURL, UnicodeError) as err:
        raise ModelConfigError(config.label, f"The model {config.label!r} has an unusable api_url.") from err
    # Read from OPENAI_* variables that were meant for another endpoint than this one.
    api.organization = api.project = None
    return api


async def _chunks(response: httpx2.Response) -> AsyncGenerator[bytes]:
    import httpx2

    try:
        async for chunk in response.aiter_bytes():
            yield chunk
    except httpx2.DecodingError as err:
        raise NotACompletion("a broken compression") from err
    except httpx2.TransportError as err:
        raise BrokenOff from err


def _wait_s(err: ModelUnavailable, attempt: int) -> float:
    if err.retry_after_s is not None:
        return err.retry_after_s
    return FIRST_WAIT_S * (1 << attempt) * random.uniform(0.5, 1.0)


def _fits(wait_s: float, limit: asyncio.Timeout) -> bool:
    """Whether waiting makes sense: not longer than the cap, and some time is left afterwards."""
    ends = limit.when()
    return wait_s <= faults.MAX_WAIT_S and (ends is None or asyncio.get_running_loop().time() + wait_s < ends)


def _unreachable(label: str, err: Exception) -> ModelError:
    causes = list(_causes(err))
    if any(isinstance(cause, ssl.SSLError) for cause in causes):
        text = f"The model {label!r} has no trustworthy TLS certificate. An operator has to check its api_url."
        return ModelRejected(label, text)
    operator = "An operator has to check that it runs and that its api_url is right."
    if any(isinstance(cause, socket.gaierror) for cause in causes):
        return faults.unavailable(label, "has an address that cannot be found", operator)
    if any(isinstance(cause, ConnectionRefusedError) for cause in causes):
        return faults.unavailable(label, "refused the connection", operator)
    if any(isinstance(cause, TimeoutError) or "Timeout" in type(cause).__name__ for cause in causes):
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
