"""Words at the door: what adapters hand to the service, and what the service shows through them.

An adapter turns platform events into `Inbound` and `Click`, and draws `Event`s. It holds no state that matters: after a
restart `Transcript`s and cards come from the store.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal, Protocol

from bot.attachments import CAPS, MAX_ATTACHMENT_BYTES, MAX_ATTACHMENTS, Upload
from bot.engine.types import Actor, Content, Place
from bot.envelopes import Envelope, Inbox

__all__ = [
    "CAPS",
    "MAX_ATTACHMENTS",
    "MAX_ATTACHMENT_BYTES",
    "Actor",
    "Answered",
    "Card",
    "CardShown",
    "ChatAdapter",
    "ChatService",
    "Click",
    "Completion",
    "Content",
    "Delivery",
    "Envelope",
    "Event",
    "Heard",
    "Inbound",
    "Inbox",
    "Notice",
    "Offer",
    "Outcome",
    "Place",
    "Receipt",
    "Room",
    "Said",
    "TextSoFar",
    "Thread",
    "ToolLine",
    "Upload",
    "Working",
]


@dataclass(frozen=True, slots=True)
class Heard:
    """Something that was said in a place and not to the bot: for the history, as a quotation. `event_id` as in
    `Inbound`: heard twice in a place, it is there once. What `actor` says of
    a person counts only where nothing is known of them."""

    event_id: str
    actor: Actor
    text: str
    at_ms: int


@dataclass(frozen=True, slots=True)
class Inbound:
    """One message of a person to the bot. `event_id` is the platform's: delivered twice, it starts one run.

    `attachments` are what came with it, as it came: images and files that are text, within `CAPS`. `heard` is what was
    said in its place since the bot last listened, oldest first.
    """

    event_id: str
    place: Place
    actor: Actor
    text: str
    at_ms: int
    attachments: tuple[Upload, ...] = ()
    heard: tuple[Heard, ...] = ()


@dataclass(frozen=True, slots=True)
class Receipt:
    """What became of an `Inbound`. `position` > 0: so many messages of this conversation come first. `is_steering`: the
    run that works there takes this up before it asks its model again; if it does not any more, it comes after it."""

    run_id: str
    is_duplicate: bool = False
    position: int = 0
    is_steering: bool = False


ONCE = "once"
"""The grant of an approval that holds for this very call alone."""


@dataclass(frozen=True, slots=True)
class Click:
    """A person pressed a button. The button itself held nothing but the approval's id and the verb.

    `arguments` come with `edit`: the JSON object that is to run instead. `grant` and `pattern` come with `approve`: how
    long it is to hold, and for which arguments, as an `Offer` of the card said it. `together` comes with `approve` and
    `deny`: everything that the card's `together` stood for.
    `shown_in` is where the button was pressed and `shown_as` what the platform calls the message it was on, where the
    platform says so: a button that was never put there decides nothing.
    `is_operator` is set by the command line alone: whoever owns the data folder decides, in whosever name.
    """

    approval_id: str
    verb: Literal["approve", "deny", "edit"]
    actor: Actor
    reason: str = ""
    arguments: str = ""
    grant: str = ONCE
    pattern: str = ""
    together: str = ""
    shown_in: Place | None = None
    shown_as: str = ""
    is_operator: bool = False


@dataclass(frozen=True, slots=True)
class Offer:
    """One way to approve more than this very call, as people are shown it: `text` says all that it covers.

    `grant`: `run`, `thread`, a duration such as `8h`, or `always`. `pattern`: "" = exactly these arguments.
    """

    grant: str
    pattern: str
    text: str


CardState = Literal["pending", "approved", "denied", "expired", "cancelled"]


@dataclass(frozen=True, slots=True)
class Card:
    """An approval as people see it; everything is text that hides nothing (see `bot.present`).

    `arguments` is complete: an adapter that cannot show all of it shows no Approve button. `outcome` is the call's
    state once it has started or ended ("done", "failed", "unknown", ...), "" before. `asks` says in words who may
    decide, `approved_by` who has approved so far, and `missing` who has yet to. `edited_by` is who
    changed the arguments the model had asked for. `offers` are the ways to approve more than this very call, and
    `granted` says what was approved beside it. `why` is what the model said when it asked for the call: its words, not
    a fact. `is_private`: its arguments are for those alone who may decide.
    `together` stands for everything that waits beside this call and was asked for with it, `together_count` calls, so
    that all can be decided at once; "" where this is the only one, or another card of them offers it.
    """

    approval_id: str
    run_id: str
    place: Place
    tool: str
    about: str
    arguments: str
    requester: str
    requester_name: str
    approver: str
    rule: str
    expires_ms: int
    state: CardState = "pending"
    decided_by: str = ""
    decided_ms: int | None = None
    reason: str = ""
    outcome: str = ""
    asks: str = ""
    approved_by: tuple[str, ...] = ()
    missing: str = ""
    edited_by: str = ""
    offers: tuple[Offer, ...] = ()
    granted: str = ""
    why: str = ""
    is_private: bool = False
    together: str = ""
    together_count: int = 0


@dataclass(frozen=True, slots=True)
class Outcome:
    """What became of a `Click`: `message` is for the clicker alone."""

    is_accepted: bool
    message: str
    card: Card | None = None


# --- events: what is shown in a place --------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Said:
    """A person wrote this. `attached` are the names of what came with it."""

    run_id: str
    actor: Actor
    text: str
    at_ms: int
    attached: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Working:
    """The run's state changed: `queued`, `running`, `waiting`, or over (`done`, `failed`, `cancelled`)."""

    run_id: str
    status: Literal["queued", "running", "waiting", "done", "failed", "cancelled"]


