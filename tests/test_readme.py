"""What the texts show is run as it stands there."""

from __future__ import annotations

import asyncio
import re
import sys
from pathlib import Path

import pytest

from bot.models.registry import Registry
from tests.models.endpoint import ScriptedEndpoint, calls, says

ROOT = Path(__file__).parents[1]


def blocks(path: str, language: str) -> list[str]:
    return re.findall(rf"```{language}\n(.*?)```", (ROOT / path).read_text("utf-8"), re.DOTALL)


async def test_the_readmes_script_pauses_and_resumes(endpoint: ScriptedEndpoint, tmp_path: Path) -> None:
    tool, script = blocks("README.md", "python")
    endpoint.script = [calls(("restart", {"service": "web"})), says("The web server is back")]
    code = (tool + script).replace("http://localhost:11434/v1", endpoint.url)
    process = await asyncio.create_subprocess_exec(
        sys.executable,
        "-c",
        code,
        cwd=tmp_path,
        env={"PYTHONPATH": str(ROOT)},
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
    )
    out, err = await process.communicate()

    assert err.decode() == ""
    assert out.decode() == (
        'This action needs confirmation before anything happens:\n- **restart** `{"service": "web"}`\n'
        "The web server is back\n"
    )


def test_the_models_page_shows_a_file_that_can_be_read(tmp_path: Path) -> None:
    (example,) = blocks("docs/models.md", "toml")
    (tmp_path / "models.toml").write_text(example)

    models = Registry.load(tmp_path / "models.toml", environ={"OPENROUTER_KEY": "sk-0123456789"})

    assert models.labels() == ("kitchen", "cloud")
    assert [one.label for one in models.chain("kitchen", frozenset({"admin"}))] == ["kitchen", "cloud"]
    assert [one.label for one in models.chain("kitchen", frozenset({"user"}))] == ["kitchen"]
    assert models.default.tools == ("current_time", "notes_search")
    assert models.default.sampling == {"temperature": 0, "max_tokens": 800}


@pytest.mark.parametrize("command", ["demo", "test", "check", "bench", "clean"])
def test_the_makefile_has_the_commands_the_texts_name(command: str) -> None:
    assert re.search(rf"^{command}:", (ROOT / "Makefile").read_text("utf-8"), re.MULTILINE)
