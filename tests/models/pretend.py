"""A host with a model that pretends: fit by default, and each field is one way in which it is not.

endpoint.script = [PretendHost(calls_tools="as text")] * 20
"""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from typing import Any, Literal

from tests.models.endpoint import Answer, Recorded, Status, Stream, calls, completion, delta

BYTES_PER_TOKEN = 5
TEMPLATE_TOKENS = 20
CALL = {"name": "report_ready", "arguments": {"word": "kiwi"}}


def refusal(status: int, text: str) -> Status:
    return Status(status, {"error": {"message": text}})


@dataclass
class PretendHost:
    """`answers` are given to GET requests by their path. `cuts_at` cuts a longer prompt silently, `refuses_above` with
    a word; both in tokens, which are 5 bytes."""

    answers: dict[str, Any] = field(default_factory=dict)
    text: str = "one, two, three, four"
    finish: str = "stop"
    streams: bool = True
    pause_s: float = 0.06
    calls_tools: Literal["really", "never", "as text", "others", "garbled"] = "really"
    call_text: str = f"<tool_call>\n{json.dumps(CALL)}\n</tool_call>"
    takes_results: bool = True
    result_text: str = "I have reported it."
    calls_again: bool = False
    heeds_none: bool = True
    takes_none: bool = True
    sees: Literal["red", "blue", "no"] = "red"
    takes_max_tokens: bool = True
    usage: Literal["true", "none", "same"] = "true"
    cuts_at: int | None = None
    refuses_above: int | None = None

    def __call__(self, request: Recorded) -> Answer:
        if not request.path.endswith("/chat/completions"):
            answer = self.answers.get(request.path, Status(404))
            return answer if isinstance(answer, Status) else Status(body=answer)
        body = request.body
        if "max_tokens" in body and not self.takes_max_tokens:
            return refusal(400, "max_tokens is not supported")
        if self.refuses_above is not None and self._tokens(body) > self.refuses_above:
            return refusal(400, "maximum context length exceeded")
        if "tools" in body:
            return self._with_tools(body)
        if "image_url" in json.dumps(body["messages"]):
            return refusal(400, "images are not supported") if self.sees == "no" else self._says(self.sees, body)
        return self._says(self.text, body)

    def _with_tools(self, body: dict[str, Any]) -> Answer:
        if body["messages"][-1]["role"] == "tool":
            if not self.takes_results:
                return refusal(400, "role tool is not known")
            return self._calls("report_ready", body) if self.calls_again else self._says(self.result_text, body)
        if body["tool_choice"] == "none":
            if not self.takes_none:
                return refusal(400, "tool_choice is not supported")
            return self._says("I may not.", body) if self.heeds_none else self._calls("report_ready", body)
        match self.calls_tools:
            case "never":
                return self._says("kiwi", body)
            case "as text":
                return self._says(self.call_text, body)
            case "others":
                return self._calls("get_weather", body)
            case "garbled":
                return completion(calls(("report_ready", '["kiwi"]'))["choices"][0]["message"])
            case "really":
                return self._calls("report_ready", body)

    def _says(self, text: str, body: dict[str, Any]) -> Answer:
        usage = self._usage(body)
        if not (body.get("stream") and self.streams):
            said = completion({"role": "assistant", "content": text}, finish=self.finish, usage=usage)
            return Status(body=said)  # as a dict it would be streamed where that was asked for
        pieces: list[Any] = []
        for word in text.split():
            pieces += [delta(content=f"{word} "), self.pause_s]
        return Stream([*pieces, delta(finish=self.finish), {"choices": [], "usage": usage}])

    def _calls(self, name: str, body: dict[str, Any]) -> Answer:
        return {**calls((name, {"word": "kiwi"})), "usage": self._usage(body)}

    def _usage(self, body: dict[str, Any]) -> Any:
        match self.usage:
            case "none":
                return {}
            case "same":
                return {"prompt_tokens": 10, "completion_tokens": 5}
        tokens = self._tokens(body)
        return {"prompt_tokens": min(tokens, self.cuts_at or tokens), "completion_tokens": 5}

    @staticmethod
    def _tokens(body: dict[str, Any]) -> int:
        return TEMPLATE_TOKENS + len(json.dumps(body["messages"])) // BYTES_PER_TOKEN
