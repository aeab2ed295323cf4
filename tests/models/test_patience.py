"""How long an endpoint in trouble is waited for, and when nobody asks it any more."""

from __future__ import annotations

import asyncio

import pytest

from bot.errors import ModelRejected, ModelUnavailable
from bot.models.faults import Resting
from bot.models.patience import FAILURES, MAX_REST_S, REST_S, RETRIES_PER_TURN, Breaker, RetryBudget
from tests.models.asking import HELLO, RUN, Seen, ask, failure
from tests.models.endpoint import CUT, Status, Stream, delta, says

BUSY = ModelUnavailable("fast", "busy.")


class Clock:
    now = 1000.0

    def __call__(self) -> float:
        return self.now


def asked_to_wait(seconds: float) -> ModelUnavailable:
    return ModelUnavailable("fast", "busy.", retry_after_s=seconds, status=429)


# --- the budget of a turn ---


def test_pauses_grow_and_no_two_turns_come_back_at_the_same_moment() -> None:
    first = {RetryBudget().wait_s(BUSY, 0, at_most_s=100) for _ in range(50)}
    second = {RetryBudget().wait_s(BUSY, 1, at_most_s=100) for _ in range(50)}

    assert len(first) > 40
    assert max(one or 0 for one in first) * 1.5 <= min(one or 0 for one in second)


def test_what_the_endpoint_wishes_is_the_least_and_a_minute_the_most() -> None:
    assert 7 <= (RetryBudget().wait_s(asked_to_wait(7), 0, at_most_s=100) or 0) <= 7.7
    assert RetryBudget().wait_s(asked_to_wait(61), 0, at_most_s=1000) is None
    assert RetryBudget().wait_s(asked_to_wait(7), 0, at_most_s=5) is None


def test_a_turn_has_so_many_retries_however_many_replies_it_takes() -> None:
    budget = RetryBudget()

    waits = [budget.wait_s(BUSY, 0, at_most_s=100) for _ in range(20)]

    assert sum(wait is not None for wait in waits) == RETRIES_PER_TURN


async def test_the_replies_of_one_turn_share_their_retries(endpoint, client_for) -> None:
    budget = RetryBudget(left=3)
    client = client_for()
    endpoint.script = [Status(503), says("a"), Status(503), Status(503), says("b"), Status(503), says("never")]

    async def reply() -> str:
        return (await client.reply(HELLO, run=RUN, tools=b"", budget=budget)).text

    assert [await reply(), await reply()] == ["a", "b"]
    with pytest.raises(ModelUnavailable):
        await reply()

    assert len(endpoint.requests) == 6


# --- the breaker ---


def broken(clock: Clock) -> Breaker:
    breaker = Breaker(clock)
    for _ in range(FAILURES):
        breaker.failed(BUSY, breaker.enter())
    return breaker


def test_it_opens_after_so_many_failures_in_a_row_and_lets_one_try_later() -> None:
    clock = Clock()
    breaker = broken(clock)

    assert (breaker.enter(), breaker.rests_s) == (None, REST_S)
    clock.now += REST_S
    trial = breaker.enter()
    assert trial is not None, "one may try"
    assert breaker.enter() is None, "and only one"
    breaker.failed(BUSY, trial)
    assert (breaker.enter(), breaker.rests_s) == (None, REST_S)
    clock.now += REST_S
    assert breaker.enter() is not None
    breaker.succeeded()
    assert None not in (breaker.enter(), breaker.enter())


def test_a_success_in_between_starts_the_count_anew() -> None:
    breaker = Breaker(Clock())
    for _ in range(3):
        for _ in range(FAILURES - 1):
            breaker.failed(BUSY, breaker.enter())
        breaker.succeeded()

    assert breaker.enter() is not None


def test_a_rate_limit_is_no_failure_but_a_long_one_is_kept() -> None:
    breaker = Breaker(Clock())
    for _ in range(3 * FAILURES):
        breaker.failed(asked_to_wait(5), breaker.enter())
    assert breaker.enter() is not None

    breaker.failed(asked_to_wait(86_400), breaker.enter())

    assert (breaker.enter(), breaker.rests_s) == (None, MAX_REST_S)


def test_an_outage_that_says_when_to_come_back_is_an_outage() -> None:
    breaker = Breaker(Clock())
    for _ in range(FAILURES):
        breaker.failed(ModelUnavailable("fast", "busy.", retry_after_s=1, status=503), breaker.enter())

    assert breaker.enter() is None


def test_a_trial_that_was_cancelled_leaves_room_for_another_and_an_old_request_does_not() -> None:
    clock = Clock()
    breaker = Breaker(clock)
    old = breaker.enter()
    for _ in range(FAILURES):
        breaker.failed(BUSY, breaker.enter())
    clock.now += REST_S
    trial = breaker.enter()

    breaker.let_go(old)
    assert breaker.enter() is None, "the trial is still under way"
    breaker.let_go(trial)
    assert breaker.enter() is not None


async def test_streams_that_always_break_off_open_it_too(endpoint, client_for) -> None:
    endpoint.script = [Stream([delta(content="Hel"), 0.01, CUT])] * 100
    client = client_for()
    for _ in range(2):
        assert (await ask(client, Seen())).is_cut

    await failure(client, Resting, Seen())

    assert len(endpoint.requests) == FAILURES


async def test_an_endpoint_that_is_down_is_soon_not_asked_any_more(endpoint, client_for) -> None:
    endpoint.script = [Status(503)] * 100
    client = client_for()
    await failure(client, ModelUnavailable)
    await failure(client, ModelUnavailable)
    asked = len(endpoint.requests)

    said = await failure(client, Resting)

    assert said.startswith(
        "The model 'fast' has failed again and again, so I do not ask it for now. Please try again in"
    )
    assert len(endpoint.requests) == asked == FAILURES


async def test_forty_people_at_a_dead_endpoint_do_not_storm_it(endpoint, client_for) -> None:
    endpoint.script = [Status(503)] * 1000
    client = client_for()
    for _ in range(2):
        await failure(client, ModelUnavailable)
    before = len(endpoint.requests)

    outcomes = await asyncio.gather(*(ask(client) for _ in range(40)), return_exceptions=True)

    assert all(isinstance(one, Resting) for one in outcomes)
    assert len(endpoint.requests) == before


async def test_a_refused_request_says_nothing_against_the_endpoint(endpoint, client_for) -> None:
    endpoint.script = [*[Status(400)] * 20, says("hi")]
    client = client_for()
    for _ in range(20):
        await failure(client, ModelRejected)

    assert (await ask(client)).text == "hi"


async def test_a_reply_that_was_cancelled_says_nothing_either(endpoint, client_for) -> None:
    endpoint.script = [*[Stream([delta(content="Hel"), 30.0])] * (FAILURES + 1), says("hi")]
    client = client_for()
    for asked in range(1, FAILURES + 2):
        task = asyncio.create_task(ask(client, Seen()))
        while len(endpoint.requests) < asked:
            await asyncio.sleep(0.01)
        task.cancel()
        await asyncio.wait([task])

    assert (await ask(client)).text == "hi"
