"""Images are stored once, with the message they came with; where a run shows one, its rows hold a reference.

A reference stands between control characters. JSON text holds none that is not escaped, so nothing anybody wrote can be
taken for one, and putting the images back gives exactly the bytes that were taken.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable

from sqlalchemy import select

from bot.engine.types import Message, Run
from bot.storage import schema
from bot.storage.context import newest_attachments
from bot.storage.database import Transaction
from bot.storage.places import find_conversation
from bot.storage.statements import Statement, this

MARK = "\x1a"
_REFERENCE = re.compile(f"{MARK}([^{MARK}/]+)/([0-9]+){MARK}")
_START = b'"data:image/'
_body = schema.attachments.c.body
_IMAGE = Statement(
    select(_body).where(schema.attachments.c.run_id == this("this_run"), schema.attachments.c.seq == this("this_seq"))
)


def taken_out(tx: Transaction, run: Run, messages: Iterable[Message]) -> Callable[[str], str]:
    """What puts references in the place of the images that these messages of the run show. An image that is stored
    nowhere else stays."""
    if not any(_START in one.body for one in messages):
        return str
    conversation = find_conversation(tx, run.place)
    rows = [] if conversation is None else newest_attachments(tx, conversation, run.id)
    references = {f'"{row.body}"': f'"{MARK}{row.run_id}/{row.seq}{MARK}"' for row in rows if row.kind == "image"}

    def take_out(text: str) -> str:
        for image, reference in references.items():
            text = text.replace(image, reference)
        return text

    return take_out


def put_back(tx: Transaction, text: str) -> str:
    """The text with its images. Raises `ValueError` when one is gone."""
    return _REFERENCE.sub(lambda hit: _image(tx, hit[1], int(hit[2])), text) if MARK in text else text


def _image(tx: Transaction, run_id: str, seq: int) -> str:
    body = tx.scalar(_IMAGE, this_run=run_id, this_seq=seq)
    if not isinstance(body, str):
        raise ValueError("an image of this run is gone")
    return body
