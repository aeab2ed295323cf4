"""The other commands: help, health, lists, configuration, migrate; and what a terminal is shown."""

from __future__ import annotations

import asyncio
import csv
import io
import sys
from pathlib import Path

import aiohttp
import pytest

from tests.cli.kit import KEY, Nod, ask_and_wait, free_port
from tests.models.endpoint import ScriptedEndpoint, says

READY = Path(__file__).parents[2] / "adapters" / "slack" / "door" / "manifest-socket.json"


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
    for command in ("demo", "run", "ask", "approvals", "doctor", "audit", "migrate", "manifest", "version"):
        assert command in out.decode()


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
        ({"ADAPTERS": "web,discord"}, "configuration: DISCORD_TOKEN: "),
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


async def test_migrate_and_version(nod: Nod) -> None:
    assert (await nod("migrate")).out == "The database is at revision 0006.\n"
    assert (await nod("version")).out.startswith("nod 0.")


async def test_a_terminal_cannot_be_steered_by_what_is_printed(nod: Nod, endpoint: ScriptedEndpoint) -> None:
    endpoint.script = [says("red \x1b[31m and a bell \a")]

    ran = await nod("ask", "Hi")

    assert ran.out == "red \\u{1b}[31m and a bell \\u{7}\n"


async def test_manifest_is_printed_before_anything_is_set(nod: Nod) -> None:
    """Slack gives the tokens only once the app is made from it."""
    over_socket = await nod("manifest", ADAPTERS="slack")
    over_http = await nod("manifest", "--http", "https://nod.example", ADAPTERS="slack")

    assert (over_socket.code, over_socket.err, over_socket.out) == (
        0,
        "",
        READY.with_name("manifest-socket.json").read_text(),
    )
    assert (over_http.code, over_http.err, over_http.out) == (0, "", READY.with_name("manifest-http.json").read_text())


@pytest.mark.parametrize("address", ["nod.example", "http://nod.example", "http://127.0.0.1", "https://"])
async def test_a_manifest_names_addresses_that_slack_takes(address: str, nod: Nod) -> None:
    ran = await nod("manifest", "--http", address)

    assert (ran.code, ran.out) == (2, "")
    assert ran.err == "--http: write a whole URL that begins with https://\n"
