import itertools

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.models.completion import NotACompletion
from bot.models.sse import Event, Splitter


def split(*chunks, **caps):
    splitter = Splitter(**caps)
    return [event for chunk in chunks for event in splitter.feed(chunk)] + splitter.close()


def test_row_24_comments_crlf_and_other_fields_are_no_data():
    raw = b": OPENROUTER PROCESSING\r\n\r\nid: 5\r\nretry: 10\r\nevent: error\r\ndata: {}\r\n\r\ndata:x\n\n"

    assert split(raw) == [Event(b"{}", "error"), Event(b"x")]


def test_row_24_split_utf8_is_put_together():
    raw = "data: grüße 😀\n\n".encode()

    assert split(*(raw[at : at + 1] for at in range(len(raw)))) == [Event("grüße 😀".encode())]


def test_data_lines_of_one_event_are_joined():
    assert split(b"data: a\ndata: b\n\n") == [Event(b"a\nb")]


def test_an_event_without_its_blank_line_is_still_given():
    assert split(b"data: a\n\ndata: [DONE]") == [Event(b"a"), Event(b"[DONE]")]


@pytest.mark.parametrize("size", [7, 4096])
def test_row_24_a_line_that_is_too_long_is_refused(size):
    raw = b"data: " + b"x" * 100_000

    with pytest.raises(NotACompletion, match="line"):
        split(*(raw[at : at + size] for at in range(0, len(raw), size)), max_line=50_000)


def test_row_24_too_much_in_all_is_refused():
    with pytest.raises(NotACompletion, match="too much"):
        split(*[b"data: x\n\n"] * 1000, max_total=5000)


def test_a_long_line_in_small_chunks_is_not_searched_again_and_again():
    events = split(*[b"data: "], *[b"x" * 64] * 60_000, b"\n\n")

    assert len(events[0].data) == 3_840_000


LINES = st.lists(
    st.one_of(
        st.just(b""),
        st.sampled_from([b": ping", b"event: error", b"data:", b"data: {}", b"data: [DONE]", b"id"]),
        st.text(max_size=20).map(lambda text: b"data: " + text.replace("\n", "").encode()),
        st.binary(max_size=20).map(lambda raw: raw.replace(b"\n", b"")),
    ),
    max_size=20,
)


@given(LINES, st.sampled_from([b"\n", b"\r\n"]), st.lists(st.integers(0, 400), max_size=10))
def test_any_chunking_gives_the_same_events(lines, end, cuts):
    raw = end.join(lines) + end
    edges = [0, *sorted(min(cut, len(raw)) for cut in cuts), len(raw)]

    chunked = split(*(raw[start:stop] for start, stop in itertools.pairwise(edges)))

    assert chunked == split(raw)
