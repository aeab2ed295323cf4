"""The model, in a process of its own: what it says follows from the messages it is sent, so it survives every life.

A task is `script: {"id": "e1", "calls": [["gated", "free"], ["gated"]]}`: the replies in order, each with its calls;
then it says `the end e1`. `delay_ms` passes before every reply, `slow_ms` before the first one to a task.
"""

from __future__ import annotations

import asyncio
import json
import logging
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from aiohttp import web

from tests.models.endpoint import calls, says

MARK = "script: "


def script(task_id: str, replies: list[list[str]], **more: int) -> str:
    """The text of a message that has the model play this."""
    return MARK + json.dumps({"id": task_id, "calls": replies, **more})


def reply_to(messages: list[dict[str, Any]]) -> dict[str, Any]:
    """The completion to these messages."""
    task, said = _task(messages)
    if said >= len(task["calls"]):
        return says(f"the end {task['id']}")
    wanted = [(name, {"n": 100 * said + at}) for at, name in enumerate(task["calls"][said])]
    return calls(*wanted, ids=[f"{task['id']}-{said}-{at}" for at in range(len(wanted))])


def _task(messages: list[dict[str, Any]]) -> tuple[dict[str, Any], int]:
    """The last script, and how many replies with calls came after it."""
    texts = [one["content"] if isinstance(one["content"], str) else "" for one in messages]
    last = max(at for at, one in enumerate(messages) if one["role"] == "user" and MARK in texts[at])
    said = sum(1 for one in messages[last:] if one.get("tool_calls"))
    task: dict[str, Any] = json.loads(texts[last].partition(MARK)[2])
    return task, said


class Speaker:
    """Answers requests. It remembers one thing: which tasks have had their one slow reply."""

    def __init__(self) -> None:
        self._asked: set[str] = set()

    async def answer(self, request: web.Request) -> web.Response:
        messages = (await request.json())["messages"]
        task, _ = _task(messages)
        delay_ms = task.get("delay_ms", 0)
        if task["id"] not in self._asked:
            self._asked.add(task["id"])
            delay_ms = max(delay_ms, task.get("slow_ms", 0))
        if delay_ms:
            await asyncio.sleep(delay_ms / 1000)
        return web.json_response(reply_to(messages))


@contextmanager
def speaking() -> Iterator[str]:
    """Start the process; gives the model's address."""
    process = subprocess.Popen(
        [sys.executable, "-m", __name__], cwd=ROOT, stdout=subprocess.PIPE, stdin=subprocess.PIPE
    )
    try:
        assert process.stdout is not None
        yield f"http://127.0.0.1:{int(process.stdout.readline())}/v1"
    finally:
        process.kill()
        process.communicate()


async def _serve() -> None:
    logging.disable(logging.ERROR)  # those who ask are killed while they ask
    app = web.Application(client_max_size=1 << 24)
    app.router.add_post("/v1/chat/completions", Speaker().answer)
    runner = web.AppRunner(app, access_log=None, shutdown_timeout=0.5)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0, backlog=1024).start()
    print(runner.addresses[0][1], flush=True)
    await asyncio.to_thread(sys.stdin.read)  # ends with whoever started it


ROOT = Path(__file__).parents[2]

if __name__ == "__main__":
    asyncio.run(_serve())
