"""The past through another policy: what a change would have changed, and which change the past suggests. Pure."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Literal

from bot.engine.types import Place, ToolFacts, Use, Verdict, parse_actor
from bot.errors import PolicyError
from bot.policy.book import Book
from bot.policy.conditions import Condition, parse_condition
from bot.policy.judge import at, judge
from bot.policy.shown import code_span, word
from bot.policy.targets import host_of, path_parts
from bot.policy.types import Policy, Rule

MAX_SHOWN = 20
MAX_ARGUMENT_CHARS = 120
SUGGESTED_DAYS = 30
_DAY_MS = 86_400_000
_APPROVED = frozenset({"approve", "edit"})
What = Literal["stopped", "refused", "freed", "moved"]
_WOULD: dict[What, str] = {
    "stopped": "would have stopped",
    "refused": "would have been refused",
    "freed": "would have run without asking",
    "moved": "would have asked somebody else",
}


@dataclass(frozen=True, slots=True)
class Past:
    """One past call, as it was recorded: what the policy said then, what people decided, and how it ended.

    `requester` is the identity and `name` what is shown; `arguments` is the JSON text that was run. `decision` is
    "" when nobody was asked.
    """

    at_ms: int
    call: str
    requester: str
    name: str
    place: Place
    tool: str
    arguments: str
    verdict: str
    decision: str
    outcome: str
    approver: str = ""


@dataclass(frozen=True, slots=True)
class Changed:
    """A past call that another policy would have treated otherwise."""

    past: Past
    before: Verdict
    after: Verdict

    @property
    def what(self) -> What:
        match self.after.outcome:
            case "run":
                return "freed"
            case "ask":
                return "moved" if self.before.outcome == "ask" else "stopped"
            case _:
                return "refused"


@dataclass(frozen=True, slots=True)
class Simulation:
    """What would have changed, in the order of the calls. `total` counts all calls; those `unreadable` were not
    judged: their tool is gone, or their arguments cannot be read."""

    total: int
    changed: tuple[Changed, ...]
    unreadable: int


@dataclass(frozen=True, slots=True)
class Suggestion:
    """Words for `/nod-admin`, and how many approvals they would have spared."""

    words: str
    count: int


_Call = tuple[Past, dict[str, object]]


class _Judge:
    """One book at one moment, asked about many calls: each person's policy is made once for each room and tool."""

    def __init__(self, book: Book, facts: Mapping[str, ToolFacts], now_ms: int) -> None:
        self._book = book
        self._facts = facts
        self._now_ms = now_ms
        self._policies: dict[tuple[str, Place], Policy] = {}
        self._of_tool: dict[tuple[str, str, str, str, str], Policy] = {}

    def policy(self, past: Past) -> Policy:
        """What was said of this person here and concerns this tool."""
        place = past.place
        key = (past.requester, past.tool, place.platform, place.workspace, place.channel)
        found = self._of_tool.get(key)
        if found is None:
            found = self._of_tool[key] = self._narrowed(past)
        return found

    def _narrowed(self, past: Past) -> Policy:
        key = (past.requester, past.place.room)
        whole = self._policies.get(key)
        if whole is None:
            actor = parse_actor(past.requester, past.name)
            whole = self._policies[key] = self._book.policy_of(actor, past.place, self._now_ms)
        return replace(
            whole,
            rules=tuple(rule for rule in whole.rules if rule.value == past.tool),
            approvers=tuple(rule for rule in whole.approvers if rule.tool == past.tool),
            grants=tuple(grant for grant in whole.grants if grant.tool == past.tool),
        )

    def verdict(self, past: Past, arguments: Mapping[str, object]) -> Verdict:
        use = Use(arguments, past.arguments, place=past.place)
        return judge(self.policy(past), self._facts[past.tool], use)


def simulate(
    past: Sequence[Past], before: Book, after: Book, facts: Mapping[str, ToolFacts], now_ms: int
) -> Simulation:
    """Judge every past call by both books as they are now, and give those that they treat differently.

    What a run had read from strangers is not looked at: it is the same under both.
    """
    old, new = _Judge(before, facts, now_ms), _Judge(after, facts, now_ms)
    changed, unreadable = [], 0
    for one in past:
        arguments = _arguments(one.arguments) if one.tool in facts else None
        if arguments is None:
            unreadable += 1
        elif old.policy(one) != new.policy(one):
            was, would_be = old.verdict(one, arguments), new.verdict(one, arguments)
            if (was.outcome, was.approver) != (would_be.outcome, would_be.approver):
                changed.append(Changed(one, was, would_be))
    return Simulation(len(past), tuple(changed), unreadable)


def _arguments(text: str) -> dict[str, object] | None:
    """The arguments of a call, None where the text is no JSON object: it was erased, or was never one."""
    try:
        found = json.loads(text or "{}")
    except (ValueError, RecursionError):
        return None
    return found if isinstance(found, dict) else None


# --- in words -----------------------------------------------------------------------------------------------------


def in_words(simulation: Simulation, *, what: str, days: str) -> str:
    """The outcome as Markdown: the counts, then a line for each of the first calls. `what` is the change in words,
    `days` how far back was looked (`30d`)."""
    head, total = code_span(what), simulation.total
    if not total:
        return f"{head}: there are no calls in the last {days} to look at."
    unreadable = _unreadable(simulation.unreadable)
    if not simulation.changed:
        none = f"{head}: none of {total:,} {_calls(total)} of the last {days} would have been treated differently."
        return f"{none}{unreadable}"
    lines = [f"{head}: {_counts(simulation, days)}{unreadable}"]
    lines += map(_line, simulation.changed[:MAX_SHOWN])
    if (more := len(simulation.changed) - MAX_SHOWN) > 0:
        lines.append(f"and {more:,} more")
    return "\n".join(lines)


