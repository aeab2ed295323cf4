"""Every setting of the bot, with its default, its bounds and the sentence said when it is wrong.

Values come from the environment, then from `.env`. A wrong one is a `ConfigError` that names the key and never the
value.
"""

from __future__ import annotations

import difflib
import os
import re
from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Literal

from pydantic import Field, SecretStr, ValidationError, ValidationInfo, field_validator, model_validator
from pydantic_core import PydanticCustomError
from pydantic_settings import BaseSettings, NoDecode, PydanticBaseSettingsSource, SettingsConfigDict

from bot import crash
from bot.config.shapes import (
    SLACK_KEYS,
    SLACK_SHAPES,
    checked_url,
    no_actor,
    no_discord_token,
    no_slack_value,
    slack_lacks,
)
from bot.errors import ConfigError

ADAPTERS = ("web", "discord", "slack")
_ROLE = re.compile(r"[a-z][a-z0-9_-]{0,39}")
_CHANNEL = re.compile(
    rf"(?:(?:{'|'.join(ADAPTERS)}):[\w.-]*>)?(?:discord:[0-9]+/[0-9]+|slack:[A-Z0-9]+/[A-Z0-9]+)", re.ASCII
)
"""For which workspace, where that is another, and a channel by its ids: the web page shows its own cards alone."""

Words = Annotated[tuple[str, ...], NoDecode]
"""A comma-separated list."""


