"""The page in a real browser: what a person does, and that the page itself breaks none of its own rules."""

from __future__ import annotations

from collections.abc import AsyncIterator
from typing import Any

import pytest
from playwright.async_api import expect

from bot.chat import Notice, Place
from tests.adapters.web.memory_service import MemoryService
from tests.adapters.web.site import free_port, serve, until
from tests.chromium import Watched, open_tab

pytestmark = pytest.mark.browser


@pytest.fixture
async def tab() -> AsyncIterator[Watched]:
    async with open_tab() as watched:
        yield watched


def served(**options: Any) -> Any:
    service = MemoryService(pause_s=0.15)
    return serve(service=service, suggestions=("Write the plan",), notice="A small model.", **options)


async def test_a_person_writes_denies_approves_and_changes(tab: Watched) -> None:
    page = tab.page
    async with served() as site:
        await page.goto(site.origin)
        await expect(page.locator("#empty")).to_be_visible()

        # a streamed answer, its tool line, and its inert link
        await page.fill("#text", "What changed?")
        await page.press("#text", "Enter")
        await page.locator(".draft").wait_for()
        await expect(page.locator(".answer")).to_contain_text("the guide (https://example.com/guide?q=1)")
        await expect(page.locator(".draft")).to_have_count(0)
        await expect(page.locator("#call-r1c1")).to_have_attribute("data-state", "done")
        assert await page.locator(".answer a, .answer img").count() == 0
        await expect(page).to_have_url(f"{site.origin}/t/{site.service.received[0].place.thread}")

        # a card, denied with a reason
        await page.fill("#text", "write it")
        await page.click("#send")
        card = page.locator("#card-r2a1")
        await expect(card.locator(".card-arguments")).to_contain_text("notes/plan.md")
        await expect(page.locator("#pending-count")).to_have_text("1")
        await card.locator(".card-reason").fill("wrong folder")
        await card.locator("[data-verb=deny]").click()
        await expect(card).to_have_attribute("data-state", "denied")
        await expect(card).to_contain_text("Denied by alice")
        await expect(card).to_contain_text("wrong folder")
        assert await card.locator("button").count() == 0
        await expect(page.locator("#answer-r2")).to_contain_text("I did not write")
        await expect(page.locator("#pending-section")).to_be_hidden()

        # another, seen by bob, who may not decide, and approved by root
        await page.fill("#text", "write it")
        await page.click("#send")
        card = page.locator("#card-r3a1")
        await expect(card.locator("[data-verb=approve]")).to_be_visible()
        await page.select_option("#person", "bob")
        await expect(page.locator("body")).to_have_attribute("data-person", "bob")
        await expect(card).to_contain_text("You cannot decide this one")
        await expect(card.locator("[data-verb=approve]")).to_be_hidden()
        await page.select_option("#person", "root")
        await expect(page.locator("body")).to_have_attribute("data-person", "root")
        await card.locator("[data-verb=approve]").click()
        await expect(card).to_have_attribute("data-outcome", "done")
        await expect(card).to_contain_text("Approved by root")
        await expect(page.locator("#answer-r3")).to_contain_text("is written")
        assert [click.actor.user for click in site.service.clicks] == ["alice", "root"]

        # nothing new in a new thread, and a suggestion that is sent by a click
        await page.click("#new-thread")
        await expect(page.locator("#empty")).to_be_visible()
        await page.click(".suggestion")
        await expect(page.locator("#card-r4a1")).to_be_visible()
        await expect(page.locator("#threads .row")).to_have_count(2)
        await page.click("#pending .row")
        await expect(page.locator("#card-r4a1")).to_be_focused()

    assert tab.complaints == []


async def test_the_page_comes_back_after_a_restart_with_the_transcript_and_the_draft(tab: Watched) -> None:
    page, port = tab.page, free_port()
    service = MemoryService()
    async with serve(port=port, service=service) as site:
        await page.goto(site.origin)
        await page.fill("#text", "hello")
        await page.click("#send")
        await expect(page.locator("#answer-r1")).to_be_visible()
        await page.fill("#text", "half a thought")
    await expect(page.locator("#connection")).to_have_text("Connection lost. Reconnecting…")
    await page.click("#send")
    await expect(page.locator("#composer-error")).to_contain_text("Nod cannot be reached")

    place = service.received[0].place
    async with serve(port=port, service=service):
        await expect(page.locator("#connection")).to_be_hidden()
        await expect(page.locator("#answer-r1")).to_be_visible()
        await expect(page.locator("#text")).to_have_value("half a thought")
        await page.click("#send")
        await expect(page.locator("#answer-r2")).to_be_visible()

    assert [inbound.place for inbound in service.received] == [place, place]


