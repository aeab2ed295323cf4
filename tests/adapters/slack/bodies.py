"""Bodies as nobody sends them: with something exchanged, left out or repeated."""

from __future__ import annotations

import copy
import random
from typing import Any

JUNK: list[Any] = [
    None,
    True,
    0,
    -1.5,
    "",
    "x",
    "\0",
    "\ud800",
    [],
    [None],
    {},
    {"id": 1},
    "C1",
    "1789999990.000100",
    10**30,
]


def mutated(dice: random.Random, value: Any) -> Any:
    """The value with something in it exchanged, left out or repeated."""
    if isinstance(value, dict) and value and dice.random() < 0.85:
        name = dice.choice(sorted(value))
        rest = {key: one for key, one in value.items() if key != name}
        return rest if dice.random() < 0.2 else {**rest, name: mutated(dice, value[name])}
    if isinstance(value, list) and value and dice.random() < 0.7:
        at = dice.randrange(len(value))
        return [*value[:at], mutated(dice, value[at]), *value[at + 1 :], *value[: dice.randrange(2)]]
    return copy.deepcopy(dice.choice(JUNK))
