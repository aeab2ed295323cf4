"""What to try in the demo: requests the small model was measured to manage, in any order and again and again."""

from __future__ import annotations

from pathlib import Path

MODELS_TOML = Path(__file__).parent / "models.toml"

TOOL_FOR = {
    "What time is it in Tokyo?": "current_time",
    "Add a note: the standup moved to 10:00": "notes_add",
    "Search the notes for standup": "notes_search",
    "Clear all notes": "notes_clear",
}
"""Each suggestion with the tool it leads to; `notes_clear` asks first."""

SUGGESTIONS = tuple(TOOL_FOR)
