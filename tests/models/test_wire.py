"""Requests as bytes, replies as `Reply`: rows of the bad-input table that no network is needed for."""

import itertools
import json

import pytest

from bot.engine.types import Run, ToolCall, message
from bot.models.completion import Completion, NotACompletion, mask, parse_body, read_usage
from bot.models.sending import RequestForm
from bot.models.wire import read_reply, shown_so_far, text_of
from tests.models.endpoint import calls, completion, says

RUN = Run("r", "task", ())


def read(body, run=RUN):
    ids = (f"{at:032x}" for at in itertools.count(0xABC << 116))
    return read_reply(parse_body(json.dumps(body).encode()), run, make_id=lambda: next(ids))


def sent(reply):
    return json.loads(reply.message.sent)


def sent_arguments(reply):
    return [call["function"]["arguments"] for call in sent(reply)["tool_calls"]]


# --- the request ---


def test_a_body_without_tools_holds_no_word_of_tools():
    form = RequestForm.of("org/model", {"temperature": 0, "stop": ["a"]})

    body = json.loads(form.fill([message("user", "hi")]))

    assert body == {
        "model": "org/model",
        "temperature": 0,
        "stop": ["a"],
        "messages": [{"role": "user", "content": "hi"}],
    }


def test_a_streamed_body_with_tools():
    body = json.loads(RequestForm.of("m", {}).fill([], tools=b'[{"a":1}]', tool_choice="none", stream=True))

    assert body == {
        "model": "m",
        "tools": [{"a": 1}],
        "messages": [],
        "tool_choice": "none",
        "stream": True,
        "stream_options": {"include_usage": True},
    }


def test_the_bytes_before_the_new_messages_stay_the_same():
    form, first = RequestForm.of("m", {"seed": 1}), [message("user", "hi")]

    one = form.fill(first, tools=b"[{}]", stream=True)
    two = form.fill([*first, message("assistant", "yes")], tools=b"[{}]", stream=True)

    assert two.startswith(one[: one.index(b"}]") + 1])


def test_what_was_mended_is_what_is_sent():
    reply = read(calls(("f", "nonsense")))

    assert b"malformed_arguments" in RequestForm.of("m", {}).fill([reply.message])


# --- the reply ---


def test_unknown_fields_are_kept_and_sent_back_verbatim():
    said = {
        "role": "assistant",
        "content": "",
        "reasoning_content": "hm",
        "reasoning_details": [{"type": "x", "signature": "s"}],
        "tool_calls": [
            {
                "id": "call_1",
                "type": "function",
                "function": {"name": "f", "arguments": "{}"},
                "extra_content": {"google": {"thought_signature": "sig"}},
            }
        ],
    }

    reply = read(completion(said, finish="tool_calls"))

    assert json.loads(reply.message.body) == said
    assert reply.message.sent is reply.message.body
    assert reply.text == ""


def test_a_call_gets_our_id_and_keeps_the_providers():
    reply = read(calls(("f", {"x": 1})), Run("r", "t", (), replies=2))

    assert reply.calls == (
        ToolCall(
            id="abc00000000000000000000000000000",
            reply=3,
            provider_id="call_0",
            wire_id="call_0",
            name="f",
            arguments='{"x": 1}',
        ),
    )


def test_row_1_truncated_arguments_are_kept_raw_and_stored_as_valid_json():
    reply = read(calls(("f", '{"a":1')))

    assert reply.calls[0].arguments == '{"a":1'
    assert sent_arguments(reply) == ['{"malformed_arguments":"{\\"a\\":1"}']
    assert json.loads(reply.message.body)["tool_calls"][0]["function"]["arguments"] == '{"a":1'


def test_row_1_at_most_500_characters_of_malformed_arguments_are_kept():
    reply = read(calls(("f", "x" * 10_000)))

    assert json.loads(sent_arguments(reply)[0]) == {"malformed_arguments": "x" * 500}


@pytest.mark.parametrize("arguments", ["null", "[]", '"x"', "5", '"{\\"a\\":1}"'])
def test_row_2_arguments_that_are_no_object_are_no_arguments(arguments):
    reply = read(calls(("f", arguments)))

    assert reply.calls[0].arguments == arguments
    assert json.loads(sent_arguments(reply)[0]) == {"malformed_arguments": arguments}


@pytest.mark.parametrize("arguments", ["", "  "])
def test_row_3_empty_arguments_stay_empty_for_the_checks(arguments):
    reply = read(calls(("f", arguments)))

    assert reply.calls[0].arguments == arguments
    assert sent_arguments(reply) == ["{}"]


def test_row_4_duplicate_keys_are_left_for_the_checks_to_see():
    assert read(calls(("f", '{"a":1,"a":2}'))).calls[0].arguments == '{"a":1,"a":2}'


