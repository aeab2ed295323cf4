"""`doctor`: look at each part and say in one line what to change."""

from __future__ import annotations

import re
from collections.abc import AsyncGenerator, Mapping
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import Any

from bot.addresses import is_loopback
from bot.app import read_persona
from bot.config.settings import Settings
from bot.control import FILE
from bot.errors import BotError, ConfigError, ModelConfigError
from bot.models.config import DEFAULT_LABEL, ModelConfig
from bot.models.pool import open_http
from bot.models.probe import Check, probe
from bot.models.registry import Registry
from bot.orchestrator import known_secrets, registry_of, tools_of
from bot.platforms import discord_options, slack_options
from bot.redact import redactor
from bot.storage.database import open_database, own
from bot.storage.outbox import OutboxRows

_NOTHING: Mapping[str, int] = MappingProxyType({})
_KEYS_OF_A_MODEL = re.compile(r"\b(?:api_url|api_key|model_name|host_type|context_k|timeout_s|vision)\b")
_FILE_ONLY = re.compile(r"\btools = false|\bmax_tokens under sampling")


@dataclass(frozen=True, slots=True)
class Finding:
    """One part: `text` says what is there, or what to change. `check` names what was tried, where there are several;
    a note is worth knowing, and nothing has to be changed."""

    part: str
    is_ok: bool
    text: str
    check: str = ""
    is_note: bool = False
    measured: Mapping[str, int] = field(default_factory=lambda: _NOTHING)

    @property
    def mark(self) -> str:
        if not self.is_ok:
            return "NOT"
        return "note" if self.is_note else "ok"

    def as_data(self) -> dict[str, Any]:
        shown = {"part": self.part, "check": self.check or self.part, "is_ok": self.is_ok, "is_note": self.is_note}
        return {**shown, "text": self.text, **self.measured}


async def examine(settings: Settings, *, is_offline: bool = False) -> AsyncGenerator[Finding]:
    """Look at everything, part by part; nothing is changed but that the database is brought up to date.

    `is_offline` = no model is asked.
    """
    yield _settings(settings)
    yield _admins(settings)
    yield _exposure(settings)
    for found in await _database(settings):
        yield found
    yield _tools(settings)
    async for found in _discord(settings, is_offline=is_offline):
        yield found
    async for found in _slack(settings, is_offline=is_offline):
        yield found
    async for found in _models(settings, is_offline=is_offline):
        yield found


def _settings(settings: Settings) -> Finding:
    try:
        read_persona(settings.persona)
    except ConfigError as err:
        return Finding("settings", False, err.user_message)
    return Finding("settings", True, f"read; adapters: {', '.join(settings.adapters)}")


def _admins(settings: Settings) -> Finding:
    if not settings.admins:
        return Finding("admins", True, "nobody: calls only an admin may approve wait until ADMINS is set")
    return Finding("admins", True, ", ".join(settings.admins))


def _exposure(settings: Settings) -> Finding:
    where = f"{settings.http_host}:{settings.http_port}"
    if "web" not in settings.adapters:
        return Finding("page", True, f"not served: ADAPTERS does not name web; the bot listens at {where}")
    if not is_loopback(settings.http_host) and not settings.web_tokens:
        return Finding("page", False, f"{where} is beyond this machine: set WEB_TOKENS, or HTTP_HOST=127.0.0.1")
    return Finding("page", True, f"{where}, {len(settings.web_tokens) or 'no'} personal tokens")


async def _database(settings: Settings) -> list[Finding]:
    try:
        with own(settings.data_dir, settings.database):
            database = await open_database(settings.database)
            try:
                found = Finding("database", True, f"in {settings.data_dir}, revision {await database.migrate()}")
                return [found, *_parked(await OutboxRows(database).parked())]
            finally:
                await database.aclose()
    except ConfigError as err:
        if (settings.data_dir / FILE).exists():
            return [Finding("database", True, f"{settings.data_dir} is in use by the running bot")]
        return [Finding("database", False, err.user_message)]
    except BotError as err:
        return [Finding("database", False, err.user_message)]


