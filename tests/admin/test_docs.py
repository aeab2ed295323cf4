"""What docs/policy.md says is what the code takes."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from bot.admin.words import ADMINS, EVERYBODY
from bot.policy.approvers import parse_approvers
from bot.policy.conditions import parse_condition

PAGE = (Path(__file__).parents[2] / "docs" / "policy.md").read_text("utf-8")


def cells(heading: str) -> list[str]:
    """The code in the first column of the table after these words."""
    table = PAGE[PAGE.index(heading) :].partition("\n\n")[2].partition("\n\n")[0]
    return [match[1].replace("\\|", "|") for line in table.splitlines() if (match := re.match(r"\| `(.+?)` \|", line))]


def test_every_word_of_admins_is_on_the_page() -> None:
    table = PAGE[PAGE.index("## What admins write") : PAGE.index("**WHO** is")]

    assert [word for word in ADMINS if word != "help" and not re.search(rf"`{word}\b", table)] == []


def test_every_word_it_names_for_everybody_exists() -> None:
    named = set(re.findall(r"`/nod ([a-z-]+)", PAGE))

    assert named - set(EVERYBODY) == set()
    assert named


@pytest.mark.parametrize("text", cells("Conditions look at the call's arguments"))
def test_the_conditions_it_shows_can_be_read(text: str) -> None:
    assert str(parse_condition(text))


@pytest.mark.parametrize("text", [one for one in cells("or what an admin sets:") if "@" not in one and one != "none"])
def test_the_approvers_it_shows_can_be_read(text: str) -> None:
    assert str(parse_approvers(text)) == text


def test_the_tables_are_found() -> None:
    assert len(cells("Conditions look at the call's arguments")) == 4
    assert len(cells("or what an admin sets:")) == 9
