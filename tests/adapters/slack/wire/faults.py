"""What goes wrong on demand with the Web API. A method is named as Slack names it: "chat.postMessage".

`response_url` stands for the addresses answers to interactions are sent to, `upload` for those files are sent to,
`download` for those they are fetched from.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any, Literal

from tests.adapters.slack.wire.messages import Json

Kind = Literal["error", "status", "hang", "slow", "lost", "cut"]


@dataclass(slots=True, eq=False)
class Call:
    """One request: its method, arguments and token, when it came, and the answer it got, None while there is none.
    `is_lost`: the connection was cut, so nobody saw the answer; the `status` of such a call is 0."""

    method: str
    args: Json
    token: str = ""
    at: float = field(default_factory=time.monotonic)
    status: int = 0
    answer: Json | None = None
    is_lost: bool = False

    @property
    def ok(self) -> bool:
        return bool(self.answer and self.answer.get("ok"))

    @property
    def error(self) -> str:
        return str((self.answer or {}).get("error", ""))


@dataclass(slots=True, eq=False)
class Fault:
    """What happens to the next `times` requests of a method; `hits` are those it happened to."""

    method: str
    kind: Kind
    times: int = 1
    status: int = 500
    error: str = ""
    extra: Json = field(default_factory=dict)
    retry_after_s: int = 1
    seconds: float = 30.0
    where: Callable[[Call], bool] = lambda _call: True
    hits: list[Call] = field(default_factory=list)


class Faults:
    """What was ordered and has not happened yet. `limited` are the calls that got a 429."""

    def __init__(self) -> None:
        self._waiting: list[Fault] = []
        self.limited: list[Call] = []

    def fail(self, method: str, status_or_error: int | str, *, times: int = 1, **options: Any) -> Fault:
        """Do nothing, and answer with a status (500, 502, 503) or an error (`internal_error`, `fatal_error`, ...)."""
        if isinstance(status_or_error, int):
            return self._order(Fault(method, "status", times, status_or_error, **options))
        return self._order(Fault(method, "error", times, error=status_or_error, **options))

    def limit(self, method: str, *, retry_after: int = 1, times: int = 1, **options: Any) -> Fault:
        """Do nothing, and answer 429; whole seconds, as Slack gives them."""
        return self._order(Fault(method, "status", times, 429, retry_after_s=retry_after, **options))

    def lose(self, method: str, *, times: int = 1, **options: Any) -> Fault:
        """Do what is asked and cut the connection before the answer."""
        return self._order(Fault(method, "lost", times, **options))

    def cut(self, method: str, *, times: int = 1, **options: Any) -> Fault:
        """Cut the connection and do nothing."""
        return self._order(Fault(method, "cut", times, **options))

    def hang(self, method: str, *, times: int = 1, seconds: float = 30.0, **options: Any) -> Fault:
        """Do nothing, say nothing, and cut the connection in the end."""
        return self._order(Fault(method, "hang", times, seconds=seconds, **options))

    def slow(self, method: str, seconds: float, *, times: int = 1, **options: Any) -> Fault:
        """Do it, but only after some seconds."""
        return self._order(Fault(method, "slow", times, seconds=seconds, **options))

    def clear(self) -> None:
        self._waiting.clear()

    def take(self, call: Call) -> Fault | None:
        """The fault that befalls a call, one time less left of it."""
        for fault in self._waiting:
            if fault.method in (call.method, "*") and fault.where(call):
                fault.hits.append(call)
                if len(fault.hits) >= fault.times:
                    self._waiting.remove(fault)
                return fault
        return None

    def _order(self, fault: Fault) -> Fault:
        self._waiting.append(fault)
        return fault
