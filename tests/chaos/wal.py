"""Power loss: the write-ahead log is cut at any byte, and the bot starts from what is left.

`kill -9` does not test this: the page cache survives it. What witnesses saw while the log was no longer than the cut
has happened; what they saw later has not.
"""

from __future__ import annotations

import asyncio
import json
import random
import shutil
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tests.chaos import records
from tests.chaos.box import Box, Message, message
from tests.chaos.chunks import Chunk, Experiment, pick
from tests.chaos.judge import Findings, judge
from tests.chaos.kills import end
from tests.chaos.life import Plan, begin, live

FRAME, HEADER = 24 + 4096, 32
NEVER_CHECKPOINTED = 1000 * FRAME
PAST = ("started", "done", "failed", "unknown")
PAUSE = {records.PAUSE_MS: "3"}


@dataclass(frozen=True, slots=True)
class Played:
    """A bot that did its work and was killed: its database, its whole log, and what witnesses saw."""

    box: Box
    messages: tuple[Message, ...]
    database: bytes
    log: bytes


def work(chunk: Chunk, found: Findings) -> None:
    """One bot at work, and so many cuts of its log."""
    dice = random.Random(chunk.seed)
    played = play(chunk, dice, found)
    for number, cut in enumerate(offsets(played, dice, chunk.size)):
        box = Box(chunk.box.folder / f"cut-{number}", chunk.box.model_url)
        before = len(found.faults)
        _judge_cut(played, box, cut, found)
        if len(found.faults) == before:
            shutil.rmtree(box.folder)
        else:
            found.faults[-1] += f" (cut {number} at byte {cut} of {len(played.log)})"


def play(chunk: Chunk, dice: random.Random, found: Findings) -> Played:
    """Let a bot work from a closed database, and kill it when everything is done: nothing was checkpointed."""
    box = Box(chunk.box.folder / "played", chunk.box.model_url)
    box.folder.mkdir()
    end(box, Plan(environment=PAUSE), found)
    database = (box.data / "nod.db").read_bytes()
    messages = tuple(_message(chunk, dice, number) for number in range(4 if chunk.is_short else 6))
    life = begin(box, Plan(messages, chunk.seed, is_last=True, environment=PAUSE), work=live_and_stay)
    found.must(life.heard("d", within_s=60), "hangs", "the bot did not finish its work")
    life.kill()
    log = (box.data / "nod.db-wal").read_bytes()
    is_whole = (box.data / "nod.db").read_bytes() == database and len(log) < NEVER_CHECKPOINTED
    found.must(is_whole, "broken", f"the log of {len(log)} bytes was checkpointed: a cut would mean nothing")
    return Played(box, messages, database, log)


def _message(chunk: Chunk, dice: random.Random, number: int) -> Message:
    replies = [[dice.choice(("gated", "gated", "stamp", "free")) for _ in range(dice.randrange(1, 3))]]
    replies[0][0] = "gated"
    return message(f"e{chunk.number}-{number}", f"t{number % 4}", replies)


async def live_and_stay(box: Box, plan: Plan) -> None:
    """Finish everything, and stay open: a close would empty the log."""
    staying: asyncio.Future[None] = asyncio.get_running_loop().create_future()

    async def stay() -> None:
        records.signal("d")
        await staying

    await live(box, plan, at_end=stay)


def offsets(played: Played, dice: random.Random, count: int) -> list[int]:
    """Where to cut, evenly over the log: anywhere, at the ends of frames, and around its lengths at each effect."""
    size = len(played.log)
    effects = [line["wal"] for line in records.read(played.box.ledger)]
    frames = range(HEADER, size + 1, FRAME)
    chosen = []
    for number in range(count):
        part = (number + dice.random()) / count
        base = (size * part, frames[int(part * len(frames))], effects[int(part * len(effects))])[number % 3]
        cut = round(base) + dice.choice((0, 0, -1, 1, dice.randrange(-FRAME, FRAME)))
        chosen.append(min(size, max(0, cut)))
    return chosen


