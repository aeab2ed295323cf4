"""Many clicks at the same moment: one of them decides, each is answered, and what it allows happens once."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable

from adapters.discord.client import NodClient
from bot.config.settings import Settings
from tests.adapters.discord.approving import add_tool, ask, cards, decided, told
from tests.adapters.discord.kit import Nod, Team, button_id, running_nod
from tests.models.endpoint import ScriptedEndpoint, calls, says

Ledger = Callable[[], list[str]]


def kept_by(nod: Nod) -> list[int]:
    """How many views, modals and messages discord.py keeps for clicks that may come."""
    client = nod.adapter._site.client if nod.adapter._site else None  # discord.py shows it nowhere
    assert isinstance(client, NodClient)
    store = client._connection._view_store
    return [len(store._views), len(store._modals), len(store._synced_message_views)]


async def test_approve_and_deny_of_one_person_at_the_same_moment(
    team: Team, settings: Settings, endpoint: ScriptedEndpoint, ledger: Ledger
) -> None:
    """Row 38: whichever comes first is what happens; the other is told. Both ways, by one person and by two."""
    server = team.server
    endpoint.script = [
        *(calls(("deploy", {"version": "1"})), says("One.")),
        *(calls(("deploy", {"version": "2"})), says("Two.")),
        *(calls(("deploy", {"version": "3"})), says("Three.")),
    ]
    orders = [("Approve", "Deny", team.anna), ("Deny", "Approve", team.anna), ("Approve", "Deny", team.admin)]
    async with running_nod(team, settings, endpoint):
        seconds = []
        for (first, second, person), answer in zip(orders, ("One.", "Two.", "Three."), strict=True):
            ask(team)
            card = await team.card()
            server.press(team.anna, card, first)
            seconds.append(await told(team, server.press(person, card, second)))
            await team.answer(answer)
            await decided(team, card)

    said = [one.partition(";")[0].rstrip(".") for one in seconds]
    assert said == [
        "This was already approved by anna",
        "This was already denied by anna",
        "This was already approved by anna",
    ]
    assert ledger() == ["1", "3"]


async def test_a_hundred_clicks_at_once_on_one_card_and_on_many(
    team: Team, settings: Settings, endpoint: ScriptedEndpoint, ledger: Ledger
) -> None:
    """F16, T4: ten people, everything pressed by everybody at once; each call runs once or never, nobody is left
    without an answer, and those who may not decide decide nothing."""
    server = team.server
    crowd = [server.create_user(f"p{number}") for number in range(8)]
    for person in crowd:
        server.join_guild(team.guild, person)
    add_tool(settings, "ship", "not_requester")
    ten = [("ship", {"text": f"n{number}"}) for number in range(10)]
    endpoint.script = [calls(("ship", {"text": "one"})), says("One."), calls(*ten), says("Ten.")]
    async with running_nod(team, settings, endpoint) as nod:
        ask(team)
        card = await team.card()
        people = [team.anna, team.ben, *crowd]
        clicks = [
            server.press(person, card, label) for _ in range(5) for person in people for label in ("Approve", "Deny")
        ]
        for click in clicks:
            await click.answered()
        await team.answer("One.")
        await server.until(lambda: sum(bool(_told(click)) for click in clicks) == 99)
        await nod.idle()
        words = Counter(
            text.partition(" by ")[0].partition(";")[0] for click in clicks if (text := "".join(_told(click)))
        )

        ask(team)
        many = await cards(team, 10)
        clicks = [server.press(person, one, "Approve") for one in reversed(many) for person in people]
        for click in clicks:
            await click.answered()
        await team.answer("Ten.")
        await nod.idle()
        states = [one.text.partition(":")[0] for one in many]

    assert words["Somebody else than the person who asked for this has to decide it."] == 10
    assert sum(words.values()) == 99
    assert states == ["### Approved"] * 10
    assert sorted(ledger()) == sorted(["one", *(f"n{number}" for number in range(10))])


def _told(click: object) -> list[str]:
    return [one.text for one in getattr(click, "followups", ())]


async def test_every_click_decides_its_own_card_and_nothing_twice(
    team: Team, settings: Settings, endpoint: ScriptedEndpoint, ledger: Ledger
) -> None:
    """T4: five wait; they are approved in an order of their own, and each button is pressed again and again."""
    server = team.server
    five = [("deploy", {"version": f"v{number}"}) for number in range(5)]
    endpoint.script = [calls(*five), says("Done.")]
    async with running_nod(team, settings, endpoint) as nod:
        ask(team)
        shown = await cards(team, 5)
        buttons = [button_id(one, "Approve") for one in shown]
        for at in (3, 0, 4, 1, 2):
            server.press(team.anna, shown[at], "Approve")
            await decided(team, shown[at])
            await nod.idle()
            for _ in range(3):
                await told(team, server.press(team.anna, shown[at], buttons[at], forged=True))
        await team.answer("Done.")

    assert sorted(ledger()) == ["v0", "v1", "v2", "v3", "v4"]


async def test_a_hundred_cards_that_wait_keep_nothing_in_the_client(
    team: Team, settings: Settings, endpoint: ScriptedEndpoint
) -> None:
    """Promise 7: no view, modal or task for a card, its menu, its modals, its private look, a run's Stop button."""
    server = team.server
    endpoint.script = [
        *(calls(*[("deploy", {"version": f"{run}-{call}"}) for call in range(10)]) for run in range(10)),
        calls(("tell", {"secret": "x"})),
    ]
    async with running_nod(team, settings, endpoint) as nod:
        for _ in range(10):
            ask(team)
        shown = await cards(team, 100, timeout_s=30)
        for label in ("Edit", "Deny with reason", "Always…"):
            await server.press(team.anna, shown[0], label).answered()
        ask(team)
        await server.press(team.anna, await team.card("Look"), "Look").said()
        await nod.idle()
        kept = kept_by(nod)

    assert kept == [0, 0, 0]