@dataclass(frozen=True, slots=True)
class TextSoFar:
    """The model is writing: the whole text of this message so far. Never stored."""

    run_id: str
    text: str


@dataclass(frozen=True, slots=True)
class ToolLine:
    """One call of a tool: its state, who approved it, how long it took."""

    run_id: str
    call_id: str
    tool: str
    state: str
    by: str = ""
    duration_ms: int | None = None


@dataclass(frozen=True, slots=True)
class CardShown:
    """Draw this card, or draw it again: cards are known by their approval id."""

    card: Card


@dataclass(frozen=True, slots=True)
class Answered:
    """The run's final text (Markdown, from the model: nothing in it may ping, link or load by itself)."""

    run_id: str
    text: str
    at_ms: int


@dataclass(frozen=True, slots=True)
class Notice:
    """A sentence of the bot itself, for example that nobody knows whether something was run. `addressed` are the
    identities it is for: the only people it may ping."""

    run_id: str
    text: str
    at_ms: int
    addressed: tuple[str, ...] = ()


Event = Said | Working | TextSoFar | ToolLine | CardShown | Answered | Notice


@dataclass(frozen=True, slots=True)
class Delivery:
    """Something that has to be shown in a place, and is durable. `key` is the same at every attempt.

    `receipt` is what `send` gave when it was sent before: then this is a newer state of the same thing. `since_ms` is
    when it came into being, and `attempts` how often the platform has refused it: where time has passed, it may have
    arrived although nobody noted it. `asked_by` is the identity of the person whose run it belongs to and
    `in_reply_to` the event of their message, "" for none.
    """

    key: str
    place: Place
    event: Answered | CardShown | Notice
    receipt: str = ""
    since_ms: int = 0
    attempts: int = 0
    asked_by: str = ""
    in_reply_to: str = ""


@dataclass(frozen=True, slots=True)
class Thread:
    """A conversation in a channel's list. `title` is its first words."""

    place: Place
    title: str
    updated_ms: int
    is_waiting: bool = False


@dataclass(frozen=True, slots=True)
class Room:
    """A place in which people talked with the bot: their identities, and when one of them last wrote."""

    place: Place
    people: frozenset[str]
    at_ms: int


@dataclass(frozen=True, slots=True)
class Completion:
    """How words may go on: `words` is the whole line after `/nod` or `/nod-admin`, `about` what it means."""

    words: str
    about: str = ""


