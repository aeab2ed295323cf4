"""Cards in other places: where they are made, that each follows every change at once, and that none holds up others."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import dataclass

import pytest

from bot import chat
from bot.chat import Actor, Card, Click, Place
from bot.config.settings import Settings
from bot.errors import PlaceGone, SendError
from tests.fakes import RecordingAdapter
from tests.models.endpoint import ScriptedEndpoint, calls, says
from tests.service.kit import ALICE, BOB, PLACE, ROOT, Bench, opened
from tests.service.voting import edited

pytestmark = pytest.mark.usefixtures("nothing_blocks")

CHANNEL = Place("discord", "1", "500")
OTHER_CHANNEL = Place("discord", "1", "501")
THREAD = Place("discord", "1", "10", "11")
EVE = Actor("discord", "1", "5", "eve")
ADA = Actor("discord", "1", "9", "ada")
DEPLOY = calls(("deploy", {"version": "1"}))
BOTH = calls(("deploy", {"version": "1"}), ("deploy", {"version": "2"}))


@pytest.fixture
def settings(settings: Settings) -> Settings:
    """Cards of the web page are shown in a channel of Discord too."""
    return settings.model_copy(
        update={
            "adapters": ("web", "discord"),
            "admins": ("web:root", "discord:1/9"),
            "approvals_channels": ("web:>discord:1/500",),
        }
    )


@dataclass
class OneClosed(RecordingAdapter):
    """A platform on which one channel is gone."""

    closed: Place = CHANNEL

    async def send(self, delivery: chat.Delivery) -> str:
        if delivery.place == self.closed:
            raise PlaceGone("the channel is gone")
        return await super().send(delivery)


def beside(one: Bench, adapter: RecordingAdapter | None = None) -> RecordingAdapter:
    """Discord, served by the same bot."""
    there = adapter or RecordingAdapter("discord")
    one.app.add_adapter(there)
    return there


async def stored(one: Bench, place: Place = PLACE) -> dict[str, Card]:
    """Each card of a conversation as it would be drawn now."""
    events = await one.service.transcript(place)
    return {event.card.approval_id: event.card for event in events if isinstance(event, chat.CardShown)}


async def where(one: Bench) -> list[str]:
    """The places that cards are for, in order."""
    rows = await one.plain(
        "SELECT platform || ':' || workspace || '/' || channel || '/' || thread FROM outbox"
        " JOIN conversations ON conversations.id = conversation_id WHERE kind = 'card' ORDER BY outbox.id"
    )
    return [str(row[0]) for row in rows]


# --- where they are ---


async def test_a_card_is_shown_in_the_channel_for_approvals_too(settings: Settings, endpoint: ScriptedEndpoint) -> None:
    endpoint.script = [DEPLOY]
    async with opened(settings, endpoint) as one:
        there = beside(one)
        await one.say("Deploy 1")
        (sent,) = there.sent

        assert (sent.place, there.cards()) == (CHANNEL, one.adapter.cards())
        assert sent.key == f"card:{(await one.only_card()).approval_id}:discord:1/500"


async def test_a_channel_that_is_named_twice_has_one_copy(settings: Settings, endpoint: ScriptedEndpoint) -> None:
    endpoint.script = [DEPLOY]
    twice = settings.model_copy(update={"approvals_channels": ("web:>discord:1/500", "web:>discord:1/500")})
    async with opened(twice, endpoint) as one:
        there = beside(one)
        await one.say("Deploy 1")

        assert len(there.sent) == 1


async def test_what_is_asked_for_in_the_channel_itself_is_shown_there_once(
    settings: Settings, endpoint: ScriptedEndpoint
) -> None:
    endpoint.script = [DEPLOY]
    own = settings.model_copy(update={"approvals_channels": ("discord:1/500",)})
    async with opened(own, endpoint) as one:
        beside(one)
        await one.say("Deploy 1", actor=EVE, place=CHANNEL)

        assert await where(one) == ["discord:1/500/"]


@pytest.mark.parametrize(
    ("setting", "place", "copies"),
    [
        ("slack:T1>discord:1/2", Place("slack", "T1", "C1"), ["discord:1/2/"]),
        ("slack:T1>discord:1/2", Place("slack", "T2", "C1"), []),
        ("slack:T1>discord:1/2", Place("discord", "1", "10"), []),
        ("discord:1/2", Place("discord", "1", "10"), ["discord:1/2/"]),
        ("discord:1/2", Place("discord", "3", "10"), []),
        ("discord:1/2", Place("slack", "1", "C1"), []),
        ("web:>discord:1/2", PLACE, ["discord:1/2/"]),
        ("web:>slack:T1/C9", PLACE, []),  # nothing serves Slack here
        ("cli:>discord:1/2", Place("cli", "", "default"), []),
        ("script:>discord:1/2", Place("script", "", ""), []),
    ],
)
async def test_a_channel_is_for_what_is_asked_for_in_its_workspace_or_in_the_one_before_the_arrow(
    settings: Settings, endpoint: ScriptedEndpoint, setting: str, place: Place, copies: list[str]
) -> None:
    endpoint.script = [DEPLOY]
    own = settings.model_copy(update={"approvals_channels": (setting,)})
    actor = Actor(place.platform, place.workspace, "u")
    async with opened(own, endpoint) as one:
        await one.say("Deploy 1", actor=actor, place=place)
        shown = await where(one)

        assert [
            text for text in shown if text != f"{place.platform}:{place.workspace}/{place.channel}/{place.thread}"
        ] == copies


async def test_nothing_is_made_for_an_adapter_that_is_not_configured(
    settings: Settings, endpoint: ScriptedEndpoint
) -> None:
    endpoint.script = [DEPLOY]
    async with opened(settings.model_copy(update={"adapters": ("web",)}), endpoint) as one:
        await one.say("Deploy 1")

        assert await where(one) == ["web:/general/t1"]


# --- direct messages ---


async def direct(settings: Settings, endpoint: ScriptedEndpoint, approver: str, requester: Actor = EVE) -> list[str]:
    """The places of the cards of a deployment that these have to approve."""
    endpoint.script = [DEPLOY]
    own = settings.model_copy(update={"approvals_channels": (), "approvals_dm": True})
    async with opened(own, endpoint) as one:
        beside(one)
        await one.admin(approver, actor=ADA, place=THREAD)
        await one.service.met(Actor("discord", "1", "66", "gone", standing="gone"))
        await one.service.met(Actor("discord", "1", "67", "robot", standing="bot"))
        await one.say("Deploy 1", actor=requester, place=THREAD)
        return [text for text in await where(one) if text != "discord:1/10/11"]


@pytest.mark.parametrize(
    ("approver", "copies"),
    [
        ("admin", ["discord:1/@9/"]),
        ("discord:1/7", ["discord:1/@7/"]),
        ("2 of discord:1/7,discord:1/8,admin", ["discord:1/@7/", "discord:1/@8/", "discord:1/@9/"]),
        ("2 of discord:1/7,requester", ["discord:1/@7/"]),
        ("discord:1/7 then admin after 2h", ["discord:1/@7/"]),
        ("finance", []),
        ("not_requester", []),
    ],
)
async def test_who_is_named_as_an_approver_is_written_to(
    settings: Settings, endpoint: ScriptedEndpoint, approver: str, copies: list[str]
) -> None:
    assert await direct(settings, endpoint, f"approver deploy {approver}") == copies


@pytest.mark.parametrize("approver", ["approver deploy requester", "approver deploy admin"])
async def test_who_asked_is_not_written_to(settings: Settings, endpoint: ScriptedEndpoint, approver: str) -> None:
    assert await direct(settings, endpoint, approver, requester=ADA) == []


@pytest.mark.parametrize("user", ["66", "67"])
async def test_nobody_is_written_to_who_has_left_or_is_a_program(
    settings: Settings, endpoint: ScriptedEndpoint, user: str
) -> None:
    assert await direct(settings, endpoint, f"approver deploy discord:1/{user},discord:1/7") == ["discord:1/@7/"]


async def test_at_most_twenty_are_written_to(settings: Settings, endpoint: ScriptedEndpoint) -> None:
    many = ",".join(f"discord:1/{number}" for number in range(100, 140))

    assert len(await direct(settings, endpoint, f"approver deploy {many}")) == 20


async def test_an_approver_decides_in_the_direct_message(
    settings: Settings, endpoint: ScriptedEndpoint, ledger: Callable[[], list[str]]
) -> None:
    endpoint.script = [DEPLOY, says("It is live.")]
    own = settings.model_copy(update={"approvals_channels": (), "approvals_dm": True})
    async with opened(own, endpoint) as one:
        there = beside(one)
        await one.admin("approver deploy admin", actor=ADA, place=THREAD)
        await one.say("Deploy 1", actor=EVE, place=THREAD)
        copy = next(sent for sent in there.sent if sent.place == Place("discord", "1", "@9"))
        assert isinstance(copy.event, chat.CardShown)
        click = Click(copy.event.card.approval_id, "approve", ADA, shown_in=copy.place)
        outcome = await one.service.decide(click)
        await one.service.idle()

    assert outcome.is_accepted
    assert ledger() == ["1"]


# --- every one follows ---


async def _approve(one: Bench, card: Card) -> None:
    await one.click(card.approval_id, actor=ROOT)


async def _deny(one: Bench, card: Card) -> None:
    await one.click(card.approval_id, "deny", actor=ROOT, reason="freeze")


async def _vote(one: Bench, card: Card) -> None:
    await one.click(card.approval_id, actor=BOB)


async def _edit(one: Bench, card: Card) -> None:
    assert (await edited(one, card.approval_id, actor=BOB, version="7")).is_accepted


async def _expire(one: Bench, card: Card) -> None:
    await one.tamper(f"UPDATE approvals SET expires_ms = 1 WHERE id = '{card.approval_id}'")
    await one.service.expire_due()


async def _stop(one: Bench, card: Card) -> None:
    await one.service.stop(PLACE, ALICE)


async def _withdraw(one: Bench, card: Card) -> None:
    await one.admin("deny @alice deploy")


async def _ask_anew(one: Bench, card: Card) -> None:
    await one.admin("approver deploy admin")


async def _damage(one: Bench, card: Card) -> None:
    await one.tamper(f"UPDATE runs SET head = X'7bff7d' WHERE id = '{card.run_id}'")
    await one.service.stop(PLACE, ALICE)


Change = Callable[[Bench, Card], Awaitable[None]]
TWO_OF = "approver deploy 2 of admin,web:bob"
CHANGES: dict[str, tuple[str, Change]] = {
    "approved": ("approver deploy admin", _approve),
    "denied": ("approver deploy admin", _deny),
    "voted": (TWO_OF, _vote),
    "edited": (TWO_OF, _edit),
    "expired": ("approver deploy admin", _expire),
    "stopped": ("approver deploy admin", _stop),
    "withdrawn": (TWO_OF, _withdraw),
    "asked anew": (TWO_OF, _ask_anew),
    "damaged": (TWO_OF, _damage),
}


@pytest.mark.parametrize("script", [DEPLOY, BOTH], ids=["alone", "beside another"])
@pytest.mark.parametrize("is_served", [True, False], ids=["served", "unserved"])
@pytest.mark.parametrize(("approver", "change"), CHANGES.values(), ids=CHANGES.keys())
async def test_a_copy_follows_at_once_whatever_becomes_of_its_own_place(
    settings: Settings,
    endpoint: ScriptedEndpoint,
    approver: str,
    change: Change,
    is_served: bool,
    script: dict[str, object],
) -> None:
    endpoint.script = [script, says("It is over.")]
    async with opened(settings, endpoint) as one:
        there = beside(one)
        if not is_served:
            del one.app.adapters["web"]
        await one.admin(approver)
        await one.say("Deploy")
        before = there.cards()
        await change(one, next(iter(before.values())))
        await one.service.idle()

        assert there.cards() != before
        assert there.cards() == await stored(one)


async def test_a_copy_is_sent_anew_as_the_same_message(settings: Settings, endpoint: ScriptedEndpoint) -> None:
    endpoint.script = [DEPLOY, says("It is live.")]
    async with opened(settings, endpoint) as one:
        there = beside(one)
        await one.say("Deploy 1")
        await one.click((await one.only_card()).approval_id)

        assert [sent.receipt for sent in there.sent][:2] == ["", "m1"]
        assert {sent.receipt for sent in there.sent[1:]} == {"m1"}
        assert len({sent.key for sent in there.sent}) == 1


# --- nothing holds up the others ---


async def test_a_copy_that_cannot_be_sent_holds_up_no_other(settings: Settings, endpoint: ScriptedEndpoint) -> None:
    endpoint.script = [DEPLOY, says("It is live.")]
    two = ("web:>discord:1/500", "web:>discord:1/501")
    async with opened(settings.model_copy(update={"approvals_channels": two}), endpoint) as one:
        there = beside(one, OneClosed("discord"))
        await one.say("Deploy 1")
        await one.click((await one.only_card()).approval_id)

        assert {sent.place for sent in there.sent} == {OTHER_CHANNEL}
        assert there.cards() == one.adapter.cards() == await stored(one)
        assert await one.app.outbox.parked() == 1


async def test_a_parked_copy_is_sent_as_things_stand_when_somebody_writes_from_there(
    settings: Settings, endpoint: ScriptedEndpoint
) -> None:
    endpoint.script = [DEPLOY, says("It is live."), says("Hello.")]
    async with opened(settings, endpoint) as one:
        there = beside(one)
        there.refuses = PlaceGone("the channel is gone")
        await one.say("Deploy 1")
        await one.click((await one.only_card()).approval_id)
        there.refuses = None
        await one.say("Is anybody here?", actor=EVE, place=CHANNEL)

        assert there.cards() == await stored(one)


async def test_a_copy_that_is_refused_for_a_while_holds_up_nothing_elsewhere(
    settings: Settings, endpoint: ScriptedEndpoint
) -> None:
    endpoint.script = [DEPLOY, says("It is live.")]
    async with opened(settings, endpoint) as one:
        there = beside(one)
        there.refuses = SendError("rate limited", retry_after_s=3600)
        await one.say("Deploy 1")
        await one.click((await one.only_card()).approval_id)

        assert one.answers() == ["It is live."]
        assert there.sent == []


async def test_the_sweep_sends_what_a_crash_left(settings: Settings, endpoint: ScriptedEndpoint) -> None:
    endpoint.script = [DEPLOY]
    async with opened(settings, endpoint) as one:
        await one.say("Deploy 1")  # nobody serves Discord: it is written and not sent, as when the process ends there
    async with opened(settings, endpoint) as two:
        there = beside(two)
        await two.service.sweep()
        await two.service.idle()

        assert there.cards() == await stored(two)
        assert [sent.place for sent in there.sent] == [CHANNEL]
