"""What somebody did, read from what Slack sent."""

from __future__ import annotations

from typing import Any

import pytest

from adapters.slack.interactivity.interactions import (
    Action,
    Interaction,
    actions_of,
    inputs_of,
    is_of_organisation,
    kept,
    opened_from,
    read_command,
    read_interaction,
)
from bot.chat import Place

T1, T2 = "1700000000.000100", "1700000000.000200"
PRESSED: dict[str, Any] = {
    "type": "block_actions",
    "user": {"id": "U1", "username": "anna", "team_id": "T1"},
    "team": {"id": "T1", "domain": "team"},
    "container": {
        "type": "message",
        "message_ts": "1700000000.000200",
        "channel_id": "C1",
        "is_ephemeral": False,
        "thread_ts": "1700000000.000100",
    },
    "channel": {"id": "C1", "name": "general"},
    "message": {"type": "message", "ts": "1700000000.000200", "thread_ts": "1700000000.000100", "text": "?"},
    "trigger_id": "12.34.ab",
    "response_url": "https://hooks.slack.com/actions/T1/1/x",
    "actions": [{"type": "button", "action_id": "nod:approve:a1", "block_id": "b", "value": "v"}],
}


def changed(**parts: Any) -> dict[str, Any]:
    return {**PRESSED, **parts}


def test_a_button_says_who_pressed_it_where_and_on_what() -> None:
    assert read_interaction(PRESSED) == Interaction(
        "T1",
        "U1",
        "T1",
        channel="C1",
        thread="1700000000.000100",
        message="1700000000.000200",
        trigger="12.34.ab",
        response_url="https://hooks.slack.com/actions/T1/1/x",
    )
    assert actions_of(PRESSED) == [Action("nod:approve:a1", "v")]


@pytest.mark.parametrize(
    "parts",
    [
        {"user": None},
        {"user": {}},
        {"user": "U1"},
        {"user": {"id": 1}},
        {"user": {"id": None}},
        {"user": {"id": "u1"}},
        {"user": {"id": "U１"}},
        {"user": {"id": "U1\n"}},
        {"user": {"id": "U1/U2"}},
        {"team": None},
        {"team": {"id": None}},
        {"team": {"id": "E1"}},
        {"team": []},
    ],
)
def test_row_40_who_is_not_said_to_be_anybody_is_nobody(parts: dict[str, Any]) -> None:
    assert read_interaction(changed(**parts)) is None


@pytest.mark.parametrize(
    "ts",
    [
        1700000000.0002,
        -1700000000.0002,
        "-1700000000.000200",
        "1700000000",
        "1700000000.000200.1",
        "１700000000.000200",
        "4102444800000.000100",
        "1700000000.",
        None,
        "a.b",
    ],
)
def test_row_47_a_moment_is_text_of_one_form(ts: object) -> None:
    one = read_interaction(changed(container={"channel_id": "C1", "message_ts": ts}, message={}))

    assert one is not None
    assert one.message == ""


def test_what_is_no_mapping_and_no_list_holds_nothing() -> None:
    odd = read_interaction(changed(container="C1", channel=["C1"], message=7, view="V1", response_url=9, trigger_id={}))

    assert odd == Interaction("T1", "U1", "T1")
    assert actions_of({"actions": {"0": {}}}) == []
    assert actions_of({"actions": ["x", {"action_id": 5, "value": 6}]}) == [Action("")]
    assert inputs_of({"view": {"state": {"values": [1]}}}) == {}
    assert inputs_of({"view": {"state": {"values": {"b": {"a": 1}, "c": 2}}}}) == {}


@pytest.mark.parametrize(
    ("channel", "thread", "place", "below"),
    [
        ("C1", "", Place("slack", "T1", "C1"), Place("slack", "T1", "C1", T2)),
        ("C1", T1, Place("slack", "T1", "C1", T1), Place("slack", "T1", "C1", T1)),
        ("C1", T2, Place("slack", "T1", "C1"), Place("slack", "T1", "C1", T2)),
        ("G1", T1, Place("slack", "T1", "G1", T1), Place("slack", "T1", "G1", T1)),
        ("D1", "", Place("slack", "T1", "@U1"), Place("slack", "T1", "@U1", T2)),
        ("D1", T1, Place("slack", "T1", "@U1", T1), Place("slack", "T1", "@U1", T1)),
        ("", "", None, None),
    ],
)
def test_a_message_stands_in_its_thread_or_at_the_top(
    channel: str, thread: str, place: Place | None, below: Place | None
) -> None:
    one = Interaction("T1", "U1", channel=channel, thread=thread, message=T2)

    assert (one.place, one.below) == (place, below)
    assert one.direct == Place("slack", "T1", "@U1")


def test_a_command_is_used_at_the_top_of_a_channel() -> None:
    form = {"team_id": "T1", "user_id": "U1", "channel_id": "C1", "text": "help", "trigger_id": "1.2.c"}

    assert read_command(form) == Interaction("T1", "U1", channel="C1", trigger="1.2.c")
    assert read_command({**form, "user_id": None}) is None
    assert read_command({**form, "team_id": ""}) is None


def test_a_view_belongs_to_the_workspace_it_was_opened_for() -> None:
    view = {"id": "V1", "type": "home", "app_installed_team_id": "T2", "private_metadata": "{}"}
    one = read_interaction({"user": {"id": "U1"}, "team": {"id": "T1"}, "view": view})

    assert one == Interaction("T2", "U1", view="V1", is_home=True, metadata="{}")


def test_a_modal_is_sent_from_where_it_was_opened() -> None:
    pressed = Interaction("T1", "U1", channel="C1", thread=T1, message=T2)
    own = Interaction("T1", "U1", channel="C1", thread=T1, message=T2, is_ephemeral=True)
    sent = Interaction("T1", "U1", view="V1", metadata=kept(pressed))

    assert opened_from(sent).place == Place("slack", "T1", "C1", T1)
    assert opened_from(sent).message == T2
    assert opened_from(Interaction("T1", "U1", metadata=kept(own))).message == ""
    for odd in ("", "[]", "{", "7", '{"channel": 7, "thread": "x", "message": null}'):
        assert opened_from(Interaction("T1", "U1", view="V1", metadata=odd)).place is None


def test_what_was_typed_and_chosen_is_found_by_block_and_action() -> None:
    values = {
        "reason": {"text": {"type": "plain_text_input", "value": "too early"}},
        "none": {"text": {"type": "plain_text_input", "value": None}},
        "how": {"menu": {"type": "static_select", "selected_option": {"value": "abc"}}},
        "nothing": {"menu": {"type": "static_select", "selected_option": None}},
        "who": {"person": {"type": "users_select", "selected_user": "U2"}},
        "where": {"room": {"type": "conversations_select", "selected_conversation": "C2"}},
        "tools": {"many": {"type": "multi_static_select", "selected_options": [{"value": "a"}, {"value": "b"}]}},
        "people": {"many": {"type": "multi_users_select", "selected_users": ["U1", "U2"]}},
    }

    assert inputs_of({"view": {"state": {"values": values}}}) == {
        "reason/text": "too early",
        "none/text": "",
        "how/menu": "abc",
        "nothing/menu": "",
        "who/person": "U2",
        "where/room": "C2",
        "tools/many": "a,b",
        "people/many": "U1,U2",
    }


@pytest.mark.parametrize(("said", "is_so"), [(True, True), ("true", True), (False, False), ("false", False)])
def test_an_organisations_installation_says_so(said: object, is_so: bool) -> None:
    assert is_of_organisation({"is_enterprise_install": said}) is is_so
    assert not is_of_organisation({})
