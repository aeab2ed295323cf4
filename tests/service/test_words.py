"""The words after `/nod`: what each says, whom it serves, and what it changes."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator

import pytest

from bot import chat
from bot.admin.words import EVERYBODY
from bot.chat import Place
from bot.config.settings import Settings
from bot.errors import Refused
from bot.models.config import ModelConfig, from_mapping
from bot.models.registry import Registry
from bot.storage.audit import AuditRows
from tests.models.endpoint import ScriptedEndpoint, says
from tests.service.kit import ALICE, BOB, PLACE, ROOT, Bench, opened_with

pytestmark = pytest.mark.usefixtures("nothing_blocks")

ELSEWHERE = Place("web", "", "general", "other")


def model(endpoint: ScriptedEndpoint, label: str, **cfg: object) -> ModelConfig:
    row = {"label": label, "api_url": endpoint.url, "model_name": label, "host_type": "generic"}
    return from_mapping({**row, **cfg})


def three(endpoint: ScriptedEndpoint) -> Registry:
    """The usual one, one that sees, and one for admins only."""
    models = [
        model(endpoint, "usual-one"),
        model(endpoint, "seeing", vision=True, context_k=32, tools=False, prices={"input": 0.15, "output": 0.6}),
        model(endpoint, "precious", for_roles=["admin"]),
    ]
    return Registry(models, default="usual-one")


@pytest.fixture
async def one(settings: Settings, endpoint: ScriptedEndpoint) -> AsyncIterator[Bench]:
    endpoint.script = [says("Hello")] * 10
    async with opened_with(settings, three(endpoint)) as bench:
        yield bench


def answering(endpoint: ScriptedEndpoint) -> list[str]:
    """Which model was asked, request by request."""
    return [request.body["model"] for request in endpoint.requests]


# --- help, and what is unknown ---


@pytest.mark.parametrize("words", ["", "help", "  HELP  "])
async def test_help_lists_every_word(one: Bench, words: str) -> None:
    said = await one.service.command(PLACE, ALICE, words)

    assert said.splitlines()[0] == "- `/nod help`: what you can write here"
    assert [line.split("`")[1].split()[1] for line in said.splitlines()] == list(EVERYBODY)


@pytest.mark.parametrize(
    ("words", "sentence"),
    [
        ("modle", "There is no word 'modle' after `/nod`. Did you mean `/nod model`?"),
        ("zzz", "There is no word 'zzz' after `/nod`. `/nod help` lists them."),
        ("x" * 1000, f"There is no word '{'x' * 40}' after `/nod`. `/nod help` lists them."),
    ],
)
async def test_an_unknown_word_is_said_with_the_closest(one: Bench, words: str, sentence: str) -> None:
    assert await one.service.command(PLACE, ALICE, words) == sentence


async def test_who_may_not_talk_is_refused(settings: Settings, endpoint: ScriptedEndpoint) -> None:
    closed = settings.model_copy(update={"who_may_talk": ("admins",)})
    async with opened_with(closed, three(endpoint)) as bench:
        for words in ("help", "model", "model seeing", "stop"):
            with pytest.raises(Refused, match="You may not talk to this bot; ask an admin"):
                await bench.service.command(PLACE, ALICE, words)
        assert "`/nod help`" in await bench.service.command(PLACE, ROOT, "help")
        assert (await bench.context()).model == ""


# --- model ---


async def test_models_are_listed_for_the_role_of_who_asks(one: Bench) -> None:
    for_users = await one.service.command(PLACE, ALICE, "model")
    for_admins = await one.service.command(PLACE, ROOT, "model")

    assert for_users == (
        "- **usual-one** (answers here, usual): usual-one\n"
        "- seeing: seeing, 32k tokens, sees images, no tools, $0.15 / $0.6 per million tokens"
    )
    assert for_admins == f"{for_users}\n- precious: precious"


async def test_a_chosen_model_answers_in_this_conversation_only(one: Bench, endpoint: ScriptedEndpoint) -> None:
    await one.say("first")
    said = await one.service.command(PLACE, ALICE, "model seeing")
    await one.say("second")
    await one.say("third", actor=BOB)
    await one.say("elsewhere", place=ELSEWHERE)

    assert said == "From the next message on, seeing answers here."
    assert answering(endpoint) == ["usual-one", "seeing", "seeing", "usual-one"]
    assert (await one.service.command(PLACE, BOB, "model")).splitlines()[1].startswith("- **seeing** (answers here)")
    assert "**usual-one** (answers here, usual)" in await one.service.command(ELSEWHERE, BOB, "model")


async def test_a_choice_lasts_over_a_restart(settings: Settings, endpoint: ScriptedEndpoint) -> None:
    endpoint.script = [says("Hello")]
    async with opened_with(settings, three(endpoint)) as bench:
        await bench.service.command(PLACE, ALICE, "model seeing")
    async with opened_with(settings, three(endpoint)) as again:
        await again.say("Hi")

    assert answering(endpoint) == ["seeing"]


async def test_what_is_being_answered_is_not_switched(one: Bench, endpoint: ScriptedEndpoint) -> None:
    gate = asyncio.Event()

    async def slowly(_request: object) -> dict[str, object]:
        await gate.wait()
        return says("slow")

    endpoint.script = [slowly, says("fast")]
    await one.hand_in("first")
    while not endpoint.requests:
        await asyncio.sleep(0.01)
    await one.service.command(PLACE, ALICE, "model seeing")
    gate.set()
    await one.service.idle()
    await one.say("second")

    assert answering(endpoint) == ["usual-one", "seeing"]


async def test_usual_lets_the_choice_go(one: Bench, endpoint: ScriptedEndpoint) -> None:
    await one.service.command(PLACE, ALICE, "model seeing")
    said = await one.service.command(PLACE, ALICE, "model usual")
    await one.say("Hi")

    assert said == "From your next message on, usual-one answers here as usual."
    assert answering(endpoint) == ["usual-one"]


async def test_somebody_of_another_role_is_answered_by_a_model_open_to_them(
    one: Bench, endpoint: ScriptedEndpoint
) -> None:
    await one.service.command(PLACE, ROOT, "model precious")
    await one.say("from an admin", actor=ROOT)
    await one.say("from a user", actor=ALICE)

    assert answering(endpoint) == ["precious", "usual-one"]
    assert "**usual-one** (answers here, usual)" in await one.service.command(PLACE, ALICE, "model")


@pytest.mark.parametrize("label", ["precious", "seing", "no such one"])
async def test_a_label_that_is_not_open_is_said_with_those_that_are(one: Bench, label: str) -> None:
    said = await one.service.command(PLACE, ALICE, f"model {label}")

    assert said == f"There is no model {label.split()[0]!r} for you. Models: usual-one, seeing."
    assert (await one.context()).model == ""


async def test_a_choice_is_in_the_audit_and_a_look_is_not(one: Bench) -> None:
    await one.service.command(PLACE, ALICE, "model")
    await one.service.command(PLACE, ALICE, "model nothing")
    await one.service.command(PLACE, ALICE, "model seeing")
    await one.service.command(PLACE, ROOT, "model usual")

    rows = [row for row in await AuditRows(one.app.database).read() if row["event"] == "model.chosen"]
    assert [(row["requester"], row["place"], row["model"]) for row in rows] == [
        ("web:alice", "web:general/t1", "seeing"),
        ("web:root", "web:general/t1", "usual"),
    ]


async def test_words_are_said_in_no_conversation(one: Bench, endpoint: ScriptedEndpoint) -> None:
    await one.service.command(PLACE, ALICE, "model seeing")

    assert (await one.service.transcript(PLACE), one.adapter.shown, endpoint.requests) == ([], [], [])


# --- stop ---


async def test_stop_stops_what_works_for_who_asks(one: Bench, endpoint: ScriptedEndpoint) -> None:
    async def never(_request: object) -> dict[str, object]:
        await asyncio.sleep(3600)
        return says("never")

    endpoint.script = [never]
    await one.hand_in("work")
    while not endpoint.requests:
        await asyncio.sleep(0.01)

    assert await one.service.command(PLACE, BOB, "stop") == "There is nothing of yours to stop here."
    assert await one.service.command(PLACE, ALICE, "stop") == "Stopped."
    await one.service.idle()
    assert await one.service.command(PLACE, ALICE, "stop") == "There is nothing of yours to stop here."
    assert [event.status for event in await one.service.transcript(PLACE) if isinstance(event, chat.Working)] == [
        "cancelled"
    ]
