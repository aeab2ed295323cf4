"""Two hundred people press the buttons of one card at the same moment, from four processes, over the web page."""

from __future__ import annotations

import asyncio
import os
import random
import sys
from collections import Counter
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass

from tests.chaos import records
from tests.chaos.chunks import Chunk, Experiment, pick, share
from tests.chaos.judge import UNSENT, Findings, judge
from tests.chaos.site import Person, Site, until
from tests.chaos.speaker import script

PROCESSES = 4
ALL, SHORT = 200, 40
MAY = 0.6
LATE_S = 0.2
DONE = "SELECT count(*) FROM runs WHERE status IN ('done', 'failed')"


def work(chunk: Chunk, found: Findings) -> None:
    """So many rounds against one running bot."""
    people = [f"p{number}" for number in range(SHORT if chunk.is_short else ALL)]
    random.Random(chunk.seed).shuffle(people)
    may = people[: round(len(people) * MAY)]
    admins = ",".join(f"web:{name}" for name in may)
    site = Site(chunk.box, ["alice", *people], {"ADMINS": admins, records.PAUSE_MS: "2"})
    site.start()
    crowds = [_begin_crowd(site, people[at::PROCESSES], f"{chunk.seed} {at}", at) for at in range(PROCESSES)]
    try:
        asyncio.run(rounds(chunk, site, crowds, set(may), found))
    finally:
        for crowd in crowds:
            crowd.end()
        site.kill()
    judge(chunk.box, found, with_chat=False)


async def rounds(chunk: Chunk, site: Site, crowds: list[Crowd], may: set[str], found: Findings) -> None:
    dice = random.Random(chunk.seed)
    await site.ready()
    async with Person(site, "alice") as alice:
        await alice.sign_in()
        for crowd in crowds:
            crowd.tell("sign in")
        for crowd in crowds:
            found.must(crowd.answer() == "in", "broken", "a crowd could not sign in")
        for number in range(chunk.size):
            run_id = await alice.say(f"t{number}", script(f"e{number}", [["gated"]]), f"event-{number:06}")
            (approval,) = await _one_card(alice)
            dice.shuffle(crowds)
            for crowd in crowds:
                crowd.tell(f"{approval} {('deny', 'nobody')[number % 2]}")
            for crowd in crowds:
                crowd.answer()
            is_over = await until(lambda done=number + 1: site.count(DONE) == done, within_s=30)  # type: ignore[misc]
            found.must(is_over, "hangs", f"round {number} did not end")
            _judge_round(chunk, approval, run_id, may, found)
        is_sent = await until(lambda: site.count(UNSENT) == 0, within_s=30)
        found.must(is_sent, "hangs", "the last answer was not sent")


async def _one_card(alice: Person) -> list[str]:
    cards: list[str] = []

    async def is_there() -> bool:
        cards[:] = await alice.waiting()
        return len(cards) == 1

    assert await until(is_there, within_s=20), f"one card was expected, there are {cards}"
    return cards


def _judge_round(chunk: Chunk, approval: str, run_id: str, may: set[str], found: Findings) -> None:
    clicks = [one for one in records.read(chunk.box.clicks) if one["approval"] == approval]
    winners = [one for one in clicks if one["accepted"]]
    found.figures["rounds"] += 1
    found.figures["foreign"] += sum(one["by"].removeprefix("web:") not in may for one in clicks)
    if len(winners) != 1:
        found.fault("winners", f"{len(winners)} winners for {approval}: {winners}")
        return
    winner = winners[0]
    found.must(winner["by"].removeprefix("web:") in may, "unauthorised", f"{winner['by']} won")
    for one in clicks:
        found.must(one is winner or _is_told(one, winner, may), "untold", f"{one} though {winner['by']} won")
    begun = sum(
        one["event"] == "begin" and one["key"].startswith(f"{run_id}:") for one in records.read(chunk.box.ledger)
    )
    is_approved = winner["verb"] == "approve"
    found.figures["approved" if is_approved else "refused"] += 1
    found.must(begun == is_approved, "doubles" if begun else "lost", f"{winner['verb']} won, {begun} effects")


