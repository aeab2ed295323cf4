"""The command line as a person or script uses it: real processes, a real file, a model on a real socket."""

from __future__ import annotations

import asyncio
import csv
import io
import json
import os
import signal
import socket
import sys
from collections.abc import AsyncIterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import aiohttp
import pytest

from tests.models.endpoint import Recorded, ScriptedEndpoint, calls, says

KEY = "sk-canary-key-0123456789"


@dataclass
class Ran:
    code: int
    out: str
    err: str

    @property
    def data(self) -> Any:
        return json.loads(self.out)


@dataclass
class Nod:
    """`python -m bot` in a folder of its own, with only the environment of the test."""

    folder: Path
    env: dict[str, str]

    async def start(self, *words: str, **env: str) -> asyncio.subprocess.Process:
        return await asyncio.create_subprocess_exec(
            sys.executable,
            "-m",
            "bot",
            *words,
            cwd=self.folder,
            env={**self.env, **env},
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.PIPE,
        )

    async def __call__(self, *words: str, **env: str) -> Ran:
        process = await self.start(*words, **env)
        out, err = await asyncio.wait_for(process.communicate(), 60)
        assert process.returncode is not None
        return Ran(process.returncode, out.decode(), err.decode())


def obeys(request: Recorded) -> dict[str, Any]:
    """A model that does what the last person said, then repeats what came back."""
    last = request.body["messages"][-1]
    if last["role"] == "tool":
        return says(f"It said: {last['content']}")
    match last["content"]:
        case "Clear all notes":
            return calls(("notes_clear", {}))
        case "Crash":
            return calls(("crash", {}))
        case text if text.startswith("Note "):
            return calls(("notes_add", {"text": text.removeprefix("Note ")}))
        case "Count":
            return calls(("notes_search", {"query": ""}))
        case text:
            return says(f"You said {text}")


@pytest.fixture
async def nod(tmp_path: Path, endpoint: ScriptedEndpoint) -> Nod:
    endpoint.script = [obeys] * 200
    tools = tmp_path / "tools"
    tools.mkdir()
    (tools / "crash.py").write_text(
        "import os, bot\n"
        "@bot.tool(confirm=True, effect='once')\n"
        "def crash() -> str:\n"
        "    '''Crash.'''\n"
        f"    open({str(tmp_path / 'ledger')!r}, 'a').write('x')\n"
        "    os._exit(9)\n"
    )
    return Nod(
        tmp_path,
        {
            "PATH": os.environ["PATH"],
            "PYTHONPATH": str(Path(__file__).parents[1]),
            "DATA_DIR": str(tmp_path / "data"),
            "TOOLS_DIR": str(tools),
            "MODEL_API_URL": endpoint.url,
            "MODEL_NAME": "scripted",
            "MODEL_API_KEY": KEY,
            "ADMINS": "web:root",
            "HTTP_PORT": str(free_port()),
        },
    )


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


@pytest.fixture
async def running(nod: Nod) -> AsyncIterator[asyncio.subprocess.Process]:
    """The bot serving in a process of its own."""
    process = await nod.start("run")
    assert process.stdout is not None
    line = await asyncio.wait_for(process.stdout.readline(), 30)
    assert line.startswith(b"Nod is running: http://localhost:")
    yield process
    if process.returncode is None:
        process.terminate()
        await asyncio.wait_for(process.wait(), 20)


async def test_help_needs_none_of_the_heavy_libraries(nod: Nod) -> None:
    code = (
        "import sys\n"
        "from bot.__main__ import main\n"
        "try: main(['--help'])\n"
        "except SystemExit: pass\n"
        "heavy = {'openai', 'mcp', 'aiohttp', 'sqlalchemy', 'pydantic', 'alembic', 'structlog'} & set(sys.modules)\n"
        "print(sorted(heavy), file=sys.stderr)\n"
    )
    process = await asyncio.create_subprocess_exec(
        sys.executable,
        "-c",
        code,
        cwd=nod.folder,
        env=nod.env,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
    )
    out, err = await process.communicate()

    assert err.decode().strip() == "[]"
    for command in ("demo", "run", "ask", "approvals", "doctor", "audit", "migrate", "version"):
        assert command in out.decode()


