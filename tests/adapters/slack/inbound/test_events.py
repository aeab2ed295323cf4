"""Events by themselves: what each shape says, what is none, and how little of it is kept."""

from __future__ import annotations

import json
import random
from typing import Any

import pytest

from adapters.slack.inbound.events import (
    Arrived,
    Deleted,
    Edited,
    File,
    GroupsChanged,
    Joined,
    Message,
    Other,
    PersonChanged,
    Said,
    author_of,
    keys_of,
    ms_of,
    read_event,
    trimmed,
)
from tests.adapters.slack.bodies import mutated

NOW_S = 1_790_000_000.0
TS, LATER = "1789999990.000100", "1789999995.000200"
SAID = {"type": "message", "channel": "C1", "user": "U1", "text": "hi", "ts": TS, "channel_type": "channel"}
FILE = {
    "id": "F1",
    "name": "a.txt",
    "mimetype": "text/plain",
    "size": 3,
    "mode": "hosted",
    "url_private": "https://files.slack.com/files-pri/T1-F1/a.txt",
    "url_private_download": "https://files.slack.com/files-pri/T1-F1/download/a.txt",
}


def body(event: Any, **more: Any) -> dict[str, Any]:
    """The request that brings an event."""
    authorized = {"enterprise_id": None, "team_id": "T1", "user_id": "U0", "is_bot": True}
    common = {"type": "event_callback", "team_id": "T1", "event_id": "Ev1", "authorizations": [authorized]}
    return {**common, "event": event, **more}


def read(event: Any, **more: Any) -> Any:
    arrived = read_event(body(event, **more), now_s=NOW_S)
    return None if arrived is None else arrived.event


# --- what each says ---


def test_what_somebody_wrote() -> None:
    arrived = read_event(body(SAID), now_s=NOW_S)

    assert arrived == Arrived("Ev1", "T1", "U0", "message", Said(Message("T1", "C1", TS, "U1", "hi")))
    assert keys_of(arrived) == ("Ev1", f"T1:C1:{TS}")
    assert author_of(arrived.event) == "slack:T1/U1"


def test_a_mention_is_the_same_message() -> None:
    arrived = read_event(body({**SAID, "type": "app_mention"}, event_id="Ev2"), now_s=NOW_S)

    assert arrived is not None
    assert arrived.event == read(SAID)
    assert keys_of(arrived) == ("Ev2", f"T1:C1:{TS}")


def test_in_a_thread_with_files_and_from_another_company() -> None:
    event = {**SAID, "subtype": "file_share", "thread_ts": LATER, "parent_user_id": "U0", "user_team": "T2"}

    message = read({**event, "files": [FILE]}).message

    file = File("F1", "a.txt", "https://files.slack.com/files-pri/T1-F1/a.txt", 3, "text/plain", True)
    assert message == Message("T1", "C1", TS, "U1", "hi", LATER, (file,), "T2", "U0")


def test_the_first_message_of_a_thread_is_at_the_top() -> None:
    assert read({**SAID, "thread_ts": TS}).message.thread == ""


def test_a_file_of_another_company_has_to_be_asked_for() -> None:
    hidden = {"id": "F2", "mode": "file_access", "file_access": "check_file_info"}

    (file,) = read({**SAID, "files": [hidden]}).message.files

    assert (file.id, file.is_whole) == ("F2", False)


def test_files_that_are_gone_are_none() -> None:
    assert read({**SAID, "files": [{"id": "F1", "mode": "tombstone"}, "F2", None]}).message.files == ()


def test_a_mention_that_came_without_its_files_says_so() -> None:
    """As `app_mention` may be told before `message`, with the file in its rich text alone."""
    rich = [{"type": "rich_text", "elements": [{"type": "file", "file_id": "F1"}]}]

    assert read({**SAID, "type": "app_mention", "blocks": rich}).message.hides_files
    assert not read({**SAID, "blocks": rich, "files": []}).message.hides_files


def test_an_edit_by_its_author() -> None:
    now = {**SAID, "text": "ho", "edited": {"user": "U1", "ts": LATER}}
    event = {"type": "message", "subtype": "message_changed", "channel": "C1", "message": now, "previous_message": SAID}
    arrived = read_event(body(event), now_s=NOW_S)

    assert arrived is not None
    assert arrived.event == Edited(Message("T1", "C1", TS, "U1", "ho", edited=LATER), "hi")
    assert keys_of(arrived) == ("Ev1", f"T1:C1:{TS}:{LATER}")


