"""Cards and what can be done with them: approve, deny, edit, approve more, several at once."""

from __future__ import annotations

import json
from collections.abc import Callable

from bot.config.settings import Settings
from tests.adapters.discord.approving import add_tool, ask, cards, decided, ids_of, pinged, refusals, told
from tests.adapters.discord.kit import Team, button_id, running_nod
from tests.adapters.discord.wire import Message
from tests.models.endpoint import ScriptedEndpoint, calls, says

Ledger = Callable[[], list[str]]


def contents(endpoint: ScriptedEndpoint, role: str) -> list[str]:
    """What the last request to the model holds of a role."""
    return [str(one["content"]) for one in endpoint.requests[-1].body["messages"] if one["role"] == role]


async def test_a_card_says_everything_and_pings_who_may_decide(
    team: Team, settings: Settings, endpoint: ScriptedEndpoint
) -> None:
    """T9, T10: in a thread, in a direct talk; what the model says pings nobody, whoever it names."""
    server = team.server
    add_tool(settings, "ship", f"{team.scope}/{team.ben.id}")
    loud = f"<@{team.ben.id}> @everyone <@&{team.guild.id}> approved **already**"
    endpoint.script = [
        calls(("deploy", {"version": "1"}), text=loud),
        calls(("ship", {"text": "@here"})),
        calls(("wipe", {})),
        calls(("deploy", {"version": "2"})),
    ]
    async with running_nod(team, settings, endpoint) as nod:
        question = ask(team)
        (first,) = await cards(team, 1)
        ask(team)
        second = (await cards(team, 2))[1]
        ask(team)
        third = (await cards(team, 3))[2]
        server.say(team.anna, server.dm(team.anna), "deploy")
        fourth = (await cards(team, 4))[3]
        await nod.idle()

        pings = [pinged(team, one) for one in (first, second, third, fourth)]

    assert first.channel_id == question.id
    assert fourth.channel_id == server.dm(team.anna).id
    assert pings == [ids_of([team.anna]), ids_of([team.ben]), [], ids_of([team.anna])]
    assert first.labels == ["Approve", "Deny", "Deny with reason", "Edit", "Always…"]
    assert first.text.startswith("### Needs a nod: `deploy`\nDeploy a version.\n```json\n")
    said = first.text
    assert json.loads(said.partition("```json\n")[2].partition("\n```")[0]) == {"version": "1"}
    assert f"**Asked by:** anna (<@{team.anna.id}>)" in said
    assert "**May decide:** anna\n" in said
    assert "**Why it asks:** " in said
    assert "**The model says:** “\\<@" in said
    assert "**Expires:** <t:" in said
    assert said.endswith("-# Nothing runs before somebody who may decide approves it.")
    assert first.mention_ids == [team.anna.id]
    assert not first.mentions_everyone


async def test_arguments_of_any_length_are_there_in_full_or_nobody_is_asked(
    team: Team, settings: Settings, endpoint: ScriptedEndpoint, ledger: Ledger
) -> None:
    """T10: 1 B and 2 kB on the card, 4 kB and 60 kB in a file that holds exactly them, 100 and 300 kB refused."""
    versions = ["x", "x" * 2_000, "`" * 4_000, "x" * 60_000]
    endpoint.script = [calls(("deploy", {"version": one})) for one in versions]
    endpoint.script += [calls(("deploy", {"version": "x" * 100_000})), calls(("deploy", {"version": "x" * 300_000}))]
    endpoint.script += [says("Too long."), says("Out.")]
    async with running_nod(team, settings, endpoint):
        shown: list[Message] = []
        for count in range(1, 5):
            ask(team)
            shown.append((await cards(team, count))[-1])
        ask(team)
        await team.answer("Too long.")
        server = team.server
        server.press(team.anna, shown[3], "Approve")
        await team.answer("Out.")
        await decided(team, shown[3])

    files = [[one.filename for one in card.attachments] for card in shown]
    assert files == [[], [], ["arguments.json"], ["arguments.json"]]
    assert [json.loads(card.attachments[0].content)["version"] for card in shown[2:]] == versions[2:]
    assert "60,019 characters of arguments" in shown[3].text
    asked_for = [one.text.partition(":")[0] for one in team.said() if one.text.startswith("###")]
    assert asked_for == ["### Needs a nod", "### Needs a nod", "### Needs a nod", "### Approved"]
    assert "too long" in contents(endpoint, "tool")[0] or "too long" in str(endpoint.requests[-2].body)
    assert ledger() == ["x" * 60_000]


