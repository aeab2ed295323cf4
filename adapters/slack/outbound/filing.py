"""Files out: asked for, sent, and shared in a room (docs, "Uploading files"). Only the last step makes it seen."""

from __future__ import annotations

from adapters.slack.api.rooms import Room
from adapters.slack.api.web import Unsure
from adapters.slack.outbound.marks import arrived


async def share(room: Room, name: str, content: bytes, *, since_s: float) -> str:
    """Share a file in a room, once, and give its id; `since_s` is when it cannot have been shared yet. Raises
    `SlackRefused`, `SendError` and `PlaceGone`."""
    slot = await room.client.call("files.getUploadURLExternal", filename=name, length=len(content))
    file_id = str(slot["file_id"])
    await room.client.upload(str(slot["upload_url"]), content)
    try:
        await room.client.call(
            "files.completeUploadExternal",
            files=[{"id": file_id, "title": name}],
            channel_id=room.channel,
            thread_ts=room.thread or None,
        )
    except Unsure:
        there = await arrived(room, since_s=since_s)
        if file_id not in {one for one, _, _ in there.files()}:
            raise
    return file_id