async def ask_and_wait(nod: Nod) -> str:
    waiting = await nod("ask", "Clear all notes", "--as", "alice", "--json")
    assert waiting.code == 3
    (approval,) = waiting.data["approvals"]
    assert (approval["tool"], approval["arguments"], approval["requester"]) == ("notes_clear", "{}", "web:alice")
    return str(approval["id"])


async def approve_in_another_process(nod: Nod) -> None:
    """The sequence of the contract: ask, approve, approve again; the effect is there once."""
    assert (await nod("ask", "Note buy milk", "--as", "alice", "--json")).code == 0
    approval = await ask_and_wait(nod)
    assert "buy milk" in (await nod("ask", "Count", "--as", "alice")).out

    foreign = await nod("approvals", "approve", approval, "--as", "bob", "--json")
    assert (foreign.code, foreign.data["message"]) == (1, "Only alice or an admin can decide this.")
    first = await nod("approvals", "approve", approval, "--json")
    second = await nod("approvals", "approve", approval, "--json")

    assert (first.code, first.data["accepted"], first.data["response"]) == (0, True, "It said: Deleted 1 note.")
    assert (second.code, second.data["accepted"]) == (1, False)
    assert second.data["message"] == "This was already approved by operator; it has run."
    rows = [json.loads(line) for line in (await nod("audit", "--json")).out.splitlines()]
    assert [row["outcome"] for row in rows if row["tool"] == "notes_clear" and row["outcome"]] == ["done"]


async def test_ask_approve_and_approve_again_where_no_bot_runs(nod: Nod) -> None:
    await approve_in_another_process(nod)


@pytest.mark.usefixtures("running")
async def test_ask_approve_and_approve_again_while_the_bot_owns_the_file(nod: Nod) -> None:
    await approve_in_another_process(nod)


async def test_after_kill_9_the_old_approval_still_works(nod: Nod) -> None:
    first = await nod.start("run")
    assert first.stdout is not None
    await asyncio.wait_for(first.stdout.readline(), 30)
    approval = await ask_and_wait(nod)
    first.send_signal(signal.SIGKILL)
    await first.wait()

    second = await nod.start("run")
    assert second.stdout is not None
    await asyncio.wait_for(second.stdout.readline(), 30)
    approved = await nod("approvals", "approve", approval, "--json")
    second.terminate()
    assert await asyncio.wait_for(second.wait(), 20) == 0

    assert (approved.code, approved.data["status"]) == (0, "done")


async def test_a_process_that_dies_inside_the_effect_leaves_it_unknown(nod: Nod, tmp_path: Path) -> None:
    waiting = await nod("ask", "Crash", "--as", "alice", "--json")
    approval = waiting.data["approvals"][0]["id"]

    died = await nod("approvals", "approve", approval)
    assert died.code == 9
    again = await nod("approvals", "approve", approval, "--json")

    assert again.data["message"] == "This was already approved by operator; its outcome is unknown."
    assert (tmp_path / "ledger").read_text() == "x"


async def test_looking_moves_nothing(nod: Nod, endpoint: ScriptedEndpoint) -> None:
    """What a crash left open goes on with the bot, not with somebody who reads a list."""
    gate = asyncio.Event()

    async def never(_request: Recorded) -> dict[str, Any]:
        await gate.wait()
        return says("late")

    endpoint.script = [never, *[obeys] * 20]
    bot = await nod.start("run")
    assert bot.stdout is not None
    await asyncio.wait_for(bot.stdout.readline(), 30)
    asking = await nod.start("ask", "Hello", "--as", "alice")
    while not endpoint.requests:
        await asyncio.sleep(0.02)
    bot.send_signal(signal.SIGKILL)
    await bot.wait()
    await asking.communicate()

    for words in (("audit",), ("approvals",), ("doctor",)):
        await nod(*words, MODEL_API_URL=f"http://127.0.0.1:{free_port()}/v1")
    answered = await nod("ask", "Count the days", "--as", "alice", "--json")
    gate.set()

    assert answered.data["response"] == "You said Count the days"
    last = endpoint.requests[-1].body["messages"]
    assert [one["content"] for one in last[1:3]] == ["Hello", "You said Hello"]


async def test_deny_tells_why(nod: Nod, endpoint: ScriptedEndpoint) -> None:
    approval = await ask_and_wait(nod)

    denied = await nod("approvals", "deny", approval[:8], "--reason", "not today", "--as", "alice", "--json")

    assert denied.code == 0
    assert denied.data["response"] == "It said: Action denied by user. Denied by alice. Reason: not today"


