"""The commands as people meet them on Discord: the words of `/nod` and `/nod-admin` with their options.

A form says which options a word has and how they become its line. Every word of the service has one (a test holds the
two tables against each other); what the words do, and who may use them, is the service's matter.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any, Literal

import discord
from discord import app_commands

from adapters.discord import lines
from adapters.discord.lines import Given

Completes = Literal["", "tool", "role", "approver", "duration", "grant", "grant_id", "approval", "model", "change"]


@dataclass(frozen=True, slots=True)
class Option:
    """One option. `kind` is an annotation of discord.py, `completes` what is offered while it is typed."""

    name: str
    about: str
    kind: Any = str
    is_required: bool = False
    completes: Completes = ""


@dataclass(frozen=True, slots=True)
class Form:
    """One command: its words, what it is for, how its options become a line, and the options: those that must be given
    first."""

    words: str
    about: str
    compose: Callable[[str, Given], str] = lines.bare
    options: tuple[Option, ...] = ()


def needed(option: Option, about: str = "") -> Option:
    """The same option where it must be given."""
    return replace(option, is_required=True, about=about or option.about)


MENTIONABLE = discord.Member | discord.User | discord.Role
USER = discord.Member | discord.User
CHANNEL = app_commands.AppCommandChannel | app_commands.AppCommandThread

_TOOL = Option("tool", "The exact name of a tool", completes="tool")
_TOOLS = needed(_TOOL, "The exact name of a tool, or several with commas")
_WHO = Option("who", "A person or a role; give this or a channel", MENTIONABLE)
_PERSON = Option("who", "A person", USER)
_CHANNEL = Option("channel", "A channel, instead of a person or role", CHANNEL)
_WHEN = Option("when", "Only when the arguments are so: amount<=100, env=staging|test, url.host=docs.python.org")
_FOR = Option("for", "How long it holds: 30m, 2h, 7d", completes="duration")
_BACK = Option("for", "How far to look back: 12h, 7d, 30d")
_ARGUMENTS = Option("arguments", "The arguments you think of: NAME=VALUE NAME=VALUE, or one JSON object")
_RULE = (_TOOLS, _WHO, _CHANNEL, _WHEN, _FOR)
_APPROVAL = Option("id", "The id of what waits", is_required=True, completes="approval")
_GRANT = Option("id", "The id of the grant", is_required=True, completes="grant_id")
_OTHER = (
    Option("person", "A person", USER, is_required=True),
    Option("other", "Who is the same person here", USER),
    Option("identity", "Or who is the same person elsewhere, such as slack:T123/U456"),
)
_FILE = Option("file", "The TOML file, as the export gave it and you changed it", discord.Attachment, is_required=True)

EVERYBODY = (
    Form("help", "What you can write here"),
    Form("show", "Your roles, your tools, and what was set for you"),
    Form(
        "explain",
        "Whether you may run a tool, why, and what would change it; or why an approval was asked for",
        lines.explain,
        (needed(_TOOL, "The exact name of a tool, or the id of an approval"), _ARGUMENTS),
    ),
    Form("approvals", "What waits for you, and what you wait for"),
    Form(
        "approve",
        "Approve what waits",
        lines.approve,
        (_APPROVAL, Option("for", "Also what is exactly like it: run, thread, 8h, always", completes="grant")),
    ),
    Form("deny", "Deny what waits", lines.deny, (_APPROVAL, Option("reason", "Why: whoever asked is told"))),
    Form("grants", "What was approved for more than once"),
    Form("revoke", "Take back what was approved for more than once", lines.by_id, (_GRANT,)),
    Form(
        "model",
        "Which models may answer here, or choose one for this conversation",
        lines.model,
        (Option("label", "The model to choose; `usual` lets it go", completes="model"),),
    ),
    Form("usage", "The tokens you used", lines.lasting, (_BACK,)),
    Form("stop", "Stop what I am working on for you here"),
    Form("reset-thread", "Begin anew here: I forget what was said before"),
)

ADMINS = (
    Form("help", "What admins can write here"),
    Form(
        "show",
        "Somebody's roles and tools; what is set for a role or a channel",
        lines.about,
        (_WHO, _CHANNEL),
    ),
    Form(
        "explain",
        "Whether somebody may run a tool, why, and what would change it; or an approval, by its id",
        lines.explain,
        (
            needed(_TOOL, "The exact name of a tool, or the id of an approval"),
            Option("who", "Whose call it would be", USER),
            _ARGUMENTS,
            Option("channel", "Where the call would be made", CHANNEL),
        ),
    ),
    Form("allow", "Run it without asking", lines.rule, _RULE),
    Form("ask", "Always ask before it runs", lines.rule, _RULE),
    Form("deny", "Not at all; a deny anywhere wins, then ask, then allow", lines.rule, _RULE),
    Form(
        "reset",
        "Take back allow, ask and deny",
        lines.reset,
        (_WHO, _CHANNEL, replace(_TOOL, about="Only what is set about this tool")),
    ),
    Form(
        "role",
        "Give a role: it opens the tools and models that name it",
        lines.role,
        (
            Option("role", "The role; `default` takes it back", is_required=True, completes="role"),
            _WHO,
            _CHANNEL,
            _FOR,
        ),
    ),
    Form(
        "approver",
        "Who approves a tool",
        lines.approver,
        (
            needed(_TOOL),
            Option("rule", "requester, admin, finance, @person, `2 of finance`, none, default", str, True, "approver"),
            _WHEN,
            Option("unless", "Only unless the arguments are so"),
            _FOR,
        ),
    ),
    Form("link", "Two identities are one person: their word counts once", lines.pair, _OTHER),
    Form("unlink", "They are two people again", lines.pair, _OTHER),
    Form("grants", "What was approved for more than once", lines.person, (_PERSON,)),
    Form("revoke", "Take back what was approved for more than once", lines.by_id, (_GRANT,)),
    Form(
        "audit",
        "What was asked, decided and changed",
        lines.audit,
        (
            _PERSON,
            _TOOL,
            Option("event", "Such as call.done, policy.changed, click.refused"),
            Option("decision", "Such as approve, deny, edit, refused"),
            Option("outcome", "Such as done, failed, unknown"),
            Option("since", "How far to look back: 12h, 7d, 30d"),
            Option("limit", "How many rows", app_commands.Range[int, 1, 10_000]),
            Option("export", "All of it as a CSV file, up to the newest 10,000 rows", bool),
        ),
    ),
    Form(
        "simulate",
        "What a change would have done to the calls of the last days",
        lines.simulate,
        (Option("change", "Such as: ask @bob files_delete", str, True, "change"), _BACK),
    ),
    Form("suggest", "Rules that would save approving the same again and again", lines.lasting, (_BACK,)),
    Form("policy export", "All of the policy as a TOML file"),
    Form("policy diff", "What a file would change", lines.document, (_FILE,)),
    Form("policy import", "Let the policy be what a file says", lines.document, (_FILE,)),
    Form("usage", "The tokens everybody used", lines.lasting, (_BACK,)),
    Form("data export", "All that is kept of a person, as a file", lines.person, (needed(_PERSON),)),
    Form(
        "data erase",
        "What would go of a person; with `sure` it goes for good",
        lines.erase,
        (needed(_PERSON), Option("sure", "Erase it now: nothing brings it back", bool)),
    ),
)
GROUPS = {"policy": "All of the policy as a file", "data": "All that is kept of a person"}
"""The words that are groups of commands, and what they are about."""
