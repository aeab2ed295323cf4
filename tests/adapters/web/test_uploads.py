"""A message with attachments, over real connections: what is taken, what is refused, and in which words."""

from __future__ import annotations

import io

import aiohttp
import pytest

from adapters.web.forms import MAX_FORM_BYTES
from bot.chat import Upload
from tests.adapters.web.site import Browser, Site
from tests.pictures import EXE, HTML, LATIN_1, PNG, SVG, UTF_16, zipped

CAPS = "At most 4 attachments of 5 MB each: PNG, JPEG, GIF or WebP images, and text files in UTF-8."
MEGABYTE = 1 << 20

pytestmark = pytest.mark.usefixtures("nothing_blocks")


async def test_a_message_brings_its_files_as_their_bytes(site: Site, alice: Browser) -> None:
    status, said = await alice.say_with(("a b.png", PNG, "image/png"), ("notes.md", b"# Plan", ""), text="what is it?")

    inbound = site.service.received[0]
    assert (status, said["thread"], said["is_duplicate"]) == (200, "t1", False)
    assert (inbound.text, inbound.event_id, inbound.actor.key) == ("what is it?", "web:alice:event-0001", "web:alice")
    assert inbound.attachments == (Upload("a b.png", PNG), Upload("notes.md", b"# Plan"))


async def test_four_of_the_largest_pass(site: Site, alice: Browser) -> None:
    largest = PNG + b"x" * (5 * MEGABYTE - len(PNG))

    status, _ = await alice.say_with(*[(f"{number}.png", largest, "image/png") for number in range(4)])

    assert status == 200
    assert [one.data == largest for one in site.service.received[0].attachments] == [True] * 4


async def test_files_alone_are_a_message_and_nothing_at_all_is_none(site: Site, alice: Browser) -> None:
    assert (await alice.say_with(("a.png", PNG, "image/png"), text=""))[0] == 200
    status, said = await alice.say_with(text=" ", event_id="event-0002")

    assert (status, said["error"]) == (400, "Write something first.")
    assert len(site.service.received) == 1


@pytest.mark.parametrize(
    ("name", "data", "kind"),
    [("drawing.svg", SVG, "image/svg+xml"), ("page.png", HTML, "image/png"), ("page.jpg", HTML, "text/html")],
)
async def test_text_that_claims_to_be_an_image_comes_as_it_is(
    site: Site, alice: Browser, name: str, data: bytes, kind: str
) -> None:
    """The service sees no type a browser claimed: what it is, the bytes say."""
    status, _ = await alice.say_with((name, data, kind))

    assert status == 200
    assert site.service.received[0].attachments == (Upload(name, data),)


@pytest.mark.parametrize("data", [EXE, zipped(), UTF_16, LATIN_1])
async def test_what_is_neither_image_nor_text_is_refused(site: Site, alice: Browser, data: bytes) -> None:
    status, said = await alice.say_with(("cat.png", data, "image/png"))

    sentence = "cat.png is neither a PNG, JPEG, GIF or WebP image nor text in UTF-8."
    assert (status, said) == (415, {"error": sentence, "code": "not_readable"})
    assert site.service.received == []


async def test_an_empty_file_is_refused(alice: Browser) -> None:
    assert await alice.say_with(("a.txt", b"", "text/plain")) == (400, {"error": "a.txt is empty.", "code": "empty"})


async def test_five_are_too_many(site: Site, alice: Browser) -> None:
    status, said = await alice.say_with(*[("a.txt", b"text", "text/plain")] * 5)

    assert (status, said["error"]) == (413, f"That is too much at once. {CAPS}")
    assert site.service.received == []


async def test_more_than_five_megabytes_are_too_large(alice: Browser) -> None:
    status, said = await alice.say_with(("a.png", PNG + bytes(5 * MEGABYTE), "image/png"))

    assert (status, said["error"]) == (413, f"a.png is too large. {CAPS}")


@pytest.mark.parametrize("is_announced", [True, False])
async def test_a_form_beyond_all_caps_is_not_even_read(site: Site, alice: Browser, is_announced: bool) -> None:
    form = form_of({"thread": "t1", "text": "x", "event_id": "event-0001"}, [b"x" * (MAX_FORM_BYTES + 1)])
    sent = io.BytesIO(form) if is_announced else chunked(form)

    status, said = await alice.post("/api/messages", sent, headers={"Content-Type": FORM})

    assert (status, said["error"]) == (413, f"This is too large to be sent at once. {CAPS}")
    assert site.service.received == []


