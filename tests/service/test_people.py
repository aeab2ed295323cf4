"""Who the bot knows: groups and standing as the platform last said, over restarts, and people who have left."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

from adapters.web import WebAdapter
from bot.chat import Actor
from bot.config.settings import Settings
from bot.serve import introduce
from tests.models.endpoint import ScriptedEndpoint, calls, says
from tests.service.kit import ALICE, BOB, PLACE, ROOT, opened

OPS_BOB = replace(BOB, groups=frozenset({"ops"}))


async def test_groups_are_what_the_platform_last_said(settings: Settings, endpoint: ScriptedEndpoint) -> None:
    endpoint.script = [calls(("deploy", {"version": "1"}))]
    async with opened(settings, endpoint) as one:
        await one.admin("approver deploy &ops")
        await one.service.met(OPS_BOB)
        await one.say("Deploy 1")
        assert len(await one.service.pending(Actor("web", "", "bob"))) == 1
        await one.service.met(BOB)
        assert await one.service.pending(Actor("web", "", "bob")) == []


async def test_somebody_who_lost_the_group_is_refused_with_the_click_that_says_so(
    settings: Settings, endpoint: ScriptedEndpoint, ledger: Callable[[], list[str]]
) -> None:
    endpoint.script = [calls(("deploy", {"version": "1"}))]
    async with opened(settings, endpoint) as one:
        await one.admin("approver deploy &ops")
        await one.service.met(OPS_BOB)
        await one.say("Deploy 1")
        card = await one.only_card()

        outcome = await one.click(card.approval_id, actor=BOB)

    assert not outcome.is_accepted
    assert ledger() == []


async def test_groups_are_remembered_over_a_restart(settings: Settings, endpoint: ScriptedEndpoint) -> None:
    endpoint.script = [calls(("deploy", {"version": "1"})), says("done")]
    async with opened(settings, endpoint) as one:
        await one.admin("approver deploy &ops")
        await one.service.met(OPS_BOB)
        await one.say("Deploy 1")
    async with opened(settings, endpoint) as two:
        card = await two.only_card()
        outcome = await two.click(card.approval_id, actor=OPS_BOB)

    assert outcome.is_accepted


async def test_who_has_no_token_any_more_is_nobody(settings: Settings, endpoint: ScriptedEndpoint) -> None:
    page = WebAdapter(
        secret_key=b"k" * 32, host="127.0.0.1", port=1, people={"alice": "a" * 64}, groups={"ops": ("alice",)}
    )
    async with opened(settings, endpoint) as one:
        await one.service.met(OPS_BOB)

        await introduce(page, one.app)

        known = {person.user: person for person in one.service.people(PLACE)}
    assert (known["bob"].standing, known["bob"].groups) == ("gone", frozenset())
    assert (known["alice"].standing, known["alice"].groups) == ("member", frozenset({"ops"}))
    assert one.service.role_of(known["bob"]) == "guest"
    assert one.service.role_of(ALICE) == "user"
    assert one.service.role_of(ROOT) == "admin"
