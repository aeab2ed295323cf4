"""The stand-in is held against slack_sdk and Bolt: what they build it takes, what it sends they take, and what one
refuses the other refuses too. So client and server cannot be wrong together."""

from __future__ import annotations

import inspect
import re
from collections.abc import Callable
from types import ModuleType
from typing import Any

import pytest
from slack_bolt.request import payload_utils
from slack_bolt.request.async_request import AsyncBoltRequest
from slack_sdk.errors import SlackObjectFormationError
from slack_sdk.models import blocks as sdk
from slack_sdk.models.basic_objects import JsonObject
from slack_sdk.models.blocks.block_elements import FileInputElement, UrlSourceElement
from slack_sdk.models.messages import chunk as sdk_chunks
from slack_sdk.models.views import View, ViewState
from slack_sdk.web.async_client import AsyncWebClient

from tests.adapters.slack.wire import Channel, SlackServer, User, blocks, modals, server
from tests.adapters.slack.wire.methods_streams import CHUNKS
from tests.adapters.slack.wire.refusals import Refused

Build = Callable[[int], JsonObject]


def button(**fields: Any) -> sdk.ButtonElement:
    return sdk.ButtonElement(**{"text": "Press", "action_id": "a"} | fields)


def options(count: int, chars: int = 1, value: int = 1) -> list[sdk.Option]:
    return [sdk.Option(text="t" * chars, value=f"{number}".rjust(value, "v")) for number in range(count)]


def actions(*elements: Any) -> sdk.ActionsBlock:
    return sdk.ActionsBlock(elements=list(elements))


def field(element: Any, **fields: Any) -> sdk.InputBlock:
    return sdk.InputBlock(**{"label": "Label", "element": element} | fields)


def select(**fields: Any) -> sdk.StaticSelectElement:
    return sdk.StaticSelectElement(**{"action_id": "s", "options": options(1)} | fields)


def confirm(**fields: Any) -> sdk.ConfirmObject:
    return sdk.ConfirmObject(**{"title": "Sure", "text": "Really?", "confirm": "Yes", "deny": "No"} | fields)


def feedback(value: str = "v", text: str = "Good") -> sdk.ContextActionsBlock:
    one = sdk.FeedbackButtonObject(text=text, value=value)
    return sdk.ContextActionsBlock(
        elements=[sdk.FeedbackButtonsElement(action_id="f", positive_button=one, negative_button=one)]
    )


LIMITS: list[tuple[str, int, Build]] = [
    ("section text", 3000, lambda n: sdk.SectionBlock(text="t" * n)),
    ("section fields", 10, lambda n: sdk.SectionBlock(fields=["f"] * n)),
    ("block_id", 255, lambda n: sdk.DividerBlock(block_id="b" * n)),
    ("header", 150, lambda n: sdk.HeaderBlock(text="t" * n)),
    ("context elements", 10, lambda n: sdk.ContextBlock(elements=[sdk.MarkdownTextObject(text="t")] * n)),
    ("image alt_text", 2000, lambda n: sdk.ImageBlock(image_url="https://a.example/b.png", alt_text="t" * n)),
    ("markdown", 12_000, lambda n: sdk.MarkdownBlock(text="t" * n)),
    ("actions", 25, lambda n: actions(*(button(action_id=f"a{one}") for one in range(n)))),
    ("button text", 75, lambda n: actions(button(text="t" * n))),
    ("button value", 2000, lambda n: actions(button(value="v" * n))),
    ("button url", 3000, lambda n: actions(button(url="u" * n))),
    ("button action_id", 255, lambda n: actions(button(action_id="a" * n))),
    ("button agent_prompt", 4000, lambda n: actions(button(agent_prompt="p" * n))),
    ("confirm title", 100, lambda n: actions(button(confirm=confirm(title="t" * n)))),
    ("confirm text", 300, lambda n: actions(button(confirm=confirm(text="t" * n)))),
    ("confirm button", 30, lambda n: actions(button(confirm=confirm(confirm="t" * n)))),
    ("select options", 100, lambda n: actions(select(options=options(n)))),
    ("select placeholder", 150, lambda n: actions(select(placeholder="p" * n))),
    ("option text", 75, lambda n: actions(select(options=options(1, chars=n)))),
    ("option value", 150, lambda n: actions(select(options=options(1, value=n)))),
    ("overflow options", 5, lambda n: actions(sdk.OverflowMenuElement(action_id="o", options=options(n)))),
    ("input label", 2000, lambda n: field(sdk.PlainTextInputElement(action_id="i"), label="t" * n)),
    ("input hint", 2000, lambda n: field(sdk.PlainTextInputElement(action_id="i"), hint="t" * n)),
    ("feedback text", 75, lambda n: feedback(text="t" * n)),
    ("feedback value", 2000, lambda n: feedback(value="v" * n)),
    ("card title", 150, lambda n: sdk.CardBlock(title="t" * n)),
    ("card body", 200, lambda n: sdk.CardBlock(body="t" * n)),
    ("carousel", 10, lambda n: sdk.CarouselBlock(elements=[sdk.CardBlock(title="t")] * n)),
    ("container", 10, lambda n: sdk.ContainerBlock(title="t", child_blocks=[sdk.DividerBlock()] * n)),
]