@pytest.mark.parametrize(
    "words",
    [
        ("approvals", "--as", "bob", "--json", "approve", "ID"),
        ("approvals", "approve", "ID", "--as", "bob", "--json"),
        ("approvals", "--as", "bob", "approve", "--json", "ID"),
    ],
)
async def test_whoever_is_named_decides_wherever_the_option_stands(nod: Nod, words: tuple[str, ...]) -> None:
    approval = await ask_and_wait(nod)

    ran = await nod(*(approval if word == "ID" else word for word in words))

    assert (ran.code, ran.data["message"]) == (1, "Only alice or an admin can decide this.")


async def test_the_first_characters_of_an_id_are_enough_also_for_the_second_one(nod: Nod) -> None:
    approval = await ask_and_wait(nod)

    assert (await nod("approvals", "approve", approval[:8])).code == 0
    again = await nod("approvals", "approve", approval[:8])

    assert again.out == "This was already approved by operator; it has run.\n"


@pytest.mark.usefixtures("running")
async def test_health_says_alive_and_what_is_ready(nod: Nod) -> None:
    async with aiohttp.ClientSession() as http:
        base = f"http://127.0.0.1:{nod.env['HTTP_PORT']}"
        async with http.get(f"{base}/healthz") as alive:
            assert (alive.status, (await alive.json())["status"]) == (200, "alive")
        async with http.get(f"{base}/readyz") as ready:
            assert ready.status == 200
            parts = dict.fromkeys(("database", "model", "adapters", "recovery"), "ok")
            assert await ready.json() == {"ready": True, **parts}


async def test_lists_for_people_and_for_scripts(nod: Nod) -> None:
    assert (await nod("approvals")).out == "Nothing waits for approval.\n"
    approval = await ask_and_wait(nod)

    assert approval in (await nod("approvals")).out
    assert [one["id"] for one in (await nod("approvals", "list", "--json")).data] == [approval]
    assert (await nod("approvals", "list", "--as", "bob", "--json")).data == []
    rows = list(csv.DictReader(io.StringIO((await nod("audit", "--csv")).out)))
    assert [(row["tool"], row["requester"]) for row in rows] == [("notes_clear", "web:alice")]
    keys = {"at", "run", "requester", "place", "model", "tool", "arguments", "verdict", "rule", "approver"}
    assert keys | {"decision", "outcome", "ms"} <= set(rows[0])


async def test_conversations_are_kept_apart(nod: Nod, endpoint: ScriptedEndpoint) -> None:
    await nod("ask", "one", "--conversation", "a")
    await nod("ask", "two", "--conversation", "a")
    await nod("ask", "three", "--conversation", "b")

    sent = [[m["content"] for m in request.body["messages"][1:]] for request in endpoint.requests]
    assert sent == [["one"], ["one", "You said one", "two"], ["three"]]


async def test_the_key_is_nowhere_in_the_data_folder(nod: Nod, tmp_path: Path) -> None:
    await nod("ask", f"Note {KEY}", "--as", "alice")

    stored = b"".join(path.read_bytes() for path in (tmp_path / "data").rglob("*") if path.is_file())
    assert b"[secret]" in stored
    assert KEY.encode() not in stored


@pytest.mark.parametrize(
    ("env", "line"),
    [
        ({"HTTP_PORT": "many"}, "configuration: HTTP_PORT: "),
        ({"MODEL_API_URL": "nonsense"}, "configuration: MODEL_API_URL: "),
        ({"MODEL_NAME": ""}, "configuration: MODEL_NAME: "),
        ({"TOOLS_DIR": "/nowhere/at/all"}, "configuration: TOOLS_DIR: "),
        ({"DATA_DIR": "/dev/null"}, "configuration: DATA_DIR: "),
        ({"MODEL_HOST_TYPE": "nonsense"}, "configuration: MODEL_HOST_TYPE: "),
        ({"PERSONA": "nobody"}, "configuration: PERSONA: "),
        ({"MODELS_FILE": "nowhere.toml"}, "configuration: MODELS_FILE: "),
        ({"DATABASE_URL": "sqlite+aiosqlite://host/x?foo=bar"}, "configuration: DATABASE_URL: "),
    ],
)
async def test_a_configuration_error_is_one_line_and_exit_2(nod: Nod, env: dict[str, str], line: str) -> None:
    ran = await nod("ask", "Hi", **env)

    assert ran.code == 2
    assert ran.err.startswith(line)
    assert ran.err.count("\n") == 1
    assert ran.out == ""


