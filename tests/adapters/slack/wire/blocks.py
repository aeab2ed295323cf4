"""Which blocks Slack takes (docs, "Block Kit", and the limits there)."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from tests.adapters.slack.wire import elements
from tests.adapters.slack.wire.messages import Json, walk, words
from tests.adapters.slack.wire.refusals import Refused, invalid
from tests.adapters.slack.wire.schema import (
    Check,
    Faults,
    anything,
    boolean,
    choice,
    listing,
    mapping,
    number,
    plain,
    string,
    text,
    typed,
)

MAX_TEXT = 40_000
MAX_UPDATED_TEXT = 4_000
MAX_METADATA = 8_000
MAX_BLOCKS = 50
MAX_MARKDOWN = 12_000
"""Of all markdown blocks of a message together."""
MAX_WRITTEN = 13_200
"""Of all the words of a message's blocks together, as it was found (slackapi/bolt-js#2509)."""

_ID = {"block_id": string(255)}
_TASK = {
    "task_id": string(255),
    "title": string(256),
    "status": choice("pending", "in_progress", "complete", "error"),
}
_SOURCE = typed({"url": mapping({"url": string(3000), "text": string(256)})})
_RICH = typed(
    {
        "rich_text_section": mapping({"elements": listing(anything, 10_000, 0)}),
        "rich_text_list": mapping(
            {"elements": listing(anything, 10_000, 0), "style": choice("bullet", "ordered")},
            {"indent": number, "offset": number, "border": number},
        ),
        "rich_text_preformatted": mapping(
            {"elements": listing(anything, 10_000, 0)}, {"border": number, "language": string(64)}
        ),
        "rich_text_quote": mapping({"elements": listing(anything, 10_000, 0)}, {"border": number}),
    }
)
_RICH_TEXT = mapping({"elements": listing(_RICH, 1000)}, _ID)
_RICH_BLOCK = typed({"rich_text": _RICH_TEXT})
_CELL = typed(
    {
        "raw_text": mapping({"text": string(10_000)}),
        "raw_number": mapping({"value": anything}, {"text": string(255)}),
        "rich_text": _RICH_TEXT,
    }
)
_TASK_CARD = mapping(_TASK, {**_ID, "details": _RICH_BLOCK, "output": _RICH_BLOCK, "sources": listing(_SOURCE, 100, 0)})
_CARD = mapping(
    None,
    {
        **_ID,
        "hero_image": elements.IMAGE,
        "icon": elements.IMAGE,
        "title": text(150),
        "subtitle": text(150),
        "body": text(200),
        "actions": listing(elements.IN_ACTIONS, 5),
    },
)

_EVERYWHERE: dict[str, Check] = {
    "section": mapping(
        None,
        {
            **_ID,
            "text": text(3000),
            "fields": listing(text(2000), 10),
            "accessory": elements.IN_SECTION,
            "expand": boolean,
        },
    ),
    "divider": mapping(None, _ID),
    "image": mapping(
        {"alt_text": string(2000)},
        {**_ID, "image_url": string(3000), "slack_file": anything, "title": plain(2000)},
    ),
    "actions": mapping({"elements": listing(elements.IN_ACTIONS, 25)}, _ID),
    "context": mapping({"elements": listing(elements.IN_CONTEXT, 10)}, _ID),
    "header": mapping({"text": plain(150)}, {**_ID, "level": number}),
    "input": mapping(
        {"label": plain(2000), "element": elements.IN_INPUT},
        {**_ID, "hint": plain(2000), "optional": boolean, "dispatch_action": boolean},
    ),
    "rich_text": _RICH_TEXT,
    "video": mapping(
        {"alt_text": string(2000), "video_url": string(3000), "thumbnail_url": string(3000), "title": plain(200)},
        {
            **_ID,
            "title_url": string(3000),
            "description": plain(200),
            "provider_icon_url": string(3000),
            "provider_name": string(255),
            "author_name": string(49),
        },
    ),
}
_IN_MESSAGES: dict[str, Check] = {
    "markdown": mapping({"text": string(MAX_MARKDOWN)}, _ID),
    "context_actions": mapping({"elements": listing(elements.IN_CONTEXT_ACTIONS, 5)}, _ID),
    "table": mapping({"rows": listing(listing(_CELL, 20), 100)}, {**_ID, "column_settings": listing(anything, 20, 0)}),
    "task_card": _TASK_CARD,
    "plan": mapping({"title": string(256)}, {**_ID, "tasks": listing(typed({"task_card": _TASK_CARD}), 50, 0)}),
    "card": _CARD,
    "carousel": mapping({"elements": listing(typed({"card": _CARD}), 10)}, _ID),
    "file": mapping({"external_id": string(255), "source": choice("remote")}, _ID),
}
_IN_MODALS: dict[str, Check] = {
    "alert": mapping({"text": text(3000)}, {**_ID, "level": choice("default", "info", "warning", "error", "success")})
}
_CHILD = typed({**_EVERYWHERE, **{name: _IN_MESSAGES[name] for name in ("markdown", "table", "task_card")}})
_CONTAINER = mapping(
    {"child_blocks": listing(_CHILD, 10)},
    {
        **_ID,
        "title": text(150),
        "rich_text_title": _RICH_BLOCK,
        "subtitle": text(150),
        "width": choice("narrow", "standard", "wide", "full"),
        "icon": anything,
        "is_collapsible": boolean,
        "default_collapsed": boolean,
        "has_header_divider": boolean,
    },
)

