"""How the bot knows its own messages again: by a mark in their metadata (docs, "Message metadata").

Any app of the workspace can read it, so it holds nothing but a hash.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field

import structlog

from adapters.slack.api.rooms import Room
from adapters.slack.api.web import Json, SlackRefused

log = structlog.get_logger()

EVENT = "nod_message"
DRAFT, KEPT = "draft", "kept"
"""A message that shows what passes: while it may still become something, and when it was left as it is."""
PAGE, PAGES = 200, 5


def mark(key: str, kind: str = "") -> Json:
    """The metadata of what is sent under this key."""
    return {"event_type": EVENT, "event_payload": {"key": name_of(key), **({"kind": kind} if kind else {})}}


def name_of(key: str) -> str:
    """A short name for a key, always the same one."""
    return hashlib.sha256(key.encode()).hexdigest()[:32]


def found_in(message: Json) -> tuple[str, str]:
    """The name and the kind in a message's mark, "" for what it has not."""
    metadata = message.get("metadata")
    if not isinstance(metadata, dict) or metadata.get("event_type") != EVENT:
        return "", ""
    payload = metadata.get("event_payload")
    said = payload if isinstance(payload, dict) else {}
    return str(said.get("key") or ""), str(said.get("kind") or "")


def is_unfinished(message: Json) -> bool:
    """Whether one of our messages still shows what passes: a stream without a mark, or what is marked as a draft."""
    name, kind = found_in(message)
    return kind == DRAFT or (not name and "streaming_state" in message)


@dataclass(slots=True)
class Arrived:
    """Our own messages in a room, oldest first."""

    messages: list[Json] = field(default_factory=list)

    def ts_of(self, key: str) -> str:
        """Which message was sent under this key, "" for none."""
        name = name_of(key)
        return next((str(one["ts"]) for one in self.messages if found_in(one)[0] == name), "")

    def files(self) -> Iterator[tuple[str, str, int]]:
        """Id, name and size of each file the bot shared there."""
        for message in self.messages:
            for one in message.get("files") or ():
                yield str(one.get("id")), str(one.get("name")), int(one.get("size") or 0)


async def arrived(room: Room, *, since_s: float) -> Arrived:
    """What the bot wrote in a room since then; nothing where Slack does not let it read. Raises `SendError`."""
    try:
        said = await read(room, since_s=since_s)
    except SlackRefused as err:
        log.warning("slack.not_read", channel=room.channel, code=err.code, needed=err.needed)
        return Arrived()
    return Arrived([one for one in said if room.is_ours(one)])


async def read(room: Room, *, since_s: float) -> list[Json]:
    """The messages of a room since then, oldest first; of a thread its first message too. Raises as `call` does."""
    method, where = _method(room)
    found: dict[str, Json] = {}
    cursor: str | None = None
    for _ in range(PAGES):
        page = await room.client.call(
            method,
            channel=room.channel,
            **where,
            oldest=f"{max(since_s, 0.0):.6f}",
            limit=PAGE,
            include_all_metadata=True,
            cursor=cursor,
        )
        found.update((str(one.get("ts")), one) for one in _messages(page.get("messages")))
        cursor = (page.get("response_metadata") or {}).get("next_cursor")
        if not cursor:
            break
    return [found[ts] for ts in sorted(found)]


async def look_at(room: Room, ts: str) -> Json | None:
    """One message of a room, None where it is not there. Raises as `call` does."""
    method, where = _method(room)
    page = await room.client.call(
        method,
        channel=room.channel,
        **where,
        oldest=ts,
        latest=ts,
        inclusive=True,
        limit=2,
        include_all_metadata=True,
    )
    return next((one for one in _messages(page.get("messages")) if one.get("ts") == ts), None)


def _method(room: Room) -> tuple[str, Json]:
    """How a room is read."""
    return ("conversations.replies", {"ts": room.thread}) if room.thread else ("conversations.history", {})


def _messages(said: object) -> Sequence[Json]:
    return [one for one in said if isinstance(one, dict)] if isinstance(said, list) else []
