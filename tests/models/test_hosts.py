import pytest

from bot.models.hosts import base_url, find_host


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


def test_unknown_host_type_lists_the_known_ones():
    with pytest.raises(ValueError, match="'olama' is not known; use one of: generic, openwebui"):
        find_host("olama")


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
