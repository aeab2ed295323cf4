"""chat.*: messages, except for those that are streamed."""

from __future__ import annotations

from tests.adapters.slack.wire import blocks, payloads, posting
from tests.adapters.slack.wire.asking import Ask, Method, message_in, open_room, person, room, room_of_bot
from tests.adapters.slack.wire.messages import Json, Message
from tests.adapters.slack.wire.refusals import Refused
from tests.adapters.slack.wire.world import Channel

_ASIDE = ("channel", "text", "blocks", "attachments", "metadata", "thread_ts", "markdown_text", "ts", "user", "token")


def post_message(ask: Ask) -> Json:
    channel = _target(ask)
    message = written(ask, channel, _content(ask))
    message.thread_ts = thread_of(ask, channel)
    message.subtype = "thread_broadcast" if message.thread_ts and ask.flag("reply_broadcast") else ""
    message.metadata = metadata_of(ask)
    posting.put(ask.world, channel, message)
    body = payloads.message(ask.world, message, with_metadata=True)
    return {"channel": channel.id, "ts": message.ts, "message": body}


def update(ask: Ask) -> Json:
    channel = room_of_bot(ask)
    message = message_in(ask, channel, ask.need("ts"))
    if channel.is_archived:
        raise Refused("is_archived")
    if message.user != ask.install.user:
        raise Refused("cant_update_message")
    if message.stream is not None and message.stream.is_open:
        raise Refused("streaming_state_conflict")
    if len(ask.text("text")) > blocks.MAX_UPDATED_TEXT:
        raise Refused("msg_too_long")
    content = _content(ask)
    message.versions.append((message.text, message.blocks))
    has_blocks = ask.data("blocks") is not None or ask.args.get("markdown_text") is not None
    if has_blocks or ask.args.get("text") is not None:
        message.text, message.blocks = content["text"], content["blocks"]
    if ask.args.get("attachments") is not None:
        message.attachments = content["attachments"]
    if ask.args.get("metadata") is not None:
        message.metadata = metadata_of(ask)
    posting.change(ask.world, channel, message, by=ask.install.user)
    body = payloads.message(ask.world, message, with_metadata=True)
    return {"channel": channel.id, "ts": message.ts, "text": message.text, "message": body}


def delete(ask: Ask) -> Json:
    channel = room(ask)
    message = message_in(ask, channel, ask.need("ts"))
    if message.user != ask.install.user or (message.stream is not None and message.stream.is_open):
        raise Refused("cant_delete_message")
    posting.remove(ask.world, channel, message)
    return {"channel": channel.id, "ts": message.ts}


def post_ephemeral(ask: Ask) -> Json:
    channel = open_room(ask)
    user = person(ask, ask.need("user"))
    if user.id not in channel.members:
        raise Refused("user_not_in_channel")
    message = written(ask, channel, _content(ask))
    message.thread_ts, message.ephemeral_to = ask.text("thread_ts"), user.id
    ask.world.ephemerals.append(message)
    return {"message_ts": message.ts}


def get_permalink(ask: Ask) -> Json:
    channel = room(ask)
    message = message_in(ask, channel, ask.need("message_ts"))
    team = ask.world.teams[ask.install.team]
    url = f"https://{team.domain}.slack.com/archives/{channel.id}/p{message.ts.replace('.', '')}"
    if message.is_reply:
        url += f"?thread_ts={message.thread_ts}&cid={channel.id}"
    return {"channel": channel.id, "permalink": url}


def _target(ask: Ask) -> Channel:
    """Where a message goes: a channel, or a person, whose direct talk is opened for it. Raises Refused."""
    from tests.adapters.slack.wire.methods_conversations import direct

    wanted = ask.need("channel")
    if wanted.startswith("U") and wanted in ask.world.users:
        return direct(ask, person(ask, wanted))
    return open_room(ask)


def written(ask: Ask, channel: Channel, content: Json) -> Message:
    """A message of the bot that is nowhere yet."""
    install = ask.install
    made = Message(ask.world.new_ts(), channel.id, install.user, install.team, content["text"])
    made.blocks, made.attachments = content["blocks"], content["attachments"]
    made.bot_id, made.app_id = install.bot_id, install.app_id
    made.options = {name: value for name, value in ask.args.items() if name not in _ASIDE}
    return made


def _content(ask: Ask) -> Json:
    """Text, blocks and attachments of a post. Raises Refused where Slack would not take them."""
    given = ask.data("blocks", "invalid_blocks_format")
    markdown = ask.args.get("markdown_text")
    if markdown is not None and (given is not None or ask.text("text")):
        raise Refused("markdown_text_conflict")
    if markdown is not None:
        given = [{"type": "markdown", "text": str(markdown)}] if markdown else []
    attachments = ask.data("attachments", "invalid_attachments") or []
    text = str(ask.args.get("text") or "")
    if not text.strip() and not given and not attachments:
        raise Refused("no_text")
    if markdown is not None and len(str(markdown)) > blocks.MAX_MARKDOWN:
        raise Refused("msg_too_long")
    text = text[: blocks.MAX_TEXT] or str(markdown or "")
    return {"text": text, "blocks": blocks.checked(given or []), "attachments": attachments}


def metadata_of(ask: Ask) -> Json | None:
    """Raises Refused for what is no metadata (docs, "Message metadata")."""
    given = ask.data("metadata", "invalid_metadata_format")
    if given is None:
        return None
    kind, payload = given.get("event_type"), given.get("event_payload")
    if not isinstance(kind, str) or not kind or not isinstance(payload, dict):
        raise Refused("invalid_metadata_schema")
    if len(str(payload)) > blocks.MAX_METADATA:
        raise Refused("metadata_too_large")
    return {"event_type": kind, "event_payload": payload}


def thread_of(ask: Ask, channel: Channel) -> str:
    """The thread a message goes to; empty if to none. Raises Refused where there is no message to answer."""
    wanted = ask.text("thread_ts")
    root = channel.messages.get(wanted)
    if wanted and (root is None or root.is_deleted or root.subtype.startswith("channel_")):
        raise Refused("cannot_reply_to_message")
    return root.thread if root else ""


METHODS: dict[str, Method] = {
    "chat.postMessage": post_message,
    "chat.update": update,
    "chat.delete": delete,
    "chat.postEphemeral": post_ephemeral,
    "chat.getPermalink": get_permalink,
}
