"""Five people of finance, and a deployment that waits for them."""

from __future__ import annotations

import json

from bot import chat
from bot.chat import Actor, Card, Click, Place
from tests.models.endpoint import calls
from tests.service.kit import ALICE, BOB, PLACE, Bench

CAROL = Actor("web", "", "carol", "carol")
DAVE = Actor("web", "", "dave", "dave")
ERIN = Actor("web", "", "erin", "erin")
FINANCE = (ALICE, BOB, CAROL, DAVE, ERIN)
HOUR_MS = 3_600_000
DEPLOY = calls(("deploy", {"version": "1"}))


async def waiting(one: Bench, approver: str = "2 of finance", *, version: str = "1", place: Place = PLACE) -> Card:
    """Alice asked for a deployment that these have to approve."""
    for actor in FINANCE:
        await one.admin(f"role @{actor.user} finance")
    await one.admin(f"approver deploy {approver}")
    await one.say(f"Deploy {version}", place=place)
    return await one.only_card()


async def edited(one: Bench, card_id: str, *, actor: Actor, version: str) -> chat.Outcome:
    outcome = await one.service.decide(Click(card_id, "edit", actor, arguments=json.dumps({"version": version})))
    await one.service.idle()
    return outcome


async def make_older(one: Bench, by_ms: int) -> None:
    """Let everything that waits have waited so much longer, by the database's clock."""
    await one.tamper(f"UPDATE approvals SET created_ms = created_ms - {by_ms} WHERE state = 'pending'")
