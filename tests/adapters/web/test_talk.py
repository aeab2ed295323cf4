"""Messages, decisions and the live stream, over real connections."""

from __future__ import annotations

import asyncio
import json
import socket
import time

import pytest
from aiohttp import web

from adapters.web import WebAdapter
from bot.chat import Actor, Answered, Notice, Place, TextSoFar, ToolLine
from tests.adapters.web.memory_service import WELCOME, MemoryService
from tests.adapters.web.site import KEY, Browser, Site, free_port, serve, until

PLACE = Place("web", "", "general", "t1")


async def waiting_card(site: Site, browser: Browser, *, thread: str = "t1") -> str:
    """Have a card asked for; gives its approval id."""
    await browser.say("write it", thread=thread, event_id=f"event-{thread}-write")
    await until(lambda: bool(site.service.cards))
    return next(iter(site.service.cards))


# --- messages ---


async def test_a_message_reaches_the_service_as_the_person_of_the_session(site: Site, alice: Browser) -> None:
    status, said = await alice.say("hello\nthere")

    inbound = site.service.received[0]
    assert (status, said["thread"], said["is_duplicate"]) == (200, "t1", False)
    assert (inbound.event_id, inbound.text, inbound.place) == ("web:alice:event-0001", "hello\nthere", PLACE)
    assert inbound.actor == Actor("web", "", "alice", "alice")
    assert abs(inbound.at_ms - time.time() * 1000) < 5000


async def test_who_speaks_cannot_be_said_in_the_message(site: Site, alice: Browser) -> None:
    body = {"thread": "t1", "text": "hi", "event_id": "event-0001", "actor": "root", "person": "root", "name": "root"}

    await alice.post("/api/messages", body)

    assert site.service.received[0].actor.user == "alice"


async def test_a_message_sent_again_starts_nothing(site: Site, alice: Browser) -> None:
    first = await alice.say("hello")
    second = await alice.say("hello")

    assert second[1]["is_duplicate"]
    assert second[1]["run"] == first[1]["run"]
    assert len(site.service.received) == 1


async def test_the_same_id_of_another_person_is_another_message(site: Site, alice: Browser, bob: Browser) -> None:
    await alice.say("hello", event_id="event-0001")
    await bob.say("hello", event_id="event-0001")

    assert [inbound.event_id for inbound in site.service.received] == ["web:alice:event-0001", "web:bob:event-0001"]


@pytest.mark.parametrize("text", ["", "  \n\t", "\u200b\u200d", "\ufeff", "\u3164", "\0"])
async def test_a_message_nobody_can_see_is_refused(site: Site, alice: Browser, text: str) -> None:
    status, said = await alice.say(text)

    assert (status, said["error"]) == (400, "Write something first.")
    assert site.service.received == []


async def test_a_long_message_is_refused_with_its_limit(site: Site, alice: Browser) -> None:
    assert (await alice.say("é" * 16_384))[0] == 200
    for text in ("é" * 16_385, "x" * 70_000):
        status, said = await alice.say(text, event_id="event-0002")
        assert (status, said["error"]) == (413, "This is too long: at most 32 kB of text fit in a message.")


async def test_what_no_database_could_store_is_replaced(site: Site, alice: Browser) -> None:
    await alice.post("/api/messages", b'{"thread":"t1","text":"a\\ud800b\\u0000c","event_id":"event-0001"}')

    assert site.service.received[0].text == "a\ufffdb\ufffdc"


