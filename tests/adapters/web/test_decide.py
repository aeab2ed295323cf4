"""Decisions over real connections: once and for longer, other arguments, several approvers and groups."""

from __future__ import annotations

import json

import pytest

from adapters.web.people import groups_by_person
from bot.chat import Offer
from tests.adapters.web.memory_service import MemoryService
from tests.adapters.web.site import Browser, Site, serve
from tests.adapters.web.test_talk import waiting_card

OFFER = Offer("8h", "path like notes/*", "for 8h, with any path like notes/*")


async def test_a_decision_carries_verb_reason_and_person(site: Site, alice: Browser) -> None:
    approval = await waiting_card(site, alice)

    status, said = await alice.post(f"/api/approvals/{approval}", {"verb": "deny", "reason": " wrong folder "})

    click = site.service.clicks[0]
    assert (status, said["message"]) == (200, "Denied.")
    assert (click.verb, click.reason, click.actor.user) == ("deny", "wrong folder", "alice")
    assert "button" not in said["fragment"]["html"]


async def test_who_may_not_decide_is_told_so(site: Site, alice: Browser, bob: Browser) -> None:
    approval = await waiting_card(site, alice)

    status, said = await bob.post(f"/api/approvals/{approval}", {"verb": "approve"})

    assert (status, said["error"]) == (409, "Only alice or an admin can decide this.")
    assert site.service.cards[approval].state == "pending"


async def test_a_late_click_is_told_who_decided(site: Site, alice: Browser) -> None:
    approval = await waiting_card(site, alice)
    await alice.post(f"/api/approvals/{approval}", {"verb": "deny"})

    status, said = await alice.post(f"/api/approvals/{approval}", {"verb": "approve"})

    assert (status, said["error"]) == (409, "alice has already decided this.")
    assert "Denied" in said["fragment"]["html"]


@pytest.mark.parametrize("body", [{}, {"verb": "drop"}, {"verb": ""}, {"verb": True}, {"verb": "deny", "reason": 3}])
async def test_a_malformed_decision_is_refused(site: Site, alice: Browser, body: dict[str, object]) -> None:
    approval = await waiting_card(site, alice)

    assert (await alice.post(f"/api/approvals/{approval}", body))[0] == 400
    assert site.service.clicks == []


async def test_an_unknown_approval_is_refused(site: Site, alice: Browser) -> None:
    assert (await alice.post("/api/approvals/nothing", {"verb": "deny"}))[0] == 404
    assert (await alice.post("/api/approvals/a%2F..%2Fb", {"verb": "deny"}))[0] == 404
    assert (await alice.post("/api/approvals/a1", {"verb": "deny", "reason": "x" * 501}))[0] == 400


# --- for longer, and other arguments ---


async def test_an_approval_carries_how_long_and_for_which_arguments(site: Site, alice: Browser) -> None:
    site.service.offers = (OFFER,)
    approval = await waiting_card(site, alice)
    body = {"verb": "approve", "grant": "8h", "pattern": "path like notes/*"}

    status, said = await alice.post(f"/api/approvals/{approval}", body)

    click = site.service.clicks[0]
    assert (click.verb, click.grant, click.pattern, click.actor.user) == ("approve", "8h", "path like notes/*", "alice")
    assert (status, said["message"]) == (200, "Approved.")
    assert "also for 8h, with any path like notes/*" in said["fragment"]["html"]


async def test_an_approval_that_says_no_more_holds_once(site: Site, alice: Browser) -> None:
    approval = await waiting_card(site, alice)

    await alice.post(f"/api/approvals/{approval}", {"verb": "approve"})

    click = site.service.clicks[0]
    assert (click.grant, click.pattern, click.arguments, click.is_operator) == ("once", "", "", False)


async def test_a_pattern_reaches_the_service_as_it_was_offered(site: Site, alice: Browser) -> None:
    approval = await waiting_card(site, alice)
    pattern = "path is \u202e\u200b \t" + "x" * 900

    await alice.post(f"/api/approvals/{approval}", {"verb": "approve", "grant": "8h", "pattern": pattern})

    assert site.service.clicks[0].pattern == pattern


async def test_what_no_database_could_store_is_replaced_in_a_click(site: Site, alice: Browser) -> None:
    approval = await waiting_card(site, alice)
    for raw in (b'{"verb":"approve","grant":"a\\u0000","pattern":"\\ud800"}', b'{"verb":"edit","arguments":"\\ud800"}'):
        site.service.cards.pop(approval, None)
        await alice.post(f"/api/approvals/{approval}", raw)

    first, second = site.service.clicks
    assert (first.grant, first.pattern, second.arguments) == ("a\ufffd", "\ufffd", "\ufffd")


async def test_an_edit_carries_the_arguments_as_they_were_written(site: Site, alice: Browser) -> None:
    approval = await waiting_card(site, alice)
    arguments = '{ "path": "b.md",  "text": "é" }\n'

    status, said = await alice.post(f"/api/approvals/{approval}", {"verb": "edit", "arguments": arguments})

    assert (site.service.clicks[0].verb, site.service.clicks[0].arguments) == ("edit", arguments)
    assert (status, said["message"]) == (200, "Saved. It still needs a nod.")
    assert "Arguments edited by" in said["fragment"]["html"]
    assert site.service.cards[approval].state == "pending"


