"""The words after `/nod` and `/nod-admin`, once for all doors: read, done, and answered to that person alone."""

from bot.admin.words import Doors, Words

__all__ = ["Doors", "Words"]
