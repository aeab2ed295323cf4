"""Ten streams as real endpoints send them, and what cannot be put together."""

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.engine.types import Run
from bot.models.completion import ErrorInReply, NotACompletion
from bot.models.deltas import CallFragments, ReplyFragments
from bot.models.sse import Event
from bot.models.wire import read_reply
from tests.models.endpoint import delta


def fed(*fragments):
    calls = CallFragments()
    for fragment in fragments:
        calls.feed([fragment])
    return [(call["id"], call["function"]["name"], call["function"]["arguments"]) for call in calls.finished()]


def call(index=None, call_id=None, name=None, arguments=None, **extra):
    said = {"index": index, "id": call_id, "function": {"name": name, "arguments": arguments}, **extra}
    return {key: value for key, value in said.items() if value is not None}


def assembled(*chunks, done=True):
    fragments = ReplyFragments()
    for chunk in chunks:
        fragments.feed(Event(json.dumps(chunk).encode()))
    if done:
        fragments.feed(Event(b"[DONE]"))
    return fragments.completion()


# --- quirks ---


def test_quirk_1_openai_fragments_by_index():
    assert fed(call(0, "a", "f", ""), call(0, arguments='{"x"'), call(0, arguments=":1}"), call(1, "b", "g", "{}")) == [
        ("a", "f", '{"x":1}'),
        ("b", "g", "{}"),
    ]


def test_quirk_2_no_index_and_whole_calls():
    assert fed(call(None, "a", "f", "{}"), call(None, "b", "g", "{}")) == [("a", "f", "{}"), ("b", "g", "{}")]


def test_quirk_3_no_index_and_continued():
    assert fed(call(None, "a", "f", '{"x"'), call(arguments=":1}"), call(None, "b", "g", "{}")) == [
        ("a", "f", '{"x":1}'),
        ("b", "g", "{}"),
    ]


def test_quirk_4_one_index_for_two_ids():
    assert fed(call(0, "a", "f", '{"x":1}'), call(0, "b", "g", '{"y"'), call(0, arguments=":2}")) == [
        ("a", "f", '{"x":1}'),
        ("b", "g", '{"y":2}'),
    ]


def test_quirk_5_one_index_for_two_calls_without_ids():
    assert fed(call(0, None, "f", '{"x":1}'), call(0, None, "g", '{"y":2}')) == [
        (None, "f", '{"x":1}'),
        (None, "g", '{"y":2}'),
    ]


def test_quirk_6_index_from_one_and_out_of_order():
    assert fed(call(2, "b", "g", "{"), call(1, "a", "f", "{}"), call(2, arguments="}")) == [
        ("a", "f", "{}"),
        ("b", "g", "{}"),
    ]


def test_quirk_7_id_and_name_repeated_with_every_fragment():
    assert fed(call(0, "a", "f", '{"x"'), call(0, "a", "f", ":1"), call(0, "a", "f", "}")) == [("a", "f", '{"x":1}')]


def test_quirk_8_arguments_as_an_object():
    assert fed(call(0, "a", "f", {"x": [1, "ü"]})) == [("a", "f", '{"x":[1,"ü"]}')]


def test_quirk_9_no_ids_at_all():
    assert fed(call(0, None, "f", "{}"), call(1, None, "f", "{}")) == [(None, "f", "{}"), (None, "f", "{}")]


def test_quirk_10_extra_fields_of_a_call_are_kept():
    calls = CallFragments()
    calls.feed([call(0, "a", "f", "{", extra_content={"google": {"thought_signature": "sig"}})])
    calls.feed([call(0, arguments="}")])

    assert calls.finished() == [
        {
            "id": "a",
            "type": "function",
            "function": {"name": "f", "arguments": "{}"},
            "extra_content": {"google": {"thought_signature": "sig"}},
        }
    ]


def test_a_late_id_belongs_to_the_call_of_its_index():
    assert fed(call(0, None, "f", "{"), call(0, "a", None, "}")) == [("a", "f", "{}")]


@pytest.mark.parametrize("nonsense", [None, 5, "x", [None, 5, "x", []], [{"index": True, "function": 5}]])
def test_nonsense_in_place_of_calls_does_no_harm(nonsense):
    CallFragments().feed(nonsense)


# --- the whole reply ---


