"""Routes of application commands; every write is counted (docs, "Application Commands")."""

from __future__ import annotations

import re

from tests.adapters.discord.wire.refusals import Refused, invalid
from tests.adapters.discord.wire.rest import Call, Reply, Route
from tests.adapters.discord.wire.world import Json, World

_NAME = re.compile(r"[-_'\w]{1,32}")
_MAX_CHARS = 8000


def _scope(world: World, call: Call) -> int | None:
    """None for commands everywhere, or the server they are for."""
    if call.ids["application_id"] != world.app.id:
        raise Refused(10002)
    scope = call.ids.get("guild_id")
    if scope is not None and (scope not in world.guilds or world.me.id not in world.guilds[scope].members):
        raise Refused(50001)
    return scope


def _list(world: World, call: Call) -> list[Json]:
    return world.commands.get(_scope(world, call), [])


def _replace_all(world: World, call: Call) -> list[Json]:
    scope = _scope(world, call)
    if len([one for one in call.body if one.get("type", 1) == 1]) > 100:
        raise Refused(50035)
    earlier = {(one["type"], one["name"]): one for one in world.commands.get(scope, [])}
    kept = [_kept(world, scope, one, earlier) for one in call.body]
    _count(world, scope, [one for one in kept if (one["type"], one["name"]) not in earlier], "PUT", kept)
    world.commands[scope] = kept
    return kept


def _create(world: World, call: Call) -> Reply:
    scope = _scope(world, call)
    commands = world.commands.setdefault(scope, [])
    earlier = {(one["type"], one["name"]): one for one in commands}
    made = _kept(world, scope, call.body, earlier)
    is_new = (made["type"], made["name"]) not in earlier
    _count(world, scope, [made] if is_new else [], "POST", [made])
    commands[:] = [one for one in commands if one["id"] != made["id"]] + [made]
    return Reply(201 if is_new else 200, made)


def _one(world: World, call: Call) -> Json:
    for command in _list(world, call):
        if command["id"] == str(call.ids["command_id"]):
            return command
    raise Refused(10063)


def _edit(world: World, call: Call) -> Json:
    command, scope = _one(world, call), _scope(world, call)
    changed = _kept(world, scope, command | call.body, {(command["type"], command["name"]): command})
    _count(world, scope, [], "PATCH", [changed])
    commands = world.commands[scope]
    commands[commands.index(command)] = changed | {"id": command["id"]}
    return changed


def _delete(world: World, call: Call) -> None:
    command, scope = _one(world, call), _scope(world, call)
    _count(world, scope, [], "DELETE", [command])
    world.commands[scope].remove(command)


def _count(world: World, scope: int | None, created: list[Json], method: str, kept: list[Json]) -> None:
    """Note a write: `{"method", "guild_id", "names", "created"}`. Too many new ones a day are refused."""
    so_far = sum(len(one["created"]) for one in world.command_writes if one["guild_id"] == scope)
    if so_far + len(created) > world.rules.commands_per_day:
        raise Refused(30034)
    names = [one["name"] for one in kept]
    note = {"method": method, "guild_id": scope, "names": names, "created": [one["name"] for one in created]}
    world.command_writes.append(note)


def _kept(world: World, scope: int | None, given: Json, earlier: dict[tuple[int, str], Json]) -> Json:
    """A command as Discord keeps it; the same name keeps its id."""
    kind = given.get("type", 1)
    _check(given, kind)
    before = earlier.get((kind, given["name"]))
    body = {
        "id": before["id"] if before else str(world.new_id()),
        "application_id": str(world.app.id),
        "version": str(world.new_id()),
        "type": kind,
        "name": given["name"],
        "description": given.get("description", ""),
        "options": given.get("options", []),
        "default_member_permissions": given.get("default_member_permissions"),
        "dm_permission": given.get("dm_permission", True),
        "contexts": given.get("contexts"),
        "integration_types": given.get("integration_types") or [0],
        "nsfw": given.get("nsfw", False),
    }
    return body | ({"guild_id": str(scope)} if scope else {})


def _check(given: Json, kind: int) -> None:
    if kind == 1:
        _check_level(given, "")
        if _size(given) > _MAX_CHARS:
            raise invalid("options", "APPLICATION_COMMAND_TOO_LARGE", "Command exceeds maximum size (8000)")
    elif not 1 <= len(given["name"]) <= 32:
        raise invalid("name", "BASE_TYPE_BAD_LENGTH", "Must be between 1 and 32 in length.")


def _check_level(given: Json, path: str) -> None:
    """A command, group or option with all that is below it."""
    name, options = given["name"], given.get("options") or []
    if not _NAME.fullmatch(name) or name != name.lower():
        raise invalid(f"{path}name", "APPLICATION_COMMAND_INVALID_NAME", "Command name is invalid")
    if not 1 <= len(given.get("description") or "") <= 100:
        raise invalid(f"{path}description", "BASE_TYPE_BAD_LENGTH", "Must be between 1 and 100 in length.")
    if len(options) > 25 or len(given.get("choices") or []) > 25:
        raise invalid(f"{path}options", "BASE_TYPE_BAD_LENGTH", "Must be 25 or fewer in length.")
    if len({one["name"] for one in options}) != len(options):
        raise invalid(f"{path}options", "APPLICATION_COMMAND_OPTIONS_NAME_INVALID", "Option name is duplicated")
    needed = [one.get("required", False) for one in options]
    if needed != sorted(needed, reverse=True):
        raise invalid(f"{path}options", "APPLICATION_COMMAND_OPTIONS_REQUIRED_INVALID", "Required options come first")
    for place, option in enumerate(options):
        _check_level(option, f"{path}options.{place}.")


def _size(given: Json) -> int:
    """Names, descriptions and choices' values together."""
    own = len(given["name"]) + len(given.get("description") or "")
    choices = sum(len(one["name"]) + len(str(one["value"])) for one in given.get("choices") or [])
    return own + choices + sum(_size(one) for one in given.get("options") or [])


ROUTES: list[Route] = [
    (f"{method} /applications/{{application_id}}{scope}/commands{one}", handler)
    for scope in ("", "/guilds/{guild_id}")
    for method, one, handler in (
        ("GET", "", _list),
        ("PUT", "", _replace_all),
        ("POST", "", _create),
        ("GET", "/{command_id}", _one),
        ("PATCH", "/{command_id}", _edit),
        ("DELETE", "/{command_id}", _delete),
    )
]
