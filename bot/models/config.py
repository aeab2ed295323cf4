"""One model: where it is, what it is called there, what it may do; read from a mapping or a table, and checked.

Knows no SDK and no network; a key never appears in a message or a repr.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, fields
from types import MappingProxyType

from bot.engine.types import Usage
from bot.errors import ModelConfigError
from bot.models.hosts import Host, base_url, find_host

DEFAULT_LABEL = "default"
DEFAULT_TIMEOUT_S = 120.0
DEFAULT_SILENCE_S = 60.0
LEAST_CONTEXT_K, MOST_CONTEXT_K = 0.5, 10_000.0
NO_KEY = "none"

_OURS = frozenset({"model", "messages", "tools", "tool_choice", "stream", "stream_options", "n"})
_NOTHING: Mapping[str, object] = MappingProxyType({})


@dataclass(frozen=True, slots=True)
class Prices:
    """What tokens cost, in dollars per million."""

    input: float
    output: float

    def cost(self, usage: Usage) -> float:
        """The dollars of so many tokens."""
        return (usage.prompt_tokens * self.input + usage.completion_tokens * self.output) / 1e6


@dataclass(frozen=True, slots=True)
class ModelConfig:
    """One model: where it is, what it is called there, what it may do.

    `tools` is True (all), False (none, nor a note about them) or the names it may have. `sampling` goes into every
    request as it is. `context_k` is the window in thousands of tokens, None when unknown; `history_messages` None = the
    setting's. A reply takes at most `timeout_s`, and one that has begun pauses at most `silence_s`, whatever keeps its
    connection open. `vision` tells whether it sees images, None when nobody said. `for_roles` are the roles it may
    answer, None = everybody's.
    """

    label: str
    api_url: str
    model_name: str
    api_key: str = field(default=NO_KEY, repr=False)
    host_type: str = "openwebui"
    context_k: float | None = None
    max_rounds: int | None = None
    tools: bool | tuple[str, ...] = True
    sampling: Mapping[str, object] = field(default_factory=lambda: _NOTHING, hash=False)
    timeout_s: float = DEFAULT_TIMEOUT_S
    silence_s: float = DEFAULT_SILENCE_S
    history_messages: int | None = None
    vision: bool | None = None
    for_roles: tuple[str, ...] | None = None
    prices: Prices | None = None

    def is_for(self, roles: frozenset[str]) -> bool:
        """Whether somebody of these roles may be answered by it."""
        return self.for_roles is None or not roles.isdisjoint(self.for_roles)

    def covers(self, other: ModelConfig) -> bool:
        """Whether this one may have every tool that the other may: only then can it take over a turn."""
        if self.narrowing is None:
            return True
        return other.narrowing is not None and other.narrowing <= self.narrowing

    @property
    def host(self) -> Host:
        return find_host(self.host_type)

    @property
    def window_tokens(self) -> int | None:
        """The model's window in tokens, None when nobody knows."""
        return None if self.context_k is None else int(self.context_k * 1000)

    @property
    def narrowing(self) -> frozenset[str] | None:
        """The tools this model may have at all: None = no narrowing."""
        return None if self.tools is True else frozenset(self.tools or ())

    @property
    def base_url(self) -> str:
        """The address that `/chat/completions` is added to."""
        return base_url(self.host, self.api_url)


KEYS = tuple(one.name for one in fields(ModelConfig) if one.name != "label")


def from_mapping(
    model_cfg: Mapping[str, object], *, label: str | None = None, timeout_s: float = DEFAULT_TIMEOUT_S
) -> ModelConfig:
    """Read the mapping a script gives to `bot.run(model_cfg=...)`; `timeout_s` is for one that names none.

    Absent and None are the same; keys it does not know are left alone. Raises `ModelConfigError`, which names the label
    and never the key.
    """
    name = label or _text(model_cfg, "label") or _text(model_cfg, "model_name") or DEFAULT_LABEL
    try:
        return read_config(name, {"timeout_s": timeout_s, **model_cfg})
    except ValueError as err:
        raise ModelConfigError(name, f"The model {name!r} is not configured correctly: {err}.") from err


