"""What Nod sends to Discord: `python -m benchmarks.discord`. On the stand-in of the tests, with its real rate limits.

Prints the messages and edits of one answer of 2,000 tokens with three tool calls, written at 50 tokens a second.
"""

from __future__ import annotations

import asyncio
import tempfile
from collections import Counter
from pathlib import Path

from bot.config.settings import load
from tests.adapters.discord.kit import Team, running_nod, settings_of, team_of
from tests.adapters.discord.wire import running_discord
from tests.adapters.tools import write_tools
from tests.models.endpoint import ScriptedEndpoint, Status, Stream, calls, delta

TOKENS, TOKENS_A_SECOND = 2_000, 50
NAMES = {
    "POST /channels/{channel_id}/messages": "messages",
    "PATCH /channels/{channel_id}/messages/{message_id}": "edits",
    "DELETE /channels/{channel_id}/messages/{message_id}": "deletions",
    "POST /channels/{channel_id}/typing": "typing",
    "POST /channels/{channel_id}/messages/{message_id}/threads": "threads",
    "PUT /channels/{channel_id}/thread-members/{user_id}": "people added",
    "GET /channels/{channel_id}/messages": "history",
}


def long_answer() -> Stream:
    chunks: list[bytes | dict[str, object] | float | str] = []
    for number in range(TOKENS):
        chunks += [delta(content=f"{number:04d} "), 1 / TOKENS_A_SECOND]
    return Stream([*chunks, delta(finish="stop")])


async def one_answer(team: Team, endpoint: ScriptedEndpoint, folder: Path) -> Counter[str]:
    """Ask once, and count what was sent from then on."""
    environment = {"DATA_DIR": str(folder / "data"), "TOOLS_DIR": str(write_tools(folder)), "LOG_LEVEL": "error"}
    settings = settings_of(team, load(environment, None)[0])
    wanted = [calls(("look", {"n": number})) for number in range(3)]
    endpoint.script = [*(Status(body=one, delay_s=1.5) for one in wanted), long_answer()]
    async with running_nod(team, settings, endpoint) as nod:
        await nod.idle()
        before = len(team.server.requests)
        question = team.server.say(team.anna, team.room, f"{team.server.bot.mention} look three times, then tell me")
        last = f"{TOKENS - 1:04d}"
        await team.server.until(lambda: any(last in text for text in finished(team, question.id)), 300)
        await nod.idle()
        await asyncio.sleep(3)
        return Counter(NAMES.get(one.route, one.route) for one in team.server.requests[before:])


def finished(team: Team, thread_id: int) -> list[str]:
    """The messages that stay: without the one that is being written."""
    return [one.text for one in team.said(thread_id) if not one.labels]


async def main() -> None:
    async with running_discord() as server, ScriptedEndpoint([]) as endpoint:
        server.limits.enforce()
        with tempfile.TemporaryDirectory() as folder:
            counted = await one_answer(team_of(server), endpoint, Path(folder))
        print(f"One answer of {TOKENS} tokens in {TOKENS / TOKENS_A_SECOND:.0f} s, three tool calls:")
        for name, count in counted.most_common():
            print(f"  {count:4d} {name}")
        print(f"  {len(server.limits.hits):4d} answers of 429")


if __name__ == "__main__":
    asyncio.run(main())
