"""What docs/tools.md says is what the code does."""

from __future__ import annotations

import inspect
import re
import sys
from collections.abc import Iterator
from dataclasses import fields
from pathlib import Path

import pytest

from bot.tools.builtin import builtin_tools
from bot.tools.context import Services
from bot.tools.folder import load_folder
from bot.tools.registry import ToolSpec, tool
from bot.tools.toolbox import Toolbox
from tests.tools.boxes import ALICE, ROOM, RUN, call, permit_from

PAGE = (Path(__file__).parents[2] / "docs" / "tools.md").read_text()


@pytest.fixture
def example(tmp_path: Path) -> Iterator[list[ToolSpec]]:
    source = re.search(r"```python\n(.*?)```", PAGE, re.DOTALL)
    assert source is not None
    (tmp_path / "deploy.py").write_text(source[1])
    path = list(sys.path)
    yield load_folder(tmp_path)
    sys.path[:] = path
    del sys.modules["nod_tools_deploy"]


def rows(heading: str) -> list[list[str]]:
    section = PAGE.partition(f"## {heading}\n")[2].partition("\n## ")[0]
    lines = [line for line in section.splitlines() if line.startswith("| `")]
    return [[cell.strip().strip("`") for cell in line.strip("|").split("|")] for line in lines]


async def test_the_example_works_as_the_page_says(example: list[ToolSpec]) -> None:
    toolbox = Toolbox(example, permit=permit_from(), actor=ALICE, place=ROOM)

    version, _ = await toolbox.run(call("version", '{"service":"web"}'), RUN, key="k")
    deployed, _ = await toolbox.run(call("deploy", '{"service":"web"}'), RUN, key="k")
    frozen, _ = await toolbox.run(call("deploy", '{"service":"api","percent":5}'), RUN, key="k")

    assert version.text == "1.4.2"
    assert deployed.text == '{"deployed": "web", "percent": 100, "by": "web:alice"}'
    assert (frozen.text, frozen.is_error) == ("The api is frozen until Monday.", True)
    assert toolbox.judge(call("deploy", '{"service":"web","percent":0}'), RUN).outcome == "invalid"


def test_the_example_has_the_facts_the_page_tells(example: list[ToolSpec]) -> None:
    facts = {spec.name: (spec.confirm, spec.effect, spec.approver, spec.roles) for spec in example}

    assert facts == {
        "version": (False, "read", "", None),
        "deploy": (True, "once", "admin", frozenset({"ops"})),
    }


def test_the_table_of_built_in_tools_is_the_registry() -> None:
    told = [row[:4] for row in rows("Built-in tools")]

    assert told == [
        [spec.name, "yes" if spec.confirm else "no", spec.effect, ", ".join(spec.needs)] for spec in builtin_tools()
    ]


def test_the_table_of_the_decorator_is_its_signature() -> None:
    parameters = list(inspect.signature(tool).parameters)

    assert [row[0] for row in rows("The decorator")] == parameters[1:]


def test_every_service_a_tool_may_need_is_told() -> None:
    optional = [service.name for service in fields(Services) if service.default is None and service.name != "resolve"]

    needs = next(row for row in rows("The decorator") if row[0] == "needs")
    assert re.findall(r"`(\w+)`", needs[2]) == optional
