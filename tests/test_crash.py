"""Named crash points: each exists in the shipped code, and none does anything unless a test armed it."""

from __future__ import annotations

import re
import signal
import subprocess
import sys
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import pytest

from bot import crash
from bot.config.settings import load
from bot.errors import ConfigError
from bot.storage.runs import _CRASH_STEPS
from tests.chaos.registry import EXPERIMENTS

ROOT = Path(__file__).parents[1]


@pytest.fixture(autouse=True)
def disarmed() -> Iterator[None]:
    yield
    crash.arm("")


def test_every_point_is_in_the_shipped_code_exactly_once() -> None:
    source = "".join(path.read_text("utf-8") for path in (ROOT / "bot").rglob("*.py"))
    written = re.findall(r'crash\.at\("([a-z.]+)"\)|crash\.at, "([a-z.]+)"\)', source)
    in_commit = [f"{step}.{when}" for step in _CRASH_STEPS.values() for when in ("before", "inside", "after")]

    assert Counter(name or later for name, later in written) + Counter(in_commit) == Counter(crash.POINTS)


def test_a_point_that_is_not_armed_does_nothing() -> None:
    for point in crash.POINTS:
        crash.at(point)
    crash.arm("tool.inside")
    for point in crash.POINTS:
        if point != "tool.inside":
            crash.at(point)


@pytest.mark.parametrize(("where", "reached"), [("claim.after", 1), ("claim.after:3", 3)])
def test_an_armed_point_ends_the_process_when_its_time_has_come(where: str, reached: int) -> None:
    program = f"""
from bot import crash
crash.arm({where!r})
for n in range(9):
    print(n, flush=True)
    crash.at("claim.after")
"""

    ended = subprocess.run([sys.executable, "-c", program], cwd=ROOT, capture_output=True, text=True, check=False)

    assert ended.returncode == -signal.SIGKILL
    assert len(ended.stdout.split()) == reached


@pytest.mark.parametrize("wrong", ["nowhere", "claim", "claim.after:0", "claim.after:x", "claim.after:"])
def test_a_point_that_does_not_exist_is_refused(wrong: str) -> None:
    with pytest.raises(ConfigError, match="CRASH_AT"):
        load({"CRASH_AT": wrong}, None)


def test_the_page_on_reliability_names_every_step_and_every_experiment() -> None:
    page = (ROOT / "docs" / "reliability.md").read_text("utf-8")
    told = re.findall(r"^\| `([a-z]+)` \|", page, re.M)

    assert [step for step in told if step in crash.STEPS] == list(crash.STEPS)
    assert [one.name for one in EXPERIMENTS if f"\n{one.name}=" not in page] == []
