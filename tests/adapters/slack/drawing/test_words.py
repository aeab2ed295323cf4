"""What one person is told alone: whom it names by their ids."""

from __future__ import annotations

import pytest

from adapters.slack.drawing.words import sentence
from tests.adapters.slack.showing import checked, lines


@pytest.mark.parametrize(
    ("said", "shown"),
    [
        ("Only slack:T1/U5 can decide this.", "Only <@U5> can decide this."),
        ("Still needed: 1 of group:slack:T1/S7 or slack:T2/U8.", "Still needed: 1 of <!subteam^S7> or slack:T2/U8."),
        ("slack:T1/U5", "<@U5>"),
        ("Only <@U5>, *ann* or xslack:T1/U5 can.", "plain_text: Only <@U5>, *ann* or xslack:T1/U5 can."),
    ],
)
def test_a_sentence_mentions_people_and_groups_of_its_workspace(said: str, shown: str) -> None:
    words = sentence(said, "T1")

    checked(words.blocks)
    assert lines(words.blocks) == [shown]