class Settings(BaseSettings):
    """The contract with the operator; `.env.example` says the same in the same order (a test holds them together)."""

    model_config = SettingsConfigDict(env_file=None, extra="ignore", frozen=True, case_sensitive=False)

    adapters: Words = Field(("web",), description="Where the bot talks: web, discord, slack (comma-separated).")
    admins: Words = Field((), description="Who administers it: web:root, discord:<guild>/<id>, slack:<team>/<id>.")
    who_may_talk: Words = Field(
        ("members",),
        description="Who may talk to it: everyone, members, guests, external, admins, or roles (comma-separated).",
    )
    default_role: str = Field("user", description="The role of members to whom no admin gave one.")

    data_dir: Path = Field(Path("data"), description="Folder of the database, notes, files and keys.")
    database_url: str = Field("", description="Database; empty = SQLite in DATA_DIR.")
    secret_key: SecretStr = Field(
        SecretStr(""), description="Signs sessions; at least 32 characters. Empty = made once and kept in DATA_DIR."
    )

    http_host: str = Field("127.0.0.1", description="Address of the web page; beyond loopback needs WEB_TOKENS.")
    http_port: int = Field(8080, ge=0, le=65535, description="Port of the web page; 0 = any free one.")
    http_hostnames: Words = Field((), description="Public names of the web page, for example nod.example.org.")
    web_tokens: dict[str, SecretStr] = Field(
        default_factory=dict, description="Who may use the web page: name=token,name=token (tokens of 16 or more)."
    )

    web_groups: dict[str, tuple[str, ...]] = Field(
        default_factory=dict, description="Groups of people of the web page: ops=alice+bob,finance=carol."
    )

    retention_days: int = Field(
        0, ge=0, le=36_500, description="Days until what was said and done is forgotten; 0 = never."
    )
    audit_days: int = Field(0, ge=0, le=36_500, description="Days until a row of the audit is removed; 0 = never.")

    model_api_url: str = Field("", description="Base URL of an OpenAI-compatible endpoint.")
    model_api_key: SecretStr = Field(SecretStr(""), description="Its key; empty for local servers.")
    model_name: str = Field("", description="The model's name at that endpoint.")
    model_host_type: str = Field(
        "generic",
        description="Kind of endpoint: generic, openwebui, openai, openrouter, litellm, ollama, gemini, vllm, "
        "llamacpp, lmstudio, deepseek.",
    )
    model_context_k: int | None = Field(None, ge=1, le=10_000, description="Context window in thousand tokens.")
    model_vision: bool | None = Field(None, description="Whether the model sees images.")
    model_timeout_s: float = Field(120, ge=1, le=3600, description="Seconds one model reply may take.")
    models_file: Path | None = Field(None, description="A models.toml with more models; see docs.")

    max_rounds: int = Field(12, ge=1, le=200, description="Model replies with tool calls in one run, at most.")
    history_messages: int = Field(6, ge=0, le=1000, description="Earlier messages given to `bot.run`.")
    run_timeout_s: float = Field(900, ge=10, le=86_400, description="Seconds of active work of one run.")
    while_busy: Literal["queue", "steer"] = Field(
        "queue", description="What its person says meanwhile: queue (answered after it) or steer (told to the run)."
    )
    persona: str = Field("default", description="Name of a persona in bot/config/personas, or a path to a text file.")

    default_approver: str = Field(
        "requester", description="Who approves: requester, admin, not_requester, a role, `2 of finance`; see docs."
    )
    confirm_text: Literal["template", "model"] = Field("template", description="Who words the question at the gate.")
    approval_ttl_s: int = Field(86_400, ge=60, le=31_536_000, description="Seconds until an approval expires.")
    approval_reminders: int = Field(1, ge=0, le=5, description="Reminders to approvers while an approval waits.")
    approvals_channels: Words = Field(
        (),
        description="Where cards are shown as well: discord:<guild>/<channel>; slack:<team>>discord:<guild>/<channel>.",
    )
    approvals_dm: bool = Field(False, description="Whether who may approve is sent the card as a direct message.")
    tools_dir: Path | None = Field(None, description="Folder with your own tools, one Python file each.")

    discord_token: SecretStr = Field(SecretStr(""), description="Discord bot token.")
    discord_api_url: str = Field("", description="Discord REST base, for proxies.")
    discord_gateway_url: str = Field("", description="Discord gateway, for proxies.")
    discord_answers: Literal["thread", "place"] = Field(
        "thread", description="A question in a channel opens a thread, or is answered in its place."
    )
    discord_message_content: Literal["auto", "on", "off"] = Field(
        "auto", description="Whether it reads along (Message Content intent); auto = where the portal allows it."
    )
    discord_bots: Words = Field((), description="Ids of bots and webhooks it listens to, as it does to members.")
    discord_shards: int = Field(0, ge=0, le=1024, description="Connections to Discord's gateway; 0 = one, unsharded.")
    slack_bot_token: SecretStr = Field(SecretStr(""), description="Slack bot token (xoxb-).")
    slack_app_token: SecretStr = Field(SecretStr(""), description="Slack app token (xapp-), for socket mode.")
    slack_signing_secret: SecretStr = Field(SecretStr(""), description="Slack signing secret, for HTTP mode.")
    slack_api_url: str = Field("", description="Slack Web API base, for proxies.")
    slack_mode: Literal["socket", "http"] = Field("socket", description="How Slack reaches the bot.")
    slack_answers: Literal["thread", "place"] = Field(
        "thread", description="A question in a channel opens a thread, or is answered in its place."
    )
    slack_client_id: str = Field("", description="Slack client id: any workspace may install the bot, over HTTP.")
    slack_client_secret: SecretStr = Field(SecretStr(""), description="Its secret.")
    slack_public_url: str = Field("", description="Where Slack and browsers reach the bot: https://nod.example.org.")

    log_level: Literal["debug", "info", "warning", "error"] = Field("info", description="How much is logged.")
    log_format: Literal["console", "json"] = Field("console", description="Lines for people or for machines.")
    crash_at: str = Field("", description="For tests only: crash at this named point; see docs/reliability.md.")

    @classmethod
    def settings_customise_sources(
        cls,
        settings_cls: type[BaseSettings],
        init_settings: PydanticBaseSettingsSource,
        env_settings: PydanticBaseSettingsSource,
        dotenv_settings: PydanticBaseSettingsSource,
        file_secret_settings: PydanticBaseSettingsSource,
    ) -> tuple[PydanticBaseSettingsSource, ...]:
        """Only what `load` hands in: it reads the environment and `.env` itself, to refuse what is odd there."""
        return (init_settings,)

    @field_validator(
        *("adapters", "admins", "http_hostnames", "who_may_talk", "discord_bots", "approvals_channels"), mode="before"
    )
    @classmethod
    def _split(cls, value: object) -> object:
        return tuple(word.strip() for word in value.split(",") if word.strip()) if isinstance(value, str) else value

    @field_validator("web_tokens", mode="before")
    @classmethod
    def _pairs(cls, value: object) -> object:
        if not isinstance(value, str):
            return value
        pairs = [pair.strip() for pair in value.split(",") if pair.strip()]
        if not all("=" in pair for pair in pairs):
            raise ValueError("write it as name=token,name=token")
        names = [pair.partition("=")[0].strip() for pair in pairs]
        if len(set(names)) != len(names):
            raise ValueError("a name stands twice")
        return {pair.partition("=")[0].strip(): pair.partition("=")[2].strip() for pair in pairs}

    @field_validator("web_groups", mode="before")
    @classmethod
    def _groups(cls, value: object) -> object:
        if not isinstance(value, str):
            return value
        pairs = [pair.strip() for pair in value.split(",") if pair.strip()]
        groups = {name.strip(): names for name, equals, names in (pair.partition("=") for pair in pairs) if equals}
        if len(groups) != len(pairs) or not all(re.fullmatch(r"[\w.-]{1,64}", name) for name in groups):
            raise ValueError("write it as group=name+name,group=name, each group once")
        return {name: tuple(one.strip() for one in names.split("+") if one.strip()) for name, names in groups.items()}

    @field_validator("who_may_talk")
    @classmethod
    def _talkers(cls, value: tuple[str, ...]) -> tuple[str, ...]:
        if not value or not all(_ROLE.fullmatch(word) for word in value):
            raise ValueError("write everyone, members, guests, external, admins, or roles")
        return value

    @field_validator("default_role")
    @classmethod
    def _one_role(cls, value: str) -> str:
        if not _ROLE.fullmatch(value) or value == "admin":
            raise ValueError("a role is lower-case letters, digits, dash, underscore, and not admin")
        return value

    @field_validator("web_tokens")
    @classmethod
    def _long_tokens(cls, value: dict[str, SecretStr]) -> dict[str, SecretStr]:
        if any(not re.fullmatch(r"[\w.-]{1,64}", name) for name in value):
            raise ValueError("names are letters, digits, dot, dash, underscore")
        if any(len(token.get_secret_value()) < 16 for token in value.values()):
            raise ValueError("every token needs at least 16 characters")
        if len({token.get_secret_value() for token in value.values()}) != len(value):
            raise ValueError("two people have the same token")
        return value

    @field_validator("adapters")
    @classmethod
    def _known_adapters(cls, value: tuple[str, ...]) -> tuple[str, ...]:
        if not value:
            raise ValueError("name at least one")
        for name in value:
            if name not in ADAPTERS:
                raise ValueError(f"known are {', '.join(ADAPTERS)}")
        return value

    @field_validator("admins")
    @classmethod
    def _identities(cls, value: tuple[str, ...]) -> tuple[str, ...]:
        if why := next(filter(None, map(no_actor, value)), None):
            raise ValueError(why)
        return value

    @field_validator("discord_bots")
    @classmethod
    def _numbers(cls, value: tuple[str, ...]) -> tuple[str, ...]:
        if any(not re.fullmatch(r"[0-9]{15,20}", one) for one in value):
            raise ValueError("write ids as Discord shows them with developer mode on, for example 80351110224678912")
        return value

    @field_validator("approvals_channels")
    @classmethod
    def _places(cls, value: tuple[str, ...]) -> tuple[str, ...]:
        if any(not _CHANNEL.fullmatch(one) for one in value):
            raise ValueError("write each by its ids, for example discord:123/456 or slack:T1>discord:123/456")
        return value

    @field_validator("model_api_url", "discord_api_url", "slack_api_url", "slack_public_url")
    @classmethod
    def _http_url(cls, value: str) -> str:
        return checked_url(value, {"http", "https"})

    @field_validator("discord_gateway_url")
    @classmethod
    def _ws_url(cls, value: str) -> str:
        return checked_url(value, {"ws", "wss"})

    @field_validator("model_timeout_s", "run_timeout_s")
    @classmethod
    def _finite(cls, value: float) -> float:
        if value != value or value == float("inf"):
            raise ValueError("write a number of seconds")
        return value

    @field_validator("secret_key")
    @classmethod
    def _long_key(cls, value: SecretStr) -> SecretStr:
        if 0 < len(value.get_secret_value()) < 32:
            raise ValueError("use at least 32 characters, or leave it empty")
        return value

    @field_validator("discord_token")
    @classmethod
    def _token_of_discord(cls, value: SecretStr) -> SecretStr:
        text = value.get_secret_value()
        if text and (why := no_discord_token(text)):
            raise ValueError(why)
        return value

    @field_validator(*SLACK_SHAPES)
    @classmethod
    def _of_slack(cls, value: SecretStr | str, info: ValidationInfo) -> SecretStr | str:
        text = value if isinstance(value, str) else value.get_secret_value()
        if text and (why := no_slack_value(info.field_name or "", text)):
            raise ValueError(why)
        return value

    @field_validator("crash_at")
    @classmethod
    def _crash_point(cls, value: str) -> str:
        crash.check(value)
        return value

    @field_validator("database_url")
    @classmethod
    def _sqlite(cls, value: str) -> str:
        if value and not value.startswith("sqlite+aiosqlite://"):
            raise ValueError("this version stores in SQLite: sqlite+aiosqlite:///path, or leave it empty")
        return value

    @model_validator(mode="after")
    def _has_its_tokens(self) -> Settings:
        if "discord" in self.adapters and not self.discord_token.get_secret_value():
            raise PydanticCustomError(
                "missing", "ADAPTERS names discord: set it to the bot token", {"key": "DISCORD_TOKEN"}
            )
        has = frozenset(name for name in SLACK_KEYS if getattr(self, name))
        if "slack" in self.adapters and (lacking := slack_lacks(self.slack_mode, has)) is not None:
            raise PydanticCustomError("missing", lacking[1], {"key": lacking[0].upper()})
        return self

    @property
    def has_copies(self) -> bool:
        """Whether cards are shown elsewhere too."""
        return bool(self.approvals_channels) or self.approvals_dm

    @property
    def database(self) -> str:
        """The database's URL: the setting, or a file in the data folder."""
        return self.database_url or f"sqlite+aiosqlite:///{self.data_dir / 'nod.db'}"

    def secret_values(self) -> tuple[str, ...]:
        """Every secret that is set, for masking."""
        values = [getattr(self, name) for name in type(self).model_fields]
        secrets = [value for value in values if isinstance(value, SecretStr)] + list(self.web_tokens.values())
        return tuple(text for secret in secrets if len(text := secret.get_secret_value()) >= 8)


