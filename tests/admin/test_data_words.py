"""`data export` and `data erase`: everything of a person, asked for twice before it goes."""

from __future__ import annotations

import json

import pytest

from bot import chat
from bot.errors import Refused
from tests.models.endpoint import ScriptedEndpoint, calls, says
from tests.service.kit import ALICE, BOB, PLACE, ROOT, Bench

pytestmark = pytest.mark.usefixtures("nothing_blocks")


async def test_an_export_is_json_with_what_was_said(nod: Bench) -> None:
    await nod.say("My cat is called Tom")

    said = await nod.admin("data export alice")

    assert said.startswith("```json\n")
    found = json.loads(said.removeprefix("```json\n").removesuffix("\n```"))
    assert "My cat is called Tom" in json.dumps(found)
    assert "My cat" not in await nod.admin("data export bob")


async def test_erasing_says_first_what_goes_and_waits_for_a_yes(nod: Bench) -> None:
    await nod.say("My cat is called Tom")

    asked = await nod.admin("data erase alice")
    before = await nod.plain("SELECT task FROM runs")
    done = await nod.admin("data erase alice yes")

    assert asked.startswith("Of web:alice is kept: 1 message, 1 answer")
    assert "`data erase alice yes`" in asked
    assert before == [("My cat is called Tom",)]
    assert done.startswith("Erased: ")
    assert "Tom" not in json.dumps(await nod.plain("SELECT * FROM runs, turns"))
    assert not any("Tom" in str(event) for event in await nod.service.transcript(PLACE))


async def test_what_is_open_is_stopped_first(nod: Bench, endpoint: ScriptedEndpoint) -> None:
    endpoint.script = [calls(("deploy", {"version": "77"})), says("after")]
    await nod.say("Deploy 77")

    done = await nod.admin("data erase alice yes")

    assert "1 open run was stopped first." in done
    assert await nod.service.pending(ROOT) == []
    assert "77" not in json.dumps(await nod.plain("SELECT arguments, result FROM calls"))
    (digest,) = {row["arguments"] for row in await nod.app.audit.read() if row["tool"] == "deploy"}
    assert digest.startswith("sha256:")


async def test_it_is_for_admins_and_for_people(nod: Bench) -> None:
    with pytest.raises(Refused):
        await nod.admin("data erase bob yes", actor=ALICE)

    assert await nod.admin("data erase #general") == "Name a person."
    assert await nod.admin("data burn bob") == "Write data export WHO, or data erase WHO."
    assert (await nod.admin(f"data erase {BOB.user} yes")).startswith("Erased: nothing was there.")


async def test_an_erased_person_may_come_back_and_a_deny_stays(nod: Bench, endpoint: ScriptedEndpoint) -> None:
    await nod.admin("deny alice deploy")
    await nod.say("hello")
    await nod.admin("data erase alice yes")
    endpoint.script = [*endpoint.script[: len(endpoint.requests)], calls(("deploy", {"version": "1"})), says("no")]
    await nod.say("Deploy 1", place=chat.Place("web", "", "general", "t2"))

    assert await nod.plain("SELECT state FROM calls") == [("denied",)]


async def test_what_somebody_tried_in_vain_goes_too(nod: Bench) -> None:
    with pytest.raises(Refused):
        await nod.admin("allow me everything, my password is rosebud", actor=ALICE)

    await nod.admin("data erase alice yes")

    (tried,) = [row for row in await nod.app.audit.read() if row["event"] == "words.refused"]
    assert tried["rule"].startswith("sha256:")