async def test_a_reason_reaches_the_card_and_the_model(
    team: Team, settings: Settings, endpoint: ScriptedEndpoint, ledger: Ledger
) -> None:
    """Deny with reason: what was typed is text of a person, wherever it is shown."""
    endpoint.script = [calls(("deploy", {"version": "1"})), says("Not then.")]
    async with running_nod(team, settings, endpoint):
        ask(team)
        card = await team.card()
        opened = team.server.press(team.anna, card, "Deny with reason")
        await opened.answered()
        sent = team.server.submit(team.anna, opened, {"Reason": "@everyone *too* early\n```"})
        answer = await told(team, sent)
        await team.answer("Not then.")
        text = await decided(team, card)

    assert answer == "Denied."
    assert "**Denied** by **anna**" in text
    assert "“@everyone" not in text
    assert "early" in text
    assert "Action denied by user." in contents(endpoint, "tool")[0]
    assert "too* early" in contents(endpoint, "tool")[0]
    assert ledger() == []


async def test_an_edit_is_checked_runs_and_is_told_to_the_model(
    team: Team, settings: Settings, endpoint: ScriptedEndpoint, ledger: Ledger
) -> None:
    """Edit: invalid JSON, against the schema, empty, then what is right."""
    endpoint.script = [calls(("deploy", {"version": "1"})), says("Out.")]
    async with running_nod(team, settings, endpoint):
        ask(team)
        card = await team.card()
        opened = team.server.press(team.anna, card, "Edit")
        modal = await opened.answered()
        wrong = ["{", '{"version": 1}', '{"version": "2", "more": 1}', "[]", '{"version": "2", "version": "3"}']
        answers = [await told(team, team.server.submit(team.anna, opened, {"arguments": one})) for one in wrong]
        stranger = await told(team, team.server.submit(team.ben, opened, {"arguments": '{"version": "9"}'}))
        before = ledger()
        done = await told(team, team.server.submit(team.anna, opened, {"arguments": '{"version": "2"}'}))
        await team.answer("Out.")
        text = await decided(team, card)
        again = await told(team, team.server.submit(team.anna, opened, {"arguments": '{"version": "3"}'}))

    assert json.loads(modal.data["components"][0]["component"]["value"]) == {"version": "1"}
    assert all(one.startswith("These arguments cannot be run: ") for one in answers)
    assert stranger == "Only anna or an admin can decide this."
    assert before == []
    assert done == "Edited and approved."
    assert '"version": "2"' in text
    assert "Arguments edited by **anna**" in text
    assert "anna" in contents(endpoint, "tool")[0]
    assert '"version": "2"' in contents(endpoint, "tool")[0].replace('":"', '": "')
    assert again == "This was already approved by anna; it has run."
    assert ledger() == ["2"]


async def test_an_edit_that_others_have_to_approve_makes_a_new_card(
    team: Team, settings: Settings, endpoint: ScriptedEndpoint, ledger: Ledger
) -> None:
    """T1, T4: the old buttons are dead, the votes are void, and whoever edited does not approve their own words."""
    add_tool(settings, "ship", "2 of not_requester")
    cleo = team.server.create_user("cleo")
    dora = team.server.create_user("dora")
    for person in (cleo, dora):
        team.server.join_guild(team.guild, person)
    endpoint.script = [calls(("ship", {"text": "1"})), says("Out.")]
    async with running_nod(team, settings, endpoint):
        ask(team)
        old = await team.card()
        approve = button_id(old, "Approve")
        voted = await told(team, team.server.press(team.ben, old, "Approve"))
        opened = team.server.press(cleo, old, "Edit")
        await opened.answered()
        edited = await told(team, team.server.submit(cleo, opened, {"arguments": '{"text": "2"}'}))
        await decided(team, old)
        (new,) = await cards(team, 1)
        dead = await told(team, team.server.press(dora, old, approve, forged=True))
        own = await told(team, team.server.press(cleo, new, "Approve"))
        team.server.press(team.ben, new, "Approve")
        await team.server.until(lambda: "**Approved so far:** cleo, ben" in new.text)
        missing = new.text
        team.server.press(dora, new, "Approve")
        await team.answer("Out.")

    assert voted == "You approved this; still needed: 1 more of those who are not anna."
    assert edited.startswith("Edited; still needed: ")
    assert old.id != new.id
    assert "Cancelled" in old.text
    assert dead.startswith("This request was already cancelled")
    assert own.startswith("Somebody else than the person who edited this")
    assert "**Missing:** 1 more" in missing
    assert "ben, dora" in await decided(team, new)
    assert ledger() == ["2"]


