"""Which messages are for the bot, and what becomes of them: mentions, direct talk, words, whoever wrote them."""

from __future__ import annotations

import asyncio

import pytest

from adapters.slack.door.manifest import PROMPTS as OF_MANIFEST
from adapters.slack.interactivity.home import PROMPTS
from adapters.slack.places import direct_place, place_in
from bot.config.settings import Settings
from tests.adapters.slack.hearing import HELP, Talk, hanging, talking
from tests.adapters.slack.kit import Team
from tests.models.endpoint import ScriptedEndpoint, says

# --- mentions ---


@pytest.mark.parametrize(
    ("written", "task"),
    [
        ("@nod what is new?", "what is new?"),
        ("what is new, @nod", "what is new,"),
        ("@nod hi @nod", "hi"),
        ("`code` @nod hi", "`code`  hi"),
        ("@nod 1 &lt; 2 &amp;&amp; <https://x.example/?a=1&amp;b=2|x>", "1 < 2 && https://x.example/?a=1&b=2"),
    ],
)
async def test_a_mention_is_taken_once_and_without_the_mention(talk: Talk, written: str, task: str) -> None:
    """Row 43: two mentions, and the two events of each, are one run."""
    message = await talk.ask(written)

    assert talk.tasks() == [task]
    assert talk.answers() == [(talk.team.place(message), "Ok.")]


async def test_what_is_no_mention_is_left_alone_and_not_kept(talk: Talk) -> None:
    """Row 43: a mention in code, and a person who calls themselves like the bot, are none."""
    spoof = talk.slack.create_user("nod")
    group = talk.slack.create_group("nod", users=[talk.team.anna])
    texts = ["hello", "`@nod` hi", "```\n@nod hi\n```", f"{spoof.mention} hi", f"{group.mention} hi", "<!here> hi"]
    for text in (*texts, f"&lt;@{talk.slack.bot.user}&gt; hi", "nod, hi", f"<#{talk.slack.bot.user}>"):
        talk.say(text)
    await talk.settle()

    assert talk.tasks() == []
    assert talk.slack.said() == []
    assert talk.whispers() == []
    assert await talk.rows() == []


async def test_a_wall_of_backticks_is_read_in_no_time(talk: Talk) -> None:
    await talk.ask("@nod " + "` `` " * 780)

    assert len(talk.tasks()) == 1


async def test_others_are_names_to_the_model(talk: Talk) -> None:
    group = talk.slack.create_group("ops", users=[talk.team.ben])

    await talk.ask(f"@nod is {talk.team.ben.mention} of {group.mention} in {talk.team.room.mention}?")

    assert talk.tasks() == ["is @ben of @ops in #general?"]


async def test_in_a_group_of_people_a_mention_is_needed_too(talk: Talk) -> None:
    circle = talk.slack.create_channel("mpdm", kind="mpim", members=[talk.team.anna, talk.team.ben])
    talk.say("hello", where=circle)

    message = await talk.ask("@nod hi", where=circle)

    assert talk.tasks() == ["hi"]
    assert talk.answers() == [(talk.team.place(message, room=circle), "Ok.")]


async def test_the_operator_may_have_answers_in_place(
    team: Team, settings: Settings, endpoint: ScriptedEndpoint
) -> None:
    async with talking(team, settings, endpoint, answers="place") as talk:
        await talk.ask("@nod hi")
        root = talk.say("lunch?")
        await talk.ask("@nod where?", thread=root)

        assert [place for place, _ in talk.answers()] == [team.place(), team.place(root)]


# --- direct talk ---


async def test_everything_in_a_direct_talk_is_for_it(talk: Talk) -> None:
    first = talk.slack.direct(talk.team.anna, "hello")
    await talk.settle()
    talk.slack.direct(talk.team.anna, "and more", thread=first)
    await talk.settle()
    other = talk.slack.direct(talk.team.anna, f"ask {talk.team.ben.mention}")
    await talk.settle()

    direct = [direct_place(talk.slack.team.id, talk.team.anna.id, one.ts) for one in (first, other)]
    assert talk.tasks() == ["hello", "and more", "ask @ben"]
    assert [place for place, _ in talk.answers()] == [direct[0], direct[0], direct[1]]


async def test_nothing_is_read_before_a_direct_question(talk: Talk) -> None:
    talk.slack.direct(talk.team.anna, "hello")
    await talk.settle()

    assert talk.slack.calls("conversations.history") + talk.slack.calls("conversations.replies") == []


# --- what is no question ---


@pytest.mark.parametrize("text", ["@nod", "@nod @nod", " @nod \u200b "])
async def test_nothing_but_the_mention_is_answered_with_a_hint_to_its_author_alone(talk: Talk, text: str) -> None:
    """Row 42: empty, only the mention, only what cannot be seen; no model call."""
    await talk.ask(text)

    assert talk.whispers() == [HELP]
    assert (talk.tasks(), talk.slack.said()) == ([], [])


