"""Something a person did with the bot: pressed, submitted, commanded (docs, "Interaction payloads")."""

from __future__ import annotations

import secrets
import time
from dataclasses import dataclass, field
from typing import Any

from tests.adapters.slack.wire import payloads
from tests.adapters.slack.wire.delivery import Sent
from tests.adapters.slack.wire.messages import Json, Message, View
from tests.adapters.slack.wire.world import Channel, User, World, until


@dataclass(frozen=True, slots=True)
class Ack:
    """How an interaction was acknowledged: what came with it, seconds after it was sent."""

    body: Json
    after_s: float

    @property
    def action(self) -> str:
        """`response_action`: `errors`, `update`, `push`, `clear`; empty = the modal closes."""
        return str(self.body.get("response_action", ""))

    @property
    def errors(self) -> dict[str, str]:
        """What is wrong with a form, by block."""
        return dict(self.body.get("errors", {}))

    @property
    def options(self) -> list[Json]:
        """What a menu offers, its groups opened up."""
        groups = self.body.get("option_groups", [])
        return [*self.body.get("options", []), *(one for group in groups for one in group["options"])]


@dataclass(slots=True, eq=False)
class Interaction:
    """`responses` are what was sent to its `response_url`, the words of an acknowledgement among them. `trigger_id`
    opens a view once, and not for long."""

    kind: str
    user: User
    body: Json
    trigger_id: str = ""
    response_url: str = ""
    channel: Channel | None = None
    message: Message | None = None
    view: View | None = None
    sent: Sent | None = None
    made_at: float = field(default_factory=time.monotonic)
    is_trigger_used: bool = False
    responses: list[Json] = field(default_factory=list)
    refused: list[str] = field(default_factory=list)

    async def acked(self, timeout_s: float = 5.0) -> Ack:
        """Wait for the acknowledgement. Raises TimeoutError: then the person sees a mark that it failed."""
        sent = self.sent
        assert sent is not None
        await until(lambda: sent.is_acked or sent.is_given_up, timeout_s, f"no answer to {self.kind} {self.body}")
        if not sent.is_acked:
            raise TimeoutError(f"{self.kind} was not acknowledged in time: {sent.attempts[-1].outcome}")
        return Ack(dict(sent.answer or {}), sent.acked_after_s)

    async def responded(self, count: int = 1, timeout_s: float = 5.0) -> Json:
        """Wait for the `count`th response to its `response_url`, and give it."""
        await until(lambda: len(self.responses) >= count, timeout_s, f"{len(self.responses)} of {count} responses")
        return self.responses[count - 1]

    def expire(self) -> None:
        """Let its `trigger_id` and `response_url` be worth nothing any more."""
        self.made_at = float("-inf")


def made(world: World, kind: str, user: User, **given: Any) -> Interaction:
    """A new interaction with a `trigger_id` of its own; `response_url` is made where it has a channel."""
    trigger = f"{secrets.randbelow(10**12)}.{secrets.randbelow(10**12)}.{secrets.token_hex(16)}"
    one = Interaction(kind, user, {}, trigger, **given)
    if one.channel is not None:
        one.response_url = f"{world.base_url}/actions/{user.team}/{secrets.randbelow(10**12)}/{secrets.token_hex(12)}"
    world.triggers[trigger] = one
    world.interactions.append(one)
    return one


def common(world: World, one: Interaction, team_id: str) -> Json:
    """What every payload but a command's has."""
    team = world.teams[team_id]
    return {
        "type": one.kind,
        "team": {"id": team.id, "domain": team.domain},
        "user": {
            "id": one.user.id,
            "username": one.user.name,
            "name": one.user.name,
            "team_id": one.user.team,
        },
        "api_app_id": world.app.id,
        "token": "verification-token-of-the-stand-in",
        "trigger_id": one.trigger_id,
        "enterprise": None,
        "is_enterprise_install": False,
    }


def block_actions(world: World, one: Interaction, team_id: str, actions: list[Json], state: Json) -> Json:
    """What a press brings: in a message, or in a view."""
    body = common(world, one, team_id) | {"actions": actions, "state": {"values": state}}
    if one.view is not None:
        return body | {
            "container": {"type": "view", "view_id": one.view.id},
            "view": payloads.view(world, one.view) | {"state": {"values": state}},
        }
    assert one.message is not None
    assert one.channel is not None
    is_ephemeral = bool(one.message.ephemeral_to)
    container: Json = {
        "type": "message",
        "message_ts": one.message.ts,
        "channel_id": one.channel.id,
        "is_ephemeral": is_ephemeral,
    }
    if one.message.thread_ts:
        container["thread_ts"] = one.message.thread_ts
    body |= {
        "container": container,
        "channel": {"id": one.channel.id, "name": channel_name(one.channel)},
        "response_url": one.response_url,
    }
    return body if is_ephemeral else body | {"message": payloads.message(world, one.message, with_metadata=True)}


def channel_name(channel: Channel) -> str:
    """What interactions call a channel."""
    return {"im": "directmessage", "private": "privategroup"}.get(channel.kind, channel.name)
