"""The short forms of all experiments, side by side in one run: `make chaos` runs the long ones."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from tests.chaos.registry import EXPERIMENTS
from tests.chaos.speaker import ROOT

LIMIT_S = 240


@pytest.fixture(scope="module")
def said(tmp_path_factory: pytest.TempPathFactory) -> str:
    """What the experiments print."""
    folder = tmp_path_factory.mktemp("chaos")
    words = [sys.executable, "-m", "tests.chaos", "--short", "--folder", str(folder)]
    ran = subprocess.run(words, cwd=ROOT, capture_output=True, text=True, timeout=LIMIT_S, check=False)
    return f"{ran.stdout}\n{ran.stderr}"


@pytest.mark.parametrize("name", [one.name for one in EXPERIMENTS])
def test_the_bot_keeps_its_promises_under(name: str, said: str) -> None:
    (at,) = [at for at, line in enumerate(said.splitlines()) if line.startswith(f"{name}=")] or [None]

    assert at is not None, said
    assert said.splitlines()[at].endswith(" ok"), said


def test_every_experiment_is_in_a_file_of_its_own() -> None:
    files = {path.stem for path in Path(__file__).parent.glob("*.py")}

    assert [one.name for one in EXPERIMENTS if one.name not in files] == []