async def test_a_hint_in_a_thread_is_shown_in_that_thread(talk: Talk) -> None:
    root = talk.say("lunch?")

    await talk.ask("@nod", thread=root)

    (hint,) = talk.slack.ephemerals(talk.team.anna)
    assert hint.thread_ts == root.ts


@pytest.mark.parametrize("text", ["", " ", "\u200b"])
async def test_nothing_at_all_in_a_direct_talk_is_answered_there(talk: Talk, text: str) -> None:
    message = talk.slack.direct(talk.team.anna, text)
    await talk.settle()

    (hint,) = talk.slack.said()
    assert hint.thread_ts == message.ts
    assert talk.tasks() == []


async def test_thirty_thousand_characters_arrive_whole(talk: Talk) -> None:
    await talk.ask("@nod " + "x" * 30_000)

    assert talk.tasks() == ["x" * 30_000]


async def test_forty_thousand_characters_are_refused_with_a_sentence(talk: Talk) -> None:
    """Row 42."""
    await talk.ask("@nod " + "x" * 40_000)

    assert talk.whispers() == ["That message is too long: at most 32768 characters."]
    assert talk.tasks() == []
    assert {state for _, state, _ in await talk.rows()} == {"settled"}


# --- words ---


async def test_help_is_a_word(talk: Talk) -> None:
    await talk.ask("@nod Help")

    (told,) = talk.whispers()
    assert "reset-thread" in told
    assert talk.tasks() == []


async def test_stop_is_a_word_that_ends_what_runs_in_its_thread(talk: Talk, endpoint: ScriptedEndpoint) -> None:
    endpoint.script.insert(0, hanging(asyncio.Event(), says("never")))
    message = talk.say("@nod work")
    await talk.slack.until(lambda: endpoint.requests)

    await talk.ask("@nod stop", thread=message)

    assert talk.whispers() == ["Stopped."]


async def test_reset_thread_is_a_word_that_forgets(talk: Talk) -> None:
    message = await talk.ask("@nod remember the word apple")
    await talk.ask("@nod reset-thread", thread=message)

    await talk.ask("@nod which word?", thread=message)

    assert "apple" not in str(talk.told())
    assert talk.tasks() == ["remember the word apple", "which word?"]


@pytest.mark.parametrize("word", ["show", "approvals", "grants", "model", "usage"])
async def test_other_words_need_the_name_in_a_thread(talk: Talk, word: str) -> None:
    """They could be an answer to what the bot asked."""
    message = await talk.ask("@nod hi")
    await talk.ask(f"@nod {word}", thread=message)
    before = len(talk.whispers())

    await talk.ask(word, thread=message)

    assert before == 1
    assert talk.tasks() == ["hi", word]


async def test_what_works_in_a_thread_is_said_there(talk: Talk) -> None:
    message = await talk.ask("@nod hi")

    await talk.ask("@nod help", thread=message)
    await talk.ask("@nod help")

    in_thread, outside = talk.whispers()
    assert "Slack has no `/nod` in threads: there write `@Nod`" in in_thread
    assert "in threads" not in outside


async def test_what_the_messages_tab_suggests_about_approvals_is_answered_without_a_model(talk: Talk) -> None:
    suggested = dict(PROMPTS)["What waits for me?"]
    assert dict(OF_MANIFEST)["What waits for me?"] == suggested

    talk.slack.direct(talk.team.anna, suggested)
    await talk.slack.until(lambda: talk.slack.said(talk.slack.talk_of(talk.team.anna)))

    (told,) = talk.slack.said(talk.slack.talk_of(talk.team.anna))
    assert told.shown == "Nothing waits for you."
    assert talk.tasks() == []


@pytest.mark.parametrize("text", ["@nod help me", "@nod stop the deploy", "@nod show me the plan", "@nod explain this"])
async def test_a_sentence_that_begins_with_a_word_is_a_question(talk: Talk, text: str) -> None:
    await talk.ask(text)

    assert talk.tasks() == [text.removeprefix("@nod ")]


async def test_a_word_in_a_channel_makes_nobody_a_talker(talk: Talk) -> None:
    root = talk.say("lunch?")
    await talk.ask("@nod help", thread=root)

    await talk.ask("at noon", thread=root)

    assert talk.tasks() == []


# --- by whom ---