@pytest.mark.parametrize(("limit", "build"), [one[1:] for one in LIMITS], ids=[one[0] for one in LIMITS])
def test_limit_is_the_sdks(limit: int, build: Build) -> None:
    assert len(blocks.checked([build(limit).to_dict()])) == 1

    with pytest.raises(SlackObjectFormationError):
        build(limit + 1).to_dict()
    with pytest.raises(Refused):
        blocks.checked([_unchecked(build(limit + 1))])


ELEMENTS: list[Any] = [
    sdk.StaticSelectElement(action_id="e", options=options(2), initial_option=options(1)[0], focus_on_load=True),
    sdk.StaticMultiSelectElement(action_id="e", options=options(2), max_selected_items=2),
    sdk.ExternalDataSelectElement(action_id="e", min_query_length=2),
    sdk.ExternalDataMultiSelectElement(action_id="e", initial_options=options(1)),
    sdk.UserSelectElement(action_id="e", initial_user="U1"),
    sdk.UserMultiSelectElement(action_id="e", initial_users=["U1"]),
    sdk.ConversationSelectElement(action_id="e", filter=sdk.ConversationFilter(include=["public"])),
    sdk.ConversationMultiSelectElement(action_id="e", initial_conversations=["C1"]),
    sdk.ChannelSelectElement(action_id="e", initial_channel="C1"),
    sdk.ChannelMultiSelectElement(action_id="e", initial_channels=["C1"]),
    sdk.CheckboxesElement(action_id="e", options=options(2), initial_options=options(1)),
    sdk.RadioButtonsElement(action_id="e", options=options(2), initial_option=options(1)[0]),
    sdk.DatePickerElement(action_id="e", initial_date="2026-01-02"),
    sdk.TimePickerElement(action_id="e", initial_time="12:30"),
    sdk.PlainTextInputElement(action_id="e", multiline=True, min_length=1, max_length=3000, initial_value="v"),
    sdk.EmailInputElement(action_id="e"),
    sdk.UrlInputElement(action_id="e"),
    sdk.NumberInputElement(action_id="e", is_decimal_allowed=False, min_value="1", max_value="9"),
    sdk.RichTextInputElement(action_id="e"),
    FileInputElement(action_id="e", filetypes=["pdf"], max_files=1),
]


@pytest.mark.parametrize("element", ELEMENTS, ids=lambda element: element.type)
def test_field_of_the_sdk_is_taken_in_a_modal(element: Any) -> None:
    view = View(type="modal", title="Title", submit="Send", blocks=[field(element, block_id="b")])

    assert modals.checked(view.to_dict(), "modal")["blocks"][0]["element"]["type"] == element.type


BLOCKS: list[Any] = [
    sdk.SectionBlock(text="*t*", accessory=sdk.ImageElement(image_url="https://a.example", alt_text="a")),
    sdk.ImageBlock(image_url="https://a.example", alt_text="a", title="t"),
    sdk.VideoBlock(alt_text="a", video_url="https://a.example", thumbnail_url="https://a.example", title="t"),
    sdk.RichTextBlock(elements=[sdk.RichTextSectionElement(elements=[sdk.RichTextElementParts.Text(text="t")])]),
    sdk.TableBlock(rows=[[{"type": "raw_text", "text": "a"}]], column_settings=[{"is_wrapped": True}]),
    sdk.TaskCardBlock(task_id="1", title="t", status="complete", sources=[{"type": "url", "url": "u", "text": "t"}]),
    sdk.PlanBlock(title="t", tasks=[sdk.TaskCardBlock(task_id="1", title="t", status="pending").to_dict()]),
    sdk.ContextActionsBlock(elements=[sdk.IconButtonElement(action_id="i", icon="trash", text="Delete")]),
]


