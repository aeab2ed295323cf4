"""What an event of Slack's says, read strictly (docs, "Events API"). Pure.

Only what may concern the bot is an event here; everything else is nothing.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from adapters.slack.api.strict import (
    ANY_TEAM,
    CHANNEL,
    FILE,
    SLACKBOT,
    TEAM,
    TS,
    USER,
    WORD,
    fit,
    items,
    number,
    part,
    text,
)
from adapters.slack.handlers import Body
from adapters.slack.places import PLATFORM, event_id

MAX_AHEAD_S = 86_400
MAX_FILES = 100
BROADCAST = "thread_broadcast"
_TALK = frozenset({"", "file_share"})
"""The subtypes that people's own words have."""
PEOPLE_CHANGED = frozenset({"user_change", "user_profile_changed", "user_status_changed"})
GROUPS_CHANGED = frozenset({"subteam_created", "subteam_updated", "subteam_members_changed", "subteam_self_removed"})


@dataclass(frozen=True, slots=True)
class File:
    """A file of a message. `is_whole`: what Slack says of it is here; else it has to be asked for (`files.info`)."""

    id: str
    name: str
    url: str
    size: int
    mimetype: str
    is_whole: bool


@dataclass(frozen=True, slots=True)
class Message:
    """What somebody wrote. `ts` is what it is called in its channel, `thread` that of the first message of its thread,
    "" at the top. `user_team` is the author's own workspace, "" where Slack does not say; `thread_user` who began the
    thread. `edited` is when it was changed, "" for never.
    `hides_files`: it came with files that are not named here.
    """

    team: str
    channel: str
    ts: str
    user: str
    text: str
    thread: str = ""
    files: tuple[File, ...] = ()
    user_team: str = ""
    thread_user: str = ""
    edited: str = ""
    hides_files: bool = False

    @property
    def event(self) -> str:
        """The id of the event that it is."""
        return event_id(self.team, self.channel, self.ts)

    @property
    def is_direct(self) -> bool:
        """Whether it was written to the bot alone."""
        return self.channel.startswith("D")

    @property
    def at_ms(self) -> int:
        return ms_of(self.ts)


@dataclass(frozen=True, slots=True)
class Said:
    message: Message


@dataclass(frozen=True, slots=True)
class Edited:
    """A message reads otherwise now: `message` is what it says, `before` what it said."""

    message: Message
    before: str


@dataclass(frozen=True, slots=True)
class Deleted:
    """A message is gone. `user` wrote it and `text` is what it said, "" where Slack does not say."""

    team: str
    channel: str
    ts: str
    thread: str = ""
    user: str = ""
    text: str = ""

    @property
    def event(self) -> str:
        return event_id(self.team, self.channel, self.ts)


@dataclass(frozen=True, slots=True)
class Joined:
    """Somebody, perhaps the bot, has come into a channel."""

    team: str
    channel: str
    user: str


@dataclass(frozen=True, slots=True)
class PersonChanged:
    team: str
    user: str


@dataclass(frozen=True, slots=True)
class GroupsChanged:
    team: str


@dataclass(frozen=True, slots=True)
class Other:
    """Something that is not about messages or people."""

    team: str
    kind: str


Event = Said | Edited | Deleted | Joined | PersonChanged | GroupsChanged | Other


@dataclass(frozen=True, slots=True)
class Arrived:
    """An event as it came: Slack's id of it, the workspace the bot met it in, and the bot's own id there ("" where
    Slack does not say). `kind` is the event's type."""

    id: str
    team: str
    bot: str
    kind: str
    event: Event


def read_event(body: Body, *, now_s: float) -> Arrived | None:
    """The event that a request brings; None for what is none of ours, or does not look like Slack's. A message from the
    future would put off everything that comes after it: it is none."""
    authorized = next(iter(items(body, "authorizations")), {})
    # in channels of several companies `team_id` may be another's than that of the bot
    teams = (authorized.get("team_id"), body.get("context_team_id"), body.get("team_id"))
    team = next((found for one in teams if (found := fit(TEAM, one))), "")
    event, key = part(body, "event"), fit(WORD, body.get("event_id"))
    kind = fit(WORD, event.get("type"))
    if not team or not key or not kind:
        return None
    read = _read(event, kind, team, now_s)
    bot = fit(USER, authorized.get("user_id")) if authorized.get("is_bot") is True else ""
    return None if read is None else Arrived(key, team, bot, kind, read)


def keys_of(arrived: Arrived) -> tuple[str, ...]:
    """What an event is known by: Slack's id of the delivery, and what it is about, where that comes in several ways."""
    match arrived.event:
        case Said(message):
            return arrived.id, message_key(message.team, message.channel, message.ts)
        case Edited(message):
            return arrived.id, f"{message_key(message.team, message.channel, message.ts)}:{message.edited}"
        case Deleted() as gone:
            return arrived.id, f"{message_key(gone.team, gone.channel, gone.ts)}:deleted"
        case _:
            return (arrived.id,)


def message_key(team: str, channel: str, ts: str) -> str:
    """What a message is known by, whichever event brings it."""
    return f"{team}:{channel}:{ts}"


def author_of(event: Event) -> str:
    """The identity of the person whose words an event holds, "" for nobody's."""
    match event:
        case Said(message) | Edited(message):
            return f"{PLATFORM}:{message.team}/{message.user}"
        case _:
            return ""


def ms_of(ts: str) -> int:
    """The time of a message in milliseconds."""
    seconds, _, fraction = ts.partition(".")
    return int(seconds) * 1000 + int(fraction[:3])


# --- by kind ---------------------------------------------------------------------------------------------------------


