"""A modal as a person fills it in: the data of a modal submit (docs, "Modal Submit Interaction")."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from tests.adapters.discord.wire import interactions, posting
from tests.adapters.discord.wire.posting import Upload
from tests.adapters.discord.wire.world import Attachment, Channel, Json, Role, User, World, walk


def filled(world: World, room: Channel, modal: Json, values: Mapping[str, Any], *, forged: bool) -> Json:
    """What a client sends for a modal. Raises LookupError for a field that is not there, ValueError for a value the
    client would not let pass."""
    names = _names(modal["components"])
    if unknown := sorted(set(values) - set(names)):
        raise LookupError(f"no field {unknown}, there is {sorted(names)}")
    by_id = {names[name]: value for name, value in values.items()}
    things: list[User | Role | Channel | Attachment] = []
    parts = [_part(world, room, part, by_id, things, forged=forged) for part in modal["components"]]
    body: Json = {"custom_id": modal["custom_id"], "components": parts}
    return body | ({"resolved": interactions.resolved(world, room, things)} if things else {})


def _names(components: list[Json]) -> dict[str, str]:
    """The custom_id of each field by its custom_id and by the words over it."""
    names: dict[str, str] = {}
    for part in walk(components):
        if part["type"] == 18:
            names[part["label"]] = part["component"]["custom_id"]
        if "custom_id" in part:
            names[part["custom_id"]] = part["custom_id"]
            if part.get("label") and part["type"] == 4:
                names[part["label"]] = part["custom_id"]
    return names


def _part(
    world: World, room: Channel, part: Json, values: Mapping[str, Any], things: list[Any], *, forged: bool
) -> Json:
    base = {"type": part["type"], "id": part["id"]}
    if part["type"] == 10:
        return base
    if part["type"] == 18:
        return base | {"component": _part(world, room, part["component"], values, things, forged=forged)}
    if part["type"] == 1:
        inside = [_part(world, room, one, values, things, forged=forged) for one in part["components"]]
        return base | {"components": inside}
    given = values.get(part["custom_id"], _preset(part))
    if not forged:
        _check(part, given)
    return base | {"custom_id": part["custom_id"]} | _value(world, room, part, given, things)


def _preset(part: Json) -> Any:
    """What a field holds when nobody touches it."""
    match part["type"]:
        case 4:
            return part.get("value") or ""
        case 23:
            return bool(part.get("default"))
        case _:
            return [one["value"] for one in part.get("options", []) if one.get("default")]


def _check(part: Json, given: Any) -> None:
    name = part["custom_id"]
    if part["type"] == 23:
        return
    if part.get("required", True) and not given:
        raise ValueError(f"{name} is required")
    if part["type"] == 4 and given and not part.get("min_length", 0) <= len(given) <= part.get("max_length", 4000):
        raise ValueError(f"{name} is too short or too long")
    if part["type"] in (3, 21, 22):
        offered = {one["value"] for one in part["options"]}
        if any(one not in offered for one in given):
            raise ValueError(f"{name}: {given!r} is not offered, there is {sorted(offered)}")


def _value(world: World, room: Channel, part: Json, given: Any, things: list[Any]) -> Json:
    match part["type"]:
        case 4 | 23:
            return {"value": given}
        case 21:
            return {"value": given[0] if given else None}
        case 19:
            given = [posting.store(world, room, one) if isinstance(one, Upload) else one for one in given]
    things.extend(one for one in given if not isinstance(one, str))
    return {"values": [one if isinstance(one, str) else str(one.id) for one in given]}
