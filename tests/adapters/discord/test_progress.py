"""What a run shows while it works."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from adapters.discord.markup import size
from adapters.discord.progress import Progress
from bot.chat import ToolLine
from tests.adapters.discord.reader import read
from tests.adapters.discord.test_markup import HOSTILE, LONG_TEXTS, TEXTS


def line(call: str, state: str, **more: object) -> ToolLine:
    return ToolLine("r1", call, "files_write", state, **more)  # type: ignore[arg-type]


def test_calls_stand_in_order_with_their_latest_state() -> None:
    shown = Progress().with_line(line("c1", "started")).with_line(line("c2", "waiting"))

    shown = shown.with_line(line("c1", "done", by="Ann", duration_ms=1_234)).with_text("Now **this**")

    assert shown.content().splitlines() == [
        "✅ `files_write` done · 1.2 s · approved by Ann",
        "✋ `files_write` waiting for approval",
        "Now **this**",
        "-# Working",
    ]


def test_a_refused_call_says_by_whom() -> None:
    assert Progress().with_line(line("c1", "denied", by="Bob_")).settled() == r"⛔ `files_write` denied by Bob\_"
    assert Progress().with_line(line("c1", "denied")).settled() == "⛔ `files_write` refused by the policy"


def test_a_state_nobody_knows_is_an_unknown_outcome() -> None:
    assert Progress().with_line(line("c1", "sideways")).settled().startswith("❓ `files_write` outcome unknown")


@pytest.mark.parametrize(
    ("status", "words"),
    [
        ("queued", "-# Queued: earlier messages come first."),
        ("running", "-# Working"),
        ("waiting", "-# Waiting for approval"),
        ("cancelled", "-# Stopped."),
    ],
)
def test_the_last_line_says_what_it_is_doing(status: str, words: str) -> None:
    assert Progress().with_status(status).content() == words


def test_it_is_empty_until_there_is_something_to_say() -> None:
    assert Progress().is_empty
    assert not Progress().with_status("queued").is_empty
    assert not Progress().with_text("a").is_empty
    assert not Progress().with_line(line("c1", "started")).is_empty


def test_only_calls_are_worth_keeping() -> None:
    assert not Progress().with_text("a").is_worth_keeping
    assert Progress().with_text("a").settled() == ""
    assert Progress().with_line(line("c1", "done")).is_worth_keeping


def test_of_many_calls_the_earlier_ones_are_counted() -> None:
    shown = Progress(tuple(line(f"c{at}", "done") for at in range(200)))

    first, *rest = shown.settled().splitlines()

    assert first == f"-# … {200 - len(rest)} earlier calls"
    assert len(rest) > 80
    assert size(shown.settled()) <= 2_000


def test_of_a_long_text_the_end_is_shown_from_the_start_of_a_line() -> None:
    text = "".join(f"line {at}\n" for at in range(1_000))

    shown = Progress().with_text(text).content().splitlines()

    assert shown[0] == "…"
    assert shown[1].startswith("line ")
    assert shown[-2:] == ["line 999", "-# Working"]


def test_a_block_of_code_that_began_earlier_is_opened_again() -> None:
    shown = Progress().with_text("Here:\n```py\n" + "@everyone\n" * 1_000).content()

    assert shown.startswith("…\n```py\n@everyone")
    assert shown.endswith("@everyone\n```\n-# Working")
    assert read(shown).alive == []


@pytest.mark.parametrize("text", HOSTILE)
def test_nothing_in_it_is_alive(text: str) -> None:
    shown = Progress().with_line(ToolLine("r1", "c1", text, "done", by=text)).with_text(text)

    for part in (shown.content(), shown.settled()):
        assert read(part).alive == []


@settings(deadline=None)
@given(LONG_TEXTS, TEXTS, st.integers(0, 60))
def test_it_always_fits_into_a_message(text: str, name: str, calls: int) -> None:
    lines = tuple(ToolLine("r1", f"c{at}", name, "done", by=name, duration_ms=at) for at in range(calls))

    shown = Progress(lines).with_text(text * 5)

    assert size(shown.content()) <= 2_000
    assert size(shown.settled()) <= 2_000
    assert read(shown.content()).alive == []
