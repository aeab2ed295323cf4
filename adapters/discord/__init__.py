"""Nod on Discord: `DiscordAdapter` is what the rest of the bot sees of it."""

from adapters.discord.adapter import DiscordAdapter
from adapters.discord.options import Options

__all__ = ["DiscordAdapter", "Options"]
