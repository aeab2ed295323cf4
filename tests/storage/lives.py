"""What people did with a bot, with words that can be searched for: whatever is bob's has BOB- in it."""

from __future__ import annotations

import asyncio
import hashlib

from bot.chat import Actor, Click, Place, Upload
from bot.engine.types import parse_actor
from bot.storage.context import ContextRows, Summary
from bot.storage.people import PeopleRows
from bot.storage.policies import Change, PolicyRows
from tests.models.endpoint import ScriptedEndpoint, calls, says
from tests.pictures import PNG
from tests.service.kit import ALICE, PLACE, Bench

BOB = Actor("web", "", "bob", "BOB-name", frozenset({"BOB-group"}))
CAROL = Actor("web", "", "carol", "Carol")
DAVE = Actor("web", "", "dave", "Dave")
CHANNEL = Place("web", "", "general", "t2")
GONE = (
    *("BOB-name", "BOB-group", "BOB-task", "BOB-answer", "BOB-file", "BOB-text", "BOB-picture", "BOB-note"),
    *("BOB-version", "BOB-denied", "BOB-reason", "BOB-vote", "BOB-summary", "BOB-thinks"),
)
"""What erasing takes."""
VERSION = '{"version": "BOB-version"}'


def people_of(one: Bench) -> PeopleRows:
    return PeopleRows(one.app.database)


async def a_life_of_bob(one: Bench, endpoint: ScriptedEndpoint) -> None:
    """Bob talks, has files, notes, rules, a link and a grant, decides for alice; dave talks beside him."""
    await _he_talks(one, endpoint)
    await _he_asks(one, endpoint)
    await _he_decides(one, endpoint)
    await _others_talk(one, endpoint)
    await ContextRows(one.app.database).keep_summary(PLACE, Summary(1, "BOB-summary"), model="m")
    rule = {"scope": "web:", "subject": "web:bob", "kind": "ask", "value": "deploy", "condition": "version=BOB-rule"}
    approver = {"scope": "", "tool": "deploy", "condition": "version=x", "exception": "", "approver": "web:bob,admin"}
    link = {"first": "slack:T1/BOB-link", "second": "web:bob", "said_in": ""}
    changes = [
        Change("rule", "put", rule | {"expires_ms": None}),
        Change("approver", "put", approver | {"expires_ms": None}),
        Change("link", "put", link),
    ]
    await PolicyRows(one.app.database).change(
        changes, actor="web:root", scope="web:", said="three things", check=lambda _: None
    )


async def _he_talks(one: Bench, endpoint: ScriptedEndpoint) -> None:
    endpoint.script += [
        calls(("notes_add", {"text": "BOB-note"}), text="BOB-thinks"),
        says("BOB-answer 1"),
        calls(("send_message", {"channel": "announcements", "text": "BOB-post"})),
        says("BOB-answer 2"),
    ]
    files = Upload("BOB-file.md", b"BOB-text"), Upload("BOB-picture.png", PNG)
    await one.say("BOB-task 1", *files, actor=BOB)
    await one.say("BOB-task 2: post it", actor=BOB)
    for card in await one.service.pending(parse_actor("web:root")):
        await one.click(card.approval_id, actor=BOB)


async def _he_asks(one: Bench, endpoint: ScriptedEndpoint) -> None:
    """Of two calls carol approves one, for good, and denies the other."""
    endpoint.script += [
        calls(("deploy", VERSION)),
        says("BOB-answer 3"),
        calls(("deploy", {"version": "BOB-denied"})),
        says("BOB-answer 4"),
    ]
    await one.say("BOB-task 3: deploy", actor=BOB)
    card = await one.only_card()
    await one.service.decide(Click(card.approval_id, "approve", CAROL, "carol's BOB-reason", grant="always"))
    await one.service.idle()
    await one.say("BOB-task 4: deploy another", actor=BOB)
    await one.click((await one.only_card()).approval_id, "deny", actor=CAROL, reason="carol's BOB-reason 2")


async def _he_decides(one: Bench, endpoint: ScriptedEndpoint) -> None:
    """Alice asks for something that bob denies, with his reason."""
    await approved_by(one, "web:bob", when="version=alices")
    endpoint.script += [calls(("deploy", {"version": "alices"})), says("alice's answer")]
    await one.say("alice's task: deploy", actor=ALICE)
    outcome = await one.click((await one.only_card()).approval_id, "deny", actor=BOB, reason="BOB-vote: not today")
    assert outcome.is_accepted, outcome


async def approved_by(one: Bench, approver: str, *, when: str = "") -> None:
    """Say who has to approve a deploy."""
    row = {"scope": "", "tool": "deploy", "condition": when, "exception": "", "approver": approver, "expires_ms": None}
    await PolicyRows(one.app.database).change(
        [Change("approver", "put", row)], actor="web:root", scope="web:", said=approver, check=lambda _: None
    )


async def _others_talk(one: Bench, endpoint: ScriptedEndpoint) -> None:
    endpoint.script += [calls(("notes_add", {"text": "dave's note"})), says("dave's answer")]
    await one.say("dave's task", Upload("dave.md", b"dave's text"), actor=DAVE, place=CHANNEL)


async def he_waits(one: Bench, endpoint: ScriptedEndpoint) -> str:
    """Bob asks for something nobody decides about, in a place of its own; gives the id of the run."""
    endpoint.script += [calls(("deploy", {"version": "BOB-waits"}))]
    receipt = await one.say("BOB-waits here", actor=BOB, place=Place("web", "", "general", "t3"))
    return receipt.run_id


def digest(text: str) -> str:
    return "sha256:" + hashlib.sha256(text.encode()).hexdigest()


async def found_in_file(one: Bench, words: tuple[str, ...]) -> list[str]:
    """Those of the words that stand anywhere in the bytes of the database, its log and its journal."""
    folder = one.app.settings.data_dir

    def read() -> bytes:
        return b"".join(path.read_bytes() for path in sorted(folder.glob("nod.db*")))

    stored = await asyncio.to_thread(read)
    return [word for word in words if word.encode() in stored]
