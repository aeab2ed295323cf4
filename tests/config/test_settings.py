"""Settings: sane defaults, one clear line for a wrong one, never its value."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from bot.config.settings import Settings, load, read_env_file
from bot.errors import ConfigError

ROOT = Path(__file__).parents[2]


def test_everything_has_a_default() -> None:
    settings, warnings = load({}, None)

    assert (settings.http_host, settings.http_port, settings.adapters, warnings) == ("127.0.0.1", 8080, ("web",), [])


def test_the_environment_wins_over_the_file(tmp_path: Path) -> None:
    (tmp_path / ".env").write_text("HTTP_PORT=1\nMAX_ROUNDS=3\n")

    settings, _ = load({"HTTP_PORT": "2"}, tmp_path / ".env")

    assert (settings.http_port, settings.max_rounds) == (2, 3)


def test_row_61_quotes_export_comments_crlf_and_a_byte_order_mark_are_understood(tmp_path: Path) -> None:
    text = "\ufeffWHO_MAY_TALK='admins'  # with a comment\r\nexport MODEL_NAME='my model' \r\n# a comment\r\n\r\n"
    text += 'PERSONA="x"\r\nMAX_ROUNDS=3 # three\r\n'
    (tmp_path / ".env").write_bytes(text.encode())

    assert read_env_file(tmp_path / ".env") == {
        "WHO_MAY_TALK": "admins",
        "MODEL_NAME": "my model",
        "PERSONA": "x",
        "MAX_ROUNDS": "3",
    }


WRONG = {
    "row 61 space at the end": ("DISCORD_TOKEN", "abc "),
    "row 61 line break inside": ("MODEL_NAME", "a\nb"),
    "row 62 swapped tokens": ("SLACK_BOT_TOKEN", "xapp-1-secretsecret"),
    "row 62 token of another platform": ("DISCORD_TOKEN", "xoxb-secretsecret"),
    "row 63 no scheme": ("MODEL_API_URL", "localhost:11434/v1"),
    "row 63 credentials": ("MODEL_API_URL", "https://user:secretsecret@example.org/v1"),
    "row 63 file": ("MODEL_API_URL", "file:///etc/secretsecret"),
    "row 63 plain http to a public host": ("MODEL_API_URL", "http://secretsecret.example.org/v1"),
    "row 63 no host": ("MODEL_API_URL", "http:///v1"),
    "row 63 bad port": ("MODEL_API_URL", "http://localhost:secretsecret/v1"),
    "row 64 zero": ("MODEL_TIMEOUT_S", "0"),
    "row 64 negative": ("MODEL_TIMEOUT_S", "-1"),
    "row 64 infinite": ("MODEL_TIMEOUT_S", "inf"),
    "row 64 not a number": ("MODEL_TIMEOUT_S", "nan"),
    "row 64 with a unit": ("MODEL_TIMEOUT_S", "10m"),
    "row 64 ttl zero": ("APPROVAL_TTL_S", "0"),
    "rounds": ("MAX_ROUNDS", "0"),
    "port": ("HTTP_PORT", "70000"),
    "adapter": ("ADAPTERS", "web,secretsecret"),
    "admin by name": ("ADMINS", "secretsecret"),
    "admin of Slack by name": ("ADMINS", "slack:T1/secret"),
    "admin of Slack without a workspace": ("ADMINS", "web:root,slack:U0SECRETsecret"),
    "admin of Discord by name": ("ADMINS", "discord:80351110224678912/secret"),
    "confirm text": ("CONFIRM_TEXT", "secretsecret"),
    "short key": ("SECRET_KEY", "secretsecret"),
    "short web token": ("WEB_TOKENS", "alice=secret"),
    "web token twice": ("WEB_TOKENS", "alice=secretsecretsecret,alice=secretsecretsecret"),
    "two people with one token": ("WEB_TOKENS", "alice=secretsecretsecret,bob=secretsecretsecret"),
    "row 61 an empty token": ("WEB_TOKENS", "alice="),
    "no adapter at all": ("ADAPTERS", ","),
    "web tokens without names": ("WEB_TOKENS", "secretsecretsecret"),
    "database": ("DATABASE_URL", "postgresql://user:secretsecret@host/db"),
}


TOKEN = "MTk4NjIyNDgzNDcxOTI1MjQ4.Cl2FMQ.ZnCjm1XVW7vRze4b7Cq4se7kKWs"
WRONG |= {
    "discord token in two parts": ("DISCORD_TOKEN", "secretsecret.secret"),
    "discord application id": ("DISCORD_TOKEN", "80351110224678912"),
    "discord token in four parts": ("DISCORD_TOKEN", f"{TOKEN}.secret"),
    "discord token with a space": ("DISCORD_TOKEN", "secret.secret secret.secret"),
    "discord token with other letters": ("DISCORD_TOKEN", "secr\u00e9t.secret.secret"),
    "discord token in quotes": ("DISCORD_TOKEN", f'"{TOKEN}"'),
    "discord token after Bot": ("DISCORD_TOKEN", f"Bot {TOKEN}"),
    "discord gateway over http": ("DISCORD_GATEWAY_URL", "https://secret.example.org"),
    "discord answers": ("DISCORD_ANSWERS", "secretsecret"),
    "discord message content": ("DISCORD_MESSAGE_CONTENT", "yes"),
    "discord bots by name": ("DISCORD_BOTS", "80351110224678912,secretsecret"),
    "discord bots with a short id": ("DISCORD_BOTS", "123"),
    "discord bots in other digits": ("DISCORD_BOTS", "\u0668" * 17),
    "discord shards below": ("DISCORD_SHARDS", "-1"),
    "discord shards above": ("DISCORD_SHARDS", "1025"),
    "approvals channel without a platform": ("APPROVALS_CHANNELS", "secret"),
    "approvals channel of nobody": ("APPROVALS_CHANNELS", "secret:80351110224678912/80351110224678913"),
    "approvals channel by name": ("APPROVALS_CHANNELS", "discord:80351110224678912/secret"),
    "approvals channel without a server": ("APPROVALS_CHANNELS", "discord:80351110224678912"),
    "approvals channel with a thread": ("APPROVALS_CHANNELS", "discord:80351110224678912/1/2"),
    "approvals channel of the page": ("APPROVALS_CHANNELS", "web:general"),
    "approvals channel with two arrows": ("APPROVALS_CHANNELS", "slack:T1>slack:T2>slack:T1/C1"),
    "approvals channel for nobody": ("APPROVALS_CHANNELS", "secret:T1>slack:T1/C1"),
    "approvals channel for the terminal": ("APPROVALS_CHANNELS", "cli:>slack:T1/C1"),
    "approvals channel with a #": ("APPROVALS_CHANNELS", "slack:T1/#secret"),
    "approvals by message": ("APPROVALS_DM", "secretsecret"),
}


@pytest.mark.parametrize(("key", "value"), WRONG.values(), ids=WRONG.keys())
def test_a_wrong_value_names_the_key_and_never_the_value(key: str, value: str) -> None:
    with pytest.raises(ConfigError) as refused:
        load({key: value}, None)

    assert refused.value.key == key
    assert refused.value.user_message.startswith(f"{key}: ")
    assert "\n" not in refused.value.user_message
    assert "secret" not in refused.value.user_message


SECRET = "8f742231b10e8888abcd99yyyzzz85a5"
WRONG |= {
    "slack app token in quotes": ("SLACK_APP_TOKEN", '"xapp-1-secretsecret"'),
    "slack bot token where the app's belongs": ("SLACK_APP_TOKEN", "xoxb-secretsecret"),
    "slack token of a person": ("SLACK_BOT_TOKEN", "xoxp-secretsecret"),
    "slack token that rotates": ("SLACK_BOT_TOKEN", "xoxe.xoxb-secretsecret"),
    "slack token where the signing secret belongs": ("SLACK_SIGNING_SECRET", "xoxb-secretsecret"),
    "slack signing secret too short": ("SLACK_SIGNING_SECRET", "secret"),
    "slack client secret with a space": ("SLACK_CLIENT_SECRET", "secretsecret secretsecret"),
    "slack client id": ("SLACK_CLIENT_ID", "secretsecret"),
    "slack mode": ("SLACK_MODE", "secretsecret"),
    "slack answers": ("SLACK_ANSWERS", "secretsecret"),
    "slack api over plain http": ("SLACK_API_URL", "http://secret.example.org/api/"),
    "slack public url without a scheme": ("SLACK_PUBLIC_URL", "secret.example.org"),
    "slack public url over plain http": ("SLACK_PUBLIC_URL", "http://secret.example.org"),
}


HINTS = {
    "Slack's": ("xoxb-1-2-3", "this is a Slack token"),
    "Slack's for apps": ("xapp-1-2-3", "this is a Slack token"),
    "quotes": (f'"{TOKEN}"', "leave out the quotes around it"),
    "Bot": (f"Bot {TOKEN}", "leave out the word Bot before it"),
    "something else": (
        "80351110224678912",
        "a bot token is three parts joined by dots: copy it from Bot > Token in the developer portal",
    ),
}


@pytest.mark.parametrize(("value", "hint"), HINTS.values(), ids=HINTS.keys())
def test_a_wrong_discord_token_says_what_is_wrong_with_it(value: str, hint: str) -> None:
    with pytest.raises(ConfigError) as refused:
        load({"DISCORD_TOKEN": value}, None)

    assert refused.value.user_message == f"DISCORD_TOKEN: {hint}"


def test_a_discord_token_where_slack_s_belongs_is_refused() -> None:
    with pytest.raises(ConfigError, match="SLACK_BOT_TOKEN: it begins with xoxb-; is another token in its place"):
        load({"SLACK_BOT_TOKEN": TOKEN}, None)


@pytest.mark.parametrize(
    ("key", "value", "hint"),
    [
        ("SLACK_BOT_TOKEN", "xapp-1-2-3", "this is an app-level token: it belongs in SLACK_APP_TOKEN"),
        ("SLACK_APP_TOKEN", "xoxb-1-2-3", "this is the bot token: it belongs in SLACK_BOT_TOKEN"),
        ("SLACK_SIGNING_SECRET", "xapp-1-2-3", "this is an app-level token: it belongs in SLACK_APP_TOKEN"),
        (
            "SLACK_BOT_TOKEN",
            "xoxp-1-2-3",
            "this is a person's token: copy the Bot User OAuth Token (xoxb-) from OAuth & Permissions",
        ),
        ("SLACK_CLIENT_ID", "A012345", "it is two numbers with a dot between: copy it from Basic Information"),
    ],
)
def test_a_wrong_value_of_slack_says_where_it_belongs(key: str, value: str, hint: str) -> None:
    with pytest.raises(ConfigError) as refused:
        load({key: value}, None)

    assert refused.value.user_message == f"{key}: {hint}"


OVER_SOCKET = {"ADAPTERS": "slack", "SLACK_BOT_TOKEN": "xoxb-1-2-3", "SLACK_APP_TOKEN": "xapp-1-2-3"}
OVER_HTTP = {
    "ADAPTERS": "slack",
    "SLACK_MODE": "http",
    "SLACK_BOT_TOKEN": "xoxb-1-2-3",
    "SLACK_SIGNING_SECRET": SECRET,
}
FOR_MANY = {
    "ADAPTERS": "web,slack",
    "SLACK_MODE": "http",
    "SLACK_SIGNING_SECRET": SECRET,
    "SLACK_CLIENT_ID": "123.456",
    "SLACK_CLIENT_SECRET": SECRET,
    "SLACK_PUBLIC_URL": "https://nod.example.org",
}


@pytest.mark.parametrize("environment", [OVER_SOCKET, OVER_HTTP, FOR_MANY], ids=["socket", "http", "many"])
def test_slack_can_be_named_with_what_it_needs(environment: dict[str, str]) -> None:
    settings, warnings = load(environment, None)

    assert "slack" in settings.adapters
    assert warnings == []
    assert not any(value in repr(settings) for key, value in environment.items() if "SECRET" in key or "TOKEN" in key)


@pytest.mark.parametrize(
    ("environment", "key"),
    [
        *((OVER_SOCKET, key) for key in ("SLACK_BOT_TOKEN", "SLACK_APP_TOKEN")),
        *((OVER_HTTP, key) for key in ("SLACK_BOT_TOKEN", "SLACK_SIGNING_SECRET")),
        *((FOR_MANY, key) for key in FOR_MANY if key not in ("ADAPTERS", "SLACK_MODE")),
    ],
)
def test_row_61_what_slack_lacks_is_named(environment: dict[str, str], key: str) -> None:
    with pytest.raises(ConfigError) as refused:
        load({**environment, key: ""}, None)

    assert refused.value.key == key
    assert SECRET not in refused.value.user_message


def test_several_workspaces_are_for_http_and_have_tokens_of_their_own() -> None:
    with pytest.raises(ConfigError, match="SLACK_MODE: several workspaces"):
        load({**FOR_MANY, "SLACK_MODE": "socket"}, None)
    with pytest.raises(ConfigError, match="SLACK_BOT_TOKEN: leave it empty with SLACK_CLIENT_ID"):
        load({**FOR_MANY, "SLACK_BOT_TOKEN": "xoxb-1-2-3"}, None)


def test_slack_s_settings_are_not_missed_where_it_is_not_used() -> None:
    assert load({"SLACK_MODE": "http", "SLACK_CLIENT_ID": "1.2"}, None)[0].adapters == ("web",)


@pytest.mark.parametrize("adapters", ["discord", "web,discord"])
def test_discord_needs_its_token(adapters: str) -> None:
    with pytest.raises(ConfigError) as refused:
        load({"ADAPTERS": adapters}, None)

    assert refused.value.key == "DISCORD_TOKEN"
    assert refused.value.user_message == "DISCORD_TOKEN: ADAPTERS names discord: set it to the bot token"


def test_discord_s_settings_as_they_are_meant() -> None:
    ids = "80351110224678912, 1234567890123456789"
    channels = f"discord:{ids.replace(', ', '/')}, slack:T1>discord:1/2,web:>slack:T1/C1,slack:T1/C2"
    settings, _ = load(
        {
            "ADAPTERS": "discord",
            "DISCORD_TOKEN": TOKEN,
            "DISCORD_BOTS": ids,
            "DISCORD_SHARDS": "1024",
            "DISCORD_ANSWERS": "place",
            "DISCORD_MESSAGE_CONTENT": "off",
            "APPROVALS_CHANNELS": channels,
            "APPROVALS_DM": "true",
        },
        None,
    )

    assert settings.adapters == ("discord",)
    assert settings.discord_bots == ("80351110224678912", "1234567890123456789")
    assert settings.approvals_channels == (
        "discord:80351110224678912/1234567890123456789",
        "slack:T1>discord:1/2",
        "web:>slack:T1/C1",
        "slack:T1/C2",
    )
    assert (settings.discord_shards, settings.discord_answers, settings.discord_message_content) == (
        1024,
        "place",
        "off",
    )
    assert settings.has_copies
    assert TOKEN in settings.secret_values()
    assert TOKEN not in repr(settings)


@pytest.mark.parametrize(
    ("env", "has_copies"),
    [({}, False), ({"APPROVALS_DM": "true"}, True), ({"APPROVALS_CHANNELS": "discord:1/2"}, True)],
)
def test_cards_are_shown_elsewhere_where_that_is_said(env: dict[str, str], has_copies: bool) -> None:
    assert load(env, None)[0].has_copies is has_copies


@pytest.mark.parametrize(
    "url",
    [
        "http://localhost:11434/v1",
        "http://192.168.1.5:8000/v1",
        "http://ollama:11434/v1",
        "https://openrouter.ai/api/v1",
    ],
)
def test_plain_http_is_for_near_hosts(url: str) -> None:
    assert load({"MODEL_API_URL": url}, None)[0].model_api_url == url


def test_row_67_an_unknown_key_is_a_warning_with_the_closest_known_one(tmp_path: Path) -> None:
    (tmp_path / ".env").write_text("MODEL_NAEM=x\n")

    _, warnings = load({}, tmp_path / ".env")

    assert warnings == ["MODEL_NAEM in .env is not a setting; did you mean MODEL_NAME?"]


def test_row_67_a_slip_in_the_environment_is_a_warning_too() -> None:
    _, warnings = load({"MODEL_API_URLS": "x", "PATH": "/bin", "HOME": "/"}, None)

    assert warnings == ["MODEL_API_URLS in the environment is not a setting; did you mean MODEL_API_URL?"]


@pytest.mark.parametrize("text", ["MAX_ROUNDS=1\nMAX_ROUNDS=2\n", "MAX_ROUNDS=1\nexport max_rounds=2\n"])
def test_row_67_a_key_that_stands_twice_is_refused(tmp_path: Path, text: str) -> None:
    (tmp_path / ".env").write_text(text)

    with pytest.raises(ConfigError, match="stands twice"):
        load({}, tmp_path / ".env")


@pytest.mark.parametrize("text", ["JUST WORDS\n", "MODEL_NAME='open\n", "=x\n"])
def test_a_line_that_is_none_is_refused(tmp_path: Path, text: str) -> None:
    (tmp_path / ".env").write_text(text)

    with pytest.raises(ConfigError):
        load({}, tmp_path / ".env")


def test_secrets_are_listed_for_masking_and_hidden_from_print() -> None:
    settings, _ = load({"MODEL_API_KEY": "sk-canary-0123", "WEB_TOKENS": "a=0123456789abcdef"}, None)

    assert set(settings.secret_values()) == {"sk-canary-0123", "0123456789abcdef"}
    assert "canary" not in repr(settings)
    assert "0123456789abcdef" not in repr(settings)


def test_env_example_names_every_setting_with_its_default_and_purpose() -> None:
    lines = (ROOT / ".env.example").read_text("utf-8").splitlines()
    shown = {match[1]: match[2] for line in lines if (match := re.fullmatch(r"#?([A-Z_]+)=(.*)", line))}
    comments = "\n".join(line for line in lines if line.startswith("# "))

    assert list(shown) == [name.upper() for name in Settings.model_fields]
    defaults, _ = load({}, None)
    settings, _ = load({key: value for key, value in shown.items() if value}, None)
    assert settings.model_dump() == defaults.model_dump()
    for field in Settings.model_fields.values():
        assert field.description is not None
        assert field.description in comments


def test_row_61_discord_needs_its_token() -> None:
    with pytest.raises(ConfigError) as refused:
        load({"ADAPTERS": "discord"}, None)

    assert refused.value.key == "DISCORD_TOKEN"
    assert "ADAPTERS names discord" in refused.value.user_message


@pytest.mark.parametrize(
    ("token", "why"),
    [
        ("xoxb-1234567890-abcdef", "a Slack token"),
        ("MTAw", "three parts joined by dots"),
        ("Bot MTAw.abc.def-ghi", "leave out the word Bot"),
        ("MTAw.abc", "three parts joined by dots"),
    ],
)
def test_row_62_a_discord_token_is_known_by_its_shape(token: str, why: str) -> None:
    with pytest.raises(ConfigError) as refused:
        load({"ADAPTERS": "discord", "DISCORD_TOKEN": token}, None)

    assert refused.value.key == "DISCORD_TOKEN"
    assert why in refused.value.user_message
    assert token not in refused.value.user_message


def test_discord_can_be_named_once_it_has_a_token() -> None:
    settings, _ = load({"ADAPTERS": "web,discord", "DISCORD_TOKEN": "MTAw.abc.def-ghi"}, None)

    assert settings.adapters == ("web", "discord")


@pytest.mark.parametrize(
    ("key", "value"),
    [
        ("DISCORD_BOTS", "nod-helper"),
        ("DISCORD_BOTS", "123"),
        ("DISCORD_ANSWERS", "channel"),
        ("DISCORD_MESSAGE_CONTENT", "yes"),
        ("DISCORD_SHARDS", "-1"),
        ("DISCORD_SHARDS", "2000"),
        ("DISCORD_API_URL", "http://discord.example"),
        ("DISCORD_GATEWAY_URL", "https://gateway.example"),
        ("APPROVALS_CHANNELS", "#approvals"),
        ("APPROVALS_CHANNELS", "discord:1/2/3"),
        ("WHILE_BUSY", "drop"),
    ],
)
def test_a_wrong_word_about_discord_names_its_key(key: str, value: str) -> None:
    with pytest.raises(ConfigError) as refused:
        load({key: value}, None)

    assert refused.value.key == key
    assert value not in refused.value.user_message


def test_channels_for_approvals_are_places() -> None:
    text = "discord:123/456,slack:T1>discord:123/456,web:>discord:1/2"

    assert load({"APPROVALS_CHANNELS": text}, None)[0].approvals_channels == tuple(text.split(","))
