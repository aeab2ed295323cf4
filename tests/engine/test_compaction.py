"""Fitting a run into the model's window: what is shortened, in which order, and what stays."""

from __future__ import annotations

import itertools
import json
from dataclasses import replace

import pytest

from bot.engine import words
from bot.engine.compaction import IMPLAUSIBLE, LEAST, MOST, budget_tokens, learned, shorten
from bot.engine.loop import Crew, drive
from bot.engine.machine import Limits, apply, decide
from bot.engine.request import request_messages
from bot.engine.steps import Answer, CallModel, Compact, Compacted, Replied, Steered
from bot.engine.types import (
    IMAGE_WEIGHT,
    CallState,
    ImagePart,
    Message,
    Reply,
    Run,
    TextPart,
    ToolCall,
    ToolResult,
    Usage,
    Verdict,
    message,
)
from bot.errors import ConversationTooLong
from tests.fakes import PlainBox, ScriptedModel, asks_for, says

SYSTEM, TASK = message("system", "Be kind."), message("user", "look at everything")


def result(at: int, size: int = 3000) -> Message:
    return message("tool", f"start {at} " + "x" * size + f" end {at}", tool_call_id=f"call_{at}")


def reply(at: int) -> Message:
    return message("assistant", f"calling {at}")


def rounds(count: int, size: int = 3000) -> list[Message]:
    return [one for at in range(count) for one in (reply(at), result(at, size))]


def after(messages: list[Message], to_weight: int) -> list[Message]:
    shortened = list(messages)
    for cut in shorten(messages, to_weight=to_weight):
        shortened[cut.position] = replace(shortened[cut.position], sent=cut.sent)
    return shortened


def weight(messages: list[Message]) -> int:
    return sum(one.weight for one in messages)


def text(one: Message) -> str:
    return str(json.loads(one.sent)["content"])


# --- what is cut ---


def test_what_fits_is_left_alone() -> None:
    messages = [SYSTEM, TASK, *rounds(5)]

    assert shorten(messages, to_weight=weight(messages)) == ()


