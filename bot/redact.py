"""Mask known secret values wherever text goes: to the model, to people, to the store, to the log."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable

MASK = "[secret]"
SHORTEST = 8


def redactor(secrets: Iterable[str]) -> Callable[[str], str]:
    """Give a function that masks these values. Those under 8 characters are left alone: they stand in ordinary
    words."""
    known = sorted({secret for secret in secrets if len(secret) >= SHORTEST}, key=len, reverse=True)
    if not known:
        return lambda text: text
    pattern = re.compile("|".join(map(re.escape, known)))
    return lambda text: pattern.sub(MASK, text)
