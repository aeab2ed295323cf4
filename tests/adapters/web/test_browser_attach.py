"""Attachments and `/nod` in a real browser: chosen, pasted, dropped, taken away, sent, there after a reload."""

from __future__ import annotations

import base64
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from playwright.async_api import FilePayload, Page, expect

from bot.chat import Upload
from tests.adapters.web.memory_service import MemoryService
from tests.adapters.web.site import serve, until
from tests.chromium import Watched, open_tab
from tests.pictures import PNG, png, zipped

pytestmark = pytest.mark.browser
CAPS = "At most 4 attachments of 5 MB each: PNG, JPEG, GIF or WebP images, and text files in UTF-8."


@pytest.fixture
async def tab() -> AsyncIterator[Watched]:
    async with open_tab() as watched:
        yield watched


def payload(name: str, data: bytes, kind: str = "application/octet-stream") -> FilePayload:
    return FilePayload(name=name, mimeType=kind, buffer=data)


async def hand_over(page: Page, event: str, target: str, *files: tuple[str, bytes], text: str = "") -> None:
    """Paste or drop: what the platform hands over cannot be typed, so it is made in the page."""
    held = [[name, base64.b64encode(data).decode()] for name, data in files]
    await page.evaluate(
        """([event, target, held, text]) => {
          const transfer = new DataTransfer();
          for (const [name, data] of held) {
            const bytes = Uint8Array.from(atob(data), (letter) => letter.charCodeAt(0));
            transfer.items.add(new File([bytes], name));
          }
          if (text) transfer.setData("text/plain", text);
          const options = { bubbles: true, cancelable: true };
          const made = event === "paste"
            ? new ClipboardEvent(event, { ...options, clipboardData: transfer })
            : new DragEvent(event, { ...options, dataTransfer: transfer });
          document.querySelector(target).dispatchEvent(made);
        }""",
        [event, target, held, text],
    )


async def test_a_person_attaches_takes_away_sends_and_reloads(tab: Watched) -> None:
    page = tab.page
    async with serve() as site:
        await page.goto(site.origin)
        async with page.expect_file_chooser() as chooser:
            await page.focus("#attach")
            await page.keyboard.press("Enter")
        await (await chooser.value).set_files(
            [payload("cat.png", PNG, "image/png"), payload("<b>plan</b>.md", b"# Plan"), payload("old.txt", b"old")]
        )
        chips = page.locator("#attached .chip")
        await expect(chips).to_have_text(["cat.png×", "<b>plan</b>.md×", "old.txt×"])
        await expect(chips.locator("canvas")).to_have_count(1)

        await page.get_by_role("button", name="Remove old.txt").press("Enter")
        await expect(chips).to_have_count(2)
        await expect(page.get_by_role("button", name="Remove cat.png")).to_be_focused()

        await page.fill("#text", "What is it?")
        await page.press("#text", "Enter")
        said = page.locator("#said-r1 .chip")
        await expect(said).to_have_text(["cat.png", "<b>plan</b>.md"])
        await expect(chips).to_have_count(0)
        assert site.service.received[0].attachments == (Upload("cat.png", PNG), Upload("<b>plan</b>.md", b"# Plan"))

        await page.reload()
        await expect(said).to_have_text(["cat.png", "<b>plan</b>.md"])

    assert tab.complaints == []


async def test_pictures_are_pasted_and_files_dropped(tab: Watched) -> None:
    page = tab.page
    async with serve() as site:
        await page.goto(site.origin)
        await hand_over(page, "paste", "#text", ("image.png", PNG))
        await hand_over(page, "paste", "#text", ("table.png", PNG), text="a\tb")
        await hand_over(page, "dragover", "#log", ("notes.txt", b"x"))
        await expect(page.locator(".main.is-dropping")).to_have_count(1)
        await hand_over(page, "drop", "#log", ("notes.txt", b"some notes"))
        await hand_over(page, "drop", "#side", ("missed.txt", b"missed"))

        await expect(page.locator(".main.is-dropping")).to_have_count(0)
        await expect(page.locator("#attached .chip-name")).to_have_text(["image.png", "notes.txt"])
        await page.click("#send")
        await until(lambda: bool(site.service.received))

    assert site.service.received[0].text == ""
    assert [one.name for one in site.service.received[0].attachments] == ["image.png", "notes.txt"]
    assert tab.complaints == []


async def test_caps_are_said_before_anything_is_sent(tab: Watched) -> None:
    page = tab.page
    problem = page.locator("#composer-error")
    async with serve() as site:
        await page.goto(site.origin)
        await page.set_input_files("#files", payload("big.png", PNG + bytes(5 << 20)))
        await expect(problem).to_have_text(f"big.png is too large. {CAPS}")
        await page.set_input_files("#files", payload("empty.txt", b""))
        await expect(problem).to_have_text("empty.txt is empty.")
        await page.set_input_files("#files", [payload(f"{number}.txt", b"text") for number in range(5)])
        await expect(problem).to_have_text(f"That is too much at once. {CAPS}")
        await expect(page.locator("#attached .chip")).to_have_count(4)

    assert site.service.received == []


