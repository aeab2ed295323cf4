"""What a tool is: a decorated function and everything known of it before it runs.

Nothing is registered globally: whoever builds a toolbox says which tools go into it.
"""

from __future__ import annotations

import hashlib
import inspect
import json
import re
from collections.abc import Awaitable, Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field, fields, replace
from typing import TypeVar, get_args, overload

from pydantic import TypeAdapter

from bot.engine.types import Effect, Mark, ToolFacts
from bot.errors import ConfigError
from bot.tools.context import Services
from bot.tools.schema import Schema, Signature, read_signature

__all__ = ["Registry", "ToolSpec", "spec_of", "tool"]

_NAME = re.compile(r"[A-Za-z0-9_-]{1,64}", re.ASCII)
_EFFECTS: tuple[str, ...] = get_args(Effect)
_MARKS: tuple[str, ...] = get_args(Mark)
_SERVICES = frozenset(service.name for service in fields(Services))
MAX_TTL_S = 31_536_000
F = TypeVar("F", bound=Callable[..., object])
Reconcile = Callable[[str], Awaitable[str | None] | str | None]
"""Given the key of a call that a crash cut off: the result when it took effect, None when that cannot be told; raises
`ToolError` when it certainly did not."""


@dataclass(frozen=True, slots=True, eq=False)
class ToolSpec:
    """One tool. `schema_json` is its entry in a request's `tools`, made once; `roles` None = every role but `guest`.

    `fingerprint` changes when anything an approver relies on changes: name, description, schema, confirm, effect,
    approver, marks.
    """

    name: str
    description: str
    parameters: Schema
    schema_json: bytes
    confirm: bool
    effect: Effect
    approver: str
    roles: frozenset[str] | None
    timeout_s: float
    needs: tuple[str, ...]
    check: Callable[..., None] | None
    reconcile: Reconcile | None
    approval_ttl_s: int | None
    marks: frozenset[Mark]
    fingerprint: str
    function: Callable[..., object]
    signature: Signature = field(repr=False)

    @property
    def facts(self) -> ToolFacts:
        """What the policy needs to know."""
        return ToolFacts(
            self.name,
            self.confirm,
            self.effect,
            self.approver,
            self.roles,
            self.approval_ttl_s,
            self.marks,
            self.fingerprint,
        )

    @property
    def validator(self) -> TypeAdapter[dict[str, object]]:
        return self.signature.adapter

    @property
    def takes_context(self) -> bool:
        return self.signature.takes_context

    def validate(self, text: str) -> dict[str, object]:
        """Give the keyword arguments in the JSON `text`. Raises `ArgumentError`."""
        return self.signature.validate(text)

    def is_available(self, services: Services) -> bool:
        """Whether every service this tool needs is there."""
        return all(getattr(services, need) is not None for need in self.needs)


@overload
def tool(fn: F) -> F: ...


@overload
def tool(
    fn: None = None,
    *,
    name: str | None = None,
    confirm: bool = False,
    effect: Effect = "once",
    approver: str = "",
    roles: Iterable[str] | None = None,
    timeout_s: float = 30.0,
    needs: Iterable[str] = (),
    check: Callable[..., None] | None = None,
    reconcile: Reconcile | None = None,
    approval_ttl_s: int | None = None,
    marks: Iterable[Mark] = (),
) -> Callable[[F], F]: ...


def tool(
    fn: F | None = None,
    *,
    name: str | None = None,
    confirm: bool = False,
    effect: Effect = "once",
    approver: str = "",
    roles: Iterable[str] | None = None,
    timeout_s: float = 30.0,
    needs: Iterable[str] = (),
    check: Callable[..., None] | None = None,
    reconcile: Reconcile | None = None,
    approval_ttl_s: int | None = None,
    marks: Iterable[Mark] = (),
) -> F | Callable[[F], F]:
    """Make a function a tool, as `@tool` or `@tool(confirm=True)`; the function itself stays as it is.

    The first paragraph of its docstring and its `Args:` are what the model reads; its type hints are its schema. A
    first parameter annotated `ToolContext` is given by the toolbox.

    `check` is called with what the tool would be called with, before anybody is asked, and raises `ToolError` when the
    call could not run. It runs in the event loop: it computes, and neither waits nor changes anything.

    `reconcile` is called with the key of a call (`ToolContext.key`) that a crash cut off after it had started. It
    looks, and changes nothing: it gives the result when the call took effect, raises `ToolError` when it certainly did
    not, and gives None when that cannot be told. `approval_ttl_s` is how long an approval of this tool waits, in
    seconds; None = the setting APPROVAL_TTL_S.

    `marks`: "untrusted" for a tool that reads what strangers wrote (a web page, a mail), "private" for one that reads
    what not everybody may know, "sends" for one that sends something out. After a run has read what strangers wrote,
    whatever sends or changes something is asked about, whoever may run it unasked.

    Raises `ConfigError` when the function cannot be a tool.
    """

    def decorate(function: F) -> F:
        spec = _spec(
            function,
            name=name if name is not None else getattr(function, "__name__", ""),
            confirm=confirm,
            effect=effect,
            approver=approver,
            roles=None if roles is None else frozenset(roles),
            timeout_s=timeout_s,
            needs=tuple(needs),
            check=check,
            reconcile=reconcile,
            approval_ttl_s=approval_ttl_s,
            marks=frozenset(marks),
        )
        function.__nod_tool__ = spec  # type: ignore[attr-defined]  # functions take attributes
        return function

    return decorate if fn is None else decorate(fn)


