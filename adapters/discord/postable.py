"""Channels the bot may be asked to post into: of the server a person is in, where they may write themselves."""

from __future__ import annotations

import discord

from adapters.discord.places import PLATFORM
from bot.chat import Actor, Place


def postable(guild: discord.Guild, actor: Actor, channel: str) -> Place | str:
    """The place of a channel by its name, id or mention; or a sentence that says why not."""
    wanted = channel.strip("<#>")
    found = next((one for one in guild.text_channels if wanted in (one.name, str(one.id))), None)
    if found is None or not _may_write(found, actor):
        return f"There is no channel {channel[:100]!r} in this server that you may write in."
    if not found.permissions_for(guild.me).send_messages:
        return f"I may not write in #{found.name}."
    return Place(PLATFORM, str(guild.id), str(found.id))


def _may_write(channel: discord.TextChannel, actor: Actor) -> bool:
    """Whether this person may see a channel and write in it, by the roles Discord last told of them."""
    roles = [role for role in (channel.guild.get_role(int(one)) for one in actor.groups) if role is not None]
    if str(channel.guild.owner_id) == actor.user:
        return True
    allowed = _permissions(channel, roles, int(actor.user))
    return allowed.view_channel and allowed.send_messages


def _permissions(channel: discord.TextChannel, roles: list[discord.Role], user_id: int) -> discord.Permissions:
    """What these roles may do in a channel (docs, "Permission Overwrites": everyone, then roles, then the person)."""
    guild = channel.guild
    allowed = discord.Permissions(guild.default_role.permissions.value)
    for role in roles:
        allowed.value |= role.permissions.value
    if allowed.administrator:
        return discord.Permissions.all()
    by_id = {target.id: pair for target, pair in channel.overwrites.items()}
    mine = [by_id[role.id].pair() for role in roles if role.id in by_id]
    steps = [[by_id[guild.default_role.id].pair()]] if guild.default_role.id in by_id else []
    steps.append(mine)
    steps += [[by_id[user_id].pair()]] if user_id in by_id else []
    for step in steps:
        for _, deny in step:
            allowed.value &= ~deny.value
        for allow, _ in step:
            allowed.value |= allow.value
    return allowed
