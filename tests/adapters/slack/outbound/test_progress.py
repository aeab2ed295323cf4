"""What a stream is told of a run: it only grows, and ends in exactly the answer."""

from __future__ import annotations

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from adapters.slack.drawing.markup import answer_of
from adapters.slack.outbound.progress import (
    MAX_CHARS,
    STREAM_CHARS,
    News,
    Progress,
    Told,
    closing,
    last_words,
    lines_block,
    news,
    tail_of,
)
from bot.chat import ToolLine

PIECES = [
    *("word ", "two words\n", "\n", "**bold** ", "*it", "* ", "`code` ", "`", "```\n", "```py\n", "~~~\n", "- item\n"),
    *("1. one\n", "# head\n", "> said\n", "| a | b |\n", "|---|---|\n", "| 1 | 2 |\n", "[text](http://a.example/x) "),
    *("[te", "](http://b", "<@U0BEN> ", "<!channel>", "<", "> ", "@everyone ", "http://c.example/?q=<x> ", "&amp; "),
    *("\\", "~", "_", "é", "\u200b", "---\n"),
]
texts = st.lists(st.sampled_from(PIECES), max_size=40).map("".join)


def called(call_id: str, state: str, *, tool: str = "look", by: str = "", ms: int | None = None) -> ToolLine:
    return ToolLine("run", call_id, tool, state, by, ms)


def words(found: News | None) -> str:
    assert found is not None
    return "".join(one["text"] for one in found.chunks if one["type"] == "markdown_text")


@given(texts, st.lists(st.integers(0, 400), max_size=6))
def test_what_is_streamed_is_a_beginning_of_the_answer(text: str, ends: list[int]) -> None:
    progress, told, shown = Progress(), Told(), ""
    for end in sorted(ends):
        progress = progress.with_text(text[:end])
        step = news(progress, told)
        shown, told = shown + words(step), step.told if step else told
    parts, _ = answer_of(text)

    step = closing(progress.with_text(text), told, parts[0])

    assert (shown + words(step)).rstrip("\n") == parts[0]


@given(st.lists(texts, min_size=2, max_size=4), st.data())
def test_replies_stand_one_below_the_other_with_their_calls_between(replies: list[str], data: st.DataObject) -> None:
    progress, told = Progress(), Told()
    shown: list[str] = []

    def tell(step: News | None) -> Told:
        assert step is not None
        shown.extend("text" if one["type"] == "markdown_text" else "task" for one in step.chunks)
        return step.told

    for number, text in enumerate(replies):
        progress = progress.with_text(text[: data.draw(st.integers(0, len(text)))])
        told = tell(news(progress, told))
        progress = progress.with_text(text).with_line(called(str(number), "started"))
        told = tell(news(progress, told))
        progress = progress.with_line(called(str(number), "done"))
    told = tell(closing(progress, told, "The end."))

    assert told.words[-1] == "The end."
    assert [state for _, state in told.tasks] == ["complete"] * len(replies)
    assert shown[-1] == "text"
    assert told == tell(closing(progress.with_text("The end."), told, "The end."))


def test_words_that_were_taken_back_cannot_be_told() -> None:
    told = Told(words=("The first try. ",))

    assert news(Progress().with_text("Another beginning, "), told) is None


@pytest.mark.parametrize("answer", ["Stopped by anna.", "The first"])
def test_other_words_than_those_that_were_streamed_end_no_stream(answer: str) -> None:
    told = Told(words=("The first try ",))

    assert closing(Progress().with_text("The first try is "), told, answer) is None


def test_words_that_nobody_was_told_may_be_others() -> None:
    step = closing(Progress().with_text("The first try"), Told(), "Stopped by anna.")

    assert words(step) == "Stopped by anna."


def test_a_stream_takes_only_so_many_words_before_its_end() -> None:
    text = "word " * 3_000
    step = news(Progress().with_text(text), Told())
    assert step is not None
    assert len(words(step)) == STREAM_CHARS
    more = news(Progress().with_text(text * 2), step.told)

    assert more is not None
    assert more.chunks == ()
    assert words(closing(Progress().with_text(text), step.told, text[:MAX_CHARS])) == text[STREAM_CHARS:MAX_CHARS]


def test_an_answer_that_is_too_long_below_what_stands_there_ends_no_stream() -> None:
    progress = Progress().with_text("x" * 500).with_line(called("1", "done"))
    step = news(progress, Told())
    assert step is not None

    assert closing(progress, step.told, "y" * (MAX_CHARS - 400)) is None


@pytest.mark.parametrize(
    ("state", "status"),
    [
        ("approved", "in_progress"),
        ("started", "in_progress"),
        ("done", "complete"),
        ("failed", "error"),
        ("denied", "error"),
        ("expired", "error"),
        ("cancelled", "error"),
        ("unknown", "error"),
        ("something new", "error"),
    ],
)
def test_a_call_is_a_task(state: str, status: str) -> None:
    step = news(Progress().with_line(called("1", state)), Told())

    assert step is not None
    (chunk,) = step.chunks
    assert (chunk["id"], chunk["title"], chunk["status"]) == ("1", "look", status)
    assert ("details" in chunk) == (status != "in_progress")


@pytest.mark.parametrize("state", ["proposed", "waiting"])
def test_what_waits_is_no_task(state: str) -> None:
    assert Progress().with_line(called("1", state)) == Progress()


def test_the_details_of_a_task_are_told_once() -> None:
    """Slack adds what is told later to what was told before."""
    told = Told()
    details = []
    progress = Progress()
    for state in ("approved", "started", "done", "done"):
        progress = progress.with_line(called("1", state, by="ben", ms=2_100))
        step = news(progress, told)
        assert step is not None
        told = step.told
        details += [one.get("details") for one in step.chunks]

    assert details == [None, "done · 2.1 s · approved by ben"]


@pytest.mark.parametrize("text", ["<@U0BEN>", "x" * 400, "two\nlines", "e\u202evil"])
def test_the_fields_of_a_task_are_short_and_name_nobody(text: str) -> None:
    step = news(Progress().with_line(called("1", "failed", tool=text, by=text)), Told())

    assert step is not None
    (chunk,) = step.chunks
    for name in ("title", "details"):
        assert len(chunk[name]) <= 256
        assert not re.search(r"[<\n\u202e]", chunk[name])


def test_only_so_many_calls_are_listed_and_the_earlier_ones_counted() -> None:
    lines = tuple(called(str(number), "done", tool=f"tool_{number}") for number in range(500))

    block = lines_block(lines)

    assert block is not None
    shown = block["elements"][0]["text"]
    assert len(shown) < 3_000
    assert re.match(r"… \d+ earlier calls\n", shown)
    assert shown.endswith("✅ `tool_499` done")
    assert lines_block(()) is None


@given(texts)
def test_the_tail_of_a_text_fits_and_closes_its_code(text: str) -> None:
    tail = tail_of(text * 50)

    assert len(tail) <= 3_010
    assert tail.count("```") % 2 == 0 or "~~~" in text


def test_the_last_words_fit_into_a_message() -> None:
    assert len(last_words(Progress().with_text("word " * 10_000))) <= MAX_CHARS
