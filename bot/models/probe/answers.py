"""Is it there, does it take our key, does it answer, and piece by piece?"""

from __future__ import annotations

import base64
import struct
import zlib

from bot.engine.types import ImagePart, Reply, TextPart, message
from bot.errors import ModelError, ModelRejected
from bot.models.config import NO_KEY
from bot.models.faults import excerpt
from bot.models.probe.checks import LIMIT_S, Check, Subject, sentences

QUESTION = "Count from one to ten in words."
AT_ONCE_MS = 150
COLOUR = "red"
COLOUR_QUESTION = "Which colour is this? Answer with one word."
SIDE = 64
"""Pixels: some models refuse an image of less than 28."""


class _Watch:
    """Notes when the text grew."""

    def __init__(self, subject: Subject) -> None:
        self._clock = subject.clock
        self._began = self._clock()
        self.grown_ms: list[int] = []

    @property
    def ms(self) -> int:
        return round((self._clock() - self._began) * 1000)

    async def __call__(self, _text: str) -> None:
        self.grown_ms.append(self.ms)


async def first_answer(subject: Subject) -> tuple[bool, list[Check]]:
    """Ask for some words. False = there is no sense in asking anything else."""
    watch = _Watch(subject)
    try:
        reply = await subject.ask((message("user", QUESTION),), on_text=watch)
    except ModelError as err:
        return False, [_absent(subject, err, watch.ms)]
    key = "without a key" if subject.config.api_key == NO_KEY else "key accepted"
    return True, [Check("reachable", "ok", f"reachable, {key}"), *_answered(reply, watch)]


def _absent(subject: Subject, err: ModelError, waited_ms: int) -> Check:
    if waited_ms >= subject.limit_s * 1000:
        remedy = "use a faster model" if subject.limit_s == LIMIT_S else "raise timeout_s, or use a faster model"
        late = f"has not answered a short question within {subject.limit_s:g} seconds: {remedy}."
        return Check("answers", "wrong", sentences(late, "Nothing else was tried."), {"total_ms": waited_ms})
    is_key = isinstance(err, ModelRejected) and err.status in (401, 403)
    advice = subject.config.host.advice_on("key") if is_key else ""
    return Check("reachable", "wrong", sentences(err.user_message, advice, "Nothing else was tried."))


def _answered(reply: Reply, watch: _Watch) -> list[Check]:
    total_ms = watch.ms
    if not reply.text.strip():
        is_short = reply.finish == "length"
        why = (
            "all its tokens went elsewhere: raise max_tokens under sampling"
            if is_short
            else "look into the log of its host"
        )
        return [Check("answers", "wrong", f"answers with nothing: {why}", {"total_ms": total_ms})]
    if reply.is_cut:
        why = "breaks off in the middle of its replies: look into the log of its host, and at what stands in between"
        return [Check("answers", "wrong", why, {"total_ms": total_ms})]
    first_ms = watch.grown_ms[0]
    measured = {"first_token_ms": first_ms, "total_ms": total_ms}
    if len(watch.grown_ms) == 1 and total_ms < AT_ONCE_MS:
        at_once = "answers so fast that nobody could tell whether it streams"
        return [
            Check("answers", "ok", f"answers: all after {total_ms:,} ms", measured),
            Check("streams", "ok", at_once),
        ]
    if len(watch.grown_ms) == 1:
        whole = "answers in one piece: people see nothing of an answer before it is done"
        return [
            Check("answers", "ok", f"answers: all after {total_ms:,} ms", measured),
            Check("streams", "note", whole),
        ]
    answers = Check("answers", "ok", f"answers: first words after {first_ms:,} ms, all after {total_ms:,} ms", measured)
    return [answers, Check("streams", "ok", "streams")]


def _all_after(total_ms: int, measured: dict[str, int]) -> Check:
    return Check("answers", "ok", f"answers: all after {total_ms:,} ms", measured)


async def sees(subject: Subject) -> Check:
    """Show it a red square."""
    asked = message("user", (TextPart(COLOUR_QUESTION), ImagePart(_red_square())))
    try:
        reply = await subject.ask((asked,))
    except ModelError as err:
        return Check("vision", "wrong", f"does not take images: write vision = false. {err.user_message}")
    if COLOUR in reply.text.lower():
        return Check("vision", "ok", "sees images")
    said = f"says {excerpt(reply.text)!r} of" if reply.text.strip() else "says nothing of"
    return Check("vision", "note", f"takes images, but {said} a {COLOUR} square: see whether vision = true is right")


def _red_square() -> str:
    rows = (b"\0" + b"\xff\0\0" * SIDE) * SIDE
    header = struct.pack(">IIBBBBB", SIDE, SIDE, 8, 2, 0, 0, 0)
    png = b"\x89PNG\r\n\x1a\n" + b"".join(
        _chunk(kind, body) for kind, body in ((b"IHDR", header), (b"IDAT", zlib.compress(rows)), (b"IEND", b""))
    )
    return f"data:image/png;base64,{base64.b64encode(png).decode()}"


def _chunk(kind: bytes, body: bytes) -> bytes:
    return struct.pack(">I", len(body)) + kind + body + struct.pack(">I", zlib.crc32(kind + body))
