"""The four file tools, through the toolbox."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from bot.tools.builtin.files_delete import files_delete
from bot.tools.builtin.files_list import files_list
from bot.tools.builtin.files_read import files_read
from bot.tools.builtin.files_write import files_write
from bot.tools.context import Services
from bot.tools.registry import spec_of
from bot.tools.toolbox import Toolbox
from tests.tools.boxes import RUN, box, call

TOOLS = [files_list, files_read, files_write, files_delete]


@pytest.fixture
def toolbox(tmp_path: Path) -> Toolbox:
    return box(TOOLS, services=Services(files_dir=tmp_path / "not yet there" / "files"))


async def said(toolbox: Toolbox, name: str, **arguments: object) -> str:
    result, is_known = await toolbox.run(call(name, json.dumps(arguments)), RUN, key="k")
    assert is_known
    return ("ERROR " if result.is_error else "") + result.text


async def test_a_file_from_first_to_last(toolbox: Toolbox) -> None:
    assert await said(toolbox, "files_list") == "This channel has no files."
    assert (
        await said(toolbox, "files_write", path="a.txt", text="one\ntwo\nthree\n")
        == "Wrote 14 bytes to a.txt (a new file)."
    )
    assert (await said(toolbox, "files_list")).startswith("a.txt (14 bytes, 20")
    assert await said(toolbox, "files_read", path="a.txt") == "one\ntwo\nthree\n"
    assert await said(toolbox, "files_read", path="a.txt", first_line=2) == "two\nthree\n"
    assert await said(toolbox, "files_write", path="a.txt", text="") == "Wrote 0 bytes to a.txt (it replaced 14 bytes)."
    assert await said(toolbox, "files_read", path="a.txt") == "The file 'a.txt' is empty."
    assert await said(toolbox, "files_delete", path="a.txt") == "Deleted a.txt."
    assert await said(toolbox, "files_list") == "This channel has no files."


async def test_mistakes_are_said(toolbox: Toolbox) -> None:
    await said(toolbox, "files_write", path="a.txt", text="one")

    assert await said(toolbox, "files_read", path="b.txt") == (
        "ERROR There is no file 'b.txt' here. Use files_list to see the files."
    )
    assert await said(toolbox, "files_delete", path="x/b.txt") == (
        "ERROR There is no file 'x/b.txt' here. Use files_list to see the files."
    )
    assert await said(toolbox, "files_read", path="a.txt", first_line=9) == "ERROR The file 'a.txt' has only 1 lines."
    assert (await said(toolbox, "files_read", path="../a.txt")).startswith("ERROR The path '../a.txt' cannot be used: ")


@pytest.mark.parametrize("name", ["files_read", "files_write", "files_delete"])
@pytest.mark.parametrize(
    "path", ["../../etc/passwd", "/etc/passwd", "a//b", "~/a", "a\\b", "nul", "a\u202eb", "x/" * 9 + "y", ".hidden"]
)
def test_nobody_is_asked_about_a_path_that_cannot_be_used(toolbox: Toolbox, name: str, path: str) -> None:
    arguments = {"path": path, "text": "x"} if name == "files_write" else {"path": path}

    verdict = toolbox.judge(call(name, json.dumps(arguments)), RUN)

    assert (verdict.outcome, verdict.rule) == ("invalid", "could not run")
    assert "cannot be used" in verdict.text


def test_judging_a_path_touches_no_disk(tmp_path: Path) -> None:
    toolbox = box(TOOLS, services=Services(files_dir=tmp_path / "files"))

    verdict = toolbox.judge(call("files_delete", '{"path":"plans/todo.txt"}'), RUN)

    assert verdict.outcome == "run"
    assert not (tmp_path / "files").exists()


def test_changing_is_gated_and_runs_once() -> None:
    facts = {spec_of(fn).name: (spec_of(fn).confirm, spec_of(fn).effect) for fn in TOOLS}

    assert facts == {
        "files_list": (False, "read"),
        "files_read": (False, "read"),
        "files_write": (True, "once"),
        "files_delete": (True, "once"),
    }


def test_without_a_folder_there_are_no_file_tools() -> None:
    assert box(TOOLS).schemas == b""
