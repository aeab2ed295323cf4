"""What Nod asks of Slack: `python -m benchmarks.slack`. On the stand-in of the tests, with Slack's own rate limits.

Prints the Web API calls of one answer of 2,000 tokens with three tool calls, written at 50 tokens a second.
"""

from __future__ import annotations

import asyncio
import tempfile
from collections import Counter
from pathlib import Path

from benchmarks.discord import TOKENS, TOKENS_A_SECOND, long_answer
from bot.config.settings import load
from tests.adapters.slack.kit import Team, running_nod, settings_of, team_of
from tests.adapters.slack.wire import running_slack
from tests.adapters.tools import write_tools
from tests.models.endpoint import ScriptedEndpoint, Status, calls


async def one_answer(team: Team, endpoint: ScriptedEndpoint, folder: Path) -> tuple[Counter[str], int]:
    """Ask once: what was called from then on, and the calls that were refused for coming too fast."""
    environment = {"DATA_DIR": str(folder / "data"), "TOOLS_DIR": str(write_tools(folder)), "LOG_LEVEL": "error"}
    settings = settings_of(team, load(environment, None)[0])
    wanted = [calls(("look", {"n": number})) for number in range(3)]
    endpoint.script = [*(Status(body=one, delay_s=1.5) for one in wanted), long_answer()]
    async with running_nod(team, settings, endpoint) as nod:
        await nod.idle()
        before = len(team.server.calls())
        team.ask("look three times, then tell me")
        last = f"{TOKENS - 1:04d}"
        await team.server.until(lambda: any(last in text for text in team.answers()), 300)
        await nod.idle()
        await asyncio.sleep(3)
        asked = team.server.calls()[before:]
        return Counter(one.method for one in asked), sum(one.status == 429 for one in asked)


async def main() -> None:
    async with running_slack() as server, ScriptedEndpoint([]) as endpoint:
        server.limits.enforce()
        with tempfile.TemporaryDirectory() as folder:
            counted, limited = await one_answer(team_of(server), endpoint, Path(folder))
        print(f"One answer of {TOKENS} tokens in {TOKENS / TOKENS_A_SECOND:.0f} s, three tool calls:")
        for name, count in counted.most_common():
            print(f"  {count:4d} {name}")
        print(f"  {counted.total():4d} in all, {limited} answers of 429")


if __name__ == "__main__":
    asyncio.run(main())