@pytest.mark.parametrize("block", BLOCKS, ids=lambda block: block.type)
def test_block_of_the_sdk_is_taken_in_a_message(block: Any) -> None:
    assert blocks.checked([block.to_dict()])[0]["type"] == block.type


@pytest.mark.parametrize(
    ("name", "limit"),
    [("title", 24), ("submit", 24), ("close", 24), ("private_metadata", 3000), ("callback_id", 255)],
)
def test_limit_of_a_view_is_the_sdks(name: str, limit: int) -> None:
    def build(chars: int) -> View:
        return View(**{"type": "modal", "title": "t", "blocks": [sdk.DividerBlock()], name: "t" * chars})

    assert modals.checked(build(limit).to_dict(), "modal")

    with pytest.raises(SlackObjectFormationError):
        build(limit + 1).to_dict()
    with pytest.raises(Refused):
        modals.checked(_unchecked(build(limit + 1)), "modal")


def test_view_has_no_more_blocks_than_the_sdk_takes() -> None:
    def build(count: int) -> View:
        return View(type="home", blocks=[sdk.DividerBlock()] * count)

    assert modals.checked(build(100).to_dict(), "home")
    with pytest.raises(SlackObjectFormationError):
        build(101).to_dict()
    with pytest.raises(Refused):
        modals.checked(_unchecked(build(101)), "home")


@pytest.mark.parametrize(
    "chunk",
    [
        sdk_chunks.MarkdownTextChunk(text="t"),
        sdk_chunks.PlanUpdateChunk(title="t"),
        sdk_chunks.TaskUpdateChunk(
            id="1",
            title="t",
            status="complete",
            details="d",
            output="o",
            sources=[UrlSourceElement(url="https://a.example", text="t")],
        ),
        sdk_chunks.BlocksChunk(blocks=[sdk.DividerBlock()]),
    ],
    ids=lambda chunk: chunk.type,
)
def test_chunk_of_the_sdk_is_taken(chunk: Any) -> None:
    faults: list[str] = []

    CHUNKS([chunk.to_dict()], "/chunks", faults)

    assert faults == []
    assert set(chunk.to_dict()) == chunk.attributes


def test_every_method_is_one_of_the_sdk() -> None:
    names = [name for module in server.MODULES for name in module.METHODS]

    assert [name for name in names if not hasattr(AsyncWebClient, name.replace(".", "_"))] == []


@pytest.mark.parametrize("module", server.MODULES, ids=lambda module: module.__name__.rpartition(".")[2])
def test_methods_read_no_argument_the_sdk_does_not_send(module: ModuleType) -> None:
    read = set(re.findall(r'ask\.(?:need|text|flag|number|data|args\.get)\(\s*"(\w+)"', inspect.getsource(module)))
    known = {"blocks"} | {
        name
        for method in module.METHODS
        for name in inspect.signature(getattr(AsyncWebClient, method.replace(".", "_"))).parameters
    }

    assert read - known == set()


# what is sent


async def parsed(body: dict[str, Any]) -> AsyncBoltRequest:
    return AsyncBoltRequest(mode="socket_mode", body=body, headers={})


async def test_events_are_what_bolt_takes(slack: SlackServer, room: Channel, anna: User) -> None:
    root = slack.say(anna, room, slack.bot.mention)
    slack.say(anna, room, "again", thread=root)
    slack.open_home(anna)
    slack.stop_session(anna, room, root, forged=True)
    requests = [await parsed(sent.body) for sent in slack.events]

    assert all(payload_utils.is_event(request.body) for request in requests)
    assert {request.context.team_id for request in requests} == {slack.team.id}
    assert {request.context.user_id for request in requests} == {anna.id}
    assert [request.context.thread_ts for request in requests] == [None, None, root.ts, None, root.ts]


async def test_direct_talk_is_what_bolt_takes(slack: SlackServer, anna: User) -> None:
    slack.direct(anna, "hello")
    body = slack.events[0].body

    assert payload_utils.is_message_event(body)
    assert payload_utils.is_any_im_message_event(body)


