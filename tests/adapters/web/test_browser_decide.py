"""Cards and commands in a real browser: approved for longer, edited, decided by several, completed by keyboard."""

from __future__ import annotations

from collections.abc import AsyncIterator
from dataclasses import replace
from typing import Any

import pytest
from playwright.async_api import Locator, Page, Route, expect

from bot.chat import CardShown, Offer
from tests.adapters.web.memory_service import MemoryService
from tests.adapters.web.site import serve, until
from tests.chromium import Watched, open_tab

pytestmark = pytest.mark.browser
PATTERN = 'path like "notes/\u200b*"'
OFFERS = (
    Offer("thread", "", "in this thread, with exactly these arguments"),
    Offer("8h", PATTERN, 'for 8h, with any path like "notes/*"'),
)


@pytest.fixture
async def tab() -> AsyncIterator[Watched]:
    async with open_tab() as watched:
        yield watched


def served(**options: Any) -> Any:
    needed = options.pop("needed", 1)
    return serve(service=MemoryService(offers=OFFERS, needed=needed), **options)


def ways(page: Page) -> Locator:
    """How the line that is typed may go on."""
    return page.get_by_role("listbox", name="Ways to go on").get_by_role("option")


async def asked(page: Page, origin: str) -> Locator:
    """Have a card asked for; gives it."""
    await page.goto(origin)
    await page.fill("#text", "write it")
    await page.press("#text", "Enter")
    card = page.locator("#card-r1a1")
    await card.wait_for()
    return card


async def test_the_menu_approves_for_longer_by_keyboard(tab: Watched) -> None:
    page = tab.page
    async with served() as site:
        card = await asked(page, site.origin)
        more, items = card.get_by_role("button", name="Approve for…"), card.get_by_role("menuitem")
        await card.locator("[data-verb=approve]").focus()
        await page.keyboard.press("Tab")
        await expect(more).to_be_focused()
        await expect(items).to_have_count(0)

        await page.keyboard.press("Enter")
        await expect(more).to_have_attribute("aria-expanded", "true")
        await expect(items.first).to_be_focused()
        await page.keyboard.press("Escape")
        await expect(items).to_have_count(0)
        await expect(more).to_be_focused()

        await page.keyboard.press("ArrowDown")
        await page.keyboard.press("ArrowUp")
        await expect(items.nth(1)).to_be_focused()
        assert site.service.clicks == []
        await page.keyboard.press("Enter")
        await expect(card).to_have_attribute("data-outcome", "done")
        await expect(card).to_contain_text('also for 8h, with any path like "notes/*"')

    assert [(one.verb, one.grant, one.pattern) for one in site.service.clicks] == [("approve", "8h", PATTERN)]
    assert tab.complaints == []


async def test_the_menu_works_by_mouse_and_no_double_click_grants_anything(tab: Watched) -> None:
    page = tab.page
    async with served() as site:
        card = await asked(page, site.origin)
        more, items = card.get_by_role("button", name="Approve for…"), card.get_by_role("menuitem")
        await more.click()
        await page.locator("#thread-title").click()
        await expect(items).to_have_count(0)

        await page.evaluate(
            """() => {
              document.querySelector(".button-longer").click();
              const second = new MouseEvent("click", { bubbles: true, detail: 2 });
              document.querySelector(".card-offer").dispatchEvent(second);
            }"""
        )
        await expect(items).to_have_count(2)
        await page.wait_for_timeout(350)
        assert site.service.clicks == []
        await expect(card).to_have_attribute("data-state", "pending")
        await items.first.click()
        await expect(card).to_have_attribute("data-outcome", "done")

    assert [(one.verb, one.grant, one.pattern) for one in site.service.clicks] == [("approve", "thread", "")]
    assert tab.complaints == []


