"""A chat service in memory that speaks the real protocol: scripted answers, one gated tool, kept while it lives."""

from __future__ import annotations

import asyncio
import json
import time
from dataclasses import dataclass, field, replace
from itertools import count

from bot.attachments import attachments_of
from bot.chat import (
    ONCE,
    Actor,
    Answered,
    Card,
    CardShown,
    ChatAdapter,
    Click,
    Completion,
    Event,
    Inbound,
    Notice,
    Offer,
    Outcome,
    Place,
    Receipt,
    Said,
    TextSoFar,
    Thread,
    ToolLine,
    Working,
)
from bot.errors import Refused

ROLES = {"root": "admin"}
ANSWER = """Here is what I found:

- **three** files changed since Monday
- the largest is `report.md`

```python
print("hello")
```

See [the guide](https://example.com/guide?q=1) for more."""

COMMANDED = """- **kitchen** (answers here, usual): qwen3:8b, 32k tokens
- cloud: some/model, sees images, <img src=x onerror=alert(1)>"""

WORDS = (
    Completion("help", "what there is"),
    Completion("model", "the models that answer here"),
    Completion("model fast", "qwen3:8b"),
    Completion("model slow", "some/model"),
    Completion("forget"),
)
ADMIN_WORDS = (
    Completion("policy show", "who may do what"),
    Completion("policy import", "takes what is pasted below it"),
)
WELCOME = "Hello. I answer here, and ask for a nod first."


def now_ms() -> int:
    return time.time_ns() // 1_000_000


