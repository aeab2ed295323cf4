"""The judge of the injections: what people saw and what tools did, against what the bot has stored."""

from __future__ import annotations

import json
import re
import sqlite3
from collections import Counter, defaultdict
from contextlib import closing
from typing import Any

from bot import chat
from tests.chaos import records
from tests.chaos.inject_faults import KABOOM, Fault
from tests.chaos.inject_world import World
from tests.chaos.judge import Findings

OPEN = ("queued", "running", "waiting")
FINAL = ("done", "failed", "denied", "expired", "cancelled", "unknown")
EFFECTS = ("put", "gated", "breaks")
DECIDED = {"approve": "approved", "deny": "denied"}
INNARDS = re.compile(rf'Traceback|File "|{KABOOM}|sqlite3\.|Error\(|bot/|0x[0-9a-f]{{6}}')
"""What nobody may ever be shown."""
ENDINGS = {
    "cut": "\n\n_(The connection to the model broke off in the middle of its reply.)_",
    "clipped": "\n\n_(The model's reply was cut off at its output limit.)_",
}
"""What a last reply that was not whole ends with."""
MAY_FAIL = {"store": None, "model": ("down", "html", "cut", "clipped", "hang"), "send": (), "show": (), "cancel": ()}
"""Which faults may end a run without its answer (None: all): for the others the bot has to get over it."""

Rows = list[dict[str, Any]]


def judge(world: World, fault: Fault, found: Findings) -> None:
    """Judge a bot that has come to rest after its last life."""
    with closing(sqlite3.connect(world.file, isolation_level=None)) as rows:
        rows.row_factory = sqlite3.Row
        tables = {name: _all(rows, name) for name in ("runs", "calls", "approvals", "turns", "outbox", "run_messages")}
        (state,) = rows.execute("PRAGMA integrity_check").fetchone()
    found.must(state == "ok", "damaged", f"integrity_check says {state}")
    _check_effects(world, tables["calls"], found)
    _check_runs(world, fault, tables, found)
    _check_decisions(world, tables["approvals"], found)
    _check_reports(world, tables["calls"], fault, found)
    _check_pairs(tables["run_messages"], tables["calls"], found)
    _check_outbox(tables["outbox"], found)
    _check_words(world, tables, found)


def _all(rows: sqlite3.Connection, table: str) -> Rows:
    return [dict(row) for row in rows.execute(f"SELECT * FROM {table}")]


def _check_effects(world: World, calls: Rows, found: Findings) -> None:
    ledger = records.read(world.folder / "ledger")
    begun = Counter(line["key"] for line in ledger if line["event"] == "begin")
    ended = Counter(line["key"] for line in ledger if line["event"] == "end")
    by_key = {f"{call['run_id']}:{call['id']}": call for call in calls}
    found.figures["effects"] += sum(begun.values())
    for key in begun.keys() - by_key.keys():
        found.fault("lost", f"{key} took effect and no row knows of it")
    for key, call in by_key.items():
        name, state = call["name"], call["state"]
        found.figures[state] += 1
        what = f"{name} {call['arguments']} is {state}, began {begun[key]} times, ended {ended[key]} times"
        found.must(state in FINAL, "stuck", what)
        if name not in EFFECTS:
            continue
        found.must(begun[key] <= 1, "doubles", what)
        found.must(state != "done" or (begun[key], ended[key]) == (1, 1), "false_done", what)
        may_have_begun = state in ("done", "unknown") or (name == "breaks" and state == "failed")
        found.must(may_have_begun or not begun[key], "unapproved", what)
        is_free = name == "put" or call["decision"] == "approve"
        found.must(is_free or not begun[key], "unapproved", f"{what}, decision {call['decision']!r}")


def _check_runs(world: World, fault: Fault, tables: dict[str, Rows], found: Findings) -> None:
    """Every message that was taken has its one run, and its one answer that people can see."""
    runs = {run["event_id"]: run for run in tables["runs"]}
    found.must(len(runs) == len(tables["runs"]), "doubles", "two runs for one event")
    settled = Counter(turn["run_id"] for turn in tables["turns"])
    answers = defaultdict(list)
    for event in world.platform.visible.values():
        if isinstance(event, chat.Answered):
            answers[event.run_id].append(event.text)
    for event_id, run_id in world.acks.items():
        stored = runs.get(event_id, {"id": None})["id"]
        found.must(stored == run_id, "lost", f"{event_id} was taken as run {run_id}, stored is {stored}")
    found.must(len(world.acks) == len(world.inbounds), "untaken", f"taken were only {list(world.acks)}")
    for event_id, run in runs.items():
        texts = answers[run["id"]]
        what = f"the run of {event_id} is {run['status']} with {settled[run['id']]} turns and the answers {texts}"
        found.figures["runs"] += 1
        found.figures["failed_runs"] += run["status"] == "failed"
        found.figures[f"failed_{fault.kind}"] += run["status"] == "failed"
        found.must(run["status"] not in OPEN, "stuck", what)
        found.must(settled[run["id"]] == 2, "unsettled", what)
        found.must(len(texts) <= 1, "doubles", what)
        found.must(len(texts) >= 1, "lost", what)
        whole = [text.removesuffix(ENDINGS.get(fault.how, "")) for text in texts]
        found.must(run["status"] != "done" or whole == [f"the end {event_id}"], "wrong_answer", what)
        may_fail = MAY_FAIL[fault.kind]
        found.must(run["status"] == "done" or may_fail is None or fault.how in may_fail, "given_up", what)


