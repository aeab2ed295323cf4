"""Probe one model: what works with it, and what to change. Six short questions and a long one.

Asks through the same client as every message does; knows no settings and no doctor.
"""

from __future__ import annotations

import time
from collections.abc import AsyncGenerator

import aiohttp

from bot.errors import ModelConfigError
from bot.models.client import Redact, identity
from bot.models.config import ModelConfig
from bot.models.probe.answers import first_answer, sees
from bot.models.probe.checks import Check, Clock, Subject
from bot.models.probe.tools import tool_checks
from bot.models.probe.window import window_checks

__all__ = ["Check", "probe"]


async def probe(
    config: ModelConfig, http: aiohttp.ClientSession, *, redact: Redact = identity, clock: Clock = time.monotonic
) -> AsyncGenerator[Check]:
    """Give what was found, one thing after the other; where it is not there at all, only that.

    Each question may take the model's `timeout_s`, and two minutes at most.
    """
    try:
        subject = Subject.of(config, http, redact, clock)
    except ModelConfigError as err:
        yield Check("reachable", "wrong", err.user_message)
        return
    is_there, found = await first_answer(subject)
    for check in found:
        yield check
    if not is_there:
        return
    async for check in tool_checks(subject):
        yield check
    if config.vision:
        yield await sees(subject)
    async for check in window_checks(subject):
        yield check
