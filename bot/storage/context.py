"""What a conversation is answered with: its model, the summary of its old turns, what came with its messages."""

from __future__ import annotations

import json
from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any

from sqlalchemy import Select, case, delete, func, select, update
from sqlalchemy.dialects.sqlite import insert as sqlite_insert

from bot.engine.types import NO_TAINT, Attachment, FilePart, ImagePart, Place, Taint
from bot.storage import schema
from bot.storage.database import Database, Transaction
from bot.storage.places import find_conversation, make_conversation
from bot.storage.reading import StoredTurn
from bot.storage.statements import Statement, among, insert_of, this

MAX_ATTACHMENTS = 8

_conversations, _summaries, _attachments, _turns = (
    schema.conversations,
    schema.summaries,
    schema.attachments,
    schema.turns,
)
_MODEL = Statement(select(_conversations.c.model).where(_conversations.c.id == this("this_id")))
_CHOOSE = Statement(update(_conversations).where(_conversations.c.id == this("this_id")), "model")
_FORGET = Statement(update(_conversations).where(_conversations.c.id == this("this_id")), "forgotten_upto")
_LAST_TURN = Statement(select(func.max(_turns.c.id)).where(_turns.c.conversation_id == this("conversation")))
_MARKED = Statement(
    select(schema.calls.c.name, schema.calls.c.marks)
    .distinct()
    .join(_turns, _turns.c.run_id == schema.calls.c.run_id)
    .join(_conversations, _conversations.c.id == _turns.c.conversation_id)
    .where(
        _conversations.c.id == this("conversation"),
        _turns.c.id > _conversations.c.forgotten_upto,
        schema.calls.c.marks != "",
        among(schema.calls.c.state, ("started", "done", "failed", "unknown")),
    )
    .order_by(schema.calls.c.name)
)
_AUTHORS = Statement(
    select(_turns.c.author)
    .distinct()
    .join(_conversations, _conversations.c.id == _turns.c.conversation_id)
    .where(
        _conversations.c.id == this("conversation"),
        _turns.c.id > _conversations.c.forgotten_upto,
        _turns.c.role == "user",
        _turns.c.author != "",
    )
)
_head = case((func.json_valid(schema.runs.c.head) == 1, schema.runs.c.head), else_="{}")
_INHERITED = Statement(
    select(
        func.json_extract(_head, "$.taint.untrusted").label("untrusted"),
        func.json_extract(_head, "$.taint.private").label("private"),
    )
    .distinct()
    .select_from(_turns)
    .join(schema.runs, schema.runs.c.id == _turns.c.run_id)
    .join(_conversations, _conversations.c.id == _turns.c.conversation_id)
    .where(_conversations.c.id == this("conversation"), _turns.c.id > _conversations.c.forgotten_upto)
)
_SUMMARY = Statement(select(_summaries).where(_summaries.c.conversation_id == this("conversation")))
_summary_values = ("conversation_id", "upto_turn", "text", "model", "at_ms")
_newer = sqlite_insert(_summaries)
_KEEP_SUMMARY = Statement(
    _newer.on_conflict_do_update(
        index_elements=["conversation_id"],
        set_={name: _newer.excluded[name] for name in _summary_values[1:]},
        where=_summaries.c.upto_turn < _newer.excluded.upto_turn,
    ),
    *_summary_values,
)
_since = select(_turns).where(
    _turns.c.conversation_id == this("conversation"), _turns.c.id > this("since"), _turns.c.text != schema.ERASED
)
_NEWEST_TURNS = Statement(_since.order_by(_turns.c.id.desc()).limit(this("at_most")))
_OLDEST_TURNS = Statement(_since.order_by(_turns.c.id).limit(this("at_most")))
_is_its_own = schema.runs.c.id == this("this_run")
_body = case((_attachments.c.kind == "image", ""), else_=_attachments.c.body).label("body")
_without_images = select(_attachments.c.run_id, _attachments.c.seq, _attachments.c.kind, _attachments.c.name, _body)


def _newest_of(chosen: Select[Any]) -> Statement:
    """Its own attachments first, then the newest of settled messages that were answered."""
    is_settled = among(schema.runs.c.status, ("done", "failed", "cancelled")) & schema.runs.c.answer.is_not(None)
    return Statement(
        chosen.join(schema.runs, schema.runs.c.id == _attachments.c.run_id)
        .where(schema.runs.c.conversation_id == this("conversation"), _is_its_own | is_settled)
        .order_by(_is_its_own.desc(), schema.runs.c.seq.desc(), _attachments.c.seq)
        .limit(MAX_ATTACHMENTS)
    )