def _read(event: Body, kind: str, team: str, now_s: float) -> Event | None:
    channel, user = fit(CHANNEL, event.get("channel")), fit(USER, event.get("user"))
    match kind:
        case "message":
            return _message_event(event, team, channel, now_s)
        case "app_mention":
            said = read_message(event, team, channel, now_s=now_s, also=BROADCAST)
            return None if said is None or said.edited else Said(said)  # an edit comes as a changed message, too
        case "member_joined_channel":
            return Joined(team, channel, user) if channel and user else None
        case _ if kind in PEOPLE_CHANGED:
            changed = fit(USER, part(event, "user").get("id"))
            return PersonChanged(team, changed) if changed else None
        case _ if kind in GROUPS_CHANGED:
            return GroupsChanged(team)
        case _:
            return Other(team, kind)


def _message_event(event: Body, team: str, channel: str, now_s: float) -> Event | None:
    match text(event, "subtype"):
        case "message_changed":
            return _changed(event, team, channel, now_s)
        case "message_deleted":
            return _deleted(part(event, "previous_message"), event.get("deleted_ts"), team, channel)
        case _:
            said = read_message(event, team, channel, now_s=now_s)
            return None if said is None else Said(said)


def _changed(event: Body, team: str, channel: str, now_s: float) -> Event | None:
    """An edit by the author: previews that were loaded and counts of answers come the same way."""
    now, before = part(event, "message"), part(event, "previous_message")
    if text(now, "subtype") == "tombstone":  # it had answers, so something has to stand there
        return _deleted(before, now.get("ts"), team, channel)
    message = read_message(now, team, channel, now_s=now_s)
    if message is None or not message.edited or part(now, "edited").get("user") != message.user:
        return None
    was = text(before, "text")
    return None if was == message.text else Edited(message, was)


def _deleted(before: Body, ts: Any, team: str, channel: str) -> Deleted | None:
    ts = fit(TS, ts)
    if not ts or not channel:
        return None
    thread = fit(TS, before.get("thread_ts"))
    user = fit(USER, before.get("user"))
    return Deleted(team, channel, ts, "" if thread == ts else thread, user, text(before, "text"))


def read_message(body: Body, team: str, channel: str, *, now_s: float, also: str = "") -> Message | None:
    """A person's own words; None for programs' words, what Slack says by itself, and what has no author. `also` is a
    subtype that is taken besides."""
    ts, user = fit(TS, body.get("ts")), fit(USER, body.get("user"))
    subtype = text(body, "subtype")
    if not ts or not user or not channel or user == SLACKBOT or body.get("bot_id"):
        return None
    if (subtype not in _TALK and subtype != also) or float(ts) > now_s + MAX_AHEAD_S:
        return None
    thread = fit(TS, body.get("thread_ts"))
    files = items(body, "files")[:MAX_FILES]
    return Message(
        team,
        channel,
        ts,
        user,
        text(body, "text"),
        thread="" if thread == ts else thread,
        files=tuple(file for one in files if (file := read_file(one)) is not None),
        user_team=fit(ANY_TEAM, body.get("user_team")) or fit(ANY_TEAM, body.get("team")),
        thread_user=fit(USER, body.get("parent_user_id")),
        edited=fit(TS, part(body, "edited").get("ts")),
        hides_files="files" not in body and any(_files_in(body.get("blocks"))),
    )


def read_file(body: Body) -> File | None:
    """A file, as a message or `files.info` names it; None for one that was deleted."""
    file_id, mode = fit(FILE, body.get("id")), text(body, "mode")
    if not file_id or mode in ("tombstone", "hidden_by_limit"):
        return None
    url = text(body, "url_private") or text(body, "url_private_download")
    name = text(body, "name") or text(body, "title")
    is_whole = bool(url) and mode != "file_access"
    return File(file_id, name, url, number(body, "size"), text(body, "mimetype"), is_whole)


def _files_in(blocks: Any) -> Iterator[Body]:
    """The files that rich text names: an `app_mention` may come without its list of them."""
    for block in blocks if isinstance(blocks, list) else ():
        elements = block.get("elements") if isinstance(block, dict) else None
        for one in elements if isinstance(elements, list) else ():
            if isinstance(one, dict) and one.get("type") == "file":
                yield one


# --- what is kept ----------------------------------------------------------------------------------------------------

_MESSAGE = ("type", "subtype", "user", "bot_id", "text", "ts", "thread_ts", "team", "user_team", "parent_user_id")
_FILE = ("id", "mode", "name", "title", "mimetype", "size", "url_private", "url_private_download")
_EVENT = (*_MESSAGE, "channel", "deleted_ts", "streaming_message_ts", "tab", "tokens")
_BODY = ("type", "event_id", "team_id", "context_team_id")
_AUTHORIZED = ("team_id", "user_id", "is_bot")


def trimmed(body: Body) -> Body:
    """As much of an event as is needed to read it again: it is kept for a moment, and holds people's words."""
    event = part(body, "event")
    kept = _only(event, _EVENT) | _message_parts(event)
    for name in ("message", "previous_message"):
        if isinstance(event.get(name), dict):
            kept[name] = _only(event[name], _MESSAGE) | _message_parts(event[name])
    authorized = [_only(one, _AUTHORIZED) for one in items(body, "authorizations")[:1]]
    return _only(body, _BODY) | {"authorizations": authorized, "event": kept}


def _message_parts(message: Body) -> Body:
    found: Body = {}
    if "files" in message:
        found["files"] = [_only(one, _FILE) for one in items(message, "files")[:MAX_FILES]]
    elif any(_files_in(message.get("blocks"))):
        found["blocks"] = [{"elements": [{"type": "file"}]}]
    if "edited" in message:
        found["edited"] = _only(part(message, "edited"), ("ts", "user"))
    return found


def _only(body: Body, names: tuple[str, ...]) -> Body:
    return {name: body[name] for name in names if name in body}
