"""`/nod`, `/nod-admin` and `/ask` on Discord: from the options to a line of words, and its answer to that person alone.

Every command is acknowledged first. What was asked for, and who may, is judged by the service; Discord's own check on
`/nod-admin` only hides it from who has no use for it.
"""

from __future__ import annotations

import inspect
import keyword
from collections.abc import Awaitable, Callable, Iterable
from typing import Any

import discord
import structlog
from discord import app_commands

from adapters.discord.completing import Choices, offered
from adapters.discord.forms import ADMINS, EVERYBODY, GROUPS, Completes, Form, Option
from adapters.discord.people import actor_of
from adapters.discord.private import LOST, Interaction, tell
from bot.chat import Actor, ChatService, Place
from bot.errors import BotError

log = structlog.get_logger()

Where = Callable[[Interaction], Awaitable[tuple[Place, Actor] | str]]
"""Where a command belongs, and who uses it; or the sentence that says why that cannot be told (or `BotError`)."""
Ask = Callable[[Interaction, str, tuple[discord.Attachment, ...]], Awaitable[None]]
"""Takes a question, and answers it for all to see. What it raises before it has answered is said to that person."""
Command = app_commands.Command[Any, Any, Any]
MAX_FILE_BYTES = 300_000
FAILED = "Something went wrong here, and it may be half done: look before you try again. The operator's log says more."
STALE = "This command has changed: restart Discord, or reload it with Ctrl+R, and try again."
ANYWHERE = app_commands.AppCommandContext(guild=True, dm_channel=True, private_channel=False)
SERVERS = app_commands.AppCommandContext(guild=True, dm_channel=False, private_channel=False)
INSTALLED = app_commands.AppInstallationType(guild=True, user=False)


def add_commands(
    tree: app_commands.CommandTree[Any], *, service: Callable[[], ChatService], where: Where, ask: Ask
) -> None:
    """Add `/nod`, `/nod-admin` and `/ask` to a tree, and let it say to people what goes wrong in them."""
    door = Door(service, where)
    nod = app_commands.Group(
        name="nod",
        description="What you may do with Nod, and what waits for you",
        allowed_contexts=ANYWHERE,
        allowed_installs=INSTALLED,
    )
    admin = app_commands.Group(
        name="nod-admin",
        description="Who may do what with Nod, and who approves it",
        default_permissions=discord.Permissions(manage_guild=True),
        guild_only=True,
        allowed_contexts=SERVERS,
        allowed_installs=INSTALLED,
    )
    _fill(nod, EVERYBODY, door, is_admin=False)
    _fill(admin, ADMINS, door, is_admin=True)
    tree.add_command(nod)
    tree.add_command(admin)
    tree.add_command(_ask(ask))
    tree.error(failed)


class Door:
    """Between the commands and the service: who asks from where, and what they are told."""

    def __init__(self, service: Callable[[], ChatService], where: Where) -> None:
        self._service = service
        self._where = where

    async def do(self, interaction: Interaction, form: Form, given: dict[str, Any], *, is_admin: bool) -> None:
        """Acknowledge, do what the options say, and answer. What cannot be acknowledged is not done."""
        try:
            await interaction.response.defer(ephemeral=True, thinking=True)
        except LOST as err:
            log.warning("discord.command_lost", command=form.words, error=type(err).__name__)
            return
        await tell(interaction, await self._answer(interaction, form, given, is_admin=is_admin))

    async def _answer(self, interaction: Interaction, form: Form, given: dict[str, Any], *, is_admin: bool) -> str:
        try:
            line = form.compose(form.words, {name: await _said(value) for name, value in given.items()})
            found = await self._where(interaction)
            if isinstance(found, str):
                return found
            await self._meet(given.values())
            return await self._service().command(*found, line, is_admin=is_admin)
        except BotError as err:
            return err.user_message
        except Exception:  # the rim: whatever it was, the person is told that it was not done as asked
            log.exception("discord.command_failed", command=form.words)
            return FAILED

    async def _meet(self, values: Iterable[object]) -> None:
        """Tell the service of the people a command names: with them Discord says which roles they have."""
        for member in values:
            if isinstance(member, discord.Member) and not member.bot:
                await self._service().met(actor_of(member, member.guild.id))

    async def complete(self, interaction: Interaction, kind: Completes, typed: str, *, is_admin: bool) -> Choices:
        """What is offered while an option is typed; nothing where anything is in the way."""
        try:
            found = await self._where(interaction)
            if isinstance(found, str):
                return []
            return await offered(self._service(), *found, kind, typed, is_admin=is_admin)
        except BotError:
            return []
        except Exception:  # the rim: a proposal less, nothing more
            log.exception("discord.completion_failed", option=kind)
            return []


async def failed(interaction: Interaction, error: app_commands.AppCommandError) -> None:
    """Say that a command could not even be begun: Discord knows it otherwise than we do, or something broke."""
    is_stale = isinstance(error, app_commands.CommandNotFound | app_commands.CommandSignatureMismatch)
    log.error("discord.command_unusable", command=_name_of(interaction), is_stale=is_stale, exc_info=error)
    if interaction.type is discord.InteractionType.application_command:
        await tell(interaction, STALE if is_stale else FAILED)


