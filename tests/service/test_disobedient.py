"""A model that always does what it may not, and obeys everything it reads: what it brings about, seen from outside.

Every scenario goes through a real bot over a real database, and a model on a real socket. What counts is the ledger of
effects, and what plain SQL says: not what the bot says of itself.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import AsyncIterator, Callable
from pathlib import Path

import pytest
from aiohttp import web

from bot.config.settings import Settings, load
from tests.models.endpoint import ScriptedEndpoint, calls, says
from tests.service.disobedient import (
    APPROVED,
    ASKERS,
    MEMBER,
    MOVES,
    SOURCES,
    STATES,
    TRIES,
    UNASKED,
    Asker,
    DisobedientModel,
    Scenario,
    order,
    scenarios,
    write_tools,
)
from tests.service.kit import ROOT, opened
from tests.service.staging import Stage, line, staged, who

WINDOW = {"context_k": 4}
ALL = scenarios()


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    tools = write_tools(tmp_path / "tools", tmp_path / "ledger")
    said = {"DATA_DIR": str(tmp_path / "data"), "ADMINS": "web:root", "TOOLS_DIR": str(tools), "LOG_LEVEL": "warning"}
    return load({**said, "WHO_MAY_TALK": "members,guests,external"}, None)[0]


@pytest.fixture
def ledger(tmp_path: Path) -> Callable[[], Counter[str]]:
    """Every effect that really took place, with its arguments."""
    path = tmp_path / "ledger"
    return lambda: Counter(path.read_text().splitlines() if path.exists() else ())


@pytest.fixture
async def pages() -> AsyncIterator[str]:
    """A web server whose pages give orders: `/7` the order of scenario 7."""

    async def page(request: web.Request) -> web.Response:
        text = f"<p>Welcome.</p><p>{order(request.match_info['number'])}</p>"
        return web.Response(text=text, content_type="text/html")

    app = web.Application()
    app.router.add_get("/{number}", page)
    runner = web.AppRunner(app, access_log=None, shutdown_timeout=0.5)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    yield f"http://127.0.0.1:{runner.addresses[0][1]}"
    await runner.cleanup()


@pytest.fixture
def stage(ledger: Callable[[], Counter[str]], pages: str) -> Stage:
    return Stage(DisobedientModel(), ledger, pages)


def of(asker: Asker, *, is_summed_up: bool) -> list[Scenario]:
    return [one for one in ALL if one.asker == asker and (one.source == "summary") is is_summed_up]


MEMBERS = [asker for asker in ASKERS if asker.standing == "member"]
GROUPS = [*((asker, False) for asker in ASKERS), *((asker, True) for asker in MEMBERS)]


@pytest.mark.parametrize(
    ("asker", "is_summed_up"), GROUPS, ids=[f"{asker.name}{'-summed-up' * is_long}" for asker, is_long in GROUPS]
)
async def test_nothing_a_model_does_has_an_effect_nobody_clicked_for(
    settings: Settings, endpoint: ScriptedEndpoint, stage: Stage, asker: Asker, is_summed_up: bool
) -> None:
    mine = of(asker, is_summed_up=is_summed_up)
    window = WINDOW if is_summed_up else {}
    async with staged(stage, settings, endpoint, **window):
        await stage.enter(asker)
        for scenario in sorted(mine, key=lambda one: one.state == "restart"):
            await stage.play(scenario)
    async with staged(stage, settings, endpoint, **window):
        for scenario in (one for one in mine if one.state == "restart"):
            await stage.say(scenario)
            await stage.end(scenario)

        assert await stage.ran_for_others() == []
        assert stage.one.app.settings == settings
    assert not stage.problems, "\n".join(stage.problems)
    assert endpoint.unexpected == 0
    assert len(stage.reached) >= 0.9 * len(mine)


async def test_a_model_that_words_the_question_itself_gains_nothing(
    settings: Settings, endpoint: ScriptedEndpoint, stage: Stage
) -> None:
    mine = [one for one in of(MEMBER, is_summed_up=False) if "card" in one.expected.values() and one.state == "fresh"]
    async with staged(stage, settings.model_copy(update={"confirm_text": "model"}), endpoint):
        await stage.enter(MEMBER)
        for scenario in mine:
            await stage.play(scenario)

        assert await stage.ran_for_others() == []
    assert not stage.problems, "\n".join(stage.problems)
    assert len(stage.reached) == len(mine) >= 10


async def test_a_denied_call_written_with_other_blanks_is_not_asked_about_again(
    settings: Settings, endpoint: ScriptedEndpoint, ledger: Callable[[], Counter[str]]
) -> None:
    spellings = (
        '{"version":"666"}',
        '{"version": "666"}',
        '{ "version":"666" }',
        '{"version":"\\u0036\\u0036\\u0036"}',
    )
    endpoint.script = [*(calls(("deploy", spelling)) for spelling in spellings), says("I give up")]
    asked = 0
    async with opened(settings, endpoint) as one:
        await one.say("Do not deploy")
        while found := await one.service.pending(ROOT):
            asked += 1
            await one.click(found[0].approval_id, "deny")

    assert ledger() == Counter()
    assert asked == 1


def test_the_table_has_every_asker_move_source_and_state() -> None:
    assert len({one.key for one in ALL}) == len(ALL) >= 200
    assert {one.asker.name for one in ALL} == {asker.name for asker in ASKERS}
    assert {one.move.name for one in ALL} == {one.name for one in MOVES}
    assert {one.source for one in ALL} == {"", *SOURCES}
    assert {one.state for one in ALL} == set(STATES)


# --- the allowed thing happens ---


@pytest.mark.parametrize("scenario", APPROVED, ids=lambda one: "-".join(one.key))
async def test_what_somebody_clicks_for_runs_exactly_once(
    settings: Settings, endpoint: ScriptedEndpoint, stage: Stage, scenario: Scenario
) -> None:
    ((tool, arguments),) = scenario.move.forbidden
    async with staged(stage, settings, endpoint):
        await stage.enter(scenario.asker)
        await stage.begin(scenario)
        assert (stage.ledger(), len(await stage.waiting(scenario))) == (Counter(), 1)
        if scenario.state == "loosened":
            await stage.admin(f"allow @{scenario.asker.name} pay")
    async with staged(stage, settings, endpoint):
        (card,) = await stage.waiting(scenario)
        assert isinstance(arguments, dict)
        stage.may[line(tool, **arguments)] += 1
        await stage.click(card, "approve", who(scenario.asker) if card.approver == "requester" else ROOT)
        second = await stage.one.click(card.approval_id, actor=ROOT)
        await stage.deny_all(scenario)
        await stage.look_on(scenario)

    assert (second.is_accepted, stage.problems) == (False, [])
    assert [one.tool for one in stage.cards[scenario.number]] == [tool] * 2, "once, and asked again for the next"
    assert stage.ledger() == {line(tool, **arguments): 1}


@pytest.mark.parametrize("scenario", UNASKED, ids=lambda one: "-".join(one.key))
async def test_what_is_allowed_runs_unasked_where_nothing_of_strangers_was_read(
    settings: Settings, endpoint: ScriptedEndpoint, stage: Stage, scenario: Scenario
) -> None:
    ((tool, arguments),) = scenario.move.forbidden
    assert isinstance(arguments, dict)
    async with staged(stage, settings, endpoint):
        await stage.enter(scenario.asker)
        stage.may[line(tool, **arguments)] = TRIES
        await stage.begin(scenario)
        await stage.look_on(scenario)

        assert await stage.waiting(scenario) == []
    assert (stage.problems, stage.ledger()) == ([], {line(tool, **arguments): TRIES})


def test_the_twins_are_many() -> None:
    assert len({one.key for one in APPROVED}) + len({one.key for one in UNASKED}) >= 15
