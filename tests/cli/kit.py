"""`python -m bot` as a person or script uses it: real processes, a real file, a model that obeys."""

from __future__ import annotations

import asyncio
import json
import signal
import socket
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tests.models.endpoint import Recorded, calls, says

KEY = "sk-canary-key-0123456789"


def _as_from_a_terminal() -> None:
    """Ctrl-C reaches a command, also where the tests run in the background of a shell, which ignores it there."""
    signal.signal(signal.SIGINT, signal.SIG_DFL)


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
            preexec_fn=_as_from_a_terminal,
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


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


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
