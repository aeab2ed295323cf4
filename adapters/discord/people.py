"""People of Discord as the service knows them: who they are, their roles, what they are to the server.

All of it comes from Discord itself; names are for display only.
"""

from __future__ import annotations

import discord

from adapters.discord.places import PLATFORM
from bot.chat import Actor


def actor_of(person: discord.Member | discord.User, guild_id: int, *, listed: frozenset[int] = frozenset()) -> Actor:
    """A person as a server knows them. Somebody who is no member of it is external; guests are those who came by a
    guest invite, or have not yet accepted the server's rules. Programs are nobody, but for those the operator listed:
    they have the rights of members."""
    workspace, user, name = str(guild_id), str(person.id), person.display_name
    if person.bot and person.id not in listed:
        return Actor(PLATFORM, workspace, user, name, standing="bot")
    if person.bot:
        return Actor(PLATFORM, workspace, user, name, groups=_roles(person))
    if not isinstance(person, discord.Member) or person.guild.id != guild_id:
        return Actor(PLATFORM, workspace, user, name, standing="external")
    is_guest = person.flags.guest or person.pending
    return Actor(PLATFORM, workspace, user, name, _roles(person), "guest" if is_guest else "member")


def _roles(person: discord.Member | discord.User) -> frozenset[str]:
    """The ids of somebody's roles; the one that everybody has is none."""
    if not isinstance(person, discord.Member):
        return frozenset()
    return frozenset(str(role.id) for role in person.roles if not role.is_default())
