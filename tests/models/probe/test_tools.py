"""Does it really call a tool, take the result, and leave it where it is forbidden?"""

import pytest

from tests.models.pretend import PretendHost, refusal

REMEDY = "Use a model, and a chat template at its host, that know tools. Or write tools = false."
AS_TEXT = "writes its calls as text, which runs nothing: its host lacks a tool parser or the right chat template."


@pytest.mark.parametrize(
    ("calls_tools", "text"),
    [
        ("never", f"calls no tool when told to. {REMEDY}"),
        ("as text", f"{AS_TEXT} {REMEDY}"),
        ("others", f"calls 'get_weather', which it was not offered. {REMEDY}"),
        ("garbled", f"calls a tool with arguments that are no JSON object. {REMEDY}"),
    ],
)
async def test_a_model_that_does_not_call_is_told_apart(probed, calls_tools, text):
    checks = await probed(PretendHost(calls_tools=calls_tools))

    assert (checks["tool_call"].mark, checks["tool_call"].text) == ("wrong", text)
    assert not {"tool_result", "tool_choice"} & set(checks)
    assert "window" in checks


@pytest.mark.parametrize(
    "written",
    [
        '<tool_call>{"name": "report_ready", "arguments": {"word": "kiwi"}}</tool_call>',
        "<function=report_ready><parameter=word>kiwi</parameter></function>",
        '[TOOL_CALLS][{"name": "report_ready", "arguments": {"word": "kiwi"}}]',
        '<|python_tag|>{"name": "report_ready", "parameters": {"word": "kiwi"}}',
        "<｜tool▁calls▁begin｜><｜tool▁call▁begin｜>function<｜tool▁sep｜>report_ready",
        "<|tool_calls_section_begin|><|tool_call_begin|>functions.report_ready:0",
        '```json\n{"name": "report_ready", "arguments": {"word": "kiwi"}}\n```',
        'report_ready(word="kiwi")',
        "functools[report_ready]",
    ],
)
async def test_calls_are_recognised_in_the_words_of_each_family(probed, written):
    checks = await probed(PretendHost(calls_tools="as text", call_text=written))

    assert checks["tool_call"].text.startswith("writes its calls as text")


@pytest.mark.parametrize(
    ("host_type", "text"),
    [
        (
            "vllm",
            f"{AS_TEXT} Start vLLM with --enable-auto-tool-choice and the --tool-call-parser of the model. "
            "Or write tools = false.",
        ),
        ("ollama", f"{AS_TEXT} {REMEDY}"),
    ],
)
async def test_what_to_do_is_what_helps_at_that_host(probed, host_type, text):
    checks = await probed(PretendHost(calls_tools="as text"), host_type=host_type)

    assert checks["tool_call"].text == text


async def test_a_host_that_takes_no_tools_says_so_itself(probed):
    pretends = PretendHost()

    def refuses_tools(request):
        return refusal(400, "org/model does not support tools") if b'"tools"' in request.raw else pretends(request)

    checks = await probed(refuses_tools)

    assert checks["tool_call"].mark == "wrong"
    assert checks["tool_call"].text == (
        "takes no tools: The model 'kitchen' does not support tools: org/model does not support tools. "
        "An operator can set tools = false for it."
    )
    assert checks["silent_cut"].mark == "ok"


async def test_without_tools_none_are_tried(probed, endpoint):
    checks = await probed(PretendHost(), tools=False)

    assert checks["tool_call"].text == "is offered no tools (tools = false), so none was tried"
    assert all(b"report_ready" not in request.raw for request in endpoint.requests)


async def test_the_result_goes_back_to_the_call_it_belongs_to(probed, endpoint):
    await probed(PretendHost())

    sent = next(one.body["messages"] for one in endpoint.requests if b'"role":"tool"' in one.raw)
    assert [one["role"] for one in sent] == ["user", "assistant", "tool"]
    assert sent[2]["tool_call_id"] == sent[1]["tool_calls"][0]["id"]


@pytest.mark.parametrize(
    ("way", "mark", "text"),
    [
        (
            {"takes_results": False},
            "wrong",
            "refuses the result of its call: check host_type. The model 'kitchen' refused the request: role tool is "
            "not known. An operator has to check its settings.",
        ),
        ({"result_text": ""}, "wrong", "answers the result of its call with nothing: check host_type"),
        (
            {"calls_again": True},
            "note",
            "takes the result of its call, but calls again instead of answering: MAX_ROUNDS will end that",
        ),
    ],
)
async def test_what_comes_of_the_result_is_said(probed, way, mark, text):
    checks = await probed(PretendHost(**way))

    assert (checks["tool_result"].mark, checks["tool_result"].text) == (mark, text)


@pytest.mark.parametrize(
    ("way", "host_type", "mark", "text"),
    [
        ({"heeds_none": False}, "generic", "note", "calls tools where they are forbidden: Nod drops such calls"),
        (
            {"takes_none": False},
            "generic",
            "wrong",
            "refuses tool_choice none: check host_type. The model 'kitchen' refused the request: tool_choice is not "
            "supported. An operator has to check its settings.",
        ),
        (
            {"heeds_none": False},
            "ollama",
            "ok",
            "calls nothing where tools are forbidden (tools are left out of the request)",
        ),
    ],
)
async def test_whether_calls_can_be_forbidden(probed, way, host_type, mark, text):
    checks = await probed(PretendHost(**way), host_type=host_type)

    assert (checks["tool_choice"].mark, checks["tool_choice"].text) == (mark, text)
