"""How long a prompt may be: what is asked of which host, and what its answer says."""

import pytest

from bot.models.hosts import HOSTS, base_url, find_host
from bot.models.windows import WindowAsk, window_asks, window_of


def asked(host, api_url, model="m"):
    row = find_host(host)
    return window_asks(row, base_url(row, api_url), model)


@pytest.mark.parametrize(
    ("host", "api_url", "method", "url"),
    [
        ("generic", "https://h.example/api", "GET", "https://h.example/api/models"),
        ("openrouter", "https://openrouter.ai", "GET", "https://openrouter.ai/api/v1/models"),
        ("litellm", "http://localhost:4000/v1", "GET", "http://localhost:4000/model/info"),
        ("vllm", "http://localhost:8000", "GET", "http://localhost:8000/v1/models"),
        ("llamacpp", "http://localhost:8080/llama", "GET", "http://localhost:8080/llama/props"),
        ("lmstudio", "http://localhost:1234/v1", "GET", "http://localhost:1234/api/v0/models"),
    ],
)
def test_each_host_is_asked_in_its_own_place(host, api_url, method, url):
    assert asked(host, api_url) == (WindowAsk(method, url),)


def test_ollama_is_asked_for_what_is_loaded_and_then_for_what_the_model_says():
    assert asked("ollama", "http://localhost:11434", "qwen3:8b") == (
        WindowAsk("GET", "http://localhost:11434/api/ps"),
        WindowAsk("POST", "http://localhost:11434/api/show", {"model": "qwen3:8b"}),
    )


@pytest.mark.parametrize("host", ["openai", "openwebui", "gemini", "deepseek"])
def test_a_host_that_does_not_say_is_not_asked(host):
    assert asked(host, HOSTS[host].address) == ()


OPENROUTER = {
    "data": [
        {"id": "a/b", "context_length": 131072, "top_provider": {"context_length": 32768}},
        {"id": "a/c:free", "context_length": 8192, "top_provider": {"context_length": None}},
    ]
}
LITELLM = {
    "data": [
        {"model_name": "gpt", "litellm_params": {"model": "azure/x"}, "model_info": {"max_input_tokens": 128000}},
        {"model_name": "gpt", "litellm_params": {"model": "openai/y"}, "model_info": {"max_input_tokens": 64000}},
        {"model_name": "odd", "model_info": {"max_tokens": 4096, "max_input_tokens": None}},
    ]
}
OLLAMA_PS = {"models": [{"name": "llama3:latest", "model": "llama3:latest", "context_length": 4096}]}
OLLAMA_SHOW = {
    "parameters": 'stop    "<|im_end|>"\nnum_ctx                        16384\ntemperature 0.7',
    "model_info": {"qwen3.context_length": 40960},
}


@pytest.mark.parametrize(
    ("host", "model", "answer", "tokens"),
    [
        ("llamacpp", "any", {"default_generation_settings": {"n_ctx": 8192}, "total_slots": 4}, 8192),
        ("llamacpp", "any", {"default_generation_settings": {}}, None),
        ("vllm", "org/model", {"data": [{"id": "org/model", "max_model_len": 4096}]}, 4096),
        ("vllm", "org/other", {"data": [{"id": "org/model", "max_model_len": 4096}]}, None),
        ("openrouter", "a/b", OPENROUTER, 32768),
        ("openrouter", "a/b:nitro", OPENROUTER, 32768),
        ("openrouter", "a/c:free", OPENROUTER, 8192),
        ("lmstudio", "q", {"data": [{"id": "q", "max_context_length": 32768, "loaded_context_length": 4096}]}, 4096),
        ("lmstudio", "q", {"data": [{"id": "q", "state": "not-loaded", "max_context_length": 32768}]}, None),
        ("litellm", "gpt", LITELLM, 64000),
        ("litellm", "odd", LITELLM, None),
        ("ollama", "llama3", OLLAMA_PS, 4096),
        ("ollama", "other", OLLAMA_PS, None),
        ("ollama", "qwen3", OLLAMA_SHOW, 16384),
        ("ollama", "qwen3", {"model_info": {"qwen3.context_length": 40960}}, None),
        ("generic", "m", {"data": [{"id": "m", "context_window": 131072}]}, 131072),
        ("openai", "m", {"data": [{"id": "m", "context_length": 1}]}, None),
    ],
)
def test_the_window_is_read_from_the_shape_of_each_host(host, model, answer, tokens):
    assert window_of(find_host(host), model, answer) == tokens


@pytest.mark.parametrize(
    "answer", [None, [], "x", 5, {}, {"data": None}, {"data": [None, 5]}, {"data": [{"id": "m", "max_model_len": "9"}]}]
)
def test_an_answer_of_another_shape_says_nothing(answer):
    assert all(window_of(host, "m", answer) is None for host in HOSTS.values())


@pytest.mark.parametrize("tokens", [0, -1, True, 1.5, None])
def test_senseless_windows_are_none(tokens):
    assert window_of(find_host("vllm"), "m", {"data": [{"id": "m", "max_model_len": tokens}]}) is None
