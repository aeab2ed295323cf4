"""Six doors, seven kinds of people, three states of the list of approvers: who may decide, and that nobody else can.

What is expected is written down here from the rules: named people and those with a named role or group decide, admins
always, programs never, guests and people of other companies only where they are named in person, identities of another
workspace or platform not at all, and nobody where the list is missing or cannot be read.
"""

from __future__ import annotations

import ast
import json
import os
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Literal

import pytest

from bot.chat import Actor, Click, Place
from bot.config.settings import Settings
from bot.desk import Desk
from bot.errors import Refused
from tests.cli.kit import Nod, free_port, obeys
from tests.models.endpoint import Recorded, ScriptedEndpoint, calls, says
from tests.service.kit import ALICE, BOB, ROOT, Bench, opened
from tests.service.page import browsing, paged

PEOPLE = {
    "requester": ALICE,
    "approver": replace(BOB, groups=frozenset({"ops"})),
    "admin by ADMINS": ROOT,
    "admin by a role": Actor("web", "", "rosa", "rosa"),
    "stranger": Actor("web", "", "mallory", "root"),  # the name that is shown decides nothing
    "removed admin": Actor("web", "", "rita", "rita"),
    "bot": Actor("web", "", "robot", "robot", frozenset({"ops"}), "bot"),
    "guest": Actor("web", "", "gina", "gina", frozenset({"ops"}), "guest"),
    "external": Actor("web", "", "eve", "eve", frozenset({"ops"}), "external"),
    "same id, other workspace": Actor("web", "other", "bob", "bob", frozenset({"ops"})),
    "same id, other platform": Actor("slack", "T1", "root", "root", frozenset({"ops"})),
}
ON_THE_PAGE = ("alice", "bob", "root", "rosa", "mallory", "rita", "gina")

ADMINS = {"admin by ADMINS", "admin by a role"}
MAY = {
    "set: requester": {"requester", *ADMINS},
    "set: people": {"approver", "guest", *ADMINS},
    "set: a role": {"approver", *ADMINS},
    "set: a group": {"approver", *ADMINS},
    "set: two of a role": {"approver", *ADMINS},
    "set: not the requester": {"approver", "stranger", "removed admin", *ADMINS},
    "empty: a role nobody has": ADMINS,
    "empty: a group nobody has": ADMINS,
    "missing: no text": set[str](),
    "missing: unreadable": set[str](),
}
SAID = {
    "set: requester": "requester",
    "set: people": "@bob,@gina",
    "set: a role": "finance",
    "set: a group": "&ops",
    "set: two of a role": "2 of finance",
    "set: not the requester": "not_requester",
    "empty: a role nobody has": "vacant",
    "empty: a group nobody has": "&vacant",
    "missing: no text": "finance",
    "missing: unreadable": "finance",
}
TAMPERED = {"missing: no text": "", "missing: unreadable": "2 of of, then"}

DOORS = ("message", "words", "button", "modal: edit", "modal: deny", "page", "command line")
NO_SESSION = {"bot", "external", "same id, other workspace", "same id, other platform"}
"""Who has no way to be somebody on the page."""

Found = Literal["decided", "counted", "refused", "not heard", "only talk"]


def works(request: Recorded) -> dict[str, object]:
    """A model that asks to deploy what it is told, and is content with what comes of it."""
    last = request.body["messages"][-1]
    is_task = last["role"] == "user" and last["content"].startswith("Deploy ")
    return calls(("deploy", {"version": last["content"].removeprefix("Deploy ")})) if is_task else says("Well then.")


