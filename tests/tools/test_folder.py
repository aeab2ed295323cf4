"""TOOLS_DIR: the operator's own files."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from bot.errors import ConfigError
from bot.tools.folder import load_folder

GOOD = """
from __future__ import annotations
import bot

@bot.tool
def {name}(text: str) -> str:
    "Echo."
    return text
"""


@pytest.fixture(autouse=True)
def _own_imports() -> Iterator[None]:
    path, modules = list(sys.path), set(sys.modules)
    yield
    sys.path[:] = path
    for name in set(sys.modules) - modules:
        if name.startswith(("nod_tools_", "_shared")):
            del sys.modules[name]


def names(folder: Path) -> list[str]:
    return [spec.name for spec in load_folder(folder)]


def test_tools_of_every_file_come_in_name_order(tmp_path: Path) -> None:
    (tmp_path / "b.py").write_text(GOOD.format(name="second"))
    (tmp_path / "a.py").write_text(GOOD.format(name="first") + GOOD.format(name="also").split("import bot")[1])
    (tmp_path / "notes.txt").write_text("not python")

    assert names(tmp_path) == ["first", "also", "second"]


def test_an_empty_folder_has_no_tools(tmp_path: Path) -> None:
    assert names(tmp_path) == []


def test_files_with_an_underscore_are_shared_code(tmp_path: Path) -> None:
    (tmp_path / "_shared.py").write_text("import bot\nWORD = 'hi'\n@bot.tool\ndef hidden() -> str:\n    return WORD\n")
    (tmp_path / "a.py").write_text(
        "from _shared import WORD, hidden\n" + GOOD.format(name="shown").lstrip().partition("\n")[2]
    )

    assert names(tmp_path) == ["shown"]


@pytest.mark.parametrize(
    ("source", "why"),
    [
        ("def broken(:\n", "bad.py could not be loaded: SyntaxError: .*line 1"),
        ("import no_such_module_here\n", "bad.py could not be loaded: ModuleNotFoundError: No module named"),
        ("raise SystemExit(3)\n", "bad.py could not be loaded: SystemExit: 3"),
        ("1 / 0\n", "bad.py could not be loaded: ZeroDivisionError: division by zero"),
        (
            "import bot\n@bot.tool\ndef f(x): ...\n",
            "bad.py could not be loaded: tool f: parameter 'x' needs a type hint",
        ),
        ("def plain() -> None: ...\n", "bad.py holds no tool"),
        (GOOD.format(name="first"), "bad.py: the tool name 'first' is already used by a.py"),
        (GOOD.format(name="notes_add"), "bad.py: the tool name 'notes_add' is already used by another tool"),
    ],
)
def test_a_bad_file_is_named_in_one_sentence(tmp_path: Path, source: str, why: str) -> None:
    (tmp_path / "a.py").write_text(GOOD.format(name="first"))
    (tmp_path / "bad.py").write_text(source)

    with pytest.raises(ConfigError, match=why) as caught:
        load_folder(tmp_path, taken=["notes_add"])

    message = caught.value.user_message
    assert message.startswith("TOOLS_DIR: ")
    assert message.endswith(".")
    assert "\n" not in message
    assert str(tmp_path) not in message


def test_a_missing_folder_is_said_without_its_path(tmp_path: Path) -> None:
    with pytest.raises(ConfigError) as caught:
        load_folder(tmp_path / "none")

    assert caught.value.user_message == "TOOLS_DIR: is not a folder."
