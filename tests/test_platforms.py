"""What the operator set, as the platforms take it."""

from __future__ import annotations

from pathlib import Path

from adapters.slack.options import API_URL, Options
from bot.config.settings import load
from bot.platforms import slack_options

SECRET = "8f742231b10e8888abcd99yyyzzz85a5"


def options(data_dir: Path, **environment: str) -> Options:
    return slack_options(load({"DATA_DIR": str(data_dir), **environment}, None)[0])


def test_slack_over_a_socket(tmp_path: Path) -> None:
    given = options(tmp_path, SLACK_BOT_TOKEN="xoxb-1-2-3", SLACK_APP_TOKEN="xapp-1-2-3")

    assert given == Options(data_dir=tmp_path, bot_token="xoxb-1-2-3", app_token="xapp-1-2-3", api_url=API_URL)
    assert not given.has_many
    assert list(tmp_path.iterdir()) == []


def test_slack_over_http_for_several_workspaces(tmp_path: Path) -> None:
    given = options(
        tmp_path,
        SLACK_MODE="http",
        SLACK_ANSWERS="place",
        SLACK_SIGNING_SECRET=SECRET,
        SLACK_CLIENT_ID="1.2",
        SLACK_CLIENT_SECRET=SECRET,
        SLACK_PUBLIC_URL="https://nod.example",
        SECRET_KEY=SECRET,
    )

    assert (given.mode, given.answers, given.signing_secret) == ("http", "place", SECRET)
    assert (given.client_id, given.client_secret, given.public_url) == ("1.2", SECRET, "https://nod.example")
    assert given.secret_key == SECRET.encode()
    assert given.has_many


def test_the_key_of_the_data_folder_is_made_where_tokens_are_kept_with_it(tmp_path: Path) -> None:
    given = options(tmp_path, SLACK_CLIENT_ID="1.2")

    assert len(given.secret_key) == 64
    assert (tmp_path / "secret.key").read_bytes() == given.secret_key


def test_a_proxy_of_slack_is_named_with_or_without_a_slash(tmp_path: Path) -> None:
    urls = [
        options(tmp_path, SLACK_API_URL=url).api_url
        for url in ("https://proxy.example/api", "https://proxy.example/api/")
    ]

    assert urls == ["https://proxy.example/api/"] * 2