def _judge_cut(played: Played, box: Box, cut: int, found: Findings) -> None:
    box.data.mkdir(parents=True)
    (box.data / "nod.db").write_bytes(played.database)
    (box.data / "nod.db-wal").write_bytes(played.log[:cut])
    for name in ("ledger", "chat", "acks", "clicks"):
        _copy_until(played.box.folder / name, box.folder / name, cut)
    look = box.copy_to(box.folder.with_name(f"{box.folder.name}-look"))
    past = check_legal(look, found)
    shutil.rmtree(look.folder)
    seen = len(records.read(box.ledger))
    end(box, Plan(played.messages, cut, environment=PAUSE), found)
    judge(box, found)
    again = [line["key"] for line in records.read(box.ledger)[seen:] if line["key"] in past]
    found.must(not again, "doubles", f"begun again after the cut: {again}")
    found.figures["cuts"] += 1
    found.figures["before_cut"] += sum(line["event"] == "begin" for line in records.read(box.ledger)[:seen])


def _copy_until(source: Path, target: Path, cut: int) -> None:
    """What this witness had seen when the log was that long."""
    lines = [line for line in records.read(source) if line["wal"] <= cut]
    if lines:
        target.write_text("".join(json.dumps(line) + "\n" for line in lines))


# --- what a legal state is -------------------------------------------------------------------------------------------


def check_legal(box: Box, found: Findings) -> set[str]:
    """Whether the rows agree with each other; gives the calls of tools that run once and may have taken effect."""
    with box.rows() as rows:
        (state,) = rows.execute("PRAGMA integrity_check").fetchone()
        found.must(state == "ok", "damaged", f"integrity_check says {state}")
        calls = [dict(row) for row in rows.execute("SELECT * FROM calls")]
        approvals = {row["call_id"]: dict(row) for row in rows.execute("SELECT * FROM approvals")}
        runs = [dict(row) for row in rows.execute("SELECT * FROM runs")]
        turns = Counter(row["run_id"] for row in rows.execute("SELECT run_id FROM turns"))
        audited = {row["call"] for row in rows.execute("SELECT call FROM audit WHERE decision <> ''")}
    for call in calls:
        _check_call(call, approvals.get(call["id"]), audited, found)
    for run in runs:
        is_over = run["status"] in ("done", "failed", "cancelled")
        fits = (turns[run["id"]] == 2) == is_over and (run["settled_ms"] is not None) == is_over
        found.must(fits, "illegal", f"run {run['id']} is {run['status']} with {turns[run['id']]} turns")
    return {f"{one['run_id']}:{one['id']}" for one in calls if one["state"] in PAST and one["name"] == "gated"}


def _check_call(call: dict[str, Any], approval: dict[str, Any] | None, audited: set[str], found: Findings) -> None:
    state, decision = call["state"], call["decision"]
    has = approval["state"] if approval else "none"
    wanted = {"approve": "approved", "deny": "denied"}.get(decision, "pending" if state == "waiting" else "none")
    found.must(has == wanted, "illegal", f"call {call['id']} is {state} by {decision!r}, its approval is {has}")
    is_audited = not decision or call["id"] in audited
    found.must(is_audited, "illegal", f"call {call['id']} was decided ({decision}), and no audit row says so")


def line(figures: Counter[str]) -> dict[str, object]:
    names = ("cuts", "before_cut", "effects", "doubles", "lost", "illegal", "damaged", "unknown", "reported")
    return pick(figures, *names)


def too_little(figures: Counter[str], units: int) -> Iterator[str]:
    if figures["cuts"] < units:
        yield f"{figures['cuts']} cuts of {units}"
    if figures["before_cut"] < units or figures["effects"] < 2 * units:
        yield f"only {figures['before_cut']} effects before {units} cuts, {figures['effects']} in all"
    if figures["done"] < units:
        yield f"only {figures['done']} calls came to a good end"


EXPERIMENT = Experiment("wal", 2_000, 8, 50, 300, work, line, too_little, short_chunk=8)