def _name_of(interaction: Interaction) -> str:
    return interaction.command.qualified_name if interaction.command else ""


# --- options into words ----------------------------------------------------------------------------------------------


async def _said(value: object) -> str:
    """The value of an option as it is written in a line: mentions by id, files as their text."""
    match value:
        case discord.Role():
            return "@everyone" if value.is_default() else value.mention
        case discord.Member() | discord.User():
            return f"<@{value.id}>"
        case app_commands.AppCommandThread():
            is_own = value.type is discord.ChannelType.private_thread
            return f"<#{value.id if is_own else value.parent_id}>"
        case app_commands.AppCommandChannel():
            return _channel(value)
        case discord.Attachment():
            return await _text_of(value)
        case bool():
            return "yes" if value else ""
        case _:
            return str(value)


def _channel(channel: app_commands.AppCommandChannel) -> str:
    if channel.type is discord.ChannelType.category:
        raise BotError("Choose a channel: a category has no talk of its own.")
    return f"<#{channel.id}>"


async def _text_of(file: discord.Attachment) -> str:
    """The text of a file. Raises `BotError` for one that is too long, is no text, or cannot be had."""
    too_long = f"That file is too long: at most {MAX_FILE_BYTES // 1000} kB."
    if file.size > MAX_FILE_BYTES:
        raise BotError(too_long)
    try:
        content = await file.read()
    except LOST as err:
        raise BotError("Discord did not give me that file: try again.") from err
    if len(content) > MAX_FILE_BYTES:
        raise BotError(too_long)
    try:
        return content.decode("utf-8-sig")
    except UnicodeDecodeError as err:
        raise BotError("That file is no text in UTF-8.") from err


# --- forms into commands ---------------------------------------------------------------------------------------------


def _fill(group: app_commands.Group, forms: Iterable[Form], door: Door, *, is_admin: bool) -> None:
    groups = {"": group}
    for form in forms:
        within, _, name = form.words.rpartition(" ")
        if within not in groups:
            groups[within] = app_commands.Group(name=within, description=GROUPS[within], parent=group)
        command: Command = app_commands.Command(
            name=name, description=form.about, callback=_callback(form, door, is_admin=is_admin), parent=None
        )
        groups[within].add_command(command)


def _callback(form: Form, door: Door, *, is_admin: bool) -> Callable[..., Any]:
    """The coroutine function of a command: discord.py reads its options off the signature."""
    names = {_parameter(one): one.name for one in form.options}

    async def do(interaction: Interaction, **chosen: Any) -> None:
        given = {names[name]: value for name, value in chosen.items() if value is not None}
        await door.do(interaction, form, given, is_admin=is_admin)

    do.__signature__ = _signature(form.options)  # type: ignore[attr-defined]  # `inspect.signature` looks for it
    described = app_commands.describe(**{_parameter(one): one.about for one in form.options})(do)
    renamed = app_commands.rename(**names)(described)
    completed = {_parameter(one): _completer(one, door, is_admin=is_admin) for one in form.options if one.completes}
    return app_commands.autocomplete(**completed)(renamed)


def _completer(option: Option, door: Door, *, is_admin: bool) -> Callable[..., Any]:
    async def complete(interaction: Interaction, current: str) -> Choices:
        return await door.complete(interaction, option.completes, current, is_admin=is_admin)

    return complete


def _parameter(option: Option) -> str:
    """What an option is called in Python, where `for` is a word of its own."""
    return f"{option.name}_" if keyword.iskeyword(option.name) else option.name


def _signature(options: Iterable[Option]) -> inspect.Signature:
    first = inspect.Parameter("interaction", inspect.Parameter.POSITIONAL_OR_KEYWORD, annotation=discord.Interaction)
    rest = [
        inspect.Parameter(
            _parameter(one),
            inspect.Parameter.KEYWORD_ONLY,
            default=inspect.Parameter.empty if one.is_required else None,
            annotation=one.kind,
        )
        for one in options
    ]
    return inspect.Signature([first, *rest])


# --- asking ----------------------------------------------------------------------------------------------------------


def _ask(ask: Ask) -> Command:
    @app_commands.command(name="ask", description="Ask Nod something; everybody here sees question and answer")
    @app_commands.describe(question="What you want to know, or to have done", file="A picture or a text file")
    @app_commands.allowed_contexts(guilds=True, dms=True, private_channels=False)
    @app_commands.allowed_installs(guilds=True, users=False)
    async def command(interaction: Interaction, question: str, file: discord.Attachment | None = None) -> None:
        try:
            await ask(interaction, question, () if file is None else (file,))
        except BotError as err:
            await tell(interaction, err.user_message)
        except LOST as err:
            log.warning("discord.command_lost", command="ask", error=type(err).__name__)
        except Exception:  # the rim: whatever it was, the person is told
            log.exception("discord.command_failed", command="ask")
            await tell(interaction, FAILED)

    return command
