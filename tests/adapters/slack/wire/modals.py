"""Modals and Home tabs: which views Slack takes, how they are stacked, what acknowledging a submission does to them."""

from __future__ import annotations

import json
import secrets
import time
from typing import Any

from tests.adapters.slack.wire import blocks
from tests.adapters.slack.wire.messages import Json, View
from tests.adapters.slack.wire.refusals import Refused, invalid
from tests.adapters.slack.wire.schema import anything, boolean, choice, mapping, plain, string
from tests.adapters.slack.wire.world import World

MAX_BYTES = 250_000
MAX_STACKED = 3
MAX_BLOCKS = 100
_COMMON = {"private_metadata": string(3000, 0), "callback_id": string(255, 0), "external_id": string(255, 0)}
_MODAL = mapping(
    {"type": choice("modal"), "title": plain(24), "blocks": anything},
    {
        **_COMMON,
        "submit": plain(24),
        "close": plain(24),
        "clear_on_close": boolean,
        "notify_on_close": boolean,
        "submit_disabled": boolean,
    },
)
_HOME = mapping({"type": choice("home"), "blocks": anything}, _COMMON)


def checked(given: Any, kind: str) -> Json:
    """A view as Slack keeps it. Raises Refused."""
    if not isinstance(given, dict):
        raise invalid("invalid_arguments", "must provide an object [json-pointer:/view]")
    if len(json.dumps(given)) > MAX_BYTES:
        raise Refused("view_too_large")
    found: list[str] = []
    (_MODAL if kind == "modal" else _HOME)(given, "/view", found)
    if not found:
        is_modal = kind == "modal"
        block = blocks.MODAL if is_modal else blocks.HOME
        found = blocks.faults(given["blocks"], block, "/view/blocks", most=MAX_BLOCKS, least=int(is_modal))
    if not found and kind == "modal" and not given.get("submit") and _has_inputs(given):
        found = ["missing required field: submit [json-pointer:/view]"]
    if found:
        raise invalid("invalid_arguments", "failed to match all allowed schemas [json-pointer:/view]", *found)
    return given | {"blocks": blocks.named(given["blocks"])}


def add(world: World, team: str, user: str, body: Json, *, below: View | None = None) -> View:
    """Show a modal, on top of another one or alone. Raises Refused."""
    _require_new(world, team, body)
    stacked = world.open_views(user)
    if below is not None and len(stacked) >= MAX_STACKED:
        raise Refused("push_limit_reached")
    if below is None:
        for old in stacked:
            old.is_open = False
    made = View(world.new_id("V"), "modal", user, team, body, new_hash(), str(body.get("external_id") or ""))
    if below is not None:
        made.previous, made.root = below.id, below.root or below.id
    world.views[made.id] = made
    return made


def replace(world: World, view: View, body: Json) -> View:
    """Let a view show something else. Raises Refused."""
    _require_new(world, view.team, body, but=view)
    view.versions.append(view.body)
    view.body, view.hash = body, new_hash()
    view.external_id = str(body.get("external_id") or view.external_id)
    return view


def close(world: World, view: View) -> None:
    """Take a modal away; what is below it is seen again, unless it was to go too."""
    view.is_open = False
    if view.body.get("clear_on_close"):
        for one in world.open_views(view.user):
            one.is_open = False


def answered(world: World, view: View, answer: Json) -> None:
    """Do what a submission was acknowledged with. Raises Refused for what Slack cannot do: the person sees that
    something went wrong, and the modal stays."""
    action = answer.get("response_action")
    match action:
        case None:
            close(world, view)
        case "clear":
            for one in world.open_views(view.user):
                one.is_open = False
        case "update":
            replace(world, view, checked(answer.get("view"), "modal"))
        case "push":
            add(world, view.team, view.user, checked(answer.get("view"), "modal"), below=view)
        case "errors":
            known = {block["block_id"] for block in view.inputs}
            errors = answer.get("errors")
            if not errors or not set(errors) <= known or not all(isinstance(one, str) for one in errors.values()):
                raise Refused("invalid_errors", errors=errors)
        case _:
            raise Refused("invalid_response_action", action=action)


def new_hash() -> str:
    return f"{time.time():.0f}.{secrets.token_hex(4)}"


def _has_inputs(given: Json) -> bool:
    return any(block["type"] == "input" for block in given["blocks"])


def _require_new(world: World, team: str, body: Json, but: View | None = None) -> None:
    wanted = body.get("external_id")
    views = (one for one in world.views.values() if one.team == team and one is not but)
    if wanted and any(one.external_id == wanted for one in views):
        raise Refused("duplicate_external_id")
