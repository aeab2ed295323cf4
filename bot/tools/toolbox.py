"""The tools of one run: which of them its person has, whether a call may run, and running it."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterable
from dataclasses import replace
from functools import cached_property, partial

from bot import crash
from bot.engine.types import Actor, Permit, Place, Run, ToolCall, ToolResult, Use, Verdict
from bot.errors import ToolError
from bot.tools.arguments import ArgumentError, parse_arguments
from bot.tools.context import Services, ToolContext
from bot.tools.registry import Registry, ToolSpec
from bot.tools.results import Unserialisable, clean, describe_error, shape, to_text
from bot.tools.running import Outcome, run_bounded

_MAX_INLINE_CHARS = 50_000
_MAX_NAME_CHARS = 64
_SHAPING_S = 10.0
_INSIDE_S = 0.002
_CORRECT_THEM = " Correct them and call the tool again."


def _unchanged(text: str) -> str:
    return text


class Toolbox:
    """Implements `bot.engine.ports.ToolBox` for one person in one place.

    `permit` is that person's policy and is asked anew at every step; `only` narrows it to these names, never widens it.
    `redact` masks known secrets in everything that comes out of a tool. Raises `ConfigError` for two tools of one name.
    """

    def __init__(
        self,
        specs: Iterable[ToolSpec],
        *,
        permit: Permit,
        actor: Actor,
        place: Place,
        services: Services | None = None,
        redact: Callable[[str], str] = _unchanged,
        max_result_chars: int = 16_000,
        only: frozenset[str] | None = None,
    ) -> None:
        self._services = services or Services()
        self._specs = Registry(spec for spec in specs if spec.is_available(self._services))
        self._permit = permit
        self._actor = actor
        self._place = place
        self._redact = redact
        self._max_result_chars = max_result_chars
        self._only = only

    @cached_property
    def schemas(self) -> bytes:
        """The permitted tools as a JSON array, made once so that it stays byte-identical; b"" when there are none."""
        entries = [spec.schema_json for spec in self._permitted()]
        return b"[" + b",".join(entries) + b"]" if entries else b""

    @property
    def names(self) -> tuple[str, ...]:
        """The permitted tools, in order."""
        return tuple(spec.name for spec in self._permitted())

    def _permitted(self) -> list[ToolSpec]:
        return [spec for spec in self._specs if self._gate(spec, None).outcome in ("run", "ask")]

    def judge(self, call: ToolCall, run: Run) -> Verdict:
        """Check one call of this run: known, permitted, arguments valid, able to run, gate; in this order."""
        spec = self._specs.get(call.name)
        if spec is None:
            return Verdict("invalid", "unknown tool", self._no_such_tool(call.name))
        if (denied := self._denied(spec, self._gate(spec, None))) is not None:
            return denied
        try:
            arguments = spec.validate(call.to_run)
        except Exception as err:  # the rim: a parameter type of a builder's tool may raise anything
            return Verdict(
                "invalid", "invalid arguments", self._redact(_correct_it(spec, err)), definition=spec.fingerprint
            )
        if (obstacle := self._obstacle(spec, arguments)) is not None:
            return Verdict("invalid", "could not run", obstacle, definition=spec.fingerprint)
        gate = self._gate(spec, _use_of(call, run))
        if (denied := self._denied(spec, gate)) is not None:
            return denied
        return replace(gate, effect=spec.effect, definition=spec.fingerprint, marks=spec.marks)

    def _denied(self, spec: ToolSpec, gate: Verdict) -> Verdict | None:
        """The refusal of a tool, or of this use of it; None when it may run, or be asked about."""
        if gate.outcome in ("run", "ask"):
            return None
        return replace(gate, outcome="deny", text=self._no_such_tool(spec.name), definition=spec.fingerprint)

    def _obstacle(self, spec: ToolSpec, arguments: dict[str, object]) -> str | None:
        """What the tool's own check has against this call."""
        if spec.check is None:
            return None
        try:
            self._bound(spec, spec.check, arguments, key="")()
        except Exception as err:  # the rim: a builder's check may raise anything
            return self._told(err, f"The check of {spec.name} failed", max_chars=200)
        return None

    def _gate(self, spec: ToolSpec, use: Use | None) -> Verdict:
        if self._only is not None and spec.name not in self._only:
            return Verdict("deny", "not in the tool list")
        try:
            return self._permit(spec.facts, use)
        except Exception:  # the rim, failing closed: a policy that cannot be read permits nothing
            return Verdict("deny", "the policy cannot be read")

    def _no_such_tool(self, name: str) -> str:
        """The same words whether a tool does not exist or is not for this person."""
        names = self.names
        known = f"Available tools: {', '.join(names)}." if names else "No tools are available."
        return f"There is no tool named {self._redact(name[:_MAX_NAME_CHARS])!a}. {known}"

    async def run(self, call: ToolCall, run: Run, *, key: str) -> tuple[ToolResult, bool]:
        """Run the call and give its result and whether its outcome is known. Never raises but `CancelledError`."""
        verdict = self.judge(call, run)
        spec = self._specs.get(call.name)
        if spec is None or verdict.outcome not in ("run", "ask"):
            return ToolResult(verdict.text, is_error=True), True
        if verdict.outcome == "ask" and not call.is_approved:
            return ToolResult(f"Not run: it needs approval by now ({verdict.rule}).", is_error=True), True
        if call.definition not in ("", spec.fingerprint):
            return ToolResult("The tool has changed since this call was checked; it was not run.", is_error=True), True
        bound = self._bound(spec, spec.function, spec.validate(call.to_run), key=key)
        crash.at("tool.before")
        if crash.is_armed("tool.inside"):
            asyncio.get_running_loop().call_later(_INSIDE_S, crash.at, "tool.inside")
        outcome = await run_bounded(bound, timeout_s=spec.timeout_s)
        crash.at("tool.after")
        if outcome.timed_out:
            return _timed_out(spec)
        return await self._result(outcome), True

    async def reconcile(self, call: ToolCall, *, key: str) -> ToolResult | None:
        """Ask the tool what became of a call that was cut off; None when it cannot tell. Never runs the call."""
        spec = self._specs.get(call.name)
        if spec is None or spec.reconcile is None or call.definition != spec.fingerprint:
            return None
        found = await run_bounded(partial(spec.reconcile, key), timeout_s=spec.timeout_s)
        if found.error is None and found.value is not None:
            result = await self._result(found)
            return None if result.is_error else result
        return self._shaped(found) if isinstance(found.error, ToolError) else None

    def _bound(
        self, spec: ToolSpec, function: Callable[..., object], arguments: dict[str, object], *, key: str
    ) -> Callable[[], object]:
        if not spec.takes_context:
            return partial(function, **arguments)
        return partial(function, ToolContext(key, self._actor, self._place, self._services), **arguments)

    async def _result(self, outcome: Outcome) -> ToolResult:
        if _is_quickly_shaped(outcome):
            return self._shaped(outcome)
        shaped = await run_bounded(partial(self._shaped, outcome), timeout_s=_SHAPING_S)
        if isinstance(shaped.value, ToolResult):
            return shaped.value
        return ToolResult("The tool ran, but its result could not be read.", is_error=True)

    def _shaped(self, outcome: Outcome) -> ToolResult:
        try:
            if outcome.error is not None:
                raise outcome.error
            text = to_text(outcome.value, redact=self._redact)
            return ToolResult(shape(text, redact=self._redact, max_chars=self._max_result_chars))
        except Unserialisable as err:
            return ToolResult(clean(f"The tool ran, but {err}."), is_error=True)
        except BaseException as err:  # the rim: whatever a tool raises is its result
            return ToolResult(self._told(err, "The tool failed"), is_error=True)

    def _told(self, err: BaseException, failed: str, *, max_chars: int = 500) -> str:
        """A `ToolError` in its own words, anything else as a failure, described in at most `max_chars`."""
        if isinstance(err, ToolError):
            return shape(err.user_message, redact=self._redact, max_chars=self._max_result_chars)
        return f"{failed}: {describe_error(err, redact=self._redact, max_chars=max_chars)}"


