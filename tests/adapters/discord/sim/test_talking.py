"""Talking to Nod on simcord's Discord: mentions, threads, replies, direct messages, `/ask`, files, edits."""

from __future__ import annotations

import discord

from bot.config.settings import Settings
from tests.adapters.discord.sim.kit import World, running_nod
from tests.models.endpoint import ScriptedEndpoint, calls, says


async def test_a_mention_opens_a_thread_with_the_answer(
    world: World, settings: Settings, endpoint: ScriptedEndpoint
) -> None:
    endpoint.script = [says("Answer.")]
    async with running_nod(world, settings, endpoint):
        question = await world.anna.send(world.room, f"{world.nod} what is it?")

    (thread,) = world.room.threads
    assert (thread.id, thread.name) == (question.id, "what is it?")
    assert world.texts(thread) == ["Answer."]
    assert endpoint.requests[0].body["messages"][-1]["content"] == "what is it?"
    assert world.count("POST", f"/channels/{thread.id}/typing") == 1


async def test_in_its_thread_everybody_is_heard_without_a_mention(
    world: World, settings: Settings, endpoint: ScriptedEndpoint
) -> None:
    endpoint.script = [says("One."), says("Two."), says("Three.")]
    async with running_nod(world, settings, endpoint):
        thread = await world.ask(world.anna, "first")
        await world.anna.send(thread, "second")
        await world.ben.send(thread, "third")

    assert world.texts(thread) == ["One.", "Two.", "Three."]
    said = endpoint.requests[2].body["messages"]
    assert [one["role"] for one in said[-5:]] == ["user", "assistant", "user", "assistant", "user"]
    assert "first" in said[-5]["content"]
    assert "second" in said[-3]["content"]
    assert "third" in said[-1]["content"]


async def test_what_people_say_to_each_other_is_left_alone(
    world: World, settings: Settings, endpoint: ScriptedEndpoint
) -> None:
    async with running_nod(world, settings, endpoint):
        await world.anna.send(world.room, "good morning")
        await world.anna.send(world.room, f"{world.ben.mention} are you there?")

    assert endpoint.requests == []
    assert world.room.threads == []


async def test_what_was_said_before_is_heard_when_it_is_asked(
    world: World, settings: Settings, endpoint: ScriptedEndpoint
) -> None:
    endpoint.script = [says("Seven.")]
    await world.ben.send(world.room, "the build broke at seven")
    async with running_nod(world, settings, endpoint):
        await world.ask(world.anna, "when was it?")

    assert "the build broke at seven" in str(endpoint.requests[0].body["messages"])


async def test_without_the_intent_mentions_are_heard_and_nothing_else_is_known(
    world: World, settings: Settings, endpoint: ScriptedEndpoint
) -> None:
    endpoint.script = [says("Answer."), says("Directly.")]
    await world.ben.send(world.room, "the build broke at seven")
    async with running_nod(world, settings, endpoint, reads_along="off"):
        thread = await world.ask(world.anna, "when was it?")
        await world.anna.send(thread, "without a mention")
        await world.ben.send_dm("hello")

    assert world.texts(thread) == ["Answer."]
    assert world.texts(world.ben.user.dm_channel) == ["Directly."]
    assert "seven" not in str(endpoint.requests[0].body["messages"])


async def test_an_answer_in_place_replies_and_a_reply_to_it_goes_on(
    world: World, settings: Settings, endpoint: ScriptedEndpoint
) -> None:
    endpoint.script = [says("One."), says("Two.")]
    async with running_nod(world, settings, endpoint, answers="place"):
        question = await world.anna.send(world.room, f"{world.nod} first")
        answer = world.said(world.room)[-1]
        await world.anna.send(world.room, "and then?", reply_to=answer)

    assert answer.content == "One."
    assert answer.reference is not None
    assert answer.reference.message_id == question.id
    assert world.texts(world.room)[-2:] == ["One.", "Two."]
    assert endpoint.requests[1].body["messages"][-1]["content"] == "and then?"


async def test_a_direct_message_is_answered_directly(
    world: World, settings: Settings, endpoint: ScriptedEndpoint
) -> None:
    endpoint.script = [says("Answer.")]
    async with running_nod(world, settings, endpoint):
        await world.anna.send_dm("hello")

    assert world.texts(world.anna.user.dm_channel) == ["Answer."]


async def test_a_direct_message_of_somebody_of_no_server_of_ours_is_refused(
    world: World, settings: Settings, endpoint: ScriptedEndpoint
) -> None:
    stranger = world.env.create_user("stranger")
    async with running_nod(world, settings, endpoint):
        await stranger.send_dm("hello")

    (refusal,) = world.texts(stranger.dm_channel)
    assert refusal.startswith("We share no server")
    assert endpoint.requests == []


async def test_ask_shows_the_question_to_all_and_answers_in_its_thread(
    world: World, settings: Settings, endpoint: ScriptedEndpoint
) -> None:
    endpoint.script = [says("It says seven.")]
    async with running_nod(world, settings, endpoint):
        asked = await world.anna.slash(
            world.room, "ask", question="what does it say?", file=("notes.txt", b"seven o'clock")
        )

    assert asked.response is not None
    assert asked.response.content == "**anna** asks: what does it say?"
    assert not asked.ephemeral
    (thread,) = world.room.threads
    assert thread.id == asked.response.id
    assert world.texts(thread) == ["It says seven."]
    assert "seven o'clock" in str(endpoint.requests[0].body["messages"][-1])


