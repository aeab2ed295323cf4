"""What somebody did on Slack, read strictly from what Slack sent: who, where, on which message or view. Pure.

Every request comes from Slack itself (the door checks that), so who did it is who Slack says. What a person or another
app could have written into it is text, and is read as such.
"""

from __future__ import annotations

import json
from dataclasses import dataclass, field, replace
from typing import Any

from adapters.slack.api.strict import ANY_TEAM, CHANNEL, TEAM, TS, USER, WORD, fit, items, part, text
from adapters.slack.handlers import Body
from adapters.slack.places import direct_place, place_in
from bot.chat import Place

MAX_ADDRESS_CHARS = 2_000


@dataclass(frozen=True, slots=True)
class Interaction:
    """One thing a person did. `user_team` is their own workspace, "" where Slack does not say.

    `channel`, `thread` and `message` say where, "" where it was in no channel, at its top, on no message. `thread` and
    `message` are `ts`. `is_ephemeral`: that message is theirs alone. `view` is the id of the view it was in, which
    `is_home` or else a modal; `metadata` is what we had put into it. `trigger` opens a modal for three seconds, and
    `response_url` answers them, both "" where Slack gave none.
    """

    team: str
    user: str
    user_team: str = ""
    channel: str = ""
    thread: str = ""
    message: str = ""
    is_ephemeral: bool = False
    view: str = ""
    is_home: bool = False
    metadata: str = field(default="", repr=False)
    trigger: str = field(default="", repr=False)
    response_url: str = field(default="", repr=False)

    @property
    def place(self) -> Place | None:
        """The place it was done in; None where it was in no channel."""
        if not self.channel:
            return None
        thread = "" if self.thread == self.message else self.thread  # replies make a thread of a message at the top
        return self._place(thread)

    @property
    def below(self) -> Place | None:
        """The conversation of the message it was done on: the thread it is in, or begins."""
        return self._place(self.thread or self.message) if self.channel else None

    @property
    def direct(self) -> Place:
        """The direct talk with whoever did it."""
        return direct_place(self.team, self.user)

    def _place(self, thread: str) -> Place:
        if self.channel.startswith("D"):
            return direct_place(self.team, self.user, thread)
        return place_in(self.team, self.channel, thread)


def read_interaction(body: Body) -> Interaction | None:
    """Who did what where, of a button, a menu, a modal or a shortcut; None where Slack does not say who, or for which
    workspace."""
    view, container, message = part(body, "view"), part(body, "container"), part(body, "message")
    team = fit(TEAM, view.get("app_installed_team_id") or _id(body.get("team")))
    user = fit(USER, part(body, "user").get("id"))
    if not team or not user:
        return None
    ts = container.get("message_ts") or body.get("message_ts") or message.get("ts")
    return Interaction(
        team,
        user,
        fit(ANY_TEAM, part(body, "user").get("team_id")),
        channel=fit(CHANNEL, container.get("channel_id") or _id(body.get("channel"))),
        thread=fit(TS, container.get("thread_ts") or message.get("thread_ts")),
        message=fit(TS, ts),
        is_ephemeral=container.get("is_ephemeral") is True,
        view=fit(WORD, view.get("id")),
        is_home=view.get("type") == "home",
        metadata=text(view, "private_metadata"),
        trigger=fit(WORD, body.get("trigger_id")),
        response_url=_address(body.get("response_url")),
    )


def read_command(body: Body) -> Interaction | None:
    """Who used a slash command where; None as above."""
    team, user = fit(TEAM, body.get("team_id")), fit(USER, body.get("user_id"))
    channel = fit(CHANNEL, body.get("channel_id"))
    if not team or not user:
        return None
    return Interaction(
        team,
        user,
        channel=channel,
        trigger=fit(WORD, body.get("trigger_id")),
        response_url=_address(body.get("response_url")),
    )


def is_of_organisation(body: Body) -> bool:
    """Whether it comes from an installation for a whole organisation, which there is none of here."""
    return body.get("is_enterprise_install") in (True, "true")


# --- what was pressed and typed --------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Action:
    """A button or a menu that was used: its id, and what it stands for or what was chosen in it."""

    id: str
    value: str = ""


def actions_of(body: Body) -> list[Action]:
    """What was used, in order, but for links that were followed."""
    found = [one for one in items(body, "actions") if not one.get("url")]
    return [Action(text(one, "action_id")[:300], _chosen(one)) for one in found]


def inputs_of(body: Body) -> dict[str, str]:
    """What a modal holds, by `block id/action id`: what was typed, or chosen ("" where nothing was)."""
    values = part(part(body, "view"), "state").get("values")
    found: dict[str, str] = {}
    for block, elements in (values if isinstance(values, dict) else {}).items():
        for action, element in (elements if isinstance(elements, dict) else {}).items():
            if isinstance(element, dict):
                found[f"{block}/{action}"] = _chosen(element)
    return found


def _chosen(element: dict[str, Any]) -> str:
    """The value of an element (docs, "State values"): several of them with commas between."""
    if isinstance(element.get("selected_option"), dict):
        return text(part(element, "selected_option"), "value")
    for name in ("value", "selected_user", "selected_channel", "selected_conversation", "selected_date"):
        if isinstance(found := element.get(name), str):
            return found
    options = [one.get("value") for one in items(element, "selected_options")]
    several = [*options, *_list(element.get("selected_users")), *_list(element.get("selected_conversations"))]
    return ",".join(one for one in several if isinstance(one, str))


# --- where a modal was opened ----------------------------------------------------------------------------------------


def kept(one: Interaction) -> str:
    """Where this was done, for a modal that is opened because of it (docs: `private_metadata`, 3,000 characters)."""
    return json.dumps(
        {"channel": one.channel, "thread": one.thread, "message": "" if one.is_ephemeral else one.message}
    )


def opened_from(one: Interaction) -> Interaction:
    """A modal that was sent, as done where the modal was opened."""
    try:
        where = json.loads(one.metadata or "{}")
    except ValueError:
        return one
    if not isinstance(where, dict):
        return one
    return replace(
        one,
        channel=fit(CHANNEL, where.get("channel")),
        thread=fit(TS, where.get("thread")),
        message=fit(TS, where.get("message")),
    )


# --- strictly --------------------------------------------------------------------------------------------------------


def _id(value: object) -> object:
    return value.get("id") if isinstance(value, dict) else value


def _list(value: object) -> list[object]:
    return value if isinstance(value, list) else []


def _address(value: object) -> str:
    return value if isinstance(value, str) and len(value) <= MAX_ADDRESS_CHARS else ""
