"""The engine's words, all of them frozen plain data.

A `Run` holds everything needed to go on: stored, it is the checkpoint. No live object is ever part of it.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Literal

# --- who and where -----------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Place:
    """Where talk happens. `workspace` is "" on platforms without one; `thread` is "" for the channel itself."""

    platform: str
    workspace: str = ""
    channel: str = ""
    thread: str = ""

    @property
    def room(self) -> Place:
        """The channel this place belongs to: what decides who can see it."""
        return Place(self.platform, self.workspace, self.channel)

    @property
    def scope(self) -> str:
        """The workspace, as settings and policies name it: `slack:T1`, `web:`."""
        return f"{self.platform}:{self.workspace}"

    def __str__(self) -> str:
        where = "/".join(part for part in (self.workspace, self.channel, self.thread) if part)
        return f"{self.platform}:{where}"


Standing = Literal["member", "guest", "external", "bot", "gone"]
"""What somebody is to a workspace, as its platform says: a member, a guest of it, somebody of another one who shares a
channel with it, a program, or somebody who has left."""


@dataclass(frozen=True, slots=True)
class Actor:
    """A person as the platform verified them. `name` is for display only and never decides anything.

    `workspace` is the one the bot was met in, also for people of other companies, whose `standing` is `external`.
    `groups` are the platform's own roles or user groups the person is in, by id, and `standing` what they are to the
    workspace: as the platform said when it was last heard of.
    """

    platform: str
    workspace: str
    user: str
    name: str = field(default="", compare=False)
    groups: frozenset[str] = field(default=frozenset(), compare=False)
    standing: Standing = field(default="member", compare=False)

    @property
    def key(self) -> str:
        """The identity used in settings, policies and the audit: `web:alice`, `slack:T1/U1`."""
        return f"{self.platform}:{self.workspace}/{self.user}" if self.workspace else f"{self.platform}:{self.user}"

    @property
    def label(self) -> str:
        return self.name or self.user

    @property
    def scope(self) -> str:
        """The workspace, as settings and policies name it: `slack:T1`, `web:`."""
        return f"{self.platform}:{self.workspace}"


def parse_actor(key: str, name: str = "") -> Actor:
    """Read an identity back: `web:alice`, `slack:T1/U1`."""
    platform, _, rest = key.partition(":")
    workspace, slash, user = rest.rpartition("/")
    return Actor(platform, workspace if slash else "", user, name)


def parse_place(text: str, workspace: str = "") -> Place:
    """Read a place back from its text, given the workspace it is in: `slack:T1/C1/170.5`, `web:general/t1`."""
    platform, _, rest = text.partition(":")
    rest = rest.removeprefix(f"{workspace}/") if workspace else rest
    channel, _, thread = rest.partition("/")
    return Place(platform, workspace, channel, thread)


# --- messages ----------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class TextPart:
    text: str


@dataclass(frozen=True, slots=True)
class ImagePart:
    """An image as a `data:` or `https:` URL, for models that see. `name` is what people call it."""

    url: str
    name: str = ""


@dataclass(frozen=True, slots=True)
class FilePart:
    """A text-like file, given to the model as quoted text under its name."""

    name: str
    text: str


Attachment = ImagePart | FilePart
Part = TextPart | ImagePart | FilePart
IMAGE_WEIGHT = 4500
"""About 1,500 tokens: what a large image costs at the common providers, as bytes of text."""
_URL = b'"image_url":{"url":"'
"""What stands before an image in a message of ours. In text, which is escaped, it cannot stand; megabytes follow it, so
it is looked for rather than parsed."""
Content = str | tuple[Part, ...]


@dataclass(frozen=True, slots=True)
class Message:
    """One message of the request, as JSON bytes made once.

    `body` is verbatim what the provider said (assistant) or what we say. `sent` is what goes on the wire: the same
    bytes, unless the provider's ids or arguments had to be mended, or the message was shortened to fit the window; b""
    = left out. `by` is the label of the model that wrote it, "" for our own.
    """

    role: Literal["system", "user", "assistant", "tool"]
    body: bytes
    sent: bytes
    by: str = ""

    @property
    def weight(self) -> int:
        """What it counts for in the window, in bytes of text. An image counts as `IMAGE_WEIGHT`, however it is sent."""
        weight = len(self.sent)
        start = self.sent.find(_URL) if self.role == "user" else -1
        while start >= 0:
            end = self.sent.find(b'"', start + len(_URL))
            weight += IMAGE_WEIGHT - (end - start - len(_URL))
            start = self.sent.find(_URL, end)
        return weight


def message(role: Literal["system", "user", "assistant", "tool"], content: Content, **extra: str) -> Message:
    """Build a message of our own. Lone surrogates are replaced, so that the bytes always exist."""
    shown = content if isinstance(content, str) else [_part(part) for part in content]
    text = json.dumps({"role": role, "content": shown, **extra}, ensure_ascii=False, separators=(",", ":"))
    body = text.encode("utf-8", "replace")
    return Message(role, body, body)


def _part(part: Part) -> dict[str, object]:
    match part:
        case TextPart(text):
            return {"type": "text", "text": text}
        case FilePart(name, text):
            return {"type": "text", "text": f"File {name!r}:\n{text}"}
        case ImagePart(url):
            return {"type": "image_url", "image_url": {"url": url}}


# --- calls -------------------------------------------------------------------------------------------------------


class CallState(StrEnum):
    """`proposed -> waiting -> approved -> started -> done | failed`, and the other ends.

    A call the machine itself turned down (unknown tool, malformed arguments, a cap) ends as `failed` without having
    started; one that the policy or a person turned down ends as `denied`.
    """

    PROPOSED = "proposed"
    WAITING = "waiting"
    APPROVED = "approved"
    STARTED = "started"
    DONE = "done"
    FAILED = "failed"
    DENIED = "denied"
    EXPIRED = "expired"
    CANCELLED = "cancelled"
    UNKNOWN = "unknown"


FINAL_STATES = frozenset(
    {
        CallState.DONE,
        CallState.FAILED,
        CallState.DENIED,
        CallState.EXPIRED,
        CallState.CANCELLED,
        CallState.UNKNOWN,
    }
)

Effect = Literal["read", "idempotent", "once"]
Mark = Literal["untrusted", "private", "sends"]
"""What a tool does beside its effect: it reads what strangers wrote, it reads what not everybody may know, it sends
something out of the bot."""


@dataclass(frozen=True, slots=True)
class ToolResult:
    """What a call gave: text for the model. `is_error` tells the model and the audit that it did not work."""

    text: str
    is_error: bool = False


@dataclass(frozen=True, slots=True)
class ToolCall:
    """One call the model asked for, with its state.

    `id` is ours (database, buttons); `provider_id` is what the provider said, `wire_id` what is sent back to it: the
    same, unless it was missing or repeated. `arguments` is the raw JSON text as it came; `edited` replaces it where
    a person edited it. `decision` is the verb of the `Decision` on it, "" when nobody was asked; `decided_by` is the
    name that is shown, `decider` the identity that is audited. `reply`
    counts the assistant messages with calls of this run from 1; `definition` is the fingerprint of the tool as it
    was when the call was judged, `marks` what it was marked with. Where several people decided, both are lists with
    commas. `edited_by` is the name of who edited the arguments, `editor` the identity.
    """

    id: str
    reply: int
    provider_id: str | None
    wire_id: str
    name: str
    arguments: str
    state: CallState = CallState.PROPOSED
    effect: Effect = "once"
    verdict: str = ""
    rule: str = ""
    approver: str = ""
    definition: str = ""
    edited: str | None = None
    edited_by: str = ""
    editor: str = ""
    marks: frozenset[Mark] = frozenset()
    decision: str = ""
    decided_by: str = ""
    decider: str = ""
    reason: str = ""
    result: ToolResult | None = None
    duration_ms: int | None = None

    @property
    def is_final(self) -> bool:
        return self.state in FINAL_STATES

    @property
    def to_run(self) -> str:
        """The arguments that would really run: the edited ones if a person edited them."""
        return self.arguments if self.edited is None else self.edited

    @property
    def is_private(self) -> bool:
        """Whether its arguments are for those alone who may decide."""
        return "private" in self.marks

    @property
    def is_approved(self) -> bool:
        """Whether people approved it, as it was or with other arguments."""
        return self.decision in ("approve", "edit")

    @property
    def has_run(self) -> bool:
        """Whether an approval led to a start."""
        return self.is_approved and self.state in (CallState.DONE, CallState.FAILED, CallState.UNKNOWN)


# --- verdicts and decisions ----------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Verdict:
    """What the checks say of one call: known, permitted, arguments valid, gate; in this order.

    RUN: run it now. ASK: stop and ask `approver`. DENY: the policy says no. INVALID: it could not run (unknown tool,
    malformed arguments); the model may correct itself. `text` is what the model is told for DENY and INVALID; `rule`
    names what decided, for the audit and for "why was I asked?". `ttl_s` is how long an approval of this tool waits,
    None = as long as any. `marks` are the tool's.
    """

    outcome: Literal["run", "ask", "deny", "invalid"]
    rule: str
    text: str = ""
    effect: Effect = "once"
    approver: str = ""
    definition: str = ""
    ttl_s: int | None = None
    marks: frozenset[Mark] = frozenset()


@dataclass(frozen=True, slots=True)
class ToolFacts:
    """What the policy needs to know of a tool. `roles` None = every role but `guest`; `definition` is the fingerprint
    of the tool as it is now."""

    name: str
    confirm: bool = False
    effect: Effect = "once"
    approver: str = ""
    roles: frozenset[str] | None = None
    ttl_s: int | None = None
    marks: frozenset[Mark] = frozenset()
    definition: str = ""


@dataclass(frozen=True, slots=True)
class Taint:
    """The tools through which a run has read what strangers wrote, and what not everybody may know: by name."""

    untrusted: tuple[str, ...] = ()
    private: tuple[str, ...] = ()

    def __add__(self, other: Taint) -> Taint:
        return Taint(_once(self.untrusted + other.untrusted), _once(self.private + other.private))


NO_TAINT = Taint()


def _once(names: tuple[str, ...]) -> tuple[str, ...]:
    return tuple(dict.fromkeys(names))


@dataclass(frozen=True, slots=True)
class Use:
    """One use of a tool, as the policy sees it.

    `arguments` are the JSON object that would run, `text` is its text; `approved_by` are the identities of those who
    approved it, empty before; `editor` is the identity of who edited its arguments.
    """

    arguments: Mapping[str, object]
    text: str = ""
    run_id: str = ""
    place: Place = Place("script")
    taint: Taint = NO_TAINT
    is_approved: bool = False
    approved_by: tuple[str, ...] = ()
    editor: str = ""


Permit = Callable[[ToolFacts, Use | None], Verdict]
"""The policy of one person, applied to one use of a tool: run, ask or deny. None = to the tool as such: is there any
use of it that would not be denied?"""


@dataclass(frozen=True, slots=True)
class Decision:
    """What a person (or the clock) said about one waiting call.

    `by` is the name that is shown, `actor` the identity that is audited; `arguments` comes only with `edit`.
    """

    verb: Literal["approve", "deny", "edit", "expire", "cancel"]
    by: str = ""
    actor: str = ""
    reason: str = ""
    arguments: str | None = None


@dataclass(frozen=True, slots=True)
class Usage:
    """Tokens as the endpoint reported them, summed over the run. Zero where it reports nothing."""

    prompt_tokens: int = 0
    completion_tokens: int = 0
    model_calls: int = 0

    def __add__(self, other: Usage) -> Usage:
        return Usage(
            self.prompt_tokens + other.prompt_tokens,
            self.completion_tokens + other.completion_tokens,
            self.model_calls + other.model_calls,
        )


NO_USAGE = Usage()


@dataclass(frozen=True, slots=True)
class Reply:
    """One assistant message, already assembled and parsed.

    `finish` is the provider's finish reason, None when it gave none; `is_cut` tells that the stream ended without its
    proper end. `calls` are in the order of the reply, all in state `proposed`, ids minted.
    """

    message: Message
    text: str
    calls: tuple[ToolCall, ...] = ()
    finish: str | None = "stop"
    is_cut: bool = False
    usage: Usage = Usage()


# --- the run -------------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Rights:
    """What the speaker may do. `tool_list` None = every tool of the role; () = none. It never widens the role.

    `deny` takes tools out of the list; `allow` runs them without asking, `ask` always asks (confirm_allow,
    confirm_deny).
    """

    role: str = "user"
    tool_list: tuple[str, ...] | None = None
    allow: frozenset[str] = frozenset()
    ask: frozenset[str] = frozenset()
    deny: frozenset[str] = frozenset()


_MAY_HAVE_READ = frozenset({CallState.STARTED, CallState.DONE, CallState.FAILED, CallState.UNKNOWN})

RunStatus = Literal["running", "waiting", "done", "failed", "cancelled"]


@dataclass(frozen=True, slots=True)
class Run:
    """One user turn being worked on. Stored, it is the checkpoint.

    `task` is what was asked, and what its person said to it while it worked, a paragraph each. `messages` oldest first,
    append-only; `calls` of all replies, in order, every id once. `model` is a label. `rounds` counts replies that held
    calls; it survives a pause. `last_fault` is the reply whose fault was counted last.
    `weight` is the sum of the messages' weights, 0 = not counted yet; `tokens_per_weight` is what the model's own
    counts say a byte is in tokens.
    `taint` is what the history it was given had read. `with_final` False = scheduled work: no persona, no streaming. A
    run that is over and has no `answer` ended without a word.
    """

    id: str
    task: str
    messages: tuple[Message, ...]
    model: str = ""
    requester: Actor = Actor("script", "", "user")
    place: Place = Place("script")
    rights: Rights = Rights()
    max_rounds: int = 12
    with_final: bool = True
    status: RunStatus = "running"
    calls: tuple[ToolCall, ...] = ()
    rounds: int = 0
    replies: int = 0
    empty_replies: int = 0
    corrections: int = 0
    last_fault: int = 0
    last_text: str = ""
    stop: str = ""
    ask_text: str = ""
    taint: Taint = NO_TAINT
    answer: str | None = None
    usage: Usage = Usage()
    weight: int = 0
    tokens_per_weight: float = 1 / 3

    @property
    def batch(self) -> tuple[ToolCall, ...]:
        """The calls of the latest reply."""
        calls, first = self.calls, len(self.calls)
        while first and calls[first - 1].reply == self.replies:
            first -= 1
        return calls[first:]

    @property
    def waiting(self) -> tuple[ToolCall, ...]:
        return tuple(call for call in self.calls if call.state is CallState.WAITING)

    def taint_before(self, reply: int) -> Taint:
        """What had been read when this reply was written: by its history, and by the calls of earlier replies."""
        read = [call for call in self.calls if call.marks and call.reply < reply and call.state in _MAY_HAVE_READ]
        untrusted = tuple(call.name for call in read if "untrusted" in call.marks)
        private = tuple(call.name for call in read if "private" in call.marks)
        return self.taint + Taint(untrusted, private) if read else self.taint

    @property
    def is_over(self) -> bool:
        return self.status in ("done", "failed", "cancelled")