_NEWEST_ATTACHMENTS, _WITHOUT_IMAGES = _newest_of(select(_attachments)), _newest_of(_without_images)
_ADD_ATTACHMENT = insert_of(_attachments)
_NAMES = Statement(
    select(_attachments.c.run_id, _attachments.c.name)
    .join(schema.runs, schema.runs.c.id == _attachments.c.run_id)
    .where(schema.runs.c.conversation_id == this("conversation"), among(_attachments.c.kind, ("image", "file")))
    .order_by(_attachments.c.run_id, _attachments.c.seq)
)


HEARD = "heard:"
"""Before the conversation and the event id in the key of a turn that was heard."""
_ASKED = Statement(
    select(schema.runs.c.id).where(
        schema.runs.c.event_id == this("this_event"), schema.runs.c.conversation_id == this("conversation")
    )
)
_NOT_HEARD = Statement(delete(_turns).where(_turns.c.key == this("this_key")))
_REMEMBER = Statement(
    sqlite_insert(_turns).on_conflict_do_nothing(index_elements=["key"]),
    *("conversation_id", "role", "author", "text", "key", "at_ms"),
)


@dataclass(frozen=True, slots=True)
class HeardLine:
    """Something a person (an identity) said to others. `event_id` is the platform's."""

    event_id: str
    author: str
    text: str
    at_ms: int


@dataclass(frozen=True, slots=True)
class Summary:
    """What the turns up to and including `upto_turn` came to."""

    upto_turn: int
    text: str


NO_SUMMARY = Summary(0, "")


@dataclass(frozen=True, slots=True)
class Context:
    """A conversation as the next run needs it: `turns` are those after the summary, oldest first. Since people last had
    it forgotten, `taint` is what was read here, and `authors` are the identities that spoke."""

    model: str = ""
    summary: Summary = NO_SUMMARY
    turns: tuple[StoredTurn, ...] = ()
    attachments: dict[str, tuple[Attachment, ...]] = field(default_factory=dict)
    taint: Taint = NO_TAINT
    authors: frozenset[str] = frozenset()


class ContextRows:
    def __init__(self, database: Database) -> None:
        self._db = database

    async def of(
        self, place: Place, *, at_most: int, run_id: str = "", from_oldest: bool = False, with_images: bool = False
    ) -> Context:
        """Everything of a conversation in one look: at most so many of its newest turns (or of its oldest), what came
        with the message of this run, and the newest of what came with settled ones. Images are megabytes: without
        `with_images` they are there by name only."""

        def read(tx: Transaction) -> Context:
            conversation = find_conversation(tx, place)
            if conversation is None:
                return Context()
            row = tx.first(_SUMMARY, conversation=conversation)
            summary = NO_SUMMARY if row is None else Summary(row.upto_turn, row.text)
            since = {"conversation": conversation, "since": summary.upto_turn, "at_most": at_most}
            rows = tx.all(_OLDEST_TURNS, **since) if from_oldest else reversed(tx.all(_NEWEST_TURNS, **since))
            turns = tuple(map(_turn, rows))
            model = str(tx.scalar(_MODEL, this_id=conversation) or "")
            attached = _attached(tx, conversation, run_id, with_images=with_images)
            authors = frozenset(row.author for row in tx.all(_AUTHORS, conversation=conversation))
            return Context(model, summary, turns, attached, _taint_of(tx, conversation), authors)

        return await self._db.run(read)

    async def model_of(self, place: Place) -> str:
        """The label of the model chosen for a conversation, "" for the usual one."""

        def read(tx: Transaction) -> str:
            conversation = find_conversation(tx, place)
            return "" if conversation is None else str(tx.scalar(_MODEL, this_id=conversation) or "")

        return await self._db.run(read)

    async def choose_model(self, place: Place, label: str) -> None:
        """From the next message on this conversation is answered by this model; "" = the usual one again."""
        await self._db.run(lambda tx: tx.execute(_CHOOSE, {"this_id": make_conversation(tx, place), "model": label}))

    async def forget(self, place: Place) -> None:
        """Let the next message here begin without what was said before; it stays to be read by people."""

        def forget(tx: Transaction) -> None:
            conversation = make_conversation(tx, place)
            newest = int(tx.scalar(_LAST_TURN, conversation=conversation) or 0)
            tx.execute(_FORGET, {"this_id": conversation, "forgotten_upto": newest})
            row = {"upto_turn": newest, "text": "", "model": "", "at_ms": tx.now_ms}
            tx.execute(_KEEP_SUMMARY, {"conversation_id": conversation, **row})

        await self._db.run(forget)

    async def keep_summary(self, place: Place, summary: Summary, *, model: str) -> None:
        """Store what the old turns came to, unless a newer one is there."""

        def keep(tx: Transaction) -> None:
            row = {"upto_turn": summary.upto_turn, "text": summary.text, "model": model, "at_ms": tx.now_ms}
            tx.execute(_KEEP_SUMMARY, {"conversation_id": make_conversation(tx, place), **row})

        await self._db.run(keep)

    async def names_in(self, place: Place) -> dict[str, tuple[str, ...]]:
        """The names of what came with the messages of a conversation, by run."""
        rows = await self._db.run(lambda tx: tx.all(_NAMES, conversation=find_conversation(tx, place)))
        names: dict[str, tuple[str, ...]] = {}
        for row in rows:
            names[row.run_id] = (*names.get(row.run_id, ()), row.name)
        return names


