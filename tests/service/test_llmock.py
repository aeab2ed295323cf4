"""The bot against llmock: an endpoint with faults on demand that judges how its client took them.

Every scenario goes through the service, from a message to its answer, streamed as for somebody who looks on.
"""

from __future__ import annotations

import asyncio
import json
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import aiohttp
import pytest

from bot.config.settings import Settings
from tests.service.kit import Bench, Place, opened

TOOL = {"type": "reply", "times": 2, "tool_calls": [{"name": "deploy", "arguments": {"version": "7"}}]}


def fails(status: int, **more: Any) -> dict[str, Any]:
    return {"type": "fail", "status": status, **more}


def breaks(kind: str, **more: Any) -> dict[str, Any]:
    return {"type": "stream_fault", "kind": kind, "after_chunks": 3, **more}


def says(text: str) -> dict[str, Any]:
    return {"type": "reply", "text": text, "times": None}


class Llmock:
    """A running llmock. `url` is what a model is configured with."""

    def __init__(self, port: int) -> None:
        self._root = f"http://127.0.0.1:{port}"
        self.url = f"{self._root}/v1"

    async def forgets(self) -> None:
        """Begin anew, with no request seen and nothing to do."""
        async with aiohttp.ClientSession() as http, http.post(f"{self._root}/_llmock/reset", json={}) as answer:
            assert answer.status < 300

    async def plays(self, *behaviors: dict[str, Any]) -> None:
        """Do this to the requests that come: each takes the next failure, else the next fault and the next reply."""
        scenario = {"behaviors": list(behaviors)}
        url = f"{self._root}/_llmock/scenario"
        async with aiohttp.ClientSession() as http, http.post(url, json=scenario) as answer:
            assert answer.status < 300, await answer.text()

    async def verdict(self) -> dict[str, Any]:
        async with aiohttp.ClientSession() as http, http.get(f"{self._root}/_llmock/verdict") as answer:
            verdict: dict[str, Any] = json.loads(await answer.text())
            return verdict


@pytest.fixture(scope="module")
def llmock(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Llmock]:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    log = tmp_path_factory.mktemp("llmock") / "log"
    command = [str(Path(sys.executable).with_name("llmock")), "serve", "--port", str(port), "--log-level", "warning"]
    with log.open("wb") as out:
        process = subprocess.Popen(command, stdout=out, stderr=out)
        try:
            _wait_for(port, process, log)
            yield Llmock(port)
        finally:
            process.terminate()
            process.wait(10)


def _wait_for(port: int, process: subprocess.Popen[bytes], log: Path) -> None:
    ends = time.monotonic() + 60
    while time.monotonic() < ends:
        assert process.poll() is None, log.read_text()
        try:
            socket.create_connection(("127.0.0.1", port), timeout=1).close()
        except OSError:
            time.sleep(0.05)
        else:
            return
    raise AssertionError(f"llmock does not come up: {log.read_text()}")


async def answered(settings: Settings, llmock: Llmock, *behaviors: dict[str, Any]) -> tuple[str, dict[str, Any]]:
    """The answer to one message while llmock does this, and its verdict."""
    await llmock.forgets()
    await llmock.plays(*behaviors)
    async with opened(settings, llmock, silence_s=0.5, timeout_s=30) as one:  # type: ignore[arg-type]
        one.adapter.watched = True
        await one.say("Say something")
        (answer,) = one.answers()
    return answer, await llmock.verdict()


@pytest.mark.parametrize(
    ("behaviors", "attempts"),
    [
        ([fails(429, retry_after=1, times=2)], 3),
        ([fails(503)], 2),
        ([fails(500), fails(529)], 3),
        ([breaks("disconnect")], 2),
        ([breaks("truncate")], 2),
        ([breaks("truncate"), breaks("truncate")], 3),
        ([breaks("stall", stall_seconds=30)], 2),
        ([breaks("malformed")], 2),
        ([fails(429, retry_after=1), breaks("truncate")], 3),
        ([{"type": "slow_first_token", "seconds": 1.0}], 1),
        ([{"type": "delay", "seconds": 1.0}], 1),
    ],
    ids=lambda value: (
        "+".join(f"{one.get('status', '')}{one.get('kind', '')}" for one in value) if isinstance(value, list) else ""
    ),
)
async def test_what_passes_is_waited_for_and_the_whole_answer_comes(
    settings: Settings, llmock: Llmock, behaviors: list[dict[str, Any]], attempts: int
) -> None:
    answer, verdict = await answered(settings, llmock, *behaviors, says("one two three four five six seven eight"))

    assert answer == "one two three four five six seven eight"
    assert verdict["attempts"] == attempts
    assert _counted(verdict, attempts) == []
    assert verdict["passed"]


def _counted(verdict: dict[str, Any], attempts: int) -> list[str]:
    """The findings. A second try that comes while llmock still writes the first counts as a call of its own there."""
    codes = [finding["code"] for finding in verdict["findings"]]
    return [code for code in codes if attempts == 1 or code != "malformed_chunk_ignored"]


@pytest.mark.parametrize("status", [400, 401, 403, 404, 422])
async def test_what_will_not_pass_is_said_and_not_asked_again(settings: Settings, llmock: Llmock, status: int) -> None:
    answer, verdict = await answered(settings, llmock, fails(status))

    assert answer.startswith("The model 'm'")
    assert (verdict["attempts"], verdict["findings"]) == (1, [])


async def test_an_outage_is_given_up_after_a_few_tries(settings: Settings, llmock: Llmock) -> None:
    answer, verdict = await answered(settings, llmock, fails(503, times=50))

    assert "has a problem on its side" in answer
    assert (verdict["attempts"], verdict["passed"]) == (3, True)


async def test_a_gated_call_survives_faults_before_and_after_its_click(
    settings: Settings, llmock: Llmock, ledger: Callable[[], list[str]]
) -> None:
    await llmock.forgets()
    await llmock.plays(fails(503), breaks("truncate"), TOOL)
    async with opened(settings, llmock, silence_s=0.5) as one:  # type: ignore[arg-type]
        one.adapter.watched = True
        await one.say("Deploy 7")
        card = await one.only_card()
        await llmock.plays(fails(429, retry_after=1), breaks("disconnect"), says("Deployed version seven."))
        await one.click(card.approval_id)

        assert one.answers() == ["Deployed version seven."]
    verdict = await llmock.verdict()
    assert ledger() == ["7"]
    assert (verdict["findings"], verdict["passed"]) == ([], True)


async def test_twenty_people_at_an_endpoint_that_falters_are_all_answered(settings: Settings, llmock: Llmock) -> None:
    faults = [fails(429, retry_after=1), breaks("truncate"), fails(503), breaks("disconnect")]
    await llmock.forgets()
    await llmock.plays(*faults)
    async with opened(settings, llmock, silence_s=0.5, timeout_s=60) as one:  # type: ignore[arg-type]
        one.adapter.watched = True
        await asyncio.gather(*(_say_in(one, f"t{at}") for at in range(20)))
        await one.service.idle()

        assert len(one.answers()) == 20
        assert not [text for text in one.answers() if "The model" in text or "broke off" in text]
    verdict = await llmock.verdict()
    assert verdict["passed"], verdict["findings"]


async def _say_in(one: Bench, thread: str) -> None:
    await one.say(f"Hello from {thread}", place=Place("web", "", "general", thread))
