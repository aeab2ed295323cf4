"""auth.test, users.*, usergroups.*, team.info and bots.info: who is who."""

from __future__ import annotations

from tests.adapters.slack.wire import payloads
from tests.adapters.slack.wire.asking import Ask, Method, anybody, paged
from tests.adapters.slack.wire.messages import Json
from tests.adapters.slack.wire.refusals import Refused


def auth_test(ask: Ask) -> Json:
    team, install = ask.world.teams[ask.install.team], ask.install
    return {
        "url": f"https://{team.domain}.slack.com/",
        "team": team.name,
        "user": ask.world.users[install.user].name,
        "team_id": team.id,
        "user_id": install.user,
        "bot_id": install.bot_id,
        "is_enterprise_install": False,
    }


def auth_revoke(ask: Ask) -> Json:
    if ask.flag("test"):
        return {"revoked": False}
    ask.install.refusal = "token_revoked"
    return {"revoked": True}


def user_info(ask: Ask) -> Json:
    """A person; who is of another workspace and in no channel with the bot is a stranger."""
    return {"user": payloads.user(ask.world, anybody(ask, ask.need("user")), ask.install.team)}


def user_list(ask: Ask) -> Json:
    mine = [one for one in ask.world.users.values() if one.team == ask.install.team]
    page, more = paged(ask, mine)
    return {
        "members": [payloads.user(ask.world, one, ask.install.team) for one in page],
        "cache_ts": 1_700_000_000,
        "response_metadata": more,
    }


def group_list(ask: Ask) -> Json:
    _has_groups(ask)
    with_users, with_disabled = ask.flag("include_users"), ask.flag("include_disabled")
    mine = [
        one for one in ask.world.groups.values() if one.team == ask.install.team and (one.is_enabled or with_disabled)
    ]
    return {"usergroups": [payloads.group(one, with_users=with_users) for one in mine]}


def group_users(ask: Ask) -> Json:
    _has_groups(ask)
    found = ask.world.groups.get(ask.need("usergroup"))
    if found is None or found.team != ask.install.team:
        raise Refused("no_such_subteam")
    if not found.is_enabled and not ask.flag("include_disabled"):
        raise Refused("subteam_disabled") if found.users else Refused("no_such_subteam")
    return {"users": list(found.users)}


def team_info(ask: Ask) -> Json:
    wanted = ask.text("team") or ask.install.team
    if wanted not in ask.world.teams:
        raise Refused("team_not_found")
    return {"team": payloads.team(ask.world.teams[wanted])}


def bot_info(ask: Ask) -> Json:
    wanted = ask.text("bot") or ask.install.bot_id
    install = next((one for one in ask.world.installs.values() if one.bot_id == wanted), None)
    other = next((one for one in ask.world.users.values() if one.bot_id == wanted), None)
    if install is not None and install.team == ask.install.team:
        profile = payloads.bot_profile(ask.world, install)
        return {"bot": {name: value for name, value in profile.items() if name != "team_id"}}
    if other is None:
        raise Refused("bot_not_found")
    return {"bot": {"id": wanted, "deleted": other.deleted, "name": other.name, "updated": 0, "user_id": other.id}}


def _has_groups(ask: Ask) -> None:
    if not ask.world.teams[ask.install.team].has_user_groups:
        raise Refused("plan_upgrade_required")


METHODS: dict[str, Method] = {
    "auth.test": auth_test,
    "auth.revoke": auth_revoke,
    "users.info": user_info,
    "users.list": user_list,
    "usergroups.list": group_list,
    "usergroups.users.list": group_users,
    "team.info": team_info,
    "bots.info": bot_info,
}