@dataclass
class Try:
    """One person at one door, before one card."""

    one: Bench
    door: str
    who: str
    card_id: str
    page: Callable[[str, str], Awaitable[tuple[int, bool]]]

    @property
    def actor(self) -> Actor:
        return PEOPLE[self.who]

    @property
    def place(self) -> Place:
        return Place(self.actor.platform, self.actor.workspace, "general", "deciding")

    async def through(self) -> bool | None:
        """Whether the click was taken; None where the door did not even hear it."""
        match self.door:
            case "message":
                await self.one.say(f"approve {self.card_id}", actor=self.actor, place=self.place)
                return False
            case "words":
                said = await self.one.service.command(self.place, self.actor, f"approve {self.card_id}")
                return said.startswith(("Approved.", "You approved this"))
            case "button":
                return await self._click(Click(self.card_id, "approve", self.actor))
            case "modal: edit":
                edited = json.dumps({"version": f"edited-{self.actor.user}"})
                return await self._click(Click(self.card_id, "edit", self.actor, arguments=edited))
            case "modal: deny":
                return await self._click(Click(self.card_id, "deny", self.actor, reason="no"))
            case "page":
                status, is_taken = await self.page("" if self.who in NO_SESSION else self.actor.user, self.card_id)
                return None if status == 401 else is_taken
            case _:
                answer = await Desk(self.one.app).decide(self.card_id, "approve", who=self.actor.key)
                return bool(answer["accepted"])

    async def _click(self, click: Click) -> bool:
        return (await self.one.service.decide(click)).is_accepted


async def prepared(one: Bench) -> None:
    """The platform describes everybody, and the admin gives the roles."""
    for actor in PEOPLE.values():
        await one.service.met(actor)
    await one.admin("role @bob finance")
    await one.admin("role @rosa admin")
    await one.admin("role @gina guest")
    await one.set_rule("web:robot", "role", "finance")  # the words refuse it: a bot has no rights of its own


async def asked_for(one: Bench, who: str, kind: str) -> str:
    """Ask for a call under this list of approvers; gives the approval's id."""
    if who == "removed admin":
        await one.admin("role @rita admin")
    place = Place("web", "", "general", f"card-{who.replace(' ', '-')}")
    receipt = await one.say(f"Deploy {PEOPLE[who].key}", place=place)
    if who == "removed admin":
        await one.admin("role @rita default")
    (approval,) = await one.app.approvals.approvals_of_run(receipt.run_id)
    if kind in TAMPERED:
        await one.tamper(f"UPDATE approvals SET approver = '{TAMPERED[kind]}' WHERE id = '{approval.id}'")
    return approval.id


async def refusals_of(one: Bench, actor: Actor) -> int:
    rows = await one.app.audit.read(filters={"event": "click.refused"})
    return sum(row["approver"] == actor.key for row in rows)


async def found_by(attempt: Try) -> Found:
    """What came of one attempt, and that a refusal left everything as it was."""
    one, before = attempt.one, await refusals_of(attempt.one, attempt.actor)
    try:
        is_taken = await attempt.through()
    except Refused:
        is_taken = None
    await one.service.idle()
    approval = await one.app.approvals.approval(attempt.card_id)
    assert approval is not None
    if is_taken:
        return "counted" if approval.state in ("pending", "cancelled") else "decided"
    assert (approval.state, approval.votes, approval.call_state.value) == ("pending", (), "waiting")
    more = await refusals_of(one, attempt.actor) - before
    if attempt.door == "message":
        assert more == 0
        return "only talk" if is_taken is False else "not heard"
    assert more == (0 if is_taken is None else 1)
    return "not heard" if is_taken is None else "refused"


def expected(kind: str, door: str) -> dict[str, Found]:
    """What the rules say, person by person."""
    if door == "message":
        return {who: "not heard" if who == "bot" else "only talk" for who in PEOPLE}
    unheard = {"words": {"bot"}, "page": NO_SESSION}.get(door, set())
    is_of_two = kind == "set: two of a role" and door != "modal: deny"
    is_own_edit = kind == "set: not the requester" and door == "modal: edit"  # who edits it does not count either
    taken: Found = "counted" if is_of_two or is_own_edit else "decided"
    return {who: taken if who in MAY[kind] else "not heard" if who in unheard else "refused" for who in PEOPLE}


def test_the_table_has_every_door_every_kind_of_people_and_every_state_of_the_list() -> None:
    combinations = [(door, who, kind) for door in DOORS for who in PEOPLE for kind in MAY]

    assert len({door.partition(":")[0] for door in DOORS}) == 6
    assert len({kind.partition(":")[0] for kind in MAY}) == 3
    assert MAY.keys() == SAID.keys()
    assert len(combinations) == len(set(combinations)) == 7 * 11 * 10 == 770