@pytest.mark.parametrize(
    ("body", "status"),
    [
        (b"", 400),
        (b"{", 400),
        (b"[]", 400),
        (b"null", 400),
        (b"[" * 60_000, 400),
        (b"\xff\xfe", 400),
        ({"thread": "t1", "event_id": "event-0001"}, 400),
        ({"thread": "t1", "text": 5, "event_id": "event-0001"}, 400),
        ({"thread": "t1", "text": "x", "event_id": "a:b"}, 400),
        ({"thread": "t1", "text": "x", "event_id": ""}, 400),
        ({"thread": "t1", "text": "x", "event_id": "e" * 65}, 400),
        ({"thread": "", "text": "x", "event_id": "event-0001"}, 404),
        ({"thread": "../x", "text": "x", "event_id": "event-0001"}, 404),
        ({"thread": "T1", "text": "x", "event_id": "event-0001"}, 404),
        ({"thread": "t1\n", "text": "x", "event_id": "event-0001"}, 404),
        ({"thread": "t" * 33, "text": "x", "event_id": "event-0001"}, 404),
    ],
)
async def test_a_malformed_message_is_refused_in_a_sentence(
    site: Site, alice: Browser, body: object, status: int
) -> None:
    answer = await alice.post("/api/messages", body)

    assert answer[0] == status
    assert answer[1]["error"].endswith(".")
    assert site.service.received == []


async def test_only_json_is_taken(alice: Browser) -> None:
    assert (await alice.post("/api/threads", b"{}", headers={"Content-Type": "text/plain"}))[0] == 200
    status, _ = await alice.post("/api/messages", b"thread=t1", headers={"Content-Type": "text/plain"})

    assert status == 415


async def test_what_the_service_refuses_is_said_as_it_said_it(alice: Browser) -> None:
    assert await alice.say("refuse") == (403, {"error": "You may not talk to me here.", "code": "not_allowed"})


async def test_a_fault_is_answered_with_one_plain_sentence(alice: Browser, capsys: pytest.CaptureFixture[str]) -> None:
    status, said = await alice.say("break")

    assert (status, said) == (
        500,
        {"error": "Something went wrong on Nod's side. It is in the log; please try again."},
    )
    assert "a secret detail" in capsys.readouterr().out


async def test_a_page_without_a_service_says_that_it_starts() -> None:
    port = free_port()
    adapter = WebAdapter(secret_key=KEY, host="127.0.0.1", port=port, people={})
    app = web.Application()
    adapter.routes(app)
    runner = web.AppRunner(app)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", port).start()
    browser = Browser(Site(adapter, MemoryService(), port))

    status, said = await browser.get("/")

    await browser.http.close()
    await adapter.close()
    await runner.cleanup()
    assert (status, said["error"]) == (503, "Nod is still starting. Try again in a moment.")


# --- what waits, and what is there ---


async def test_what_waits_is_listed_for_those_who_may_decide(site: Site, alice: Browser, bob: Browser) -> None:
    approval = await waiting_card(site, alice)

    assert (await bob.get("/api/pending"))[1] == {"cards": []}
    card = (await alice.get("/api/pending"))[1]["cards"][0]
    assert (card["approval"], card["thread"], card["tool"], card["requester"]) == (
        approval,
        "t1",
        "files_write",
        "alice",
    )


async def test_stop_speaks_for_the_person_of_the_session(site: Site, alice: Browser) -> None:
    await alice.say("long work")
    await asyncio.sleep(0.05)

    assert await alice.post("/api/stop", {"thread": "t1"}) == (200, {"message": "Stopped."})
    assert (await alice.post("/api/stop", {"thread": "t1"}))[1]["message"] == "Nothing of yours is running here."


async def test_threads_are_listed_with_what_waits(site: Site, alice: Browser) -> None:
    await waiting_card(site, alice)
    await alice.say("hello\nthere", thread="t2", event_id="event-0002")

    listed = (await alice.get("/api/threads"))[1]["threads"]

    shown = {thread["thread"]: (thread["title"], thread["is_waiting"]) for thread in listed}
    assert shown == {"t2": ("hello there", False), "t1": ("write it", True)}


async def test_new_threads_get_their_id_from_the_server(alice: Browser) -> None:
    first = (await alice.post("/api/threads", {}))[1]["thread"]
    second = (await alice.post("/api/threads", {}))[1]["thread"]

    assert first != second
    assert len(first) == 16