async def test_more_is_approved_exactly_as_the_menu_says(
    team: Team, settings: Settings, endpoint: ScriptedEndpoint, ledger: Ledger
) -> None:
    """T6: what is chosen approves and grants those arguments alone; a forged or stale choice does nothing."""
    endpoint.script = [
        *(calls(("deploy", {"version": "1"})), says("One.")),
        *(calls(("deploy", {"version": "1"})), says("Two.")),
        calls(("deploy", {"version": "2"})),
    ]
    async with running_nod(team, settings, endpoint):
        ask(team)
        card = await team.card()
        opened = await told_menu(team, card)
        menu = opened.menus[0]
        forged = await told(team, team.server.choose(team.anna, opened, "Approve for…", ["0" * 16], forged=True))
        empty = await told(team, team.server.choose(team.anna, opened, "Approve for…", [], forged=True))
        before = ledger()
        always = next(one["value"] for one in menu["options"] if "always" in one["label"].lower())
        chosen = await told(team, team.server.choose(team.anna, opened, "Approve for…", [always]))
        await team.answer("One.")
        text = await decided(team, card)
        stale = await told(team, team.server.choose(team.anna, opened, "Approve for…", [always]))
        ask(team)
        await team.answer("Two.")
        ask(team)
        other = await team.card()

    assert forged == empty == "That is not offered any more; press Always… again."
    assert before == []
    assert chosen == "Approved."
    assert "always" in text.lower()
    assert stale == "This was already approved by anna; it has run."
    assert '"version": "2"' in other.text
    assert ledger() == ["1", "1"]


async def told_menu(team: Team, card: Message) -> Message:
    """Press Always…, and give the private message with the menu."""
    click = team.server.press(team.anna, card, "Always…")
    return await click.said()


async def test_all_calls_of_a_reply_are_decided_with_one_click(
    team: Team, settings: Settings, endpoint: ScriptedEndpoint, ledger: Ledger
) -> None:
    """Approve all, Deny all; partly decided meanwhile, and where others have to approve some of them."""
    server = team.server
    three = [("deploy", {"version": one}) for one in ("1", "2", "3")]
    endpoint.script = [
        *(calls(*three), says("All.")),
        *(calls(*three), says("None.")),
        *(calls(*three), says("Rest.")),
        *(calls(("pay", {"amount": 5}), ("deploy", {"version": "6"})), says("Mixed.")),
    ]
    async with running_nod(team, settings, endpoint):
        ask(team)
        last = await team.card("Approve all 3")
        wrong = await told(team, server.press(team.ben, last, "Approve all 3"))
        nothing = ledger()
        done = await told(team, server.press(team.anna, last, "Approve all 3"))
        await team.answer("All.")
        first_run = ledger()

        ask(team)
        last = await team.card("Deny all 3")
        denied = await told(team, server.press(team.anna, last, "Deny all 3"))
        await team.answer("None.")

        ask(team)
        last = await team.card("Approve all 3")
        stale = button_id(last, "Approve all 3")
        server.press(team.anna, (await cards(team, 3))[0], "Deny")
        await team.card("Approve all 2")
        moved = await told(team, server.press(team.anna, last, stale, forged=True))
        before_rest = ledger()
        rest = await told(team, server.press(team.anna, last, "Approve all 2"))
        await team.answer("Rest.")
        second_run = ledger()

        ask(team)
        last = await team.card("Approve all 2")
        mixed = await told(team, server.press(team.anna, last, "Approve all 2"))
        (paying,) = [one for one in await cards(team, 1) if "`pay`" in one.text]
        server.press(team.ben, paying, "Approve")
        await team.answer("Mixed.")

    assert wrong == "3 calls: Only anna or an admin can decide this."
    assert nothing == []
    assert done == "3 calls: Approved."
    assert first_run == ["1", "2", "3"]
    assert denied == "3 calls: Denied."
    assert moved == "Something of this was decided or changed meanwhile: look again; nothing was decided by this click."
    assert before_rest == first_run
    assert rest == "2 calls: Approved."
    assert second_run == ["1", "2", "3", "2", "3"]
    assert mixed == (
        "2 calls: 1. pay: Somebody else than the person who asked for this has to decide it. 2. deploy: Approved."
    )
    assert ledger() == ["1", "2", "3", "2", "3", "6", "5"]


