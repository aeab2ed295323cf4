"""Which blocks Slack takes (docs, "Block Kit", and the limits there)."""

from __future__ import annotations

from typing import Any

from tests.adapters.slack.wire.refusals import invalid
from tests.adapters.slack.wire.world import Json

MAX_TEXT = 40_000
MAX_METADATA = 8_000
MAX_BLOCKS = 50


def checked(given: Any) -> list[Json]:
    """The blocks of a message as Slack keeps them: each with its `block_id`. Raises Refused."""
    if not isinstance(given, list) or any(not isinstance(one, dict) for one in given):
        raise invalid("invalid_blocks_format")
    if len(given) > MAX_BLOCKS:
        raise invalid("invalid_blocks", f"no more than {MAX_BLOCKS} items allowed [json-pointer:/blocks]")
    return [{"block_id": f"b{number:03d}"} | one for number, one in enumerate(given)]
