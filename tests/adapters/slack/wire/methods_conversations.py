"""conversations.*: what channels there are, who is in them, what was said."""

from __future__ import annotations

from tests.adapters.slack.wire import payloads, scopes
from tests.adapters.slack.wire.asking import Ask, Method, message_in, paged, person, room
from tests.adapters.slack.wire.messages import Json, Message
from tests.adapters.slack.wire.refusals import Refused
from tests.adapters.slack.wire.world import Channel, User


def open_talk(ask: Ask) -> Json:
    users = [one for one in ask.text("users").split(",") if one]
    if not users and not ask.text("channel"):
        raise Refused("users_list_not_supplied")
    if not users:
        channel = room(ask)
        return {"channel": _opened(ask, channel), "no_op": True, "already_open": True}
    if len(users) > 8:
        raise Refused("too_many_users")
    people = [person(ask, one) for one in users]
    known = set(ask.world.channels)
    channel = direct(ask, people[0]) if len(people) == 1 else _group_talk(ask, people)
    old = {"no_op": True, "already_open": True} if channel.id in known else {}
    return {"channel": _opened(ask, channel), **old}


def direct(ask: Ask, user: User) -> Channel:
    """The direct talk of a person with the bot, made if there is none. Raises Refused."""
    if user.is_bot:
        raise Refused("cannot_dm_bot")
    if user.deleted:
        raise Refused("user_disabled")
    if not user.accepts_dms:
        raise Refused("user_not_visible")
    found = next((one for one in ask.world.channels.values() if _is_direct(one, ask, user)), None)
    if found is None:
        found = Channel(ask.world.new_id("D"), "im", "", ask.install.team, [user.id, ask.install.user])
        ask.world.channels[found.id] = found
    return found


def info(ask: Ask) -> Json:
    body = payloads.channel(room(ask), ask.install)
    if ask.flag("include_num_members"):
        body["num_members"] = len(room(ask).members)
    return {"channel": body}


def history(ask: Ask) -> Json:
    channel = _readable(ask)
    found = [one for one in channel.history if not one.is_reply or one.subtype == "thread_broadcast"]
    return _messages(ask, _between(ask, found)[::-1], default=100)


def replies(ask: Ask) -> Json:
    """A thread, oldest first; its first message is the first of every answer's first page."""
    channel = _readable(ask)
    root = message_in(ask, channel, ask.need("ts"), "thread_not_found")
    thread = channel.replies(root.thread)
    return _messages(ask, [*thread[:1], *_between(ask, thread[1:])], default=1000)


def members(ask: Ask) -> Json:
    page, more = paged(ask, room(ask).members)
    return {"members": page, "response_metadata": more}


def of_bot(ask: Ask) -> Json:
    """users.conversations: the channels the bot is in."""
    kinds = _kinds(ask)
    mine = [
        one
        for one in ask.world.channels.values()
        if ask.install.user in one.members
        and ask.install.team in (one.team, *one.shared_with)
        and one.kind in kinds
        and not (ask.flag("exclude_archived") and one.is_archived)
    ]
    page, more = paged(ask, mine)
    return {"channels": [payloads.channel(one, ask.install) for one in page], "response_metadata": more}


def every(ask: Ask) -> Json:
    """conversations.list: public channels, and the others the bot is in."""
    kinds = _kinds(ask)
    seen = [
        one
        for one in ask.world.channels.values()
        if ask.install.team in (one.team, *one.shared_with)
        and one.kind in kinds
        and (one.kind == "channel" or ask.install.user in one.members)
        and not (ask.flag("exclude_archived") and one.is_archived)
    ]
    page, more = paged(ask, seen)
    return {"channels": [payloads.channel(one, ask.install) for one in page], "response_metadata": more}


def _kinds(ask: Ask) -> set[str]:
    """The kinds asked for. Raises Refused where the token may not see one of them."""
    names = {"public_channel": "channel", "private_channel": "private", "im": "im", "mpim": "mpim"}
    asked = [one for one in (ask.text("types") or "public_channel").split(",") if one]
    if any(one.strip() not in names for one in asked):
        raise Refused("invalid_types")
    kinds = {names[one.strip()] for one in asked}
    needed = [scopes.BY_KIND["read"][kind] for kind in sorted(kinds)]
    if lacking := [one for one in needed if one not in ask.install.scopes]:
        raise scopes.lacking(ask.install, ",".join(lacking))
    return kinds


def _readable(ask: Ask) -> Channel:
    channel = room(ask)
    if ask.install.user not in channel.members:
        raise Refused("not_in_channel")
    return channel


def _between(ask: Ask, found: list[Message]) -> list[Message]:
    """Those between `oldest` and `latest`; the limits themselves only with `inclusive`."""
    oldest, latest = ask.text("oldest"), ask.text("latest")
    is_in = ask.flag("inclusive")
    return [
        one
        for one in found
        if not one.is_deleted
        and not (oldest and (float(one.ts), is_in) < (float(oldest), True))
        and not (oldest and one.ts == oldest and not is_in)
        and not (latest and float(one.ts) > float(latest))
        and not (latest and one.ts == latest and not is_in)
    ]


def _messages(ask: Ask, found: list[Message], *, default: int) -> Json:
    page, more = paged(ask, found, default=default, most=999)
    with_metadata = ask.flag("include_all_metadata")
    told = [
        payloads.message(ask.world, one, with_metadata=with_metadata, in_history=True)
        if one.metadata is None
        else _with(ask, one, with_metadata)
        for one in page
    ]
    has_more = bool(more["next_cursor"])
    answer: Json = {"messages": told, "has_more": has_more, "pin_count": 0}
    return answer | ({"response_metadata": more} if has_more else {})


def _with(ask: Ask, one: Message, with_metadata: bool) -> Json:
    body = payloads.message(ask.world, one, with_metadata=True, in_history=True)
    if not with_metadata:
        del body["metadata"]
    return body


def _opened(ask: Ask, channel: Channel) -> Json:
    return payloads.channel(channel, ask.install) if ask.flag("return_im") else {"id": channel.id}


def _is_direct(one: Channel, ask: Ask, user: User) -> bool:
    return one.kind == "im" and one.team == ask.install.team and set(one.members) == {user.id, ask.install.user}


def _group_talk(ask: Ask, people: list[User]) -> Channel:
    members = [*(one.id for one in people), ask.install.user]
    for one in ask.world.channels.values():
        if one.kind == "mpim" and set(one.members) == set(members):
            return one
    name = "mpdm-" + "--".join(one.name for one in people) + "-1"
    made = Channel(ask.world.new_id("C"), "mpim", name, ask.install.team, members)
    ask.world.channels[made.id] = made
    return made


METHODS: dict[str, Method] = {
    "conversations.open": open_talk,
    "conversations.info": info,
    "conversations.history": history,
    "conversations.replies": replies,
    "conversations.members": members,
    "conversations.list": every,
    "users.conversations": of_bot,
}
