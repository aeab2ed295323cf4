"""Interpreters for the peers whose packages do not go together with Nod's: one each, from hashed locks."""

from __future__ import annotations

import hashlib
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
FOLDER = ROOT / ".bench"
OWN = "nod"
_LAST_WORDS = 300


class CannotInstall(Exception):
    """The packages of an environment could not be installed."""


def python_of(environment: str) -> Path:
    """The interpreter of an environment, made if it is not there yet. Raises `CannotInstall`."""
    if environment == OWN:
        return Path(sys.executable)
    home = FOLDER / "venvs" / environment
    lock = ROOT / "requirements" / f"bench-{environment}.txt"
    made_from = home / "made-from"
    digest = hashlib.sha256(lock.read_bytes()).hexdigest()
    python = home / "bin" / "python"
    if made_from.is_file() and made_from.read_text() == digest and python.exists():
        return python
    print(f"Installing {environment} into {home.relative_to(ROOT)} ...", flush=True)
    _run([sys.executable, "-m", "venv", "--clear", str(home)])
    _run([str(python), "-m", "pip", "install", "--quiet", "--require-hashes", "-r", str(lock)])
    made_from.write_text(digest)
    return python


def _run(command: list[str]) -> None:
    done = subprocess.run(command, capture_output=True, text=True, cwd=ROOT, check=False)
    if done.returncode:
        raise CannotInstall((done.stderr or done.stdout).strip()[-_LAST_WORDS:])