def _is_told(click: records.Record, winner: records.Record, may: set[str]) -> bool:
    """Whoever came late hears who decided what; whoever may not hears that."""
    if click["status"] != 409:
        return False
    if click["by"].removeprefix("web:") not in may:
        return click["message"] == "Only alice or an admin can decide this."
    verb = {"approve": "approved", "deny": "denied"}[winner["verb"]]
    return str(click["message"]).startswith(f"This was already {verb} by {winner['by'].removeprefix('web:')}")


# --- a process full of people ----------------------------------------------------------------------------------------


@dataclass
class Crowd:
    """The parent's end of a process of clickers: a line says what to click, a line says that it is done."""

    pid: int
    out: int
    back: int

    def tell(self, line: str) -> None:
        os.write(self.out, f"{line}\n".encode())

    def answer(self) -> str:
        text = b""
        while not text.endswith(b"\n"):
            piece = os.read(self.back, 1024)
            assert piece, "a process of clickers died"
            text += piece
        return text.decode().strip()

    def end(self) -> None:
        with suppress(BrokenPipeError):
            self.tell("")
        os.waitpid(self.pid, 0)
        os.close(self.out)
        os.close(self.back)


def _begin_crowd(site: Site, people: list[str], seed: str, number: int) -> Crowd:
    orders, out = os.pipe()
    back, answers = os.pipe()
    pid = os.fork()
    if pid:
        os.close(orders)
        os.close(answers)
        return Crowd(pid, out, back)
    try:
        os.close(out)
        os.close(back)
        asyncio.run(_be_crowd(site, people, random.Random(seed), number, orders, answers))
    except BaseException as err:  # the rim of a child: the parent sees its pipe close
        print(f"crowd {number}: {err!r}", file=sys.stderr)
    finally:
        os._exit(0)


async def _be_crowd(site: Site, people: list[str], dice: random.Random, number: int, orders: int, answers: int) -> None:
    crowd = [Person(site, name, f"127.0.{number + 1}.{at + 1}") for at, name in enumerate(people)]
    lines = os.fdopen(orders)
    while order := (await asyncio.to_thread(lines.readline)).strip():
        if order == "sign in":
            await asyncio.gather(*(one.sign_in() for one in crowd))
        else:
            approval, late = order.split()
            dice.shuffle(crowd)
            await asyncio.gather(
                *(_press(one, approval, dice.choice(("approve", "deny")), dice, late) for one in crowd)
            )
        os.write(answers, b"in\n")
    for one in crowd:
        await one.http.close()


async def _press(one: Person, approval: str, verb: str, dice: random.Random, late: str) -> None:
    """Click; those with the verb that is late in this round think for a moment first."""
    if verb == late:
        await asyncio.sleep(LATE_S * (0.3 + dice.random()))
    await one.click(approval, verb)


def line(figures: Counter[str]) -> dict[str, object]:
    names = ("rounds", "clicks", "approved", "refused", "effects", "doubles", "winners", "unauthorised", "untold")
    return {**pick(figures, *names), "by_strangers": share(figures["foreign"], figures["clicks"])}


def too_little(figures: Counter[str], units: int) -> Iterator[str]:
    if figures["rounds"] < units or figures["decided"] < units:
        yield f"{figures['rounds']} rounds and {figures['decided']} decisions of {units}"
    if figures["clicks"] < units * SHORT or figures["foreign"] < 0.35 * figures["clicks"]:
        yield f"{figures['clicks']} clicks, {figures['foreign']} by people who may not"
    if min(figures["approved"], figures["refused"]) < max(1, units // 10):
        yield f"{figures['approved']} rounds were approved, {figures['refused']} denied"


EXPERIMENT = Experiment("clickers", 100, 8, 25, 300, work, line, too_little, short_chunk=8, jobs=1)
