"""The demo as a stranger uses it: a browser, a process that is killed, a card that still works."""

from __future__ import annotations

import asyncio
import os
import re
import signal
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest
from playwright.async_api import expect

from tests.adapters.web.site import free_port
from tests.chromium import open_tab
from tests.models.endpoint import Recorded, ScriptedEndpoint, calls, says

pytestmark = pytest.mark.browser


def obeys(request: Recorded) -> dict[str, Any]:
    """A model that uses the tool it is asked for, then says what came back."""
    last = request.body["messages"][-1]
    if last["role"] == "tool":
        return says(f"**Done:** {last['content']}")
    match last["content"]:
        case "What time is it in Tokyo?":
            return calls(("current_time", {"zone": "Asia/Tokyo"}))
        case "Clear all notes":
            return calls(("notes_clear", {}))
        case text if text.startswith("Note "):
            return calls(("notes_add", {"text": text.removeprefix("Note ")}))
        case _:
            return says("I can tell the time.")


class Demo:
    """`python -m bot demo` in a process of its own."""

    def __init__(self, folder: Path, model_url: str) -> None:
        self.port = free_port()
        self.origin = f"http://localhost:{self.port}"
        self._folder = folder
        self._env = {
            "PATH": os.environ["PATH"],
            "PYTHONPATH": str(Path(__file__).parents[1]),
            "MODEL_API_URL": model_url,
            "MODEL_NAME": "scripted",
        }

    @asynccontextmanager
    async def life(self) -> AsyncIterator[asyncio.subprocess.Process]:
        """One life of the process, from its address to SIGKILL."""
        command = (sys.executable, "-m", "bot", "demo", "--port", str(self.port))
        process = await asyncio.create_subprocess_exec(
            *command, cwd=self._folder, env=self._env, stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.DEVNULL
        )
        try:
            assert process.stdout is not None
            async with asyncio.timeout(60):
                while b"Nod is running" not in (line := await process.stdout.readline()):
                    assert line, "the demo ended before it was running"
            yield process
        finally:
            if process.returncode is None:
                process.send_signal(signal.SIGKILL)
            await process.wait()


async def test_it_answers_uses_a_tool_gates_and_goes_on_after_kill_9(
    tmp_path: Path, endpoint: ScriptedEndpoint
) -> None:
    endpoint.script = [obeys] * 50
    demo = Demo(tmp_path, endpoint.url)
    async with open_tab() as tab:
        page = tab.page
        async with demo.life():
            await page.goto(demo.origin)
            await expect(page.locator("body")).to_have_attribute("data-person", "alice")

            await page.fill("#text", "What time is it in Tokyo?")
            await page.press("#text", "Enter")
            await expect(page.locator(".answer").last).to_contain_text("Asia/Tokyo")
            await expect(page).to_have_url(re.compile("/t/"))  # what has been said has an address of its own
            await expect(page.locator("[data-state=done]").first).to_contain_text("current_time")

            await page.fill("#text", "Note buy milk")
            await page.press("#text", "Enter")
            await expect(page.locator(".answer").last).to_contain_text("1 note")

            await page.fill("#text", "Clear all notes")
            await page.press("#text", "Enter")
            card = page.locator(".card[data-state=pending]")
            await expect(card).to_contain_text("notes_clear")
            await expect(card.locator(".card-arguments")).to_contain_text("{}")
            approval = str(await card.get_attribute("id"))

        # killed: the page says so, and comes back by itself when the process does
        await expect(page.locator("#connection")).to_be_visible()
        async with demo.life():
            card = page.locator(f"#{approval}")
            await expect(page.locator("#connection")).to_be_hidden(timeout=30_000)
            await expect(card.locator("[data-verb=approve]")).to_be_enabled()

            await page.select_option("#person", "bob")
            await expect(page.locator("body")).to_have_attribute("data-person", "bob")
            await expect(card).to_contain_text("You cannot decide this one")
            await expect(card.locator("[data-verb=approve]")).to_be_hidden()
            await page.select_option("#person", "alice")
            await expect(page.locator("body")).to_have_attribute("data-person", "alice")

            await card.locator("[data-verb=approve]").click()
            await expect(card).to_have_attribute("data-outcome", "done")
            await expect(card).to_contain_text("Approved by alice")
            await expect(page.locator(".answer").last).to_contain_text("Deleted 1 note")
            await expect(page.locator(".answer").last.locator("strong")).to_have_text("Done:")

    assert endpoint.unexpected == 0
    resumed = endpoint.requests[-1].body["messages"]
    assert [one["role"] for one in resumed[-3:]] == ["user", "assistant", "tool"]
    # a request that was under way when the process died, or when another person was picked, fails as it should
    expected = ("ERR_CONNECTION", "ERR_INCOMPLETE", "ERR_EMPTY_RESPONSE", "401 (Unauthorized)")
    assert [line for line in tab.complaints if not any(word in line for word in expected)] == []