MESSAGE = typed({**_EVERYWHERE, **_IN_MESSAGES, "container": _CONTAINER})
HOME = typed({**_EVERYWHERE, "container": _CONTAINER})
MODAL = typed({**_EVERYWHERE, **_IN_MODALS, "container": _CONTAINER})


def checked(given: Any, *, most: int = MAX_BLOCKS, error: str = "invalid_blocks") -> list[Json]:
    """The blocks of a message as Slack keeps them: each with its `block_id`, each element with its `action_id`.
    Raises Refused."""
    if not isinstance(given, list) or any(not isinstance(one, dict) for one in given):
        raise invalid("invalid_blocks_format")
    found = faults(given, MESSAGE, "/blocks", most=most)
    if found:
        raise invalid(error, *found)
    markdown = sum(len(part["text"]) for part in walk(given) if part.get("type") == "markdown")
    if markdown > MAX_MARKDOWN or sum(len(one) for one in words(given)) > MAX_WRITTEN:
        raise Refused("msg_blocks_too_long")
    return named(given)


def faults(given: Any, block: Check, at: str, *, most: int, least: int = 0) -> Faults:
    """What is wrong with blocks."""
    found: Faults = []
    listing(block, most, least)(given, at, found)
    if found:
        return found
    for number_, one in enumerate(given):
        if one["type"] == "section" and not one.get("text") and not one.get("fields"):
            found.append(f"missing required field: text [json-pointer:{at}/{number_}]")
    tables = [one for one in given if one["type"] == "table"]
    if len(tables) > 1:
        found.append(f"only_one_table_allowed [json-pointer:{at}]")
    found += [f"`block_id` {one!r} already exists [json-pointer:{at}]" for one in _twice(_block_ids(given))]
    found += [f"`action_id` {one!r} already exists [json-pointer:{at}]" for one in _twice(_action_ids(given))]
    return found


def named(given: list[Json]) -> list[Json]:
    """Blocks and elements with the ids Slack gives to those that have none."""
    counted = iter(range(10_000))

    def element(one: Json) -> Json:
        kinds = (*elements.PRESSED, *elements.SELECTS, *elements.PICKERS, *elements.FILLED, *elements.CONTEXT_PRESSED)
        return {"action_id": f"a{next(counted):03d}"} | one if one.get("type") in kinds else one

    def block(number_: int, one: Json) -> Json:
        kept = {"block_id": f"b{number_:03d}"} | {name: value for name, value in one.items() if value is not None}
        for name in ("accessory", "element"):
            if isinstance(kept.get(name), dict):
                kept[name] = element(kept[name])
        if kept["type"] in ("actions", "context_actions"):
            kept["elements"] = [element(part) for part in kept["elements"]]
        return kept

    return [block(number_, one) for number_, one in enumerate(given)]


def _block_ids(given: list[Json]) -> Iterator[str]:
    return (one["block_id"] for one in given if one.get("block_id"))


def _action_ids(given: list[Json]) -> Iterator[str]:
    return (part["action_id"] for part in walk(given) if part.get("action_id"))


def _twice(names: Iterator[str]) -> list[str]:
    seen: set[str] = set()
    return list(dict.fromkeys(name for name in names if name in seen or seen.add(name)))  # type: ignore[func-returns-value]