@pytest.mark.parametrize("door", DOORS)
@pytest.mark.parametrize("kind", MAY)
async def test_only_those_who_may_can_decide_through_this_door(
    settings: Settings, endpoint: ScriptedEndpoint, ledger: Callable[[], list[str]], kind: str, door: str
) -> None:
    endpoint.script = [works] * 100
    found: dict[str, Found] = {}
    async with opened(settings.model_copy(update={"who_may_talk": ("everyone",)}), endpoint) as one:
        await prepared(one)
        await one.admin(f"approver deploy {SAID[kind]}")
        async with paged(one, ON_THE_PAGE, groups={"ops": ("bob", "gina")}) as site:

            async def page(name: str, card_id: str) -> tuple[int, bool]:
                async with browsing(site, name) as browser:
                    status, body = await browser.post(f"/api/approvals/{card_id}", {"verb": "approve"})
                return status, status == 200 and "message" in body

            for who in PEOPLE:
                found[who] = await found_by(Try(one, door, who, await asked_for(one, who, kind), page))

    assert found == expected(kind, door)
    decided = [PEOPLE[who] for who, came in found.items() if came == "decided"]
    ran = {"modal: deny": [], "modal: edit": [f"edited-{actor.user}" for actor in decided]}
    assert ledger() == ran.get(door, [actor.key for actor in decided])


@pytest.mark.parametrize("door", ["words", "button", "page", "command line"])
async def test_where_two_are_needed_the_second_word_settles_it_through_every_door(
    settings: Settings, endpoint: ScriptedEndpoint, ledger: Callable[[], list[str]], door: str
) -> None:
    endpoint.script = [works] * 10
    async with opened(settings, endpoint) as one:
        await prepared(one)
        await one.admin("approver deploy 2 of finance")
        async with paged(one, ON_THE_PAGE) as site:

            async def page(name: str, card_id: str) -> tuple[int, bool]:
                async with browsing(site, name) as browser:
                    status, _ = await browser.post(f"/api/approvals/{card_id}", {"verb": "approve"})
                return status, status == 200

            card_id = await asked_for(one, "approver", "set: two of a role")
            first = await found_by(Try(one, door, "approver", card_id, page))
            assert ledger() == []
            second = await found_by(Try(one, door, "admin by a role", card_id, page))

    assert (first, second) == ("counted", "decided")
    assert ledger() == ["web:bob"]


@pytest.mark.parametrize("kind", TAMPERED)
async def test_a_list_that_is_missing_shuts_out_the_operator_too_and_one_that_is_back_lets_people_in(
    settings: Settings, endpoint: ScriptedEndpoint, ledger: Callable[[], list[str]], kind: str
) -> None:
    endpoint.script = [works] * 10
    async with opened(settings, endpoint) as one:
        await prepared(one)
        await one.admin("approver deploy finance")
        card_id = await asked_for(one, "approver", kind)

        refused = await Desk(one.app).decide(card_id, "approve")
        assert (refused["accepted"], refused["message"]) == (False, "Nobody is allowed to decide this.")
        assert ledger() == []
        await one.tamper("UPDATE approvals SET approver = 'finance'")
        accepted = await one.click(card_id, actor=BOB)

    assert accepted.is_accepted
    assert ledger() == ["web:bob"]


async def test_five_cards_at_once_are_each_decided_by_their_own_click_and_by_no_other(
    settings: Settings, endpoint: ScriptedEndpoint, ledger: Callable[[], list[str]]
) -> None:
    """T4: no click lands on the oldest that waits, and a click that comes again runs nothing again."""
    endpoint.script = [works] * 20
    async with opened(settings, endpoint) as one:
        cards = {}
        for number in range(5):
            receipt = await one.say(f"Deploy v{number}", place=Place("web", "", "general", f"five-{number}"))
            (approval,) = await one.app.approvals.approvals_of_run(receipt.run_id)
            cards[f"v{number}"] = approval.id
        order = ["v3", "v0", "v4", "v2", "v1"]
        for version in order:
            assert (await one.click(cards[version])).is_accepted
        again = [await one.service.decide(Click(cards["v3"], "approve", ALICE)) for _ in range(1_000)]
        await one.service.idle()

    assert ledger() == order
    assert {(outcome.is_accepted, outcome.message) for outcome in again} == {
        (False, "This was already approved by alice; it has run.")
    }


