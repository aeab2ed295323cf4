"""What may come with a message: images that models can see, and files that are text. Pure."""

from __future__ import annotations

import base64
import binascii
from collections.abc import Sequence

from bot.engine.types import Attachment, FilePart, ImagePart
from bot.errors import Refused

MAX_ATTACHMENTS = 4
MAX_IMAGE_BYTES = 5 << 20
MAX_FILE_CHARS = 100_000
MAX_NAME_CHARS = 200

_BEGINNINGS = {
    "image/png": (b"\x89PNG\r\n\x1a\n",),
    "image/jpeg": (b"\xff\xd8\xff",),
    "image/gif": (b"GIF87a", b"GIF89a"),
    "image/webp": (b"RIFF",),
}


def attachment_of(name: str, data: bytes) -> Attachment:
    """An attachment as its bytes say what it is; what it is called counts for nothing. Raises `Refused`."""
    kind = _kind_of(data)
    if kind is not None:
        if len(data) > MAX_IMAGE_BYTES:
            raise Refused("too_long", f"{_shown(name)} is too large: an image has at most {MAX_IMAGE_BYTES >> 20} MB.")
        return ImagePart(f"data:{kind};base64,{base64.b64encode(data).decode()}", _shown(name))
    if b"\0" in data:
        raise Refused("not_readable", f"{_shown(name)} is neither a PNG, JPEG, GIF or WebP image nor a text file.")
    try:
        text = data.decode("utf-8-sig")
    except UnicodeDecodeError:
        raise Refused(
            "not_readable", f"{_shown(name)} is neither a PNG, JPEG, GIF or WebP image nor text in UTF-8."
        ) from None
    return FilePart(_shown(name), _head_and_tail(text))


def checked(attachments: Sequence[Attachment]) -> tuple[Attachment, ...]:
    """What came with a message, as it may be stored. Raises `Refused` with a sentence for the person."""
    if len(attachments) > MAX_ATTACHMENTS:
        raise Refused("too_long", f"That is too much at once: at most {MAX_ATTACHMENTS} attachments.")
    return tuple(_checked(one) for one in attachments)


def _checked(one: Attachment) -> Attachment:
    """Adapters are not trusted to have looked: the bytes are looked at here."""
    if isinstance(one, FilePart):
        return attachment_of(one.name, one.text.encode("utf-8", "replace"))
    head, comma, body = one.url.partition(";base64,")
    if not comma or not head.startswith("data:"):
        raise Refused("not_readable", f"{_shown(one.name)} did not arrive as an image.")
    try:
        data = base64.b64decode(body, validate=True)
    except (binascii.Error, ValueError):
        raise Refused("not_readable", f"{_shown(one.name)} did not arrive whole.") from None
    found = attachment_of(one.name, data)
    if isinstance(found, FilePart):
        raise Refused("not_readable", f"{_shown(one.name)} is not an image.")
    return found


def _kind_of(data: bytes) -> str | None:
    for kind, beginnings in _BEGINNINGS.items():
        if data.startswith(beginnings) and (kind != "image/webp" or data[8:12] == b"WEBP"):
            return kind
    return None


def _head_and_tail(text: str) -> str:
    text = text.replace("\0", "\ufffd")
    if len(text) <= MAX_FILE_CHARS:
        return text
    head, tail = MAX_FILE_CHARS * 2 // 3, MAX_FILE_CHARS // 3
    left_out = len(text) - head - tail
    return f"{text[:head]}\n[... {left_out:,} characters left out here ...]\n{text[-tail:]}"


def _shown(name: str) -> str:
    """A name as one short line."""
    plain = "".join(letter if letter.isprintable() else " " for letter in name).strip()
    return plain[-MAX_NAME_CHARS:] or "attachment"
