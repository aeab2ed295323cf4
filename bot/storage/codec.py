"""A run as plain JSON and back: the checkpoint. No pickle, no class is ever chosen by the data.

Versions (a line per bump):
1  the first.
2  what the messages weigh, and which model wrote each; older ones are counted when they go on.
3  what was read on the way (taint, marks), who edited a call, what a platform says of the requester.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import replace
from functools import cache
from typing import Any

from pydantic import TypeAdapter, ValidationError

from bot.engine.types import Run
from bot.errors import CheckpointError

VERSION = 3


@cache
def _adapter() -> TypeAdapter[Run]:
    return TypeAdapter(Run)


def to_checkpoint(run: Run) -> dict[str, Any]:
    """Give the run as JSON data; `sent` of a message is left out where it equals `body`."""
    data = _adapter().dump_python(run, mode="json")
    for message in data["messages"]:
        if message["sent"] == message["body"]:
            del message["sent"]
    return {"version": VERSION, "run": data}


def from_checkpoint(checkpoint: Mapping[str, Any]) -> Run:
    """Read a run back. Raises `CheckpointError` when it is damaged or was written by a newer version."""
    version = checkpoint.get("version") if isinstance(checkpoint, Mapping) else None
    if not isinstance(version, int) or isinstance(version, bool):
        raise CheckpointError("This is not a checkpoint: it has no version.")
    if version > VERSION:
        raise CheckpointError(f"This checkpoint was written by a newer version of Nod ({version}, known: {VERSION}).")
    try:
        data = json.loads(json.dumps(checkpoint["run"]))
        for message in data["messages"]:
            message.setdefault("sent", message["body"])
        return _adapter().validate_json(json.dumps(data), strict=True)
    except (KeyError, TypeError, ValueError, AttributeError, RecursionError, ValidationError) as err:
        raise CheckpointError(f"This checkpoint is damaged ({type(err).__name__}).") from err


def head_to_text(run: Run) -> str:
    """The small part of a run that changes: everything but messages and calls, which have rows of their own."""
    return _adapter().dump_json(replace(run, messages=(), calls=())).decode()


def head_from_text(text: str) -> Run:
    try:
        return _adapter().validate_json(text, strict=True)
    except ValidationError as err:
        raise CheckpointError("A stored run is damaged.") from err