async def test_programs_and_the_bot_itself_start_nothing(talk: Talk) -> None:
    """Row 41."""
    robot = talk.slack.create_user("robot", is_bot=True)
    talk.say("@nod hi", by=robot, bot_id=robot.bot_id)
    talk.say("@nod hi", subtype="bot_message", bot_id="B1")
    talk.say("@nod hi", by=talk.slack.world.users[talk.slack.bot.user], bot_id=talk.slack.bot.bot_id)
    joined = {"type": "message", "subtype": "channel_join", "user": talk.team.ben.id, "channel": talk.team.room.id}
    told = {"text": f"{talk.slack.bot.mention} joined", "ts": talk.slack.world.new_ts(), "channel_type": "channel"}
    talk.slack.world.emit({**joined, **told}, channel=talk.team.room)
    await talk.settle()

    assert talk.tasks() == []
    assert await talk.rows() == []


async def test_a_program_that_hides_what_it_is_may_not_talk(talk: Talk) -> None:
    robot = talk.slack.create_user("robot", is_bot=True)

    await talk.ask("@nod hi", by=robot)

    assert talk.tasks() == []


async def test_guests_and_people_of_other_companies_are_told_once_that_they_may_not(talk: Talk) -> None:
    guest = talk.slack.create_user("gus", is_guest=True)
    partner = talk.slack.create_user("petra", team=talk.slack.create_team("partner"))
    talk.team.room.members += [guest.id, partner.id]
    for person in (guest, partner, guest, partner):
        await talk.ask("@nod hi", by=person)

    assert talk.tasks() == []
    assert [len(talk.whispers(person)) for person in (guest, partner)] == [1, 1]


async def test_in_a_channel_of_two_companies_each_is_what_it_is_to_the_bots_own(talk: Talk) -> None:
    """The workspace is the one the bot was met in, whoever asks."""
    partner = talk.slack.create_team("partner")
    petra = talk.slack.create_user("petra", team=partner)
    room = talk.slack.create_channel("shared", members=[talk.team.anna, petra], shared_with=[partner])

    await talk.ask("@nod hi", by=petra, where=room)
    message = await talk.ask("@nod hi", where=room)

    assert talk.answers() == [(talk.team.place(message, room=room), "Ok.")]
    assert len(talk.whispers(petra)) == 1
    known = {one.key: one.standing for one in talk.app.service.people(talk.team.place())}
    assert known == {talk.team.key(talk.team.anna): "member", talk.team.key(petra): "external"}


async def test_two_workspaces_do_not_mix(team: Team, settings: Settings, endpoint: ScriptedEndpoint) -> None:
    other = team.server.install(team.server.create_team("other"))
    carol = team.server.create_user("carol", team=team.server.world.teams[other.team])
    room = team.server.create_channel("theirs", members=[carol], team=team.server.world.teams[other.team])
    async with talking(team, settings, endpoint) as talk:
        await talk.ask("@nod hi")
        message = await talk.ask(f"{other.mention} hello", by=carol, where=room)
        await talk.ask(f"{talk.slack.bot.mention} hello", by=carol, where=room)

        assert talk.tasks() == ["hi", "hello"]
        assert talk.answers()[1][0] == place_in(other.team, room.id, message.ts)
        (known,) = talk.app.service.people(place_in(other.team, room.id))
        assert (known.key, known.standing) == (f"slack:{other.team}/{carol.id}", "member")


async def test_whoever_was_refused_is_not_followed(talk: Talk) -> None:
    guest = talk.slack.create_user("gus", is_guest=True)
    root = talk.say("lunch?")
    await talk.ask("@nod hi", by=guest, thread=root)

    await talk.ask("at noon", by=guest, thread=root)

    assert len([key for key, _, _ in await talk.rows() if key.startswith("T")]) == 1


async def test_admins_of_slack_have_no_rights_from_that(talk: Talk) -> None:
    boss = talk.slack.create_user("boss", is_admin=True, is_owner=True)

    await talk.ask("@nod hi", by=boss)

    assert talk.app.service.role_of(next(one for one in talk.app.service.people(talk.team.place()))) == "user"


async def test_user_groups_are_the_roles_of_whoever_asks(talk: Talk) -> None:
    group = talk.slack.create_group("ops", users=[talk.team.ben])

    await talk.ask("@nod hi", by=talk.team.ben)

    (ben,) = talk.app.service.people(talk.team.place())
    assert (ben.key, ben.name, ben.groups) == (talk.team.key(talk.team.ben), "ben", frozenset({group.id}))


async def test_a_hostile_name_stays_a_name(talk: Talk) -> None:
    """Row 44."""
    ben = talk.slack.create_user('x" and delete\n<!channel>\u202e' + "y" * 900)

    await talk.ask(f"@nod who is {ben.mention}?")

    (task,) = talk.tasks()
    assert task.startswith("who is @\"x' and delete <!channel>")
    assert "\u202e" not in task
    assert len(task) < 200
