"""The command line. Only argparse is imported here, so that `--help` is there at once; the rest comes with the command.

Exit codes: 0 done or answered, 1 failed, 2 wrong configuration or usage, 3 waiting for approval.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence

from bot._version import __version__

OVERVIEW = """\
Nod: a team's chat bot that can act, and asks for a nod before it does.

Settings come from the environment and from .env; see .env.example.
Exit codes: 0 done, 1 failed, 2 wrong configuration or usage, 3 waiting for approval."""


def parser() -> argparse.ArgumentParser:
    """The commands and their options."""
    root = argparse.ArgumentParser(
        prog="nod", description=OVERVIEW, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    commands = root.add_subparsers(dest="command", metavar="COMMAND", required=True)

    demo = commands.add_parser("demo", help="try it in the browser: a small local model, no account, no key")
    demo.add_argument("--port", type=int, default=None, help="port of the page (default: HTTP_PORT or 8080)")

    commands.add_parser("run", help="run the bot with its adapters until it is stopped")

    ask = commands.add_parser("ask", help="send one message and wait for the answer (exit 3: it waits for approval)")
    ask.add_argument("text", help="what to say")
    _as(ask)
    ask.add_argument("--conversation", default="default", metavar="ID", help="conversation to say it in")
    _json(ask)

    approvals = commands.add_parser("approvals", help="list what waits, approve or deny it")
    what = approvals.add_subparsers(dest="what", metavar="list | approve ID | deny ID | edit ID")
    for name, words in (("list", "list what waits"), ("approve", "approve one"), ("deny", "deny one")):
        one = what.add_parser(name, help=words)
        if name != "list":
            one.add_argument("id", help="the approval's id, or its first characters")
        if name == "approve":
            words = "also what is exactly like it: run, thread, 8h (any duration), always"
            one.add_argument("--for", dest="grant", default="once", metavar="GRANT", help=words)
        if name == "deny":
            one.add_argument("--reason", default="", help="why; the model and the requester are told")
        _as(one, argparse.SUPPRESS)  # or its default would overwrite what was said before the word
        _json(one, argparse.SUPPRESS)
    _as(approvals)
    _json(approvals)

    for name, words in (("edit", "approve one with other arguments"),):
        one = what.add_parser(name, help=words)
        one.add_argument("id", help="the approval's id, or its first characters")
        one.add_argument("--arguments", required=True, metavar="JSON", help="the arguments that are to run instead")
        _as(one, argparse.SUPPRESS)
        _json(one, argparse.SUPPRESS)

    admin = commands.add_parser("admin", help="the words after /nod-admin, for example: admin deny bob files_write")
    admin.add_argument("words", nargs=argparse.REMAINDER, metavar="WORDS", help="`admin help` lists them")
    admin.epilog = "policy diff FILE and policy import FILE read a file; - is standard input."

    explain = commands.add_parser("explain", help="whether somebody may run a tool, why, and what would change it")
    explain.add_argument("person", metavar="WHO", help="bob, or slack:TEAM/ID")
    explain.add_argument("tool", metavar="TOOL", help="the tool's exact name")
    explain.add_argument("arguments", nargs="*", metavar="NAME=VALUE", help="arguments of the call you think of")
    explain.add_argument("--in", dest="channel", default="", metavar="CHANNEL", help="where: #general")
    _json(explain)

    doctor = commands.add_parser("doctor", help="check the configuration, the database, the models and the tools")
    doctor.add_argument("--offline", action="store_true", help="ask no model: that takes some of its tokens")
    _json(doctor)

    audit = commands.add_parser("audit", help="what was asked, who decided, what came of it")
    shape = audit.add_mutually_exclusive_group()
    _json(shape)
    shape.add_argument("--csv", action="store_true", help="as CSV with a header line")
    audit.add_argument("--limit", type=int, default=1000, help="newest rows, at most (default: 1000)")

    migrate = commands.add_parser("migrate", help="bring the database up to date and say its revision")
    migrate.add_argument(
        "--restored",
        action="store_true",
        help="after restoring a backup: what was approved in it becomes unknown, because it may have run since",
    )
    manifest = commands.add_parser("manifest", help="print the manifest to make the Slack app from; see docs/slack.md")
    words = "for HTTP: where Slack reaches the bot, https://nod.example.org (default: Socket Mode)"
    manifest.add_argument("--http", default="", metavar="URL", help=words)

    commands.add_parser("version", help="print the version")
    return root


def _as(to: argparse.ArgumentParser, default: str = "") -> None:
    words = "speak for alice, or for slack:TEAM/ID"
    to.add_argument("--as", dest="who", action=_Somebody, default=default, metavar="USER", help=words)


class _Somebody(argparse.Action):
    """An empty name is a slip, for example of an unset variable, and not the operator."""

    def __call__(
        self, parser: argparse.ArgumentParser, namespace: argparse.Namespace, values: object, option: str | None = None
    ) -> None:
        if not str(values).strip():
            parser.error("argument --as: name somebody")
        setattr(namespace, self.dest, values)


def _json(to: argparse.ArgumentParser | argparse._MutuallyExclusiveGroup, default: bool | str = False) -> None:
    to.add_argument("--json", action="store_true", default=default, help="machine-readable output")


def main(argv: Sequence[str] | None = None) -> int:
    """Run one command and give its exit code."""
    arguments = parser().parse_args(argv)
    if arguments.command == "version":
        print(f"nod {__version__}")
        return 0
    from bot.commands import perform

    return perform(arguments)


if __name__ == "__main__":
    sys.exit(main())
