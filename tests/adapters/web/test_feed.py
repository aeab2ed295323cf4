"""Queues of open pages, and the pace of drafts."""

from __future__ import annotations

import asyncio

import pytest

from adapters.web.feed import BYE, MAX_PER_PERSON, QUEUE_EVENTS, RELOAD, Drafts, Feed
from adapters.web.guard import Rejected
from adapters.web.render import Fragment

FRAGMENT = Fragment("r1", "call-c1", "<p>x</p>")


async def test_a_slow_page_is_told_to_reload_and_let_go() -> None:
    feed = Feed()
    slow, quick = feed.subscribe("t1", "alice"), feed.subscribe("t1", "alice")

    for _ in range(QUEUE_EVENTS + 1):
        feed.publish("t1", FRAGMENT)
        await quick.next()

    assert await slow.next() == RELOAD
    assert slow.is_drained
    assert not quick.is_over


async def test_a_page_that_was_let_go_does_not_count_as_watching() -> None:
    feed = Feed()
    slow = feed.subscribe("t1", "alice")

    for _ in range(QUEUE_EVENTS + 1):
        feed.publish("t1", FRAGMENT)

    assert slow.is_over
    assert not feed.is_watched("t1")


async def test_only_the_thread_that_is_looked_at_is_watched() -> None:
    feed = Feed()
    page = feed.subscribe("t1", "alice")

    assert feed.is_watched("t1")
    assert not feed.is_watched("t2")

    feed.unsubscribe(page)
    feed.unsubscribe(page)
    assert not feed.is_watched("t1")


async def test_a_closed_feed_takes_nobody() -> None:
    feed = Feed()
    page = feed.subscribe("t1", "alice")
    closing = asyncio.create_task(feed.close())
    await asyncio.sleep(0)

    assert await page.next() == BYE
    feed.unsubscribe(page)
    await closing
    with pytest.raises(Rejected):
        feed.subscribe("t1", "alice")


async def test_one_person_cannot_take_every_place() -> None:
    feed = Feed()
    pages = [feed.subscribe("t1", "alice") for _ in range(MAX_PER_PERSON)]

    with pytest.raises(Rejected):
        feed.subscribe("t2", "alice")
    feed.subscribe("t1", "bob")
    feed.unsubscribe(pages[0])
    feed.subscribe("t2", "alice")


async def test_drafts_are_drawn_at_their_pace_and_the_last_one_wins() -> None:
    drawn: list[str] = []
    drafts = Drafts(lambda _thread, _run, text: drawn.append(text))

    for end in range(1, 100):
        drafts.put("t1", "r1", "x" * end)
        await asyncio.sleep(0.002)
    await asyncio.sleep(0.3)

    assert drawn[0] == "x"
    assert drawn[-1] == "x" * 99
    assert len(drawn) < 15


async def test_nothing_is_drawn_after_the_answer() -> None:
    drawn: list[str] = []
    drafts = Drafts(lambda _thread, _run, text: drawn.append(text))

    drafts.put("t1", "r1", "a")
    drafts.put("t1", "r1", "ab")
    drafts.drop("t1", "r1")
    await asyncio.sleep(0.2)

    assert drawn == ["a"]
