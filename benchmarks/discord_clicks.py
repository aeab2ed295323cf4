"""What clicks and waiting cost on Discord: `python -m benchmarks.discord_clicks`. The bot is a process of its own, on
the stand-in of the tests.

Prints how long 200 clicks took to be acknowledged while 100 runs were working, and the memory of the bot with none and
with 1,000 approvals waiting.
"""

from __future__ import annotations

import asyncio
import os
import statistics
import sys
import tempfile
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

from tests.adapters.discord.kit import Team, team_of
from tests.adapters.discord.wire import Interaction, Message, running_discord
from tests.adapters.tools import write_tools
from tests.cli.kit import free_port
from tests.models.endpoint import Recorded, ScriptedEndpoint, Stream, calls, delta, says

CLICKS, RUNS, CARDS, CALLS_A_RUN = 200, 100, 1_000, 10
WORDS, WORDS_A_SECOND = 400, 20
"""What each of the runs writes meanwhile: twenty seconds of it."""
SETTLED_S, PATIENCE_S = 5.0, 900.0


@asynccontextmanager
async def bot(team: Team, endpoint: ScriptedEndpoint, folder: Path) -> AsyncIterator[int]:
    """The bot as a process, ready; its id."""
    environment = {
        **{name: value for name, value in os.environ.items() if name in ("PATH", "HOME", "LANG")},
        "PYTHONPATH": str(Path(__file__).parents[1]),
        "ADAPTERS": "discord",
        "ADMINS": f"{team.scope}/{team.admin.id}",
        "DATA_DIR": str(folder / "data"),
        "TOOLS_DIR": str(write_tools(folder)),
        "DISCORD_TOKEN": team.server.token,
        "DISCORD_API_URL": team.server.api_url,
        "DISCORD_GATEWAY_URL": team.server.gateway_url,
        "MODEL_API_URL": endpoint.url,
        "MODEL_NAME": "scripted",
        "HTTP_PORT": str(free_port()),
        "LOG_LEVEL": "error",
    }
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "bot", "run"), cwd=folder, env=environment, stdout=asyncio.subprocess.DEVNULL
    )
    try:
        await team.server.until(team.texts, 30)  # it has said hello
        yield process.pid
    finally:
        process.kill()
        await process.wait()


def answer(recorded: Recorded) -> dict[str, object] | Stream:
    """What the model says, by the question: asks for calls, writes for long, or closes what was decided."""
    messages = recorded.body["messages"]
    if messages[-1]["role"] == "tool":
        return says("Done.")
    if "write" in messages[-1]["content"]:
        chunks: list[bytes | dict[str, object] | float | str] = []
        for number in range(WORDS):
            chunks += [delta(content=f"{number:03d} "), 1 / WORDS_A_SECOND]
        return Stream([*chunks, delta(finish="stop")])
    number = messages[-1]["content"].rpartition(" ")[2]
    return calls(*[("deploy", {"version": f"{number}-{at}"}) for at in range(CALLS_A_RUN)])


def memory_mb(pid: int) -> float:
    """The resident memory of a process."""
    pages = int(Path(f"/proc/{pid}/statm").read_text().split()[1])
    return pages * os.sysconf("SC_PAGE_SIZE") / 1e6


async def wait_for_cards(team: Team, count: int) -> list[Message]:
    """So many cards, asked for ten at a time."""
    server, asked = team.server, 0
    while True:
        shown = [one for one in team.said() if "Approve" in one.labels]
        if len(shown) >= count:
            return shown
        if len(shown) >= asked:
            for number in range(5):
                server.say(team.anna, team.room, f"{server.bot.mention} deploy {asked + number}")
            asked += 5 * CALLS_A_RUN
        await asyncio.sleep(0.1)


async def acknowledged_s(team: Team, shown: list[Message]) -> list[float]:
    """Press everything, evenly over some seconds, while the runs write."""
    server = team.server
    for number in range(RUNS):
        server.say(team.ben, team.room, f"{server.bot.mention} write {number}")
    await server.until(lambda: len([one for one in team.said() if "Stop" in one.labels]) >= RUNS, PATIENCE_S)
    clicks: list[Interaction] = []
    for card in shown[:CLICKS]:
        clicks.append(server.press(team.anna, card, "Approve"))
        await asyncio.sleep(0.04)
    return [(await click.answered(60)).after_s for click in clicks]


async def main() -> None:
    async with running_discord() as server, ScriptedEndpoint([answer] * 100_000) as endpoint:
        team = team_of(server)
        with tempfile.TemporaryDirectory() as folder:
            async with bot(team, endpoint, Path(folder)) as pid:
                await measure(team, pid)


async def measure(team: Team, pid: int) -> None:
    await asyncio.sleep(SETTLED_S)
    print(f"memory, nothing waits:          {memory_mb(pid):6.1f} MB", flush=True)
    for count in (CALLS_A_RUN, CARDS):
        shown = await wait_for_cards(team, count)
        await asyncio.sleep(SETTLED_S)
        print(f"memory, {len(shown):5d} approvals wait:   {memory_mb(pid):6.1f} MB", flush=True)
    took = await acknowledged_s(team, shown)
    running = sum("Stop" in one.labels for one in team.said())
    median_ms, worst_ms = statistics.median(took) * 1000, max(took) * 1000
    print(f"{len(took)} clicks while {RUNS} runs were writing (at the end {running}):")
    print(f"  acknowledged in {median_ms:.0f} ms (median), {worst_ms:.0f} ms (worst)")


if __name__ == "__main__":
    asyncio.run(main())
