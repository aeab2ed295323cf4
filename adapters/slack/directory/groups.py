"""User groups of Slack as roles: which there are, and who is in them.

One call tells all of a workspace; it is believed for some minutes, and asked again when Slack says that one has
changed. Slack has user groups on its paid plans only.
"""

from __future__ import annotations

import asyncio
import time
from collections import defaultdict
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

import structlog

from adapters.slack.api.rooms import Workspaces
from adapters.slack.api.strict import GROUP, USER, fit, items, text
from adapters.slack.api.web import Json, SlackRefused
from bot.errors import SendError

log = structlog.get_logger()

KEPT_S = 420.0
NO_PLAN = "This workspace's plan of Slack has no user groups, so nothing can be set for one: name people or channels."
NO_SCOPE = "Slack does not show me user groups here: give my app the scope usergroups:read and install it again."
NOT_ALLOWED = "Slack does not show me user groups here ({}), so nothing can be set for one."
_NO_PLAN = frozenset({"plan_upgrade_required", "paid_teams_only", "team_plan_upgrade_required"})
_NO_SCOPE = frozenset({"missing_scope", "no_permission", "not_allowed_token_type"})


@dataclass(frozen=True, slots=True)
class Known:
    """The groups of a workspace: their handles, and those that each person is in. `why_none`: why there are none."""

    at: float
    handles: Mapping[str, str] = field(default_factory=dict)
    members: Mapping[str, frozenset[str]] = field(default_factory=dict)
    why_none: str = ""


class Groups:
    """`clock` gives seconds that only grow."""

    def __init__(self, workspaces: Workspaces, *, clock: Callable[[], float] = time.monotonic) -> None:
        self._workspaces = workspaces
        self._clock = clock
        self._known: dict[str, Known] = {}
        self._stale: set[str] = set()
        self._locks: defaultdict[str, asyncio.Lock] = defaultdict(asyncio.Lock)

    async def of(self, team: str, user: str) -> frozenset[str]:
        """The ids of the groups somebody is in. Raises `SendError` where Slack cannot say, and never said."""
        return (await self._current(team)).members.get(user, frozenset())

    async def why_none(self, team: str) -> str:
        """Why this workspace has no groups, in a sentence for whoever names one; "" where it may have some. Raises
        `SendError`."""
        return (await self._current(team)).why_none

    def handle(self, team: str, group: str) -> str:
        """What people call a group, "" for one nobody knows."""
        known = self._known.get(team)
        return known.handles.get(group, "") if known else ""

    def changed(self, team: str) -> None:
        """Slack says that a group of this workspace is another now."""
        self._stale.add(team)

    async def _current(self, team: str) -> Known:
        async with self._locks[team]:  # whoever comes meanwhile needs no call of their own
            known = self._known.get(team)
            if known is not None and team not in self._stale and self._clock() - known.at < KEPT_S:
                return known
            self._stale.discard(team)
            try:
                known = self._known[team] = await self._asked(team)
            except SendError as err:
                self._stale.add(team)
                if known is None:
                    raise
                log.info("groups.not_asked", kind=type(err).__name__)  # as they were is better than not at all
            return known

    async def _asked(self, team: str) -> Known:
        client = (await self._workspaces.get(team)).client
        try:
            answer = await client.call("usergroups.list", include_users=True)
        except SlackRefused as err:
            log.info("groups.none", team=team, code=err.code)
            return Known(self._clock(), why_none=_why(err.code))
        return _read(answer, self._clock())


def _why(code: str) -> str:
    if code in _NO_PLAN:
        return NO_PLAN
    return NO_SCOPE if code in _NO_SCOPE else NOT_ALLOWED.format(code)


def _read(answer: Json, at: float) -> Known:
    handles: dict[str, str] = {}
    members: defaultdict[str, set[str]] = defaultdict(set)
    for group in items(answer, "usergroups"):
        group_id = fit(GROUP, group.get("id"))
        if not group_id:
            continue
        handles[group_id] = text(group, "handle") or text(group, "name")
        users = group.get("users")
        for user in users if isinstance(users, list) else ():
            if user_id := fit(USER, user):
                members[user_id].add(group_id)
    return Known(at, handles, {user: frozenset(groups) for user, groups in members.items()})
