"""What comes with a message: fetched from Discord only, never more than is taken, and known by its bytes."""

from __future__ import annotations

import zlib
from types import SimpleNamespace

import aiohttp
import discord
import pytest
from aiohttp import web

from adapters.discord.uploads import fetch_uploads
from bot.config.settings import Settings
from bot.errors import Refused
from tests.adapters.discord.kit import Team
from tests.adapters.discord.talk import Talk, talking
from tests.adapters.discord.wire import Upload
from tests.adapters.discord.wire.faults import FILE
from tests.models.endpoint import ScriptedEndpoint
from tests.pictures import PNG

ZIP = b"PK\x03\x04" + b"\0" * 200
POLYGLOT = PNG + b"<html><script>alert(1)</script>"


async def test_a_model_that_sees_is_shown_the_picture(
    team: Team, settings: Settings, endpoint: ScriptedEndpoint
) -> None:
    async with talking(team, settings, endpoint, vision=True) as talk:
        await talk.ask("@nod what is it?", files=[Upload("cat.png", PNG)])

    assert [one["type"] for one in talk.tasks()[0]] == ["text", "image_url"]
    assert talk.tasks()[0][1]["image_url"]["url"].startswith("data:image/png;base64,")


async def test_text_files_are_quoted(talk: Talk) -> None:
    await talk.ask("@nod read", files=[Upload("notes.md", b"# Plan"), Upload("no_ending", "ümlaut".encode())])

    assert [one["text"] for one in talk.tasks()[0]] == [
        "read",
        "File 'notes.md':\n# Plan",
        "File 'no_ending':\nümlaut",
    ]


async def test_a_picture_that_says_it_is_text_is_a_picture(
    team: Team, settings: Settings, endpoint: ScriptedEndpoint
) -> None:
    """Row 45: the bytes decide, not the type that is claimed, nor the name."""
    async with talking(team, settings, endpoint, vision=True) as talk:
        await talk.ask("@nod look", files=[Upload("a.txt", POLYGLOT, "text/html")])

    assert talk.tasks()[0][1]["image_url"]["url"].startswith("data:image/png;base64,")


@pytest.mark.parametrize(
    ("files", "says"),
    [
        ([Upload("bomb.zip", ZIP)], "neither"),
        ([Upload("cat.png", ZIP, "image/png")], "neither"),
        ([Upload("latin.txt", b"\xe4\xf6", "text/plain")], "neither"),
        ([Upload("empty.txt", b"")], "empty"),
        ([Upload("large.txt", b"x" * (6 << 20))], "too much at once"),
        ([Upload(f"{number}.txt", b"x") for number in range(50)], "too much at once"),
    ],
)
async def test_what_is_not_taken_is_refused_in_a_sentence(talk: Talk, files: list[Upload], says: str) -> None:
    """Row 42 and 45: fifty files, six megabytes, archives, wrong types; no run."""
    message = talk.say("@nod read", files=files)
    await talk.settle()

    (said,) = talk.words()
    assert says in said
    assert talk.tasks() == []
    assert not talk.has_thread(message)


@pytest.mark.parametrize("answers", [404, 403, 500, 302])
async def test_what_cannot_be_fetched_is_refused_in_a_sentence(talk: Talk, answers: int) -> None:
    """Row 45: an address that has expired, and one that leads elsewhere, which is not followed."""
    talk.team.server.gateway.hold()
    message = talk.say("@nod read", files=[Upload("a.txt", b"a")])
    message.attachments[0].answers = answers
    message.attachments[0].redirect_to = f"{talk.team.server.url}/metadata"
    talk.team.server.gateway.release()
    await talk.settle()

    assert talk.words() == ["I could not read a.txt\\: send it again."]
    assert [one for one in talk.team.server.requests if one.path == "/metadata"] == []
    assert talk.tasks() == []


@pytest.mark.parametrize(
    "url",
    ["http://169.254.169.254/latest/meta-data", "https://cdn.discordapp.com.evil.example/a", "file:///etc/passwd"],
)
async def test_nothing_is_fetched_from_elsewhere(talk: Talk, url: str) -> None:
    """Row 45: whatever address a payload names."""
    talk.team.server.gateway.hold()
    message = talk.say("@nod read", files=[Upload("a.txt", b"a")])
    message.attachments[0].url = url
    (event,) = talk.team.server.gateway.release(lambda _events: [])
    file = event.payload["attachments"][0] | {"url": url}
    changed = event.payload | {"attachments": [file]}
    talk.team.server.gateway.emit("MESSAGE_CREATE", changed, guild_id=talk.team.guild.id)
    await talk.settle()

    assert talk.words() == ["I could not read a.txt\\: it is not on Discord's servers."]
    assert talk.tasks() == []


async def test_a_file_is_as_large_as_it_is_whatever_the_message_says(talk: Talk) -> None:
    """Row 45: the size is that of the bytes."""
    gateway = talk.team.server.gateway
    gateway.hold()
    talk.say("@nod read", files=[Upload("a.txt", b"x" * (6 << 20))])
    (event,) = gateway.release(lambda _events: [])
    file = event.payload["attachments"][0] | {"size": 10}
    gateway.emit("MESSAGE_CREATE", event.payload | {"attachments": [file]}, guild_id=talk.team.guild.id)
    await talk.settle()

    assert "too large" in talk.words()[0]
    assert talk.tasks() == []


async def test_a_connection_that_breaks_off_is_refused_in_a_sentence(talk: Talk) -> None:
    talk.team.server.faults.cut(FILE, times=3)

    talk.say("@nod read", files=[Upload("a.txt", b"a")])
    await talk.settle()

    assert talk.words() == ["I could not read a.txt\\: send it again."]


async def test_hostile_names_do_nothing(talk: Talk) -> None:
    """Row 44: in what is said of a file, and in what the model is told."""
    talk.say("@nod read", files=[Upload("@everyone\n[x](http://evil)\u202e" + "y" * 300, ZIP)])
    await talk.settle()

    (said,) = talk.words()
    assert "@everyone" not in said.replace("`@everyone`", "")
    assert "](http" not in said
    assert len(said) < 500


# --- what only looks small ---


async def test_nothing_is_unpacked_on_the_way_in() -> None:
    """Row 45: a hundred megabytes in a hundred kilobytes."""
    packed = zlib.compress(b"x" * (100 << 20))

    async def bomb(request: web.Request) -> web.Response:
        assert request.headers["Accept-Encoding"] == "identity"
        return web.Response(body=packed, headers={"Content-Encoding": "deflate"})

    app = web.Application()
    app.router.add_get("/a.txt", bomb)
    runner = web.AppRunner(app)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    host = f"127.0.0.1:{runner.addresses[0][1]}"
    payload = {"id": 1, "size": 10, "filename": "a.txt", "url": f"http://{host}/a.txt", "proxy_url": ""}
    file = discord.Attachment(data=payload, state=SimpleNamespace(http=None))  # type: ignore[arg-type]  # nothing is asked of it

    async with aiohttp.ClientSession() as http:
        with pytest.raises(Refused, match=r"I could not read a\.txt"):
            await fetch_uploads([file], http, frozenset({host}))
    await runner.cleanup()
