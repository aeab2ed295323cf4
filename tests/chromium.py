"""A headless Chromium for the tests of the page. None here: those tests are skipped, or fail where CI wants them."""

from __future__ import annotations

import os
import shutil
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest
from playwright.async_api import Page, async_playwright

FLAGS = [
    "--headless",
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
]
INSTALLED = ("chromium", "chromium-browser", "google-chrome")
IS_REQUIRED = os.environ.get("NOD_REQUIRE_BROWSER") == "1"


class Watched:
    """A page, and everything it complained about."""

    def __init__(self, page: Page) -> None:
        self.page = page
        self.complaints: list[str] = []
        page.on("console", lambda line: self.complaints.append(line.text) if line.type != "log" else None)
        page.on("pageerror", lambda error: self.complaints.append(str(error)))


@asynccontextmanager
async def open_tab(*, width: int = 1280, height: int = 860) -> AsyncIterator[Watched]:
    """Open a page in a new browser; skip the test where there is none."""
    async with async_playwright() as playwright:
        fetched = Path(playwright.chromium.executable_path)
        path = next(filter(None, map(shutil.which, INSTALLED)), str(fetched) if fetched.exists() else None)
        if path is None:
            (pytest.fail if IS_REQUIRED else pytest.skip)("no Chromium on this machine")
        browser = await playwright.chromium.launch(executable_path=path, args=FLAGS)
        page = await browser.new_page(viewport={"width": width, "height": height})
        page.set_default_timeout(20_000)
        yield Watched(page)
        await browser.close()