def _check_decisions(world: World, approvals: Rows, found: Findings) -> None:
    stored = {one["id"]: one for one in approvals}
    found.figures["decided"] += len(world.accepted)
    for approval_id, verb in world.accepted.items():
        row = stored.get(approval_id, {"state": "missing", "decided_by": ""})
        is_kept = row["state"] == DECIDED[verb] and row["decided_by"] == "chaos:alice"
        found.must(is_kept, "lost", f"alice was told {verb} of {approval_id}, stored is {row['state']}")
    for one in approvals:
        found.must(one["state"] != "pending", "stuck", f"{one['tool']} still waits for approval")
        drawn = [card for card in world.platform.cards() if card.approval_id == one["id"]]
        found.must(len(drawn) == 1, "undrawn", f"there are {len(drawn)} cards of {one['tool']}, {one['state']}")
        for card in drawn:
            found.must(card.state == one["state"], "undrawn", f"the card of {one['tool']} says {card.state}")


def _check_reports(world: World, calls: Rows, fault: Fault, found: Findings) -> None:
    told = Counter(key for key in world.platform.visible if key.startswith("unknown:"))
    unknown = [call for call in calls if call["state"] == "unknown"]
    for call in unknown:
        reports = told[f"unknown:{call['id']}"]
        found.figures[f"unknown_{fault.kind}_{fault.how}"] += 1
        found.figures["reported"] += reports == 1
        found.must(reports == 1, "unreported", f"{call['name']} {call['arguments']} is unknown, {reports} reports")
    strays = set(told) - {f"unknown:{call['id']}" for call in unknown}
    found.must(not strays, "false_report", f"reported, but not unknown: {sorted(strays)}")
    may_be = fault.kind in ("store", "cancel") or fault.may_hang or world.script.is_cut
    found.must(may_be or not unknown, "needless_unknown", f"{[call['name'] for call in unknown]} without any need")


def _check_pairs(messages: Rows, calls: Rows, found: Findings) -> None:
    """Every call a model made has one result, in the order of the calls: the rows of results stand for those of the
    calls, in their order."""
    asked, results = defaultdict(list), Counter()
    for row in sorted(messages, key=lambda row: row["seq"]):
        results[row["run_id"]] += row["role"] == "tool"
        if row["role"] == "assistant":
            asked[row["run_id"]] += [call["id"] for call in json.loads(row["body"]).get("tool_calls", ())]
    for run_id, ids in asked.items():
        mine = sorted((row for row in calls if row["run_id"] == run_id), key=lambda row: row["position"])
        answered = [row["wire_id"] for row in mine[: results[run_id]] if row["result"] is not None]
        found.must(len(answered) == results[run_id], "unpaired", f"run {run_id}: results without their calls")
        found.must(ids[: len(answered)] == answered, "unpaired", f"calls {ids}, results {answered}")


def _check_outbox(outbox: Rows, found: Findings) -> None:
    left = [f"{row['key']} is {row['state']} ({row['error']})" for row in outbox if row["state"] != "sent"]
    found.must(not left, "unsent", f"{len(left)} deliveries are left: {left[:3]}")


def _check_words(world: World, tables: dict[str, Rows], found: Findings) -> None:
    """Nobody is shown the bot's innards, neither there nor in private."""
    shown = [*map(repr, world.platform.visible.values()), *world.platform.passing, *world.told]
    shown += [turn["text"] for turn in tables["turns"]]
    bad = [text for text in shown if INNARDS.search(text)]
    found.must(not bad, "innards", f"people were shown {[_around(text) for text in bad[:2]]}")


def _around(text: str) -> str:
    at = INNARDS.search(text)
    assert at is not None, "it was found before"
    return text[max(0, at.start() - 60) : at.end() + 60]
