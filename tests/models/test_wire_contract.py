"""The bytes of a request are, as JSON, what the SDK's own `create` sends for the same history."""

import json
import random

import openai
import pytest

from bot.engine.types import FilePart, ImagePart, Run, TextPart, message
from bot.models.completion import Completion
from bot.models.wire import read_reply
from tests.models.endpoint import says

HISTORIES = 200
LETTERS = "abc XYZ 019 äß€ 漢字 שלום 😀👩‍👧 \u200b\u2028\u0000\x1f\t\n\r\"'\\/<>&{}[]:, e\u0301 \ufffd\U0010ffff"
TOOL = {
    "type": "function",
    "function": {
        "name": "look",
        "description": "Look at something – quietly.",
        "parameters": {"type": "object", "properties": {"at": {"type": "string", "enum": ["ä", "b"]}}, "required": []},
    },
}
SAMPLING = {"temperature": 0.3, "max_tokens": 99, "stop": ["\n\n", "END"], "seed": 7, "logit_bias": {"50256": -100}}


class History:
    """One made-up history, as Nod holds it and as a caller of the SDK would."""

    def __init__(self, seed: int) -> None:
        self._chance = random.Random(seed)
        self.ours = [message("system", "Be brief.")]
        self.theirs = [{"role": "system", "content": "Be brief."}]
        self._calls = 0
        for _ in range(self._chance.randint(1, 6)):
            self._turn()
        self.tools = [TOOL] * self._chance.randint(0, 2)
        self.tool_choice = self._chance.choice(["auto", "none"])
        self.is_streamed = self._chance.random() < 0.5
        self.sampling = {key: value for key, value in SAMPLING.items() if self._chance.random() < 0.5}

    def _turn(self) -> None:
        content, shown = self._chance.choice([self._words, self._parts])()
        self._add(message("user", content), {"role": "user", "content": shown})
        if self._chance.random() < 0.3:
            text = self._text()
            self._add(message("assistant", text), {"role": "assistant", "content": text})
            return
        said = {"role": "assistant", "content": self._text(), **self._extra()}
        ids = [self._id() for _ in range(self._chance.randint(0, 3))]
        if ids:
            said["tool_calls"] = [self._call(one) for one in ids]
        self._add(read_reply(Completion(said), Run("r", "t", ()), by="fast").message, said)
        for one in ids:
            text = self._text()
            self._add(message("tool", text, tool_call_id=one), {"role": "tool", "content": text, "tool_call_id": one})

    def _add(self, ours, theirs) -> None:
        self.ours.append(ours)
        self.theirs.append(theirs)

    def _text(self) -> str:
        return "".join(self._chance.choices(LETTERS, k=self._chance.randint(1, 40)))

    def _words(self):
        text = self._text()
        return text, text

    def _parts(self):
        text, file, url = self._text(), self._text(), "https://h.example/x.png?a=b&c=ü"
        return (TextPart(text), FilePart("a.txt", file), ImagePart(url)), [
            {"type": "text", "text": text},
            {"type": "text", "text": f"File 'a.txt':\n{file}"},
            {"type": "image_url", "image_url": {"url": url}},
        ]

    def _id(self) -> str:
        self._calls += 1
        return f"call_{self._calls}"

    def _call(self, call_id):
        arguments = json.dumps({"at": self._text(), "n": self._chance.random()}, ensure_ascii=False)
        call = {"id": call_id, "type": "function", "function": {"name": "look", "arguments": arguments}}
        return {**call, **self._extra()}

    def _extra(self):
        """Fields nobody here knows."""
        extra = {
            "reasoning_content": self._text(),
            "reasoning_details": [{"type": "reasoning.text", "text": self._text(), "signature": None, "index": 0}],
            "extra_content": {"google": {"thought_signature": self._text()}},
            "annotations": [],
            "odd": {"deep": [1, -2.5, 1e300, True, None, {"": self._text()}]},
        }
        return {key: value for key, value in extra.items() if self._chance.random() < 0.3}


async def ask_nod(client, history):
    async def watch(text):
        return None

    await client.reply(
        tuple(history.ours),
        run=Run("r", "t", ()),
        tools=json.dumps(history.tools).encode(),
        tool_choice=history.tool_choice,
        on_text=watch if history.is_streamed else None,
    )


async def ask_sdk(sdk, history):
    with_tools = {"tools": history.tools, "tool_choice": history.tool_choice} if history.tools else {}
    streamed = {"stream": True, "stream_options": {"include_usage": True}} if history.is_streamed else {}
    answer = await sdk.chat.completions.create(
        model="org/model", messages=history.theirs, **with_tools, **streamed, **history.sampling
    )
    if history.is_streamed:
        assert [chunk async for chunk in answer]


@pytest.mark.parametrize("part", range(10))
async def test_two_hundred_histories_are_sent_as_the_sdk_would_send_them(endpoint, client_for, part):
    histories = [History(seed) for seed in range(part, HISTORIES, 10)]
    endpoint.script = [says("ok")] * (2 * len(histories))

    async with openai.AsyncOpenAI(base_url=endpoint.url, api_key="sk-secret-key", max_retries=0) as sdk:
        for history in histories:
            await ask_nod(client_for(sampling=history.sampling), history)
            await ask_sdk(sdk, history)

    for ours, theirs in zip(endpoint.requests[::2], endpoint.requests[1::2], strict=True):
        assert ours.body == theirs.body
        assert ours.path == theirs.path
        assert ours.headers["Authorization"] == theirs.headers["Authorization"]
        assert ours.headers["Content-Type"] == theirs.headers["Content-Type"]


def test_the_histories_hold_what_they_are_meant_to_hold():
    made = [History(seed) for seed in range(HISTORIES)]
    said = [one for history in made for one in history.theirs]

    assert len({json.dumps(history.theirs) for history in made}) == HISTORIES
    assert sum("tool_calls" in one for one in said) > 200
    assert sum(isinstance(one["content"], list) for one in said) > 200
    assert sum("odd" in one for one in said) > 50
