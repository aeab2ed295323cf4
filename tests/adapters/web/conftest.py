from __future__ import annotations

from collections.abc import AsyncIterator

import pytest

from tests.adapters.web.site import Browser, Site, serve


@pytest.fixture
async def site() -> AsyncIterator[Site]:
    """The demo: alice, bob and root."""
    async with serve(suggestions=("Write a plan",), notice="A small model.") as served:
        yield served


@pytest.fixture
async def alice(site: Site) -> AsyncIterator[Browser]:
    """A browser that has the page open as alice."""
    browser = Browser(site)
    await browser.open()
    yield browser
    await browser.http.close()


@pytest.fixture
async def bob(site: Site) -> AsyncIterator[Browser]:
    browser = Browser(site)
    await browser.open()
    await browser.be("bob")
    yield browser
    await browser.http.close()