# --- reading ------------------------------------------------------------------------------------------------------


def load(env: Mapping[str, str] | None = None, env_file: Path | None = Path(".env")) -> tuple[Settings, list[str]]:
    """Give the settings and warnings for the operator. Raises `ConfigError` naming the first wrong key.

    The environment wins over the file. A key of the file that no setting has is a warning with the closest known one.
    """
    given = dict(os.environ if env is None else env)
    known = {name.upper() for name in Settings.model_fields}
    from_file = read_env_file(env_file) if env_file and env_file.is_file() else {}
    warnings = [_unknown(key, known, ".env") for key in from_file if key not in known]
    warnings += [_unknown(key, known, "the environment") for key in given if _is_typo(key, known)]
    merged = {**from_file, **{key: value for key, value in given.items() if key.upper() in known}}
    values = {key.lower(): value for key, value in merged.items() if key.upper() in known and value != ""}
    for key, value in values.items():
        _refuse_odd(key.upper(), value)
    try:
        return Settings.model_validate(values), warnings
    except ValidationError as err:
        first = err.errors(include_input=False, include_url=False)[0]
        key = str(first["loc"][0]).upper() if first["loc"] else str(first.get("ctx", {}).get("key", "settings"))
        raise ConfigError(key, _sentence(first)) from None


