"""A command as a person uses it: the data of a command or autocomplete interaction, from what was synced."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from tests.adapters.discord.wire import interactions, posting
from tests.adapters.discord.wire.posting import Upload
from tests.adapters.discord.wire.rights import rights
from tests.adapters.discord.wire.world import Attachment, Channel, Json, Role, User, World

Value = str | int | float | bool | User | Role | Channel | Upload
_GROUPS = (1, 2)
_KINDS: dict[int, tuple[type, ...]] = {
    3: (str,),
    4: (int,),
    5: (bool,),
    6: (User,),
    7: (Channel,),
    8: (Role,),
    9: (User, Role),
    10: (int, float),
    11: (Upload,),
}


@dataclass(frozen=True, slots=True)
class Invocation:
    user: User
    channel: Channel
    path: str
    options: dict[str, Value] = field(default_factory=dict)
    focused: str | None = None
    forged: bool = False


def invoked(world: World, asked: Invocation) -> Json:
    """What a client sends for a command. Raises LookupError for what is not seen, ValueError for a value."""
    name, *below = asked.path.removeprefix("/").split()
    command = _command(world, asked, name)
    things: list[User | Role | Channel | Attachment] = []
    body: Json = {
        "id": command["id"],
        "name": name,
        "type": 1,
        "options": _options(world, asked, command, below, things),
    }
    if things:
        body["resolved"] = interactions.resolved(world, asked.channel, things)
    return body | ({"guild_id": command["guild_id"]} if "guild_id" in command else {})


def _command(world: World, asked: Invocation, name: str) -> Json:
    scopes = [asked.channel.guild_id, None] if asked.channel.guild_id else [None]
    for scope in scopes:
        for command in world.commands.get(scope, []):
            if command["name"] == name and command["type"] == 1 and (asked.forged or _sees(world, asked, command)):
                return command
    raise LookupError(f"{asked.user.name} sees no command {name!r} here")


def _sees(world: World, asked: Invocation, command: Json) -> bool:
    """Whether a command is shown to somebody: to those who may what it asks for, in the places it is for."""
    if asked.channel.guild_id is None:
        contexts = command.get("contexts")
        return command["dm_permission"] is not False if contexts is None else 1 in contexts
    if command.get("contexts") is not None and 0 not in command["contexts"]:
        return False
    have = rights(world, asked.user.id, asked.channel)
    needed = command.get("default_member_permissions")
    if needed is None:
        return bool(have)
    wanted = int(needed)
    return bool(have & 1 << 3) or (wanted != 0 and have & wanted == wanted)


def _options(world: World, asked: Invocation, level: Json, below: list[str], things: list[Any]) -> list[Json]:
    """The options, inside the groups and the subcommand that the path names."""
    offered = {one["name"]: one for one in level["options"]}
    if below:
        found = offered.get(below[0])
        if found is None or found["type"] not in _GROUPS:
            raise LookupError(f"no {below[0]!r} below {level['name']!r}, there is {sorted(offered)}")
        inside = _options(world, asked, {"options": []} | found, below[1:], things)
        return [{"type": found["type"], "name": found["name"], "options": inside}]
    if any(one["type"] in _GROUPS for one in offered.values()):
        raise LookupError(f"{level['name']!r} is no command by itself, below it is {sorted(offered)}")
    _check_names(asked, offered)
    return [_option(world, asked, offered[name], value, things) for name, value in asked.options.items()]


def _check_names(asked: Invocation, offered: dict[str, Json]) -> None:
    if unknown := sorted(set(asked.options) - set(offered)):
        raise LookupError(f"no option {unknown} of {asked.path!r}, there is {sorted(offered)}")
    missing = [one["name"] for one in offered.values() if one.get("required") and one["name"] not in asked.options]
    if missing and asked.focused is None and not asked.forged:
        raise ValueError(f"{asked.path!r} needs {missing}")


def _option(world: World, asked: Invocation, option: Json, value: Value, things: list[Any]) -> Json:
    is_focused = option["name"] == asked.focused
    if is_focused and not option.get("autocomplete"):
        raise LookupError(f"{option['name']!r} completes nothing")
    if not is_focused and not asked.forged:
        value = _checked(option, value)
    sent: Any = value
    if isinstance(value, Upload):
        sent = posting.store(world, asked.channel, value, is_ephemeral=True)
    if isinstance(sent, User | Role | Channel | Attachment):
        things.append(sent)
        sent = str(sent.id)
    body = {"type": option["type"], "name": option["name"], "value": sent}
    return body | ({"focused": True} if is_focused else {})


def _checked(option: Json, value: Value) -> Value:
    """The value a client sends for what a person picked. Raises ValueError for one it does not let pass."""
    choices = {one["name"]: one["value"] for one in option.get("choices") or []}
    value = choices.get(value, value) if isinstance(value, str) else value
    name = option["name"]
    if not isinstance(value, _KINDS[option["type"]]) or isinstance(value, bool) != (option["type"] == 5):
        raise ValueError(f"{name!r} takes no {type(value).__name__}")
    if choices and value not in choices.values():
        raise ValueError(f"{name!r} offers {sorted(choices)}")
    if isinstance(value, str) and not option.get("min_length", 0) <= len(value) <= option.get("max_length", 6000):
        raise ValueError(f"{name!r} is too short or too long")
    if isinstance(value, int | float) and not isinstance(value, bool):
        least, most = option.get("min_value"), option.get("max_value")
        if (least is not None and value < least) or (most is not None and value > most):
            raise ValueError(f"{name!r} is too small or too large")
    return value
