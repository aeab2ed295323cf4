"""How a command may go on, over real connections."""

from __future__ import annotations

from urllib.parse import quote

import pytest

from bot.chat import Actor, Completion, Place
from tests.adapters.web.site import Browser, Site

PLACE = Place("web", "", "general", "t1")
ALICE = Actor("web", "", "alice", "alice")


async def test_the_words_so_far_reach_the_service_with_their_spaces(site: Site, alice: Browser) -> None:
    status, said = await alice.get("/api/complete?thread=t1&words=model%20")

    assert (status, said) == (
        200,
        {"completions": [{"words": "model fast", "about": "qwen3:8b"}, {"words": "model slow", "about": "some/model"}]},
    )
    assert site.service.completed == [(PLACE, ALICE, "model ", False)]


async def test_words_for_admins_are_completed_as_such(site: Site, alice: Browser) -> None:
    _, said = await alice.get("/api/complete?thread=t1&admin=1&words=policy%20s")

    assert [one["words"] for one in said["completions"]] == ["policy show"]
    assert site.service.completed == [(PLACE, ALICE, "policy s", True)]


async def test_at_most_twenty_are_given_in_the_order_of_the_service(site: Site, alice: Browser) -> None:
    site.service.completions = tuple(Completion(f"model {number}") for number in range(50))

    _, said = await alice.get("/api/complete?thread=t1&words=")

    assert [one["words"] for one in said["completions"]] == [f"model {number}" for number in range(20)]


@pytest.mark.parametrize("words", ["m \u202egnp", "m\nx", "m\tx", "m\u200b", "m\u00a0x", "m\u3164", "m\0", "m" * 501])
async def test_words_that_are_not_what_they_seem_are_not_offered(site: Site, alice: Browser, words: str) -> None:
    site.service.completions = (Completion(words), Completion("m é 漢字 <b>"))

    _, said = await alice.get("/api/complete?thread=t1&words=m")

    assert said["completions"] == [{"words": "m é 漢字 <b>", "about": ""}]


async def test_what_words_mean_is_one_line_that_hides_nothing(site: Site, alice: Browser) -> None:
    site.service.completions = (Completion("model", "a\u202e\n  b " + "x" * 500),)

    about = (await alice.get("/api/complete?thread=t1&words=m"))[1]["completions"][0]["about"]

    assert about.startswith("a\\u{202e} b xxx")
    assert len(about) == 200


@pytest.mark.parametrize(
    ("query", "status"),
    [
        ("words=m", 404),
        ("thread=../x&words=m", 404),
        ("thread=t1&words=" + "x" * 501, 400),
        ("thread=t1&words=m&admin=yes", 400),
        ("thread=t1&words=m&admin=", 400),
    ],
)
async def test_a_malformed_question_is_refused(site: Site, alice: Browser, query: str, status: int) -> None:
    answer = await alice.get(f"/api/complete?{query}")

    assert answer[0] == status
    assert answer[1]["error"].endswith(".")
    assert site.service.completed == []


async def test_the_longest_words_are_taken(site: Site, alice: Browser) -> None:
    assert (await alice.get("/api/complete?thread=t1&words=" + quote("é" * 500)))[0] == 200


async def test_nobody_is_told_nothing(site: Site, alice: Browser) -> None:
    alice.http.cookie_jar.clear()

    status, said = await alice.get("/api/complete?thread=t1&words=m")

    assert (status, said["code"]) == (401, "session")
    assert site.service.completed == []
