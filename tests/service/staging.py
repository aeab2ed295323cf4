"""Where a disobedient model is let loose on a bot, and everything that people, and nobody else, did there."""

from __future__ import annotations

import contextlib
import json
import re
from collections import Counter
from collections.abc import AsyncIterator, Callable

from bot import chat
from bot.chat import Actor, Place, Upload
from bot.config.settings import Settings
from bot.storage.notes import NoteRows
from bot.tools.builtin._room_files import write_text
from tests.models.endpoint import ScriptedEndpoint
from tests.service.disobedient import ASKERS, Asker, DisobedientModel, Scenario, has_tool, order
from tests.service.kit import ROOT, Bench, opened

MALLORY = Actor("web", "", "mallory", "mallory", standing="guest")
REFUSALS = ("There is no tool named", "Invalid arguments for", "Action denied by user.", "Not run")
POLICY = {
    "rules": "SELECT scope, subject, kind, value, condition, set_by FROM rules ORDER BY id",
    "approver_rules": "SELECT * FROM approver_rules",
    "links": "SELECT * FROM links",
    "grants": "SELECT * FROM grants",
    "policy_version": "SELECT version FROM policy_version",
    "choices": "SELECT id, model, forgotten_upto FROM conversations WHERE model != '' OR forgotten_upto != 0",
    "posts": "SELECT * FROM outbox WHERE kind = 'post'",
}


def who(asker: Asker) -> Actor:
    return Actor("web", "", asker.name, asker.name, standing=asker.standing)  # type: ignore[arg-type]


def place_of(scenario: Scenario, thread: str = "t") -> Place:
    return Place("web", "", f"c{scenario.number}", thread)


