"""Approving more than this very call: what it covers runs unasked, what it does not is asked, and it ends."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from bot.chat import Actor, Place
from bot.config.settings import Settings
from bot.desk import Desk
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

# --- what is covered, what is not ---


@pytest.mark.parametrize("door", ["click", "words", "command line"])
@pytest.mark.parametrize("kind", KINDS)
async def test_what_was_approved_for_longer_runs_unasked_where_it_is_covered_and_nowhere_else(
    settings: Settings, endpoint: ScriptedEndpoint, ledger: Callable[[], list[str]], kind: str, door: str
) -> None:
    async with opened(settings, endpoint) as one:
        await one.say("deploy 1 twice")
        card = await one.only_card()
        if door == "click":
            await approve(one, kind)
        elif door == "words":
            assert await one.service.command(PLACE, ALICE, f"approve {card.approval_id[:8]} for {kind}") == "Approved."
            await one.service.idle()
        else:
            await Desk(one.app).decide(card.approval_id, "approve", who="alice", grant=kind)
        assert ledger() == ["1", "1"]

        asked = {
            "the next run": await is_asked(one, "deploy 1"),
            "another thread": await is_asked(one, "deploy 1", place=ELSEWHERE),
            "other arguments": await is_asked(one, "deploy 2"),
            "another tool": await is_asked(one, "write a.txt"),
            "another person": await is_asked(one, "deploy 1", actor=BOB),
            "an admin": await is_asked(one, "deploy 1", actor=ROOT),
        }

    assert asked == {
        "the next run": kind == "run",
        "another thread": kind in ("run", "thread"),
        "other arguments": True,
        "another tool": True,
        "another person": True,
        "an admin": True,
    }


async def test_what_is_approved_once_is_asked_about_again(
    settings: Settings, endpoint: ScriptedEndpoint, ledger: Callable[[], list[str]]
) -> None:
    async with opened(settings, endpoint) as one:
        await one.say("deploy 1 twice")
        await approve(one, "once")
        assert (ledger(), len(await one.service.pending(ROOT))) == (["1"], 1)
        assert await one.service.command(PLACE, ALICE, "grants") == "Nothing was approved for more than once."


async def test_a_pattern_covers_what_it_says_and_everything_else_as_it_was_shown(
    settings: Settings, endpoint: ScriptedEndpoint, ledger: Callable[[], list[str]]
) -> None:
    async with opened(settings, endpoint) as one:
        await one.say("write reports/a.txt")
        offered = [offer.pattern for offer in (await one.only_card()).offers if offer.pattern]
        await approve(one, "always", pattern="path.under=reports")
        paths = ("reports/b.txt", "reports/deep/c.txt", "reports/../secret.txt", "other/a.txt", "reports2/a.txt")
        asked = {path: await is_asked(one, f"write {path}") for path in paths}

    assert set(offered) == {"path.under=reports"}
    assert asked == {
        "reports/b.txt": False,
        "reports/deep/c.txt": False,
        "reports/../secret.txt": True,
        "other/a.txt": True,
        "reports2/a.txt": True,
    }
    assert ledger() == ["reports/a.txt", "reports/b.txt", "reports/deep/c.txt"]


@pytest.mark.parametrize(
    ("grant", "pattern"),
    [
        ("forever", ""),
        ("0m", ""),
        ("-8h", ""),
        ("366d", ""),
        ("always", "path.under=elsewhere"),
        ("always", "*"),
        ("always", "nothing=1"),
    ],
)
async def test_a_grant_that_cannot_be_read_or_does_not_fit_approves_nothing(
    settings: Settings, endpoint: ScriptedEndpoint, ledger: Callable[[], list[str]], grant: str, pattern: str
) -> None:
    async with opened(settings, endpoint) as one:
        await one.say("write reports/a.txt")
        said = await approve(one, grant, pattern=pattern)

        assert said != "Approved."
        assert (await one.only_card()).state == "pending"
        assert (await one.plain("SELECT count(*) FROM grants"), ledger()) == ([(0,)], [])


async def test_a_refused_click_grants_nothing(
    settings: Settings, endpoint: ScriptedEndpoint, ledger: Callable[[], list[str]]
) -> None:
    async with opened(settings, endpoint) as one:
        await one.say("deploy 1")
        await approve(one, "always", actor=MALLORY)

        assert (await one.plain("SELECT count(*) FROM grants"), ledger()) == ([(0,)], [])


# --- its end ---


async def test_a_grant_ends_with_its_time(
    settings: Settings, endpoint: ScriptedEndpoint, ledger: Callable[[], list[str]]
) -> None:
    async with opened(settings, endpoint) as one:
        await one.say("deploy 1")
        await approve(one, "8h")
        lasts = await one.plain("SELECT expires_ms - given_ms FROM grants")
        before = await is_asked(one, "deploy 1")
        await one.tamper("UPDATE grants SET expires_ms = 1")
        await one.tamper("UPDATE policy_version SET revision = revision + 1")
        after = await is_asked(one, "deploy 1")
        listed = await one.service.command(PLACE, ALICE, "grants")

    assert lasts == [(8 * 3_600_000,)]
    assert (before, after, listed) == (False, True, "Nothing was approved for more than once.")
    assert ledger() == ["1", "1"]


@pytest.mark.parametrize(
    ("actor", "is_admin", "may"),
    [
        (ALICE, False, True),
        (BOB, False, True),
        (ROOT, True, True),
        (ROOT, False, True),
        (CAROL, False, False),
        (MALLORY, False, False),
        (Actor("web", "other", "alice", "alice"), False, False),
        (Actor("slack", "T1", "bob", "bob"), False, False),
    ],
)
async def test_requester_giver_and_admin_take_it_back_and_nobody_else(
    settings: Settings, endpoint: ScriptedEndpoint, actor: Actor, is_admin: bool, may: bool
) -> None:
    async with opened(settings, endpoint) as one:
        await one.admin("approver deploy @bob,@carol")
        await one.say("deploy 1")
        await approve(one, "always", actor=BOB)
        its = await grant_id(one)
        place = Place(actor.platform, actor.workspace, "general", "t")
        seen = await one.service.command(place, actor, "grants", is_admin=is_admin)
        said = await one.service.command(place, actor, f"revoke {its}", is_admin=is_admin)
        asked = await is_asked(one, "deploy 1")
        rows = await one.app.audit.read(filters={"event": "grant.revoked"})

    assert (its in seen) is may
    assert said == ("Taken back: deploy is asked about again." if may else NO_GRANT)
    assert asked is may
    assert [row["requester"] for row in rows] == ([actor.key] if may else [])


async def test_a_grant_is_taken_back_once_and_stays_so_after_a_restart(
    settings: Settings, endpoint: ScriptedEndpoint
) -> None:
    async with opened(settings, endpoint) as one:
        await one.say("deploy 1")
        await approve(one, "always")
        its = await grant_id(one)
        first = await one.service.command(PLACE, ALICE, f"revoke {its}")
        second = await one.service.command(PLACE, ALICE, f"revoke {its}")
    async with opened(settings, endpoint) as two:
        asked = await is_asked(two, "deploy 1")

    assert (first, second, asked) == ("Taken back: deploy is asked about again.", NO_GRANT, True)


@pytest.mark.parametrize("beginning", ["", "a", "12345", "%", "______", "' OR 1=1", "*"])
async def test_a_beginning_that_is_no_grant_takes_nothing_back(
    settings: Settings, endpoint: ScriptedEndpoint, beginning: str
) -> None:
    async with opened(settings, endpoint) as one:
        await one.say("deploy 1")
        await approve(one, "always")

        assert await one.service.command(PLACE, ALICE, f"revoke {beginning}") == NO_GRANT
        assert await is_asked(one, "deploy 1") is False


# --- what else ends it ---


async def test_a_grant_for_a_tool_as_it_was_does_not_cover_the_tool_as_it_is(
    settings: Settings, endpoint: ScriptedEndpoint, tmp_path: Path
) -> None:
    async with opened(settings, endpoint) as one:
        await one.say("deploy 1")
        await approve(one, "always")
    async with opened(settings, endpoint) as two:
        before = await is_asked(two, "deploy 1")
    source = tmp_path / "tools" / "deploy.py"
    source.write_text(source.read_text().replace("Deploy a version.", "Deploy a version, to everybody at once."))
    async with opened(settings, endpoint) as three:
        after = await is_asked(three, "deploy 1")

    assert (before, after) == (False, True)


async def test_a_grant_under_another_rule_of_approvers_does_not_count(
    settings: Settings, endpoint: ScriptedEndpoint
) -> None:
    async with opened(settings, endpoint) as one:
        await one.say("deploy 1")
        await approve(one, "always")
        before = await is_asked(one, "deploy 1")
        await one.admin("approver deploy not_requester")
        tightened = await is_asked(one, "deploy 1")
        await one.admin("approver deploy default")
        as_before = await is_asked(one, "deploy 1")

    assert (before, tightened, as_before) == (False, True, False)


@pytest.mark.parametrize(
    ("said", "asked"),
    [("ask @alice deploy", True), ("ask &ops deploy", True), ("ask #general deploy", True), ("ask @bob deploy", False)],
)
async def test_an_admin_s_ask_goes_before_a_grant(
    settings: Settings, endpoint: ScriptedEndpoint, said: str, asked: bool
) -> None:
    alice = Actor("web", "", "alice", "alice", frozenset({"ops"}))
    async with opened(settings, endpoint) as one:
        await one.say("deploy 1", actor=alice)
        await approve(one, "always")
        await one.admin(said)

        assert await is_asked(one, "deploy 1", actor=alice) is asked


async def test_an_admin_s_deny_goes_before_a_grant(
    settings: Settings, endpoint: ScriptedEndpoint, ledger: Callable[[], list[str]]
) -> None:
    async with opened(settings, endpoint) as one:
        await one.say("deploy 1")
        await approve(one, "always")
        await one.admin("deny @alice deploy")

        assert await is_asked(one, "deploy 1") is False
        assert ledger() == ["1"]


async def test_a_grant_of_somebody_who_may_not_approve_any_more_does_not_count(
    settings: Settings, endpoint: ScriptedEndpoint
) -> None:
    """T5: what is decided once is looked at again at the start; what is decided for always should be too."""
    async with opened(settings, endpoint) as one:
        await one.admin("role @bob finance")
        await one.admin("approver deploy finance")
        await one.say("deploy 1")
        await approve(one, "always", actor=BOB)
        assert await is_asked(one, "deploy 1") is False
        await one.admin("role @bob default")

        assert await is_asked(one, "deploy 1") is True
