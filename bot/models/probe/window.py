"""How long a prompt may be: what its host tells, and whether a long one arrives whole.

A prompt that is cut silently shows in the usage: what prompts of the same kind count for is measured on two short ones.
"""

from __future__ import annotations

import asyncio
import secrets
from collections.abc import AsyncIterator
from dataclasses import dataclass

import aiohttp
import orjson

from bot.engine.compaction import UNKNOWN_WINDOW_TOKENS, budget_tokens
from bot.engine.types import Reply, message
from bot.errors import ConversationTooLong, ModelError, ModelUnavailable
from bot.models.config import ModelConfig
from bot.models.prepared import prepare
from bot.models.probe.checks import Check, Subject, sentences
from bot.models.windows import WindowAsk, window_asks, window_of

ASK_TIMEOUT_S = 10.0
MAX_BODY_BYTES = 8 << 20
"""OpenRouter's list of models takes about one."""

UNKNOWN_PROMPT_TOKENS = 6_000
"""More than the 4,096 that Ollama and LM Studio give a model when nobody says otherwise."""
MAX_PROMPT_TOKENS = 16_000
SHORT_PARAGRAPHS = (1, 4)
WHOLE_SHARE = 0.85
"""Counts of the same kind of text grow evenly: two measured points tell a long one within a few percent."""
ANSWER_TOKENS = 16

PARAGRAPH = """\
The morning delivery came through the north gate a little before seven.
Two crates of apples were counted and carried to the cool room.
The driver asked for a signature and left the yellow copy on the desk.
Rain had reached the loading ramp, so the doors were kept closed.
A new label was printed for every shelf along the eastern wall.
Nobody had moved the ladder that leans against the water tank.
The kettle in the office was repaired with a part from the old one.
At noon the list was checked again and nothing was missing.
"""


async def window_checks(subject: Subject) -> AsyncIterator[Check]:
    """Compare `context_k` with what the host tells; unless that is already too much, send a long prompt."""
    told = await told_window(subject)
    compared = _compared(subject.config, told)
    yield compared
    if compared.mark != "wrong" or subject.config.window_tokens is None:
        yield await _long_prompt(subject, told)


# --- what its host tells -----------------------------------------------------------------------------------------


async def told_window(subject: Subject) -> int | None:
    """Give the window in tokens as the host tells it, None when it does not."""
    config = subject.config
    for ask in window_asks(config.host, config.base_url, config.model_name):
        tokens = window_of(config.host, config.model_name, await _told(subject, ask))
        if tokens is not None:
            return tokens
    return None


async def _told(subject: Subject, ask: WindowAsk) -> object:
    """Give the parsed answer, None when there is none."""
    data = None if ask.body is None else orjson.dumps(ask.body)
    headers = prepare(subject.config).headers
    request = subject.http.request(ask.method, ask.url, data=data, headers=headers, allow_redirects=False)
    try:
        async with asyncio.timeout(ASK_TIMEOUT_S), request as response:
            body = await _bounded(response) if response.status == 200 else b""
        return orjson.loads(body)
    except (aiohttp.ClientError, OSError, ValueError):
        return None


async def _bounded(response: aiohttp.ClientResponse) -> bytes:
    body = bytearray()
    async for chunk in response.content.iter_any():
        body += chunk
        if len(body) > MAX_BODY_BYTES:
            return b""
    return bytes(body)


def _compared(config: ModelConfig, told: int | None) -> Check:
    mine = config.window_tokens
    if told is None:
        if mine is None:
            unknown = f"its host does not tell its window, so {UNKNOWN_WINDOW_TOKENS:,} tokens are assumed"
            return Check("window", "note", f"{unknown}: write context_k, in thousand tokens, as its documentation says")
        return Check("window", "ok", f"context_k = {config.context_k:g}; its host does not tell its window")
    measured = {"window_tokens": told}
    has, write = f"has a window of {told:,} tokens", f"write context_k = {_thousands(told)}"
    if mine is None:
        if told < UNKNOWN_WINDOW_TOKENS:
            text = f"{has}, and without context_k {UNKNOWN_WINDOW_TOKENS:,} are assumed: {write}"
            return Check("window", "wrong", text, measured)
        return Check("window", "note", f"{has}: {write}, or {UNKNOWN_WINDOW_TOKENS:,} are assumed", measured)
    if mine > told:
        advice = config.host.advice_on("window")
        text = sentences(f"{has}, less than context_k = {config.context_k:g}: {write}.", advice)
        return Check("window", "wrong", text, measured)
    return Check("window", "ok", f"{has}; context_k = {config.context_k:g}", measured)


def _thousands(tokens: int) -> str:
    return f"{tokens // 1000 or tokens / 1000:g}"


