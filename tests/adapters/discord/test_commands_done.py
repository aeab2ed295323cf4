"""Each command to its line, and the line to the real words."""

from __future__ import annotations

import pytest

from bot.admin.words import EVERYBODY
from tests.adapters.discord.commanding import Desk, desk, team
from tests.adapters.discord.wire import Upload
from tests.adapters.discord.wire.faults import FILE
from tests.service.conftest import ledger, settings

__all__ = ["desk", "ledger", "settings", "team"]


async def test_each_command_for_everybody_becomes_its_line(desk: Desk) -> None:
    anna = desk.team.anna
    told = [
        await desk.use(anna, "nod help"),
        await desk.use(anna, "nod show"),
        await desk.use(anna, "nod explain", tool="deploy", arguments='version="2 b"'),
        await desk.use(anna, "nod approvals"),
        await desk.use(anna, "nod approve", id="abcdef12", for_="8h"),
        await desk.use(anna, "nod deny", id="abcdef12", reason="not\ntoday  please"),
        await desk.use(anna, "nod grants"),
        await desk.use(anna, "nod revoke", id="`abcdef12`"),
        await desk.use(anna, "nod model", label="m"),
        await desk.use(anna, "nod usage", for_="30 D"),
        await desk.use(anna, "nod stop"),
        await desk.use(anna, "nod reset-thread"),
    ]

    assert desk.service.lines == [
        "/nod help",
        "/nod show",
        '/nod explain deploy version="2 b"',
        "/nod approvals",
        "/nod approve abcdef12 for 8h",
        "/nod deny abcdef12 not today please",
        "/nod grants",
        "/nod revoke abcdef12",
        "/nod model m",
        "/nod usage for 30d",
        "/nod stop",
        "/nod reset-thread",
    ]
    assert {line.split()[1] for line in desk.service.lines} == set(EVERYBODY)
    assert [text.splitlines()[0] for text in told[3:]] == [
        "Nothing waits for you.",
        "There is no approval of this id.",
        "There is no approval of this id.",
        "Nothing was approved for more than once.",
        "There is no grant of this id: write `/nod revoke ID`; `/nod grants` lists them.",
        "From the next message on, m answers here.",
        "Nothing was used in this time.",
        "There is nothing of yours to stop here.",
        "Forgotten: from your next message on I begin anew here. What was said stays to be read by people.",
    ]
    assert "deploy" in told[2]


async def test_each_changing_command_becomes_its_line_and_is_done(desk: Desk) -> None:
    team, root = desk.team, desk.team.admin
    boss = team.server.create_role(team.guild, "ops")
    anna, ben = f"{team.scope}/{team.anna.id}", f"{team.scope}/{team.ben.id}"
    told = [
        await desk.use(root, "nod-admin allow", who=team.anna, tool="deploy", when="version=1|2", for_="2h"),
        await desk.use(root, "nod-admin ask", who=boss, tool="deploy, pay"),
        await desk.use(root, "nod-admin deny", channel=team.room, tool="pay", for_="1h30m"),
        await desk.use(root, "nod-admin reset", channel=team.room, tool="pay"),
        await desk.use(root, "nod-admin role", who=boss, role="finance"),
        await desk.use(root, "nod-admin approver", tool="pay", rule="2 of finance not_requester", unless="amount<=100"),
        await desk.use(root, "nod-admin approver", tool="deploy", rule=f"<@{team.ben.id}>, finance", for_="7d"),
        await desk.use(root, "nod-admin link", person=team.anna, identity="slack:T1/U2"),
        await desk.use(root, "nod-admin link", person=team.anna, other=team.ben),
        await desk.use(root, "nod-admin unlink", person=team.anna, other=team.ben),
    ]

    assert desk.service.lines == [
        f"/nod-admin allow <@{team.anna.id}> deploy when version=1|2 for 2h",
        f"/nod-admin ask <@&{boss.id}> deploy,pay",
        f"/nod-admin deny <#{team.room.id}> pay for 1h30m",
        f"/nod-admin reset <#{team.room.id}> pay",
        f"/nod-admin role <@&{boss.id}> finance",
        "/nod-admin approver pay 2 of finance not_requester unless amount<=100",
        f"/nod-admin approver deploy <@{team.ben.id}>, finance for 7d",
        f"/nod-admin link <@{team.anna.id}> slack:T1/U2",
        f"/nod-admin link <@{team.anna.id}> <@{team.ben.id}>",
        f"/nod-admin unlink <@{team.anna.id}> <@{team.ben.id}>",
    ]
    assert told[0].startswith(f"{anna} may run deploy without being asked when version=1|2 for 2h (until ")
    assert "I have not met" not in told[0]  # Discord said with the command who that is
    assert told[1:5] == [
        f"group {team.scope}/{boss.id} is always asked before deploy, pay runs.",
        told[2],
        f"Nothing special is set any more for channel {team.scope}/{team.room.id} about pay.",
        f"group {team.scope}/{boss.id} is finance now. No tool or model names the role finance yet.",
    ]
    assert told[2].startswith(f"channel {team.scope}/{team.room.id} cannot run pay for 1h30m (until ")
    assert told[5].startswith("pay here unless amount<=100 is approved by ")
    assert told[6].startswith("deploy here for 7d (until ")
    assert told[7].startswith(f"Noted: {anna} and slack:T1/U2 count as one person once")
    assert told[8:] == [f"{anna} and {ben} count as one person now.", f"{anna} and {ben} count as two people again."]


