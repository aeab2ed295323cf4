"""A deterministic model endpoint in a process of its own: as many rounds with one call each as the question says."""

from __future__ import annotations

import json
import sys

from aiohttp import web


def completion(message: dict[str, object], finish: str) -> bytes:
    choice = {"index": 0, "message": message, "finish_reason": finish}
    usage = {"prompt_tokens": 100, "completion_tokens": 10, "total_tokens": 110}
    return json.dumps(
        {"id": "x", "object": "chat.completion", "created": 1, "model": "m", "choices": [choice], "usage": usage}
    ).encode()


async def answer(request: web.Request) -> web.Response:
    body = json.loads(await request.read())
    rounds = int(next(m["content"] for m in body["messages"] if m["role"] == "user").split()[-1])
    done = sum(m["role"] == "tool" for m in body["messages"])
    if done >= rounds:
        return web.Response(
            body=completion({"role": "assistant", "content": "done"}, "stop"), content_type="application/json"
        )
    call = {
        "id": f"call_{done}",
        "type": "function",
        "function": {"name": "look", "arguments": json.dumps({"n": done})},
    }
    message = {"role": "assistant", "content": "", "tool_calls": [call]}
    return web.Response(body=completion(message, "tool_calls"), content_type="application/json")


def main() -> None:
    app = web.Application(client_max_size=1 << 28)
    app.router.add_post("/v1/chat/completions", answer)
    web.run_app(app, host="127.0.0.1", port=int(sys.argv[1]), print=None, access_log=None)


if __name__ == "__main__":
    main()
