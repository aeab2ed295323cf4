"""Notes belong to a room."""

from __future__ import annotations

from dataclasses import dataclass, field

from bot.engine.types import Place
from bot.tools.builtin.notes_add import notes_add
from bot.tools.builtin.notes_clear import notes_clear
from bot.tools.builtin.notes_search import notes_search
from bot.tools.context import Note, Services
from bot.tools.registry import spec_of
from tests.tools.boxes import RUN, box, call, context


@dataclass
class NotesInMemory:
    rooms: dict[Place, dict[str, Note]] = field(default_factory=dict)
    authors: set[str] = field(default_factory=set)

    async def add(self, place: Place, author: str, text: str, key: str, *, author_key: str) -> int:
        room = self.rooms.setdefault(place, {})
        self.authors.add(author_key)
        room.setdefault(key, Note(len(room) + 1, author, text, 1_767_225_600_000))
        return len(room)

    async def search(self, place: Place, query: str, limit: int) -> list[Note]:
        return [note for note in self.rooms.get(place, {}).values() if query in note.text][:limit]

    async def clear(self, place: Place) -> int:
        return len(self.rooms.pop(place, {}))


async def test_a_note_is_saved_and_counted() -> None:
    services = Services(notes=NotesInMemory())

    first = await notes_add(context(services, key="r1:c1"), "Standup is at ten.")
    second = await notes_add(context(services, key="r1:c2"), "Lunch is at noon.")

    assert first == "Saved. This channel has 1 note."
    assert second == "Saved. This channel has 2 notes."


async def test_a_note_is_kept_with_the_identity_of_its_author() -> None:
    notes = NotesInMemory()

    await notes_add(context(Services(notes=notes)), "Standup is at ten.")

    assert notes.authors == {"web:alice"}


async def test_the_same_key_saves_once() -> None:
    services = Services(notes=NotesInMemory())

    await notes_add(context(services), "Standup is at ten.")

    assert await notes_add(context(services), "Standup is at ten.") == "Saved. This channel has 1 note."


async def test_notes_are_found_with_day_and_author() -> None:
    services = Services(notes=NotesInMemory())
    await notes_add(context(services), "Standup is at ten.")

    assert await notes_search(context(services), " Standup ") == "- 2026-01-01 Alice: Standup is at ten."
    assert await notes_search(context(services), "dinner") == "No notes match 'dinner'."
    assert await notes_search(context(Services(notes=NotesInMemory()))) == "This channel has no notes."


async def test_a_thread_shares_the_notes_of_its_channel() -> None:
    services = Services(notes=NotesInMemory())
    await notes_add(context(services, place=Place("web", "", "general", "t1")), "Standup is at ten.")

    assert "Standup" in await notes_search(context(services, place=Place("web", "", "general", "t2")))


async def test_another_channel_sees_nothing() -> None:
    services = Services(notes=NotesInMemory())
    await notes_add(context(services), "Standup is at ten.")
    elsewhere = context(services, place=Place("web", "", "other"))

    assert await notes_search(elsewhere) == "This channel has no notes."
    assert await notes_clear(elsewhere) == "Deleted 0 notes."
    assert "Standup" in await notes_search(context(services))


async def test_clearing_deletes_all_and_says_how_many() -> None:
    services = Services(notes=NotesInMemory())
    await notes_add(context(services), "Standup is at ten.")

    assert await notes_clear(context(services)) == "Deleted 1 note."
    assert await notes_search(context(services)) == "This channel has no notes."


def test_clearing_is_gated_and_takes_no_arguments() -> None:
    spec = spec_of(notes_clear)

    assert spec.confirm
    assert spec.effect == "once"
    assert spec.parameters["properties"] == {}
    assert (spec_of(notes_add).effect, spec_of(notes_search).effect) == ("idempotent", "read")


def test_without_a_store_there_are_no_note_tools() -> None:
    assert box([notes_add, notes_search, notes_clear]).schemas == b""


async def test_the_whole_way_through_the_toolbox() -> None:
    toolbox = box([notes_add], services=Services(notes=NotesInMemory()))

    result, is_known = await toolbox.run(call("notes_add", '{"text":"Standup is at ten."}'), RUN, key="r1:c1")

    assert (result.text, result.is_error, is_known) == ("Saved. This channel has 1 note.", False, True)
    assert toolbox.judge(call("notes_add", '{"text":""}'), RUN).outcome == "invalid"
