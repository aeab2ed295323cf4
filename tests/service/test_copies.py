"""Cards in an approvals channel and in direct messages: every copy follows every change, and decides."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager

from bot.chat import Actor, Card, CardShown, Click, Inbound, Place
from bot.config.settings import Settings
from bot.errors import PlaceGone
from tests.fakes import RecordingAdapter
from tests.models.endpoint import ScriptedEndpoint, calls, says
from tests.service.kit import ROOT, Bench, numbers, opened

ANNA = Actor("discord", "1", "10", "anna")
BEN = Actor("discord", "1", "20", "ben")
HERE = Place("discord", "1", "100", "1000")
CHANNEL = Place("discord", "1", "500")
DIRECT = Place("discord", "1", "@20")


@asynccontextmanager
async def on_discord(
    settings: Settings, endpoint: ScriptedEndpoint, **more: object
) -> AsyncIterator[tuple[Bench, RecordingAdapter]]:
    """The bot with a second platform, and an admin (ben) on it."""
    given = {"adapters": ("web", "discord"), "admins": ("web:root", BEN.key), **more}
    async with opened(settings.model_copy(update=given), endpoint) as one:
        discord = RecordingAdapter("discord")
        one.app.add_adapter(discord)
        await one.service.met(BEN)
        yield one, discord


async def ask(one: Bench, place: Place = HERE, actor: Actor = ANNA) -> None:
    await one.service.receive(Inbound(f"c{next(numbers)}", place, actor, "deploy", 1_000 + next(numbers)))
    await one.service.idle()


def shown(adapter: RecordingAdapter, place: Place) -> list[Card]:
    """The card in one place, each time it was drawn there."""
    return [event.card for where, event in adapter.shown if isinstance(event, CardShown) and where == place]


async def test_a_card_is_shown_in_the_channel_too_and_both_follow(
    settings: Settings, endpoint: ScriptedEndpoint, ledger: Callable[[], list[str]]
) -> None:
    endpoint.script = [calls(("deploy", {"version": "1"})), says("Out.")]
    async with on_discord(settings, endpoint, approvals_channels=("discord:1/500",)) as (one, discord):
        await ask(one)
        (card,) = shown(discord, CHANNEL)
        click = Click(card.approval_id, "approve", ANNA, shown_in=CHANNEL)
        assert (await one.service.decide(click)).is_accepted
        await one.service.idle()

    assert card.place == HERE
    for place in (HERE, CHANNEL):
        last = shown(discord, place)[-1]
        assert (last.state, last.decided_by, last.outcome) == ("approved", "anna", "done")
    assert ledger() == ["1"]


async def test_an_approver_is_sent_the_card_and_who_asked_is_not(
    settings: Settings, endpoint: ScriptedEndpoint
) -> None:
    assert settings.tools_dir is not None
    (settings.tools_dir / "wipe.py").write_text(
        "import bot\n@bot.tool(confirm=True, effect='once', approver='admin')\n"
        "def wipe() -> str:\n    '''Wipe.'''\n    return 'ok'\n"
    )
    endpoint.script = [calls(("wipe", {})), calls(("deploy", {"version": "1"}))]
    async with on_discord(settings, endpoint, approvals_dm=True) as (one, discord):
        await ask(one)
        (card,) = shown(discord, DIRECT)
        await ask(one, Place("discord", "1", "100", "2000"))

    assert card.tool == "wipe"
    assert [where.channel for where, event in discord.shown if isinstance(event, CardShown)].count("@10") == 0


async def test_what_another_workspace_asks_is_not_shown_there_unless_it_is_said(
    settings: Settings, endpoint: ScriptedEndpoint
) -> None:
    endpoint.script = [calls(("deploy", {"version": "1"}))] * 2
    stranger, elsewhere = Actor("discord", "2", "30", "eve"), Place("discord", "2", "900", "9000")
    async with on_discord(settings, endpoint, approvals_channels=("discord:1/500",)) as (one, discord):
        await ask(one, elsewhere, stranger)
        assert shown(discord, CHANNEL) == []
    channels = ("discord:2>discord:1/500",)
    async with on_discord(settings, endpoint, approvals_channels=channels) as (one, discord):
        await ask(one, Place("discord", "2", "900", "9001"), stranger)
        assert len(shown(discord, CHANNEL)) == 1


async def test_a_run_of_the_page_is_followed_in_the_channel(settings: Settings, endpoint: ScriptedEndpoint) -> None:
    endpoint.script = [calls(("deploy", {"version": "1"})), says("Then not.")]
    channels = ("web:>discord:1/500",)
    async with on_discord(settings, endpoint, approvals_channels=channels) as (one, discord):
        await one.say("deploy")
        (card,) = shown(discord, CHANNEL)
        stranger = await one.service.decide(Click(card.approval_id, "approve", ANNA, shown_in=CHANNEL))
        assert stranger.message == "This can only be decided where it was asked for."
        await one.click(card.approval_id, "deny", actor=ROOT)

    assert shown(discord, CHANNEL)[-1].state == "denied"


async def test_a_platform_that_is_not_there_gets_none(settings: Settings, endpoint: ScriptedEndpoint) -> None:
    endpoint.script = [calls(("deploy", {"version": "1"}))]
    given = {"approvals_channels": ("web:>slack:T1/C1",)}
    async with opened(settings.model_copy(update=given), endpoint) as one:
        await one.say("deploy")
        rows = await one.plain("SELECT key FROM outbox WHERE kind = 'card'")

    assert len(rows) == 1


async def test_a_copy_that_cannot_be_shown_holds_up_nothing(
    settings: Settings, endpoint: ScriptedEndpoint, ledger: Callable[[], list[str]]
) -> None:
    endpoint.script = [calls(("deploy", {"version": "1"})), says("Out.")]
    async with opened(
        settings.model_copy(update={"adapters": ("web", "discord"), "approvals_channels": ("web:>discord:1/500",)}),
        endpoint,
    ) as one:
        gone = RecordingAdapter("discord", refuses=PlaceGone("There is no such channel."))
        one.app.add_adapter(gone)
        await one.say("deploy")
        card = await one.only_card()
        assert (await one.click(card.approval_id)).is_accepted

    assert ledger() == ["1"]
    assert one.answers() == ["Out."]


async def test_a_button_counts_only_where_a_card_was_put(
    settings: Settings, endpoint: ScriptedEndpoint, ledger: Callable[[], list[str]]
) -> None:
    endpoint.script = [calls(("deploy", {"version": "1"}))]
    async with on_discord(settings, endpoint) as (one, discord):
        await ask(one)
        (card,) = shown(discord, HERE)
        places = (CHANNEL, Place("discord", "2", "100", "1000"), Place("discord", "1", "100"), DIRECT)
        outcomes = [await one.service.decide(Click(card.approval_id, "approve", ANNA, shown_in=at)) for at in places]
        other = Click(card.approval_id, "approve", ANNA, shown_in=HERE, shown_as="another message")
        outcomes.append(await one.service.decide(other))
        await one.service.idle()
        refused = await one.plain("SELECT reason FROM audit WHERE event = 'click.refused'")
        right = Click(card.approval_id, "deny", ANNA, shown_in=HERE, shown_as="m1")
        assert (await one.service.decide(right)).is_accepted

    assert {one.message for one in outcomes} == {"This button does not belong here; nothing was decided by it."}
    assert all(one.card is None for one in outcomes)
    assert len(refused) == 5
    assert ledger() == []


async def test_a_restart_sends_the_copies_that_a_crash_left(settings: Settings, endpoint: ScriptedEndpoint) -> None:
    endpoint.script = [calls(("deploy", {"version": "1"}))]
    async with on_discord(settings, endpoint, approvals_channels=("discord:1/500",)) as (one, discord):
        await ask(one)
        await one.tamper("UPDATE outbox SET state = 'pending', sent_revision = 0, receipt = ''")
    async with on_discord(settings, endpoint, approvals_channels=("discord:1/500",)) as (one, discord):
        await one.service.sweep()
        await one.service.idle()

    assert [len(shown(discord, place)) for place in (HERE, CHANNEL)] == [1, 1]


async def test_the_card_says_what_the_model_said(settings: Settings, endpoint: ScriptedEndpoint) -> None:
    endpoint.script = [calls(("deploy", {"version": "1"}), text="Because you asked.")]
    async with opened(settings, endpoint) as one:
        await one.say("deploy")
        card = await one.only_card()

    assert card.why == "Because you asked."