# --- a long prompt -----------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class _Scale:
    """What a prompt of so many paragraphs counts for."""

    base: float
    per_paragraph: float

    @classmethod
    def through(cls, counts: list[int]) -> _Scale:
        (less, more), (few, many) = counts, SHORT_PARAGRAPHS
        per_paragraph = (more - less) / (many - few)
        return cls(less - per_paragraph * few, per_paragraph)

    @property
    def is_plausible(self) -> bool:
        return self.per_paragraph > len(PARAGRAPH) / 20

    def tokens(self, paragraphs: int) -> int:
        return round(self.base + self.per_paragraph * paragraphs)

    def paragraphs(self, tokens: int) -> int:
        return int((tokens - self.base) / self.per_paragraph)


async def _long_prompt(subject: Subject, told: int | None) -> Check:
    try:
        subject, counts = await _measured(subject)
    except ModelError as err:
        return Check("silent_cut", "note", f"could not try a long prompt: {err.user_message}")
    scale = _Scale.through(counts)
    if min(counts) == 0 or not scale.is_plausible:
        why = "no usage" if min(counts) == 0 else "no usage that grows with the prompt"
        return Check("silent_cut", "note", f"whether it cuts long prompts cannot be told: it reports {why}")
    paragraphs = scale.paragraphs(_wanted_tokens(subject.config, told))
    if paragraphs <= SHORT_PARAGRAPHS[-1]:
        return Check("silent_cut", "note", "its window is too small to try a long prompt")
    tokens = scale.tokens(paragraphs)
    try:
        reply = await _read(subject, paragraphs)
    except ConversationTooLong:
        return _refused(subject.config, tokens)
    except ModelError as err:
        text = f"does not answer a prompt of {tokens:,} tokens. {err.user_message}"
        return Check("silent_cut", "wrong", text, {"expected_tokens": tokens})
    return _arrived(subject.config, reply, tokens)


async def _measured(subject: Subject) -> tuple[Subject, list[int]]:
    """Give what the short prompts count for, and the subject to ask on: one that says little, if its host allows it."""
    little = subject.saying_little(ANSWER_TOKENS)
    try:
        return little, [await _count(little, size) for size in SHORT_PARAGRAPHS]
    except ModelUnavailable:
        raise
    except ModelError:
        return subject, [await _count(subject, size) for size in SHORT_PARAGRAPHS]


async def _count(subject: Subject, paragraphs: int) -> int:
    return (await _read(subject, paragraphs)).usage.prompt_tokens


async def _read(subject: Subject, paragraphs: int) -> Reply:
    """Have it read so much. Each prompt begins differently: what comes from a cache some hosts do not count."""
    text = f"Report {secrets.token_hex(4)}\n{PARAGRAPH * paragraphs}Answer with one word: was anything missing?"
    return await subject.ask((message("user", text),))


def _wanted_tokens(config: ModelConfig, told: int | None) -> int:
    """As much as Nod would send it at most, within reason."""
    if config.window_tokens is not None:
        return min(budget_tokens(config.window_tokens), MAX_PROMPT_TOKENS)
    return UNKNOWN_PROMPT_TOKENS if told is None else min(budget_tokens(told), UNKNOWN_PROMPT_TOKENS)


def _refused(config: ModelConfig, tokens: int) -> Check:
    measured = {"expected_tokens": tokens}
    if config.context_k is None:
        text = f"says that a prompt of {tokens:,} tokens is too long: write context_k, in thousand tokens"
    else:
        text = f"says that a prompt of {tokens:,} tokens is too long: write less than context_k = {config.context_k:g}"
    return Check("silent_cut", "wrong", text, measured)


def _arrived(config: ModelConfig, reply: Reply, tokens: int) -> Check:
    seen = reply.usage.prompt_tokens
    measured = {"expected_tokens": tokens, "prompt_tokens": seen}
    advice = config.host.advice_on("window")
    if seen == 0:
        text = "whether it cuts long prompts cannot be told: it reports no usage of a long one"
        return Check("silent_cut", "note", text, measured)
    if seen < tokens * WHOLE_SHARE:
        cut = f"cuts a prompt of {tokens:,} tokens at about {seen:,} without a word"
        text = sentences(f"{cut}: write context_k = {_thousands(seen)}.", advice)
        return Check("silent_cut", "wrong", text, measured)
    if not reply.text.strip() and reply.usage.completion_tokens == 0:
        text = sentences(f"answers a prompt of {tokens:,} tokens with nothing.", advice)
        return Check("silent_cut", "wrong", text, measured)
    return Check("silent_cut", "ok", f"takes a prompt of {seen:,} tokens whole", measured)
