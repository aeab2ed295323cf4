"""Who gave what for more than once: of several words the narrowest, listed to whom it concerns, in the audit."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from bot.chat import Actor, Click
from bot.config.settings import Settings
from tests.models.endpoint import ScriptedEndpoint
from tests.service.granting import (  # noqa: F401  # the model and the tool of every test here
    CAROL,
    ELSEWHERE,
    KINDS,
    MALLORY,
    NO_GRANT,
    approve,
    grant_id,
    is_asked,
    willing,
    write,
)
from tests.service.kit import ALICE, BOB, PLACE, ROOT, opened

# --- several approvers ---


@pytest.mark.parametrize(
    ("first", "second", "given"),
    [
        (("always", ""), ("8h", ""), "for 8h, with exactly these arguments"),
        (("thread", ""), ("always", ""), "in this thread, with exactly these arguments"),
        (("30d", ""), ("1d", ""), "for 1d, with exactly these arguments"),
        (("always", "path.under=reports"), ("always", ""), "always, with exactly these arguments"),
        (
            ("always", "path.under=reports"),
            ("8h", "path.under=reports"),
            "for 8h, where path.under=reports and everything else as shown",
        ),
        (("always", ""), ("once", ""), ""),
        (("once", ""), ("always", "path.under=reports"), ""),
    ],
)
async def test_of_several_words_the_narrowest_counts(
    settings: Settings,
    endpoint: ScriptedEndpoint,
    first: tuple[str, str],
    second: tuple[str, str],
    given: str,
) -> None:
    async with opened(settings, endpoint) as one:
        await one.admin("approver write 2 of @bob,@carol")
        await one.say("write reports/a.txt")
        card = await one.only_card()
        await approve(one, first[0], pattern=first[1], actor=BOB)
        assert await one.plain("SELECT count(*) FROM grants") == [(0,)]
        await approve(one, second[0], pattern=second[1], actor=CAROL)
        drawn = one.adapter.cards()[card.approval_id]
        givers = await one.plain("SELECT given_by FROM grants")
        asked = await is_asked(one, "write reports/a.txt")

    assert drawn.granted == given
    assert givers == ([("web:bob,web:carol",)] if given else [])
    assert asked is not bool(given)


@pytest.mark.parametrize("giver", [BOB, CAROL])
async def test_each_of_several_givers_may_take_it_back(
    settings: Settings, endpoint: ScriptedEndpoint, giver: Actor
) -> None:
    async with opened(settings, endpoint) as one:
        await one.admin("approver deploy 2 of @bob,@carol")
        await one.say("deploy 1")
        await approve(one, "always", actor=BOB)
        await approve(one, "always", actor=CAROL)
        said = await one.service.command(PLACE, giver, f"revoke {await grant_id(one)}")

        assert said == "Taken back: deploy is asked about again."
        assert await is_asked(one, "deploy 1") is True


async def test_each_of_several_givers_is_offered_what_they_may_take_back(
    settings: Settings, endpoint: ScriptedEndpoint
) -> None:
    async with opened(settings, endpoint) as one:
        await one.admin("approver deploy 2 of @bob,@carol")
        await one.say("deploy 1")
        await approve(one, "always", actor=BOB)
        await approve(one, "always", actor=CAROL)
        its = await grant_id(one)

        for actor in (ALICE, BOB, CAROL):
            assert [one_of.words for one_of in await one.service.complete(PLACE, actor, "revoke ")] == [f"revoke {its}"]


# --- listed, audited ---


async def test_grants_are_listed_to_whom_they_concern_and_are_in_the_audit(
    settings: Settings, endpoint: ScriptedEndpoint
) -> None:
    async with opened(settings, endpoint) as one:
        await one.admin("approver deploy @bob")
        await one.say("deploy 1")
        await approve(one, "thread", actor=BOB)
        listed = {
            actor.user: await one.service.command(PLACE, actor, "grants") for actor in (ALICE, BOB, ROOT, MALLORY)
        }
        of_alice = await one.admin("grants @alice")
        of_bob = await one.admin("grants @bob")
        peeked = await one.service.command(PLACE, MALLORY, "grants @alice")
        rows = await one.app.audit.read(filters={"event": "grant.given"})

    (line,) = {listed["alice"], listed["bob"], listed["root"], of_alice}
    assert "web:alice may run **deploy** in this thread, with exactly these arguments" in line
    assert "given by web:bob" in line
    assert listed["mallory"] == of_bob == "Nothing was approved for more than once."
    assert peeked == "Only admins can look at others."
    assert [(row["requester"], row["tool"]) for row in rows] == [("web:bob", "deploy")]
    assert '{"version": "1"}' in rows[0]["rule"]


async def test_a_call_that_ran_under_a_grant_says_so_in_the_audit(
    settings: Settings, endpoint: ScriptedEndpoint
) -> None:
    async with opened(settings, endpoint) as one:
        await one.say("deploy 1")
        await approve(one, "always")
        its = await grant_id(one)
        await one.say("deploy 1")
        last = (await one.app.audit.read())[-1]

    assert (last["event"], last["rule"]) == ("call.done", f"deploy was approved for more than once ({its})")


async def test_an_edit_grants_nothing_whatever_was_pressed_beside_it(
    settings: Settings, endpoint: ScriptedEndpoint, ledger: Callable[[], list[str]]
) -> None:
    async with opened(settings, endpoint) as one:
        await one.say("deploy 1")
        card = await one.only_card()
        click = Click(card.approval_id, "edit", ALICE, arguments='{"version": "2"}', grant="always")
        assert (await one.service.decide(click)).is_accepted
        await one.service.idle()

        assert (await one.plain("SELECT count(*) FROM grants"), ledger()) == ([(0,)], ["2"])
