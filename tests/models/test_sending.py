"""What goes back to the model that wrote it, and what another one gets."""

import json
from dataclasses import replace

import pytest

from bot.engine.types import ImagePart, Message, Run, TextPart, message
from bot.models import sending
from bot.models.completion import Completion
from bot.models.hosts import GENERIC, HOSTS, find_host
from bot.models.sending import RequestForm, sent_to
from bot.models.wire import read_reply

CALL = {"id": "call_1", "type": "function", "function": {"name": "look", "arguments": "{}", "more": 1}, "extra": 2}
PLAIN_CALL = {"id": "call_1", "type": "function", "function": {"name": "look", "arguments": "{}"}}


def said(by="other", **fields):
    return read_reply(Completion({"role": "assistant", **fields}), Run("r", "t", ()), by=by).message


def sent(host, *messages, label="fast", **options):
    form = RequestForm.of("m", {}, host=find_host(host), label=label)
    return json.loads(form.fill(messages, **options))["messages"]


# --- one message ---


def test_a_reply_knows_who_wrote_it():
    assert said(by="fast", content="Hi").by == "fast"
    assert message("user", "Hi").by == ""


@pytest.mark.parametrize("host", HOSTS.values(), ids=HOSTS)
@pytest.mark.parametrize("role", ["system", "user"])
def test_what_people_and_the_persona_say_is_sent_as_it_is(host, role):
    one = message(role, "Hi")

    assert sent_to(one, host, "fast") is one.sent


@pytest.mark.parametrize("host", ["generic", "openai", "openwebui", "ollama", "gemini"])
def test_what_the_same_model_wrote_is_sent_as_it_is(host):
    one = said(by="fast", content="", reasoning="hm", tool_calls=[CALL])

    assert sent_to(one, find_host(host), "fast") is one.sent


@pytest.mark.parametrize("host", HOSTS.values(), ids=HOSTS)
def test_what_the_same_model_added_is_kept_at_every_host(host):
    one = said(by="fast", content="", reasoning_content="hm", custom={"a": [1]}, tool_calls=[CALL])

    kept = json.loads(sent_to(one, host, "fast"))

    assert (kept["reasoning_content"], kept["custom"], kept["tool_calls"][0]["extra"]) == ("hm", {"a": [1]}, 2)


@pytest.mark.parametrize("host", HOSTS.values(), ids=HOSTS)
def test_what_another_model_added_is_sent_nowhere(host):
    one = said(content="<think>hm</think>Hi", reasoning_content="hm", reasoning_details=[{}], tool_calls=[CALL])

    kept = json.loads(sent_to(one, host, "fast"))

    assert kept["content"] == "Hi"
    assert "hm" not in str(kept)
    assert kept.keys() <= {"role", "content", "tool_calls", "reasoning_content"}
    assert kept["tool_calls"][0].keys() <= {"id", "type", "function", "extra_content"}
    assert kept["tool_calls"][0]["function"] == PLAIN_CALL["function"]


def test_parts_of_another_model_become_text():
    one = said(content=[{"type": "thinking", "thinking": "hm"}, {"type": "text", "text": "Hi"}])

    assert json.loads(sent_to(one, GENERIC, "fast")) == {"role": "assistant", "content": "Hi"}


def test_the_plain_form_is_made_once(monkeypatch):
    one = said(content="Only once, please.")
    first = sent_to(one, GENERIC, "fast")
    monkeypatch.setattr(sending, "_plain", None)

    assert sent_to(replace(one), GENERIC, "fast") is first


def test_a_message_that_is_left_out_stays_left_out():
    gone = Message("assistant", b'{"role":"assistant","content":"old"}', b"", "other")

    assert sent_to(gone, GENERIC, "fast") == b""


# --- the request ---


@pytest.mark.parametrize("host", HOSTS)
def test_messages_with_nothing_to_send_are_left_out(host):
    gone = Message("user", b'{"role":"user","content":"old"}', b"")

    kept = sent(host, message("system", "s"), gone, message("user", "u"), gone)

    assert [one["content"] for one in kept] == ["s", "u"]


@pytest.mark.parametrize("host", HOSTS)
def test_a_history_of_another_model_keeps_calls_and_results_together(host):
    result = message("tool", "found", tool_call_id="call_1")

    kept = sent(host, message("user", "u"), said(content=None, tool_calls=[CALL]), result, tools=b"[{}]")

    assert [one["role"] for one in kept] == ["user", "assistant", "tool"]
    assert kept[1]["tool_calls"][0]["id"] == kept[2]["tool_call_id"]


@pytest.mark.parametrize("host", HOSTS.values(), ids=HOSTS)
def test_the_bytes_of_earlier_messages_stay_the_same_at_every_host(host):
    form = RequestForm.of("m", {"seed": 1}, host=host, label="fast")
    start = (message("system", "s"), message("user", "u"))
    turn = (said(content="", tool_calls=[CALL]), message("tool", "found", tool_call_id="call_1"))

    one = form.fill((*start, *turn), tools=b"[{}]")
    two = form.fill((*start, *turn, said(by="fast", content="Hi"), message("user", "v")), tools=b"[{}]")

    assert two.startswith(one[: one.rindex(b"]")])


def test_without_tools_the_calls_of_another_model_are_told_too():
    result = message("tool", "found", tool_call_id="call_1")

    kept = sent("litellm", message("user", "u"), said(content="Hm.", reasoning="r", tool_calls=[CALL]), result)

    assert kept[1:] == [
        {"role": "assistant", "content": "Hm.\n(I called look with {})"},
        {"role": "user", "content": "Result of look:\nfound"},
    ]


def test_a_result_whose_call_is_left_out_is_told_all_the_same():
    kept = sent("litellm", message("user", "u"), message("tool", "found", tool_call_id="gone"), message("user", "v"))

    assert [one["content"] for one in kept] == ["u", "Result of a tool:\nfound", "v"]


def test_neighbours_with_images_are_merged_in_parts():
    image = message("user", (TextPart("Look:"), ImagePart("https://h/x.png")))

    kept = sent("vllm", message("user", "One."), image, message("user", "Two."))

    assert kept == [
        {
            "role": "user",
            "content": [
                {"type": "text", "text": "One."},
                {"type": "text", "text": "Look:"},
                {"type": "image_url", "image_url": {"url": "https://h/x.png"}},
                {"type": "text", "text": "Two."},
            ],
        }
    ]


def test_a_text_beside_a_call_is_merged_without_losing_the_call():
    kept = sent("vllm", message("user", "u"), said(content="One."), said(content="", tool_calls=[PLAIN_CALL]))

    assert (kept[1]["content"], len(kept[1]["tool_calls"])) == ("One.", 1)


def test_results_are_never_merged():
    two = [{**PLAIN_CALL, "id": "a"}, {**PLAIN_CALL, "id": "b"}]
    results = (message("tool", "1", tool_call_id="a"), message("tool", "2", tool_call_id="b"))

    kept = sent("vllm", message("user", "u"), said(content="", tool_calls=two), *results)

    assert [one["role"] for one in kept] == ["user", "assistant", "tool", "tool"]
