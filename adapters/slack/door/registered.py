"""What Slack may send the bot, as data: the door takes exactly this, and the manifests ask for exactly this."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

LIFECYCLE = frozenset({"app_uninstalled", "tokens_revoked"})
"""Events of an installation that has ended: they come when its workspace is not known any more."""


@dataclass(frozen=True, slots=True)
class Command:
    """A slash command. People, channels and groups in its text come as ids (`should_escape`)."""

    name: str
    description: str
    usage: str


@dataclass(frozen=True, slots=True)
class Shortcut:
    """An entry of the menu of a message, or of the search bar. Slack: `name` at most 24 characters."""

    callback_id: str
    kind: Literal["message", "global"]
    name: str
    description: str


@dataclass(frozen=True, slots=True)
class Registered:
    """`subscriptions` are the events as a manifest names them: one `type` of event may have several."""

    subscriptions: tuple[str, ...]
    commands: tuple[Command, ...]
    shortcuts: tuple[Shortcut, ...]

    @property
    def events(self) -> frozenset[str]:
        """The types of event, as they come."""
        return frozenset(name.partition(".")[0] for name in self.subscriptions)


STOP, RESET_THREAD, HELP, ASK_ABOUT = "nod_stop", "nod_reset_thread", "nod_help", "nod_ask_about"
APPROVALS = "nod_approvals"

REGISTERED = Registered(
    subscriptions=(
        "agent_session_stopped",
        "app_home_opened",
        "app_mention",
        "app_uninstalled",
        "member_joined_channel",
        "message.channels",
        "message.groups",
        "message.im",
        "message.mpim",
        "subteam_created",
        "subteam_members_changed",
        "subteam_updated",
        "tokens_revoked",
        "user_change",
    ),
    commands=(
        Command("/nod", "What you may do with Nod, and what waits for you", "help | show | approvals | usage | stop"),
        Command(
            "/nod-admin", "Who may do what with Nod, and who approves it", "help | show @person | allow @person TOOL"
        ),
    ),
    shortcuts=(
        Shortcut(STOP, "message", "Stop Nod here", "Stop what Nod is doing in this thread"),
        Shortcut(RESET_THREAD, "message", "Begin anew here", "Let Nod forget what was said in this thread"),
        Shortcut(HELP, "message", "What Nod can do here", "What Nod can do in this thread, and for whom"),
        Shortcut(ASK_ABOUT, "message", "Ask Nod about this", "Ask Nod something about this message"),
        Shortcut(APPROVALS, "global", "Approvals of Nod", "What waits for approval by you"),
    ),
)
