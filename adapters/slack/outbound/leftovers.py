"""What a process that is gone left half finished in a thread: streams nobody goes on with, drafts nobody changes."""

from __future__ import annotations

import time
from collections.abc import Collection
from math import inf

import structlog

from adapters.slack.api.rooms import Room
from adapters.slack.api.web import SlackRefused
from adapters.slack.outbound.canvas import remove
from adapters.slack.outbound.marks import is_unfinished, read
from adapters.slack.outbound.streams import Reader, end
from bot.errors import SendError

log = structlog.get_logger()

LOOK_BACK_S = 7_200.0
"""How old it may be: a run lasts minutes."""


async def clear(room: Room, held: Collection[str], *, before_s: float = inf) -> Reader | None:
    """Take away what is unfinished there, was begun before then and is held by nobody. Gives who began the thread,
    where Slack says it. Raises nothing."""
    try:
        said = await read(room, since_s=time.time() - LOOK_BACK_S)
    except (SlackRefused, SendError) as err:
        log.info("leftovers.not_read", channel=room.channel, why=err.user_message)
        return None
    for one in said:
        if room.is_ours(one) and is_unfinished(one) and one["ts"] not in held and float(one["ts"]) < before_s:
            log.info("leftovers.removed", channel=room.channel, ts=one["ts"])
            await (end(room, one["ts"]) if "streaming_state" in one else remove(room, one["ts"]))
    first = next((one for one in said if one.get("ts") == room.thread and not room.is_ours(one)), None)
    if first is None or not isinstance(first.get("user"), str):
        return None
    return Reader(first["user"], str(first.get("user_team") or first.get("team") or room.team))
