"""What the owner of a server does: servers, roles, channels, people and their rights made, changed and taken away."""

from __future__ import annotations

from collections.abc import Iterable

from tests.adapters.discord.wire import payloads, posting, routes_places, threads
from tests.adapters.discord.wire.gateway import Gateway, shard_of
from tests.adapters.discord.wire.rights import EVERYONE, bits
from tests.adapters.discord.wire.world import (
    PRIVATE_THREAD,
    PUBLIC_THREAD,
    TEXT,
    Channel,
    Guild,
    Json,
    Member,
    Message,
    Overwrite,
    Role,
    User,
    World,
)


class Building:
    """Mixed into the server."""

    world: World
    gateway: Gateway

    def create_user(self, name: str, *, bot: bool = False, display: str | None = None) -> User:
        """A person, in no server yet; or somebody else's bot."""
        user = User(self.world.new_id(), name, bot, display)
        self.world.users[user.id] = user
        return user

    def create_guild(
        self,
        name: str = "team",
        *,
        owner: User | None = None,
        members: Iterable[User] = (),
        with_bot: bool = True,
        bot_may: Iterable[str] = (),
        shard: tuple[int, int] = (0, 1),
    ) -> Guild:
        """A server with the people given, and the bot with the role Discord makes for it; `bot_may` names what that
        role allows beyond what everybody may. `shard` is the shard of how many it is to fall on."""
        owner = owner or self.create_user(f"owner of {name}")
        key = self.world.new_id()
        while shard_of(key, shard[1]) != shard[0]:
            key = self.world.last_id = key + (1 << 22)
        guild = Guild(key, name, owner.id)
        self.world.guilds[guild.id] = guild
        guild.roles[guild.id] = Role(guild.id, guild.id, "@everyone", EVERYONE, 0)
        for person in {one.id: one for one in [owner, *members]}.values():
            self.join_guild(guild, person)
        if with_bot:
            self.invite_bot(guild, bot_may)
        return guild

    def join_guild(self, guild: Guild, user: User, *roles: Role, pending: bool = False, guest: bool = False) -> Member:
        """Let somebody be a member; `guest` is one who came by a guest invite."""
        member = Member(user.id, [role.id for role in roles], pending=pending, flags=(1 << 4) * guest)
        guild.members[user.id] = member
        body = payloads.member(self.world, member) | {"guild_id": str(guild.id)}
        self.world.emit("GUILD_MEMBER_ADD", body, guild_id=guild.id)
        return member

    def leave_guild(self, guild: Guild, user: User) -> None:
        del guild.members[user.id]
        body = {"guild_id": str(guild.id), "user": payloads.user(user)}
        self.world.emit("GUILD_MEMBER_REMOVE", body, guild_id=guild.id)

    def invite_bot(self, guild: Guild, may: Iterable[str] = ()) -> Role:
        """Let the bot be a member, with the role of its own."""
        role = self.create_role(guild, self.world.app.name, may=may)
        role.managed_by = self.world.me.id
        guild.members[self.world.me.id] = Member(self.world.me.id, [role.id])
        body = payloads.whole_guild(self.world, guild, with_members=False)
        self.world.emit("GUILD_CREATE", body, guild_id=guild.id)
        return role

    def kick_bot(self, guild: Guild) -> None:
        del guild.members[self.world.me.id]
        self.world.emit("GUILD_DELETE", {"id": str(guild.id)}, guild_id=guild.id)

    def outage(self, guild: Guild, *, is_over: bool = False) -> None:
        """Let a server be away for a while, and be back."""
        guild.unavailable = not is_over
        if is_over:
            body = payloads.whole_guild(self.world, guild, with_members=False) | {"unavailable": False}
            self.world.emit("GUILD_CREATE", body, guild_id=guild.id)
        else:
            self.world.emit("GUILD_DELETE", {"id": str(guild.id), "unavailable": True}, guild_id=guild.id)

    def create_role(self, guild: Guild, name: str, *, may: Iterable[str] = (), mentionable: bool = False) -> Role:
        role = Role(self.world.new_id(), guild.id, name, bits(may), len(guild.roles), mentionable=mentionable)
        guild.roles[role.id] = role
        body = {"guild_id": str(guild.id), "role": payloads.role(role)}
        self.world.emit("GUILD_ROLE_CREATE", body, guild_id=guild.id)
        return role

    def set_role(self, role: Role, *, may: Iterable[str]) -> None:
        """Change what a role allows; the role with the server's id is everybody's."""
        role.permissions = bits(may)
        body = {"guild_id": str(role.guild_id), "role": payloads.role(role)}
        self.world.emit("GUILD_ROLE_UPDATE", body, guild_id=role.guild_id)

    def delete_role(self, role: Role) -> None:
        guild = self.world.guilds[role.guild_id]
        del guild.roles[role.id]
        for member in guild.members.values():
            member.role_ids = [one for one in member.role_ids if one != role.id]
        body = {"guild_id": str(guild.id), "role_id": str(role.id)}
        self.world.emit("GUILD_ROLE_DELETE", body, guild_id=guild.id)

    def give_role(self, user: User, role: Role) -> None:
        self._set_roles(user, role, [*self.world.guilds[role.guild_id].members[user.id].role_ids, role.id])

    def take_role(self, user: User, role: Role) -> None:
        mine = self.world.guilds[role.guild_id].members[user.id].role_ids
        self._set_roles(user, role, [one for one in mine if one != role.id])

    def create_channel(
        self, guild: Guild, name: str = "general", *, kind: int = TEXT, parent: Channel | None = None
    ) -> Channel:
        channel = Channel(self.world.new_id(), kind, name, guild.id, parent.id if parent else None)
        self.world.channels[channel.id] = channel
        self._tell_channel("CHANNEL_CREATE", channel)
        return channel

    def delete_channel(self, channel: Channel) -> None:
        """Take a channel or a thread away."""
        routes_places.delete_room(self.world, channel)

    def set_permissions(
        self, channel: Channel, who: User | Role, *, allow: Iterable[str] = (), deny: Iterable[str] = ()
    ) -> None:
        """Say what somebody or a role may in a channel; `server.bot` is the bot, `server.everyone(guild)` everybody."""
        channel.overwrites[who.id] = Overwrite(who.id, isinstance(who, Role), bits(allow), bits(deny))
        self._tell_channel("CHANNEL_UPDATE", channel)

    def everyone(self, guild: Guild) -> Role:
        return guild.roles[guild.id]

    def create_thread(
        self, user: User, on: Message | Channel, name: str = "a thread", *, private: bool = False
    ) -> Channel:
        """A thread somebody opens, on a message or in a channel."""
        if isinstance(on, Message):
            return threads.open_on(self.world, self.world.channels[on.channel_id], on, user.id, {"name": name})
        body = {"name": name, "type": PRIVATE_THREAD if private else PUBLIC_THREAD}
        return threads.open_in(self.world, on, user.id, body)

    def archive(self, thread: Channel, *, locked: bool = False) -> None:
        threads.settle(self.world, thread, archived=True, locked=locked)

    def unarchive(self, thread: Channel) -> None:
        threads.settle(self.world, thread, archived=False, locked=False)

    def join_thread(self, thread: Channel, user: User) -> None:
        threads.join(self.world, thread, user.id)

    def leave_thread(self, thread: Channel, user: User) -> None:
        threads.leave(self.world, thread, user.id)

    def dm(self, user: User) -> Channel:
        """The direct talk of somebody with the bot."""
        return routes_places.direct(self.world, user)

    def webhook_says(self, channel: Channel, name: str, text: str) -> Message:
        """A message some webhook posts."""
        key = self.world.new_id()
        message = Message(self.world.new_id(), channel.id, key, text, webhook_name=name, webhook_id=key)
        if self.world.me.mention in text:
            message.mention_ids.append(self.world.me.id)
        return posting.put(self.world, channel, message)

    def _set_roles(self, user: User, role: Role, ids: list[int]) -> None:
        member = self.world.guilds[role.guild_id].members[user.id]
        member.role_ids = list(dict.fromkeys(ids))
        body = payloads.member(self.world, member) | {"guild_id": str(role.guild_id)}
        self.world.emit("GUILD_MEMBER_UPDATE", body, guild_id=role.guild_id)

    def _tell_channel(self, event: str, channel: Channel) -> None:
        body: Json = payloads.channel(self.world, channel)
        self.world.emit(event, body, guild_id=channel.guild_id, channel=channel)
