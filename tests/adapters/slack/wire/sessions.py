"""Agent sessions: what a thread shows of the bot's work (docs, "Agent sessions")."""

from __future__ import annotations

from tests.adapters.slack.wire.world import Channel, Session, World

STATUSES = ("active", "processing", "suspended", "closed")


def of(world: World, channel: Channel, thread: str) -> Session:
    """The session of a thread; one that has no status yet if there is none."""
    return world.sessions.setdefault((channel.id, thread), Session(channel.id, thread))


def put(world: World, channel: Channel, thread: str, status: str) -> Session:
    """Give a session a status."""
    found = of(world, channel, thread)
    found.status = status
    found.history.append(status)
    return found


def answered(world: World, channel_id: str, thread: str) -> None:
    """Take away the note under a thread, as Slack does when the bot has written there."""
    if found := world.sessions.get((channel_id, thread)):
        found.note, found.loading_messages = "", []
