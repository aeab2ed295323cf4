import pytest

from bot.demo.prompts import TOOL_FOR
from bot.demo.scripted import NOTICE, answer


def tool(name, **properties):
    schema = {"type": "object", "properties": properties, "required": []}
    return {"type": "function", "function": {"name": name, "parameters": schema}}


ZONE = {"anyOf": [{"enum": ["UTC", "Europe/Berlin", "America/New_York", "Asia/Tokyo"]}, {"type": "string"}]}
TOOLS = [
    tool("current_time", zone=ZONE),
    tool("notes_add", text={"type": "string"}),
    tool("notes_search", query={"type": "string"}),
    tool("notes_clear"),
]


def wanted(text, tools=TOOLS, **request):
    message = answer({"messages": [{"role": "user", "content": text}], "tools": tools, **request})
    return [(call["function"]["name"], call["function"]["arguments"]) for call in message.get("tool_calls", ())]


@pytest.mark.parametrize(("text", "name"), TOOL_FOR.items())
def test_every_suggestion_leads_to_its_tool(text, name):
    assert [called for called, _ in wanted(text)] == [name]


@pytest.mark.parametrize(
    ("text", "call"),
    [
        ("What time is it in New York?", ("current_time", '{"zone": "America/New_York"}')),
        ("What time is it?", ("current_time", "{}")),
        ("Add a note: buy milk", ("notes_add", '{"text": "buy milk"}')),
        ("Please remember that Ann is away", ("notes_add", '{"text": "Ann is away"}')),
        ("Note: clear the notes on Friday", ("notes_add", '{"text": "clear the notes on Friday"}')),
        ("Search the notes for milk.", ("notes_search", '{"query": "milk"}')),
        ("Delete all notes", ("notes_clear", "{}")),
    ],
)
def test_keywords_lead_to_calls(text, call):
    assert wanted(text) == [call]


@pytest.mark.parametrize("text", ["Hello!", "", "Delete everything"])
def test_everything_else_is_answered_in_words(text):
    assert wanted(text) == []


def test_a_tool_that_is_not_offered_is_not_called():
    assert wanted("Clear all notes", tools=[]) == []
    assert wanted("Clear all notes", tool_choice="none") == []


@pytest.mark.parametrize(
    "messages",
    [
        [],
        [{"role": "user", "content": "Hello!"}],
        [{"role": "user", "content": [{"type": "text", "text": "Hello!"}]}],
        [{"role": "tool", "content": "Deleted 3 notes."}],
    ],
)
def test_every_answer_says_that_it_is_no_model(messages):
    assert answer({"messages": messages})["content"].endswith(NOTICE)


def test_a_result_is_told():
    assert "Deleted 3 notes." in answer({"messages": [{"role": "tool", "content": "Deleted 3 notes."}]})["content"]