async def test_beyond_loopback_without_tokens_it_refuses_to_start(nod: Nod) -> None:
    ran = await nod("run", HTTP_HOST="0.0.0.0")

    assert ran.code == 2
    assert ran.err.startswith("configuration: HTTP_HOST: ")


async def test_row_66_without_admins_nobody_is_one_and_it_is_said(nod: Nod) -> None:
    process = await nod.start("run", ADMINS="")
    assert process.stdout is not None
    await asyncio.wait_for(process.stdout.readline(), 30)
    process.terminate()
    _, err = await process.communicate()

    assert b"ADMINS is empty: nobody is an admin." in err


@pytest.mark.usefixtures("running")
async def test_a_second_bot_on_the_same_folder_is_refused(nod: Nod) -> None:
    ran = await nod("run")

    assert ran.code == 2
    assert "is in use by another process of Nod" in ran.err


async def test_a_model_that_is_down_is_a_sentence_and_exit_1(nod: Nod) -> None:
    ran = await nod("ask", "Hi", MODEL_API_URL=f"http://127.0.0.1:{free_port()}/v1")

    assert ran.code == 1
    assert "refused the connection" in ran.out
    assert "Traceback" not in ran.out + ran.err


async def test_no_model_at_all_says_what_to_set(nod: Nod) -> None:
    ran = await nod("ask", "Hi", MODEL_API_URL="", MODEL_NAME="")

    assert ran.code == 1
    assert "MODEL_API_URL" in ran.err


async def test_the_doctor_finds_everything_well(nod: Nod) -> None:
    ran = await nod("doctor", "--json")

    assert ran.code == 0
    assert {one["part"]: one["is_ok"] for one in ran.data} == {
        "settings": True,
        "admins": True,
        "page": True,
        "database": True,
        "tools": True,
        "model": True,
    }


async def test_the_doctor_says_what_to_change(nod: Nod) -> None:
    ran = await nod("doctor", MODEL_API_URL="", MODEL_NAME="", HTTP_HOST="0.0.0.0")

    assert ran.code == 1
    assert "NOT  page" in ran.out
    assert "set MODEL_API_URL and MODEL_NAME" in ran.out


async def test_migrate_and_version(nod: Nod) -> None:
    assert (await nod("migrate")).out == "The database is at revision 0002.\n"
    assert (await nod("version")).out.startswith("nod 0.")


async def test_a_stop_in_the_middle_of_a_start_is_in_good_order(nod: Nod, tmp_path: Path) -> None:
    process = await nod.start("run")
    while not (tmp_path / "data" / "nod.lock").exists():
        await asyncio.sleep(0.005)
    process.send_signal(signal.SIGTERM)

    out, _ = await asyncio.wait_for(process.communicate(), 30)

    assert process.returncode == 0
    assert b"Stopping ..." in out


async def test_a_restore_without_a_database_is_refused(nod: Nod) -> None:
    ran = await nod("migrate", "--restored")

    assert (ran.code, ran.err) == (
        2,
        "configuration: DATA_DIR: there is no database here yet: restore the backup first\n",
    )


async def test_after_a_restore_what_was_approved_is_unknown_and_never_run(nod: Nod, tmp_path: Path) -> None:
    approval = (await nod("ask", "Clear all notes", "--json")).data["approvals"][0]["id"]
    crashed = await nod("approvals", "approve", approval, CRASH_AT="claim.before")
    assert crashed.code == -signal.SIGKILL

    restored = await nod("migrate", "--restored")
    later = await nod("approvals", "approve", approval, "--json")

    assert "Marked as restored: 1 unfinished run." in restored.out
    assert later.data["approval"]["outcome"] == "unknown"
    assert (later.code, later.data["accepted"]) == (1, False)


async def test_a_terminal_cannot_be_steered_by_what_is_printed(nod: Nod, endpoint: ScriptedEndpoint) -> None:
    endpoint.script = [says("red \x1b[31m and a bell \a")]

    ran = await nod("ask", "Hi")

    assert ran.out == "red \\u{1b}[31m and a bell \\u{7}\n"