def _parked(count: int) -> list[Finding]:
    """What could not be delivered, if anything."""
    if not count:
        return []
    text = (
        f"{count} could not be sent: the place is gone, or the bot was removed from it; they are sent once it is back"
    )
    return [Finding("deliveries", False, text)]


def _tools(settings: Settings) -> Finding:
    try:
        names = [spec.name for spec in tools_of(settings)]
    except ConfigError as err:
        return Finding("tools", False, err.user_message)
    return Finding("tools", True, ", ".join(names))


# --- platforms ---------------------------------------------------------------------------------------------------


async def _discord(settings: Settings, *, is_offline: bool) -> AsyncGenerator[Finding]:
    if "discord" not in settings.adapters:
        return
    if is_offline:
        yield Finding("discord", True, "not asked (--offline)", is_note=True)
        return
    from adapters.discord import checks

    mask = redactor(settings.secret_values())
    async for check in checks.examine(discord_options(settings)):
        yield Finding("discord", check.is_ok, mask(check.text), check.name, check.is_note)


async def _slack(settings: Settings, *, is_offline: bool) -> AsyncGenerator[Finding]:
    if "slack" not in settings.adapters:
        return
    if is_offline:
        yield Finding("slack", True, "not asked (--offline)", is_note=True)
        return
    from adapters.slack.door import checks

    try:
        options = slack_options(settings)
    except ConfigError as err:
        yield Finding("slack", False, err.user_message)
        return
    mask = redactor(settings.secret_values())
    named = checks.Named(settings.admins, settings.approvals_channels)
    async for check in checks.examine(options, named):
        yield Finding("slack", check.is_ok, mask(check.text), check.name, check.is_note)


# --- models ------------------------------------------------------------------------------------------------------


async def _models(settings: Settings, *, is_offline: bool) -> AsyncGenerator[Finding]:
    try:
        models = registry_of(settings)
    except BotError as err:
        yield Finding("models", False, err.user_message)
        return
    if not models.labels():
        yield Finding("models", False, "none is configured: set MODEL_API_URL and MODEL_NAME")
        return
    for found in _roles(models):
        yield found
    if is_offline:
        yield Finding("models", True, f"not asked (--offline): {', '.join(models.labels())}", is_note=True)
        return
    mask = redactor(known_secrets(settings, models))
    async with open_http() as http:
        for label in models.labels():
            model = models.get(label)
            is_of_settings = bool(settings.model_api_url) and label == DEFAULT_LABEL
            async for check in probe(model, http, redact=mask):
                text = mask(check.text)
                yield _finding(model, check, _of_settings(text) if is_of_settings else text)


def _finding(model: ModelConfig, check: Check, text: str) -> Finding:
    is_ok, is_note = check.mark != "wrong", check.mark == "note"
    return Finding(f"model {model.label}", is_ok, text, check.name, is_note, check.measured)


def _of_settings(text: str) -> str:
    """Say it in the words of the settings, for the model that comes from there."""
    told = _KEYS_OF_A_MODEL.sub(lambda key: f"MODEL_{key[0].upper()}".replace("MODEL_MODEL_", "MODEL_"), text)
    return _FILE_ONLY.sub(lambda key: f"{key[0]} (in a MODELS_FILE)", told)


def _roles(models: Registry) -> list[Finding]:
    try:
        first = models.default
    except ModelConfigError as err:
        return [Finding("roles", False, err.user_message)]
    others = [model for model in models.fallback if model.label != first.label]
    told = [
        f"orchestrator {first.label}",
        f"fallback {', '.join(map(_taking_over, others)) or 'nobody'}",
        f"summary {models.for_summary(first.label).label}",
    ]
    return [
        Finding("roles", True, "; ".join(told)),
        *(_never_takes_over(model, first) for model in others if not model.covers(first)),
    ]


def _taking_over(model: ModelConfig) -> str:
    return model.label if model.for_roles is None else f"{model.label} (for {', '.join(model.for_roles) or 'nobody'})"


def _never_takes_over(model: ModelConfig, first: ModelConfig) -> Finding:
    text = (
        f"{model.label} never takes over from {first.label}, as it may not have all of its tools: "
        "give it the same tools, or take it out of fallback"
    )
    return Finding("roles", False, text, "fallback")
