"""What people do with buttons, menus, forms, commands and shortcuts.

A person can only do what Slack's own clients offer: press a button that is there, fill in a field that is there.
Everything else needs `forged=True`.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from tests.adapters.slack.wire import interactions, modals, payloads
from tests.adapters.slack.wire.delivery import Delivery
from tests.adapters.slack.wire.forms import filled, picked
from tests.adapters.slack.wire.interactions import Interaction
from tests.adapters.slack.wire.messages import Json, Message, View, pressables, walk
from tests.adapters.slack.wire.refusals import Refused
from tests.adapters.slack.wire.world import Channel, User, World


class Acting:
    """Mixed into the server."""

    world: World
    delivery: Delivery

    def press(
        self,
        user: User,
        shown: Message | View,
        button: str,
        *,
        value: str | None = None,
        channel: Channel | None = None,
        state: Json | None = None,
        forged: bool = False,
        without: Iterable[str] = (),
        **fields: Any,
    ) -> Interaction:
        """Press a button of a message or a view, by its words or action_id. `state` is what the fields beside it hold.
        Forged: an action_id that is not there, another `value`, another `channel`. `without` names fields of the
        payload that are left out, other `fields` replace them.

        Raises LookupError for a button a person does not have.
        """
        found = next((one for one in pressables(shown.blocks) if button in (one.get("action_id"), _label(one))), None)
        if not forged and (found is None or not _is_there(shown, user)):
            raise LookupError(f"no button {button!r} to press, there is {shown.labels}")
        action = _action(found or {"type": "button", "action_id": button}, shown, self.world)
        action |= {} if value is None else {"value": value}
        one = self._acted(user, shown, action, channel=channel, state=state)
        return self._sent(one, without, fields)

    def choose(
        self, user: User, shown: Message | View, menu: str, picks: Any, *, state: Json | None = None
    ) -> Interaction:
        """Pick in a menu, or fill in a field that reports at once, named by its action_id, block_id or words; `picks`
        as for `submit`. Raises LookupError for a menu or an option that is not there."""
        found = next((one for one in fields_of(shown.blocks) if menu in one[1]), None)
        if found is None or not _is_there(shown, user):
            raise LookupError(f"no menu {menu!r}, there is {[names for _one, names in fields_of(shown.blocks)]}")
        element = found[0]
        action = _action(element, shown, self.world) | picked(element, picks)
        held = {action["block_id"]: {element["action_id"]: picked(element, picks)}} | (state or {})
        return self._sent(self._acted(user, shown, action, state=held))

    def suggest(self, user: User, shown: Message | View, menu: str, typed: str = "") -> Interaction:
        """Type in a menu whose options the app gives: `(await it.acked()).options`."""
        element = next(one for one, names in fields_of(shown.blocks) if menu in names)
        one = self._acted(user, shown, _action(element, shown, self.world))
        block_id = one.body["actions"][0]["block_id"]
        for name in ("actions", "state", "response_url", "trigger_id"):
            one.body.pop(name, None)
        one.body |= {"type": "block_suggestion", "action_id": element["action_id"], "block_id": block_id}
        one.body |= {"value": typed}
        one.kind = "block_suggestion"
        return self._sent(one)

    def submit(
        self,
        user: User,
        view: View,
        values: Mapping[str, Any] | None = None,
        *,
        forged: bool = False,
        without: Iterable[str] = (),
        **fields: Any,
    ) -> Interaction:
        """Fill in a modal and send it. Fields are named `block_id/action_id`, `block_id`, `action_id` or by their
        label; those not named keep what they were opened with. A value is text, an option by value or words, a person,
        a channel, or a list of them.

        Raises LookupError for a field that is not there, or a modal that is not open, ValueError for a value Slack's
        client refuses.
        """
        if not forged and (not view.is_open or view.user != user.id or not view.body.get("submit")):
            raise LookupError("this modal is not open, or has nothing to submit")
        one = interactions.made(self.world, "view_submission", user, view=view)
        one.body = interactions.common(self.world, one, user.team)
        body = payloads.view(self.world, view) | {"state": {"values": filled(view, values or {}, forged=forged)}}
        one.body |= {"view": body, "response_urls": []}
        sent = self._sent(one, without, fields)
        assert sent.sent is not None
        sent.sent.on_ack = lambda answer: _applied(self.world, sent, answer)
        return sent

    def close(self, user: User, view: View) -> Interaction | None:
        """Close a modal; the app hears of it only if it asked to."""
        assert view.user == user.id
        modals.close(self.world, view)
        if not view.body.get("notify_on_close"):
            return None
        one = interactions.made(self.world, "view_closed", user, view=view)
        one.body = interactions.common(self.world, one, view.team)
        del one.body["trigger_id"]
        is_cleared = bool(view.body.get("clear_on_close"))
        one.body |= {"view": payloads.view(self.world, view), "is_cleared": is_cleared}
        return self._sent(one)

    def slash(self, user: User, channel: Channel, command: str, text: str = "", **fields: Any) -> Interaction:
        """Use a slash command in a channel or a direct talk, never in a thread; other `fields` replace those of the
        payload. Raises LookupError for people of other workspaces: to them Slack shows no command of the app."""
        self._require_own(user)
        team = self.world.teams[self._team(user, channel)]
        one = interactions.made(self.world, "slash_command", user, channel=channel)
        one.body = {
            "token": "verification-token-of-the-stand-in",
            "team_id": team.id,
            "team_domain": team.domain,
            "channel_id": channel.id,
            "channel_name": interactions.channel_name(channel),
            "user_id": user.id,
            "user_name": user.name,
            "command": command,
            "text": text,
            "api_app_id": self.world.app.id,
            "is_enterprise_install": "false",
            "response_url": one.response_url,
            "trigger_id": one.trigger_id,
        } | fields
        one.sent = self.delivery.send("slash_commands", one.body)
        one.sent.on_ack = lambda answer: self._said_at_once(one, answer)
        return one

    def shortcut(self, user: User, callback_id: str, *, message: Message | None = None, **fields: Any) -> Interaction:
        """Use a shortcut: of a message, or the global kind. Raises LookupError for people of other workspaces."""
        self._require_own(user)
        room = self.world.channels[message.channel] if message else None
        kind = "message_action" if message else "shortcut"
        one = interactions.made(self.world, kind, user, channel=room, message=message)
        one.body = interactions.common(self.world, one, self._team(user, room))
        one.body |= {"callback_id": callback_id, "action_ts": self.world.new_ts()}
        if message and room:
            one.body |= {
                "message_ts": message.ts,
                "channel": {"id": room.id, "name": interactions.channel_name(room)},
                "message": payloads.message(self.world, message),
                "response_url": one.response_url,
            }
        return self._sent(one, (), fields)

    def _acted(
        self,
        user: User,
        shown: Message | View,
        action: Json,
        *,
        channel: Channel | None = None,
        state: Json | None = None,
    ) -> Interaction:
        if isinstance(shown, View):
            one = interactions.made(self.world, "block_actions", user, view=shown)
            team = shown.team
        else:
            room = channel or self.world.channels[shown.channel]
            one = interactions.made(self.world, "block_actions", user, channel=room, message=shown)
            team = self._team(user, room)
        one.body = interactions.block_actions(self.world, one, team, [action], state or {})
        return one

    def _sent(self, one: Interaction, without: Iterable[str] = (), fields: Json | None = None) -> Interaction:
        left_out = frozenset(without)
        one.body = {name: value for name, value in (one.body | (fields or {})).items() if name not in left_out}
        one.sent = self.delivery.send("interactive", one.body)
        return one

    def _said_at_once(self, one: Interaction, answer: Any) -> None:
        """What a command was acknowledged with is its first response."""
        if answer:
            self.respond(one, dict(answer))

    def respond(self, one: Interaction, body: Json) -> None:
        """Do what a response says; the server knows how."""
        raise NotImplementedError

    def _require_own(self, user: User) -> None:
        if user.team not in self.world.installs:
            raise LookupError(f"{user.name} is of a workspace the app is not installed in")

    def _team(self, user: User, channel: Channel | None) -> str:
        """The workspace whose bot an interaction goes to: the person's own, or that of the channel."""
        if user.team in self.world.installs:
            return user.team
        teams = [channel.team, *channel.shared_with] if channel else []
        return next(one for one in [*teams, *self.world.installs] if one in self.world.installs)


