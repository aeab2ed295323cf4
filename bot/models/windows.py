"""Ask a host how long a prompt may be: the requests to make, and how to read what they bring. Pure, no network."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass

from bot.models.hosts import Host, root_url

_NUM_CTX = re.compile(r"^\s*num_ctx\s+(\d+)\s*$", re.MULTILINE)
_NAMES = ("id", "model_name", "name", "model")


@dataclass(frozen=True, slots=True)
class WindowAsk:
    """One request. `body` is None for GET."""

    method: str
    url: str
    body: dict[str, str] | None = None


def window_asks(host: Host, base: str, model_name: str) -> tuple[WindowAsk, ...]:
    """Give the requests that may tell the window, best first; none for a host that does not say. `base` is the one
    `base_url` gave."""
    asks = []
    for ask in host.window_asks:
        method, _, url = ask.partition(" ")
        body = {"model": model_name} if method == "POST" else None
        asks.append(WindowAsk(method, url.format(base=base, root=root_url(host, base)), body))
    return tuple(asks)


def window_of(host: Host, model_name: str, answer: object) -> int | None:
    """Read the window in tokens from the parsed answer to one of `window_asks`; None when it does not say.

    Of several that apply (deployments of one name, a provider's own limit) it is the smallest.
    """
    found = [
        value
        for row in _rows(model_name, answer)
        for value in (*(_at(row, key) for key in host.window_keys), _num_ctx(row))
        if isinstance(value, int) and not isinstance(value, bool) and value > 0
    ]
    return min(found, default=None)


def _rows(model_name: str, answer: object) -> Iterator[dict[str, object]]:
    """Give what is said of this model: the rows of a list that name it, or the answer itself."""
    if not isinstance(answer, dict):
        return
    listed = answer.get("data", answer.get("models"))
    if not isinstance(listed, list):
        yield answer
        return
    rows = [row for row in listed if isinstance(row, dict)]
    for name in _spellings(model_name):
        named = [row for row in rows if any(row.get(key) == name for key in _NAMES)]
        if named:
            yield from named
            return


def _spellings(model_name: str) -> tuple[str, ...]:
    """Give the names it may be listed by: Ollama adds a tag, OpenRouter's variants (":nitro") are not listed."""
    return (model_name, f"{model_name}:latest", model_name.partition(":")[0])


def _at(row: dict[str, object], key: str) -> object:
    value: object = row
    for step in key.split("."):
        value = value.get(step) if isinstance(value, dict) else None
    return value


def _num_ctx(row: dict[str, object]) -> int | None:
    """Read Ollama's `parameters`. Its `model_info` says what the model was trained for, which is not what it gets."""
    parameters = row.get("parameters")
    said = _NUM_CTX.search(parameters) if isinstance(parameters, str) else None
    return int(said[1]) if said else None
