"""The tools that come with the bot, one file each; `BUILTIN` lists them in the order models see them."""

from __future__ import annotations

from collections.abc import Callable

BUILTIN: tuple[Callable[..., object], ...] = ()
