"""Targets and tables from made-up samples."""

from __future__ import annotations

from pathlib import Path

import pytest

from benchmarks.__main__ import _among
from benchmarks.plan import PEERS, SCENARIOS
from benchmarks.replies import transcript
from benchmarks.report import page, summary
from benchmarks.samples import Samples, read_samples
from benchmarks.scenarios import BYTES_TASKS
from benchmarks.stored import json_bytes
from benchmarks.targets import TARGETS, Verdict, verdicts


@pytest.fixture
def samples() -> Samples:
    made = Samples(repeats=3, cores=2, python="3.11.7", system="Linux x86_64", minutes=12.4, retaken=1)
    for cpu in (900.0, 1000.0, 5000.0):
        made.add("loop", "sdk", {"cpu_us_per_call": cpu})
    made.add("loop", "raw", {"cpu_us_per_call": 50.0})
    made.add("loop", "nod", {"cpu_us_per_call": 150.0})
    made.add("loop", "nod-sqlite", {"cpu_us_per_call": 420.0})
    for peer, few, many in (("raw", 100.0, 300.0), ("nod", 200.0, 600.0), ("nod-budget", 200.0, 250.0)):
        made.add("growth", peer, {"cpu_us_per_call_10": few, "cpu_us_per_call_200": many})
    for peer, calls in (("sdk", 200.0), ("nod", 1700.0)):
        figures = {"calls_per_cpu_s": calls, "connections_per_conversation": 1.0}
        figures |= {"worst_stall_ms": 75.0, "longest_step_ms": 60.0}
        made.add("concurrent", peer, figures)
    messages = json_bytes(transcript(BYTES_TASKS["10x1k"]))
    made.add("bytes", "nod-sqlite", {"at_end_10x1k": messages * 1.25})
    made.add("help", "nod", {"wall_s": 0.1})
    made.versions = {"sdk": {"openai": "3.54.0"}}
    made.left_out = {"LangGraph": "its packages could not be installed"}
    return made


def verdict(samples: Samples, number: str) -> Verdict:
    return next(one for one in verdicts(samples) if one.target.number == number)


@pytest.mark.parametrize(
    ("number", "measured", "text"),
    [
        ("1", 0.15, "met"),
        ("2", 0.42, "missed by 20%"),
        ("3", 2.0, "missed by 33%"),
        ("4", 1.25, "met"),
        ("7a", 1.25, "met"),
        ("8a", 8.5, "met"),
        ("8b", 1.0, "met"),
        ("8c", 60.0, "missed by 20%"),
        ("8d", 75.0, "missed by 50%"),
        ("9a", 0.1, "met"),
    ],
)
def test_targets_come_from_medians_of_the_same_run(samples: Samples, number: str, measured: float, text: str) -> None:
    found = verdict(samples, number)

    assert found.measured == pytest.approx(measured, rel=1e-3)
    assert found.text == text


def test_a_floor_is_missed_from_below(samples: Samples) -> None:
    samples.taken["concurrent"]["nod"] = [{"calls_per_cpu_s": 800.0}]

    assert verdict(samples, "8a").text == "missed by 50%"


def test_what_was_left_out_is_not_measured(samples: Samples) -> None:
    assert verdict(samples, "5").text == "not measured"
    assert verdict(samples, "9b").measured is None


def test_a_target_without_a_base_above_zero_is_not_measured(samples: Samples) -> None:
    samples.add("pause", "raw", {"pause_cpu_us": -3.0})
    samples.add("pause", "nod-sqlite", {"pause_cpu_us": 400.0})

    assert verdict(samples, "6a").text == "not measured"


def test_the_page_says_everything(samples: Samples) -> None:
    text = page(samples)

    assert "| Nod, SQLite FULL | 420         | 0.42  | 8.40  | 1 |" in text
    assert "| bare SDK loop    | 1,000       | 1.00  | 20.00 | 3 |" in text
    assert "**Left out of this run:** LangGraph (its packages could not be installed)." in text
    assert "- bare SDK loop: openai 3.54.0" in text
    assert "Measured on 2 cores (Linux x86_64), Python 3.11.7: at most 3 repeats, 12 minutes, 1 samples taken" in text
    assert all(f"| {target.number}" in text for target in TARGETS)


def test_the_terminal_shows_figures_without_explanations(samples: Samples) -> None:
    text = summary(samples)

    assert "| missed by 20%" in text
    assert "How it is measured" not in text


def test_samples_are_read_back(samples: Samples, tmp_path: Path) -> None:
    samples.write(tmp_path / "deep" / "samples.json")

    assert read_samples(tmp_path / "deep" / "samples.json") == samples


def test_spread_is_the_largest_over_the_smallest(samples: Samples) -> None:
    assert samples.spread() == pytest.approx(5000 / 900)


def test_peers_that_take_long_are_repeated_less() -> None:
    growth = SCENARIOS["growth"]

    assert [growth.repeats_of(peer, 5) for peer in ("raw", "sdk", "agents")] == [5, 3, 2]
    assert [growth.repeats_of(peer, 2) for peer in ("raw", "sdk", "agents")] == [2, 1, 1]


def test_every_peer_of_the_plan_is_known() -> None:
    assert {peer for scenario in SCENARIOS.values() for peer in scenario.peers} == set(PEERS)


def test_names_on_the_command_line_keep_the_plans_order() -> None:
    assert _among("nod,raw", PEERS) == ["raw", "nod"]
