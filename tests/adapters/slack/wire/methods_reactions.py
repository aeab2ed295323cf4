"""reactions.*: what is stuck on a message."""

from __future__ import annotations

import re

from tests.adapters.slack.wire import payloads
from tests.adapters.slack.wire.asking import Ask, Method, message_in, room_of_bot
from tests.adapters.slack.wire.messages import Json, Message
from tests.adapters.slack.wire.refusals import Refused

_NAME = re.compile(r"[a-z0-9_+'-]+(::skin-tone-[2-6])?")


def add(ask: Ask) -> Json:
    message, name = _item(ask), _name(ask)
    users = message.reactions.setdefault(name, [])
    if ask.install.user in users:
        raise Refused("already_reacted")
    users.append(ask.install.user)
    return {}


def remove(ask: Ask) -> Json:
    message, name = _item(ask), _name(ask)
    if ask.install.user not in message.reactions.get(name, []):
        raise Refused("no_reaction")
    message.reactions[name].remove(ask.install.user)
    if not message.reactions[name]:
        del message.reactions[name]
    return {}


def get(ask: Ask) -> Json:
    message = _item(ask)
    return {"type": "message", "channel": message.channel, "message": payloads.message(ask.world, message)}


def _item(ask: Ask) -> Message:
    channel = room_of_bot(ask)
    if channel.is_archived:
        raise Refused("is_archived")
    return message_in(ask, channel, ask.need("timestamp"))


def _name(ask: Ask) -> str:
    name = ask.need("name")
    if not _NAME.fullmatch(name):
        raise Refused("invalid_name")
    return name


METHODS: dict[str, Method] = {"reactions.add": add, "reactions.remove": remove, "reactions.get": get}