class ChatAdapter(Protocol):
    """One platform. Everything it is asked to show is already durable."""

    @property
    def platform(self) -> str: ...

    def is_watched(self, place: Place) -> bool:
        """Does anybody look at this place while the bot writes? If not, nothing is streamed."""

    def target(self, actor: Actor, channel: str, key: str) -> Place | str:
        """Where something that this person wants posted into `channel` goes, or a sentence that says why it may not.
        Answers at once; `key` is the same for the same post, and names its thread where posts begin one."""

    async def show(self, place: Place, event: Event) -> None:
        """Draw something passing in its place: who works on what. Raises nothing the caller must handle."""

    async def send(self, delivery: Delivery) -> str:
        """Show something durable; give what the platform calls it ("" where that is never needed).

        It comes at least once and in order per place: a `key` that was shown already is not shown twice (a nonce, or a
        look-up of what was sent). Raises `SendError` when the platform did not take it, `PlaceGone` when it never will.
        """


class ChatService(Protocol):
    """The only door for adapters. Raises `Refused` (with a sentence for the person) where it says no."""

    @property
    def inbox(self) -> Inbox:
        """Keeps what a platform delivered and has to be acknowledged before it can be taken."""

    async def receive(self, inbound: Inbound) -> Receipt:
        """Store the message, then work on it in the background. Returns once it is durable."""

    async def decide(self, click: Click) -> Outcome:
        """Decide one waiting call. The decision is durable when this returns; the run goes on in the background."""

    async def command(
        self, place: Place, actor: Actor, words: str, *, is_admin: bool = False, is_strict: bool = False
    ) -> str:
        """Do what the words after `/nod` say, or with `is_admin` those after `/nod-admin`; gives what to show to this
        person alone, as Markdown. What cannot be done is said too, or raised as `BotError` with `is_strict`."""

    async def complete(self, place: Place, actor: Actor, words: str, *, is_admin: bool = False) -> list[Completion]:
        """How the words after `/nod` or `/nod-admin` may go on, the likeliest first."""

    async def feedback(self, place: Place, run_id: str, actor: Actor, *, is_good: bool) -> str:
        """Keep in the audit what this person thinks of the answer that a run gave in this place: their newest word
        counts. Gives the sentence to show, "" where they had said the same before."""

    async def met(self, actor: Actor) -> None:
        """The platform describes this person anew: their groups, what they are to the workspace."""

    async def joined(self, place: Place) -> None:
        """The bot has come into this workspace: say there, once, what it can do, who approves and what is missing."""

    async def stop(self, place: Place, actor: Actor, *, run_id: str = "") -> str:
        """Stop what this person started in this place, or only this run of it; gives the sentence to show."""

    async def deleted(self, event_id: str) -> None:
        """The message of this event was deleted: what was to answer it ends without a word."""

    async def vanished(self, place: Place, receipt: str) -> None:
        """A message that the platform calls so is gone from a place: where it was the card of a call that still waits,
        the card is sent there again."""

    async def edited(self, inbound: Inbound, *, was: str) -> Receipt | None:
        """The message whose event was `was` reads otherwise now; `inbound` has an event id of its own. Where its author
        wrote it and no tool of its run has started, that run ends without a word and a new one begins; else None."""

    async def transcript(self, place: Place) -> list[Event]:
        """Everything said and shown in this place, in order, from the store."""

    async def rooms(self, platform: str, *, since_ms: int) -> list[Room]:
        """Where people of a platform talked with the bot since then."""

    async def asked(self, approval_id: str) -> tuple[Place, Actor] | None:
        """Where a call was asked for, and by whom; None for an approval nobody knows."""

    async def card_for(self, approval_id: str, actor: Actor) -> Card:
        """An approval as it stands, for somebody who may decide it. Raises `Refused` for all others, and for one nobody
        knows."""

    async def threads(self, room: Place) -> list[Thread]:
        """The conversations of a channel, the latest first."""

    async def pending(self, actor: Actor) -> list[Card]:
        """What waits for this person's decision, the oldest first."""

    def role_of(self, actor: Actor) -> str:
        """This person's role in their workspace: `admin`, `user`, ..."""
