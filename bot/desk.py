"""What the command line asks of a bot, as plain JSON data: the same whether the bot is this process or another."""

from __future__ import annotations

import secrets
from collections.abc import Awaitable, Callable
from dataclasses import asdict
from typing import Any

from bot import chat, present
from bot.app import App
from bot.engine import words
from bot.engine.types import Actor, Place, parse_actor
from bot.errors import BotError
from bot.policy.book import OPERATOR_PLATFORM
from bot.storage.runs import now_ms

Answer = dict[str, Any]


class Desk:
    """The operator's desk. Whoever reaches it owns the data folder; `as` speaks for somebody else."""

    def __init__(self, app: App) -> None:
        self._app = app

    async def handle(self, method: str, words: dict[str, Any]) -> Answer:
        """Do one thing. An error comes back as `{"error": sentence}`."""
        known: dict[str, Callable[..., Awaitable[Answer]]] = {
            "ask": self.ask,
            "approvals": self.approvals,
            "decide": self.decide,
            "audit": self.audit,
            "admin": self.admin,
            "explain": self.explain,
        }
        if method not in known:
            return {"error": f"The running bot does not know {method!r}; is it an older version?"}
        try:
            return await known[method](**words)
        except BotError as err:
            return {"error": err.user_message}
        except TypeError:
            return {"error": "The running bot does not understand this request; is it another version?"}

    async def ask(self, text: str, who: str = "", conversation: str = "default") -> Answer:
        """Send one message and wait until the run rests."""
        place = Place(OPERATOR_PLATFORM, "", conversation)
        inbound = chat.Inbound(f"cli:{secrets.token_hex(16)}", place, person(who), text, now_ms())
        await self._app.service.recover_place(place)
        receipt = await self._app.service.receive(inbound)
        return await self._at_rest(receipt.run_id)

    async def approvals(self, who: str = "") -> Answer:
        """What waits, for everybody, or for what this person may decide."""
        cards = await self._app.service.pending(person(who), is_operator=True)
        return {"approvals": [_card(card) for card in cards]}

    async def decide(
        self,
        approval_id: str,
        verb: str,
        who: str = "",
        reason: str = "",
        arguments: str = "",
        grant: str = chat.ONCE,
    ) -> Answer:
        """Decide one approval and wait until its run rests."""
        if verb not in ("approve", "deny", "edit"):
            return {"error": "Decide with approve, deny or edit."}
        whole_id = await self._find(approval_id)
        await self._take_up(whole_id)
        more = {"reason": reason, "arguments": arguments, "grant": grant}
        click = chat.Click(whole_id, verb, person(who), is_operator=True, **more)  # type: ignore[arg-type]  # checked
        outcome = await self._app.service.decide(click)
        said: Answer = {"accepted": outcome.is_accepted, "message": outcome.message}
        if outcome.card is None:
            return {**said, "status": "unknown"}
        if not outcome.is_accepted:
            return {**said, "approval": _card(outcome.card)}
        rest = await self._at_rest(outcome.card.run_id)
        approval = await self._app.approvals.approval(outcome.card.approval_id)
        assert approval is not None, "it was just decided"
        return {**said, **rest, "approval": _card(present.card(approval, outcome.card.about))}

    async def audit(self, limit: int = 1000) -> Answer:
        return {"audit": await self._app.audit.read(limit=max(1, min(limit, 100_000)))}

    async def admin(self, words: str, who: str = "") -> Answer:
        """Do what the words after `/nod-admin` say."""
        place = Place(OPERATOR_PLATFORM, "", "admin")
        return {"text": await self._app.service.command(place, person(who), words, is_admin=True, is_strict=True)}

    async def explain(self, words: str) -> Answer:
        """Whether somebody may run a tool, why, and what would change it: WHO TOOL [NAME=VALUE ...] [in #channel]."""
        place = Place(OPERATOR_PLATFORM, "", "admin")
        explanation = await self._app.service.explain(place, person(""), words)
        return {"explanation": explanation.as_data(), "text": explanation.in_words()}

    async def _find(self, approval_id: str) -> str:
        """The whole id of which only the beginning was typed, where that is enough; else what was typed."""
        if not 6 <= len(approval_id) < 32:
            return approval_id
        found = await self._app.approvals.approval_ids(approval_id)
        return found[0] if len(found) == 1 else approval_id

    async def _take_up(self, approval_id: str) -> None:
        """Let a run that a crash cut off come to rest first, so that what is said of it is true."""
        approval = await self._app.approvals.approval(approval_id)
        if approval is not None and await self._app.service.recover_place(approval.place):
            await self._app.service.rested(approval.run_id)

    async def _at_rest(self, run_id: str) -> Answer:
        """Wait until this run is over or waits for people."""
        run = (await self._app.service.rested(run_id)).run
        cards = [
            _card(present.card(one, ""))
            for one in await self._app.approvals.approvals_of_run(run_id)
            if one.state == "pending"
        ]
        return {
            "run": run_id,
            "status": run.status,
            "response": words.response(run),
            "tool_calls": words.listed(run),
            "approvals": cards,
            "usage": asdict(run.usage),
        }


def person(who: str) -> Actor:
    """`alice` is the web page's alice; `slack:T1/U1` is who it says; nothing is the operator at this machine."""
    if not who:
        return Actor(OPERATOR_PLATFORM, "", "operator", "operator")
    actor = parse_actor(who if ":" in who else f"web:{who}")
    if not actor.user:
        raise BotError(f"Write who as a name or as platform:id, not {who!r}.")
    return Actor(actor.platform, actor.workspace, actor.user, actor.user)


def _card(card: chat.Card) -> Answer:
    return {
        "id": card.approval_id,
        "run": card.run_id,
        "place": str(card.place),
        "tool": card.tool,
        "arguments": card.arguments,
        "requester": card.requester,
        "approver": card.approver,
        "asks": card.asks,
        "approved_by": list(card.approved_by),
        "missing": card.missing,
        "rule": card.rule,
        "state": card.state,
        "expires_ms": card.expires_ms,
        "decided_by": card.decided_by,
        "reason": card.reason,
        "outcome": card.outcome,
    }
