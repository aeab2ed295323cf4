"""`/nod ...` over real connections: who asks, what is refused, and that the answer is for one person."""

from __future__ import annotations

import pytest

from adapters.web.render import private_html
from bot.chat import Actor, Place
from tests.adapters.web.site import Browser, Site
from tests.adapters.web.test_markdown import seen

PLACE = Place("web", "", "general", "t1")


async def test_the_words_reach_the_service_as_the_person_of_the_session(site: Site, alice: Browser) -> None:
    body = {"thread": "t1", "words": " model  fast ", "actor": "root"}

    status, said = await alice.post("/api/command", body)

    assert site.service.commands == [(PLACE, Actor("web", "", "alice", "alice"), "model  fast")]
    assert status == 200
    assert "<b>Nod</b>" in said["html"]
    assert "Only you see this" in said["html"]
    assert "<code>/nod model  fast</code>" in said["html"]
    assert "<strong>kitchen</strong>" in said["html"]
    assert said["says"].startswith("- **kitchen**")


async def test_words_for_admins_are_told_from_the_others(site: Site, alice: Browser) -> None:
    body = {"thread": "t1", "words": "policy show", "is_admin": True}

    status, said = await alice.post("/api/command", body)

    assert status == 200
    assert site.service.admin_commands == [(PLACE, Actor("web", "", "alice", "alice"), "policy show")]
    assert site.service.commands == []
    assert "<code>/nod-admin policy show</code>" in said["html"]
    assert "Only you see this" in said["html"]


async def test_a_pasted_file_reaches_the_service_whole(site: Site, alice: Browser) -> None:
    pasted = "policy import\n" + "[[rule]]\n" * 7_000

    _, said = await alice.post("/api/command", {"thread": "t1", "words": pasted, "is_admin": True})

    assert site.service.admin_commands[0][2] == pasted.strip()
    assert "<code>/nod-admin policy import …</code>" in said["html"]


async def test_words_may_be_as_long_as_their_limit_however_json_writes_them(site: Site, alice: Browser) -> None:
    assert (await alice.post("/api/command", {"thread": "t1", "words": "\x01" * 65_536}))[0] == 200
    for words in ("é" * 32_769, "x" * 500_000):
        answer = await alice.post("/api/command", {"thread": "t1", "words": words})
        assert answer == (413, {"error": "This is too long: at most 64 kB of text fit in a command."})


async def test_the_answer_is_drawn_inert(alice: Browser) -> None:
    _, said = await alice.post("/api/command", {"thread": "t1", "words": ""})

    assert "img" not in seen(said["html"]).tags


def test_the_words_are_shown_bounded_and_spelled_out() -> None:
    shown = seen(private_html("model \u202e<b>" + "x" * 500, "There is none.", 1))

    assert "/nod model \\u{202e}<b>xxx" in shown.text
    assert len(shown.text) < 200


def test_only_the_first_line_of_what_was_asked_is_shown() -> None:
    shown = seen(private_html("policy import\nsecret = 1", "Done.", 1, is_admin=True))

    assert "/nod-admin policy import …" in shown.text
    assert "secret" not in shown.text


async def test_nothing_of_it_is_stored_or_shown_to_others(site: Site, alice: Browser, bob: Browser) -> None:
    async with bob.watch() as stream:
        await alice.post("/api/command", {"thread": "t1", "words": "model"})
        await alice.say("hello")
        name, fields = await stream.next()

    loaded = (await alice.get("/api/thread?thread=t1"))[1]["fragments"]
    assert (name, fields["id"]) == ("fragment", "said-r1")
    assert not any("kitchen" in fragment["html"] for fragment in loaded)


async def test_a_refusal_is_said_as_the_service_said_it(alice: Browser) -> None:
    answer = await alice.post("/api/command", {"thread": "t1", "words": "refuse"})

    assert answer == (403, {"error": "You may not talk to this bot; ask an admin.", "code": "not_allowed"})


@pytest.mark.parametrize(
    ("body", "status"),
    [
        ({"thread": "t1"}, 400),
        ({"thread": "t1", "words": 5}, 400),
        ({"thread": "t1", "words": "x", "is_admin": "yes"}, 400),
        ({"thread": "t1", "words": "x", "is_admin": 1}, 400),
        ({"thread": "t1", "words": "x", "is_admin": None}, 400),
        ({"thread": "../x", "words": ""}, 404),
        (b"{", 400),
        ({"thread": "t1", "words": "x" * 70_000}, 413),
    ],
)
async def test_a_malformed_command_is_refused(site: Site, alice: Browser, body: object, status: int) -> None:
    assert (await alice.post("/api/command", body))[0] == status
    assert site.service.commands == []


async def test_it_is_checked_like_every_other_post(site: Site, alice: Browser, bob: Browser) -> None:
    body = {"thread": "t1", "words": "model"}
    stolen = await alice.post("/api/command", body, headers={"X-CSRF-Token": bob.csrf})
    foreign = await alice.post("/api/command", body, headers={"Origin": "https://example.com"})
    silent = await alice.post("/api/command", body, drop=("Origin",))
    alice.http.cookie_jar.clear()
    nobody = await alice.post("/api/command", body)

    assert [one[0] for one in (stolen, foreign, silent, nobody)] == [403, 403, 403, 401]
    assert site.service.commands == []