def test_a_deletion() -> None:
    before = {**SAID, "thread_ts": LATER}
    event = {"type": "message", "subtype": "message_deleted", "channel": "C1", "deleted_ts": TS}

    assert read({**event, "previous_message": before}) == Deleted("T1", "C1", TS, LATER, "U1", "hi")
    assert read(event) == Deleted("T1", "C1", TS)


def test_the_beginning_of_a_thread_leaves_a_tombstone() -> None:
    stone = {"type": "message", "subtype": "tombstone", "user": "USLACKBOT", "ts": TS, "text": "This was deleted."}
    event = {"type": "message", "subtype": "message_changed", "channel": "C1", "message": stone}

    assert read({**event, "previous_message": SAID}) == Deleted("T1", "C1", TS, user="U1", text="hi")


@pytest.mark.parametrize(
    ("event", "says"),
    [
        ({"type": "member_joined_channel", "user": "U0", "channel": "C1"}, Joined("T1", "C1", "U0")),
        ({"type": "user_change", "user": {"id": "U1", "deleted": True}}, PersonChanged("T1", "U1")),
        ({"type": "subteam_members_changed", "subteam_id": "S1"}, GroupsChanged("T1")),
        ({"type": "subteam_updated", "subteam": {"id": "S1"}}, GroupsChanged("T1")),
        ({"type": "app_home_opened", "user": "U1", "tab": "home"}, Other("T1", "app_home_opened")),
        ({"type": "something_new"}, Other("T1", "something_new")),
    ],
)
def test_what_else_happens(event: dict[str, Any], says: object) -> None:
    assert read(event) == says


def test_the_workspace_is_the_one_that_the_bot_is_installed_in() -> None:
    """In a channel of two companies `team_id` may be the other's."""
    assert read(SAID, team_id="T9").message.team == "T1"
    assert read(SAID, team_id="T9", authorizations=[], context_team_id="T3").message.team == "T3"
    assert read(SAID, team_id="T9", authorizations=[{}]).message.team == "T9"


# --- what is none ---

EDIT = {
    "type": "message",
    "subtype": "message_changed",
    "channel": "C1",
    "message": {**SAID, "text": "ho", "edited": {"user": "U1", "ts": LATER}},
    "previous_message": SAID,
}


@pytest.mark.parametrize(
    "event",
    [
        {name: value for name, value in SAID.items() if name != "user"},
        {**SAID, "user": None},
        {**SAID, "user": 1},
        {**SAID, "user": {"id": "U1"}},
        {**SAID, "user": "USLACKBOT"},
        {**SAID, "bot_id": "B1"},
        {**SAID, "subtype": "bot_message", "username": "deploys"},
        {**SAID, "subtype": "channel_join"},
        {**SAID, "subtype": "thread_broadcast", "thread_ts": LATER},
        {**SAID, "subtype": "me_message"},
        {**SAID, "subtype": "message_replied"},
        {**SAID, "subtype": "assistant_app_thread"},
        {**SAID, "subtype": "something_new"},
        {**SAID, "type": "app_mention", "bot_id": "B1"},
        {**SAID, "type": "app_mention", "edited": {"user": "U1", "ts": LATER}},
        {**EDIT, "message": {**SAID, "text": "ho"}},
        {**EDIT, "message": {**SAID, "edited": {"user": "U1", "ts": LATER}}},
        {**EDIT, "message": {**SAID, "text": "ho", "edited": {"user": "U2", "ts": LATER}}},
        {**EDIT, "message": {**SAID, "text": "ho", "bot_id": "B1", "edited": {"user": "U1", "ts": LATER}}},
        {**EDIT, "message": None},
        {"type": "message", "subtype": "message_deleted", "channel": "C1"},
        {"type": "message", "subtype": "message_deleted", "deleted_ts": TS},
    ],
)
def test_what_no_person_said_anew_is_none(event: dict[str, Any]) -> None:
    """Row 41: no author, programs, previews, joins, broadcasts."""
    assert read(event) is None


