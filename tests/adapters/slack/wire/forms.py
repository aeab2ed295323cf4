"""How a modal is filled in: what `view.state.values` holds (docs, "Block elements")."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from tests.adapters.slack.wire.world import Json, View


def filled(view: View, values: Mapping[str, Any], *, forged: bool = False) -> Json:
    """The state of a modal: every field by block and action. Raises LookupError for a field that is not there."""
    state: Json = {}
    used: set[str] = set()
    for block in view.blocks:
        element = block.get("element") or block.get("accessory")
        if not element or "action_id" not in element:
            continue
        names = _names(block, element)
        given = next((name for name in names if name in values), None)
        used.add(given or "")
        value = _value(element, values[given]) if given else _initial(element)
        state.setdefault(block["block_id"], {})[element["action_id"]] = value
    unknown = [name for name in values if name not in used]
    if unknown and not forged:
        raise LookupError(f"no field {unknown}, there is {state}")
    for name in unknown:
        block_id, _, action_id = name.partition("/")
        state.setdefault(block_id, {})[action_id or block_id] = {"type": "plain_text_input", "value": values[name]}
    return state


def _names(block: Json, element: Json) -> list[str]:
    label = block.get("label", {}).get("text", "")
    action = element["action_id"]
    return [f"{block['block_id']}/{action}", block["block_id"], action, label]


def _value(element: Json, given: Any) -> Json:
    kind = element["type"]
    match kind:
        case "static_select" | "radio_buttons" | "external_select":
            return {"type": kind, "selected_option": _option(element, given) if given else None}
        case "multi_static_select" | "checkboxes" | "multi_external_select":
            return {"type": kind, "selected_options": [_option(element, one) for one in given]}
        case "users_select" | "conversations_select" | "channels_select":
            return {"type": kind, f"selected_{kind.partition('s_')[0]}": _id(given)}
        case "multi_users_select" | "multi_conversations_select" | "multi_channels_select":
            name = kind.removeprefix("multi_").removesuffix("_select")
            return {"type": kind, f"selected_{name}": [_id(one) for one in given]}
        case "datepicker":
            return {"type": kind, "selected_date": given}
        case "timepicker":
            return {"type": kind, "selected_time": given}
        case _:
            return {"type": kind, "value": None if given is None else str(given)}


def _initial(element: Json) -> Json:
    """What a field holds that nobody touched."""
    kind = element["type"]
    match kind:
        case "static_select" | "radio_buttons" | "external_select":
            return {"type": kind, "selected_option": element.get("initial_option")}
        case "multi_static_select" | "checkboxes" | "multi_external_select":
            return {"type": kind, "selected_options": element.get("initial_options", [])}
        case "users_select" | "conversations_select" | "channels_select":
            name = kind.partition("s_")[0]
            return {"type": kind, f"selected_{name}": element.get(f"initial_{name}")}
        case "multi_users_select" | "multi_conversations_select" | "multi_channels_select":
            name = kind.removeprefix("multi_").removesuffix("_select")
            return {"type": kind, f"selected_{name}": element.get(f"initial_{name}", [])}
        case "datepicker":
            return {"type": kind, "selected_date": element.get("initial_date")}
        case "timepicker":
            return {"type": kind, "selected_time": element.get("initial_time")}
        case _:
            return {"type": kind, "value": element.get("initial_value")}


def _option(element: Json, given: Any) -> Json:
    """An option by its value or its words. Raises LookupError."""
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
