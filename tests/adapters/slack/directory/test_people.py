"""Who people are to a workspace, as Slack says, and their user groups: asked seldom, never guessed."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from dataclasses import dataclass, field

import pytest

from adapters.slack.directory.groups import KEPT_S as GROUPS_KEPT_S
from adapters.slack.directory.groups import NO_PLAN, NO_SCOPE, Groups
from adapters.slack.directory.people import BELIEVED_S, KEPT_S, NOT_TOLD, People, read_profile
from bot.errors import Refused, SendError
from tests.adapters.slack.homes import homes_of
from tests.adapters.slack.wire import SlackServer
from tests.adapters.slack.wire.world import User


@dataclass
class Clock:
    now: float = 1_000.0

    def __call__(self) -> float:
        return self.now


@dataclass
class Bench:
    slack: SlackServer
    people: People
    groups: Groups
    anna: User
    clock: Clock = field(default_factory=Clock)

    @property
    def team(self) -> str:
        return self.slack.team.id

    def asked(self, method: str = "users.info") -> int:
        return len(self.slack.calls(method))


@pytest.fixture
async def bench(slack: SlackServer) -> AsyncIterator[Bench]:
    clock = Clock()
    async with homes_of(slack) as homes:
        groups = Groups(homes, clock=clock)
        yield Bench(slack, People(homes, groups, clock=clock), groups, slack.create_user("anna"), clock)


# --- who they are ---


async def test_a_member_with_name_and_groups(bench: Bench) -> None:
    groups = {bench.slack.create_group(name, users=[bench.anna]).id for name in ("ops", "finance")}
    bench.slack.create_group("others", users=[])

    actor = await bench.people.actor(bench.team, bench.anna.id)

    assert (actor.key, actor.name, actor.standing) == (f"slack:{bench.team}/{bench.anna.id}", "anna", "member")
    assert actor.groups == groups


@pytest.mark.parametrize(
    ("how", "standing"),
    [
        ({}, "member"),
        ({"is_admin": True, "is_owner": True}, "member"),
        ({"is_guest": True}, "guest"),
        ({"is_single_channel_guest": True}, "guest"),
        ({"is_bot": True}, "bot"),
        ({"deleted": True}, "gone"),
        ({"deleted": True, "is_guest": True}, "gone"),
    ],
)
async def test_what_somebody_is_to_the_workspace(bench: Bench, how: dict[str, bool], standing: str) -> None:
    """Row 37."""
    person = bench.slack.create_user("ben", **how)  # type: ignore[arg-type]  # flags

    assert (await bench.people.actor(bench.team, person.id)).standing == standing


async def test_people_of_other_companies_are_external(bench: Bench) -> None:
    partner = bench.slack.create_team("partner")
    near = bench.slack.create_user("petra", team=partner)
    bench.slack.create_channel("shared", members=[near, bench.anna], shared_with=[partner])
    far = bench.slack.create_user("paul", team=partner)

    standings = [(await bench.people.actor(bench.team, one.id)).standing for one in (near, far)]

    assert standings == ["external", "external"]


@pytest.mark.parametrize(("user_team", "standing"), [("", "member"), ("T1", "external"), ("E1", "member")])
async def test_what_the_event_says_of_their_company_counts_too(bench: Bench, user_team: str, standing: str) -> None:
    """A workspace of its own; that of an organisation says nothing by itself."""
    actor = await bench.people.actor(bench.team, bench.anna.id, user_team=user_team)

    assert actor.standing == standing
    assert (await bench.people.actor(bench.team, bench.anna.id, user_team=bench.team)).standing == "member"


@pytest.mark.parametrize("code", ["user_not_found", "user_not_visible", "users_not_found"])
async def test_whom_slack_does_not_know_is_external(bench: Bench, code: str) -> None:
    bench.slack.faults.fail("users.info", code)

    actor = await bench.people.actor(bench.team, bench.anna.id)

    assert (actor.standing, actor.name, actor.groups) == ("external", "", frozenset())


async def test_without_the_scope_nobody_is_let_in_by_mistake(bench: Bench) -> None:
    bench.slack.bot.scopes.remove("users:read")

    with pytest.raises(Refused) as refused:
        await bench.people.actor(bench.team, bench.anna.id)

    assert refused.value.user_message == NOT_TOLD


@pytest.mark.parametrize("fault", [503, "internal_error", "team_access_not_granted"])
async def test_where_slack_cannot_say_nothing_is_said(bench: Bench, fault: int | str) -> None:
    bench.slack.faults.fail("users.info", fault, times=9)

    with pytest.raises(SendError):
        await bench.people.actor(bench.team, bench.anna.id)


@pytest.mark.parametrize(
    "user",
    [
        {},
        {"id": "U1"},
        {"id": "U1", "deleted": False, "is_bot": False},
        {"id": "U1", "deleted": False, "is_bot": None, "team_id": "T1"},
        {"id": "U1", "deleted": False, "is_bot": False, "team_id": "T1"},
        {"id": "U1", "deleted": "no", "is_bot": False, "team_id": "T1", "is_restricted": False},
        {"id": "USLACKBOT", "deleted": False, "is_bot": False, "team_id": "T1", "is_restricted": False},
    ],
)
def test_what_slack_leaves_out_counts_against_them(user: dict[str, object]) -> None:
    assert read_profile(user, "T1", 0.0).standing != "member"


def test_in_an_organisation_somebody_may_be_of_several_workspaces() -> None:
    flags = {"deleted": False, "is_bot": False, "is_restricted": False, "is_ultra_restricted": False}
    user = {"id": "U1", "team_id": "T2", "enterprise_user": {"teams": ["T2", "T1"]}, **flags}

    assert [read_profile(user, team, 0.0).standing for team in ("T1", "T2", "T3")] == ["member", "member", "external"]


def test_the_name_is_the_one_people_chose() -> None:
    chosen = {"profile": {"display_name": " ", "real_name": "Anna Smith"}, "name": "asmith"}

    assert read_profile(chosen, "T1", 0.0).name == "Anna Smith"
    assert read_profile({"name": "asmith"}, "T1", 0.0).name == "asmith"
    assert read_profile({"profile": {"display_name": "anna"}}, "T1", 0.0).name == "anna"


# --- how often Slack is asked ---


async def test_somebody_is_asked_about_once_in_some_minutes(bench: Bench) -> None:
    for _ in range(3):
        await bench.people.actor(bench.team, bench.anna.id)
    first = bench.asked()
    bench.clock.now += KEPT_S + 1
    await bench.people.actor(bench.team, bench.anna.id)

    assert (first, bench.asked()) == (1, 2)


async def test_many_at_once_are_one_question(bench: Bench) -> None:
    await asyncio.gather(*(bench.people.actor(bench.team, bench.anna.id) for _ in range(20)))

    assert (bench.asked(), bench.asked("usergroups.list")) == (1, 1)


async def test_for_a_decision_slack_is_asked_now(bench: Bench) -> None:
    await bench.people.actor(bench.team, bench.anna.id)
    bench.anna.deleted = True

    assert (await bench.people.actor(bench.team, bench.anna.id)).standing == "member"
    assert (await bench.people.actor(bench.team, bench.anna.id, is_fresh=True)).standing == "gone"
    assert (await bench.people.actor(bench.team, bench.anna.id)).standing == "gone"


async def test_a_change_is_seen_at_once(bench: Bench) -> None:
    await bench.people.actor(bench.team, bench.anna.id)
    bench.anna.is_restricted = True

    bench.people.changed(bench.team, bench.anna.id)

    assert (await bench.people.actor(bench.team, bench.anna.id)).standing == "guest"


async def test_through_an_outage_people_are_what_they_were_for_a_while(bench: Bench) -> None:
    await bench.people.actor(bench.team, bench.anna.id)
    bench.slack.faults.fail("users.info", 503, times=99)
    bench.clock.now += KEPT_S + 1

    assert (await bench.people.actor(bench.team, bench.anna.id)).standing == "member"
    with pytest.raises(SendError):
        await bench.people.actor(bench.team, bench.anna.id, is_fresh=True)
    bench.clock.now += BELIEVED_S
    with pytest.raises(SendError):
        await bench.people.actor(bench.team, bench.anna.id)


async def test_a_name_is_no_matter_to_fail_for(bench: Bench) -> None:
    bench.slack.faults.fail("users.info", 503, times=9)

    assert await bench.people.name(bench.team, bench.anna.id) == ""
    bench.slack.faults.clear()
    assert await bench.people.name(bench.team, bench.anna.id) == "anna"
    assert bench.people.known_name(bench.team, bench.anna.id) == "anna"
    assert bench.people.known_name(bench.team, "U9") == ""


# --- user groups ---


async def test_groups_are_asked_for_once_in_some_minutes_for_everybody(bench: Bench) -> None:
    group = bench.slack.create_group("ops", users=[bench.anna])
    for user in (bench.anna.id, "U9", bench.anna.id):
        await bench.groups.of(bench.team, user)
    first = bench.asked("usergroups.list")
    bench.clock.now += GROUPS_KEPT_S + 1
    group.users.clear()

    assert (first, await bench.groups.of(bench.team, bench.anna.id)) == (1, frozenset())
    assert bench.groups.handle(bench.team, group.id) == "ops"
    assert bench.groups.handle(bench.team, "S9") == ""


async def test_a_group_that_changed_is_read_anew(bench: Bench) -> None:
    group = bench.slack.create_group("ops")
    await bench.groups.of(bench.team, bench.anna.id)
    group.users.append(bench.anna.id)

    bench.groups.changed(bench.team)

    assert await bench.groups.of(bench.team, bench.anna.id) == {group.id}


async def test_a_group_that_is_switched_off_is_none(bench: Bench) -> None:
    bench.slack.create_group("ops", users=[bench.anna]).is_enabled = False

    assert await bench.groups.of(bench.team, bench.anna.id) == frozenset()


async def test_a_plan_without_groups_is_said_in_a_sentence_and_asked_once(bench: Bench) -> None:
    bench.slack.team.has_user_groups = False

    actor = await bench.people.actor(bench.team, bench.anna.id)

    assert actor.groups == frozenset()
    assert await bench.groups.why_none(bench.team) == NO_PLAN
    assert bench.asked("usergroups.list") == 1


@pytest.mark.parametrize(
    ("code", "says"), [("missing_scope", NO_SCOPE), ("user_is_restricted", "(user_is_restricted)")]
)
async def test_groups_that_may_not_be_seen_are_said_in_a_sentence(bench: Bench, code: str, says: str) -> None:
    bench.slack.faults.fail("usergroups.list", code)

    assert says in await bench.groups.why_none(bench.team)
    assert await bench.groups.of(bench.team, bench.anna.id) == frozenset()


async def test_with_groups_there_is_nothing_to_say(bench: Bench) -> None:
    assert await bench.groups.why_none(bench.team) == ""


async def test_who_is_in_which_group_is_never_guessed(bench: Bench) -> None:
    """A rule that denies something to a group must not be missed because Slack was slow."""
    group = bench.slack.create_group("ops", users=[bench.anna])
    bench.slack.faults.fail("usergroups.list", 503, times=3)
    with pytest.raises(SendError):
        await bench.people.actor(bench.team, bench.anna.id)

    assert (await bench.people.actor(bench.team, bench.anna.id)).groups == {group.id}


async def test_through_an_outage_groups_are_what_they_were(bench: Bench) -> None:
    group = bench.slack.create_group("ops", users=[bench.anna])
    await bench.groups.of(bench.team, bench.anna.id)
    bench.clock.now += GROUPS_KEPT_S + 1
    bench.slack.faults.fail("usergroups.list", 503, times=3)

    assert await bench.groups.of(bench.team, bench.anna.id) == {group.id}
