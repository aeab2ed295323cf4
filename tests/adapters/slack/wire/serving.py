"""How a request is answered when something was ordered to go wrong with it."""

from __future__ import annotations

import asyncio
from collections.abc import Callable

from aiohttp import web

from tests.adapters.slack.wire.faults import Call, Fault, Faults

Respond = Callable[[], web.StreamResponse]
Fail = Callable[[Fault], web.StreamResponse]


async def served(faults: Faults, call: Call, request: web.Request, respond: Respond, fail: Fail) -> web.StreamResponse:
    """Answer with `respond`, unless a fault befalls the call; `fail` gives the answer of those that have one."""
    fault = faults.take(call)
    if fault is None:
        return respond()
    match fault.kind:
        case "error" | "status":
            if fault.status == 429 and fault.kind == "status":
                faults.limited.append(call)
            return fail(fault)
        case "slow":
            await asyncio.sleep(fault.seconds)
            return respond()
        case "lost":
            respond()
        case "hang":
            await asyncio.sleep(fault.seconds)
        case "cut":
            pass
    call.status, call.is_lost = 0, True
    if request.transport is not None:
        request.transport.abort()
    return web.Response()