def _use_of(call: ToolCall, run: Run) -> Use:
    """The call as the policy sees it; its arguments were found to be an object."""
    approved_by = tuple(call.decider.split(",")) if call.is_approved and call.decider else ()
    taint = run.taint_before(call.reply)
    arguments = parse_arguments(call.to_run)
    return Use(arguments, call.to_run, run.id, run.place, taint, call.is_approved, approved_by, call.editor)


def _is_quickly_shaped(outcome: Outcome) -> bool:
    match outcome.value:
        case None | bool() | int() | float():
            return True
        case str() as text:
            return len(text) <= _MAX_INLINE_CHARS
        case _:
            return False


def _correct_it(spec: ToolSpec, err: Exception) -> str:
    why = str(err) if isinstance(err, ArgumentError) else describe_error(err, redact=_unchanged, max_chars=200)
    return f"{_invalid(spec.name)}{why}{_CORRECT_THEM}"


def _invalid(name: str) -> str:
    return f"Invalid arguments for {name}: "


def why_not(name: str, verdict: Verdict) -> str:
    """Why a call of this tool cannot run, for people: the verdict's text is what the model is told to do about it."""
    if verdict.outcome == "deny":
        return verdict.rule
    return verdict.text.removeprefix(_invalid(name)).removesuffix(_CORRECT_THEM)


def _timed_out(spec: ToolSpec) -> tuple[ToolResult, bool]:
    words = f"The tool {spec.name} did not finish within {spec.timeout_s:g} seconds"
    if spec.effect != "once":
        return ToolResult(f"{words}.", is_error=True), True
    text = f"{words}. It is not known whether it took effect: do not repeat it, and tell the person to check."
    return ToolResult(text, is_error=True), False