def test_reasoning_fields_are_joined_and_kept_apart_from_the_text():
    completion = assembled(
        delta(role="assistant", content=None, reasoning_content="Let me "),
        delta(reasoning_content="think."),
        delta(reasoning_details=[{"type": "reasoning.text", "index": 0, "text": "Let "}]),
        delta(reasoning_details=[{"type": "reasoning.text", "index": 0, "text": "me", "signature": "s"}]),
        delta(reasoning_details=[{"type": "reasoning.encrypted", "index": 1, "data": "x"}]),
        delta(content="Hi"),
        delta(finish="stop"),
        {"choices": [], "usage": {"prompt_tokens": 3, "completion_tokens": 2}},
    )

    assert completion.message == {
        "role": "assistant",
        "content": "Hi",
        "reasoning_content": "Let me think.",
        "reasoning_details": [
            {"type": "reasoning.text", "index": 0, "text": "Let me", "signature": "s"},
            {"type": "reasoning.encrypted", "index": 1, "data": "x"},
        ],
    }
    assert (completion.usage.prompt_tokens, completion.usage.completion_tokens) == (3, 2)


def test_content_in_parts_stays_in_parts():
    thinking = {"type": "thinking", "thinking": [{"type": "text", "text": "hm"}]}

    completion = assembled(delta(content=[thinking]), delta(content="Hel"), delta(content="lo"), delta(finish="stop"))

    assert completion.message["content"] == [thinking, {"type": "text", "text": "Hello"}]


def test_usage_before_the_end_and_in_the_choice_is_found():
    chunk = delta(content="Hi")
    chunk["choices"][0]["usage"] = {"prompt_tokens": 7}

    assert assembled(chunk, delta(finish="stop")).usage.prompt_tokens == 7


def test_other_choices_are_left_alone():
    second = {"choices": [{"index": 1, "delta": {"content": "no"}}]}

    assert assembled(delta(content="yes"), second, delta(finish="stop")).message["content"] == "yes"


@pytest.mark.parametrize(
    ("chunks", "done", "is_cut"),
    [
        ([delta(content="Hi"), delta(finish="stop")], True, False),
        ([delta(content="Hi"), delta(finish="stop")], False, False),
        ([delta(content="Hi")], True, False),
        ([delta(content="Hi")], False, True),
    ],
)
def test_row_24_a_stream_is_cut_without_done_and_without_a_reason(chunks, done, is_cut):
    assert assembled(*chunks, done=done).is_cut is is_cut


@pytest.mark.parametrize("chunks", [[], [{"choices": []}], [{"choices": None}], [{"id": 1}]])
def test_row_23_a_stream_without_a_choice_is_no_completion(chunks):
    with pytest.raises(NotACompletion):
        assembled(*chunks)


def test_an_error_inside_a_stream_is_raised():
    with pytest.raises(ErrorInReply) as caught:
        assembled(delta(content="Hi"), {"error": {"code": 502, "message": "upstream"}})

    assert caught.value.error == {"code": 502, "message": "upstream"}


def test_an_event_named_error_is_raised():
    with pytest.raises(ErrorInReply):
        ReplyFragments().feed(Event(b'{"message":"x"}', "error"))


def test_nothing_after_done_counts():
    fragments = ReplyFragments()
    fragments.feed(Event(json.dumps(delta(content="a")).encode()))
    fragments.feed(Event(b"[DONE]"))
    fragments.feed(Event(b"not json"))

    assert fragments.completion().message["content"] == "a"


# --- properties ---

WANTED = st.lists(
    st.tuples(st.sampled_from(["f", "g", "h"]), st.dictionaries(st.text(max_size=5), st.text(max_size=8), max_size=3)),
    min_size=1,
    max_size=5,
)


@given(WANTED, st.integers(1, 9), st.booleans(), st.booleans())
def test_any_cutting_of_the_arguments_gives_the_same_calls(wanted, size, has_index, repeats):
    fragments = []
    for at, (name, arguments) in enumerate(wanted):
        text, index = json.dumps(arguments), at if has_index else None
        pieces = [text[start : start + size] for start in range(0, len(text), size)]
        fragments.append(call(index, f"id{at}", name, pieces[0]))
        again = (f"id{at}", name) if repeats else (None, None)
        fragments += [call(index, *again, piece) for piece in pieces[1:]]

    assert fed(*fragments) == [(f"id{at}", name, json.dumps(args)) for at, (name, args) in enumerate(wanted)]


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
    max_leaves=10,
)
KNOWN = st.sampled_from(["content", "tool_calls", "function_call", "role", "reasoning", "reasoning_details"])


@given(st.lists(st.dictionaries(KNOWN, JSON, max_size=4), min_size=1, max_size=5))
def test_no_delta_whatever_its_fields_hold_raises_anything_unforeseen(deltas):
    reply = read_reply(assembled(*({"choices": [{"delta": one}]} for one in deltas)), Run("r", "t", ()))

    assert json.loads(reply.message.sent)["role"] == "assistant"
    assert len({call.wire_id for call in reply.calls}) == len(reply.calls)


@given(JSON)
def test_no_chunk_raises_anything_unforeseen(chunk):
    fragments = ReplyFragments()
    try:
        fragments.feed(Event(json.dumps(chunk).encode()))
    except (NotACompletion, ErrorInReply):
        return
    assert not fragments.has_begun
