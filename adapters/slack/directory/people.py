"""People of Slack as the service knows them: who they are, their user groups, what they are to the workspace.

All of it comes from Slack itself, and is believed for some minutes; names are for display only. What somebody is to
Slack, an admin or an owner, gives them no rights here.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable
from dataclasses import dataclass
from weakref import WeakValueDictionary

import structlog

from adapters.recent import Latest
from adapters.slack.api.rooms import Workspaces
from adapters.slack.api.strict import ANY_TEAM, SLACKBOT, fit, part, text
from adapters.slack.api.web import Json, SlackRefused
from adapters.slack.directory.groups import Groups
from adapters.slack.places import PLATFORM
from bot.chat import Actor
from bot.engine.types import Standing
from bot.errors import BotError, Refused, SendError

log = structlog.get_logger()

KEPT_S = 300.0
BELIEVED_S = 3_600.0
"""How long what Slack said of somebody is believed while it cannot be asked again."""
MAX_KEPT = 10_000
NOT_TOLD = "Slack does not tell me who you are: whoever manages my app has to give it the scope users:read."
_NOBODY = frozenset({"user_not_found", "user_not_visible", "users_not_found"})
_NOT_ALLOWED = frozenset({"missing_scope", "no_permission", "not_allowed_token_type"})


@dataclass(frozen=True, slots=True)
class Profile:
    """What Slack says of somebody, seen from a workspace."""

    name: str
    standing: Standing
    at: float


class People:
    """`clock` gives seconds that only grow."""

    def __init__(self, workspaces: Workspaces, groups: Groups, *, clock: Callable[[], float] = time.monotonic) -> None:
        self._workspaces = workspaces
        self._groups = groups
        self._clock = clock
        self._kept: Latest[tuple[str, str], Profile] = Latest(MAX_KEPT)
        self._locks: WeakValueDictionary[tuple[str, str], asyncio.Lock] = WeakValueDictionary()

    async def actor(self, team: str, user: str, *, user_team: str = "", is_fresh: bool = False) -> Actor:
        """Who somebody is to a workspace. `user_team` is their own workspace, where an event says so: somebody of
        another one is external. `is_fresh`: Slack is asked now, as for a decision, which somebody who has just left
        must not make. Raises `SendError` where Slack cannot say, and `Refused` where it will not."""
        profile = await self._profile(team, user, is_fresh=is_fresh)
        standing = profile.standing
        if standing == "member" and user_team.startswith("T") and user_team != team:
            standing = "external"
        groups = await self._groups.of(team, user) if standing in ("member", "guest") else frozenset()
        return Actor(PLATFORM, team, user, profile.name, groups, standing)

    async def name(self, team: str, user: str) -> str:
        """What somebody is called, "" where Slack does not say."""
        try:
            return (await self._profile(team, user)).name
        except BotError as err:
            log.info("person.not_named", kind=type(err).__name__)
            return ""

    def known_name(self, team: str, user: str) -> str:
        """What somebody was called when they were last looked at, "" for those who were not."""
        kept = self._kept.get((team, user))
        return kept.name if kept else ""

    def changed(self, team: str, user: str) -> None:
        """Slack says that somebody is not what they were."""
        self._kept.pop((team, user), None)

    async def _profile(self, team: str, user: str, *, is_fresh: bool = False) -> Profile:
        lock = self._locks.setdefault((team, user), asyncio.Lock())
        async with lock:
            kept = self._kept.get((team, user))
            age_s = float("inf") if kept is None else self._clock() - kept.at
            if kept is not None and age_s < KEPT_S and not is_fresh:
                return kept
            try:
                return self._note(team, user, await self._asked(team, user))
            except SendError:
                if kept is None or is_fresh or age_s > BELIEVED_S:
                    raise
                return kept

    async def _asked(self, team: str, user: str) -> Profile:
        client = (await self._workspaces.get(team)).client
        try:
            answer = await client.call("users.info", user=user)
        except SlackRefused as err:
            if err.code in _NOBODY:
                return Profile("", "external", self._clock())
            if err.code in _NOT_ALLOWED:
                raise Refused("not_allowed", NOT_TOLD) from err
            raise SendError(err.user_message) from err
        return read_profile(part(answer, "user"), team, self._clock())

    def _note(self, team: str, user: str, profile: Profile) -> Profile:
        self._kept[team, user] = profile
        return profile


def read_profile(user: Json, team: str, at: float) -> Profile:
    """What Slack says of somebody (docs, "User object"), seen from a workspace."""
    about = part(user, "profile")
    names = (text(about, "display_name"), text(about, "real_name"), text(user, "real_name"), text(user, "name"))
    return Profile(next((one for one in names if one.strip()), ""), _standing(user, team), at)


def _standing(user: Json, team: str) -> Standing:
    """What somebody is to a workspace; whatever Slack leaves out counts against them."""
    if user.get("deleted") is not False:
        return "gone"
    if user.get("is_bot") is not False or user.get("id") == SLACKBOT:
        return "bot"
    if user.get("is_stranger") is True or not _belongs(user, team):
        return "external"
    is_guest = user.get("is_restricted") is not False or user.get("is_ultra_restricted") is not False
    return "guest" if is_guest else "member"


def _belongs(user: Json, team: str) -> bool:
    """Whether they are of this workspace: in an organisation somebody may be of several."""
    teams = part(user, "enterprise_user").get("teams")
    return fit(ANY_TEAM, user.get("team_id")) == team or (isinstance(teams, list) and team in teams)