async def test_an_edit_is_checked_refused_kept_and_saved(tab: Watched) -> None:
    page = tab.page
    async with served() as site:
        site.service.arguments = '{\n  "path": "a\u202eb.md"\n}'
        card = await asked(page, site.origin)
        dialog, area, problem = page.locator("#edit"), page.locator("#edit-text"), page.locator("#edit-error")
        await card.get_by_role("button", name="Edit").click()
        await expect(dialog).to_be_visible()
        await expect(page.get_by_role("dialog", name="Edit the arguments of files_write")).to_have_count(1)
        await expect(area).to_be_focused()
        await expect(area).to_have_value('{\n  "path": "a\\u202eb.md"\n}')

        await area.fill('{"path": ')
        await page.click("#edit-save")
        await expect(problem).to_contain_text("This is not JSON yet: ")
        await area.fill("[1]")
        await page.click("#edit-save")
        await expect(problem).to_have_text("Arguments are one JSON object, in braces: {…}")
        assert site.service.clicks == []

        await area.fill('{"text": "<b>"}')
        await expect(problem).to_be_empty()
        await page.click("#edit-save")
        await expect(problem).to_have_text("These arguments do not fit files_write: path is missing.")
        await expect(dialog).to_be_visible()
        await expect(area).to_have_value('{"text": "<b>"}')

        await area.fill('{"path": "c.md"}')
        await page.keyboard.press("Control+Enter")
        await expect(dialog).to_be_hidden()
        await expect(card).to_contain_text("Arguments edited by alice")
        await expect(card.locator(".card-arguments")).to_contain_text("c.md")
        await expect(card).to_be_focused()
        again = replace(site.service.cards["r1a1"], missing="drawn again")
        await site.adapter.show(again.place, CardShown(again))
        await expect(card).to_contain_text("drawn again")
        await expect(card).to_be_focused()
        await expect(card.locator("[data-verb=approve]")).to_be_visible()

    assert [one.arguments for one in site.service.clicks] == ['{"text": "<b>"}', '{"path": "c.md"}']
    assert [line for line in tab.complaints if "409" not in line] == []


@pytest.mark.parametrize("leave", ["Escape", "Cancel"])
async def test_an_edit_that_is_left_changes_nothing(tab: Watched, leave: str) -> None:
    page = tab.page
    async with served() as site:
        card = await asked(page, site.origin)
        await card.get_by_role("button", name="Edit").click()
        await page.fill("#edit-text", "{}")
        if leave == "Escape":
            await page.keyboard.press("Escape")
        else:
            await page.get_by_role("button", name="Cancel").click()

        await expect(page.locator("#edit")).to_be_hidden()
        await expect(card.get_by_role("button", name="Edit")).to_be_focused()
        await card.get_by_role("button", name="Edit").click()
        await expect(page.locator("#edit-text")).to_have_value(site.service.arguments)

    assert site.service.clicks == []


async def test_an_edit_outlives_a_lost_connection_and_a_card_that_is_decided_meanwhile(tab: Watched) -> None:
    page = tab.page
    async with served() as site:
        card = await asked(page, site.origin)
        await card.get_by_role("button", name="Edit").click()
        await page.fill("#edit-text", '{"path": "c.md"}')

        async def fail(route: Route) -> None:
            await route.abort()

        await page.route("**/api/approvals/*", fail)
        await page.click("#edit-save")
        await expect(page.locator("#edit-error")).to_contain_text("cannot be reached")
        await page.unroute("**/api/approvals/*")

        other = await (await page.context.browser.new_context()).new_page()  # type: ignore[union-attr]
        await other.goto(page.url)
        await other.select_option("#person", "root")
        await expect(other.locator("body")).to_have_attribute("data-person", "root")
        await other.locator("#card-r1a1 [data-verb=deny]").click()
        await expect(card).to_have_attribute("data-state", "denied")
        await expect(page.locator("#edit-text")).to_have_value('{"path": "c.md"}')
        await page.click("#edit-save")
        await expect(page.locator("#edit-error")).to_have_text("root has already decided this.")


async def test_who_has_approved_waits_for_the_others(tab: Watched) -> None:
    page = tab.page
    async with served(needed=2, groups={"finance": ("bob",)}) as site:
        card = await asked(page, site.origin)
        await card.locator("[data-verb=approve]").click()
        await expect(card.locator(".card-votes")).to_have_text("Approved by alice; 1 more of finance")
        await expect(card.locator(".card-voted")).to_be_visible()
        await expect(card.locator("[data-verb=approve]")).to_be_hidden()
        await expect(card.locator(".card-others")).to_be_hidden()

        await page.select_option("#person", "bob")
        await expect(page.locator("body")).to_have_attribute("data-person", "bob")
        await card.locator("[data-verb=approve]").click()
        await expect(card).to_contain_text("Approved by alice, bob")

    assert tab.complaints == []


async def test_commands_are_completed_by_keyboard(tab: Watched) -> None:
    page = tab.page
    async with served() as site:
        await page.goto(site.origin)
        text, options = page.locator("#text"), ways(page)
        await text.press_sequentially("/no")
        await expect(options).to_have_text(["/nod commands for everybody", "/nod-admin commands for admins"])
        await expect(text).to_have_attribute("role", "combobox")
        await expect(text).to_have_attribute("aria-expanded", "true")
        await page.keyboard.press("Tab")
        await expect(text).to_have_value("/nod ")
        await expect(text).to_be_focused()
        await expect(options).to_have_count(5)

        await text.press_sequentially("mod")
        await expect(options).to_have_count(3)
        await page.keyboard.press("ArrowUp")
        await expect(options.nth(2)).to_have_attribute("aria-selected", "true")
        chosen = await options.nth(2).get_attribute("id")
        await expect(text).to_have_attribute("aria-activedescendant", chosen or "")
        await page.keyboard.press("ArrowDown")
        await page.keyboard.press("ArrowDown")
        await page.keyboard.press("ArrowDown")
        await page.keyboard.press("Enter")
        await expect(text).to_have_value("/nod model fast")
        await expect(options).to_have_count(0)
        assert await text.get_attribute("role") is None
        await page.keyboard.press("Enter")
        await expect(page.locator(".private")).to_contain_text("/nod model fast")

    assert [words for _, _, words in site.service.commands] == ["model fast"]
    assert site.service.received == []
    assert tab.complaints == []


