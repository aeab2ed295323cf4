"""Permissions: the bits by name and who has which where (docs, "Permissions")."""

from __future__ import annotations

from collections.abc import Iterable

from tests.adapters.discord.wire.world import Channel, Guild, World

BITS: dict[str, int] = {
    "kick_members": 1 << 1,
    "administrator": 1 << 3,
    "manage_channels": 1 << 4,
    "manage_guild": 1 << 5,
    "add_reactions": 1 << 6,
    "view_channel": 1 << 10,
    "send_messages": 1 << 11,
    "manage_messages": 1 << 13,
    "embed_links": 1 << 14,
    "attach_files": 1 << 15,
    "read_message_history": 1 << 16,
    "mention_everyone": 1 << 17,
    "change_nickname": 1 << 26,
    "manage_roles": 1 << 28,
    "use_application_commands": 1 << 31,
    "manage_threads": 1 << 34,
    "create_public_threads": 1 << 35,
    "create_private_threads": 1 << 36,
    "send_messages_in_threads": 1 << 38,
    "pin_messages": 1 << 51,
}
ALL = (1 << 53) - 1
_TALK = (
    "view_channel",
    "send_messages",
    "embed_links",
    "attach_files",
    "read_message_history",
    "add_reactions",
    "use_application_commands",
    "create_public_threads",
    "create_private_threads",
    "send_messages_in_threads",
    "change_nickname",
)


def bits(names: Iterable[str]) -> int:
    """The bits of permissions by name. Raises KeyError for a name that is none."""
    value = 0
    for name in names:
        value |= BITS[name]
    return value


EVERYONE = bits(_TALK)
"""What the role of everybody holds when a server is made."""


def rights(world: World, user_id: int, channel: Channel) -> int:
    """What somebody may do in a channel; a thread has the rights of its channel. Everything in a direct talk."""
    if channel.guild_id is None:
        return ALL if user_id in channel.recipients else 0
    guild = world.guilds[channel.guild_id]
    if user_id not in guild.members:
        return 0
    if channel.is_thread:
        return _in_thread(world, user_id, channel)
    base = rights_in_guild(guild, user_id)
    if base & BITS["administrator"]:
        return ALL
    return _overwritten(base, guild, user_id, channel)


def rights_in_guild(guild: Guild, user_id: int) -> int:
    """What somebody may do in a server before any channel says otherwise."""
    if user_id == guild.owner_id:
        return ALL
    value = guild.roles[guild.id].permissions
    for role_id in guild.members[user_id].role_ids:
        value |= guild.roles[role_id].permissions
    return ALL if value & BITS["administrator"] else value


def may(world: World, user_id: int, channel: Channel, *names: str) -> bool:
    wanted = bits(names)
    return rights(world, user_id, channel) & wanted == wanted


def _in_thread(world: World, user_id: int, thread: Channel) -> int:
    parent = world.channels.get(thread.parent_id or 0)
    if parent is None:
        return 0
    value = rights(world, user_id, parent)
    is_shut_out = thread.is_private and user_id not in thread.member_ids and not value & BITS["manage_threads"]
    return value & ~BITS["view_channel"] if is_shut_out else value


def _overwritten(value: int, guild: Guild, user_id: int, channel: Channel) -> int:
    """Apply the channel's own rules: everybody's, then those of the roles together, then the person's."""
    rules = channel.overwrites
    if guild.id in rules:
        value = value & ~rules[guild.id].deny | rules[guild.id].allow
    of_roles = [rules[role_id] for role_id in guild.members[user_id].role_ids if role_id in rules]
    for rule in of_roles:
        value &= ~rule.deny
    for rule in of_roles:
        value |= rule.allow
    if user_id in rules:
        value = value & ~rules[user_id].deny | rules[user_id].allow
    return value
