"""views.*: modals and Home tabs."""

from __future__ import annotations

import time

from tests.adapters.slack.wire import modals, payloads
from tests.adapters.slack.wire.asking import Ask, Method, person
from tests.adapters.slack.wire.interactions import Interaction
from tests.adapters.slack.wire.messages import Json, View
from tests.adapters.slack.wire.refusals import Refused


def open_view(ask: Ask) -> Json:
    body = modals.checked(ask.data("view"), "modal")
    one = _exchanged(ask)
    return _shown(ask, modals.add(ask.world, ask.install.team, one.user.id, body))


def push(ask: Ask) -> Json:
    body = modals.checked(ask.data("view"), "modal")
    one = _exchanged(ask)
    below = next(iter(reversed(ask.world.open_views(one.user.id))), None)
    if below is None or one.view is None:
        raise Refused("not_found")
    return _shown(ask, modals.add(ask.world, ask.install.team, one.user.id, body, below=below))


def update(ask: Ask) -> Json:
    wanted, external = ask.text("view_id"), ask.text("external_id")
    found = next(
        (one for one in ask.world.views.values() if one.id == wanted or (external and one.external_id == external)),
        None,
    )
    if found is None or found.team != ask.install.team or not found.is_open:
        raise Refused("not_found")
    body = modals.checked(ask.data("view"), found.kind)
    _require_hash(ask, found)
    return _shown(ask, modals.replace(ask.world, found, body))


def publish(ask: Ask) -> Json:
    user = person(ask, ask.need("user_id"))
    body = modals.checked(ask.data("view"), "home")
    mine = ("home", user.id, ask.install.team)
    home = next((one for one in ask.world.views.values() if (one.kind, one.user, one.team) == mine), None)
    if home is None:
        home = View(ask.world.new_id("V"), "home", user.id, ask.install.team, body, modals.new_hash())
        home.external_id = str(body.get("external_id") or "")
        ask.world.views[home.id] = home
        return _shown(ask, home)
    _require_hash(ask, home)
    return _shown(ask, modals.replace(ask.world, home, body))


def _exchanged(ask: Ask) -> Interaction:
    """The interaction a `trigger_id` stands for: it is good once, and not for long. Raises Refused."""
    wanted = ask.text("trigger_id") or ask.text("interactivity_pointer")
    one: Interaction | None = ask.world.triggers.get(wanted)
    if one is None:
        raise Refused("invalid_trigger_id")
    if one.is_trigger_used:
        raise Refused("exchanged_trigger_id")
    if time.monotonic() - one.made_at > ask.world.rules.trigger_lives_s:
        raise Refused("expired_trigger_id")
    one.is_trigger_used = True
    return one


def _require_hash(ask: Ask, view: View) -> None:
    if ask.text("hash") and ask.text("hash") != view.hash:
        raise Refused("hash_conflict")


def _shown(ask: Ask, view: View) -> Json:
    return {"view": payloads.view(ask.world, view)}


METHODS: dict[str, Method] = {
    "views.open": open_view,
    "views.push": push,
    "views.update": update,
    "views.publish": publish,
}
