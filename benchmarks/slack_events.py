"""How fast Nod acknowledges what Slack tells it: `python -m benchmarks.slack_events`. The bot is a process of its own,
on the stand-in of the tests; `--seconds 5` for a short one.

200 events a second for 30 seconds, over the socket and over HTTP: first as a busy workspace is, where one message in
ten is for the bot, then all of them questions. Every question comes twice, as a message and as a mention, and starts a
run. Prints how long the acknowledgements took.
"""

from __future__ import annotations

import argparse
import asyncio
import os
import statistics
import sys
import tempfile
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

from tests.adapters.slack.kit import Team, team_of
from tests.adapters.slack.wire import SlackServer, running_slack
from tests.adapters.slack.wire.delivery import Sent
from tests.cli.kit import free_port
from tests.models.endpoint import ScriptedEndpoint, says

EVENTS_A_SECOND, SECONDS, CHANNELS, PEOPLE = 200, 30, 20, 40
READY_S, PATIENCE_S = 60.0, 600.0


@asynccontextmanager
async def bot(team: Team, endpoint: ScriptedEndpoint, folder: Path, *, over_http: bool) -> AsyncIterator[None]:
    """The bot as a process, ready."""
    server, port = team.server, free_port()
    environment = {
        **{name: value for name, value in os.environ.items() if name in ("PATH", "HOME", "LANG")},
        "PYTHONPATH": str(Path(__file__).parents[1]),
        "ADAPTERS": "slack",
        "ADMINS": team.key(team.admin),
        "DATA_DIR": str(folder / "data"),
        "SLACK_BOT_TOKEN": server.bot_token,
        "SLACK_API_URL": server.api_url,
        "SLACK_MODE": "http" if over_http else "socket",
        "SLACK_APP_TOKEN": server.app_token,
        "SLACK_SIGNING_SECRET": server.signing_secret,
        "MODEL_API_URL": endpoint.url,
        "MODEL_NAME": "scripted",
        "HTTP_PORT": str(port),
        "LOG_LEVEL": "error",
    }
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "bot", "run"), cwd=folder, env=environment, stdout=asyncio.subprocess.DEVNULL
    )
    try:
        if over_http:
            hooks = server.deliver_to(f"http://127.0.0.1:{port}/slack/events")
            await server.until(lambda: server.calls("users.conversations"), READY_S)
            await hooks.verify_url()
        else:
            await server.connected(timeout_s=READY_S)
        yield
    finally:
        process.kill()
        await process.wait()


async def tell(server: SlackServer, team: Team, *, share: float, seconds: int) -> list[Sent]:
    """Let people say so much, evenly; `share` of it to the bot. Gives the events."""
    people = [server.create_user(f"person-{number}") for number in range(PEOPLE)]
    rooms = [server.create_channel(f"room-{number}", members=people) for number in range(CHANNELS)]
    before, wanted, said = len(server.delivery.events), EVENTS_A_SECOND * seconds, 0
    began = time.monotonic()
    while (sent := len(server.delivery.events) - before) < wanted:
        is_question = int(said * share) != int((said + 1) * share)
        words = f"{server.bot.mention} question {said}" if is_question else f"just talk, {said}"
        server.say(people[said % PEOPLE], rooms[said % CHANNELS], words)
        said += 1
        ahead_s = sent / EVENTS_A_SECOND - (time.monotonic() - began)
        await asyncio.sleep(max(0.0, ahead_s))
    events = server.delivery.events[before:]
    await server.until(lambda: all(one.is_acked or one.is_given_up for one in events), PATIENCE_S)
    return events


async def measure(*, over_http: bool, share: float, seconds: int) -> None:
    async with running_slack() as server, ScriptedEndpoint([says("Ok.")] * 100_000) as endpoint:
        team = team_of(server)
        with tempfile.TemporaryDirectory() as folder:
            async with bot(team, endpoint, Path(folder), over_http=over_http):
                events = await tell(server, team, share=share, seconds=seconds)
    took = [one.acked_after_s * 1000 for one in events if one.is_acked]
    again = sum(len(one.attempts) > 1 for one in events)
    where, what = "HTTP" if over_http else "socket", "all questions" if share == 1 else f"{share:.0%} questions"
    print(
        f"{where:6s} {what:14s} {len(events)} events: {statistics.median(took):6.1f} ms (median), "
        f"{statistics.quantiles(took, n=100)[98]:6.1f} ms (99 of 100), {max(took):6.1f} ms (worst); "
        f"{len(events) - len(took)} never, {again} sent again",
        flush=True,
    )


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seconds", type=int, default=SECONDS)
    seconds = parser.parse_args().seconds
    for over_http in (False, True):
        for share in (0.1, 1.0):
            asyncio.run(measure(over_http=over_http, share=share, seconds=seconds))


if __name__ == "__main__":
    main()
