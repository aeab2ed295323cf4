"""What each command does. Imports follow the command: asking a running bot needs no database and no model client."""

from __future__ import annotations

import argparse
import asyncio
import json
import sys
import time
from contextlib import aclosing
from pathlib import Path
from typing import TYPE_CHECKING, Any

from bot.config.settings import Settings, load
from bot.control import ask_running
from bot.errors import BotError, ConfigError, InUse

if TYPE_CHECKING:
    from bot.doctor import Finding

DONE, FAILED, MISUSED, WAITING = 0, 1, 2, 3
BUSY_S = 10
STATUS_CODES = {"done": DONE, "waiting": WAITING, "running": FAILED, "failed": FAILED, "cancelled": FAILED}


def perform(arguments: argparse.Namespace) -> int:
    """Run the command of these arguments; a wrong setting is one line and exit code 2."""
    if arguments.command == "manifest":
        return _manifest(arguments)
    try:
        settings, warnings = load()
        for warning in warnings:
            print(f"warning: {warning}", file=sys.stderr)
        return _COMMANDS[arguments.command](arguments, settings)
    except ConfigError as err:
        return _fail(arguments, f"configuration: {err.user_message}", MISUSED)
    except BotError as err:
        return _fail(arguments, err.user_message, FAILED)
    except KeyboardInterrupt:
        return 130
    except BrokenPipeError:
        return DONE


def _fail(arguments: argparse.Namespace, text: str, code: int) -> int:
    if getattr(arguments, "json", False):
        print(json.dumps({"error": text}))
    print(text, file=sys.stderr)
    return code


# --- serving ----------------------------------------------------------------------------------------------------------


def _run(_arguments: argparse.Namespace, settings: Settings) -> int:
    async def serve() -> None:
        from bot.serve import heed_no_more, heed_signals, serving

        if not settings.admins:
            print("ADMINS is empty: nobody is an admin.", file=sys.stderr)
        told = heed_signals()
        async with serving(settings, told=told) as address:
            print(_where_it_runs(settings, address), flush=True)
            await told.wait()
            print("Stopping ...", flush=True)
        heed_no_more()

    asyncio.run(serve())
    return DONE


def _where_it_runs(settings: Settings, address: str) -> str:
    """What an operator reads when it has started."""
    if "web" in settings.adapters:
        return f"Nod is running: {address}"
    return f"Nod is running on {', '.join(settings.adapters)}; its health is at {address}/readyz"


def _demo(arguments: argparse.Namespace, settings: Settings) -> int:
    from bot.demo.play import play

    asyncio.run(play(settings, port=arguments.port))
    return DONE


# --- asking a bot: the running one, or this process -----------------------------------------------------------------


def _at_desk(settings: Settings, method: str, words: dict[str, Any]) -> dict[str, Any]:
    """Ask the bot that owns the data folder; where none runs, be it for this one question.

    Another command may own the folder just now: it is given a moment to finish.
    """
    give_up_at = time.monotonic() + BUSY_S
    while True:
        answer = ask_running(settings.data_dir, method, words)
        try:
            if answer is None:
                answer = asyncio.run(_by_itself(settings, method, words))
        except InUse:
            if time.monotonic() > give_up_at:
                raise
            time.sleep(0.2)
            continue
        if "error" in answer:
            raise BotError(answer["error"])
        return answer


async def _by_itself(settings: Settings, method: str, words: dict[str, Any]) -> dict[str, Any]:
    from bot.app import open_app
    from bot.desk import Desk

    quiet = settings.model_copy(update={"log_level": "warning"}) if settings.log_level == "info" else settings
    async with open_app(quiet) as app:
        answer = await Desk(app).handle(method, words)
        await app.service.idle()
        return answer


def _ask(arguments: argparse.Namespace, settings: Settings) -> int:
    words = {"text": arguments.text, "who": arguments.who, "conversation": arguments.conversation}
    answer = _at_desk(settings, "ask", words)
    if arguments.json:
        print(json.dumps(answer))
    else:
        _print_rest(answer)
    return STATUS_CODES[answer["status"]]


def _print_rest(answer: dict[str, Any]) -> None:
    for call in answer["tool_calls"]:
        print(f"[{call['tool']}] {_one_line(call['result'])}")
    print(_plain(answer["response"]))
    for approval in answer["approvals"]:
        print(f"\nWaiting for approval {approval['id']} by {approval['approver']}:")
        print(f"  nod approvals approve {approval['id']}")
        print(f"  nod approvals deny {approval['id']} --reason ...")


def _approvals(arguments: argparse.Namespace, settings: Settings) -> int:
    if arguments.what in (None, "list"):
        return _list_approvals(arguments, settings)
    words = {"approval_id": arguments.id, "verb": arguments.what, "who": arguments.who}
    defaults = {"reason": "", "arguments": "", "grant": "once"}
    said = {name: getattr(arguments, name, default) for name, default in defaults.items()}
    answer = _at_desk(settings, "decide", {**words, **said})
    if arguments.json:
        print(json.dumps(answer))
    else:
        print(answer["message"])
        if answer["accepted"]:
            _print_rest(answer)
    if not answer["accepted"]:
        return FAILED
    return STATUS_CODES[answer["status"]]


