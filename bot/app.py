"""The composition root: settings in, a working bot out. Everything is opened once here and closed in reverse order."""

from __future__ import annotations

import logging
import os
import secrets
import sys
from collections.abc import AsyncIterator, Callable, Iterable
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from pathlib import Path

import structlog

from bot import chat, crash
from bot.cards import card_of, copies_of
from bot.config.settings import Settings
from bot.deliveries import Deliveries
from bot.errors import BotError, ConfigError, PolicyError
from bot.models.clients import ModelClients
from bot.models.registry import Registry
from bot.orchestrator import known_secrets, registry_of, tools_of
from bot.policy.approvers import parse_approvers
from bot.policy.book import Book
from bot.posts import ChannelPosts
from bot.redact import redactor
from bot.service import ChatService
from bot.storage.asked import ApprovalReader
from bot.storage.audit import AuditRows
from bot.storage.context import ContextRows
from bot.storage.database import Database, open_database, own
from bot.storage.notes import NoteRows
from bot.storage.outbox import OutboxRows
from bot.storage.policies import PolicyRows
from bot.storage.reading import Reader
from bot.storage.runs import RunRows
from bot.storage.votes import VoteRows
from bot.tools.context import Services
from bot.tools.registry import ToolSpec
from bot.work import Parts, refresh_book

log = structlog.get_logger()


@dataclass(frozen=True, slots=True)
class App:
    """An open bot. `adapters` is filled by whoever serves it."""

    settings: Settings
    service: ChatService
    database: Database
    reader: Reader
    approvals: ApprovalReader
    outbox: OutboxRows
    audit: AuditRows
    models: Registry
    adapters: dict[str, chat.ChatAdapter]

    def add_adapter(self, adapter: chat.ChatAdapter) -> None:
        self.adapters[adapter.platform] = adapter


@asynccontextmanager
async def open_app(settings: Settings, *, models: Registry | None = None) -> AsyncIterator[App]:
    """Open everything and own the data folder. Raises `ConfigError`; nothing is driven before `service.recover()`."""
    crash.arm(settings.crash_at)
    models = models or registry_of(settings)
    tools = tuple(tools_of(settings))
    check_approvers(tools)
    mask = redactor(known_secrets(settings, models))
    async with AsyncExitStack() as stack:
        stack.enter_context(own(settings.data_dir, settings.database))
        set_up_logging(settings, mask)
        database = await open_database(settings.database)
        stack.push_async_callback(database.aclose)
        clients = await stack.enter_async_context(ModelClients(redact=mask))
        reader, approvals = Reader(database), ApprovalReader(database)
        adapters: dict[str, chat.ChatAdapter] = {}
        audit, outbox = AuditRows(database), OutboxRows(database)
        deliveries = Deliveries(outbox, approvals, adapters, lambda approval: card_of(parts, approval))
        parts = Parts(
            settings=settings,
            runs=RunRows(
                database,
                ttl_ms=settings.approval_ttl_s * 1000,
                copies=lambda run, call: copies_of(parts, run, call),
            ),
            reader=reader,
            approvals=approvals,
            models=models,
            clients=clients,
            tools=tools,
            book=book_of(settings),
            policies=PolicyRows(database),
            votes=VoteRows(database),
            context=ContextRows(database),
            deliveries=deliveries,
            outbox=outbox,
            adapters=adapters,
            services=Services(
                notes=NoteRows(database),
                posts=ChannelPosts(reader, adapters, deliveries.kick),
                files_dir=settings.data_dir / "files",
            ),
            persona=read_persona(settings.persona),
            redact=mask,
        )
        await refresh_book(parts)
        service = ChatService(parts, audit)
        stack.push_async_callback(service.aclose)
        yield App(settings, service, database, reader, approvals, outbox, audit, models, adapters)


def check_approvers(tools: Iterable[ToolSpec]) -> None:
    """Raise `ConfigError` for a tool whose approver cannot be read: nobody could ever approve it."""
    for spec in tools:
        try:
            parse_approvers(spec.approver)
        except PolicyError as err:
            raise ConfigError(f"tool {spec.name}", f"its approver: {err.user_message}") from err


def book_of(settings: Settings) -> Book:
    """What the operator configured of the policy. Raises `ConfigError`."""
    try:
        default_approver = str(parse_approvers(settings.default_approver))
    except PolicyError as err:
        raise ConfigError("DEFAULT_APPROVER", err.user_message) from err
    return Book(
        frozenset(settings.admins),
        default_role=settings.default_role,
        default_approver=default_approver,
        who_may_talk=frozenset(settings.who_may_talk),
    )


def read_persona(name: str) -> str:
    """The persona's text: one of those that come with Nod, or a file. Raises `ConfigError`."""
    shipped = Path(__file__).parent / "config" / "personas" / f"{name}.md"
    path = shipped if shipped.is_file() else Path(name)
    try:
        return path.read_text("utf-8").strip()
    except (OSError, UnicodeDecodeError) as err:
        raise ConfigError("PERSONA", "there is no persona of this name, and no such text file") from err


def secret_key(settings: Settings) -> bytes:
    """The key that signs sessions: the setting, or one made once and kept in the data folder."""
    if given := settings.secret_key.get_secret_value():
        return given.encode()
    path = settings.data_dir / "secret.key"
    try:
        handle = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    except FileExistsError:
        key = path.read_bytes().strip()
        if len(key) < 32:
            raise ConfigError("SECRET_KEY", f"{path} is damaged; remove it to make a new one") from None
        return key
    with os.fdopen(handle, "wb") as file:
        key = secrets.token_hex(32).encode()
        file.write(key)
    return key


def set_up_logging(settings: Settings, mask: Callable[[str], str]) -> None:
    """Log to standard error, one event a line; known secrets never get there."""

    def masked(_logger: object, _method: str, event: structlog.typing.EventDict) -> structlog.typing.EventDict:
        return {key: mask(value) if isinstance(value, str) else value for key, value in event.items()}

    level = getattr(logging, settings.log_level.upper())
    is_json = settings.log_format == "json"
    last = structlog.processors.JSONRenderer() if is_json else structlog.dev.ConsoleRenderer(colors=sys.stderr.isatty())
    structlog.configure(
        processors=[
            structlog.contextvars.merge_contextvars,
            structlog.processors.add_log_level,
            structlog.processors.TimeStamper(fmt="iso"),
            structlog.processors.format_exc_info,
            masked,
            last,
        ],
        wrapper_class=structlog.make_filtering_bound_logger(level),
        logger_factory=structlog.PrintLoggerFactory(sys.stderr),
        cache_logger_on_first_use=False,
    )
    logging.basicConfig(
        level=max(level, logging.WARNING), stream=sys.stderr, format="%(name)s: %(message)s", force=True
    )


async def health(app: App) -> dict[str, str]:
    """What is not ready, by part; "ok" for each that is."""
    try:
        await app.database.ping()
        database = "ok"
    except BotError as err:
        database = err.user_message
    model = "ok" if app.models.labels() else "no model is configured"
    recovery = "ok" if app.service.has_recovered else "taking up what the last stop left"
    return {"database": database, "model": model, "adapters": "ok" if app.adapters else "none", "recovery": recovery}
