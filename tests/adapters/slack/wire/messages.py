"""What is written and shown: messages, streams, modals, files, as plain data that lives on while it is changed."""

from __future__ import annotations

import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any, Literal

Json = dict[str, Any]
_LINES = ("rich_text_section", "rich_text_preformatted", "rich_text_quote")
StreamState = Literal["streaming", "stopped", "expired", "stopped_by_user"]


@dataclass(slots=True, eq=False)
class File:
    """`answers` is what its address says to who has the token: 200 gives the bytes, 302 sends to `redirect_to`, another
    status gives none. Who has no token is sent to a page in HTML to sign in, as Slack does."""

    id: str
    team: str
    user: str
    name: str
    content: bytes
    mimetype: str
    title: str = ""
    url: str = ""
    channels: list[str] = field(default_factory=list)
    is_deleted: bool = False
    is_complete: bool = True
    size: int | None = None
    """The size it is said to have; that of its content if None."""
    answers: int = 200
    redirect_to: str = ""
    served_as: str = ""
    """The content type its address gives; its own if empty."""
    mode: str = "hosted"
    access: str = ""
    """`check_file_info` for files of Slack Connect, whose details have to be asked for."""


@dataclass(slots=True, eq=False)
class Stream:
    """A message that is being streamed. `parts` holds what came, in its order, `tasks` each task as it stands: later
    updates replace its title and status, and add to its details, output and sources."""

    task_display_mode: str = "timeline"
    state: StreamState = "streaming"
    recipient_user: str = ""
    recipient_team: str = ""
    parts: list[Json] = field(default_factory=list)
    tasks: dict[str, Json] = field(default_factory=dict)
    plan: str = ""
    closing: list[Json] = field(default_factory=list)
    started_at: float = field(default_factory=time.monotonic)
    touched_at: float = field(default_factory=time.monotonic)
    appends: int = 0

    @property
    def is_open(self) -> bool:
        return self.state == "streaming"

    @property
    def text(self) -> str:
        """All the Markdown that was streamed."""
        return "".join(part["text"] for part in self.parts if part["type"] == "markdown_text")

    @property
    def blocks(self) -> list[Json]:
        """What it is shown as: text, tasks and blocks where they first came, and at the bottom what it was closed
        with. In plan mode the tasks are in one plan, where the first came."""
        shown: list[Json] = []
        seen: set[str] = set()
        for part in self.parts:
            match part["type"]:
                case "markdown_text" if shown and shown[-1]["type"] == "markdown":
                    shown[-1] = {"type": "markdown", "text": shown[-1]["text"] + part["text"]}
                case "markdown_text":
                    shown.append({"type": "markdown", "text": part["text"]})
                case "blocks":
                    shown += part["blocks"]
                case "task_update" if part["id"] not in seen:
                    shown += self._tasks(part["id"], is_first=not seen)
                    seen.add(part["id"])
        return [*shown, *self.closing]

    def _tasks(self, task: str, *, is_first: bool) -> list[Json]:
        if self.task_display_mode == "timeline":
            return [_card(self.tasks[task])]
        return [{"type": "plan", "title": self.plan, "tasks": [_card(one) for one in self.tasks.values()]}] * is_first


@dataclass(slots=True, eq=False)
class Message:
    """`versions` holds what the message said before each edit, oldest first: text and blocks. `options` are the other
    arguments it was posted with (`unfurl_links`, `parse`, `username`, ...)."""

    ts: str
    channel: str
    user: str
    team: str
    text: str = ""
    blocks: list[Json] = field(default_factory=list)
    attachments: list[Json] = field(default_factory=list)
    metadata: Json | None = None
    thread_ts: str = ""
    subtype: str = ""
    bot_id: str = ""
    app_id: str = ""
    files: list[File] = field(default_factory=list)
    client_msg_id: str = ""
    edited_by: str = ""
    edited_ts: str = ""
    is_deleted: bool = False
    is_tombstone: bool = False
    reactions: dict[str, list[str]] = field(default_factory=dict)
    versions: list[tuple[str, list[Json]]] = field(default_factory=list)
    options: Json = field(default_factory=dict)
    stream: Stream | None = None
    ephemeral_to: str = ""

    @property
    def thread(self) -> str:
        """The `ts` of the first message of its thread, its own if it is in none."""
        return self.thread_ts or self.ts

    @property
    def is_reply(self) -> bool:
        return bool(self.thread_ts) and self.thread_ts != self.ts

    @property
    def shown(self) -> str:
        """What a person reads: the words of its blocks and attachments, each on its own lines, or its text if it has
        no blocks."""
        return "\n".join(words(self.blocks) or ([self.text] if self.text else []))

    @property
    def buttons(self) -> list[Json]:
        return pressables(self.blocks)

    @property
    def labels(self) -> list[str]:
        """The words on its buttons."""
        return [part["text"]["text"] for part in self.buttons if "text" in part]

    @property
    def menus(self) -> list[Json]:
        return [part for part in walk(self.blocks) if str(part.get("type")).endswith("select") or _is_pick(part)]