async def test_who_may_decide_is_kept_to(
    team: Team, settings: Settings, endpoint: ScriptedEndpoint, ledger: Ledger
) -> None:
    """T2: not_requester and admin rules by button; each refusal is in the audit, and the allowed case works."""
    server = team.server
    endpoint.script = [calls(("pay", {"amount": 1})), says("Paid."), calls(("wipe", {})), says("Wiped.")]
    async with running_nod(team, settings, endpoint) as nod:
        ask(team)
        card = await team.card()
        own = await told(team, server.press(team.anna, card, "Approve"))
        server.press(team.ben, card, "Approve")
        await team.answer("Paid.")
        ask(team)
        card = await team.card()
        small = [await told(team, server.press(one, card, "Deny")) for one in (team.anna, team.ben)]
        server.press(team.admin, card, "Approve")
        await team.answer("Wiped.")
        refused = await refusals(nod)

    assert own == "Somebody else than the person who asked for this has to decide it."
    assert small == ["Only people with the role admin can decide this."] * 2
    assert [actor.rpartition("/")[2] for actor, _ in refused] == [
        str(team.anna.id),
        str(team.anna.id),
        str(team.ben.id),
    ]
    assert ledger() == ["1", "wiped"]


async def test_time_and_reminders_are_seen(
    team: Team, settings: Settings, endpoint: ScriptedEndpoint, ledger: Ledger
) -> None:
    """F28: a card expires where it is shown; reminders ping those who may decide, and nobody else."""
    server = team.server
    add_tool(settings, "ship", f"{team.scope}/{team.ben.id}")
    short = settings.model_copy(update={"approval_ttl_s": 2, "approval_reminders": 1})
    endpoint.script = [calls(("ship", {"text": "1"})), says("Too late.")]
    async with running_nod(team, short, endpoint) as nod:
        ask(team)
        card = await team.card()
        approve = button_id(card, "Approve")

        async def swept(text: str) -> Message:
            await nod.app.service.sweep()
            found = [one for one in team.said() if text in one.text]
            return found[0] if found else card

        reminder = card
        while reminder is card:
            reminder = await swept("Still waiting for approval")
        await nod.idle()
        while card.labels:
            await swept("-")
            await nod.idle()
        late = await told(team, server.press(team.ben, card, approve, forged=True))
        await team.answer("Too late.")

    assert pinged(team, reminder) == [team.ben.id]
    assert reminder.text.startswith(f"<@{team.ben.id}> Still waiting for approval by ")
    assert "**Expired**" in card.text
    assert late == "This approval has expired; nothing was run."
    assert ledger() == []


async def test_a_group_that_approves_is_shown_as_a_role(
    team: Team, settings: Settings, endpoint: ScriptedEndpoint, ledger: Ledger
) -> None:
    """A role of the server as the approver: shown, not pinged, and its members decide."""
    role = team.server.create_role(team.guild, "ops")
    team.server.give_role(team.ben, role)
    add_tool(settings, "ship", f"group:{team.scope}/{role.id}")
    endpoint.script = [calls(("ship", {"text": "1"})), says("Out.")]
    async with running_nod(team, settings, endpoint) as nod:
        ask(team)
        card = await team.card()
        await nod.idle()
        mentioned = f"<@{role.id}>" in card.text, f"<@&{role.id}>" in card.text
        pings = pinged(team, card)
        wrong = await told(team, team.server.press(team.anna, card, "Approve"))
        team.server.press(team.ben, card, "Approve")
        await team.answer("Out.")

    assert mentioned == (False, True)
    assert pings == []
    assert card.mention_role_ids == []
    assert wrong.startswith("Only ")
    assert ledger() == ["1"]