@pytest.mark.parametrize(
    "arguments",
    [
        '{"a":NaN}',
        '{"a":Infinity}',
        '{"a":1e999}',
        '{"a":' + "9" * 5000 + "}",
        '{"a":' * 100_000 + "1" + "}" * 100_000,
        '{"a":"\\ud800"}',
        '{"a":1}{"b":2}',
        '```json\n{"a":1}\n```',
        '\ufeff{"a":1}',
        '{"a":1,}',
    ],
    ids=[
        "row_5_nan",
        "row_5_inf",
        "row_5_1e999",
        "row_6",
        "row_7",
        "row_8",
        "row_9_two",
        "row_9_fence",
        "row_9_bom",
        "comma",
    ],
)
def test_rows_5_to_9_what_strict_json_refuses_never_goes_back_as_it_is(arguments):
    reply = read(calls(("f", arguments)))

    assert reply.calls[0].arguments == arguments
    assert list(json.loads(sent_arguments(reply)[0])) == ["malformed_arguments"]


def test_row_8_lone_surrogates_in_the_text_are_replaced_and_marked():
    raw = b'{"choices":[{"message":{"content":"a\\ud800b\\u0000c\\ud83d\\ude00"}}]}'

    assert read_reply(parse_body(raw), RUN).text == "a\ufffdb\0c😀"


def test_row_8_broken_utf8_in_the_text_is_replaced():
    raw = b'{"choices":[{"message":{"content":"a\xffb"}}]}'

    assert read_reply(parse_body(raw), RUN).text == "a\ufffdb"


def test_row_14_repeated_ids_are_told_apart_within_a_reply():
    reply = read(calls(("f", {}), ("g", {}), ids=["x", "x"]))

    assert [call.provider_id for call in reply.calls] == ["x", "x"]
    assert [call.wire_id for call in reply.calls] == ["x", "abc000000"]
    assert [call["id"] for call in sent(reply)["tool_calls"]] == ["x", "abc000000"]
    assert len({call.id for call in reply.calls}) == 2


def test_row_14_an_id_of_an_earlier_turn_is_replaced():
    earlier = ToolCall("own", 1, "f:0", "f:0", "f", "{}")

    reply = read(calls(("f", {}), ids=["f:0"]), Run("r", "t", (), calls=(earlier,), replies=1))

    assert (reply.calls[0].provider_id, reply.calls[0].wire_id) == ("f:0", "abc000000")


def test_row_14_our_own_short_ids_never_repeat_either():
    reply = read(calls(*[("f", {})] * 5, ids=[None] * 5))

    assert len({call.wire_id for call in reply.calls}) == 5


@pytest.mark.parametrize("provider_id", [None, 5, "", "x" * 10_240, {"a": 1}])
def test_row_15_an_id_that_is_none_is_minted(provider_id):
    reply = read(calls(("f", {}), ids=[provider_id]))

    assert reply.calls[0].wire_id == sent(reply)["tool_calls"][0]["id"] == "abc000000"


def test_row_16_five_hundred_calls_are_all_read_for_the_cap_to_see():
    reply = read(calls(*[("f", {})] * 500, ids=["x"] * 500))

    assert len({call.wire_id for call in reply.calls}) == len(sent(reply)["tool_calls"]) == 500


def test_row_17_the_same_call_twice_stays_two_calls():
    assert len(read(calls(("f", {"a": 1}), ("f", {"a": 1}))).calls) == 2


@pytest.mark.parametrize(
    "said",
    [
        {"content": ""},
        {"content": None},
        {},
        {"content": None, "reasoning": "hm"},
        {"content": "<think>hm</think>\n"},
        {"content": "<think>never ends"},
        {"content": [{"type": "thinking", "thinking": "hm"}]},
        {"content": 5},
        {"content": None, "tool_calls": []},
    ],
)
def test_row_19_a_reply_with_nothing_to_read_is_empty_text(said):
    reply = read(completion({"role": "assistant", **said}))

    assert (reply.text, reply.calls) == ("", ())


def test_row_19_null_content_goes_back_as_empty_text():
    reply = read(completion({"role": "assistant", "content": None}))

    assert json.loads(reply.message.body)["content"] is None
    assert sent(reply) == {"role": "assistant", "content": ""}


@pytest.mark.parametrize(
    ("finish", "read_as"),
    [("length", "length"), ("content_filter", "content_filter"), ("odd", "odd"), (None, None), ("", None), (5, None)],
)
def test_row_20_the_finish_reason_is_handed_on(finish, read_as):
    body = calls(("f", {}))
    body["choices"][0]["finish_reason"] = finish

    reply = read(body)

    assert (reply.finish, len(reply.calls)) == (read_as, 1)


def test_row_21_the_calls_count_and_not_the_reason():
    assert read(completion({"content": "hi"}, finish="tool_calls")).calls == ()
    assert len(read({**calls(("f", {}))}).calls) == 1


