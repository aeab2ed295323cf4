"""What people think of an answer: who may say so, where, and what is kept of it."""

from __future__ import annotations

from dataclasses import replace

import pytest

from bot.chat import Actor, Place
from bot.config.settings import Settings
from bot.errors import Refused
from bot.feedback import ELSEWHERE, NOT_KNOWN, THANKS
from tests.models.endpoint import ScriptedEndpoint, says
from tests.service.kit import ALICE, BOB, PLACE, Bench, opened


async def rated(one: Bench) -> list[tuple[str, str, str]]:
    """The run, who said it and what they said, oldest first, as the audit has it."""
    rows = await one.app.audit.read(filters={"event": "answer.rated"})
    return [(row["run"], row["approver"], row["decision"]) for row in rows]


async def test_the_newest_word_of_each_person_is_kept(settings: Settings, endpoint: ScriptedEndpoint) -> None:
    endpoint.script = [says("Hello.")]
    async with opened(settings, endpoint) as one:
        run_id = (await one.say("hello")).run_id

        said = [
            await one.service.feedback(PLACE, run_id, person, is_good=is_good)
            for person, is_good in ((ALICE, True), (ALICE, True), (BOB, True), (ALICE, False), (ALICE, True))
        ]
        kept = await rated(one)
        found = await one.admin("audit event=answer.rated decision=bad")

    assert said == [THANKS, "", THANKS, THANKS, THANKS]
    alice, bob = ALICE.key, BOB.key
    assert kept == [(run_id, alice, "good"), (run_id, bob, "good"), (run_id, alice, "bad"), (run_id, alice, "good")]
    assert f"for {alice} by {alice}: bad" in found


@pytest.mark.parametrize(
    ("person", "place", "run", "why"),
    [
        (replace(BOB, standing="bot"), PLACE, "", "Programs cannot do this."),
        (replace(BOB, standing="gone"), PLACE, "", "You do not belong to this workspace any more."),
        (replace(BOB, standing="guest"), PLACE, "", "You may not talk to this bot; ask an admin."),
        (replace(BOB, standing="external"), PLACE, "", "You may not talk to this bot; ask an admin."),
        (Actor("slack", "T1", "U1"), PLACE, "", "You may not talk to this bot; ask an admin."),
        (BOB, replace(PLACE, thread="t2"), "", ELSEWHERE),
        (BOB, Place("web", "", "@bob"), "", ELSEWHERE),
        (BOB, PLACE, "unknown", NOT_KNOWN),
    ],
)
async def test_who_does_not_belong_there_is_refused_and_nothing_is_kept(
    settings: Settings, endpoint: ScriptedEndpoint, person: Actor, place: Place, run: str, why: str
) -> None:
    endpoint.script = [says("Hello.")]
    async with opened(settings, endpoint) as one:
        run_id = (await one.say("hello")).run_id

        with pytest.raises(Refused) as refused:
            await one.service.feedback(place, run or run_id, person, is_good=True)
        kept = await rated(one)

    assert refused.value.user_message == why
    assert kept == []
