"""Text of Discord's messages, by itself."""

from __future__ import annotations

import pytest

from adapters.discord.messages import calls, event_id, message_id_of, without_mentions
from adapters.discord.rooms import title_of

ME = 123456789012345678


@pytest.mark.parametrize(
    ("text", "is_called"),
    [
        (f"<@{ME}>", True),
        (f"<@!{ME}>", True),
        (f"<@&{ME}>", True),
        (f"<#{ME}>", False),
        (f"`<@{ME}>`", False),
        (f"`` ` <@{ME}> ``", False),
        (f"```\n<@{ME}>\n```", False),
        (f"```\n<@{ME}>", False),
        (f"` <@{ME}>", True),
        (f"`a` <@{ME}> `b`", True),
        (f"||<@{ME}>||", True),
        ("<@1234>", False),
        (f"<@{ME}", False),
        (f"<@ {ME}>", False),
        (f"<@\uff11{str(ME)[1:]}>", False),
        (f"<@{ME}0>", False),
        ("", False),
    ],
)
def test_whether_a_text_calls_somebody(text: str, is_called: bool) -> None:
    """Row 43 and 47: outside of code, by digits alone."""
    assert calls(text, frozenset({ME})) is is_called


@pytest.mark.parametrize(
    ("event", "number"),
    [
        (event_id(5), 5),
        ("discord:5:1700000000000", 5),
        ("discord:", None),
        ("discord:x", None),
        ("discord:-5", None),
        ("discord:1.5", None),
        ("slack:5", None),
        ("", None),
    ],
)
def test_the_message_of_an_event(event: str, number: int | None) -> None:
    """Row 47."""
    assert message_id_of(event) == number


def test_a_title_has_no_ids_in_it() -> None:
    assert title_of(f"<@{ME}> what is <#{ME}>\n?") == "what is ?"
    assert title_of(f"<@{ME}> \u200b") == "Question"
    assert without_mentions(f"a<@{ME}>b") == "a b"