async def test_the_list_closes_and_enter_alone_sends_what_was_typed(tab: Watched) -> None:
    page = tab.page
    async with served() as site:
        await page.goto(site.origin)
        text, options = page.locator("#text"), ways(page)
        await text.press_sequentially("/nod m")
        await expect(options).to_have_count(3)
        await page.keyboard.press("Escape")
        await expect(options).to_have_count(0)
        await expect(text).to_have_value("/nod m")

        await text.press_sequentially("o")
        await options.nth(1).click()
        await expect(text).to_have_value("/nod model fast")
        await expect(text).to_be_focused()

        await text.fill("/nod model")
        await expect(options).to_have_count(2)
        await page.keyboard.press("Shift+Enter")
        await expect(options).to_have_count(0)
        await text.fill("/nod model")
        await expect(options).to_have_count(2)
        await page.keyboard.press("Enter")
        await expect(page.locator(".private")).to_be_visible()
        await expect(options).to_have_count(0)

        await text.fill("/nodding")
        await text.press_sequentially(" on")
        await expect(options).to_have_count(0)

    assert [words for _, _, words in site.service.commands] == ["model"]
    assert all(not words.startswith("ding") for _, _, words, _ in site.service.completed)


async def test_an_answer_to_what_was_typed_before_is_dropped(tab: Watched) -> None:
    page, held = tab.page, list[Route]()

    async def hold(route: Route) -> None:
        held.append(route)

    async with served() as site:
        await page.goto(site.origin)
        await page.route("**/api/complete?*words=f", hold)
        await page.fill("#text", "/nod f")
        await until(lambda: bool(held))
        await page.fill("#text", "/nod m")
        await expect(ways(page)).to_have_count(3)
        await held[0].continue_()
        await page.wait_for_timeout(200)
        await expect(ways(page)).to_have_count(3)

        await page.fill("#text", "/nod h")
        await expect(ways(page)).to_have_count(1)
        asked_before = len(site.service.completed)
        await page.locator("#text").press_sequentially("elp", delay=20)
        await page.wait_for_timeout(400)

    assert len(site.service.completed) == asked_before + 1


async def test_a_line_for_admins_is_answered_privately(tab: Watched) -> None:
    page = tab.page
    async with served() as site:
        await page.goto(site.origin)
        pasted = "/nod-admin policy import\n[[rule]]\nperson = 'web:bob'"
        await page.fill("#text", pasted)
        await page.press("#text", "Enter")
        line = page.locator(".private")
        await expect(line).to_contain_text("Only you see this")
        await expect(line).to_contain_text("/nod-admin policy import …")
        await expect(page.locator("#text")).to_have_value("")
        await page.fill("#text", "/nod-admin")
        await page.press("#text", "Enter")
        await expect(line).to_have_count(2)
        assert site.service.received == []

        await page.fill("#text", "/nod-adminx policy show")
        await page.press("#text", "Enter")
        await expect(page.locator("#answer-r1")).to_be_visible()

    words = [words for _, _, words in site.service.admin_commands]
    assert words == ["policy import\n[[rule]]\nperson = 'web:bob'", ""]
    assert site.service.commands == []
    assert [one.text for one in site.service.received] == ["/nod-adminx policy show"]
    assert tab.complaints == []


@pytest.mark.parametrize("width", [1280, 360])
async def test_nothing_of_it_is_wider_than_the_page(tab: Watched, width: int) -> None:
    page = tab.page
    await page.set_viewport_size({"width": width, "height": 740})
    async with served(needed=2) as site:
        site.service.offers = (*OFFERS, Offer("always", "", "for ever, with any path like " + "x" * 300))
        card = await asked(page, site.origin)
        await card.get_by_role("button", name="Approve for…").click()
        assert await page.evaluate("document.documentElement.scrollWidth") <= width
        await page.keyboard.press("Escape")
        await card.get_by_role("button", name="Edit").click()
        box = await page.locator("#edit").bounding_box()
        assert box is not None
        assert box["x"] >= 0
        assert box["x"] + box["width"] <= width

    assert tab.complaints == []
