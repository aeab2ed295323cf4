"""The shape of the house, and the facts that texts say about the code."""

from __future__ import annotations

import re
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest

from bot import __version__
from bot.__main__ import parser

ROOT = Path(__file__).parents[1]


def test_imports_point_one_way() -> None:
    script = Path(sys.executable).parent / "lint-imports"
    ran = subprocess.run([script, "--no-cache"], cwd=ROOT, capture_output=True, text=True, check=False)

    assert ran.returncode == 0, ran.stdout


def test_the_changelog_names_this_version() -> None:
    assert f"## {__version__}" in (ROOT / "CHANGELOG.md").read_text("utf-8")


def test_the_readme_names_every_command() -> None:
    readme = (ROOT / "README.md").read_text("utf-8")
    commands = next(action for action in parser()._actions if action.dest == "command").choices or {}

    assert [name for name in commands if f"`nod {name}" not in readme] == []


@pytest.mark.parametrize("path", ["README.md", "docs/architecture.md", "docs/tools.md", "CHANGELOG.md"])
def test_every_file_a_text_names_exists(path: str) -> None:
    text = (ROOT / path).read_text("utf-8")
    linked = re.findall(r"\]\((?!https?:)([^)#]+)", text)
    named = list(re.findall(r"`((?:bot|adapters|tests|docs|scripts)/[\w./]+)`", text))

    base = (ROOT / path).parent
    assert [name for name in linked if not (base / name).exists()] == []
    assert [name for name in named if not (ROOT / name).exists()] == []


def test_the_architecture_page_names_every_module() -> None:
    page = (ROOT / "docs" / "architecture.md").read_text("utf-8")
    modules = [
        path.relative_to(ROOT) for path in (ROOT / "bot").glob("*.py") if path.stem not in ("__init__", "_version")
    ]
    packages = [path.parent.relative_to(ROOT) for path in (ROOT / "bot").glob("*/__init__.py")]

    assert [str(path) for path in modules if f"`{path.name}`" not in page] == []
    assert [str(path) for path in packages if f"`{path.name}/`" not in page] == []


def test_every_dependency_is_locked_with_hashes() -> None:
    wanted = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))["project"]["dependencies"]
    lock = (
        (ROOT / "requirements" / "base.txt")
        .read_text("utf-8")
        .lower()
        .replace("_", "-")
        .replace("discord.py", "discord-py")
    )
    names = [re.split(r"[\[<>=]", one)[0].lower().replace(".", "-") for one in wanted]

    assert [name for name in names if f"\n{name}==" not in f"\n{lock}" and f"\n{name}[" not in f"\n{lock}"] == []
    assert "://" not in lock
    pinned = re.findall(r"^[\w.-]+(?:\[[\w,]+\])?==.*?(?=^\S|\Z)", lock, re.MULTILINE | re.DOTALL)
    assert all("--hash=sha256:" in one for one in pinned)


def test_both_locks_agree() -> None:
    pins = [
        dict(re.findall(r"^([\w.\[\],-]+)==([^\s;]+)", (ROOT / "requirements" / name).read_text("utf-8"), re.MULTILINE))
        for name in ("base.txt", "dev.txt")
    ]

    assert {name: pin for name, pin in pins[0].items() if pins[1].get(name) != pin} == {}
