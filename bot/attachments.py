"""What may come with a message: images that models can see, and files that are text. Pure.

The one place that knows the caps; `bot.chat` hands them on to adapters.
"""

from __future__ import annotations

import base64
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from bot.engine.types import Attachment, FilePart, ImagePart
from bot.errors import Refused

MAX_ATTACHMENTS = 4
MAX_ATTACHMENT_BYTES = 5 << 20
MAX_FILE_CHARS = 100_000
MAX_NAME_CHARS = 200
CAPS = (
    f"At most {MAX_ATTACHMENTS} attachments of {MAX_ATTACHMENT_BYTES >> 20} MB each: PNG, JPEG, GIF or WebP images, "
    "and text files in UTF-8."
)

_BEGINNINGS = {
    "image/png": (b"\x89PNG\r\n\x1a\n",),
    "image/jpeg": (b"\xff\xd8\xff",),
    "image/gif": (b"GIF87a", b"GIF89a"),
    "image/webp": (b"RIFF",),
}


@dataclass(frozen=True, slots=True)
class Upload:
    """Something that came with a message, as it came. Its bytes decide what it is; its name is for people."""

    name: str
    data: bytes


def attachments_of(uploads: Sequence[Upload], *, redact: Callable[[str], str] = str) -> tuple[Attachment, ...]:
    """What came with a message, as it is stored and sent to models. Raises `Refused` with a sentence for the person.

    It encodes megabytes: not for the event loop.
    """
    if len(uploads) > MAX_ATTACHMENTS:
        raise Refused("too_long", f"That is too much at once. {CAPS}")
    return tuple(attachment_of(one.name, one.data, redact=redact) for one in uploads)


def attachment_of(name: str, data: bytes, *, redact: Callable[[str], str] = str) -> Attachment:
    """An attachment as its bytes say what it is; what it is called counts for nothing. Raises `Refused`."""
    shown = _shown(name)
    if not data:
        raise Refused("empty", f"{shown} is empty.")
    if len(data) > MAX_ATTACHMENT_BYTES:
        raise Refused("too_long", f"{shown} is too large. {CAPS}")
    kind = _kind_of(data)
    if kind is not None:
        return ImagePart(f"data:{kind};base64,{base64.b64encode(data).decode()}", shown)
    text = _text_of(data)
    if text is None:
        why = f"{shown} is neither a PNG, JPEG, GIF or WebP image nor text in UTF-8."
        raise Refused("not_readable", why)
    return FilePart(shown, _head_and_tail(redact(text)))


def _kind_of(data: bytes) -> str | None:
    for kind, beginnings in _BEGINNINGS.items():
        if data.startswith(beginnings) and (kind != "image/webp" or data[8:12] == b"WEBP"):
            return kind
    return None


def _text_of(data: bytes) -> str | None:
    if b"\0" in data:
        return None
    try:
        return data.decode("utf-8-sig")
    except UnicodeDecodeError:
        return None


def _head_and_tail(text: str) -> str:
    if len(text) <= MAX_FILE_CHARS:
        return text
    head, tail = MAX_FILE_CHARS * 2 // 3, MAX_FILE_CHARS // 3
    left_out = len(text) - head - tail
    return f"{text[:head]}\n[... {left_out:,} characters left out here ...]\n{text[-tail:]}"


def _shown(name: str) -> str:
    """A name as one short line."""
    plain = "".join(letter if letter.isprintable() else " " for letter in name).strip()
    return plain[-MAX_NAME_CHARS:] or "attachment"
