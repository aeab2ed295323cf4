"""What comes with a message: fetched from Slack only, never more than is taken, and known by its bytes."""

from __future__ import annotations

import pytest

from bot.config.settings import Settings
from tests.adapters.slack.hearing import Talk, talking
from tests.adapters.slack.kit import Team
from tests.adapters.slack.wire.messages import File
from tests.models.endpoint import ScriptedEndpoint
from tests.pictures import PNG

ZIP = b"PK\x03\x04" + b"\0" * 200
POLYGLOT = PNG + b"<html><script>alert(1)</script>"


def file(talk: Talk, name: str, content: bytes, **how: str) -> File:
    return talk.slack.create_file(talk.team.anna, name, content, **how)


async def test_a_model_that_sees_is_shown_the_picture(
    team: Team, settings: Settings, endpoint: ScriptedEndpoint
) -> None:
    async with talking(team, settings, endpoint, vision=True) as talk:
        await talk.ask("@nod look", files=[file(talk, "a.txt", POLYGLOT, mimetype="text/html")])

    assert [one["type"] for one in talk.tasks()[0]] == ["text", "image_url"]
    assert talk.tasks()[0][1]["image_url"]["url"].startswith("data:image/png;base64,")


async def test_text_files_are_quoted(talk: Talk) -> None:
    await talk.ask(
        "@nod read", files=[file(talk, "notes.md", b"# Plan"), file(talk, "page", b"<p>", mimetype="text/x")]
    )

    assert [one["text"] for one in talk.tasks()[0]] == ["read", "File 'notes.md':\n# Plan", "File 'page':\n<p>"]


async def test_a_file_without_a_word_is_a_question_in_a_direct_talk(talk: Talk) -> None:
    talk.slack.direct(talk.team.anna, "", files=[file(talk, "a.txt", b"a")])
    await talk.settle()

    assert talk.tasks()[0][0]["text"] == "Look at what I attached."


async def test_a_page_that_somebody_uploads_is_a_file(talk: Talk) -> None:
    await talk.ask("@nod read", files=[file(talk, "a.html", b"<html>hi</html>", mimetype="text/html")])

    assert talk.tasks()[0][1]["text"] == "File 'a.html':\n<html>hi</html>"


@pytest.mark.parametrize(
    ("name", "content", "says"),
    [
        ("bomb.zip", ZIP, "neither"),
        ("cat.png", ZIP, "neither"),
        ("latin.txt", b"\xe4\xf6", "neither"),
        ("empty.txt", b"", "empty"),
        ("large.txt", b"x" * (6 << 20), "too much at once"),
    ],
)
async def test_what_is_not_taken_is_refused_in_a_sentence(talk: Talk, name: str, content: bytes, says: str) -> None:
    """Row 45: the bytes decide."""
    await talk.ask("@nod read", files=[file(talk, name, content)])

    assert says in talk.whispers()[0]
    assert talk.tasks() == []


async def test_fifty_files_are_too_many_and_none_is_fetched(talk: Talk) -> None:
    """Row 42."""
    await talk.ask("@nod read", files=[file(talk, f"{number}.txt", b"x") for number in range(50)])

    assert "too much at once" in talk.whispers()[0]
    assert talk.slack.calls("download") == []


@pytest.mark.parametrize("answers", [302, 403, 404, 500])
async def test_what_cannot_be_fetched_is_refused_in_a_sentence(talk: Talk, answers: int) -> None:
    """Row 45: an address that has expired, and one that leads elsewhere, which is not followed."""
    one = file(talk, "a.txt", b"a")
    one.answers = answers

    await talk.ask("@nod read", files=[one])

    assert talk.whispers() == ["I could not read a.txt: send it again."]
    assert len(talk.slack.calls("download")) == 1
    assert talk.tasks() == []


async def test_a_token_that_may_not_see_files_is_sent_to_sign_in_and_does_not_go_there(talk: Talk) -> None:
    talk.slack.bot.scopes.remove("files:read")
    one = file(talk, "a.txt", b"a")

    await talk.ask("@nod read", files=[one])

    assert talk.whispers() == ["I could not read a.txt: send it again."]


@pytest.mark.parametrize(
    "url",
    [
        "http://169.254.169.254/latest/meta-data",
        "https://files.slack.com.evil.example/a",
        "https://files.slack.com@evil.example/a",
        "http://files.slack.com/files-pri/T1-F1/a",
        "file:///etc/passwd",
        "https://[",
        "",
    ],
)
async def test_the_token_goes_to_slack_alone(talk: Talk, url: str) -> None:
    """Row 45: whatever address a message names."""
    one = file(talk, "a.txt", b"a")
    one.url = url

    await talk.ask("@nod read", files=[one])

    (said,) = talk.whispers()
    assert said.startswith("I could not read")
    assert talk.slack.calls("download") == []
    assert talk.tasks() == []


async def test_a_file_is_as_large_as_it_is_whatever_the_message_says(talk: Talk) -> None:
    """Row 45: the size is that of the bytes."""
    talk.slack.delivery.hold()
    talk.say("@nod read", files=[file(talk, "a.txt", b"x" * (6 << 20))])
    for sent in talk.slack.events:
        sent.body["event"]["files"][0]["size"] = 10
    talk.slack.delivery.release()
    await talk.settle()

    assert "too large" in talk.whispers()[0]
    assert talk.tasks() == []


async def test_a_file_of_another_company_is_asked_for(talk: Talk) -> None:
    one = file(talk, "a.txt", b"a", access="check_file_info")

    await talk.ask("@nod read", files=[one])

    assert talk.tasks()[0][1]["text"] == "File 'a.txt':\na"
    assert len(talk.slack.calls("files.info")) == 1


async def test_one_that_slack_does_not_show_is_said(talk: Talk) -> None:
    talk.slack.faults.fail("files.info", "file_not_found")

    await talk.ask("@nod read", files=[file(talk, "a.txt", b"a", access="check_file_info")])

    assert talk.whispers() == ["I could not read the attachment: send it again."]


async def test_files_that_a_mention_does_not_name_are_looked_up(talk: Talk) -> None:
    """Slack may tell a mention without its files before it tells the message."""
    talk.slack.delivery.hold()
    talk.say("@nod read", files=[file(talk, "a.txt", b"a")])
    mention = next(one for one in talk.slack.events if one.type == "app_mention")
    del mention.body["event"]["files"]
    mention.body["event"]["blocks"] = [{"type": "rich_text", "elements": [{"type": "file", "file_id": "F1"}]}]
    talk.slack.delivery.release(reversed)
    await talk.settle()

    assert talk.tasks()[0][1]["text"] == "File 'a.txt':\na"


async def test_hostile_names_do_nothing(talk: Talk) -> None:
    """Row 44: in what is said of a file, and in what the model is told."""
    await talk.ask("@nod read", files=[file(talk, "<!channel>\n[x](http://evil)\u202e" + "y" * 300, ZIP)])

    (said,) = talk.whispers()
    assert "<!channel>" not in said
    assert "\u202e" not in said
    assert len(said) < 500
