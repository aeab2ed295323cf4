"""files.*: files out in three steps, and what is known of those that came in."""

from __future__ import annotations

import mimetypes
import secrets

from tests.adapters.slack.wire import blocks, payloads, posting
from tests.adapters.slack.wire.asking import Ask, Method
from tests.adapters.slack.wire.filing import sees
from tests.adapters.slack.wire.messages import File, Json
from tests.adapters.slack.wire.methods_chat import thread_of, written
from tests.adapters.slack.wire.refusals import Refused, invalid
from tests.adapters.slack.wire.world import Channel


def get_upload_url(ask: Ask) -> Json:
    name, length = ask.need("filename"), ask.number("length", 0)
    if length <= 0:
        raise invalid("invalid_arguments", "must be greater than 0 [json-pointer:/length]")
    if length > ask.world.rules.max_file_bytes:
        raise Refused("file_upload_size_restricted")
    mimetype = mimetypes.guess_type(name)[0] or "application/octet-stream"
    made = File(ask.world.new_id("F"), ask.install.team, ask.install.user, name, b"", mimetype, is_complete=False)
    made.url = f"{ask.world.base_url}/files-pri/{made.team}-{made.id}/{name}"
    ticket = secrets.token_hex(16)
    ask.world.uploads[ticket] = made
    ask.world.files[made.id] = made
    return {"upload_url": f"{ask.world.base_url}/upload/v1/{ticket}", "file_id": made.id}


def complete_upload(ask: Ask) -> Json:
    """Say what the uploaded files are called, and share them in one message for each channel."""
    given = ask.data("files")
    if not isinstance(given, list) or not given:
        raise invalid("invalid_arguments", "missing required field: files")
    rooms = [_target(ask, one) for one in (ask.text("channels") or ask.text("channel_id")).split(",") if one]
    files = [_uploaded(ask, one) for one in given]
    for room in rooms:
        content: Json = {"text": ask.text("initial_comment"), "attachments": []}
        content["blocks"] = blocks.checked(ask.data("blocks", "invalid_blocks_format") or [])
        message = written(ask, room, content)
        message.thread_ts, message.files, message.subtype = thread_of(ask, room), files, "file_share"
        posting.put(ask.world, room, message)
    return {"files": [payloads.file(one, is_whole=True) for one in files]}


def info(ask: Ask) -> Json:
    file = _seen(ask)
    shared: dict[str, list[Json]] = {}
    for channel in (ask.world.channels[one] for one in file.channels):
        shared[channel.id] = [
            {"ts": one.ts, "thread_ts": one.thread_ts or None, "channel_name": channel.name, "team_id": channel.team}
            for one in channel.history
            if file in one.files and not one.is_deleted
        ]
    body = payloads.file(file, is_whole=True) | {"shares": {"public": shared}}
    return {"file": body, "comments": [], "response_metadata": {"next_cursor": ""}}


def delete(ask: Ask) -> Json:
    file = _seen(ask)
    if file.user != ask.install.user:
        raise Refused("cant_delete_file")
    file.is_deleted = True
    return {}


def _target(ask: Ask, channel_id: str) -> Channel:
    channel = ask.world.channels.get(channel_id)
    if channel is None or (channel.kind != "channel" and ask.install.user not in channel.members):
        raise Refused("invalid_channel")
    if ask.install.user not in channel.members:
        raise Refused("not_in_channel")
    if channel.is_archived:
        raise Refused("posting_to_channel_denied")
    return channel


def _uploaded(ask: Ask, given: Json) -> File:
    file = ask.world.files.get(str(given.get("id")))
    if file is None or file.user != ask.install.user or not file.content:
        raise Refused("file_not_found")
    file.title, file.is_complete = str(given.get("title") or file.name), True
    return file


def _seen(ask: Ask) -> File:
    file = ask.world.files.get(ask.need("file"))
    if file is None or not sees(ask.world, ask.install, file):
        raise Refused("file_not_found")
    if file.is_deleted:
        raise Refused("file_deleted")
    return file


METHODS: dict[str, Method] = {
    "files.getUploadURLExternal": get_upload_url,
    "files.completeUploadExternal": complete_upload,
    "files.info": info,
    "files.delete": delete,
}
