"""The manifests: as Slack's schema has it, and asking for exactly what the bot takes and does."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import pytest
from slack_sdk.web.async_client import AsyncWebClient

from adapters.slack.api.scopes import EVENTS, HISTORY, METHODS, READ, SCOPES
from adapters.slack.door.app import SlackApp
from adapters.slack.door.http import PATH
from adapters.slack.door.manifest import as_text, manifest
from adapters.slack.door.oauth import REDIRECT
from adapters.slack.door.registered import REGISTERED
from tests.adapters.slack.doors import Noting
from tests.adapters.slack.wire import scopes as wire

ADAPTER = Path(__file__).parents[4] / "adapters" / "slack"
EXAMPLE_URL = "https://nod.example"
BOTH = {"socket": manifest(), "http": manifest(EXAMPLE_URL)}
ANY = pytest.mark.parametrize("made", BOTH.values(), ids=BOTH.keys())


@pytest.mark.parametrize("mode", BOTH)
def test_the_ready_files_are_what_the_code_makes(mode: str) -> None:
    assert (ADAPTER / "door" / f"manifest-{mode}.json").read_text("utf-8") == as_text(BOTH[mode])


# --- held against what the door takes ---


@ANY
async def test_every_command_and_shortcut_of_a_manifest_is_taken(made: dict[str, Any]) -> None:
    handlers = Noting()
    app = SlackApp(handlers)
    who = {"team": {"id": "T1"}, "user": {"id": "U1"}}
    kinds = {"message": "message_action", "global": "shortcut"}

    commands = [{"command": one["command"], "team_id": "T1"} for one in made["features"]["slash_commands"]]
    shortcuts = [
        {"type": kinds[one["type"]], "callback_id": one["callback_id"], **who} for one in made["features"]["shortcuts"]
    ]
    statuses = [(await app.take(body)).status for body in (*commands, *shortcuts)]
    await app.close()

    assert statuses == [200] * 7
    assert handlers.calls == [("command", body) for body in commands] + [("shortcut", body) for body in shortcuts]


@ANY
def test_a_manifest_subscribes_to_what_the_door_takes(made: dict[str, Any]) -> None:
    subscribed = made["settings"]["event_subscriptions"]["bot_events"]

    assert {name.partition(".")[0] for name in subscribed} == REGISTERED.events
    assert "agent_session_stopped" in subscribed, "without it there is no stop button"
    assert [name for name in subscribed if name.startswith("message.")] == [
        "message.channels",
        "message.groups",
        "message.im",
        "message.mpim",
    ]


@ANY
def test_people_and_channels_in_commands_come_as_ids(made: dict[str, Any]) -> None:
    assert {one["command"]: one["should_escape"] for one in made["features"]["slash_commands"]} == {
        "/nod": True,
        "/nod-admin": True,
    }


@ANY
def test_it_is_an_agent_with_its_messages_and_its_home(made: dict[str, Any]) -> None:
    features = made["features"]

    assert features["app_home"] == {
        "home_tab_enabled": True,
        "messages_tab_enabled": True,
        "messages_tab_read_only_enabled": False,
    }
    assert "agent_view" in features
    assert "assistant_view" not in features
    assert made["settings"]["interactivity"]["is_enabled"]


def test_over_a_socket_there_is_no_address_anywhere() -> None:
    assert BOTH["socket"]["settings"]["socket_mode_enabled"]
    assert "://" not in json.dumps(BOTH["socket"])


def test_over_http_every_address_is_one_that_is_served() -> None:
    made = BOTH["http"]
    settings = made["settings"]

    assert not settings["socket_mode_enabled"]
    assert settings["event_subscriptions"]["request_url"] == EXAMPLE_URL + PATH
    assert settings["interactivity"] == {
        "is_enabled": True,
        "request_url": EXAMPLE_URL + PATH,
        "message_menu_options_url": EXAMPLE_URL + PATH,
    }
    assert {one["url"] for one in made["features"]["slash_commands"]} == {EXAMPLE_URL + PATH}
    assert made["oauth_config"]["redirect_urls"] == [EXAMPLE_URL + REDIRECT]


def test_a_slash_at_the_end_of_an_address_does_not_matter() -> None:
    assert manifest(f"{EXAMPLE_URL}/") == BOTH["http"]


# --- scopes ---


@ANY
def test_a_manifest_asks_for_the_scopes_that_are_needed(made: dict[str, Any]) -> None:
    assert made["oauth_config"] == {**made["oauth_config"], "scopes": {"bot": list(SCOPES)}}
    assert list(SCOPES) == sorted(set(SCOPES))


def test_every_event_that_is_subscribed_to_has_its_scopes() -> None:
    assert sorted(EVENTS) == sorted(REGISTERED.subscriptions)


def called() -> set[str]:
    """The methods named in the adapter's code; the client's own table of reads is no call."""
    code = [path for path in ADAPTER.rglob("*.py") if path.name not in ("scopes.py", "web.py")]
    named = re.findall(r'"([a-z]+(?:\.[a-zA-Z0-9]+)+)"', "\n".join(path.read_text("utf-8") for path in code))
    return {name for name in named if hasattr(AsyncWebClient, name.replace(".", "_"))}


def test_the_methods_with_their_scopes_are_those_that_are_called() -> None:
    assert called() == set(METHODS)


def test_the_scopes_of_methods_are_those_the_stand_in_wants() -> None:
    """Two tables, written apart from each other."""
    known = [(scopes, set(wire.NEEDED[name])) for name, scopes in METHODS.items() if name in wire.NEEDED]

    assert len(known) > 15
    assert [scopes for scopes, wanted in known if not scopes or not scopes <= wanted] == []
    assert METHODS["conversations.history"] == METHODS["conversations.replies"] == HISTORY
    assert METHODS["conversations.info"] == READ
    assert set(wire.BY_KIND["history"].values()) == HISTORY
    assert set(wire.BY_KIND["read"].values()) == READ


# --- Slack's schema: github.com/slackapi/manifest-schema, schemas/manifest.schema.2.0.0.json ---

LONGEST = {
    "display_information.name": 35,
    "display_information.description": 140,
    "display_information.long_description": 4_000,
    "features.agent_view.agent_description": 300,
    "features.bot_user.display_name": 80,
    "features.shortcuts.name": 24,
    "features.shortcuts.callback_id": 255,
    "features.shortcuts.description": 150,
    "features.slash_commands.command": 32,
    "features.slash_commands.description": 2_000,
    "features.slash_commands.usage_hint": 1_000,
    "features.slash_commands.url": 3_000,
    "oauth_config.redirect_urls": 2_500,
    "oauth_config.scopes.bot": 50,
    "settings.event_subscriptions.request_url": 3_500,
    "settings.event_subscriptions.bot_events": 50,
    "settings.interactivity.request_url": 3_500,
    "settings.interactivity.message_menu_options_url": 3_500,
}
OTHERS = {
    "_metadata.major_version",
    "_metadata.minor_version",
    "display_information.background_color",
    "features.agent_view.suggested_prompts.message",
    "features.agent_view.suggested_prompts.title",
    "features.app_home.home_tab_enabled",
    "features.app_home.messages_tab_enabled",
    "features.app_home.messages_tab_read_only_enabled",
    "features.bot_user.always_online",
    "features.shortcuts.type",
    "features.slash_commands.should_escape",
    "settings.interactivity.is_enabled",
    "settings.org_deploy_enabled",
    "settings.socket_mode_enabled",
    "settings.token_rotation_enabled",
}


def leaves(part: object, path: str = "") -> list[tuple[str, object]]:
    """Every value with where it stands; lists do not count."""
    match part:
        case dict():
            return [leaf for name, inner in part.items() for leaf in leaves(inner, f"{path}.{name}".lstrip("."))]
        case list():
            return [leaf for inner in part for leaf in leaves(inner, path)]
        case _:
            return [(path, part)]


@ANY
def test_nothing_is_longer_than_the_schema_allows_and_nothing_is_unknown_to_it(made: dict[str, Any]) -> None:
    found = leaves(made)

    assert {path for path, _value in found} - set(LONGEST) - OTHERS == set()
    assert [path for path, value in found if path in LONGEST and len(str(value)) > LONGEST[path]] == []
    assert [path for path, value in found if value in ("", None)] == []


@ANY
def test_what_the_schema_counts_and_shapes_fits(made: dict[str, Any]) -> None:
    features = made["features"]

    assert len(made["display_information"]["long_description"]) >= 175
    assert re.fullmatch(r"#[0-9a-fA-F]{6}", made["display_information"]["background_color"])
    assert 1 <= len(features["shortcuts"]) <= 10
    assert len({one["callback_id"] for one in features["shortcuts"]}) == len(features["shortcuts"])
    assert 1 <= len(features["agent_view"]["suggested_prompts"]) <= 4
    assert all(one["command"].startswith("/") for one in features["slash_commands"])
    assert len(set(made["settings"]["event_subscriptions"]["bot_events"])) <= 100
