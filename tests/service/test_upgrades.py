"""Data of every released version: what an older Nod stored is taken up by this one, and nothing of it is lost."""

from __future__ import annotations

import sqlite3
from collections.abc import Callable
from pathlib import Path

import pytest

from bot import chat
from bot.config.settings import Settings
from tests.models.endpoint import ScriptedEndpoint, says
from tests.service.kit import ALICE, PLACE, opened

GOLDEN = Path(__file__).parents[1] / "storage" / "golden"
RELEASED = sorted(GOLDEN.glob("database-*.sql"))


def test_every_older_schema_has_its_golden_file() -> None:
    import bot.storage.migrate

    versions = Path(bot.storage.migrate.__file__).parent / "migrations" / "versions"
    revisions = sorted(path.stem.partition("_")[0] for path in versions.glob("[0-9]*.py"))

    assert [path.stem.removeprefix("database-") for path in RELEASED] == revisions[:-1]


@pytest.mark.parametrize("path", RELEASED, ids=lambda path: path.stem)
async def test_a_waiting_approval_a_queued_message_and_the_history_survive_an_upgrade(
    settings: Settings, endpoint: ScriptedEndpoint, ledger: Callable[[], list[str]], path: Path
) -> None:
    """The golden database: a settled turn, an approval of alice that waits, a message of bob that is being answered."""
    settings.data_dir.mkdir()
    database = sqlite3.connect(settings.data_dir / "nod.db")
    database.executescript(path.read_text("utf-8"))
    database.close()
    endpoint.script = [says("yes, still here"), says("Deployed 1.")]

    async with opened(settings, endpoint) as one:
        await one.service.idle()
        assert one.answers() == ["yes, still here"]
        card = await one.only_card()
        assert one.adapter.cards()[card.approval_id].state == "pending"
        outcome = await one.click(card.approval_id, actor=ALICE)
        events = await one.service.transcript(PLACE)

    assert outcome.is_accepted
    assert ledger() == ["1"]
    answers = [event.text for event in events if isinstance(event, chat.Answered)]
    assert answers == ["hello alice", "yes, still here", "Deployed 1."]
