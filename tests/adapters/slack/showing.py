"""What people see of Slack's blocks, and whether Slack takes them: its own SDK's models say so, and the stand-in."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

from slack_sdk.models.blocks import Block
from slack_sdk.models.views import View

from tests.adapters.slack.wire import blocks as wire_blocks
from tests.adapters.slack.wire import modals as wire_views

Json = dict[str, Any]


def checked(blocks: Sequence[Json]) -> None:
    """These are the blocks of a message that Slack takes. Raises for any other."""
    wire_blocks.checked(list(blocks))
    _modelled(blocks)


def checked_view(view: Json) -> None:
    """This is a view that Slack takes. Raises for any other."""
    wire_views.checked(view, view["type"])
    assert _sorted(View(**view).to_dict()) == _sorted({**view, "blocks": [Block.parse(one) for one in view["blocks"]]})
    _modelled(view["blocks"])


def _modelled(blocks: Sequence[Json]) -> None:
    for block in blocks:
        model = Block.parse(block)
        assert model is not None, block
        assert _sorted(model.to_dict()) == _sorted(block)
        assert all(one["text"] for one in _walk(block) if one.get("type") == "text")


def _sorted(value: Any) -> Any:
    if hasattr(value, "to_dict"):
        value = value.to_dict()
    if isinstance(value, dict):
        return {name: _sorted(one) for name, one in sorted(value.items())}
    return [_sorted(one) for one in value] if isinstance(value, list | tuple) else value


def _walk(value: Any) -> Iterator[Json]:
    if isinstance(value, dict):
        yield value
        value = list(value.values())
    if isinstance(value, list | tuple):
        for one in value:
            yield from _walk(one)


def lines(blocks: Sequence[Json]) -> list[str]:
    """What is read, line by line; `*bold*`, `` `code` ``, `<@U1>` and `[link](address)` as their elements say it."""
    return [line for block in blocks for line in _shown(block).split("\n") if line]


def _shown(block: Json) -> str:
    match block["type"]:
        case "rich_text":
            return "\n".join(_part(part) for part in block["elements"])
        case "section" | "header":
            return f"{block['text']['type']}: {block['text']['text']}"
        case "context":
            return f"small: {block['elements'][0]['text']}"
        case "divider":
            return "---"
        case "input":
            return f"{block['label']['text']} ({block.get('hint', {}).get('text', '')})"
        case _:
            return ""


def _part(part: Json) -> str:
    match part["type"]:
        case "rich_text_preformatted":
            return f"```\n{''.join(one['text'] for one in part['elements'])}\n```"
        case "rich_text_list":
            return "\n".join(f"- {_part(one)}" for one in part["elements"])
        case _:
            return "".join(map(_element, part["elements"]))


def _element(one: Json) -> str:
    match one["type"]:
        case "user":
            return f"<@{one['user_id']}>"
        case "usergroup":
            return f"<!subteam^{one['usergroup_id']}>"
        case "channel":
            return f"<#{one['channel_id']}>"
        case "link":
            return f"[{one['text']}]({one['url']})"
        case "date":
            return f"<{one['timestamp']}>"
        case _:
            marks = {"bold": "*", "code": "`", "italic": "_"}
            mark = "".join(mark for name, mark in marks.items() if one.get("style", {}).get(name))
            return f"{mark}{one['text']}{mark}"


def code(blocks: Sequence[Json]) -> list[str]:
    """What stands in blocks of code."""
    found = [one for block in blocks for one in _walk(block) if one.get("type") == "rich_text_preformatted"]
    return ["".join(part["text"] for part in one["elements"]) for one in found]


def buttons(blocks: Sequence[Json]) -> dict[str, str]:
    """What can be pressed, and what it is called."""
    found = [one for block in blocks for one in _walk(block) if one.get("type") == "button"]
    return {one["text"]["text"]: one["action_id"] for one in found}


def alive(blocks: Sequence[Json]) -> list[str]:
    """What Slack reads as markup, and what pings or leads somewhere: text objects that are no plain text, and the
    elements that are mentions and links."""
    found = []
    for block in blocks:
        for one in _walk(block):
            if one.get("type") == "mrkdwn":
                found.append(one["text"])
            elif one.get("type") in ("user", "usergroup", "channel", "link", "broadcast"):
                found.append(_element(one))
            elif one.get("type") == "plain_text":
                assert one.get("emoji") is False
    return found
