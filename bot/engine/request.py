"""What the model is sent next, and what it weighs. Pure."""

from __future__ import annotations

from functools import lru_cache

from bot.engine.compaction import Cut, shorten
from bot.engine.types import Message, Run, ToolCall, message


def request_messages(run: Run) -> tuple[Message, ...]:
    """What the model is sent next: the messages, then the results of the latest reply's calls, in their order, one
    each.

    The results become part of the run with the reply that follows them, or when the run is shortened or steered; until
    then the run ends with the assistant message that held the calls.
    """
    return (*run.messages, *_unjoined(run))


def result_message(call: ToolCall) -> Message:
    """The result of a call as the model is sent it. Raises `ValueError` for a call that has none."""
    if call.result is None:
        raise ValueError("a call that has not ended has no result")
    return _tool_message(call.wire_id, call.result.text)


def request_weight(run: Run, tools_weight: int) -> int:
    """What the next request would weigh."""
    added = sum(one.weight for one in _unjoined(run))
    return _weight(run) + added + tools_weight


def cuts_down_to(run: Run, to_weight: int) -> tuple[Cut, ...]:
    """What to cut so that the next request's messages weigh at most so much; () when nothing can be cut."""
    return shorten(request_messages(run), to_weight=to_weight)


def _unjoined(run: Run) -> tuple[Message, ...]:
    """The results of the latest calls, as long as they are not among the messages."""
    batch = run.batch
    if not batch or run.messages[-1].role != "assistant":
        return ()
    assert all(call.is_final for call in batch), "the model is asked when every call has its result"
    return tuple(map(result_message, batch))


def _weight(run: Run) -> int:
    return run.weight or sum(one.weight for one in run.messages)


@lru_cache(maxsize=256)
def _tool_message(wire_id: str, text: str) -> Message:
    """A result as a message; looked at three times a round, made once."""
    return message("tool", text, tool_call_id=wire_id)