def read_config(label: str, raw: Mapping[str, object]) -> ModelConfig:
    """Check every value. Raises `ValueError` naming the key, never a value that could be a secret."""
    config = ModelConfig(
        label=label,
        api_url=_required(raw, "api_url"),
        model_name=_required(raw, "model_name"),
        api_key=_api_key(raw),
        host_type=_text(raw, "host_type") or "openwebui",
        context_k=_context(raw),
        max_rounds=_whole(raw, "max_rounds", at_least=1),
        tools=_tools(raw.get("tools")),
        sampling=_sampling(raw.get("sampling")),
        timeout_s=_number(raw, "timeout_s") or DEFAULT_TIMEOUT_S,
        silence_s=_number(raw, "silence_s") or DEFAULT_SILENCE_S,
        history_messages=_whole(raw, "history_messages", at_least=0),
        vision=_flag(raw, "vision"),
        for_roles=_names(raw, "for_roles"),
        prices=_prices(raw.get("prices")),
    )
    assert config.base_url  # raises when host type or URL are not usable
    return config


def _text(raw: Mapping[str, object], key: str) -> str:
    value = raw.get(key)
    if value is None:
        return ""
    if not isinstance(value, str):
        raise ValueError(f"{key} must be text")
    return value.strip()


def _required(raw: Mapping[str, object], key: str) -> str:
    value = _text(raw, key)
    if not value:
        raise ValueError(f"{key} is missing")
    return value


def _api_key(raw: Mapping[str, object]) -> str:
    key = _text(raw, "api_key") or NO_KEY
    if not key.isascii() or not key.isprintable():
        raise ValueError("api_key contains characters that no HTTP header can hold")
    return key


def _number(raw: Mapping[str, object], key: str) -> float | None:
    value = raw.get(key)
    if value is None:
        return None
    if isinstance(value, bool) or not isinstance(value, int | float) or not 0 < value < 1e9:
        raise ValueError(f"{key} must be a positive number")
    return value


def _context(raw: Mapping[str, object]) -> float | None:
    context_k = _number(raw, "context_k")
    if context_k is not None and not LEAST_CONTEXT_K <= context_k <= MOST_CONTEXT_K:
        raise ValueError(f"context_k is in thousands of tokens, from {LEAST_CONTEXT_K:g} to {MOST_CONTEXT_K:g}")
    return context_k


def _whole(raw: Mapping[str, object], key: str, *, at_least: int) -> int | None:
    value = raw.get(key)
    if value is None:
        return None
    if isinstance(value, bool) or not isinstance(value, int) or value < at_least:
        raise ValueError(f"{key} must be a whole number of at least {at_least}")
    return value


def _flag(raw: Mapping[str, object], key: str) -> bool | None:
    value = raw.get(key)
    if value is None or isinstance(value, bool):
        return value
    raise ValueError(f"{key} must be true or false")


def _names(raw: Mapping[str, object], key: str) -> tuple[str, ...] | None:
    value = raw.get(key)
    if value is None:
        return None
    if isinstance(value, list | tuple) and value and all(isinstance(name, str) and name for name in value):
        return tuple(value)
    raise ValueError(f"{key} must be a list of names, at least one")


def _prices(value: object) -> Prices | None:
    if value is None:
        return None
    if not isinstance(value, Mapping) or set(value) != {"input", "output"}:
        raise ValueError("prices must be a table with input and output, in dollars per million tokens")
    for key, price in value.items():
        if isinstance(price, bool) or not isinstance(price, int | float) or not 0 <= price < 1e6:
            raise ValueError(f"prices.{key} must be a number of dollars")
    return Prices(float(value["input"]), float(value["output"]))


def _tools(value: object) -> bool | tuple[str, ...]:
    if value is None:
        return True
    if isinstance(value, bool):
        return value
    if isinstance(value, list | tuple) and all(isinstance(name, str) for name in value):
        return tuple(value)
    raise ValueError("tools must be true, false or a list of tool names")


def _sampling(value: object) -> Mapping[str, object]:
    if value is None:
        return _NOTHING
    if not isinstance(value, Mapping):
        raise ValueError("sampling must be a table")
    for key, setting in value.items():
        if key in _OURS:
            raise ValueError(f"sampling.{key} is set by Nod itself")
        if not isinstance(setting, str | int | float | list | dict):
            raise ValueError(f"sampling.{key} must be a number, text, a list or a table")
    return MappingProxyType(dict(value))
