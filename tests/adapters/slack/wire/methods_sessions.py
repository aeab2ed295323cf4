"""agents.sessions.* and assistant.threads.*: what is shown of the bot's work beside its words."""

from __future__ import annotations

from tests.adapters.slack.wire import sessions
from tests.adapters.slack.wire.asking import Ask, Method, room
from tests.adapters.slack.wire.messages import Json
from tests.adapters.slack.wire.refusals import Refused, invalid
from tests.adapters.slack.wire.schema import listing, mapping, string
from tests.adapters.slack.wire.world import Channel

MAX_TITLE = 200
MAX_PROMPTS = 4
MAX_LOADING = 10
_UNHEARD = "missing_agent_session_stopped_event_subscription"
_PROMPTS = listing(mapping({"title": string(500), "message": string(4000)}), MAX_PROMPTS, 0)


def set_status(ask: Ask) -> Json:
    """Slack warns when nobody would hear of the stop button: then it shows none."""
    channel, thread = _session_place(ask)
    if ask.text("status") not in sessions.STATUSES:
        raise Refused("invalid_status")
    title, initiator = ask.text("title"), ask.text("initiator_user_id")
    if len(title) > MAX_TITLE:
        raise invalid("invalid_arguments", f"must be less than {MAX_TITLE + 1} characters [json-pointer:/title]")
    if initiator and initiator not in channel.members:
        raise Refused("user_not_found")
    is_new = not sessions.of(ask.world, channel, thread).status
    session = sessions.put(ask.world, channel, thread, ask.text("status"))
    session.title = title if is_new and title else session.title
    answer: Json = {"status": session.status, "agent_status": session.status, "title": session.title}
    if "agent_session_stopped" in ask.world.app.events:
        return answer
    return answer | {"warning": _UNHEARD, "response_metadata": {"warnings": [_UNHEARD]}}


def rename(ask: Ask) -> Json:
    channel, thread = _session_place(ask)
    title = ask.need("title")
    if len(title) > MAX_TITLE:
        raise invalid("invalid_arguments", f"must be less than {MAX_TITLE + 1} characters [json-pointer:/title]")
    session = sessions.of(ask.world, channel, thread)
    if not session.status:
        raise Refused("session_not_found")
    session.title = title
    return {"title": title}


def set_note(ask: Ask) -> Json:
    """assistant.threads.setStatus: a line under the thread, gone with the bot's next message there."""
    channel, thread = _thread(ask, ask.need("thread_ts"))
    loading = ask.data("loading_messages") or []
    if len(loading) > MAX_LOADING:
        raise invalid("invalid_arguments", f"no more than {MAX_LOADING} items allowed [json-pointer:/loading_messages]")
    session = sessions.of(ask.world, channel, thread)
    session.note, session.loading_messages = ask.text("status"), list(loading)
    session.notes.append(session.note)
    return {}


def set_prompts(ask: Ask) -> Json:
    """Without a thread they are pinned to the Messages tab."""
    channel, thread = _thread(ask, ask.text("thread_ts"))
    prompts = ask.data("prompts") or []
    faults: list[str] = []
    _PROMPTS(prompts, "/prompts", faults)
    if faults:
        raise invalid("invalid_arguments", *faults)
    session = sessions.of(ask.world, channel, thread)
    session.prompts, session.prompts_title = list(prompts), ask.text("title")
    return {}


def set_title(ask: Ask) -> Json:
    channel, thread = _thread(ask, ask.need("thread_ts"))
    sessions.of(ask.world, channel, thread).title = ask.need("title")
    return {}


def _session_place(ask: Ask) -> tuple[Channel, str]:
    """The thread of a session. Raises Refused."""
    if not ask.world.app.is_agent:
        raise Refused("feature_disabled")
    channel = room(ask, "channel_id")
    if ask.install.user not in channel.members:
        raise Refused("not_authorized")
    if not ask.text("thread_ts"):
        raise Refused("thread_ts_required")
    return channel, ask.text("thread_ts")


def _thread(ask: Ask, ts: str) -> tuple[Channel, str]:
    channel = room(ask, "channel_id")
    if ts and ask.world.message(channel.id, ts) is None:
        raise Refused("invalid_thread_ts")
    return channel, ts


METHODS: dict[str, Method] = {
    "agents.sessions.setStatus": set_status,
    "agents.sessions.rename": rename,
    "assistant.threads.setStatus": set_note,
    "assistant.threads.setSuggestedPrompts": set_prompts,
    "assistant.threads.setTitle": set_title,
}
