"""What people say, where they go, and what they stop."""

from __future__ import annotations

import secrets
from collections.abc import Iterable
from typing import Any

from tests.adapters.slack.wire import payloads, posting, rich
from tests.adapters.slack.wire.delivery import Delivery
from tests.adapters.slack.wire.messages import File, Json, Message
from tests.adapters.slack.wire.world import Channel, Install, User, World


class Talking:
    """Mixed into the server."""

    world: World
    delivery: Delivery

    # words

    def say(
        self,
        user: User,
        channel: Channel,
        text: str = "",
        *,
        thread: Message | str | None = None,
        files: Iterable[File] = (),
        broadcast: bool = False,
        ago_s: float = 0.0,
        unseen: bool = False,
        **fields: Any,
    ) -> Message:
        """Write something, as it goes over the wire: `<@U..>` names somebody. `thread` is the message answered, or its
        `ts`; `broadcast` shows the answer in the channel too; `ago_s` dates it back; `unseen` tells the app nothing, as
        for what was written while it was away. Other `fields` are those of `Message`."""
        message = Message(self.world.new_ts(ago_s), channel.id, user.id, user.team, text, **fields)
        message.files = list(files)
        message.subtype = message.subtype or ("file_share" if message.files else "")
        message.client_msg_id = secrets.token_hex(8)
        message.blocks = message.blocks or (rich.blocks(text))
        if thread is not None:
            message.thread_ts = thread.thread if isinstance(thread, Message) else thread
            message.subtype = "thread_broadcast" if broadcast else message.subtype
        return posting.put(self.world, channel, message, is_told=not unseen)

    def direct(self, user: User, text: str = "", **options: Any) -> Message:
        """Write in the app's Messages tab; `options` as for `say`."""
        return self.say(user, self.talk_of(user), text, **options)

    def edit(self, message: Message, text: str) -> Message:
        """Change the words of somebody's message."""
        message.versions.append((message.text, message.blocks))
        message.text, message.blocks = text, rich.blocks(text)
        posting.change(self.world, self.world.channels[message.channel], message, by=message.user)
        return message

    def unfurl(self, message: Message, url: str = "https://example.org") -> Message:
        """A preview arrives: `message_changed` though nobody edited anything."""
        before, room = message.attachments, self.world.channels[message.channel]
        message.attachments = [*before, {"from_url": url, "title": "a page", "id": len(before) + 1}]
        posting.change(self.world, room, message, by=message.user, is_edit=False, attachments=before)
        return message

    def delete(self, message: Message) -> None:
        posting.remove(self.world, self.world.channels[message.channel], message)

    def react(self, user: User, message: Message, name: str = "thumbsup") -> None:
        """Stick an emoji on a message."""
        message.reactions.setdefault(name, []).append(user.id)
        self._reacted(user, message, name, "reaction_added")

    def unreact(self, user: User, message: Message, name: str = "thumbsup") -> None:
        message.reactions[name].remove(user.id)
        self._reacted(user, message, name, "reaction_removed")

    def talk_of(self, user: User, install: Install | None = None) -> Channel:
        """The direct talk of a person with the bot; made when there is none."""
        mine = install or self.world.installs.get(user.team) or next(iter(self.world.installs.values()))
        for one in self.world.channels.values():
            if one.kind == "im" and set(one.members) == {user.id, mine.user}:
                return one
        made = Channel(self.world.new_id("D"), "im", "", mine.team, [user.id, mine.user])
        self.world.channels[made.id] = made
        return made

    # places

    def open_home(self, user: User) -> None:
        """Open the app's Home tab."""
        self._opened(user, "home")

    def open_messages(self, user: User) -> None:
        """Open the app's Messages tab."""
        self._opened(user, "messages")

    def look_at(self, user: User, channel: Channel | None) -> None:
        """Look at a channel while the app is open beside it; None: at nothing in particular."""
        seen = {"type": "slack#/types/channel_id", "value": channel.id, "team_id": channel.team} if channel else None
        event: Json = {"type": "app_context_changed", "user": user.id, "channel": self.talk_of(user).id}
        event |= {"context": {"entities": [seen]} if seen else {}, "event_ts": self.world.new_ts()}
        self.world.emit(event, teams=[user.team])

    def stop_session(self, user: User, channel: Channel, thread: Message | str, *, forged: bool = False) -> None:
        """Press the stop button Slack shows while a session is `processing`: streams of the thread are stopped, and the
        app has to do the rest. Raises LookupError where there is no button; forged: it was a moment ago."""
        ts = thread.thread if isinstance(thread, Message) else thread
        stopped = [one for one in channel.replies(ts) if one.stream is not None and one.stream.is_open]
        session = self.world.sessions.get((channel.id, ts))
        if not forged and not stopped and (session is None or session.status != "processing"):
            raise LookupError("no stop button: the session is not processing")
        for one in stopped:
            assert one.stream is not None
            one.stream.state = "stopped_by_user"
        event = {
            "type": "agent_session_stopped",
            "channel": channel.id,
            "thread_ts": ts,
            "streaming_message_ts": [one.ts for one in stopped],
            "user": user.id,
            "event_ts": self.world.new_ts(),
        }
        self.world.emit(event, channel=channel)

    def _reacted(self, user: User, message: Message, name: str, kind: str) -> None:
        item = {"type": "message", "channel": message.channel, "ts": message.ts}
        event: Json = {"type": kind, "user": user.id, "reaction": name, "item": item, "item_user": message.user}
        room = self.world.channels[message.channel]
        self.world.emit(event | {"event_ts": self.world.new_ts()}, channel=room)

    def _opened(self, user: User, tab: str) -> None:
        install = self.world.installs[user.team]
        room = self.talk_of(user)
        event: Json = {
            "type": "app_home_opened",
            "user": user.id,
            "channel": room.id,
            "tab": tab,
            "event_ts": self.world.new_ts(),
        }
        home = next((one for one in self.world.views.values() if one.kind == "home" and one.user == user.id), None)
        if tab == "home" and home is not None:
            event["view"] = payloads.view(self.world, home)
        self.world.emit(event, teams=[install.team])
