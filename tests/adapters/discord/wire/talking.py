"""What people do with words, buttons, menus, modals and commands.

A person can only do what Discord's own clients offer: press a button that is there and not grey, pick an option of the
menu, fill in a field within its limits, use a command they see. Everything else needs `forged=True`.
"""

from __future__ import annotations

import secrets
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from tests.adapters.discord.wire import interactions, posting
from tests.adapters.discord.wire.commands import Invocation, Value, invoked
from tests.adapters.discord.wire.forms import filled
from tests.adapters.discord.wire.gateway import Gateway
from tests.adapters.discord.wire.posting import Upload
from tests.adapters.discord.wire.world import Channel, Interaction, Json, Message, Role, User, World


class Talking:
    """Mixed into the server."""

    world: World
    gateway: Gateway

    def say(
        self,
        user: User,
        channel: Channel,
        text: str = "",
        *,
        reply_to: Message | None = None,
        ping: bool = True,
        files: Iterable[Upload] = (),
        ago_s: float = 0.0,
        unseen: bool = False,
    ) -> Message:
        """Write something. `ping=False` replies without a ping; `ago_s` dates it back; `unseen` tells the gateway
        nothing, as for what was written while no session was there."""
        message = Message(self.world.new_id(ago_s), channel.id, user.id, text.strip())
        message.attachments = [posting.store(self.world, channel, one) for one in files]
        if reply_to is not None:
            message.reply_to_id, message.kind = reply_to.id, 19
        body = {"allowed_mentions": {"parse": ["users", "roles", "everyone"], "replied_user": ping}}
        posting.mark_mentions(self.world, channel, message, body)
        if unseen:
            channel.messages[message.id] = message
            return message
        return posting.put(self.world, channel, message)

    def edit(self, message: Message, text: str) -> Message:
        """Change the words of somebody's message."""
        room = self.world.channels[message.channel_id]
        replied = room.messages.get(message.reply_to_id or 0)
        pings = replied is not None and replied.author_id in message.mention_ids
        allowed = {"parse": ["users", "roles", "everyone"], "replied_user": pings}
        return posting.change(self.world, room, message, posting.Post({"content": text, "allowed_mentions": allowed}))

    def unfurl(self, message: Message, url: str = "https://example.org") -> Message:
        """A preview arrives: MESSAGE_UPDATE though nobody edited anything."""
        message.embeds = [*message.embeds, {"type": "link", "url": url, "title": "a page"}]
        posting.tell(self.world, "MESSAGE_UPDATE", message)
        return message

    def delete(self, message: Message) -> None:
        posting.remove(self.world, self.world.channels[message.channel_id], message)

    def press(
        self,
        user: User,
        message: Message,
        button: str,
        *,
        channel: Channel | None = None,
        forged: bool = False,
        without: Iterable[str] = (),
    ) -> Interaction:
        """Press a button by its label or custom_id. Forged: a custom_id that is not there, or in another channel.
        `without` names fields of the event that Discord leaves out.

        Raises LookupError for a button a person does not have.
        """
        found = [one for one in message.buttons if button in (one.get("custom_id"), one.get("label"))]
        found = [one for one in found if forged or not one.get("disabled")]
        if not forged and (not found or message.is_deleted or message.for_user_id not in (None, user.id)):
            raise LookupError(f"no button {button!r} to press, there is {message.labels}")
        custom_id = found[0]["custom_id"] if found else button
        data = {"component_type": 2, "custom_id": custom_id, "id": found[0]["id"] if found else 0}
        room = channel or self.world.channels[message.channel_id]
        return self._interact(3, user, room, data, message=message, without=without)

    def choose(
        self,
        user: User,
        message: Message,
        menu: str,
        values: Sequence[str | User | Role | Channel],
        *,
        forged: bool = False,
    ) -> Interaction:
        """Pick in a menu, named by its custom_id or placeholder: options by value or label, or people, roles, channels.

        Raises LookupError for a menu or an option that is not there.
        """
        found = next((one for one in message.menus if menu in (one["custom_id"], one.get("placeholder"))), None)
        if found is None and not forged:
            raise LookupError(f"no menu {menu!r}")
        found = found or {"type": 3, "custom_id": menu, "options": []}
        room = self.world.channels[message.channel_id]
        picked, resolved = self._picked(room, found, values, forged=forged)
        data = {"component_type": found["type"], "custom_id": found["custom_id"], "values": picked}
        data |= {"resolved": resolved} if found["type"] != 3 else {}
        return self._interact(3, user, room, data, message=message)

    def submit(
        self, user: User, opened: Interaction, values: Mapping[str, Any] | None = None, *, forged: bool = False
    ) -> Interaction:
        """Fill in the modal an interaction was answered with, and send it. Fields by custom_id or label; those not
        named keep what they were opened with. A value is text, a bool, or a list of options, people, `Upload`s."""
        if opened.answer is None or opened.answer.kind != 9:
            raise LookupError("no modal was opened")
        room = self.world.channels[opened.channel_id]
        data = filled(self.world, room, opened.answer.data, values or {}, forged=forged)
        return self._interact(5, user, room, data, message=opened.message)

    def slash(
        self,
        user: User,
        channel: Channel,
        path: str,
        options: Mapping[str, Value] | None = None,
        *,
        forged: bool = False,
    ) -> Interaction:
        """Use a command, `"nod-admin allow"`, with options by name: words, numbers, people, roles, channels, `Upload`s.

        Raises LookupError for a command or option that person does not see, ValueError for a value the client refuses.
        """
        data = invoked(self.world, Invocation(user, channel, path, dict(options or {}), forged=forged))
        return self._interact(2, user, channel, data)

    def complete(
        self, user: User, channel: Channel, path: str, focused: str, typed: str = "", **options: Value
    ) -> Interaction:
        """Type in an option that completes; `answer.choices` are what is offered."""
        given: dict[str, Value] = {**options, focused: typed}
        data = invoked(self.world, Invocation(user, channel, path, given, focused=focused))
        return self._interact(4, user, channel, data)

    def _interact(
        self,
        kind: int,
        user: User,
        channel: Channel,
        data: Json,
        *,
        message: Message | None = None,
        without: Iterable[str] = (),
    ) -> Interaction:
        made = Interaction(
            self.world.new_id(), kind, secrets.token_hex(24), user.id, channel.id, channel.guild_id, data, message
        )
        self.world.interactions[made.id] = made
        left_out = frozenset(without)
        body = {
            name: value for name, value in interactions.interaction(self.world, made).items() if name not in left_out
        }
        self.world.emit("INTERACTION_CREATE", body, guild_id=channel.guild_id)
        return made

    def _picked(
        self, room: Channel, menu: Json, values: Sequence[str | User | Role | Channel], *, forged: bool
    ) -> tuple[list[str], Json]:
        if menu["type"] != 3:
            things = [one for one in values if not isinstance(one, str)]
            return [str(one.id) for one in things], interactions.resolved(self.world, room, things)
        known = {name: one["value"] for one in menu["options"] for name in (one["label"], one["value"])}
        if not forged and any(one not in known for one in values):
            raise LookupError(f"{values!r} is not offered, there is {sorted(known)}")
        return [known.get(str(one), str(one)) for one in values], {}
