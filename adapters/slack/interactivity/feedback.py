"""Good and bad below an answer: what people think of it, kept in the audit."""

from __future__ import annotations

import re
from collections.abc import Callable

from adapters.slack.directory.people import People
from adapters.slack.drawing.words import plain
from adapters.slack.handlers import Body
from adapters.slack.interactivity.interactions import Action, Interaction
from adapters.slack.interactivity.private import Private
from adapters.slack.interactivity.submissions import Sent
from bot.chat import ChatService
from bot.errors import Refused

GOOD, BAD = "good", "bad"
NOT_VALID = "This button is not valid any more; nothing was kept of it."
_ID = re.compile(r"nod:rate:(?P<run>[0-9a-zA-Z_-]{1,64})")


def feedback_block(run_id: str) -> Body:
    """The two buttons below the answer of a run (docs, "Feedback buttons element")."""
    good = {"text": plain("Good answer"), "accessibility_label": "This answer is good", "value": GOOD}
    bad = {"text": plain("Bad answer"), "accessibility_label": "This answer is bad", "value": BAD}
    buttons = {"type": "feedback_buttons", "positive_button": good, "negative_button": bad}
    return {"type": "context_actions", "elements": [{**buttons, "action_id": f"nod:rate:{run_id}"}]}


class Feedback:
    def __init__(self, service: Callable[[], ChatService], people: People, private: Private) -> None:
        self._service = service
        self._people = people
        self._private = private

    async def press(self, one: Interaction, action: Action) -> bool:
        """Keep what somebody thinks of an answer; False for another button. Raises `BotError`."""
        if (found := _ID.fullmatch(action.id)) is None:
            return False
        if action.value not in (GOOD, BAD) or one.place is None:
            raise Refused("not_allowed", NOT_VALID)
        actor = await self._people.actor(one.team, one.user, user_team=one.user_team)
        said = await self._service().feedback(one.place, found["run"], actor, is_good=action.value == GOOD)
        if said:
            await self._private.tell(one, said)
        return True

    async def submit(self, one: Interaction, callback: str, inputs: dict[str, str]) -> Sent | None:
        """No modal belongs to it."""
        return None
