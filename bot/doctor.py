"""`doctor`: look at each part and say in one line what to change."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import Any

from bot.addresses import is_loopback
from bot.app import read_persona
from bot.config.settings import Settings
from bot.control import FILE
from bot.engine.types import Run, message
from bot.errors import BotError, ConfigError
from bot.models.client import ModelClients
from bot.models.config import ModelConfig
from bot.models.registry import Registry
from bot.orchestrator import known_secrets, registry_of, tools_of
from bot.redact import redactor
from bot.storage.database import open_database, own
from bot.storage.outbox import OutboxRows


@dataclass(frozen=True, slots=True)
class Finding:
    """One part: `text` says what is there, or what to change."""

    part: str
    is_ok: bool
    text: str

    def as_data(self) -> dict[str, Any]:
        return asdict(self)


async def examine(settings: Settings) -> list[Finding]:
    """Look at everything; nothing is changed but that the database is brought up to date."""
    return [
        _settings(settings),
        _admins(settings),
        _exposure(settings),
        *await _database(settings),
        _tools(settings),
        *await _models(settings),
    ]


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


async def _models(settings: Settings) -> list[Finding]:
    try:
        models = registry_of(settings)
    except BotError as err:
        return [Finding("model", False, err.user_message)]
    if not models.labels():
        return [Finding("model", False, "none is configured: set MODEL_API_URL and MODEL_NAME")]
    return [await _model(models, models.get(label), settings) for label in models.labels()]


async def _model(models: Registry, model: ModelConfig, settings: Settings) -> Finding:
    mask = redactor(known_secrets(settings, models))
    run = Run(id="doctor", task="", messages=(message("user", "Answer with the word ready."),), model=model.label)
    async with ModelClients(redact=mask) as clients:
        try:
            reply = await clients.for_config(model).reply(run.messages, run=run, tools=b"")
        except BotError as err:
            return Finding("model", False, f"{model.label}: {err.user_message}")
    said = "answers" if reply.text.strip() else "is reachable but returned an empty answer"
    return Finding("model", bool(reply.text.strip()), f"{model.label}: {model.model_name} {said}")
