"""What is durable and has to be there: answers, cards and notices, each where it belongs; else the person who asked is
told directly."""

from __future__ import annotations

from collections.abc import Callable

import structlog

from adapters.addressed import instead, is_copy, may_see_all, member_of
from adapters.recent import Latest
from adapters.slack.api.rooms import Rooms
from adapters.slack.drawing.cards import draw_card
from adapters.slack.drawing.markup import answer_of, mention, mrkdwn, notice_parts, plain
from adapters.slack.outbound.answers import Answers
from adapters.slack.outbound.sending import Post, Sender
from adapters.slack.places import PLATFORM, direct_place, direct_user
from bot.chat import Answered, Card, CardShown, Delivery, Notice, Place
from bot.errors import BotError, PlaceGone

log = structlog.get_logger()

MAX_LINKS = 10_000
_NOT_THERE = "I cannot write this in {where}, so I say it here."


class Delivering:
    """`card_changed` is told whenever a card was drawn: what waits for people may have changed."""

    def __init__(self, rooms: Rooms, sender: Sender, answers: Answers, *, card_changed: Callable[[], None]) -> None:
        self._rooms = rooms
        self._sender = sender
        self._answers = answers
        self._card_changed = card_changed
        self._links: Latest[Place, str] = Latest(MAX_LINKS)

    async def send(self, delivery: Delivery) -> str:
        """Send it once, and give the `ts` of its message. Raises `SendError` and `PlaceGone`."""
        try:
            return await self._send(delivery)
        except PlaceGone as gone:
            return await self._send_directly(delivery, gone)

    async def _send(self, delivery: Delivery) -> str:
        match delivery.event:
            case Answered(run_id, text):
                return await self._answers.send(delivery, run_id, text)
            case Notice(_, text, _, addressed):
                return await self._post(delivery, _notice(text, _of_slack(addressed, delivery.place)))
            case CardShown(card):
                self._card_changed()
                return await self._send_card(delivery, card)

    async def _send_card(self, delivery: Delivery, card: Card) -> str:
        is_elsewhere = is_copy(delivery)
        drawn = draw_card(
            card,
            is_copy=is_elsewhere,
            in_full=may_see_all(card, delivery.place, direct_user(delivery.place)),
            team=delivery.place.workspace,
            origin=await self._link(card.place) if is_elsewhere else "",
        )
        post = Post(drawn.text, drawn.blocks, drawn.files)
        if delivery.receipt and await self._sender.edit(delivery.place, delivery.receipt, post):
            return delivery.receipt
        if delivery.receipt and card.state != "pending":
            return delivery.receipt  # somebody deleted it, or it was never here, and it is decided
        return await self._post(delivery, [post], again=bool(delivery.receipt))

    async def _link(self, place: Place) -> str:
        """The address of the message that began a thread of Slack's; "" where there is none, or Slack does not say."""
        if place.platform != PLATFORM or not place.thread or direct_user(place) is not None:
            return ""
        if place not in self._links:
            try:
                room = await self._rooms.open(place)
                said = await room.client.call("chat.getPermalink", channel=room.channel, message_ts=room.thread)
            except BotError as err:
                log.info("link.not_known", why=err.user_message)
                return ""
            self._links[place] = str(said.get("permalink") or "")
        return self._links[place]

    async def _post(self, delivery: Delivery, posts: list[Post], *, again: bool = False) -> str:
        sent = await self._sender.post(
            delivery.place,
            posts,
            key=f"{delivery.key}:again:{delivery.receipt}" if again else delivery.key,
            since_ms=delivery.since_ms,
            attempts=delivery.attempts,
        )
        return sent[0]

    async def _send_directly(self, delivery: Delivery, gone: PlaceGone) -> str:
        """Tell the person who asked what could not be said where they asked. Raises what they were gone for."""
        user = _user(delivery.asked_by, delivery.place)
        if user is None or direct_user(delivery.place) is not None or delivery.receipt or is_copy(delivery):
            raise gone
        try:
            sent = await self._sender.post(
                direct_place(delivery.place.workspace, user),
                _instead(delivery),
                key=f"{delivery.key}:direct",
                since_ms=delivery.since_ms,
                attempts=delivery.attempts,
            )
        except BotError:
            raise gone from None
        return f"direct {sent[0]}"


def _notice(text: str, pings: list[str]) -> list[Post]:
    """A sentence of the bot, below a line of its own with those it is for: what Slack does with a mention in
    Markdown is nowhere said."""
    first, *more = map(_markdown, notice_parts(text))
    if pings:
        named, line = _words(" ".join(map(mention, pings)))
        first = Post(f"{named} {first.text}", (*line, *first.blocks))
    return [first, *more]


def _instead(delivery: Delivery) -> list[Post]:
    """The same, for whoever cannot see it in its place."""
    note = Post(*_words(_NOT_THERE.format(where=f"<#{delivery.place.channel}>")))
    parts, file = answer_of(instead(delivery, plain))
    posts = [note, *map(_markdown, parts)]
    if file is not None:
        posts[-1] = Post(posts[-1].text, posts[-1].blocks, (file,))
    return posts


def _words(text: str) -> tuple[str, tuple[dict[str, object], ...]]:
    """Words of our own in mrkdwn, as a message."""
    return text, ({"type": "section", "text": {"type": "mrkdwn", "text": text}},)


def _markdown(part: str) -> Post:
    return Post(mrkdwn(part), ({"type": "markdown", "text": part},))


def _of_slack(addressed: tuple[str, ...], place: Place) -> list[str]:
    """Who of these can be pinged here."""
    found = (_user(key, place) for key in addressed)
    return [one for one in found if one is not None]


def _user(key: str, place: Place) -> str | None:
    """The id of somebody of the same workspace, by their identity."""
    user = member_of(place, key)
    return user if user.isascii() and user.isalnum() else None