async def test_each_looking_command_becomes_its_line(desk: Desk) -> None:
    team, root = desk.team, desk.team.admin
    told = [
        await desk.use(root, "nod-admin help"),
        await desk.use(root, "nod-admin show", who=team.anna),
        await desk.use(
            root, "nod-admin explain", tool="deploy", who=team.anna, arguments="version=2", channel=team.room
        ),
        await desk.use(root, "nod-admin grants", who=team.anna),
        await desk.use(root, "nod-admin revoke", id="abcdef12"),
        await desk.use(
            root,
            "nod-admin audit",
            who=root,
            tool="deploy",
            event="call.done",
            decision="approve",
            outcome="done",
            since="7d",
            limit=5,
        ),
        await desk.use(root, "nod-admin simulate", change=f"allow <@{team.anna.id}> deploy for 2h"),
        await desk.use(root, "nod-admin suggest", for_="90d"),
        await desk.use(root, "nod-admin usage", for_="1d"),
        await desk.use(root, "nod-admin data export", who=team.anna),
        await desk.use(root, "nod-admin data erase", who=team.anna),
        await desk.use(root, "nod-admin data erase", who=team.anna, sure=True),
    ]

    assert desk.service.lines == [
        "/nod-admin help",
        f"/nod-admin show <@{team.anna.id}>",
        f"/nod-admin explain <@{team.anna.id}> deploy version=2 in <#{team.room.id}>",
        f"/nod-admin grants <@{team.anna.id}>",
        "/nod-admin revoke abcdef12",
        f"/nod-admin audit who=<@{root.id}> tool=deploy event=call.done decision=approve outcome=done since=7d limit=5",
        f"/nod-admin simulate allow <@{team.anna.id}> deploy for 2h for 30d",
        "/nod-admin suggest for 90d",
        "/nod-admin usage for 1d",
        f"/nod-admin data export <@{team.anna.id}>",
        f"/nod-admin data erase <@{team.anna.id}>",
        f"/nod-admin data erase <@{team.anna.id}> yes",
    ]
    assert "deploy" in told[2]
    assert told[3] == "Nothing was approved for more than once."
    assert told[5] == "Nothing like this is in the audit."
    assert told[6].startswith(f"`allow {team.scope}/{team.anna.id} deploy for 2h (until ")
    assert told[6].endswith("there are no calls in the last 30d to look at.")
    assert told[7] == "Nothing was approved again and again in the last 90d."
    assert "nod.json" in told[9]
    assert told[10].startswith(f"Of {team.scope}/{team.anna.id} is kept: ")
    assert told[11].startswith("Erased: ")


async def test_the_policy_goes_out_and_comes_back_as_a_file(desk: Desk) -> None:
    root = desk.team.admin
    out = await (await desk.used(root, "nod-admin policy export")).said()
    exported = out.attachments[0].content

    changed = exported + f'\n[[rule]]\nwho = "{desk.team.scope}/7"\nkind = "deny"\ntool = "pay"\n'.encode()
    diff = await desk.use(root, "nod-admin policy diff", file=Upload("policy.toml", changed))
    done = await desk.use(root, "nod-admin policy import", file=Upload("policy.toml", b"\xef\xbb\xbf" + changed))

    assert diff.startswith("```diff\n+")
    assert done.startswith("Imported.")
    assert desk.service.lines[1] == "/nod-admin policy diff\n" + changed.decode()
    assert desk.service.lines[2] == "/nod-admin policy import\n" + changed.decode()


# --- files ------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("content", "told"),
    [
        (b"x" * 300_001, "That file is too long: at most 300 kB."),
        (b"\xff\xfe\x00", "That file is no text in UTF-8."),
        (b"", "There is no file: write policy diff or policy import, and the file on the next lines."),
    ],
)
async def test_a_file_that_is_no_policy_is_refused(desk: Desk, content: bytes, told: str) -> None:
    assert await desk.use(desk.team.admin, "nod-admin policy diff", file=Upload("p.toml", content)) == told


async def test_a_file_that_discord_does_not_give_is_said(desk: Desk) -> None:
    desk.team.server.faults.fail(FILE, 404)

    told = await desk.use(desk.team.admin, "nod-admin policy import", file=Upload("p.toml", b"x = 1"))

    assert told == "Discord did not give me that file: try again."


async def test_the_audit_comes_as_a_file(desk: Desk) -> None:
    await desk.use(desk.team.admin, "nod-admin deny", who=desk.team.anna, tool="deploy")

    made = await (await desk.used(desk.team.admin, "nod-admin audit", export=True, since="1d")).said()

    assert desk.service.lines[1] == "/nod-admin audit since=1d as=csv"
    assert [one.filename for one in made.attachments] == ["nod.csv"]
    lines = made.attachments[0].content.decode().splitlines()
    assert lines[0].startswith("at,event,run,requester,place,model,tool,arguments,verdict,rule,approver")
    assert len(lines) == 2
    assert "policy.changed" in lines[1]


async def test_the_data_of_somebody_who_left_can_go(desk: Desk) -> None:
    team = desk.team
    team.server.leave_guild(team.guild, team.ben)

    told = await desk.use(team.admin, "nod-admin data erase", who=team.ben, sure=True)

    assert desk.service.lines == [f"/nod-admin data erase <@{team.ben.id}> yes"]
    assert told.startswith("Erased: ")