async def test_what_is_refused_stays_to_be_taken_away(tab: Watched) -> None:
    page = tab.page
    async with serve() as site:
        await page.goto(site.origin)
        await page.set_input_files("#files", [payload("a.zip", zipped()), payload("a.txt", b"text")])
        await page.fill("#text", "look")
        await page.press("#text", "Enter")
        sentence = "a.zip is neither a PNG, JPEG, GIF or WebP image nor text in UTF-8."
        await expect(page.locator("#composer-error")).to_have_text(sentence)
        await expect(page.locator("#text")).to_have_value("look")

        await page.click("[aria-label='Remove a.zip']")
        await page.click("#send")
        await expect(page.locator("#said-r1 .chip")).to_have_text(["a.txt"])


async def test_what_is_attached_stays_with_its_thread(tab: Watched) -> None:
    page = tab.page
    async with serve() as site:
        await page.goto(site.origin)
        await page.fill("#text", "hello")
        await page.press("#text", "Enter")
        await expect(page.locator("#answer-r1")).to_be_visible()
        await page.set_input_files("#files", payload("here.txt", b"text"))
        await expect(page.locator("#attached .chip")).to_have_count(1)

        await page.click("#new-thread")
        await expect(page.locator("#attached .chip")).to_have_count(0)
        await page.click("#threads .row")
        await expect(page.locator("#attached .chip-name")).to_have_text(["here.txt"])


async def test_a_command_is_answered_in_a_private_line(tab: Watched) -> None:
    page = tab.page
    async with serve(service=MemoryService(pause_s=0.05)) as site:
        await page.goto(site.origin)
        await expect(page.locator("#hint")).to_contain_text("/nod help")
        await page.set_input_files("#files", payload("kept.txt", b"text"))
        await page.fill("#text", "/nod  model")
        await page.press("#text", "Enter")
        line = page.locator(".private")
        await expect(line).to_contain_text("Only you see this")
        await expect(line.locator("strong")).to_have_text("kitchen")
        await expect(page.locator("#text")).to_have_value("")
        await expect(page.locator("#attached .chip")).to_have_count(1)
        await expect(page.locator("#empty")).to_be_hidden()

        await page.fill("#text", "/nod")
        await page.press("#text", "Enter")
        await expect(line).to_have_count(2)
        await page.fill("#text", "/nod refuse")
        await page.press("#text", "Enter")
        await expect(page.locator("#composer-error")).to_have_text("You may not talk to this bot; ask an admin.")
        assert [words for _, _, words in site.service.commands] == ["model", "", "refuse"]
        assert site.service.received == []

        await page.fill("#text", "/nodding is fine")
        await page.press("#text", "Enter")
        await expect(page.locator("#answer-r1")).to_be_visible()
        assert [one.text for one in site.service.received] == ["/nodding is fine"]
        assert [one.place for one in site.service.received] == [site.service.commands[0][0]]

        await page.reload()
        await expect(page.locator("#answer-r1")).to_be_visible()
        await expect(line).to_have_count(0)

    assert [line for line in tab.complaints if "403" not in line] == []


@pytest.mark.parametrize("width", [1280, 360])
@pytest.mark.parametrize("scheme", ["light", "dark"])
async def test_it_fits_at_every_width(tab: Watched, tmp_path: Path, width: int, scheme: str) -> None:
    page = tab.page
    await page.emulate_media(color_scheme=scheme, reduced_motion="reduce")  # type: ignore[arg-type]
    await page.set_viewport_size({"width": width, "height": 740})
    long = "a-very-long-name-without-any-space-" * 5 + ".png"
    async with serve() as site:
        await page.goto(site.origin)
        await page.set_input_files("#files", [payload(long, png(120, 60)), payload("notes.md", b"# Plan")])
        await page.fill("#text", "What is in this picture, and does it fit the plan?")
        await expect(page.locator("#attached .chip")).to_have_count(2)
        await page.press("#text", "Enter")
        await expect(page.locator("#answer-r1")).to_be_visible()
        await page.fill("#text", "/nod model")
        await page.press("#text", "Enter")
        await expect(page.locator(".private")).to_be_visible()
        await page.set_input_files("#files", [payload(long, png(120, 60)), payload("notes.md", b"# Plan")])
        await expect(page.locator("#attached .chip")).to_have_count(2)
        await page.screenshot(path=tmp_path / f"{scheme}-{width}.png")

        assert await page.evaluate("document.documentElement.scrollWidth") <= width
        sizes = await page.evaluate("[...document.querySelectorAll('.chip')].map((one) => one.scrollWidth)")
        assert max(sizes) <= width

    assert tab.complaints == []