@pytest.mark.parametrize(
    "more",
    [
        {"is_operator": True},
        {"actor": "web:root", "who": "web:root", "person": "root"},
        {"is_admin": True, "as": "root", "approval_id": "0" * 32},
    ],
)
async def test_what_a_request_of_the_page_says_beside_the_verb_gives_no_right(
    settings: Settings, endpoint: ScriptedEndpoint, ledger: Callable[[], list[str]], more: dict[str, object]
) -> None:
    endpoint.script = [works] * 10
    async with opened(settings, endpoint) as one:
        await one.say("Deploy 1")
        card = await one.only_card()
        async with paged(one, ("mallory", "alice")) as site:
            async with browsing(site, "mallory") as browser:
                refused, _ = await browser.post(f"/api/approvals/{card.approval_id}", {"verb": "approve", **more})
                assert ledger() == []
            async with browsing(site, "alice") as browser:
                accepted, _ = await browser.post(f"/api/approvals/{card.approval_id}", {"verb": "approve"})
        await one.service.idle()

    assert (refused, accepted) == (409, 200)
    assert ledger() == ["1"]


def callers_of(name: str) -> set[str]:
    """The files of the product in which something of this name is called."""
    root = Path(__file__).parents[2]
    return {
        str(path.relative_to(root))
        for folder in ("bot", "adapters")
        for path in (root / folder).rglob("*.py")
        for node in ast.walk(ast.parse(path.read_text("utf-8")))
        if isinstance(node, ast.Call) and ast.unparse(node.func).rpartition(".")[2] == name
    }


def test_one_file_alone_turns_what_waits_into_what_was_decided() -> None:
    """T3: there is no second door, because there is nothing else that opens. Scripts hold their own checkpoint: nothing
    of theirs is stored, and nobody else is asked."""
    assert callers_of("Decided") == {"bot/decisions.py", "bot/deadlines.py", "bot/orchestrator.py"}
    deadlines = (Path(__file__).parents[2] / "bot" / "deadlines.py").read_text("utf-8")
    assert deadlines.count("Decision(") == deadlines.count('Decision("expire")') == 1  # there time alone decides
    assert callers_of("may_vote") == {"bot/policy/access.py"}
    chat = {"adapters/discord/clicks.py", "adapters/slack/interactivity/clicks.py"}
    doors = {"bot/desk.py", "bot/admin/looking.py", "adapters/web/clicks.py", *chat}
    assert callers_of("Click") <= {"bot/decisions.py", *doors}


async def test_the_command_line_refuses_and_lets_in_as_every_other_door(
    tmp_path: Path, endpoint: ScriptedEndpoint
) -> None:
    endpoint.script = [obeys] * 50
    env = {
        "PATH": os.environ["PATH"],
        "PYTHONPATH": str(Path(__file__).parents[2]),
        "DATA_DIR": str(tmp_path / "data"),
        "MODEL_API_URL": endpoint.url,
        "MODEL_NAME": "scripted",
        "ADMINS": "web:root",
        "HTTP_PORT": str(free_port()),
    }
    nod = Nod(tmp_path, env)
    asked = await nod("ask", "Clear all notes", "--as", "alice", "--json")
    card_id = asked.data["approvals"][0]["id"]

    for stranger in ("mallory", "slack:T1/alice", "slack:T1/root", "web:other/root"):
        refused = await nod("approvals", "approve", card_id, "--as", stranger, "--json")
        assert (refused.code, refused.data["accepted"], refused.data["approval"]["state"]) == (1, False, "pending")
    accepted = await nod("approvals", "approve", card_id, "--as", "root", "--json")
    audited = (await nod("audit", "--json")).out

    assert (accepted.code, accepted.data["accepted"], accepted.data["status"]) == (0, True, "done")
    assert audited.count('"click.refused"') == 4