async def test_what_another_person_does_appears_by_itself(tab: Watched) -> None:
    page = tab.page
    async with served() as site:
        other = await (await page.context.browser.new_context()).new_page()  # type: ignore[union-attr]
        await page.goto(site.origin)
        await page.fill("#text", "write it")
        await page.click("#send")
        await page.locator("#card-r1a1").wait_for()
        await other.goto(site.origin)
        await other.select_option("#person", "root")
        await expect(other.locator("#pending-count")).to_have_text("1")
        await other.click("#pending .row")
        await other.locator("#card-r1a1 [data-verb=deny]").click()

        await expect(page.locator("#card-r1a1")).to_contain_text("Denied by root")
        await expect(page.locator("#card-r1a1 button")).to_have_count(0)


async def test_errors_are_said_where_they_arise(tab: Watched) -> None:
    page = tab.page
    async with served() as site:
        await page.goto(site.origin)
        await page.click("#send")
        await expect(page.locator("#composer-error")).to_have_text("Write something first.")
        await page.fill("#text", "refuse")
        await page.press("#text", "Enter")
        await expect(page.locator("#composer-error")).to_have_text("You may not talk to me here.")
        await expect(page.locator("#text")).to_have_value("refuse")

        await page.fill("#text", "write it")
        await page.press("#text", "Enter")
        card = page.locator("#card-r1a1")
        await card.locator("[data-verb=deny]").wait_for()
        site.service.cards.clear()
        await card.locator("[data-verb=deny]").click()
        await expect(card.locator(".card-error")).to_have_text("There is no such approval.")


async def test_a_run_can_be_stopped(tab: Watched) -> None:
    page = tab.page
    async with served() as site:
        await page.goto(site.origin)
        await expect(page.locator("#stop")).to_be_hidden()
        await page.fill("#text", "long work")
        await page.press("#text", "Enter")
        await page.click("#stop")
        await expect(page.locator(".notice")).to_contain_text("Stopped by alice.")
        await expect(page.locator("#stop")).to_be_hidden()

    assert tab.complaints == []


async def test_a_warning_keeps_its_lines_and_stands_once(tab: Watched) -> None:
    page, place = tab.page, Place("web", "", "general", "t1")
    lines = 'It is not known whether files_write took effect. Its arguments: {\n  "path": "notes/plan.md"\n}'
    async with served() as site:
        await page.goto(f"{site.origin}/t/t1")
        await until(lambda: site.adapter.is_watched(place))
        await site.service.say(place, Notice("r1", lines, 1))
        await expect(page.locator(".notice")).to_be_visible()
        await site.adapter.show(place, Notice("r1", lines, 2_000))

        await expect(page.locator(".notice")).to_have_count(1)
        assert await page.locator(".notice-text").inner_text() == lines
        await page.reload()
        await expect(page.locator(".notice")).to_have_count(1)

    assert tab.complaints == []


async def test_the_page_works_by_keyboard_on_a_phone(tab: Watched) -> None:
    page = tab.page
    async with served() as site:
        await page.set_viewport_size({"width": 360, "height": 740})
        await page.goto(site.origin)
        await page.fill("#text", "write it")
        await page.press("#text", "Enter")
        card = page.locator("#card-r1a1")
        await card.locator(".card-reason").focus()
        await page.keyboard.press("Tab")
        await page.keyboard.press("Enter")
        await expect(card).to_have_attribute("data-state", "approved")
        await page.click("#open-side")
        await expect(page.locator("#threads .row")).to_be_visible()
        await page.keyboard.press("Escape")
        await expect(page.locator("#threads .row")).to_be_hidden()
        width = await page.evaluate("document.documentElement.scrollWidth")

    assert width <= 360
    assert tab.complaints == []


async def test_a_closed_tab_is_not_watched(tab: Watched) -> None:
    page, place = tab.page, Place("web", "", "general", "t1")
    async with served() as site:
        await page.goto(f"{site.origin}/t/t1")
        await until(lambda: site.adapter.is_watched(place))
        await page.goto("about:blank")
        await until(lambda: not site.adapter.is_watched(place))


async def test_a_link_from_another_site_keeps_who_one_is(tab: Watched) -> None:
    """The browser holds the strict cookie back at first: the page fetches itself once more, from itself."""
    page = tab.page
    async with served() as site:
        await page.goto(f"http://localhost:{site.port}/")
        await page.select_option("#person", "bob")
        await expect(page.locator("body")).to_have_attribute("data-person", "bob")
        await page.goto(site.origin)
        await page.evaluate(f"location.href = 'http://localhost:{site.port}/t/t1'")

        await expect(page.locator("body")).to_have_attribute("data-person", "bob")
        await expect(page).to_have_url(f"http://localhost:{site.port}/t/t1")

    assert tab.complaints == []
