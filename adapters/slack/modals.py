"""Opening modals, which has to happen within three seconds after what somebody pressed."""

from __future__ import annotations

from collections.abc import Awaitable, Callable

from adapters.slack.handlers import Body
from adapters.slack.interactions import Interaction, kept
from adapters.slack.web import SlackClient, SlackRefused
from bot.errors import BotError

TOO_LATE = "That took too long for Slack, which opens nothing after three seconds: press it again."
_LATE = frozenset({"expired_trigger_id", "exchanged_trigger_id", "invalid_trigger_id", "trigger_expired"})


class Modals:
    def __init__(self, client_of: Callable[[str], Awaitable[SlackClient]]) -> None:
        self._client_of = client_of

    async def show(self, to: Interaction, view: Body) -> bool:
        """Open a view for whoever did this, above the one they did it in. Raises `TooLate`, `SlackRefused` and
        `SendError`."""
        client = await self._client_of(to.team)
        method = "views.push" if to.view and not to.is_home else "views.open"
        whole = {"private_metadata": kept(to), **view}
        try:
            await client.call(method, patience_s=0.0, trigger_id=to.trigger, view=whole)
        except SlackRefused as err:
            raise (TooLate(TOO_LATE) if err.code in _LATE else err) from err
        return True

    async def replace(self, to: Interaction, view: Body) -> None:
        """Show something else in the modal that this was done in."""
        client = await self._client_of(to.team)
        await client.call("views.update", view_id=to.view, view=view)


class TooLate(BotError):
    """Slack opens nothing any more for what was pressed."""