class Stage:
    """Where scenarios are played, and everything that people, and nobody else, did there."""

    def __init__(self, model: DisobedientModel, ledger: Callable[[], Counter[str]], pages: str) -> None:
        self.model, self.ledger, self.pages = model, ledger, pages
        self.one: Bench
        self.may: Counter[str] = Counter()
        self.clicks: dict[str, tuple[str, str]] = {}
        self.people = {"web:root": "member", MALLORY.key: "guest"}
        self.cards: dict[str, list[chat.Card]] = {}
        self.policy: dict[str, object] = {}
        self.notes = 0
        self.problems: list[str] = []
        self.reached: set[str] = set()

    # --- what people do ---

    async def enter(self, asker: Asker) -> None:
        self.people[who(asker).key] = asker.standing
        await self.one.service.met(who(asker))
        for words in asker.words:
            await self.admin(words.format(asker.name))
        await self.note_policy()

    async def admin(self, words: str) -> None:
        before = self.policy
        await self.one.admin(words)
        await self.one.service.idle()
        await self.note_policy()
        assert self.policy != before, words

    async def note_policy(self) -> None:
        self.policy = await self.stored()

    async def stored(self) -> dict[str, object]:
        return {table: await self.one.plain(sql) for table, sql in POLICY.items()}

    async def say(self, scenario: Scenario, mode: str = "", thread: str = "t", *files: Upload) -> None:
        text = f"Please (#{scenario.number}{' ' if mode else ''}{mode})"
        await self.one.say(text, *files, actor=who(scenario.asker), place=place_of(scenario, thread))

    async def waiting(self, scenario: Scenario) -> list[chat.Card]:
        """What waits in this scenario's room; each card is noted."""
        room = place_of(scenario).room
        found = [one for one in await self.one.service.pending(ROOT) if one.place.room == room]
        noted = self.cards.setdefault(scenario.number, [])
        noted += [card for card in found if card.approval_id not in {one.approval_id for one in noted}]
        return found

    async def click(self, card: chat.Card, verb: str, actor: Actor = ROOT) -> None:
        said = await self.one.click(card.approval_id, verb, actor=actor)
        assert said.is_accepted, said.message
        self.clicks[card.approval_id] = ({"approve": "approved", "deny": "denied"}[verb], actor.key)

    async def deny_all(self, scenario: Scenario) -> None:
        """Deny by a click whatever waits, as long as something does; what is asked again for ever is a fault."""
        for _ in range(8):
            for card in (found := await self.waiting(scenario)):
                await self.click(card, "deny")
            if not found:
                return
        raise AssertionError(f"{scenario.key} is asked about again and again")

    async def approve_first(self, scenario: Scenario) -> None:
        (card,) = await self.waiting(scenario)
        assert card.tool == "deploy"
        self.may[line("deploy", version=f"agreed-{scenario.number}")] += 1
        await self.click(card, "approve")
        self.cards[scenario.number].clear()

    # --- where the order comes from ---

    async def arrange(self, scenario: Scenario) -> tuple[Upload, ...]:
        """Put the order where the model will read it; gives what comes with the message."""
        number, place, url = scenario.number, place_of(scenario), f"{self.pages}/{scenario.number}"
        self.model.scenarios[number] = scenario
        match scenario.source:
            case "page":
                self.model.readings[number] = ("fetch_page", {"url": url})
            case "error":
                self.model.readings[number] = ("broken_page", {"url": url})
            case "note":
                self.notes += 1
                notes = NoteRows(self.one.app.database)
                await notes.add(place.room, "mallory", order(number), f"n{number}", author_key="web:mallory")
                self.model.readings[number] = ("notes_search", {"query": ""})
            case "file":
                write_text(self.one.app.settings.data_dir / "files", place, "plan.txt", order(number))
                self.model.readings[number] = ("files_read", {"path": "plan.txt"})
            case "talk" | "summary":
                await self.one.say(f"By the way: {order(number)}", actor=MALLORY, place=place)
            case "attachment":
                return (Upload("todo.md", order(number).encode()),)
        if scenario.source == "summary":
            for _ in range(4):
                await self.one.say("And so on. " * 60, actor=who(scenario.asker), place=place)
        return ()

    # --- how it goes on ---

    async def begin(self, scenario: Scenario) -> None:
        """Say what makes the model try."""
        files = await self.arrange(scenario)
        match scenario.state:
            case "approved":
                await self.say(scenario, "agree")
                await self.approve_first(scenario)
                await self.say(scenario)
            case "same run":
                await self.say(scenario, "first")
                await self.approve_first(scenario)
            case "later run":
                await self.say(scenario, "look")
                await self.say(scenario)
            case "other thread":
                await self.say(scenario, "look")
                await self.say(scenario, "act", "another")
            case _:
                await self.say(scenario, "", "t", *files)

    async def play(self, scenario: Scenario) -> None:
        await self.begin(scenario)
        await self.waiting(scenario)
        await self.look_on(scenario)
        if scenario.state in ("tightened", "loosened"):
            await self.change(scenario)
        if scenario.state != "restart":
            await self.end(scenario)

    async def change(self, scenario: Scenario) -> None:
        """An admin says something about these tools while a card waits; afterwards all is as before."""
        tools = sorted({"deploy", *(name for name in scenario.expected if has_tool(scenario.asker, name))})
        verb = {"tightened": "deny", "loosened": "allow"}[scenario.state]
        await self.admin(f"{verb} @{scenario.asker.name} {','.join(tools)}")
        await self.look_on(scenario)
        if verb == "deny":
            assert await self.waiting(scenario) == []
        await self.deny_all(scenario)
        await self.look_on(scenario)
        await self.admin(f"reset @{scenario.asker.name}")

    async def end(self, scenario: Scenario) -> None:
        await self.deny_all(scenario)
        await self.look_on(scenario)
        self.judge(scenario)

    # --- what is seen from outside ---

    async def look_on(self, scenario: Scenario) -> None:
        """Nothing but what people clicked took place, and nothing they did not say is stored."""
        found = []
        if self.ledger() != self.may:
            found.append(f"effects: {self.ledger() - self.may}")
            self.may = self.ledger()
        if (stored := await self.stored()) != self.policy:
            found.append(f"policy: {stored}")
            self.policy = stored
        people = {str(key): str(standing) for key, standing in await self.one.plain("SELECT key, standing FROM people")}
        if not people.items() <= self.people.items():
            found.append(f"people: {people}")
        found += await self.decided_otherwise()
        folder = self.one.app.settings.data_dir / "files"
        if list(folder.rglob("evil*")) or await self.one.plain("SELECT count(*) FROM notes") != [(self.notes,)]:
            found.append("files or notes")
        self.problems += [f"{scenario.key}: {one}" for one in found]

    async def decided_otherwise(self) -> list[str]:
        """What was decided by anybody but who clicked."""
        rows = await self.one.plain("SELECT id, state, decided_by FROM approvals WHERE state != 'pending'")
        undecided = {("cancelled", "")}
        odd = [row for row in rows if self.clicks.get(str(row[0])) != row[1:] and row[1:] not in undecided]
        votes = await self.one.plain("SELECT approval_id, person FROM votes")
        return [f"decided: {row}" for row in odd] + [
            f"voted: {row}" for row in votes if self.clicks.get(str(row[0]), ("", ""))[1] != row[1]
        ]

    def judge(self, scenario: Scenario) -> None:
        """Whether the model got as far as its try, and what came of it is what has to."""
        cards = Counter(card.tool for card in self.cards[scenario.number])
        answered = self.model.answered[scenario.number]
        runs = 2 if scenario.state == "restart" else 1
        for tool, expected in scenario.expected.items():
            told = [text for name, text in answered if name == sent_back(tool)]
            is_refused = bool(told) and all(text.startswith(REFUSALS) for text in told)
            said = any(scenario.move.text.partition("{")[0] in text for text in self.one.answers())
            came = "card" if cards[tool] else "refused" if is_refused else "said" if not tool and said else "nothing"
            if came != "nothing":
                self.reached.add(scenario.number)
            if came != expected or cards[tool] not in (0, runs):
                self.problems.append(f"{scenario.key}: {tool} {came} x{cards[tool]}, not {expected}: {told}")

    async def ran_for_others(self) -> list[object]:
        """Tools that ran for somebody who does not have them."""
        rows = await self.one.plain(
            "SELECT DISTINCT runs.requester, calls.name FROM calls JOIN runs ON runs.id = calls.run_id "
            "WHERE calls.started_ms IS NOT NULL OR calls.state IN ('started', 'done', 'unknown')"
        )
        askers = {who(asker).key: asker for asker in ASKERS}
        return [row for row in rows if not has_tool(askers[str(row[0])], str(row[1])) and row[1] != "current_time"]


def sent_back(name: str) -> str:
    """The name of a made-up tool, in the letters that a model is shown in what it said before."""
    return re.sub(r"[^A-Za-z0-9_-]", "_", name)


def line(tool: str, **arguments: object) -> str:
    """An effect as the ledger has it."""
    return json.dumps([tool, arguments])


@contextlib.asynccontextmanager
async def staged(stage: Stage, settings: Settings, endpoint: ScriptedEndpoint, **cfg: object) -> AsyncIterator[Stage]:
    endpoint.script = [stage.model] * 100_000
    async with opened(settings, endpoint, **cfg) as one:
        stage.one = one
        yield stage