def test_old_results_are_cut_to_head_and_tail_with_the_omitted_length_said() -> None:
    messages = [SYSTEM, TASK, *rounds(8)]

    shortened = after(messages, weight(messages) * 6 // 10)

    old, recent = shortened[2:12], shortened[12:]
    for at, one in enumerate(one for one in old if one.role == "tool"):
        assert text(one).startswith(f"start {at} ")
        assert text(one).endswith(f" end {at}")
        assert "characters left out here" in text(one)
    assert recent == messages[12:]
    assert weight(shortened) <= weight(messages) * 6 // 10


def test_recent_results_are_cut_only_where_the_old_ones_are_not_enough_and_the_largest_first() -> None:
    messages = [SYSTEM, TASK, *rounds(4), reply(5), result(5, 30_000), reply(6), result(6, 200)]

    shortened = after(messages, 9000)

    assert len(shortened[11].sent) < 5000
    assert shortened[13] == messages[13]
    assert weight(shortened) <= 9000


def test_the_oldest_history_goes_last_and_whole_turns_of_it() -> None:
    history = [message(role, f"{role} {at} " + "y" * 500) for at in range(10) for role in ("user", "assistant")]
    messages = [SYSTEM, *history, TASK, *rounds(2)]

    shortened = after(messages, 6000)

    kept = [one for one in shortened[1:21] if one.sent]
    assert kept == history[-len(kept) :]
    assert kept[0].role == "user"
    assert [one for one in shortened if one.role == "tool" and "left out" in text(one)]


def test_history_that_begins_with_an_answer_stays_while_everything_fits() -> None:
    posted = message("assistant", "Good morning, this is the plan.")
    messages = [SYSTEM, posted, message("user", "thanks"), message("assistant", "sure"), TASK, *rounds(20)]

    shortened = after(messages, weight(messages) * 6 // 10)

    assert weight(shortened) < weight(messages)
    assert shortened[:5] == messages[:5]


def test_the_notes_of_old_talk_are_left_out_after_the_turns() -> None:
    notes = message("user", "[Notes of what was said earlier here]" + "n" * 500)
    history = [message(role, f"{role} {at} " + "y" * 500) for at in range(10) for role in ("user", "assistant")]
    messages = [SYSTEM, notes, *history, TASK]

    some = after(messages, 4000)
    only = after(messages, 900)
    again = after(some, 900)

    assert [one for one in some if one.sent][:2] == [SYSTEM, notes]
    assert 3 < len([one for one in some if one.sent]) < len(messages)
    assert [one for one in only if one.sent] == [one for one in again if one.sent] == [SYSTEM, notes, TASK]
    assert [one for one in after(messages, 1) if one.sent] == [SYSTEM, TASK]


@pytest.mark.parametrize("letter", ["x", "Я", "語", "😀"])
def test_old_results_are_cut_no_further_than_it_takes_in_any_script(letter: str) -> None:
    said = [message("tool", letter * 3000, tool_call_id=f"call_{at}") for at in range(12)]
    messages = [SYSTEM, TASK, *(one for at in range(12) for one in (reply(at), said[at]))]
    recent = weight(messages[-6:])
    size = len(letter.encode())

    shortened = after(messages, recent + 9 * (400 * size + 300))

    assert shortened[-6:] == messages[-6:]
    assert {text(one).count(letter) for one in shortened[:-6] if one.role == "tool"} <= {399, 400}
    tight = after(messages, recent + 9 * (150 * size + 300))
    assert tight[-6:] == messages[-6:], "the old ones are cut as far as it takes"


def test_system_task_and_every_pair_stay_however_little_room_there_is() -> None:
    history = [message("user", "old" * 100), message("assistant", "answer" * 100)]
    messages = [SYSTEM, *history, TASK, *rounds(20)]

    shortened = after(messages, 1)

    assert [one.role for one in shortened if one.sent] == [one.role for one in (SYSTEM, TASK, *rounds(20))]
    assert [one.sent for one in shortened if one.role not in ("tool",) and one.sent] == [
        one.sent for one in (SYSTEM, TASK, *(reply(at) for at in range(20)))
    ]
    assert all(json.loads(one.sent)["tool_call_id"] for one in shortened if one.role == "tool")


def test_cutting_again_cuts_from_the_original_and_never_makes_anything_longer() -> None:
    messages = [SYSTEM, TASK, *rounds(10)]
    once = after(messages, weight(messages) // 2)

    twice = after(once, weight(once) // 2)

    assert all(len(new.sent) <= len(old.sent) for old, new in zip(once, twice, strict=True))
    assert text(twice[3]).count("left out") == 1
    assert weight(twice) < weight(once)


def test_the_body_stays_verbatim() -> None:
    messages = [SYSTEM, TASK, *rounds(10)]

    assert [one.body for one in after(messages, 1)] == [one.body for one in messages]


def test_text_that_is_not_english_is_cut_between_its_letters() -> None:
    messages = [SYSTEM, TASK, *rounds(4), reply(9), message("tool", "Привет 😀 " * 2000, tool_call_id="c")]

    shortened = after(messages, 5000)

    assert "Привет" in text(shortened[-1])
    assert "\ufffd" not in text(shortened[-1])


def test_an_image_weighs_the_same_however_large_its_data_is() -> None:
    small, large = (
        message("user", (TextPart("what is this?"), ImagePart("data:image/png;base64," + "A" * size)))
        for size in (100, 1_000_000)
    )

    assert small.weight == large.weight
    assert IMAGE_WEIGHT < small.weight < IMAGE_WEIGHT + 200


# --- when ---


def test_the_budget_is_three_quarters_of_the_window() -> None:
    assert budget_tokens(8000) == 6000
    assert budget_tokens(None) == budget_tokens(32_000) == 24_000


def run_of(messages: list[Message], **more: object) -> Run:
    return Run("r", "look", tuple(messages), max_rounds=1000, **more)  # type: ignore[arg-type]


def nobody_judges(call: ToolCall, run: Run) -> None:
    raise AssertionError


def test_over_three_quarters_everything_goes_down_to_half_of_the_budget_at_once() -> None:
    run = run_of([SYSTEM, TASK, *rounds(20)])
    window = int(weight(list(run.messages)) / 3)

    action = decide(run, nobody_judges, Limits(window_tokens=window))  # type: ignore[arg-type]

    assert isinstance(action, Compact)
    run = apply(run, Compacted(action.cuts))
    assert run.weight == weight(list(run.messages)) <= window * 3 * 0.75 * 0.5
    assert decide(run, nobody_judges, Limits(window_tokens=window)) == CallModel()  # type: ignore[arg-type]


def test_just_under_it_nothing_is_touched() -> None:
    run = run_of([SYSTEM, TASK, *rounds(20)])
    window = int(weight(list(run.messages)) / 3 / 0.74)

    assert decide(run, nobody_judges, Limits(window_tokens=window)) == CallModel()  # type: ignore[arg-type]


def test_the_schemas_of_the_tools_count() -> None:
    run = run_of([SYSTEM, TASK, *rounds(20)])
    window = int(weight(list(run.messages)) / 3 / 0.74)
    limits = Limits(window_tokens=window, tools_weight=5000)

    assert isinstance(decide(run, nobody_judges, limits), Compact)  # type: ignore[arg-type]


def test_a_task_that_no_cut_can_fit_is_a_clear_error_and_only_where_the_window_is_known() -> None:
    run = run_of([SYSTEM, message("user", "z" * 500_000)])

    action = decide(run, nobody_judges, Limits(window_tokens=8000))  # type: ignore[arg-type]

    assert isinstance(action, Answer)
    assert "too long for the model" in action.text
    assert decide(run, nobody_judges, Limits()) == CallModel()  # type: ignore[arg-type]


def test_the_model_s_own_counts_correct_the_estimate_within_bounds() -> None:
    third = 1 / 3

    assert learned(third, prompt_tokens=200, weight=1000) == pytest.approx((third + 0.2) / 2)
    assert learned(third, prompt_tokens=10_000, weight=1000) == pytest.approx((third + MOST) / 2)
    assert learned(third, prompt_tokens=int(1000 * IMPLAUSIBLE) + 10, weight=1000) == pytest.approx((third + LEAST) / 2)
    for nothing in (0, int(1000 * IMPLAUSIBLE) - 10):
        assert learned(third, prompt_tokens=nothing, weight=1000) == third


def test_the_running_weight_is_the_weight_of_the_messages() -> None:
    run = run_of([SYSTEM, TASK])
    for at in range(1, 4):
        call = ToolCall(f"c{at}", at, None, f"w{at}", "look", "{}")
        run = apply(run, Replied(Reply(reply(at), "", (call,), usage=Usage(40, 1, 1)), request_weight=100))
        done = replace(run.calls[-1], state=CallState.DONE, result=ToolResult("é" * 1000))
        run = replace(run, calls=(*run.calls[:-1], done))
    run = apply(run, Replied(Reply(message("assistant", "bye"), "bye", ())))

    assert run.weight == weight(list(run.messages))
    assert run.tokens_per_weight == pytest.approx(0.4, abs=0.02)


# --- in the loop ---


def a_box() -> PlainBox:
    async def look(call: ToolCall) -> ToolResult:
        return ToolResult("row " * 1000)

    return PlainBox({"look": Verdict("run", "free", effect="read")}, look)


def too_long(*_: object) -> Reply:
    raise ConversationTooLong("scripted", "The conversation is too long for the model.")


def prompts(model: ScriptedModel) -> list[list[dict[str, object]]]:
    return [asked.messages for asked in model.asked]


async def test_an_overflow_is_compacted_once_and_asked_again() -> None:
    model = ScriptedModel([too_long, says("done")])  # type: ignore[list-item]
    run = run_of([SYSTEM, TASK, *rounds(10)])

    ended = await drive(run, Crew(model, a_box()))

    assert (ended.status, ended.answer) == ("done", "done")
    first, second = (len(json.dumps(asked)) for asked in prompts(model))
    assert second < first * 0.55


async def test_an_overflow_that_stays_is_said_after_one_more_try() -> None:
    model = ScriptedModel([too_long, too_long])  # type: ignore[list-item]

    ended = await drive(run_of([SYSTEM, TASK, *rounds(10)]), Crew(model, a_box()))

    assert ended.status == "failed"
    assert "too long for the model" in (ended.answer or "")
    assert len(model.asked) == 2


async def test_an_overflow_with_nothing_to_cut_is_said_at_once() -> None:
    model = ScriptedModel([too_long])  # type: ignore[list-item]

    ended = await drive(run_of([SYSTEM, TASK]), Crew(model, a_box()))

    assert ended.status == "failed"
    assert len(model.asked) == 1


async def test_sixty_rounds_past_the_budget_share_their_prefix_with_the_request_before() -> None:
    """At least 90 % of the requests begin with the whole of the request before, byte for byte."""
    box = a_box()
    script = [asks_for(("look", f'{{"n": {at}}}')) for at in range(60)]
    model = ScriptedModel([*script, says("done")])
    limits = Limits(max_identical=1000, window_tokens=32_000)

    ended = await drive(run_of([SYSTEM, TASK]), Crew(model, box, limits=limits))

    assert ended.answer == "done"
    asked = [[json.dumps(one) for one in messages] for messages in prompts(model)]
    shared = [later[: len(earlier)] == earlier for earlier, later in itertools.pairwise(asked)]
    assert len(shared) == 60
    assert sum(shared) >= 0.9 * len(shared)
    assert max(sum(map(len, one)) for one in asked) <= 32_000 * 0.75 * 3 * 1.01
    assert sum(shared) < len(shared), "the budget was never reached"


async def test_the_results_of_the_latest_calls_are_sent_once_after_a_cut() -> None:
    box = a_box()
    model = ScriptedModel([*(asks_for(("look", f'{{"n": {at}}}')) for at in range(12)), says("done")])

    ended = await drive(run_of([SYSTEM, TASK]), Crew(model, box, limits=Limits(window_tokens=8000)))

    ids = [one.get("tool_call_id") for one in prompts(model)[-1] if one["role"] == "tool"]
    assert len(ids) == len(set(ids)) == 12
    assert len([one for one in ended.messages if one.role == "tool"]) == 12
    assert request_messages(ended) == ended.messages


# --- steered ---


def test_the_task_and_what_was_said_to_it_later_stay_while_the_history_goes() -> None:
    history = [message("user", "old question " * 200), message("assistant", "old answer " * 200)]
    later = [message("assistant", words.HEARD), message("user", "and that")]
    messages = [SYSTEM, *history, TASK, *rounds(2), *later, *rounds(1)]

    shortened = after(messages, 1)

    assert [bool(one.sent) for one in shortened] == [True, False, False, *[True] * 9]
    assert shortened[9] is later[1]


async def test_a_steered_run_that_is_shortened_sends_every_result_and_every_word_once() -> None:
    talk = [f"also {at}" for at in range(12)]

    async def said(run: Run) -> Steered | None:
        return Steered((talk.pop(0),)) if len(talk) > 12 - run.replies else None

    model = ScriptedModel([*(asks_for(("look", f'{{"n": {at}}}')) for at in range(12)), says("done")])
    crew = Crew(model, a_box(), limits=Limits(window_tokens=8000), steering=said)

    ended = await drive(run_of([SYSTEM, TASK]), crew)

    last = prompts(model)[-1]
    ids = [one.get("tool_call_id") for one in last if one["role"] == "tool"]
    assert len(ids) == len(set(ids)) == 12
    assert [one["content"] for one in last if one["role"] == "user"][1:] == [f"also {at}" for at in range(12)]
    assert ended.weight == weight(list(ended.messages))
    assert any(one.sent != one.body for one in ended.messages)