# --- live ---


async def test_a_watched_thread_streams_the_answer_and_its_transcript_is_the_same(site: Site, alice: Browser) -> None:
    site.service.pause_s = 0.3
    async with alice.watch() as stream:
        assert site.adapter.is_watched(PLACE)
        await alice.say("hello")
        said = await stream.until("said-r1")
        call = await stream.until("call-r1c1", containing="done")
        draft = await stream.until("draft-r1")
        answer = await stream.until("answer-r1")

    loaded = (await alice.get("/api/thread?thread=t1"))[1]["fragments"]
    assert "Here is" in draft["html"]
    assert answer["replaces"] == "draft-r1"
    assert loaded == [said, call, answer]


async def test_a_warning_is_the_same_box_live_and_in_the_transcript(site: Site, alice: Browser) -> None:
    notice = Notice("r1", 'Nobody knows. Its arguments: {\n  "path": "a"\n}', 1_700_000_000_000)
    async with alice.watch() as stream:
        await site.service.say(PLACE, notice)
        live = (await stream.next())[1]

    assert (await alice.get("/api/thread?thread=t1"))[1]["fragments"] == [live]
    assert live["says"] == notice.text


async def test_a_post_of_the_bot_itself_is_shown_like_any_answer(site: Site, alice: Browser) -> None:
    async with alice.watch() as stream:
        await site.service.joined(PLACE)
        live = (await stream.next())[1]

    assert WELCOME in live["html"]
    assert live["run"].startswith("at-")
    assert (await alice.get("/api/thread?thread=t1"))[1]["fragments"] == [live]
    assert [one["thread"] for one in (await alice.get("/api/threads"))[1]["threads"]] == ["t1"]


async def test_nothing_is_streamed_where_nobody_looks(site: Site, alice: Browser) -> None:
    async with alice.watch("t2") as stream:
        assert not site.adapter.is_watched(PLACE)
        await alice.say("hello")

        assert await stream.next() == ("changed", {"thread": "t1"})


async def test_a_page_that_goes_away_is_forgotten(site: Site, alice: Browser) -> None:
    async with alice.watch():
        pass
    await until(lambda: not site.adapter.is_watched(PLACE))


async def test_a_closing_adapter_says_goodbye_at_once(site: Site, alice: Browser) -> None:
    async with alice.watch() as stream:
        started = time.monotonic()
        await site.adapter.close()

        assert await stream.next() == ("bye", None) or (await stream.next())[0] == "end"
        assert time.monotonic() - started < 1.5
    assert (await alice.get("/api/events?thread=t1"))[0] == 503


async def test_a_page_comes_back_after_a_restart_with_its_session(alice: Browser, site: Site) -> None:
    """The same key, another process: the session and the transcript are still there."""
    port, service = free_port(), MemoryService()
    async with serve(port=port, service=service) as before:
        browser = Browser(before)
        await browser.open()
        async with browser.watch() as stream:
            await browser.say("hello")
            await stream.until("answer-r1")
    async with serve(port=port, service=service), browser.watch():
        status, loaded = await browser.get("/api/thread?thread=t1")

    await browser.http.close()
    assert status == 200
    assert [fragment["id"] for fragment in loaded["fragments"]] == ["said-r1", "call-r1c1", "answer-r1"]


async def test_a_page_that_reads_nothing_is_told_to_reload(site: Site, alice: Browser) -> None:
    big = Answered("r1", "x" * 7_000, 1)
    async with alice.watch() as stream:
        for _ in range(2000):
            await site.adapter.show(PLACE, big)
            if not site.adapter.is_watched(PLACE):
                break
        assert not site.adapter.is_watched(PLACE)

        name = ""
        while name not in ("reload", "end"):
            name, _ = await stream.next()
        assert name == "reload"