@pytest.mark.parametrize(
    "ts",
    [
        1789999990.0001,
        1789999990,
        "-1789999990.000100",
        "1789999990",
        "1789999990.0001",
        "4102444800.000000",
        "\uff11789999990.000100",
        "1789999990.000100 ",
        "1e9",
        "",
        None,
        ["1789999990.000100"],
    ],
)
def test_a_time_is_text_of_one_shape_and_not_of_the_future(ts: object) -> None:
    """Row 47."""
    assert read({**SAID, "ts": ts}) is None


@pytest.mark.parametrize("thread", [1789999990.0001, "x", "", None, "4102444800"])
def test_a_thread_that_is_none_counts_as_the_top(thread: object) -> None:
    assert read({**SAID, "thread_ts": thread}).message.thread == ""


@pytest.mark.parametrize("channel", ["", "X1", "c1", "C1/../", None, 5, {"id": "C1"}])
def test_a_channel_is_an_id(channel: object) -> None:
    assert read({**SAID, "channel": channel}) is None


@pytest.mark.parametrize(
    "more",
    [
        {"team_id": None, "authorizations": []},
        {"team_id": "E1", "authorizations": None},
        {"event_id": None},
        {"event_id": "x" * 300},
        {"event_id": "a b"},
        {"event": None},
        {"event": []},
        {"event": {"type": None}},
    ],
)
def test_what_does_not_look_like_slacks_is_none(more: dict[str, Any]) -> None:
    assert read_event({**body(SAID), **more}, now_s=NOW_S) is None


# --- what is kept ---

EVENTS = [
    SAID,
    {**SAID, "type": "app_mention", "subtype": "thread_broadcast"},
    {**SAID, "subtype": "file_share", "files": [FILE], "thread_ts": LATER, "parent_user_id": "U0", "user_team": "T2"},
    {**SAID, "blocks": [{"type": "rich_text", "elements": [{"type": "file", "file_id": "F1"}]}]},
    EDIT,
    {"type": "message", "subtype": "message_deleted", "channel": "C1", "deleted_ts": TS, "previous_message": SAID},
    {"type": "member_joined_channel", "user": "U0", "channel": "C1"},
    {"type": "agent_session_stopped", "user": "U0", "channel": "C1", "thread_ts": TS},
]


@pytest.mark.parametrize("event", EVENTS)
def test_what_is_kept_reads_the_same(event: dict[str, Any]) -> None:
    whole = body(event, token="t", api_app_id="A1", event_context="4-x")

    kept = trimmed(json.loads(json.dumps(whole)))

    assert read_event(kept, now_s=NOW_S) == read_event(whole, now_s=NOW_S) is not None
    assert trimmed(kept) == kept


def test_no_more_is_kept_than_is_needed() -> None:
    rich = [{"type": "rich_text", "elements": [{"type": "text", "text": "secret"}]}]
    noise = {"blocks": rich, "client_msg_id": "x", "bot_profile": {"name": "y"}, "attachments": [{"text": "z"}]}

    kept = trimmed(body({**SAID, **noise, "files": [{**FILE, "preview": "words", "thumb_64": "t"}]}, token="t"))

    assert kept == {
        "type": "event_callback",
        "event_id": "Ev1",
        "team_id": "T1",
        "authorizations": [{"team_id": "T1", "user_id": "U0", "is_bot": True}],
        "event": {name: SAID[name] for name in ("type", "channel", "user", "text", "ts")} | {"files": [FILE]},
    }


def test_milliseconds_of_a_message() -> None:
    assert ms_of("1789999990.012345") == 1_789_999_990_012


# --- whatever comes ---


def test_no_body_breaks_what_reads_it() -> None:
    dice = random.Random(7)
    read_at_all = 0
    for _ in range(5_000):
        changed = body(dice.choice(EVENTS))
        for _ in range(dice.choice((1, 1, 2, 3))):
            changed = mutated(dice, changed)
        if not isinstance(changed, dict):
            continue
        arrived = read_event(changed, now_s=NOW_S)
        kept = trimmed(changed)
        assert read_event(kept, now_s=NOW_S) == arrived
        if arrived is not None:
            read_at_all += 1
            assert all(isinstance(key, str) for key in (*keys_of(arrived), author_of(arrived.event)))

    assert 500 < read_at_all < 4_500