@dataclass(slots=True, eq=False)
class View:
    """A modal, or the Home tab of a person. `versions` holds what it was before each update, `body` what was sent."""

    id: str
    kind: Literal["modal", "home"]
    user: str
    team: str
    body: Json
    hash: str
    external_id: str = ""
    root: str = ""
    previous: str = ""
    is_open: bool = True
    versions: list[Json] = field(default_factory=list)
    response_urls: list[str] = field(default_factory=list)

    @property
    def blocks(self) -> list[Json]:
        return list(self.body["blocks"])

    @property
    def title(self) -> str:
        return str(self.body.get("title", {}).get("text", ""))

    @property
    def callback_id(self) -> str:
        return str(self.body.get("callback_id", ""))

    @property
    def shown(self) -> str:
        """What a person reads in it."""
        return "\n".join(words(self.blocks))

    @property
    def buttons(self) -> list[Json]:
        return pressables(self.blocks)

    @property
    def labels(self) -> list[str]:
        return [part["text"]["text"] for part in self.buttons if "text" in part]

    @property
    def inputs(self) -> list[Json]:
        """Its input blocks."""
        return [block for block in self.blocks if block["type"] == "input"]


def walk(blocks: list[Json]) -> Iterator[Json]:
    """Every block and element, those inside others too, in the order they are shown."""
    for part in blocks:
        yield part
        for name in ("elements", "accessory", "element", "fields", "actions", "child_blocks", "tasks"):
            inner = part.get(name)
            if isinstance(inner, dict):
                yield from walk([inner])
            elif isinstance(inner, list):
                yield from walk([one for one in inner if isinstance(one, dict)])


def pressables(blocks: list[Json]) -> list[Json]:
    """Everything that is pressed: each option of an overflow menu and each half of feedback by itself."""
    found: list[Json] = []
    for part in walk(blocks):
        match part.get("type"):
            case "button" | "icon_button" | "workflow_button":
                found.append(part)
            case "overflow":
                found += [part | {"selected_option": one, "text": one["text"]} for one in part["options"]]
            case "feedback_buttons":
                halves = (part["positive_button"], part["negative_button"])
                found += [{"type": part["type"], "action_id": part["action_id"], **half} for half in halves]
    return found


def words(blocks: list[Json]) -> list[str]:
    """The words of blocks, in the order they are shown."""
    found: list[str] = []
    for part in blocks:
        if part.get("type") in _LINES:
            found += [one for one in ["".join(_inline(inner) for inner in part["elements"])] if one]
            continue
        for name in ("title", "text", "label", "subtitle", "body", "details", "output", "hint", "alt_text"):
            value = part.get(name)
            if isinstance(value, str):
                found.append(value)
            elif isinstance(value, dict):
                found += [value["text"]] if isinstance(value.get("text"), str) else words([value])
        for name in ("fields", "elements", "accessory", "element", "actions", "child_blocks", "tasks"):
            inner = part.get(name)
            if isinstance(inner, dict):
                found += words([inner])
            elif isinstance(inner, list):
                found += words([one for one in inner if isinstance(one, dict)])
    return found


def _inline(part: Json) -> str:
    """A piece of a line as it goes over the wire."""
    match part["type"]:
        case "user":
            return f"<@{part['user_id']}>"
        case "usergroup":
            return f"<!subteam^{part['usergroup_id']}>"
        case "channel":
            return f"<#{part['channel_id']}>"
        case "broadcast":
            return f"<!{part['range']}>"
        case "link":
            return str(part.get("text") or part["url"])
        case "emoji":
            return f":{part['name']}:"
        case _:
            return str(part.get("text", ""))


def _is_pick(part: Json) -> bool:
    return part.get("type") in ("datepicker", "timepicker", "checkboxes", "radio_buttons")


def _card(task: Json) -> Json:
    """A task as a block: its details and output are rich text there."""
    card: Json = {"type": "task_card", "task_id": task["id"], "title": task["title"], "status": task["status"]}
    for name in ("details", "output"):
        if task.get(name):
            section = {"type": "rich_text_section", "elements": [{"type": "text", "text": task[name]}]}
            card[name] = {"type": "rich_text", "elements": [section]}
    return card | ({"sources": task["sources"]} if task.get("sources") else {})