async def test_a_text_file_is_read(world: World, settings: Settings, endpoint: ScriptedEndpoint) -> None:
    endpoint.script = [says("Seven.")]
    async with running_nod(world, settings, endpoint):
        thread = await world.ask(world.anna, "when?", attachments=[("notes.txt", b"at seven o'clock")])

    assert world.texts(thread) == ["Seven."]
    assert "at seven o'clock" in str(endpoint.requests[0].body["messages"][-1])


async def test_a_long_answer_comes_in_parts_and_as_a_file(
    world: World, settings: Settings, endpoint: ScriptedEndpoint
) -> None:
    lines = "\n".join(f"line {number}" for number in range(2_000))
    endpoint.script = [says(lines)]
    async with running_nod(world, settings, endpoint):
        thread = await world.ask(world.anna, "all of it")

    parts = world.said(thread)
    (file,) = parts[-1].attachments
    assert parts[0].content.startswith("line 0\nline 1\n")
    assert max(len(one.content) for one in parts) <= 2_000
    assert world.file(file) == lines


async def test_a_text_of_the_model_pings_nobody(world: World, settings: Settings, endpoint: ScriptedEndpoint) -> None:
    endpoint.script = [says(f"@everyone, and {world.ben.mention}")]
    async with running_nod(world, settings, endpoint):
        thread = await world.ask(world.anna, "who?")

    (answer,) = world.said(thread)
    assert world.pings(answer) == []
    assert not answer.mention_everyone
    assert answer.flags.suppress_embeds


async def test_bots_and_webhooks_are_ignored(world: World, settings: Settings, endpoint: ScriptedEndpoint) -> None:
    robot = world.guild.add_member(world.env.create_user("robot", bot=True))
    hook = world.guild.create_webhook(world.room, "ci")
    async with running_nod(world, settings, endpoint):
        await robot.send(world.room, f"{world.nod} hello")
        await hook.send(f"{world.nod} hello")

    assert endpoint.requests == []
    assert world.room.threads == []


async def test_a_bot_that_is_listed_is_answered(world: World, settings: Settings, endpoint: ScriptedEndpoint) -> None:
    endpoint.script = [says("Answer.")]
    robot = world.guild.add_member(world.env.create_user("robot", bot=True))
    async with running_nod(world, settings, endpoint, bots=frozenset({robot.id})):
        thread = await world.ask(robot, "hello")

    assert world.texts(thread) == ["Answer."]


async def test_an_edited_question_begins_anew_while_nothing_has_started(
    world: World, settings: Settings, endpoint: ScriptedEndpoint
) -> None:
    endpoint.script = [calls(("deploy", {"version": "1"})), says("Then not.")]
    async with running_nod(world, settings, endpoint):
        question = await world.anna.send(world.room, f"{world.nod} deploy 1")
        thread = world.thread()
        card = world.card(thread)
        await world.anna.edit(question, f"{world.nod} do not deploy")

    assert endpoint.requests[-1].body["messages"][-1]["content"] == "do not deploy"
    assert world.labels(card) == []
    assert world.texts(thread)[-1] == "Then not."


async def test_a_deleted_question_is_not_worked_on_any_more(
    world: World, settings: Settings, endpoint: ScriptedEndpoint
) -> None:
    endpoint.script = [calls(("deploy", {"version": "1"}))]
    async with running_nod(world, settings, endpoint):
        question = await world.anna.send(world.room, f"{world.nod} deploy 1")
        card = world.card(world.thread())
        await world.anna.delete(question)

    assert world.labels(card) == []
    assert len(endpoint.requests) == 1


async def test_what_was_asked_while_it_was_away_is_answered_once(
    world: World, settings: Settings, endpoint: ScriptedEndpoint
) -> None:
    endpoint.script = [says("One."), says("Two.")]
    async with running_nod(world, settings, endpoint):
        thread = await world.ask(world.anna, "first")
    await world.env.advance_time(60)
    await world.anna.send(thread, f"{world.nod} second")
    async with running_nod(world, settings, endpoint):
        pass
    async with running_nod(world, settings, endpoint):
        pass

    assert world.texts(thread) == ["One.", "Two."]


async def test_where_it_may_not_write_the_person_is_answered_directly(
    world: World, settings: Settings, endpoint: ScriptedEndpoint
) -> None:
    endpoint.script = [says("Answer.")]
    hushed = discord.PermissionOverwrite(
        send_messages=False, send_messages_in_threads=False, create_public_threads=False
    )
    quiet = world.guild.create_text_channel(
        "quiet",
        overwrites={
            world.guild.default_role: hushed,
            world.anna: discord.PermissionOverwrite(send_messages=True),
        },
    )
    async with running_nod(world, settings, endpoint):
        await world.anna.send(quiet, f"{world.nod} hello")

    (answer,) = world.texts(world.anna.user.dm_channel)
    assert answer.endswith(f"/{quiet.id}>, so I say it here.\n\nAnswer.")
    assert world.said(quiet) == []


async def test_trouble_on_discords_side_delays_an_answer_and_repeats_none(
    world: World, settings: Settings, endpoint: ScriptedEndpoint
) -> None:
    endpoint.script = [says("Answer.")]
    async with running_nod(world, settings, endpoint):
        world.env.inject_error("POST", "/channels/*/messages", status=503)
        thread = await world.ask(world.anna, "hello")

    assert world.texts(thread) == ["Answer."]


async def test_several_connections_are_one_bot(world: World, settings: Settings, endpoint: ScriptedEndpoint) -> None:
    endpoint.script = [says("Answer."), says("Directly.")]
    async with running_nod(world, settings, endpoint, shards=2):
        thread = await world.ask(world.anna, "hello")
        await world.ben.send_dm("hello")

    assert world.texts(thread) == ["Answer."]
    assert world.texts(world.ben.user.dm_channel) == ["Directly."]