async def test_a_session_that_ends_ends_its_stream(site: Site, alice: Browser, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("adapters.web.stream.HEARTBEAT_S", 0.05)
    monkeypatch.setattr("adapters.web.stream.LOOK_S", 0.05)
    async with alice.watch() as stream:
        await alice.be("bob")

        name = ""
        while name not in ("reload", "end"):
            name, _ = await stream.next()
        assert name == "reload"


async def test_a_quiet_stream_has_a_heartbeat(site: Site, alice: Browser, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("adapters.web.stream.HEARTBEAT_S", 0.05)
    monkeypatch.setattr("adapters.web.stream.LOOK_S", 0.05)
    async with alice.watch() as stream:
        async with asyncio.timeout(5):
            lines = [await stream.response.content.readline() for _ in range(2)]

    assert b": still here\n" in lines


async def test_a_client_that_never_reads_is_cut_off(
    site: Site, alice: Browser, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("adapters.web.stream.WRITE_S", 0.1)
    cookie = next(iter(alice.http.cookie_jar))
    raw = socket.create_connection(("127.0.0.1", site.port))
    raw.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
    head = f"Host: 127.0.0.1:{site.port}\r\nCookie: {cookie.key}={cookie.value}"
    raw.sendall(f"GET /api/events?thread=t1 HTTP/1.1\r\n{head}\r\n\r\n".encode())
    await until(lambda: site.adapter.is_watched(PLACE))

    async with asyncio.timeout(10):
        while site.adapter.is_watched(PLACE):
            await site.adapter.show(PLACE, Answered("r1", "x" * 7_000, 1))
            await asyncio.sleep(0.001)

    raw.close()


# --- the adapter's own answers ---


async def test_other_places_are_none_of_its_business(site: Site, alice: Browser) -> None:
    async with alice.watch() as stream:
        await site.adapter.show(Place("slack", "T1", "general", "t1"), ToolLine("r9", "c9", "x", "done"))
        await site.adapter.show(Place("web", "", "other", "t1"), ToolLine("r9", "c9", "x", "done"))
        await site.adapter.show(PLACE, ToolLine("r1", "c1", "x", "done"))

        assert (await stream.next())[1]["id"] == "call-c1"
    assert not site.adapter.is_watched(Place("slack", "T1", "general", "t1"))


async def test_showing_raises_nothing(site: Site, alice: Browser) -> None:
    async with alice.watch():
        await site.adapter.show(PLACE, Answered("r1", None, 1))  # type: ignore[arg-type]
        await site.adapter.show(PLACE, TextSoFar("r1", None))  # type: ignore[arg-type]


async def test_only_people_of_the_page_and_the_operator_may_post_into_its_channel(site: Site) -> None:
    adapter = site.adapter

    own = Place("web", "", "general", "ca5389d05fb1fa495b00")
    strangers = "Only people of the web page can have something posted there."
    nowhere = "There is no channel 'random': the web page has one, #general."

    assert adapter.target(Actor("web", "", "alice"), "general", "r1:c1") == own
    assert adapter.target(Actor("cli", "", "operator"), "general", "r1:c1") == own
    assert adapter.target(Actor("web", "", "mallory"), "general", "r1:c1") == strangers
    assert adapter.target(Actor("slack", "T1", "alice"), "general", "r1:c1") == strangers
    assert adapter.target(Actor("web", "", "alice"), "random", "r1:c1") == nowhere
    assert adapter.target(Actor("cli", "", "operator"), "random", "r1:c1") == nowhere


async def test_a_fragment_is_one_event_whatever_it_holds(site: Site, alice: Browser) -> None:
    async with alice.watch() as stream:
        await site.adapter.show(PLACE, Notice("r1", "a\n\ndata: {}\n\nevent: reload\r\r\u2028", 1))

        name, fields = await stream.next()
        assert name == "fragment"
        assert json.dumps(fields).count("event: reload") == 2