def _counts(simulation: Simulation, days: str) -> str:
    """`17 of 240 calls of the last 30d would have stopped. 3 would have been refused.`"""
    counts = {what: sum(one.what == what for one in simulation.changed) for what in _WOULD}
    said = [(count, _WOULD[what]) for what, count in counts.items() if count]
    (first, would), *others = said
    sentences = [f"{first:,} of {simulation.total:,} {_calls(simulation.total)} of the last {days} {would}."]
    return " ".join((*sentences, *(f"{count:,} {would}." for count, would in others)))


def _calls(count: int) -> str:
    return "call" if count == 1 else "calls"


def _unreadable(count: int) -> str:
    if not count:
        return ""
    return f" {count:,} could not be judged: the tool is gone, or the arguments cannot be read any more."


def _line(one: Changed) -> str:
    past = one.past
    who = code_span(past.name or past.requester)
    arguments = code_span(past.arguments, MAX_ARGUMENT_CHARS)
    return f"- {at(past.at_ms)} {who} {code_span(past.tool)} {arguments}: {_short(one.before)} → {_short(one.after)}"


def _short(verdict: Verdict) -> str:
    return f"ask {code_span(verdict.approver)}" if verdict.outcome == "ask" else verdict.outcome


# --- what the past suggests ---------------------------------------------------------------------------------------


def suggestions(
    past: Sequence[Past], book: Book, facts: Mapping[str, ToolFacts], now_ms: int, *, at_least: int = 5
) -> list[Suggestion]:
    """Propose the narrowest allow for what a person was approved `at_least` times and never denied; the most often
    approved first.

    Each pins at least one argument, and was tried: with it every one of those calls would run, without it not.
    """
    until_ms = now_ms + SUGGESTED_DAYS * _DAY_MS
    calls_of: dict[Rule, list[_Call]] = {}
    for (requester, tool), calls in _approved(past, facts).items():
        if len(calls) >= at_least and (when := _pinned([arguments for _, arguments in calls])):
            calls_of[Rule(requester, "allow", tool, when, until_ms)] = calls
    # one book for all of them: each speaks of one person and one tool, so none changes what another does
    now, then = _Judge(book, facts, now_ms), _Judge(replace(book, rules=(*book.rules, *calls_of)), facts, now_ms)
    found = [
        Suggestion(_words(rule), len(calls))
        for rule, calls in calls_of.items()
        if not _all_run(now, calls) and _all_run(then, calls)
    ]
    return sorted(found, key=lambda one: (-one.count, one.words))


def _words(rule: Rule) -> str:
    return f"{rule.kind} {word(rule.subject)} {word(rule.value)} when {rule.when} for {SUGGESTED_DAYS}d"


def _approved(past: Iterable[Past], facts: Mapping[str, ToolFacts]) -> dict[tuple[str, str], list[_Call]]:
    """The readable approved calls of each person and tool, but for those of whom one was ever denied."""
    approved: dict[tuple[str, str], list[_Call]] = {}
    denied = set()
    for one in past:
        key = (one.requester, one.tool)
        if one.decision == "deny":
            denied.add(key)
        is_approved = one.decision in _APPROVED and one.tool in facts
        if is_approved and (arguments := _arguments(one.arguments)) is not None:
            approved.setdefault(key, []).append((one, arguments))
    return {key: calls for key, calls in approved.items() if key not in denied}


def _all_run(judging: _Judge, calls: Iterable[_Call]) -> bool:
    return all(judging.verdict(one, arguments).outcome == "run" for one, arguments in calls)


def _pinned(calls: Sequence[Mapping[str, object]]) -> str:
    """The narrowest condition that all these arguments meet, "" where they have nothing in common."""
    whole = ""
    for name in calls[0]:
        for test in _tests(name, [arguments.get(name) for arguments in calls]):
            longer = _parsed(f"{whole} and {test}" if whole else test)
            if longer and all(longer.holds(arguments) for arguments in calls):
                whole = str(longer)
                break
    return whole


def _parsed(condition: str) -> Condition | None:
    try:
        return parse_condition(condition)
    except PolicyError:
        return None


def _tests(name: str, values: Sequence[object]) -> Iterator[str]:
    """What the values of one argument could have in common, the narrowest first; none of it is sure."""
    if isinstance(values[0], str | int | float | None):
        yield f"{name}={json.dumps(values[0], ensure_ascii=False)}"
    texts = [value for value in values if isinstance(value, str)]
    if len(texts) == len(values):
        if host := host_of(texts[0]):
            yield f"{name}.host={host}"
        for folder in _folders(texts):
            yield f"{name}.under={json.dumps(folder, ensure_ascii=False)}"


def _folders(paths: Sequence[str]) -> list[str]:
    """The folders that all of them lie in, the innermost first. A path with blanks in it is taken for prose."""
    folders = [(path_parts(path) or [])[:-1] for path in paths if not any(map(str.isspace, path))]
    if len(folders) < len(paths):
        return []
    shared = 0
    for parts in zip(*folders, strict=False):
        if len(set(parts)) > 1:
            break
        shared += 1
    return ["/".join(folders[0][:count]) for count in range(shared, 0, -1)]