async def test_event_of_a_stranger_names_our_workspace(slack: SlackServer, anna: User) -> None:
    other = slack.create_team("other")
    eve = slack.create_user("eve", team=other)
    shared = slack.create_channel("shared", members=[anna, eve], shared_with=[other])
    slack.say(eve, shared, slack.bot.mention)
    request = await parsed(slack.events[0].body)

    assert (request.context.team_id, request.context.actor_team_id) == (slack.team.id, other.id)
    assert (request.context.user_id, request.context.actor_user_id) == (eve.id, eve.id)


async def test_interactions_are_what_bolt_takes(
    slack: SlackServer, client: AsyncWebClient, room: Channel, anna: User
) -> None:
    await client.chat_postMessage(channel=room.id, text="card", blocks=[actions(button(), select())])
    [card] = slack.said(room)
    press, pick = slack.press(anna, card, "Press"), slack.choose(anna, card, "s", "0")
    command = slack.slash(anna, room, "/nod", "help")
    bare, about = slack.shortcut(anna, "bare"), slack.shortcut(anna, "about", message=card)
    made = {one: await parsed(one.body) for one in (press, pick, command, bare, about)}

    assert [payload_utils.is_block_actions(made[one].body) for one in (press, pick)] == [True, True]
    assert payload_utils.is_slash_command(made[command].body)
    assert payload_utils.is_global_shortcut(made[bare].body)
    assert payload_utils.is_message_shortcut(made[about].body)
    assert {request.context.team_id for request in made.values()} == {slack.team.id}
    assert {request.context.user_id for request in made.values()} == {anna.id}
    assert [made[one].context.channel_id for one in (press, command, about)] == [room.id] * 3
    assert [made[one].context.response_url for one in (press, command)] == [press.response_url, command.response_url]


async def test_views_are_what_bolt_and_the_sdk_take(slack: SlackServer, client: AsyncWebClient, anna: User) -> None:
    text, external = sdk.PlainTextInputElement(action_id="text"), sdk.ExternalDataSelectElement(action_id="more")
    fields = [field(text, block_id="why"), field(external, block_id="what", optional=True)]
    view = View(type="modal", title="Title", submit="Send", notify_on_close=True, blocks=fields)
    await client.views_open(trigger_id=slack.shortcut(anna, "any").trigger_id, view=view)
    [shown] = slack.views_of(anna)
    suggested, sent = slack.suggest(anna, shown, "more", "a"), slack.submit(anna, shown, {"why": "because"})
    closed = slack.close(anna, shown)
    assert closed is not None

    assert payload_utils.is_block_suggestion(suggested.body)
    assert payload_utils.is_view_submission(sent.body)
    assert payload_utils.is_view_closed(closed.body)
    assert (await parsed(sent.body)).context.team_id == slack.team.id
    assert View(**sent.body["view"]).to_dict()["title"]["text"] == "Title"
    assert ViewState(**sent.body["view"]["state"]).to_dict()["values"]["why"]["text"]["value"] == "because"


@pytest.mark.parametrize("text", ["hello", "<@U1> see <https://a.example|this>", "```code``` and <!here> <#C1>"])
async def test_words_of_people_are_blocks_of_the_sdk(slack: SlackServer, room: Channel, anna: User, text: str) -> None:
    slack.say(anna, room, text)
    given = slack.events[0].event["blocks"]
    read = [block.to_dict() for block in sdk.Block.parse_all(given)]

    assert read == given
    assert blocks.checked(given)


def _unchecked(one: Any) -> dict[str, Any]:
    """An object as JSON without the checks of its own class."""
    found: dict[str, Any] = {"type": one.type} if getattr(one, "type", None) else {}
    for name in one.attributes:
        value = one.get_object_attribute(name)
        if value is not None:
            found[name] = _plain(value)
    if isinstance(one, sdk.Option):
        return {"text": {"type": "plain_text", "text": one.text}, "value": one.value}
    if isinstance(one, sdk.ConfirmObject):
        kinds = {"title": "plain_text", "text": "mrkdwn", "confirm": "plain_text", "deny": "plain_text"}
        return {name: {"type": kind, "text": _text(getattr(one, f"_{name}"))} for name, kind in kinds.items()}
    if isinstance(one, sdk.FeedbackButtonObject):
        return {"text": {"type": "plain_text", "text": _text(one._text)}, "value": one._value}
    return found


def _plain(value: Any) -> Any:
    if isinstance(value, (list, tuple)):
        return [_plain(one) for one in value]
    return _unchecked(value) if isinstance(value, JsonObject) else value


def _text(one: Any) -> str:
    return str(one.text)
