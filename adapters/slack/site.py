"""One bot on Slack, put together: what takes in, what sends out, and what people press."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field

import aiohttp
import structlog

from adapters.slack.api.rooms import Rooms
from adapters.slack.api.strict import part
from adapters.slack.api.workspaces import Workspaces
from adapters.slack.directory.channels import Channels
from adapters.slack.directory.groups import Groups
from adapters.slack.directory.people import People
from adapters.slack.directory.talkers import Talkers
from adapters.slack.handlers import Body
from adapters.slack.inbound.catchup import Catchup
from adapters.slack.inbound.intake import Handle, Intake
from adapters.slack.inbound.listening import WITHIN_S, Listening
from adapters.slack.inbound.naming import Naming
from adapters.slack.inbound.queues import Pauses
from adapters.slack.inbound.taking import Taking
from adapters.slack.inbound.uploads import Uploads
from adapters.slack.interactivity.about import Asking
from adapters.slack.interactivity.administering import Administering
from adapters.slack.interactivity.clicks import Clicks
from adapters.slack.interactivity.commands import Commands
from adapters.slack.interactivity.feedback import Feedback, feedback_block
from adapters.slack.interactivity.home import AFTER_S, Home
from adapters.slack.interactivity.interactive import SUBMITTED_WITHIN_S, Interactive
from adapters.slack.interactivity.modals import Modals
from adapters.slack.interactivity.private import Private
from adapters.slack.interactivity.replies import Replies
from adapters.slack.interactivity.responding import Responder
from adapters.slack.interactivity.shortcuts import Shortcuts
from adapters.slack.interactivity.stops import Stops
from adapters.slack.options import Options
from adapters.slack.outbound.answers import Answers
from adapters.slack.outbound.delivering import Delivering
from adapters.slack.outbound.live import Live
from adapters.slack.outbound.sending import Sender
from adapters.slack.outbound.sessions import Sessions
from bot.chat import ChatService

log = structlog.get_logger()


@dataclass(frozen=True, slots=True)
class Times:
    """How long its parts wait, in seconds: after a failure, for what was said before a question, until a tab is drawn
    anew, and for what a sent modal asks for."""

    pauses: Pauses = field(default_factory=Pauses)
    heard_within_s: float = WITHIN_S
    drawn_after_s: float = AFTER_S
    submitted_within_s: float = SUBMITTED_WITHIN_S


USUAL = Times()


class Site:
    """The parts of one bot. It is the `Handlers` of the door: nothing it does for an interaction raises."""

    def __init__(
        self,
        options: Options,
        service: Callable[[], ChatService],
        workspaces: Workspaces,
        http: Callable[[], aiohttp.ClientSession],
        *,
        ended: Handle,
        times: Times = USUAL,
    ) -> None:
        self._service = service
        self.workspaces = workspaces
        self.channels = Channels(workspaces)
        self.rooms = Rooms(workspaces)
        self.sender = Sender(self.rooms)
        self.live = Live(self.rooms, Sessions())
        answers = Answers(self.rooms, self.sender, self.live, below=feedback_block)
        groups = Groups(workspaces)
        people = People(workspaces, groups)
        naming = Naming(people, groups)
        talkers = Talkers(service)
        responder, modals = Responder(http, options.api_url), Modals(workspaces)
        private = Private(workspaces, self.rooms, responder, modals)
        self.home = Home(service, people, workspaces, modals, after_s=times.drawn_after_s)
        self.delivering = Delivering(self.rooms, self.sender, answers, card_changed=self.home.changed)
        taking = Taking(
            service,
            people,
            naming,
            talkers,
            listening=Listening(workspaces, people, naming, within_s=times.heard_within_s),
            uploads=Uploads(workspaces, http, options.api_url),
            answers=Replies(private),
            where=options.answers,
            received=self.live.asked_by,
        )
        self.intake = Intake(
            service,
            workspaces,
            taking,
            talkers,
            people,
            groups,
            others={
                "agent_session_stopped": _of_event(Stops(service, people, private).stopped),
                "app_home_opened": _of_event(self.home.opened),
                "app_uninstalled": ended,
                "tokens_revoked": ended,
            },
            pauses=times.pauses,
        )
        self.catchup = Catchup(service, self.rooms, self.intake, options.data_dir)
        asking = Asking(service, people, self.rooms, self.sender, modals, naming)
        forms = Administering(service, people, modals, self.home)
        self.interactive = Interactive(
            (Clicks(service, people, private, modals), Feedback(service, people, private), forms, asking),
            Commands(service, people, groups, private, options),
            Shortcuts(service, people, private, asking, self.home, options),
            forms.offered,
            private,
            responder,
            submitted_within_s=times.submitted_within_s,
        )
        self.press = self.interactive.press
        self.submit = self.interactive.submit
        self.closed = self.interactive.closed
        self.command = self.interactive.command
        self.shortcut = self.interactive.shortcut
        self.options = self.interactive.options

    async def keep(self, body: Body, *, retry: int) -> None:
        await self.intake.keep(body, retry=retry)

    def stop_taking(self) -> None:
        """Begin nothing new; what is being worked on can still be shown."""
        self.intake.stop_taking()

    async def aclose(self) -> None:
        await self.intake.aclose()
        await self.interactive.aclose()
        await self.home.aclose()
        await self.channels.aclose()
        await self.live.aclose()


def _of_event(handle: Handle) -> Handle:
    """The same for something that has to know the event alone."""

    async def handled(team: str, body: Body) -> None:
        await handle(team, part(body, "event"))

    return handled
