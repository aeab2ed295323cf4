"""What people do with words, buttons, forms and commands.

A person can only do what Slack's own clients offer: press a button that is there, fill in a field that is there.
Everything else needs `forged=True`.
"""

from __future__ import annotations

import secrets
from collections.abc import Iterable, Mapping
from typing import Any

from tests.adapters.slack.wire import interactions, payloads, posting
from tests.adapters.slack.wire.delivery import Delivery
from tests.adapters.slack.wire.interactions import Interaction
from tests.adapters.slack.wire.world import Channel, File, Install, Json, Message, User, View, World, walk


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
        message.blocks = message.blocks or (_rich(text) if text else [])
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
        message.text, message.blocks = text, _rich(text)
        posting.change(self.world, self.world.channels[message.channel], message, by=message.user)
        return message

    def unfurl(self, message: Message, url: str = "https://example.org") -> Message:
        """A preview arrives: `message_changed` though nobody edited anything."""
        message.attachments = [*message.attachments, {"from_url": url, "title": "a page", "id": 1}]
        room = self.world.channels[message.channel]
        posting.change(self.world, room, message, by=message.user, is_edit=False)
        return message

    def delete(self, message: Message) -> None:
        posting.remove(self.world, self.world.channels[message.channel], message)

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

    def stop_session(self, user: User, channel: Channel, thread: Message | str) -> None:
        """Press the stop button Slack shows while a session is `processing`: streams of the thread are stopped."""
        ts = thread.thread if isinstance(thread, Message) else thread
        stopped = [one for one in channel.replies(ts) if one.stream is not None and one.stream.is_open]
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

    # interactions

    def press(
        self,
        user: User,
        shown: Message | View,
        button: str,
        *,
        value: str | None = None,
        channel: Channel | None = None,
        state: Json | None = None,
        forged: bool = False,
        without: Iterable[str] = (),
    ) -> Interaction:
        """Press a button of a message or a view, by its words or action_id. `state` is what the fields beside it hold.
        Forged: an action_id that is not there, another `value`, another `channel`. `without` names fields of the
        payload that are left out.

        Raises LookupError for a button a person does not have.
        """
        found = next((one for one in shown.buttons if button in (one.get("action_id"), _label(one))), None)
        if not forged and (found is None or not _is_there(shown, user)):
            raise LookupError(f"no button {button!r} to press, there is {shown.labels}")
        action = _pressed(found or {"type": "button", "action_id": button}, shown.blocks, self.world.new_ts())
        action |= {} if value is None else {"value": value}
        return self._act(user, shown, action, channel=channel, state=state, without=without)

    def submit(
        self, user: User, view: View, values: Mapping[str, Any] | None = None, *, forged: bool = False
    ) -> Interaction:
        """Fill in a modal and send it. Fields are named `block_id/action_id`, `block_id`, `action_id` or by their
        label; those not named keep what they were opened with.

        Raises LookupError for a field that is not there, or a modal that is not open.
        """
        from tests.adapters.slack.wire.forms import filled

        if not forged and (not view.is_open or view.user != user.id):
            raise LookupError("this modal is not open")
        one = interactions.made(self.world, "view_submission", user, view=view)
        one.body = interactions.common(self.world, one, view.team)
        body = payloads.view(self.world, view) | {"state": {"values": filled(view, values or {}, forged=forged)}}
        one.body |= {"view": body, "response_urls": []}
        return self._sent(one)

    def close(self, user: User, view: View) -> Interaction | None:
        """Close a modal; the app hears of it only if it asked to."""
        view.is_open = False
        if not view.body.get("notify_on_close"):
            return None
        one = interactions.made(self.world, "view_closed", user, view=view)
        one.body = interactions.common(self.world, one, view.team)
        del one.body["trigger_id"]
        one.body |= {"view": payloads.view(self.world, view), "is_cleared": False}
        return self._sent(one)

    def slash(self, user: User, channel: Channel, command: str, text: str = "", **fields: Any) -> Interaction:
        """Use a slash command in a channel or a direct talk; other `fields` replace those of the payload."""
        team = self.world.teams[self._team(user, channel)]
        one = interactions.made(self.world, "slash_command", user, channel=channel)
        one.body = {
            "token": "verification-token-of-the-stand-in",
            "team_id": team.id,
            "team_domain": team.domain,
            "channel_id": channel.id,
            "channel_name": interactions.channel_name(channel),
            "user_id": user.id,
            "user_name": user.name,
            "command": command,
            "text": text,
            "api_app_id": self.world.app.id,
            "is_enterprise_install": "false",
            "response_url": one.response_url,
            "trigger_id": one.trigger_id,
        } | fields
        one.sent = self.delivery.send("slash_commands", one.body)
        return one

    def shortcut(self, user: User, callback_id: str, *, message: Message | None = None) -> Interaction:
        """Use a shortcut: of a message, or the global kind."""
        room = self.world.channels[message.channel] if message else None
        kind = "message_action" if message else "shortcut"
        one = interactions.made(self.world, kind, user, channel=room, message=message)
        one.body = interactions.common(self.world, one, self._team(user, room))
        one.body |= {"callback_id": callback_id, "action_ts": self.world.new_ts()}
        if message and room:
            one.body |= {
                "message_ts": message.ts,
                "channel": {"id": room.id, "name": interactions.channel_name(room)},
                "message": payloads.message(self.world, message),
                "response_url": one.response_url,
            }
        return self._sent(one)

    def _act(
        self,
        user: User,
        shown: Message | View,
        action: Json,
        *,
        channel: Channel | None = None,
        state: Json | None = None,
        without: Iterable[str] = (),
    ) -> Interaction:
        if isinstance(shown, View):
            one = interactions.made(self.world, "block_actions", user, view=shown)
            team = shown.team
        else:
            room = channel or self.world.channels[shown.channel]
            one = interactions.made(self.world, "block_actions", user, channel=room, message=shown)
            team = self._team(user, room)
        body = interactions.block_actions(self.world, one, team, [action], state or {})
        left_out = frozenset(without)
        one.body = {name: value for name, value in body.items() if name not in left_out}
        return self._sent(one)

    def _sent(self, one: Interaction) -> Interaction:
        one.sent = self.delivery.send("interactive", one.body)
        return one

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

    def _team(self, user: User, channel: Channel | None) -> str:
        """The workspace whose bot an interaction goes to: the person's own, or that of the channel."""
        if user.team in self.world.installs:
            return user.team
        teams = [channel.team, *channel.shared_with] if channel else []
        return next(one for one in [*teams, *self.world.installs] if one in self.world.installs)


def _label(button: Json) -> str:
    return str(button.get("text", {}).get("text", "")) if isinstance(button.get("text"), dict) else ""


def _pressed(button: Json, blocks: list[Json], now: str) -> Json:
    """What `actions` holds for a button."""
    inside = next((block for block in blocks if any(part is button for part in walk([block]))), {})
    kept = ("type", "action_id", "text", "value", "style", "confirm", "url")
    return {
        **{name: button[name] for name in kept if name in button},
        "block_id": inside.get("block_id", "b000"),
        "action_ts": now,
    }


def _is_there(shown: Message | View, user: User) -> bool:
    if isinstance(shown, View):
        return shown.user == user.id and (shown.is_open or shown.kind == "home")
    return not shown.is_deleted and shown.ephemeral_to in ("", user.id)


def _rich(text: str) -> list[Json]:
    """The blocks a person's message has beside its text."""
    section = {"type": "rich_text_section", "elements": [{"type": "text", "text": text}]}
    return [{"type": "rich_text", "block_id": secrets.token_hex(2), "elements": [section]}]
