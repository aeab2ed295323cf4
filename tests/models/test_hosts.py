import re
from pathlib import Path

import pytest

from bot.config.settings import Settings
from bot.models.hosts import HOSTS, base_url, find_host, root_url


@pytest.mark.parametrize(
    "given",
    [
        "https://chat.example.org",
        "https://chat.example.org/",
        "https://chat.example.org/api",
        "https://chat.example.org/api/",
        "https://chat.example.org/api/chat/completions",
        "https://chat.example.org/api/chat/completions/",
    ],
)
def test_openwebui_adds_api_exactly_once(given):
    assert base_url(find_host("openwebui"), given) == "https://chat.example.org/api"


def test_openwebui_behind_a_path_keeps_the_path():
    assert base_url(find_host("openwebui"), "http://h:3000/my-api/") == "http://h:3000/my-api/api"


@pytest.mark.parametrize(
    ("given", "base"),
    [
        ("http://127.0.0.1:8000/v1", "http://127.0.0.1:8000/v1"),
        ("http://127.0.0.1:8000/v1/", "http://127.0.0.1:8000/v1"),
        ("http://[::1]:8000", "http://[::1]:8000"),
        ("https://api.example.org/v1/chat/completions", "https://api.example.org/v1"),
    ],
)
def test_generic_takes_the_address_as_given(given, base):
    assert base_url(find_host("generic"), given) == base


@pytest.mark.parametrize(
    ("host", "given", "base"),
    [
        ("openai", "https://api.openai.com", "https://api.openai.com/v1"),
        ("openai", "https://api.openai.com/v1/", "https://api.openai.com/v1"),
        ("openrouter", "https://openrouter.ai", "https://openrouter.ai/api/v1"),
        ("openrouter", "https://openrouter.ai/api", "https://openrouter.ai/api/v1"),
        ("openrouter", "https://openrouter.ai/api/v1/chat/completions", "https://openrouter.ai/api/v1"),
        ("litellm", "http://localhost:4000", "http://localhost:4000/v1"),
        ("ollama", "http://localhost:11434", "http://localhost:11434/v1"),
        ("ollama", "http://localhost:11434/", "http://localhost:11434/v1"),
        ("ollama", "http://localhost:11434/v1", "http://localhost:11434/v1"),
        ("ollama", "http://localhost/proxy/ollama", "http://localhost/proxy/ollama/v1"),
        (
            "gemini",
            "https://generativelanguage.googleapis.com",
            "https://generativelanguage.googleapis.com/v1beta/openai",
        ),
        (
            "gemini",
            "https://generativelanguage.googleapis.com/v1beta/",
            "https://generativelanguage.googleapis.com/v1beta/openai",
        ),
        (
            "gemini",
            "https://generativelanguage.googleapis.com/v1beta/openai/",
            "https://generativelanguage.googleapis.com/v1beta/openai",
        ),
        ("vllm", "http://localhost:8000", "http://localhost:8000/v1"),
        ("llamacpp", "http://localhost:8080", "http://localhost:8080/v1"),
        ("lmstudio", "http://localhost:1234", "http://localhost:1234/v1"),
        ("deepseek", "https://api.deepseek.com", "https://api.deepseek.com"),
        ("deepseek", "https://api.deepseek.com/v1", "https://api.deepseek.com/v1"),
    ],
)
def test_what_the_host_adds_to_its_address_is_added_once(host, given, base):
    assert base_url(find_host(host), given) == base
    assert base_url(find_host(host), base) == base


@pytest.mark.parametrize("host", HOSTS.values(), ids=HOSTS)
def test_the_address_of_every_row_is_one_that_can_be_written(host):
    base = base_url(host, host.address)

    assert base.endswith(host.api_path)
    assert root_url(host, base) + host.api_path == base


def test_an_unknown_host_is_told_the_closest_and_all_of_them():
    with pytest.raises(ValueError, match=r"'olama' is not known; did you mean 'ollama'[?] Use one of: generic, open"):
        find_host("olama")


def test_a_host_unlike_any_other_is_told_all_of_them():
    with pytest.raises(ValueError, match=r"'xyz' is not known; use one of: generic, .*, deepseek$"):
        find_host("xyz")


@pytest.mark.parametrize(
    ("given", "why"),
    [
        ("ftp://h/v1", "must start with http"),
        ("h:8000/v1", "must start with http"),
        ("http://", "names no host"),
        ("http://:8000", "names no host"),
        ("http://h:99999", "not a valid URL"),
        ("http://a..b", "not a valid URL"),
        (f"http://{'a' * 70}.example", "not a valid URL"),
        ("http://[::1", "not a valid URL"),
        ("https://user:hunter2@h/v1", "must not contain a user or password"),
        ("https://h/v1?key=hunter2", "must not contain '[?]'"),
        ("https://h/v1 ", "spaces or control characters"),
        ("https://h/\nv1", "spaces or control characters"),
    ],
)
def test_unusable_urls_are_refused_without_repeating_them(given, why):
    with pytest.raises(ValueError, match=why) as caught:
        base_url(find_host("generic"), given)

    assert "hunter2" not in str(caught.value)


def test_the_page_on_models_has_a_row_for_every_host():
    page = (Path(__file__).parents[2] / "docs" / "models.md").read_text("utf-8")
    rows = re.findall(r"^\| `(\w+)` \| `([^`]+)` \| .+ \|$", page, re.MULTILINE)

    assert rows == [(host.name, host.address) for host in HOSTS.values()]


def test_the_setting_names_every_host():
    assert f": {', '.join(HOSTS)}." in str(Settings.model_fields["model_host_type"].description)