def attach(tx: Transaction, run_id: str, attachments: Iterable[Attachment]) -> None:
    """Store what came with a message, in the transaction that stores the message."""
    for seq, one in enumerate(attachments):
        kind, body = ("image", one.url) if isinstance(one, ImagePart) else ("file", one.text)
        tx.execute(_ADD_ATTACHMENT, {"run_id": run_id, "seq": seq, "kind": kind, "name": one.name, "body": body})


def not_heard(tx: Transaction, conversation_id: int, event_id: str) -> None:
    """Let go of what was heard of a message that is to the bot after all."""
    tx.execute(_NOT_HEARD, {"this_key": f"{HEARD}{conversation_id}:{event_id}"})


def remember(tx: Transaction, conversation_id: int, heard: Iterable[HeardLine]) -> None:
    """Keep what people said to each other, in the transaction that stores the message it came before: each thing once
    in a conversation, and not what was said to the bot there, which it holds already."""
    for one in heard:
        if tx.first(_ASKED, this_event=one.event_id, conversation=conversation_id) is None:
            row = {"conversation_id": conversation_id, "role": "user", "author": one.author, "text": one.text}
            tx.execute(_REMEMBER, {**row, "key": f"{HEARD}{conversation_id}:{one.event_id}", "at_ms": one.at_ms})


def newest_attachments(tx: Transaction, conversation: int, run_id: str) -> list[Any]:
    """The rows of what a run may be shown: its own attachments first, then the newest of settled messages. Older ones
    are remembered by what was said of them."""
    return tx.all(_NEWEST_ATTACHMENTS, conversation=conversation, this_run=run_id)


def _taint_of(tx: Transaction, conversation: int) -> Taint:
    """What the runs of these turns have read themselves, and what they were told of earlier ones."""
    marked = [(row.name, row.marks.split(",")) for row in tx.all(_MARKED, conversation=conversation)]
    taint = Taint(
        tuple(name for name, marks in marked if "untrusted" in marks),
        tuple(name for name, marks in marked if "private" in marks),
    )
    for row in tx.all(_INHERITED, conversation=conversation):
        taint += Taint(tuple(json.loads(row.untrusted or "[]")), tuple(json.loads(row.private or "[]")))
    return taint


def _attached(
    tx: Transaction, conversation: int, run_id: str, *, with_images: bool
) -> dict[str, tuple[Attachment, ...]]:
    if with_images:
        rows = newest_attachments(tx, conversation, run_id)
    else:
        rows = tx.all(_WITHOUT_IMAGES, conversation=conversation, this_run=run_id)
    attached: dict[str, tuple[Attachment, ...]] = {}
    for row in rows:
        one = ImagePart(row.body, row.name) if row.kind == "image" else FilePart(row.name, row.body)
        attached[row.run_id] = (*attached.get(row.run_id, ()), one)
    return attached


def _turn(row: Any) -> StoredTurn:
    return StoredTurn(row.run_id, row.role, row.author, row.text, row.at_ms, row.id)
