"""The steps of a run: actions say what it needs next, facts what happened. Frozen plain data."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from bot.engine.compaction import Cut
from bot.engine.types import NO_USAGE, CallState, Decision, Reply, ToolCall, ToolResult, Usage, Verdict

# --- actions: what a run needs next (imperative) --------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class CallModel:
    """Ask the model. `with_tools` False for the one closing call after the round limit."""

    with_tools: bool = True


@dataclass(frozen=True, slots=True)
class RunTools:
    """Run these calls: reads in parallel, effects in the order given."""

    calls: tuple[tuple[ToolCall, Verdict], ...]


@dataclass(frozen=True, slots=True)
class Refuse:
    """These calls end without running; the fact says why."""

    returned: tuple[Returned, ...]


@dataclass(frozen=True, slots=True)
class Reconcile:
    """These calls had started when the bot ended: find out what became of them, where their tool can tell."""

    calls: tuple[ToolCall, ...]


@dataclass(frozen=True, slots=True)
class AskApproval:
    """These calls stop at the gate: store them as waiting, show them, word the question.

    A call that waits already, for a tool that has changed since, is asked about anew.
    """

    calls: tuple[tuple[ToolCall, Verdict], ...]


@dataclass(frozen=True, slots=True)
class Compact:
    """What the model would be sent does not fit its window: shorten these messages."""

    cuts: tuple[Cut, ...]


@dataclass(frozen=True, slots=True)
class Answer:
    """The run is finished with this text."""

    text: str
    status: Literal["done", "failed"] = "done"


@dataclass(frozen=True, slots=True)
class Wait:
    """Nothing to do until a person decides."""


@dataclass(frozen=True, slots=True)
class Finish:
    """The run is over."""


Action = CallModel | RunTools | Refuse | Reconcile | AskApproval | Compact | Answer | Wait | Finish


# --- facts: what happened (past tense) ------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Replied:
    """The model answered. `request_weight` is what the request weighed, 0 = not known."""

    reply: Reply
    request_weight: int = 0


@dataclass(frozen=True, slots=True)
class Asked:
    """Calls now wait for people; with each the verdict that stopped it."""

    calls: tuple[tuple[str, Verdict], ...]


@dataclass(frozen=True, slots=True)
class Worded:
    """The question, never part of the messages. `by_model` it has to be shown beside the card; then `usage` is what
    wording it took."""

    text: str
    usage: Usage = NO_USAGE
    by_model: bool = False


@dataclass(frozen=True, slots=True)
class Decided:
    """Somebody decided, or time did. `verdict` comes with an edit: what the policy says of the arguments as they are
    now."""

    call_id: str
    decision: Decision
    verdict: Verdict | None = None


@dataclass(frozen=True, slots=True)
class Edited:
    """Somebody changed the arguments of a call that goes on waiting, for others to approve as they are now. With it
    the verdict on them; `by` is the name that is shown, `actor` the identity."""

    call_id: str
    verdict: Verdict
    arguments: str
    by: str
    actor: str


@dataclass(frozen=True, slots=True)
class Started:
    """Committed before the effect. `resumed` tells that the call had already started before a crash."""

    call_id: str
    verdict: Verdict
    resumed: bool = False


@dataclass(frozen=True, slots=True)
class Returned:
    """A call has its end: `done`, `failed`, `denied` or `unknown`."""

    call_id: str
    state: CallState
    result: ToolResult
    duration_ms: int | None = None
    rule: str = ""
    is_correctable: bool = False


@dataclass(frozen=True, slots=True)
class Compacted:
    """The results of the latest calls joined the messages, and these of them are sent shorter from now on."""

    cuts: tuple[Cut, ...]


@dataclass(frozen=True, slots=True)
class Steered:
    """Who asked has said more while the run worked: the results of the latest calls joined the messages, and these
    texts after them. `run_ids` are the queued runs that held them, where they were stored: they end with it."""

    texts: tuple[str, ...]
    run_ids: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Answered:
    text: str
    status: Literal["done", "failed"] = "done"


@dataclass(frozen=True, slots=True)
class Stopped:
    """A person stopped the run. `is_quiet`: what it was to answer is gone, so nothing is answered and nothing of it is
    remembered."""

    by: str
    is_quiet: bool = False


@dataclass(frozen=True, slots=True)
class Restored:
    """The run comes from a backup: what happened after it was made is not known."""


Fact = (
    Replied
    | Asked
    | Worded
    | Decided
    | Edited
    | Started
    | Returned
    | Compacted
    | Steered
    | Answered
    | Stopped
    | Restored
)


def may_wait(call: ToolCall | None, fact: Fact) -> bool:
    """Whether a fact may become durable together with the next one: were it lost, repeating it would harm nobody.

    That is what the model said, what was shortened for it, and what came of calls that need no claim: reads nobody was
    asked about, and calls that ended without having started. `call` is the fact's call as it was before.
    """
    match fact:
        case Replied() | Compacted():
            return True
        case Started(_, verdict):
            return verdict.effect == "read" and verdict.outcome == "run"
        case Returned():
            assert call is not None, "a call returned"
            is_free_read = call.effect == "read" and call.verdict == "run"
            return call.state is CallState.PROPOSED or (call.state is CallState.STARTED and is_free_read)
        case _:
            return False