def _list_approvals(arguments: argparse.Namespace, settings: Settings) -> int:
    answer = _at_desk(settings, "approvals", {"who": arguments.who})
    if arguments.json:
        print(json.dumps(answer["approvals"]))
        return DONE
    for one in answer["approvals"]:
        print(
            f"{one['id']}  {one['tool']}  asked for by {one['requester']} in {one['place']}, "
            f"approver: {one['approver']}"
        )
        print("  " + _plain(one["arguments"]).replace("\n", "\n  "))
    if not answer["approvals"]:
        print("Nothing waits for approval.")
    return DONE


def _audit(arguments: argparse.Namespace, settings: Settings) -> int:
    rows = _at_desk(settings, "audit", {"limit": arguments.limit})["audit"]
    if arguments.json:
        for row in rows:
            print(json.dumps(row))
    elif arguments.csv:
        from bot.admin.sheets import sheet

        print(sheet(rows), end="")
    else:
        for row in rows:
            who = f" by {row['approver']}" if row["decision"] else ""
            print(
                f"{row['at']}  {row['event']:<16} {row['tool']} {_one_line(row['arguments'])}  "
                f"for {row['requester']}{who}  ({row['rule']})"
            )
    return DONE


def _admin(arguments: argparse.Namespace, settings: Settings) -> int:
    words = list(arguments.words)
    if words[:2] in (["policy", "diff"], ["policy", "import"]) and len(words) == 3:
        words = [*words[:2], "\n" + _file(words[2])]
    text = _at_desk(settings, "admin", {"words": " ".join(words)})["text"]
    is_fenced = text.startswith("```") and text.endswith("```")
    print(_plain("\n".join(text.splitlines()[1:-1]) if is_fenced else text))
    return DONE


def _file(path: str) -> str:
    try:
        return sys.stdin.read() if path == "-" else Path(path).read_text("utf-8-sig")
    except (OSError, UnicodeDecodeError) as err:
        raise BotError(f"{path} cannot be read ({type(err).__name__}).") from err


def _explain(arguments: argparse.Namespace, settings: Settings) -> int:
    channel = f"in #{arguments.channel.removeprefix('#')}" if arguments.channel else ""
    words = " ".join([arguments.person, arguments.tool, *arguments.arguments, channel])
    answer = _at_desk(settings, "explain", {"words": words})
    print(json.dumps(answer["explanation"]) if arguments.json else _plain(answer["text"]))
    return DONE


# --- setting it up ---------------------------------------------------------------------------------------------------


def _manifest(arguments: argparse.Namespace) -> int:
    """Print what Slack makes the app from. No setting is read: this comes before there is anything to set."""
    from adapters.slack.door.manifest import as_text, manifest
    from bot.config.shapes import checked_url

    try:
        address = checked_url(arguments.http, {"https"})
    except ValueError as err:
        return _fail(arguments, f"--http: {err}", MISUSED)
    print(as_text(manifest(address)), end="")
    return DONE


# --- looking after it -----------------------------------------------------------------------------------------------


def _doctor(arguments: argparse.Namespace, settings: Settings) -> int:
    findings = asyncio.run(_examined(settings, is_offline=arguments.offline, is_told=not arguments.json))
    if arguments.json:
        print(json.dumps([finding.as_data() for finding in findings]))
    return DONE if all(finding.is_ok for finding in findings) else FAILED


async def _examined(settings: Settings, *, is_offline: bool, is_told: bool) -> list[Finding]:
    """Gather what the doctor finds; each line is printed when it is found, as a slow model takes its time."""
    from bot.doctor import examine

    findings = []
    async with aclosing(examine(settings, is_offline=is_offline)) as found:
        async for finding in found:
            findings.append(finding)
            if is_told:
                print(f"{finding.mark:<4} {_plain(finding.part):<14} {_plain(finding.text)}", flush=True)
    return findings


def _migrate(arguments: argparse.Namespace, settings: Settings) -> int:
    async def migrate() -> tuple[str, int]:
        from bot import crash
        from bot.storage.database import is_there, open_database, own
        from bot.storage.runs import RunRows

        crash.arm(settings.crash_at)
        if arguments.restored and not is_there(settings.database):
            raise ConfigError("DATA_DIR", "there is no database here yet: restore the backup first")
        with own(settings.data_dir, settings.database):
            database = await open_database(settings.database)
            try:
                revision = await database.migrate()
                return revision, await RunRows(database).mark_restored() if arguments.restored else 0
            finally:
                await database.aclose()

    revision, touched = asyncio.run(migrate())
    print(f"The database is at revision {revision}.")
    if arguments.restored:
        runs = f"{touched} unfinished run" + ("" if touched == 1 else "s")
        print(f"Marked as restored: {runs}. What was approved there is unknown now: it will not be run.")
        print("Whoever asked, and whoever approved, is told when the bot starts.")
    return DONE


_COMMANDS = {
    "run": _run,
    "demo": _demo,
    "ask": _ask,
    "approvals": _approvals,
    "audit": _audit,
    "admin": _admin,
    "explain": _explain,
    "doctor": _doctor,
    "migrate": _migrate,
}


# --- text for a terminal --------------------------------------------------------------------------------------------


def _plain(text: str) -> str:
    """Text in which nothing moves the cursor, recolours or hides: everything unprintable is spelled out."""
    return "".join(char if char.isprintable() or char == "\n" else f"\\u{{{ord(char):x}}}" for char in text)


def _one_line(text: str, limit: int = 160) -> str:
    flat = _plain(" ".join(text.split()))
    return flat if len(flat) <= limit else f"{flat[:limit]} ..."