def environment(env_file: Path = Path(".env")) -> dict[str, str]:
    """The environment over `.env`, whole: where a models.toml finds the keys it names."""
    return {**(read_env_file(env_file) if env_file.is_file() else {}), **os.environ}


def _sentence(error: object) -> str:
    text = str(error["msg"]) if isinstance(error, dict) else str(error)
    return text.removeprefix("Value error, ").replace("Input should be ", "it should be ").rstrip(".")


def _unknown(key: str, known: set[str], where: str) -> str:
    near = difflib.get_close_matches(key.upper(), known, n=1, cutoff=0.6)
    return f"{key} in {where} is not a setting" + (f"; did you mean {near[0]}?" if near else ".")


def _is_typo(key: str, known: set[str]) -> bool:
    """The environment is full of strangers: only a name very close to one of ours is taken for a slip."""
    return key.upper() not in known and bool(difflib.get_close_matches(key.upper(), known, n=1, cutoff=0.9))


def _refuse_odd(key: str, value: str) -> None:
    if value != value.strip():
        raise ConfigError(key, "it begins or ends with white space")
    if any(ord(char) < 32 or char == "\ufeff" for char in value):
        raise ConfigError(key, "it holds a control character; is the line broken?")


def read_env_file(path: Path) -> dict[str, str]:
    """Read KEY=VALUE lines. `export`, quotes, CRLF, a BOM and comments are understood; a key twice is refused."""
    values: dict[str, str] = {}
    try:
        text = path.read_text(encoding="utf-8-sig")
    except (OSError, UnicodeDecodeError) as err:
        raise ConfigError(str(path), f"cannot be read ({type(err).__name__})") from err
    for number, line in enumerate(text.splitlines(), 1):
        line = line.strip().removeprefix("export ").strip()
        if not line or line.startswith("#"):
            continue
        key, equals, value = line.partition("=")
        key = key.strip()
        if not equals or not re.fullmatch(r"[A-Za-z_][A-Za-z0-9_]*", key):
            raise ConfigError(str(path), f"line {number} is not KEY=VALUE")
        if key.upper() in values:
            raise ConfigError(key, "it stands twice in .env")
        values[key.upper()] = _unquoted(key, value.strip())
    return values


def _unquoted(key: str, value: str) -> str:
    if value[:1] in ("'", '"'):
        match = re.fullmatch(r"""(['"])(.*)\1(?:\s+#.*)?""", value)
        if match is None:
            raise ConfigError(key, "its quotes do not match")
        return match[2]
    return re.split(r"\s+#", value, maxsplit=1)[0].rstrip()
