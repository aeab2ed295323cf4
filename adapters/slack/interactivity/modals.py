"""Opening modals, which has to happen within three seconds after what somebody pressed."""

from __future__ import annotations

from adapters.slack.api.rooms import Workspaces
from adapters.slack.api.web import SlackRefused
from adapters.slack.handlers import Body
from adapters.slack.interactivity.interactions import Interaction, kept
from bot.errors import BotError

TOO_LATE = "That took too long for Slack, which opens nothing after three seconds: press it again."
PATIENCE_S = 1.5
_LATE = frozenset({"expired_trigger_id", "exchanged_trigger_id", "invalid_trigger_id", "trigger_expired"})


class Modals:
    def __init__(self, workspaces: Workspaces) -> None:
        self._workspaces = workspaces

    async def show(self, to: Interaction, view: Body) -> bool:
        """Open a view for whoever did this, above the one they did it in. Raises `TooLate`, `SlackRefused` and
        `SendError`."""
        client = (await self._workspaces.get(to.team)).client
        method = "views.push" if to.view and not to.is_home else "views.open"
        whole = {"private_metadata": kept(to), **view}
        try:
            await client.call(method, patience_s=PATIENCE_S, trigger_id=to.trigger, view=whole)
        except SlackRefused as err:
            raise (TooLate(TOO_LATE) if err.code in _LATE else err) from err
        return True

    async def replace(self, to: Interaction, view: Body) -> None:
        """Show something else in the modal that this was done in."""
        client = (await self._workspaces.get(to.team)).client
        await client.call("views.update", view_id=to.view, view=view)


class TooLate(BotError):
    """Slack opens nothing any more for what was pressed."""