def test_row_22_a_legacy_function_call_is_one_call():
    reply = read(
        completion({"content": None, "function_call": {"name": "f", "arguments": "{}"}}, finish="function_call")
    )

    assert [(call.name, call.wire_id) for call in reply.calls] == [("f", "abc000000")]
    assert sent(reply) == {
        "role": "assistant",
        "content": "",
        "tool_calls": [{"id": "abc000000", "type": "function", "function": {"name": "f", "arguments": "{}"}}],
    }


@pytest.mark.parametrize("text", ['<tool_call>{"name":"f"}</tool_call>', '{"name":"f","arguments":{}}', "f()"])
def test_row_22_a_call_written_as_text_stays_text(text):
    reply = read(says(text))

    assert (reply.text, reply.calls) == (text, ())


@pytest.mark.parametrize(
    ("raw", "why"),
    [
        (b"", "broken JSON"),
        (b'{"choices":', "broken JSON"),
        (b"null", "not a JSON object"),
        (b"[]", "not a JSON object"),
        (b"{}", "no choices"),
        (b'{"choices":[]}', "no choices"),
        (b'{"choices":null}', "no choices"),
        (b'{"choices":[null]}', "no choices"),
        (b'{"choices":[{}]}', "no message"),
        (b'{"choices":[{"message":"x"}]}', "no message"),
        (b"[" * 100_000, "broken JSON"),
        (b'{"a":NaN}', "broken JSON"),
    ],
)
def test_row_23_what_is_no_completion_is_said(raw, why):
    with pytest.raises(NotACompletion, match=why):
        parse_body(raw)


def test_a_field_nested_too_deeply_is_no_completion():
    deep = b'{"choices":[{"message":{"content":"x","y":' + b"[" * 400 + b"]" * 400 + b"}}]}"

    with pytest.raises(NotACompletion, match="nested too deeply"):
        read_reply(parse_body(deep), RUN)


@pytest.mark.parametrize(
    "usage", ["x", None, [], {}, {"prompt_tokens": -1}, {"prompt_tokens": "5"}, {"prompt_tokens": True}]
)
def test_row_29_senseless_usage_counts_as_zero(usage):
    usage = read_usage(usage)

    assert (usage.prompt_tokens, usage.completion_tokens, usage.model_calls) == (0, 0, 1)


def test_row_30_a_megabyte_of_text_is_kept():
    assert len(read(says("x" * 1_000_000)).text) == 1_000_000


# --- mending ---


def test_arguments_as_an_object_go_back_as_text():
    body = calls(("f", {}))
    body["choices"][0]["message"]["tool_calls"][0]["function"]["arguments"] = {"x": [1]}

    reply = read(body)

    assert reply.calls[0].arguments == '{"x":[1]}'
    assert sent_arguments(reply) == ['{"x":[1]}']


def test_a_made_up_name_goes_back_in_letters_providers_accept():
    reply = read(calls(("notes add!", {}), ("", {})))

    assert [call.name for call in reply.calls] == ["notes add!", ""]
    assert [call["function"]["name"] for call in sent(reply)["tool_calls"]] == ["notes_add_", "unknown"]


@pytest.mark.parametrize("listed", ["x", {}, [None, 5]])
def test_nonsense_in_place_of_calls_is_not_sent_back(listed):
    reply = read(completion({"role": "assistant", "content": "hi", "tool_calls": listed}))

    assert (reply.calls, sent(reply)) == ((), {"role": "assistant", "content": "hi"})


def test_a_missing_type_and_role_are_added():
    body = completion({"content": "", "tool_calls": [{"id": "a", "function": {"name": "f", "arguments": "{}"}}]})

    reply = read(body)

    assert (sent(reply)["role"], sent(reply)["tool_calls"][0]["type"]) == ("assistant", "function")


# --- text ---


def test_text_parts_are_joined_and_reasoning_is_left_out():
    parts = [{"type": "thinking", "thinking": "hm"}, {"type": "text", "text": "Hel"}, {"type": "text", "text": "lo"}, 5]

    assert text_of({"content": parts}) == "Hello"


def test_a_leading_think_block_is_not_shown():
    assert text_of({"content": "\n<think>secret\n</think>\n\nHello <think>"}) == "Hello <think>"


@pytest.mark.parametrize("text", ["<", "<thi", "\n<think>", "<think>so", "<think>so</think>\n"])
def test_nothing_is_shown_while_a_think_block_is_open(text):
    assert shown_so_far(text) == ""


def test_a_refusal_is_text():
    assert text_of({"content": None, "refusal": "I cannot."}) == "I cannot."


def test_masking_reaches_every_text():
    masked = mask({"a": ["key", {"b": "a key"}], "n": 5}, lambda text: text.replace("key", "***"))

    assert masked == {"a": ["***", {"b": "a ***"}], "n": 5}


def test_a_cut_reply_says_so():
    assert read_reply(Completion({"content": "x"}, None, True), RUN).is_cut
