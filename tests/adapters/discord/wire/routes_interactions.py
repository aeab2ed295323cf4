"""Routes of answers to interactions (docs, "Receiving and Responding")."""

from __future__ import annotations

import time
from dataclasses import replace

from tests.adapters.discord.wire import payloads, posting
from tests.adapters.discord.wire.components import checked_modal
from tests.adapters.discord.wire.posting import Post
from tests.adapters.discord.wire.refusals import Refused, invalid
from tests.adapters.discord.wire.rest import Call, Reply, Route
from tests.adapters.discord.wire.world import (
    EPHEMERAL,
    LOADING,
    Answer,
    Channel,
    Interaction,
    Json,
    Message,
    World,
)

SAY, DEFER, DEFER_UPDATE, UPDATE, COMPLETE, MODAL = 4, 5, 6, 7, 8, 9
_FITS = {2: {SAY, DEFER, MODAL}, 3: {SAY, DEFER, DEFER_UPDATE, UPDATE, MODAL}, 4: {COMPLETE}}
_MODAL_FITS = {SAY, DEFER}


def _callback(world: World, call: Call) -> Reply | None:
    made = world.interactions.get(call.ids["interaction_id"])
    if made is None or made.token != call.words["token"]:
        raise Refused(10062)
    try:
        _check_timely(world, made)
        return _answered(world, made, call)
    except Refused as refused:
        made.refused.append(refused.code)
        raise


def _check_timely(world: World, made: Interaction) -> None:
    if made.answer is not None:
        raise Refused(40060)
    if made.is_expired or time.monotonic() - made.made_at > world.rules.answer_within_s:
        raise Refused(10062)


def _answered(world: World, made: Interaction, call: Call) -> Reply | None:
    kind, data = call.body["type"], call.body.get("data") or {}
    if kind not in _fitting(made):
        raise invalid("type", "INTERACTION_APPLICATION_COMMAND_INVALID_CALLBACK_TYPE", f"{kind} does not fit here")
    message = _made_message(world, made, kind, Post(data, call.files))
    if kind == COMPLETE:
        _check_choices(data)
    if kind == MODAL:
        data = checked_modal(data)
    made.answer = Answer(kind, data, time.monotonic() - made.made_at, message)
    made.original = message
    if call.query.get("with_response") in ("1", "true", "True"):
        return Reply(200, _callback_body(world, made))
    return None


def _fitting(made: Interaction) -> set[int]:
    if made.kind != 5:
        return _FITS[made.kind]
    return _MODAL_FITS | ({DEFER_UPDATE, UPDATE} if made.message is not None else set())


def _made_message(world: World, made: Interaction, kind: int, post: Post) -> Message | None:
    """The message a first answer makes, changes or will change."""
    room = _room(world, made)
    match kind:
        case 4:
            return posting.say(world, room, world.me.id, _without_nonce(post), by=made)
        case 5:
            flags = LOADING | post.body.get("flags", 0) & EPHEMERAL
            waiting = Message(world.new_id(), room.id, world.me.id, kind=20, flags=flags, interaction=made)
            return posting.put(world, room, waiting)
        case 6:
            return made.message
        case 7:
            assert made.message is not None
            return posting.change(world, room, _still_there(made.message), post)
        case _:
            return None


def _without_nonce(post: Post) -> Post:
    """Answers to interactions have no nonce."""
    return replace(post, body={name: value for name, value in post.body.items() if name != "nonce"})


def _still_there(message: Message) -> Message:
    if message.is_deleted:
        raise Refused(10008)
    return message


def _room(world: World, made: Interaction) -> Channel:
    room = world.channels.get(made.channel_id)
    if room is None:
        raise Refused(10003)
    return room


def _check_choices(data: Json) -> None:
    choices = data.get("choices", [])
    if len(choices) > 25:
        raise invalid("data.choices", "BASE_TYPE_BAD_LENGTH", "Must be 25 or fewer in length.")
    for choice in choices:
        if not 1 <= len(choice["name"]) <= 100 or (isinstance(choice["value"], str) and len(choice["value"]) > 100):
            raise invalid("data.choices", "BASE_TYPE_BAD_LENGTH", "Must be between 1 and 100 in length.")


def _callback_body(world: World, made: Interaction) -> Json:
    answer = made.answer
    assert answer is not None
    body: Json = {"interaction": {"id": str(made.id), "type": made.kind}, "resource": {"type": answer.kind}}
    if answer.message is not None:
        body["interaction"] |= {
            "response_message_id": str(answer.message.id),
            "response_message_loading": answer.message.is_loading,
            "response_message_ephemeral": answer.message.is_ephemeral,
        }
        if answer.kind in (SAY, UPDATE):
            body["resource"]["message"] = payloads.message(world, answer.message)
    return body


def _by_token(world: World, call: Call) -> Interaction:
    """The interaction of a token that is still worth something."""
    made = world.by_token(call.words["token"])
    if made is None or call.ids["application_id"] != world.app.id or made.answer is None:
        raise Refused(10015)
    if made.is_expired or time.monotonic() - made.made_at > world.rules.token_lives_s:
        raise Refused(world.rules.expired_token)
    return made


def _follow_up(world: World, call: Call) -> Json:
    """A message after the first answer. After a deferral the first one takes the place of "is thinking"."""
    made = _by_token(world, call)
    room = _room(world, made)
    assert made.answer is not None
    if made.answer.kind == DEFER and made.original is not None and made.original.is_loading:
        return payloads.message(world, posting.change(world, room, made.original, _once(call)))
    message = posting.say(world, room, world.me.id, _without_nonce(call.post), by=made)
    made.followups.append(message)
    return payloads.message(world, message)


def _once(call: Call) -> Post:
    """A body as an edit of the deferred message: whether it is private was decided before."""
    return replace(call.post, body={"content": None, "embeds": []} | call.post.body)


def _target(world: World, made: Interaction, word: str) -> Message:
    if word == "@original":
        message = made.original
    else:
        message = next((one for one in [made.original, *made.followups] if one and str(one.id) == word), None)
    if message is None or message.is_deleted:
        raise Refused(10008)
    return message


def _get_answer(world: World, call: Call) -> Json:
    return payloads.message(world, _target(world, _by_token(world, call), call.words["message"]))


def _edit_answer(world: World, call: Call) -> Json:
    made = _by_token(world, call)
    message = _target(world, made, call.words["message"])
    return payloads.message(world, posting.change(world, _room(world, made), message, call.post))


def _delete_answer(world: World, call: Call) -> None:
    made = _by_token(world, call)
    message = _target(world, made, call.words["message"])
    posting.remove(world, _room(world, made), message)


ROUTES: list[Route] = [
    ("POST /interactions/{interaction_id}/{token}/callback", _callback),
    ("POST /webhooks/{application_id}/{token}", _follow_up),
    ("GET /webhooks/{application_id}/{token}/messages/{message}", _get_answer),
    ("PATCH /webhooks/{application_id}/{token}/messages/{message}", _edit_answer),
    ("DELETE /webhooks/{application_id}/{token}/messages/{message}", _delete_answer),
]
