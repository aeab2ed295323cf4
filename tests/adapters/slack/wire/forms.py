"""How a field is filled in: what `view.state.values` and `actions` hold (docs, "Block elements")."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from tests.adapters.slack.wire.messages import Json, View

_ONE_OF = ("static_select", "radio_buttons", "external_select", "overflow")
_SOME_OF = ("multi_static_select", "checkboxes", "multi_external_select")
_NAMED = {
    "users_select": "user",
    "conversations_select": "conversation",
    "channels_select": "channel",
    "datepicker": "date",
    "timepicker": "time",
    "datetimepicker": "date_time",
}
_NAMED_SOME = {
    "multi_users_select": "users",
    "multi_conversations_select": "conversations",
    "multi_channels_select": "channels",
}


def filled(view: View, values: Mapping[str, Any], *, forged: bool = False) -> Json:
    """The state of a modal: every field by block and action. Raises LookupError for a field that is not there,
    ValueError for a value Slack's client refuses."""
    state: Json = {}
    used: set[str] = set()
    for block in view.blocks:
        for element in _fields(block):
            given = next((name for name in _names(block, element) if name in values), None)
            used.add(given or "")
            value = picked(element, values[given]) if given else _initial(element)
            if not forged and block["type"] == "input":
                _require(block, element, value)
            state.setdefault(block["block_id"], {})[element["action_id"]] = value
    unknown = [name for name in values if name not in used]
    if unknown and not forged:
        raise LookupError(f"no field {unknown}, there is {state}")
    for name in unknown:
        block_id, _, action_id = name.partition("/")
        state.setdefault(block_id, {})[action_id or block_id] = {"type": "plain_text_input", "value": values[name]}
    return state


def picked(element: Json, given: Any) -> Json:
    """What a field holds that was filled in. Raises LookupError for an option that is not there."""
    kind = element["type"]
    if kind in _ONE_OF:
        return {"type": kind, "selected_option": None if given is None else _option(element, given)}
    if kind in _SOME_OF:
        return {"type": kind, "selected_options": [_option(element, one) for one in given]}
    if kind in _NAMED:
        return {"type": kind, f"selected_{_NAMED[kind]}": _id(given)}
    if kind in _NAMED_SOME:
        return {"type": kind, f"selected_{_NAMED_SOME[kind]}": [_id(one) for one in given]}
    return {"type": kind, "value": None if given in (None, "") else str(given)}


def _initial(element: Json) -> Json:
    """What a field holds that nobody touched."""
    kind = element["type"]
    if kind in _ONE_OF:
        return {"type": kind, "selected_option": element.get("initial_option")}
    if kind in _SOME_OF:
        return {"type": kind, "selected_options": element.get("initial_options", [])}
    if kind in _NAMED:
        return {"type": kind, f"selected_{_NAMED[kind]}": element.get(f"initial_{_NAMED[kind]}")}
    if kind in _NAMED_SOME:
        return {"type": kind, f"selected_{_NAMED_SOME[kind]}": element.get(f"initial_{_NAMED_SOME[kind]}", [])}
    return {"type": kind, "value": element.get("initial_value") or None}


def _require(block: Json, element: Json, value: Json) -> None:
    """Refuse what Slack's client refuses: nothing where something is needed, too little, too much."""
    held = next((one for name, one in value.items() if name != "type"), None)
    if held in (None, []) and not block.get("optional"):
        raise ValueError(f"{block['block_id']} must not be empty")
    least, most = element.get("min_length", 0), element.get("max_length", 3000)
    if isinstance(held, str) and element["type"] == "plain_text_input" and not least <= len(held) <= most:
        raise ValueError(f"{block['block_id']} has {len(held)} characters")
    if isinstance(held, list) and len(held) > element.get("max_selected_items", len(held)):
        raise ValueError(f"{block['block_id']} has {len(held)} of {element['max_selected_items']} items")


def _fields(block: Json) -> list[Json]:
    parts = [block.get("element"), block.get("accessory"), *block.get("elements", [])]
    stateless = ("button", "overflow", "image", "workflow_button", "icon_button", "feedback_buttons")
    return [one for one in parts if isinstance(one, dict) and "action_id" in one and one["type"] not in stateless]


def _names(block: Json, element: Json) -> list[str]:
    label = block.get("label", {}).get("text", "")
    action = element["action_id"]
    return [f"{block['block_id']}/{action}", block["block_id"], action, label]


def _option(element: Json, given: Any) -> Json:
    """An option by its value or its words; one of an external menu as the app offered it. Raises LookupError."""
    groups = element.get("option_groups", [])
    options = [*element.get("options", []), *(one for group in groups for one in group["options"])]
    for one in options:
        if given in (one["value"], one["text"]["text"]):
            return dict(one)
    if element["type"].endswith("external_select") and isinstance(given, dict):
        return dict(given)
    raise LookupError(f"no option {given!r}, there is {[one['value'] for one in options]}")


def _id(given: Any) -> Any:
    return getattr(given, "id", given)