async def test_a_great_many_parts_are_refused(alice: Browser) -> None:
    form = form_of({"thread": "t1", "text": "x", "event_id": "event-0001"}, [b"x"] * 100)

    assert (await alice.post("/api/messages", form, headers={"Content-Type": FORM}))[0] == 413


async def test_a_long_text_is_refused_with_its_limit(alice: Browser) -> None:
    for text in ("x" * 33_000, "x" * 70_000):
        status, said = await alice.say_with(("a.png", PNG, "image/png"), text=text)
        assert (status, said["error"]) == (413, "This is too long: at most 32 kB of text fit in a message.")


async def test_sent_again_it_starts_nothing(site: Site, alice: Browser) -> None:
    first = await alice.say_with(("a.png", PNG, "image/png"))
    second = await alice.say_with(("a.png", PNG, "image/png"))

    assert (second[1]["is_duplicate"], second[1]["run"]) == (True, first[1]["run"])
    assert len(site.service.received) == 1


async def test_it_needs_the_session_and_the_token_of_the_page(site: Site, alice: Browser, bob: Browser) -> None:
    stolen = await alice.say_with(("a.png", PNG, "image/png"), headers={"X-CSRF-Token": bob.csrf})
    foreign = await alice.say_with(("a.png", PNG, "image/png"), headers={"Origin": "https://example.com"})
    await alice.http.close()
    alice.http = aiohttp.ClientSession()
    nobody = await alice.say_with(("a.png", PNG, "image/png"))

    assert [one[0] for one in (stolen, foreign, nobody)] == [403, 403, 401]
    assert (stolen[1]["code"], foreign[1]["code"], nobody[1]["code"]) == ("csrf", "origin", "session")
    assert site.service.received == []


@pytest.mark.parametrize(
    "raw",
    [
        b"",
        b"no boundary at all",
        b"--x\r\n\r\nno name\r\n--x--\r\n",
        b'--x\r\nContent-Disposition: form-data; name="thread"\r\n\r\nt1',
        b'--x\r\nContent-Disposition: form-data; name="text"\r\n\r\n\xff\xfe\r\n--x--\r\n',
        b"--x\r\nContent-Type: multipart/mixed; boundary=y\r\n\r\n--y--\r\n--x--\r\n",
        b"--x\r\n" + b"A: b\r\n" * 500 + b"\r\n\r\n--x--\r\n",
        b"--x\r\n" + b"A" * 100_000 + b"\r\n\r\n--x--\r\n",
    ],
)
async def test_what_is_no_proper_form_is_refused_in_a_sentence(site: Site, alice: Browser, raw: bytes) -> None:
    status, said = await alice.post("/api/messages", raw, headers={"Content-Type": FORM})

    assert (status, said["error"]) == (400, "The request is not a proper form.")


async def test_a_form_without_a_boundary_is_refused(alice: Browser) -> None:
    assert (await alice.post("/api/messages", b"x", headers={"Content-Type": "multipart/form-data"}))[0] == 400


async def test_a_form_without_its_fields_is_refused(site: Site, alice: Browser) -> None:
    form = form_of({"thread": "t1", "text": "x"}, [b"x"])

    status, said = await alice.post("/api/messages", form, headers={"Content-Type": FORM})

    assert (status, said["error"]) == (400, "The request has no text in 'event_id'.")


async def test_only_messages_may_bring_files(alice: Browser) -> None:
    for path in ("/api/stop", "/api/command", "/api/threads/x"):
        assert (await alice.post(path, form_of({"thread": "t1"}, []), headers={"Content-Type": FORM}))[0] in (404, 415)


# --- forms by hand ---

FORM = "multipart/form-data; boundary=x"


def form_of(fields: dict[str, str], files: list[bytes]) -> bytes:
    parts = [f'Content-Disposition: form-data; name="{name}"\r\n\r\n{text}'.encode() for name, text in fields.items()]
    parts += [b'Content-Disposition: form-data; name="file"; filename="a.txt"\r\n\r\n' + data for data in files]
    return b"".join(b"--x\r\n" + part + b"\r\n" for part in parts) + b"--x--\r\n"


async def chunked(raw: bytes):  # type: ignore[no-untyped-def]
    """The same, without saying beforehand how much it is."""
    for at in range(0, len(raw), MEGABYTE):
        yield raw[at : at + MEGABYTE]
