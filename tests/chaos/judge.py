"""The judge: compares what witnesses outside the bot saw with what the bot claims. Reads files, drives nothing."""

from __future__ import annotations

import json
from collections import Counter, defaultdict
from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any

from tests.chaos import records
from tests.chaos.box import Box

OPEN_RUNS = ("queued", "running", "waiting")
FINAL_CALLS = ("done", "failed", "denied", "expired", "cancelled", "unknown")
UNSENT = "SELECT count(*) FROM outbox WHERE state = 'pending'"
DECIDED = {"approve": "approved", "deny": "denied"}


@dataclass
class Findings:
    """Figures that add up over chunks (`..._max` do not: the largest counts), and what was wrong, in sentences."""

    figures: Counter[str] = field(default_factory=Counter)
    faults: list[str] = field(default_factory=list)

    def fault(self, kind: str, text: str) -> None:
        self.figures[kind] += 1
        self.faults.append(f"{kind}: {text}")

    def must(self, holds: bool, kind: str, text: str) -> None:
        if not holds:
            self.fault(kind, text)

    def at_most(self, name: str, value: float) -> None:
        """Keep the largest value seen."""
        self.figures[f"{name}_max"] = max(self.figures[f"{name}_max"], round(value))  # type: ignore[assignment]


def judge(box: Box, found: Findings, *, may_wait: bool = False, with_chat: bool = True) -> None:
    """Judge a bot that has died or come to rest. `may_wait`: runs may wait for people; `with_chat`: a chat was kept."""
    with box.rows() as rows:
        tables = {name: _all(rows, name) for name in ("runs", "run_messages", "calls", "approvals", "turns")}
        _check_file(rows, found)
        _check_messages(rows, found)
        _check_outbox(rows, found)
    ledger = records.read(box.ledger)
    given_up = {run["id"] for run in tables["runs"] if run["status"] in ("failed", "cancelled")}
    _check_effects(ledger, tables["calls"], given_up, found)
    _check_ends(tables, found, may_wait=may_wait)
    _check_acks(box, tables["runs"], found)
    _check_clicks(box, tables["approvals"], found)
    if with_chat:
        _check_chat(records.read(box.chat), tables, found)


def _all(rows: Any, table: str) -> list[dict[str, Any]]:
    return [dict(row) for row in rows.execute(f"SELECT * FROM {table}")]


def _check_file(rows: Any, found: Findings) -> None:
    (state,) = rows.execute("PRAGMA integrity_check").fetchone()
    found.must(state == "ok", "damaged", f"integrity_check says {state}")
    strays = rows.execute("PRAGMA foreign_key_check").fetchall()
    found.must(not strays, "damaged", f"{len(strays)} rows without their parent")


def _check_messages(rows: Any, found: Findings) -> None:
    """Every call a model made has one result, in the order of the calls: the rows of results stand for those of the
    calls, in their order."""
    asked, results, calls = defaultdict(list), Counter(), defaultdict(list)
    for row in rows.execute("SELECT run_id, role, body FROM run_messages ORDER BY run_id, seq"):
        results[row["run_id"]] += row["role"] == "tool"
        if row["role"] == "assistant":
            asked[row["run_id"]] += [call["id"] for call in json.loads(row["body"]).get("tool_calls", ())]
    for row in rows.execute("SELECT run_id, wire_id, result FROM calls ORDER BY run_id, position"):
        calls[row["run_id"]].append((row["wire_id"], row["result"]))
    for run_id, ids in asked.items():
        answered = [wire_id for wire_id, result in calls[run_id][: results[run_id]] if result is not None]
        found.must(len(answered) == results[run_id], "unpaired", f"run {run_id}: results without their calls")
        found.must(ids[: len(answered)] == answered, "unpaired", f"run {run_id}: {ids} but {answered}")


def _check_outbox(rows: Any, found: Findings) -> None:
    left = [row["key"] for row in rows.execute("SELECT key FROM outbox WHERE state = 'pending'")]
    found.must(not left, "unsent", f"{len(left)} deliveries were never sent: {left[:3]}")


def _check_effects(
    ledger: list[records.Record], calls: list[dict[str, Any]], given_up: set[str], found: Findings
) -> None:
    """What a tool did outside against what the bot says about each call. What may be repeated is never unknown, but
    where its run was given up."""
    begun = Counter(line["key"] for line in ledger if line["event"] == "begin")
    ended = Counter(line["key"] for line in ledger if line["event"] == "end")
    known = {f"{call['run_id']}:{call['id']}" for call in calls}
    found.figures["effects"] += sum(begun.values())
    for key in begun.keys() - known:
        found.fault("lost", f"{key} took effect and no row knows of it")
    for call in calls:
        key = f"{call['run_id']}:{call['id']}"
        found.figures[call["state"]] += 1
        _check_effect(call, begun[key], ended[key], found)
        is_needless = call["state"] == "unknown" and call["name"] == "stamp" and call["run_id"] not in given_up
        found.must(not is_needless, "needless_unknown", f"{key} could have been repeated")