async def test_a_refused_edit_is_said_as_the_service_said_it(site: Site, alice: Browser) -> None:
    approval = await waiting_card(site, alice)

    status, said = await alice.post(f"/api/approvals/{approval}", {"verb": "edit", "arguments": '{"text": ""}'})

    assert (status, said["error"]) == (409, "These arguments do not fit files_write: path is missing.")
    assert "edited" not in said["fragment"]["html"]


async def test_arguments_may_be_as_long_as_their_limit_however_json_writes_them(site: Site, alice: Browser) -> None:
    approval, room = await waiting_card(site, alice), 65_536 - len('{"path": ""}')
    longest = json.dumps({"path": "é" * (room // 2)}, ensure_ascii=False)
    sentence = "These arguments are too long: at most 64 kB can be saved here."

    assert (await alice.post(f"/api/approvals/{approval}", {"verb": "edit", "arguments": longest}))[0] == 200
    for arguments in (longest + " ", "x" * 500_000):
        answer = await alice.post(f"/api/approvals/{approval}", {"verb": "edit", "arguments": arguments})
        assert answer == (413, {"error": sentence})
    assert len(site.service.clicks) == 1


@pytest.mark.parametrize(
    "body",
    [
        {"verb": "edit"},
        {"verb": "edit", "arguments": {"path": "a"}},
        {"verb": "edit", "arguments": "{}", "grant": "8h"},
        {"verb": "approve", "arguments": "{}"},
        {"verb": "approve", "grant": "x" * 41},
        {"verb": "approve", "grant": 8},
        {"verb": "approve", "grant": None},
        {"verb": "approve", "grant": "8h", "pattern": "x" * 1001},
        {"verb": "approve", "grant": "8h", "pattern": ["a"]},
        {"verb": "deny", "grant": "8h"},
        {"verb": "deny", "pattern": "a"},
        {"verb": "deny", "arguments": "{}"},
        {"verb": "expire"},
    ],
)
async def test_a_click_that_says_something_else_decides_nothing(
    site: Site, alice: Browser, body: dict[str, object]
) -> None:
    approval = await waiting_card(site, alice)

    status, said = await alice.post(f"/api/approvals/{approval}", body)

    assert status == 400
    assert said["error"].endswith(".")
    assert site.service.clicks == []


async def test_nobody_becomes_the_operator_by_saying_so(site: Site, alice: Browser) -> None:
    approval = await waiting_card(site, alice)

    await alice.post(f"/api/approvals/{approval}", {"verb": "approve", "is_operator": True, "actor": "root"})

    assert not site.service.clicks[0].is_operator
    assert site.service.clicks[0].actor.user == "alice"


# --- groups ---


def test_people_know_their_groups() -> None:
    assert groups_by_person({"finance": ("alice", "bob"), "ops": ("bob",), "empty": ()}) == {
        "alice": frozenset({"finance"}),
        "bob": frozenset({"finance", "ops"}),
    }


async def test_every_word_of_a_person_carries_their_groups() -> None:
    async with serve(groups={"finance": ("bob", "carol"), "ops": ("bob",)}) as site:
        browser = Browser(site)
        await browser.open()
        await browser.be("bob")
        approval = await waiting_card(site, browser)
        await browser.post(f"/api/approvals/{approval}", {"verb": "deny", "groups": ["admins"]})
        await browser.post("/api/command", {"thread": "t1", "words": "model", "groups": ["admins"]})
        await browser.get("/api/complete?thread=t1&words=m&groups=admins")
        site.service.actors.clear()
        await browser.open()
        await browser.get("/api/pending?groups=admins")
        await browser.post("/api/stop", {"thread": "t1", "groups": ["admins"]})
        await browser.http.close()
        service = site.service

    spoken = [service.received[0].actor, service.clicks[0].actor, service.commands[0][1], service.completed[0][1]]
    asked = {actor.groups for actor in service.actors if actor.user == "bob"}
    assert {actor.groups for actor in spoken} | asked == {frozenset({"finance", "ops"})}
    assert {actor.groups for actor in service.actors if actor.user == "alice"} == {frozenset()}


async def test_people_of_a_group_decide_together() -> None:
    async with serve(service=MemoryService(needed=2), groups={"finance": ("bob",)}) as site:
        alice, bob = Browser(site), Browser(site)
        await alice.open()
        await bob.open()
        await bob.be("bob")
        approval = await waiting_card(site, alice)

        first = (await alice.post(f"/api/approvals/{approval}", {"verb": "approve"}))[1]
        assert "Approved by <b>alice</b>; 1 more of finance" in first["fragment"]["html"]
        assert (await alice.get("/api/pending"))[1] == {"cards": []}
        assert (await bob.post(f"/api/approvals/{approval}", {"verb": "approve"}))[1]["message"] == "Approved."

        await alice.http.close()
        await bob.http.close()
    assert site.service.cards[approval].approved_by == ("alice", "bob")
