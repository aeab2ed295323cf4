"""One bot's small world: its data folder, the records kept outside of it, and the settings of its lives."""

from __future__ import annotations

import shutil
import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from bot.chat import Actor, Inbound, Place
from bot.config.settings import Settings, load
from bot.models.config import from_mapping
from bot.models.registry import Registry
from tests.chaos import records
from tests.chaos.speaker import ROOT, script

ALICE = Actor("chaos", "", "alice", "alice")
TOOLS = Path(__file__).parent / "tools"


@dataclass(frozen=True, slots=True)
class Message:
    """One message of the workload: the platform's event id, the thread it stands in, its text."""

    id: str
    thread: str
    text: str

    def inbound(self) -> Inbound:
        return Inbound(self.id, Place("chaos", "", "general", self.thread), ALICE, self.text, 1)


def message(event_id: str, thread: str, replies: list[list[str]], **more: int) -> Message:
    """A message that has the model play these replies."""
    return Message(event_id, thread, script(event_id, replies, **more))


@dataclass(frozen=True, slots=True)
class Box:
    """The folder of one bot and the files of its witnesses.

    `ledger`: effects; `chat`: what the platform was given; `kept`: messages that were acknowledged; `acks`: those whose
    receipt came back; `clicks`: decisions, before and after.
    """

    folder: Path
    model_url: str

    @property
    def data(self) -> Path:
        return self.folder / "data"

    @property
    def ledger(self) -> Path:
        return self.folder / "ledger"

    @property
    def chat(self) -> Path:
        return self.folder / "chat"

    @property
    def kept(self) -> Path:
        return self.folder / "kept"

    @property
    def acks(self) -> Path:
        return self.folder / "acks"

    @property
    def clicks(self) -> Path:
        return self.folder / "clicks"

    @property
    def log(self) -> Path:
        return self.folder / "log"

    def environment(self, **more: str) -> dict[str, str]:
        """The bot's settings as an environment, whole: nothing of this machine gets in but the path."""
        return {
            "PATH": "/usr/bin:/bin",
            "PYTHONPATH": str(ROOT),
            "DATA_DIR": str(self.data),
            "TOOLS_DIR": str(TOOLS),
            "MODEL_API_URL": self.model_url,
            "MODEL_NAME": "speaker",
            "LOG_LEVEL": "error",
            records.FOLDER: str(self.folder),
            **more,
        }

    def settings(self, **more: str) -> Settings:
        return load(self.environment(**more), None)[0]

    def models(self) -> Registry:
        row = {"label": "m", "api_url": self.model_url, "model_name": "m", "host_type": "generic"}
        return Registry([from_mapping(row)], default="m")

    @contextmanager
    def rows(self) -> Iterator[sqlite3.Connection]:
        """The database as it is, read by a stranger. Only while no bot is alive."""
        connection = sqlite3.connect(self.data / "nod.db", isolation_level=None)
        connection.row_factory = sqlite3.Row
        try:
            yield connection
        finally:
            connection.close()

    def copy_to(self, folder: Path) -> Box:
        shutil.copytree(self.folder, folder)
        return Box(folder, self.model_url)