def _check_effect(call: dict[str, Any], begun: int, ended: int, found: Findings) -> None:
    name, state = call["name"], call["state"]
    what = f"{name} {call['run_id']}:{call['id']} is {state}, began {begun} times, ended {ended} times"
    if name == "forbidden":
        found.must(begun == 0, "forbidden", what)
    elif name == "gated":
        found.must(begun <= 1, "doubles", what)
        found.must(state != "done" or (begun, ended) == (1, 1), "false_done", what)
    elif name == "stamp":
        found.must(state != "done" or ended >= 1, "false_done", what)
    if state in ("denied", "expired", "cancelled", "failed", "waiting", "approved", "proposed"):
        found.must(begun == 0, "unapproved", what)
    if begun and name in ("gated", "stamp"):
        found.must(call["decision"] == "approve", "unapproved", f"{what}, decision {call['decision']!r}")


def _check_ends(tables: dict[str, list[dict[str, Any]]], found: Findings, *, may_wait: bool) -> None:
    """Nothing is left open but what waits for people."""
    settled = Counter(turn["run_id"] for turn in tables["turns"])
    driven = {one["run_id"] for one in tables["run_messages"]}
    for run in tables["runs"]:
        found.figures["runs"] += 1
        is_open = run["status"] in OPEN_RUNS
        if may_wait and run["status"] == "waiting":
            found.figures["waiting_runs"] += 1
            continue
        found.must(not is_open, "stuck", f"run {run['id']} of {run['event_id']} is still {run['status']}")
        found.must(is_open or settled[run["id"]] == 2, "unsettled", f"run {run['id']} has {settled[run['id']]} turns")
        found.figures["failed_runs"] += run["status"] == "failed"
        found.figures["never_driven"] += run["status"] == "failed" and run["id"] not in driven
    for call in tables["calls"]:
        is_fine = call["state"] in FINAL_CALLS or (may_wait and call["state"] == "waiting")
        found.must(is_fine, "stuck", f"call {call['id']} of run {call['run_id']} is still {call['state']}")


def _check_acks(box: Box, runs: list[dict[str, Any]], found: Findings) -> None:
    """Every message whose receipt came back has its one run."""
    by_event = {run["event_id"]: run["id"] for run in runs}
    found.must(len(by_event) == len(runs), "doubles", "two runs for one event")
    acks = records.read(box.acks)
    found.figures["acked"] += len({ack["event"] for ack in acks})
    for ack in acks:
        run_id = by_event.get(ack["event"])
        found.must(run_id == ack["run"], "lost", f"{ack['event']} was taken as run {ack['run']}, stored is {run_id}")


def _check_clicks(box: Box, approvals: list[dict[str, Any]], found: Findings) -> None:
    """Every decision that was shown as accepted is stored as it was said, and only one was."""
    stored = {one["id"]: one for one in approvals}
    clicks = [one for one in records.read(box.clicks) if one["event"] == "answered"]
    accepted = [one for one in clicks if one["accepted"]]
    found.figures["clicks"] += len(clicks)
    found.figures["decided"] += len(accepted)
    times = Counter(one["approval"] for one in accepted)
    found.must(all(n == 1 for n in times.values()), "doubles", "a decision was accepted twice")
    for one in accepted:
        row = stored.get(one["approval"], {"state": "missing", "decided_by": ""})
        is_kept = row["state"] == DECIDED[one["verb"]] and row["decided_by"] == one["by"]
        found.must(is_kept, "lost", f"{one['by']} was told {one['verb']} of {one['approval']}, stored is {dict(row)}")


# --- the chat --------------------------------------------------------------------------------------------------------


def visible(chat: Iterable[records.Record]) -> list[records.Record]:
    """What people see: a platform drops a second message with the same key, and an edit is no message."""
    seen: dict[str, records.Record] = {}
    for line in chat:
        if not line["receipt"]:
            seen.setdefault(line["key"], line)
    return list(seen.values())


def _check_chat(chat: list[records.Record], tables: dict[str, list[dict[str, Any]]], found: Findings) -> None:
    shown = visible(chat)
    answers = defaultdict(list)
    for line in shown:
        if line["kind"] == "Answered":
            answers[line["run"]].append(line["text"])
    for run in tables["runs"]:
        if run["status"] not in OPEN_RUNS:
            _check_answer(run, answers[run["id"]], found)
    _check_reports(shown, tables["calls"], found)


def _check_answer(run: dict[str, Any], texts: list[str], found: Findings) -> None:
    what = f"run {run['id']} of {run['event_id']} ({run['status']}) was answered {len(texts)} times: {texts}"
    found.figures["answered"] += bool(texts)
    found.must(len(texts) >= 1, "unanswered", what)
    found.must(len(texts) <= 1, "doubles", what)
    if run["status"] == "done" and texts:
        found.must(texts[0] == f"the end {run['event_id']}", "wrong_answer", what)


def _check_reports(shown: list[records.Record], calls: list[dict[str, Any]], found: Findings) -> None:
    """One report for each call whose outcome nobody knows, and for no other."""
    notices = [line for line in shown if line["kind"] == "Notice"]
    by_key = Counter(line["key"] for line in notices)
    unknown = [call for call in calls if call["state"] == "unknown"]
    for call in unknown:
        reports = by_key[f"unknown:{call['id']}"]
        found.figures["reported"] += reports >= 1
        found.must(reports == 1, "unreported", f"call {call['id']} of run {call['run_id']}: {reports} reports")
    told = {line["key"] for line in notices if line["key"].startswith("unknown:")}
    strays = told - {f"unknown:{call['id']}" for call in unknown}
    found.must(not strays, "false_report", f"reported, but not unknown: {sorted(strays)[:3]}")
