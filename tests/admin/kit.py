"""Admins of the page and of two Slack workspaces, and what they have set."""

from __future__ import annotations

from bot.chat import Actor, Place
from tests.service.kit import PLACE, ROOT, Bench

SLACK_ADMIN = Actor("slack", "T1", "U1", "root")
SLACK_BOT = Actor("slack", "T1", "UBOT", "nod", standing="bot")
SLACK_PLACE = Place("slack", "T1", "C1", "170.5")
OTHER_ADMIN = Actor("slack", "T2", "U1", "root")
MALLORY = Actor("web", "", "mallory", "root")
OTHER_PLACE = Place("slack", "T2", "C1", "170.5")
WHERE = {"web": (ROOT, PLACE), "slack": (SLACK_ADMIN, SLACK_PLACE)}


async def rules(one: Bench) -> list[tuple[object, ...]]:
    return await one.plain("SELECT subject, kind, value, condition FROM rules ORDER BY id")


async def at(one: Bench, platform: str, words: str) -> str:
    actor, place = WHERE[platform]
    return await one.admin(words, actor=actor, place=place)
