"""The words for the states of cards, calls and runs that every platform's drawing shares. Pure; knows no markup."""

from __future__ import annotations

from collections.abc import Callable

CARD_WORDS = {
    "pending": "Needs a nod",
    "approved": "Approved",
    "denied": "Denied",
    "expired": "Expired",
    "cancelled": "Cancelled",
}
OUTCOME_WORDS = {
    "started": "It is running.",
    "done": "It ran and finished.",
    "failed": "It failed.",
    "cancelled": "It was not run: the run ended before it started.",
    "refused": "It was not run: the policy had changed by then.",
    "unknown": "It started, and its end was not recorded: check whether it happened. It is not tried again.",
}
NOT_RUN = "It was not run."
NOT_STARTED = "It has not started yet."
NOTHING_RUNS = "Nothing runs before somebody who may decide approves it."
LOOK = "Press Look to see what it would do, and to decide."
PRIVATE = "The arguments are private: only those who may decide can look at them."
CALL_WORDS = {
    "proposed": "getting ready",
    "waiting": "waiting for approval",
    "approved": "approved, about to run",
    "started": "running",
    "done": "done",
    "failed": "failed",
    "denied": "refused by the policy",
    "expired": "expired, not run",
    "cancelled": "cancelled, not run",
    "unknown": "outcome unknown: it started, and its end was not recorded",
}
CALL_MARKS = {
    "proposed": "▫️",
    "waiting": "✋",
    "approved": "▫️",
    "started": "⏳",
    "done": "✅",
    "failed": "❌",
    "denied": "⛔",
    "expired": "⌛",
    "cancelled": "⏹️",
    "unknown": "❓",
}
BY_WORDS = {
    "approved": "approved by",
    "started": "approved by",
    "done": "approved by",
    "failed": "approved by",
    "unknown": "approved by",
    "cancelled": "stopped by",
}
STATUS_WORDS = {
    "queued": "Queued: earlier messages come first.",
    "running": "Working",
    "waiting": "",
    "done": "",
    "failed": "This did not work out.",
    "cancelled": "Stopped.",
}


def call_state(state: str) -> str:
    """The state of a call, as `CALL_WORDS` knows it."""
    return state if state in CALL_WORDS else "unknown"


def call_facts(state: str, by: str, duration_ms: int | None) -> str:
    """What there is to say of a call beside its name: how it ended, how long it took, who approved it."""
    state = call_state(state)
    words = f"denied by {by}" if state == "denied" and by else CALL_WORDS[state]
    took = duration(duration_ms) if duration_ms is not None else ""
    whose = f"{BY_WORDS[state]} {by}" if by and state in BY_WORDS else ""
    return " · ".join(part for part in (words, took, whose) if part)


def outcome(state: str, outcome: str) -> str:
    """What became of a call that was decided, in a sentence; "" while nothing is known."""
    return OUTCOME_WORDS.get(outcome, "") if state == "approved" else NOT_RUN


def approver(rule: str, requester: str, named: Callable[[str], str]) -> str:
    """An approver rule as it is stored, for a card whose service gave no words for it. `named` says how a person is
    called, by their identity."""
    match rule:
        case "requester":
            return f"{requester}, who asked, or an admin"
        case "not_requester":
            return f"anybody but {requester}"
        case "admin":
            return "an admin"
        case "":
            return "nobody"
        case people if ":" in people:
            return f"{', '.join(named(one.strip()) for one in people.split(','))}, or an admin"
        case role:
            return f"people with the role {role}, or an admin"


def duration(ms: int) -> str:
    """A duration in the words people use: `0.4 s`, `12 s`, `2 min 5 s`."""
    if ms < 50:
        return "under 0.1 s"
    if ms < 10_000:
        return f"{ms / 1000:.1f} s"
    seconds = round(ms / 1000)
    if seconds < 60:
        return f"{seconds} s"
    return f"{seconds // 60} min {seconds % 60} s"