def spec_of(fn: Callable[..., object]) -> ToolSpec:
    """Give the spec of a decorated function. Raises `ConfigError` when it was not decorated."""
    spec = getattr(fn, "__nod_tool__", None)
    if not isinstance(spec, ToolSpec):
        raise ConfigError("tools", f"{getattr(fn, '__name__', fn)!r} is not a tool; decorate it with @bot.tool.")
    # functools.wraps copies the mark: then the wrapper is what has to run
    return spec if spec.function is fn else replace(spec, function=fn)


def _spec(
    function: Callable[..., object],
    *,
    name: str,
    confirm: bool,
    effect: Effect,
    approver: str,
    roles: frozenset[str] | None,
    timeout_s: float,
    needs: tuple[str, ...],
    check: Callable[..., None] | None,
    reconcile: Reconcile | None,
    approval_ttl_s: int | None,
    marks: frozenset[Mark],
) -> ToolSpec:
    _refuse_unusable(function, name, effect, timeout_s, needs)
    if unknown := sorted(set(marks) - set(_MARKS)):
        raise ConfigError(f"tool {name}", f"there is no mark {unknown[0]!r}: marks are {', '.join(_MARKS)}.")
    if approval_ttl_s is not None and not 1 <= approval_ttl_s <= MAX_TTL_S:
        raise ConfigError(f"tool {name}", f"approval_ttl_s must be 1 to {MAX_TTL_S} seconds.")
    signature = read_signature(function, name)
    _refuse_unfit(check, signature, name)
    described = {"name": name, "description": signature.description, "parameters": signature.schema}
    bound = {**described, "confirm": confirm, "effect": effect, "approver": approver}
    if marks:
        bound["marks"] = sorted(marks)
    return ToolSpec(
        name=name,
        description=signature.description,
        parameters=signature.schema,
        schema_json=_json({"type": "function", "function": described}),
        confirm=confirm,
        effect=effect,
        approver=approver,
        roles=roles,
        timeout_s=timeout_s,
        needs=needs,
        check=check,
        reconcile=reconcile,
        approval_ttl_s=approval_ttl_s,
        marks=marks,
        fingerprint=hashlib.sha256(_json(bound, is_canonical=True)).hexdigest(),
        function=function,
        signature=signature,
    )


def _refuse_unusable(
    function: Callable[..., object], name: str, effect: str, timeout_s: float, needs: tuple[str, ...]
) -> None:
    if not inspect.isfunction(function):
        raise ConfigError(f"tool {name}", "only a plain function can be a tool.")
    if not _NAME.fullmatch(name):
        raise ConfigError(f"tool {name}", "a name has 1 to 64 letters, digits, '_' or '-'.")
    if effect not in _EFFECTS:
        raise ConfigError(f"tool {name}", f"effect must be one of {', '.join(_EFFECTS)}.")
    if not 0 < timeout_s < float("inf"):
        raise ConfigError(f"tool {name}", "timeout_s must be a positive number of seconds.")
    if unknown := sorted(set(needs) - _SERVICES):
        raise ConfigError(f"tool {name}", f"there is no service {unknown[0]!r} it could need.")


def _refuse_unfit(check: Callable[..., None] | None, signature: Signature, name: str) -> None:
    if check is None:
        return
    if not inspect.isfunction(check) or inspect.iscoroutinefunction(check):
        raise ConfigError(f"tool {name}", "its check must be a plain function that is not async.")
    if not signature.is_accepted_by(check):
        raise ConfigError(f"tool {name}", "its check must take what the tool takes, with defaults where that has them.")


def _json(value: Mapping[str, object], *, is_canonical: bool = False) -> bytes:
    text = json.dumps(value, ensure_ascii=False, separators=(",", ":"), sort_keys=is_canonical)
    return text.encode("utf-8", "replace")


class Registry:
    """Tools in order, each name once. Raises `ConfigError` for a name given twice."""

    def __init__(self, specs: Iterable[ToolSpec] = ()) -> None:
        self._specs: dict[str, ToolSpec] = {}
        for spec in specs:
            self.add(spec)

    def add(self, spec: ToolSpec) -> None:
        """Put a tool after the others."""
        if spec.name in self._specs:
            raise ConfigError("tools", f"two tools are named {spec.name!r}; every tool needs a name of its own.")
        self._specs[spec.name] = spec

    @property
    def names(self) -> tuple[str, ...]:
        return tuple(self._specs)

    def get(self, name: str) -> ToolSpec | None:
        """Give the tool of exactly this name."""
        return self._specs.get(name)

    def __iter__(self) -> Iterator[ToolSpec]:
        return iter(self._specs.values())

    def __len__(self) -> int:
        return len(self._specs)

    def __contains__(self, name: object) -> bool:
        return name in self._specs
