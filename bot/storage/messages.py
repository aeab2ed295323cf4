"""The messages of a run in rows: appended, shortened, read back exactly as they were.

What is stored elsewhere is not written again: the results of calls are with the calls, images with the message they
came with.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from sqlalchemy import select, update

from bot.engine.request import result_message
from bot.engine.types import Message, Run, ToolCall
from bot.errors import StaleRun, Taken
from bot.storage import images, schema
from bot.storage.database import Transaction
from bot.storage.statements import Statement, insert_of, this

NULL_AS_TEXT = "\x01"
"""Stands for what is sent where that is the body but for a null content; no JSON text can hold it."""

_messages = schema.run_messages
_ALL = Statement(select(_messages).where(_messages.c.run_id == this("this_run")).order_by(_messages.c.seq))
_ADD = insert_of(_messages)
_SHORTEN = Statement(
    update(_messages).where(_messages.c.run_id == this("this_run"), _messages.c.seq == this("this_seq")), "sent"
)


def append(tx: Transaction, run: Run, first_seq: int) -> None:
    """Write the messages from this one on. Raises `StaleRun` when one of them is there already."""
    results = sum(message.role == "tool" for message in run.messages[:first_seq])
    take_out = images.taken_out(tx, run, run.messages[first_seq:])
    for seq, message in enumerate(run.messages[first_seq:], first_seq):
        body = message.body
        if message.role == "tool":
            is_with_its_call = body == result_message(run.calls[results]).body
            results, body = results + 1, b"" if is_with_its_call else body
        row = {
            "run_id": run.id,
            "seq": seq,
            "role": message.role,
            "body": take_out(body.decode()),
            "sent": _stored_sent(message, take_out),
            "by": message.by,
        }
        try:
            tx.execute(_ADD, row)
        except Taken as err:
            raise StaleRun("This run was moved on by another.") from err


def _stored_sent(message: Message, take_out: Callable[[str], str]) -> str | None:
    """How a message is sent: in a word where that follows from what was said."""
    if message.sent == message.body:
        return None
    return NULL_AS_TEXT if message.sent == _with_text(message.body) else take_out(message.sent.decode())


def _with_text(body: bytes) -> bytes:
    """What was said with "" for a content of null: so it goes back beside calls."""
    return body.replace(b'"content":null', b'"content":""', 1)


def shorten(tx: Transaction, before: Run, after: Run) -> None:
    """Write anew what is sent of messages from now on."""
    for seq, (old, new) in enumerate(zip(before.messages, after.messages, strict=False)):
        if old.sent is not new.sent:
            tx.execute(_SHORTEN, {"this_run": after.id, "this_seq": seq, "sent": new.sent.decode()})


def read(tx: Transaction, run_id: str, its_calls: Sequence[ToolCall]) -> tuple[Message, ...]:
    """The messages; the results among them are those of the calls, one each, in their order. Raises `ValueError` when
    one of them is damaged."""
    messages, results = [], 0
    for row in tx.all(_ALL, this_run=run_id):
        body = _bytes(tx, row.body)
        if row.role == "tool":
            if results >= len(its_calls):
                raise ValueError("a result without its call")
            body, results = body or result_message(its_calls[results]).body, results + 1
        messages.append(Message(row.role, body, _sent(tx, row.sent, body), row.by))
    return tuple(messages)


def _sent(tx: Transaction, stored: Any, body: bytes) -> bytes:
    if stored is None:
        return body
    return _with_text(body) if stored == NULL_AS_TEXT else _bytes(tx, stored)


def _bytes(tx: Transaction, stored: Any) -> bytes:
    return images.put_back(tx, stored).encode()
