"""Several models behind one bot: who takes over, who may, and what each is told of the others."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator, Callable

import pytest

from bot.config.settings import Settings
from bot.models.config import from_mapping
from bot.models.registry import Registry
from tests.models.endpoint import ScriptedEndpoint, Status, calls, says
from tests.service.kit import opened_with


@pytest.fixture
async def other() -> AsyncIterator[ScriptedEndpoint]:
    async with ScriptedEndpoint([]) as one:
        yield one


def two(first: ScriptedEndpoint, second: ScriptedEndpoint, **of_second: object) -> Registry:
    row = {"model_name": "m", "host_type": "generic", "timeout_s": 5}
    models = [
        from_mapping({**row, "label": "first", "api_url": first.url}),
        from_mapping({**row, "label": "second", "api_url": second.url, **of_second}),
    ]
    return Registry(models, default="first", fallback=("second",))


async def test_the_fallback_answers_when_the_first_fails_and_the_audit_says_which_it_was(
    settings: Settings, endpoint: ScriptedEndpoint, other: ScriptedEndpoint
) -> None:
    endpoint.script = [Status(401)]
    other.script = [calls(("notes_add", {"text": "milk"})), says("Saved.")]
    async with opened_with(settings, two(endpoint, other)) as one:
        await one.say("Remember milk")
        rows = await one.app.audit.read()

        assert one.answers() == ["Saved."]
    assert {row["model"] for row in rows} == {"second"}
    assert len(endpoint.requests) == 1, "the first is not asked again in this turn"


async def test_the_next_message_begins_with_the_first_again(
    settings: Settings, endpoint: ScriptedEndpoint, other: ScriptedEndpoint
) -> None:
    endpoint.script = [Status(401), says("back")]
    other.script = [says("meanwhile")]
    async with opened_with(settings, two(endpoint, other)) as one:
        await one.say("one")
        await one.say("two")

        assert one.answers() == ["meanwhile", "back"]


async def test_a_run_that_waits_goes_on_with_the_model_that_asked_also_after_a_restart(
    settings: Settings, endpoint: ScriptedEndpoint, other: ScriptedEndpoint, ledger: Callable[[], list[str]]
) -> None:
    endpoint.script = [Status(404)]
    other.script = [calls(("deploy", {"version": "3"}), reasoning_content="secret plan"), says("Deployed.")]
    async with opened_with(settings, two(endpoint, other)) as one:
        await one.say("Deploy 3")

    async with opened_with(settings, two(endpoint, other)) as again:
        await again.click((await again.only_card()).approval_id)
        assert again.answers() == ["Deployed."]

    assert ledger() == ["3"]
    assert len(endpoint.requests) == 1
    (sent,) = [one for one in other.requests[1].body["messages"] if one["role"] == "assistant"]
    assert sent["reasoning_content"] == "secret plan", "its own words go back to it as they came, from the store too"


async def test_what_one_model_wrote_for_itself_is_not_sent_to_the_other(
    settings: Settings, endpoint: ScriptedEndpoint, other: ScriptedEndpoint
) -> None:
    endpoint.script = [calls(("notes_add", {"text": "x"}), reasoning_content="for myself"), Status(404)]
    other.script = [says("Done.")]
    async with opened_with(settings, two(endpoint, other)) as one:
        await one.say("Remember x")
        assert one.answers() == ["Done."]

    assert "for myself" not in other.requests[0].raw.decode()
    roles = [one["role"] for one in other.requests[0].body["messages"]]
    assert roles[-2:] == ["assistant", "tool"]


@pytest.mark.parametrize("limits", [{"for_roles": ["admin"]}, {"tools": False}, {"tools": ["current_time"]}])
async def test_a_fallback_that_is_not_for_this_person_or_has_fewer_tools_is_not_asked(
    settings: Settings, endpoint: ScriptedEndpoint, other: ScriptedEndpoint, limits: dict[str, object]
) -> None:
    endpoint.script = [Status(401)]
    async with opened_with(settings, two(endpoint, other, **limits)) as one:
        await one.say("Hello")

        assert one.answers()[0].startswith("The model 'first' refused our key.")
    assert other.requests == []


async def test_an_overflow_is_shortened_and_asked_again_and_the_answer_comes(
    settings: Settings, endpoint: ScriptedEndpoint, other: ScriptedEndpoint
) -> None:
    overflow = Status(400, {"error": {"code": "context_length_exceeded", "message": "too many tokens"}})
    found = [calls(("notes_search", {"query": "milk"}))] * 2
    endpoint.script = [calls(("notes_add", {"text": "milk " * 700})), *found, overflow, says("Found.")]
    async with opened_with(settings, two(endpoint, other)) as one:
        await one.say("Remember a lot of milk, then look for it")

        assert one.answers() == ["Found."]
        again, before = (len(endpoint.requests[at].raw) for at in (-1, -2))
        assert again < before * 0.75
        sent = await one.plain("SELECT count(*) FROM run_messages WHERE sent IS NOT NULL AND role = 'tool'")
    assert sent == [(2,)], "what was shortened is stored so"
    assert other.requests == []


async def test_a_shortened_run_that_waits_is_sent_the_same_after_a_restart(
    settings: Settings, endpoint: ScriptedEndpoint, other: ScriptedEndpoint
) -> None:
    overflow = Status(400, {"error": {"code": "context_length_exceeded", "message": "too many tokens"}})
    found = [calls(("notes_search", {"query": "milk"}))] * 2
    asks = calls(("deploy", {"version": "9"}))
    endpoint.script = [calls(("notes_add", {"text": "milk " * 700})), *found, overflow, asks, says("Deployed.")]
    async with opened_with(settings, two(endpoint, other)) as one:
        await one.say("Remember a lot of milk, then look for it, then deploy")
    shortened = endpoint.requests[-1].body["messages"]

    async with opened_with(settings, two(endpoint, other)) as again:
        await again.click((await again.only_card()).approval_id)
        assert again.answers() == ["Deployed."]

    assert endpoint.requests[-1].body["messages"][: len(shortened)] == shortened


async def test_a_fallback_with_a_small_window_is_sent_what_fits_it(
    settings: Settings, endpoint: ScriptedEndpoint, other: ScriptedEndpoint
) -> None:
    found = [calls(("notes_search", {"query": "milk"}))] * 3
    endpoint.script = [calls(("notes_add", {"text": "milk " * 700})), *found, Status(401)]
    other.script = [calls(("notes_search", {"query": "milk"})), says("Found.")]
    async with opened_with(settings, two(endpoint, other, context_k=8)) as one:
        await one.say("Remember a lot of milk, then look for it")
        assert one.answers() == ["Found."]

    sizes = [len(json.dumps(request.body["messages"])) for request in other.requests]
    assert max(sizes) <= 8000 * 0.75 * 3
    assert max(sizes) < len(endpoint.requests[-1].raw) * 0.8