@dataclass
class MemoryService:
    """Texts decide: `write ...` asks for approval, `long ...` works until stopped, others are answered.

    A card needs as many approvals as `needed`, of its requester, of admins or of the group finance.
    """

    adapter: ChatAdapter | None = None
    pause_s: float = 0.0
    arguments: str = json.dumps({"path": "notes/plan.md", "text": "Ship on Friday.\nTell the team."}, indent=2)
    needed: int = 1
    offers: tuple[Offer, ...] = ()
    completions: tuple[Completion, ...] = WORDS
    received: list[Inbound] = field(default_factory=list)
    commands: list[tuple[Place, Actor, str]] = field(default_factory=list)
    admin_commands: list[tuple[Place, Actor, str]] = field(default_factory=list)
    completed: list[tuple[Place, Actor, str, bool]] = field(default_factory=list)
    actors: list[Actor] = field(default_factory=list)
    clicks: list[Click] = field(default_factory=list)
    stored: dict[Place, list[Event]] = field(default_factory=dict)
    cards: dict[str, Card] = field(default_factory=dict)
    runs: dict[str, str] = field(default_factory=dict)
    tasks: dict[str, asyncio.Task[None]] = field(default_factory=dict)
    numbers: count[int] = field(default_factory=lambda: count(1))

    # --- ChatService ---------------------------------------------------------------------------------------------

    async def receive(self, inbound: Inbound) -> Receipt:
        if inbound.event_id in self.runs:
            return Receipt(self.runs[inbound.event_id], is_duplicate=True)
        if inbound.text == "break":
            raise RuntimeError("a secret detail")
        if inbound.text == "refuse":
            raise Refused("not_allowed", "You may not talk to me here.")
        attached = tuple(one.name for one in await asyncio.to_thread(attachments_of, inbound.attachments))
        run = f"r{next(self.numbers)}"
        self.runs[inbound.event_id] = run
        self.received.append(inbound)
        await self.say(inbound.place, Said(run, inbound.actor, inbound.text, inbound.at_ms, attached))
        self.tasks[run] = asyncio.create_task(self.work(run, inbound))
        return Receipt(run)

    async def decide(self, click: Click) -> Outcome:
        self.clicks.append(click)
        card = self.cards.get(click.approval_id)
        if card is None:
            raise Refused("unknown", "There is no such approval.")
        if card.state != "pending":
            return Outcome(False, f"{card.decided_by.removeprefix('web:')} has already decided this.", card)
        if not self.may_decide(card, click.actor):
            return Outcome(False, f"Only {card.requester_name} or an admin can decide this.", card)
        match click.verb:
            case "deny":
                return await self.settle(replace(card, state="denied"), click)
            case "edit":
                return await self.edit(card, click)
            case "approve":
                return await self.approve(card, click)

    async def approve(self, card: Card, click: Click) -> Outcome:
        chosen = [one for one in card.offers if (one.grant, one.pattern) == (click.grant, click.pattern)]
        if click.grant != ONCE and not chosen:
            return Outcome(False, "This can no longer be approved for that long.", card)
        if click.actor.label in card.approved_by:
            return Outcome(False, "You have approved this already.", card)
        names = (*card.approved_by, click.actor.label)
        left = self.needed - len(names)
        card = replace(card, approved_by=names, missing=f"{left} more of finance" if left else "")
        if left:
            await self.put(card)
            return Outcome(True, "Approved; others have to as well.", card)
        granted = f"also {chosen[0].text}" if chosen else ""
        return await self.settle(replace(card, state="approved", granted=granted), click)

    async def edit(self, card: Card, click: Click) -> Outcome:
        parsed = json.loads(click.arguments)
        if "path" not in parsed:
            return Outcome(False, "These arguments do not fit files_write: path is missing.", card)
        shown = json.dumps(parsed, indent=2, ensure_ascii=False)
        card = replace(card, arguments=shown, edited_by=click.actor.label, approved_by=(), missing="")
        await self.put(card)
        return Outcome(True, "Saved. It still needs a nod.", card)

    async def settle(self, card: Card, click: Click) -> Outcome:
        card = replace(card, decided_by=click.actor.key, decided_ms=now_ms(), reason=click.reason)
        await self.put(card)
        self.tasks[card.run_id] = asyncio.create_task(self.resume(card))
        return Outcome(True, f"{card.state.capitalize()}.", card)

    async def command(self, place: Place, actor: Actor, words: str, *, is_admin: bool = False) -> str:
        (self.admin_commands if is_admin else self.commands).append((place, actor, words))
        if words == "refuse":
            raise Refused("not_allowed", "You may not talk to this bot; ask an admin.")
        return COMMANDED

    async def complete(self, place: Place, actor: Actor, words: str, *, is_admin: bool = False) -> list[Completion]:
        self.completed.append((place, actor, words, is_admin))
        known = ADMIN_WORDS if is_admin else self.completions
        return [one for one in known if one.words.startswith(words)]

    async def joined(self, place: Place) -> None:
        await self.say(place, Answered("", WELCOME, now_ms()))

    async def stop(self, place: Place, actor: Actor, *, run_id: str = "") -> str:
        self.actors.append(actor)
        for run, task in self.tasks.items():
            if not task.done() and run_id in ("", run):
                task.cancel()
                await self.show(place, Working(run, "cancelled"))
                await self.say(place, Notice(run, f"Stopped by {actor.label}.", now_ms()))
                return "Stopped."
        return "Nothing of yours is running here."

    async def deleted(self, event_id: str) -> None:
        if task := self.tasks.get(self.runs.get(event_id, "")):
            task.cancel()

    async def edited(self, inbound: Inbound, *, was: str) -> Receipt | None:
        await self.deleted(was)
        return await self.receive(inbound) if was in self.runs else None

    async def transcript(self, place: Place) -> list[Event]:
        return list(self.stored.get(place, []))

    async def threads(self, room: Place) -> list[Thread]:
        waiting = {card.place for card in self.cards.values() if card.state == "pending"}
        listed = [
            Thread(place, title_of(events), last_ms(events), place in waiting)
            for place, events in self.stored.items()
            if place.room == room
        ]
        return sorted(listed, key=lambda thread: thread.updated_ms, reverse=True)

    async def pending(self, actor: Actor) -> list[Card]:
        self.actors.append(actor)
        waiting = [card for card in self.cards.values() if card.state == "pending" and self.may_decide(card, actor)]
        return [card for card in waiting if actor.label not in card.approved_by]

    def role_of(self, actor: Actor) -> str:
        self.actors.append(actor)
        return ROLES.get(actor.user, "user")

    # --- scripts -----------------------------------------------------------------------------------------------------

    def may_decide(self, card: Card, actor: Actor) -> bool:
        return card.requester == actor.key or self.role_of(actor) == "admin" or "finance" in actor.groups

    async def work(self, run: str, inbound: Inbound) -> None:
        place = inbound.place
        await self.show(place, Working(run, "running"))
        await self.say(place, ToolLine(run, f"{run}c1", "files_list", "started"))
        await asyncio.sleep(self.pause_s)
        await self.say(place, ToolLine(run, f"{run}c1", "files_list", "done", duration_ms=412))
        if inbound.text.lower().startswith("write"):
            await self.ask(run, inbound)
            return
        if inbound.text.startswith("long"):
            await asyncio.sleep(60)
        await self.stream(place, run, ANSWER)
        await self.finish(place, run, ANSWER)

    async def ask(self, run: str, inbound: Inbound) -> None:
        card = Card(
            approval_id=f"{run}a1",
            run_id=run,
            place=inbound.place,
            tool="files_write",
            about="Writes a file into the team's folder.",
            arguments=self.arguments,
            requester=inbound.actor.key,
            requester_name=inbound.actor.label,
            approver="requester",
            rule="files_write asks by default",
            expires_ms=now_ms() + 24 * 3600 * 1000,
            asks="2 of finance" if self.needed > 1 else "",
            offers=self.offers,
        )
        await self.say(inbound.place, ToolLine(run, f"{run}c2", "files_write", "waiting"))
        await self.put(card)
        await self.show(inbound.place, Working(run, "waiting"))

    async def resume(self, card: Card) -> None:
        run, place = card.run_id, card.place
        call = ToolLine(run, f"{run}c2", "files_write", "denied", by=card.decided_by)
        answer = "I did not write the file, as you asked."
        if card.state == "approved":
            await self.say(place, replace(call, state="started"))
            await self.show(place, Working(run, "running"))
            await asyncio.sleep(self.pause_s)
            await self.put(replace(card, outcome="done"))
            call, answer = replace(call, state="done", duration_ms=1234), "Done: `notes/plan.md` is **written**."
        await self.say(place, call)
        await self.stream(place, run, answer)
        await self.finish(place, run, answer)

    async def stream(self, place: Place, run: str, text: str) -> None:
        for end in range(8, len(text), 8):
            if self.adapter is not None and self.adapter.is_watched(place):
                await self.show(place, TextSoFar(run, text[:end]))
            await asyncio.sleep(self.pause_s / 10)

    async def finish(self, place: Place, run: str, text: str) -> None:
        await self.say(place, Answered(run, text, now_ms()))
        await self.show(place, Working(run, "done"))

    async def put(self, card: Card) -> None:
        self.cards[card.approval_id] = card
        await self.say(card.place, CardShown(card))

    async def say(self, place: Place, event: Event) -> None:
        """Store, then show: an event that draws something again takes its place."""
        events = self.stored.setdefault(place, [])
        for index, old in enumerate(events):
            if identity(old) == identity(event):
                events[index] = event
                break
        else:
            events.append(event)
        await self.show(place, event)

    async def show(self, place: Place, event: Event) -> None:
        if self.adapter is not None:
            await self.adapter.show(place, event)

    async def close(self) -> None:
        for task in self.tasks.values():
            task.cancel()
        await asyncio.gather(*self.tasks.values(), return_exceptions=True)


def identity(event: Event) -> object:
    match event:
        case CardShown(card):
            return card.approval_id
        case ToolLine(call_id=call_id):
            return call_id
        case _:
            return id(event)


def title_of(events: list[Event]) -> str:
    return next((event.text for event in events if isinstance(event, Said)), "")


def last_ms(events: list[Event]) -> int:
    return max((event.at_ms for event in events if isinstance(event, Said | Answered | Notice)), default=0)