def fields_of(blocks: list[Json]) -> list[tuple[Json, list[str]]]:
    """Everything that is picked or filled in, with its names."""
    found: list[tuple[Json, list[str]]] = []
    for block in blocks:
        for part in walk([block]):
            kind = str(part.get("type"))
            if "action_id" in part and kind not in ("button", "icon_button", "overflow", "feedback_buttons"):
                words = [block.get("label", {}).get("text", ""), part.get("placeholder", {}).get("text", "")]
                found.append((part, [part["action_id"], block["block_id"], *[one for one in words if one]]))
    return found


def _label(button: Json) -> str:
    return str(button["text"]["text"]) if isinstance(button.get("text"), dict) else ""


def _action(element: Json, shown: Message | View, world: World) -> Json:
    """What `actions` holds for something pressed."""
    mine = element.get("action_id")
    inside = next((one for one in shown.blocks if any(part.get("action_id") == mine for part in walk([one]))), {})
    kept = ("type", "action_id", "value", "style", "confirm", "url", "placeholder", "selected_option")
    action = {name: element[name] for name in kept if name in element}
    if element["type"] != "overflow" and "text" in element:
        action["text"] = element["text"]
    return action | {"block_id": inside.get("block_id", "b000"), "action_ts": world.new_ts()}


def _is_there(shown: Message | View, user: User) -> bool:
    if isinstance(shown, View):
        return shown.user == user.id and shown.is_open
    return not shown.is_deleted and shown.ephemeral_to in ("", user.id)


def _applied(world: World, one: Interaction, answer: Any) -> None:
    assert one.view is not None
    try:
        modals.answered(world, one.view, dict(answer or {}))
    except Refused as refused:
        one.refused.append(refused.error)
