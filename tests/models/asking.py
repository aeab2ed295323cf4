"""What the tests of the client ask, and how."""

import pytest

from bot.engine.types import Run, message

RUN = Run("r", "task", ())
HELLO = (message("system", "Be brief."), message("user", "Hello 😀"))
TOOLS = b'[{"type":"function","function":{"name":"notes_add","parameters":{"type":"object","properties":{}}}}]'


class Seen(list):
    """A listener that remembers."""

    async def __call__(self, text):
        self.append(text)


async def ask(client, on_text=None, tools=b"", run=RUN, messages=HELLO):
    return await client.reply(messages, run=run, tools=tools, on_text=on_text)


async def failure(client, kind, on_text=None):
    """Give the error of a reply, after checking that its sentence is fit for people."""
    with pytest.raises(kind) as caught:
        await ask(client, on_text)
    said = caught.value.user_message
    assert type(caught.value) is kind
    assert said.endswith(".")
    assert all(word not in said for word in ("sk-secret-key", "<html", "Traceback", "127.0.0.1", "\n"))
    return said


def idle(client):
    """Of the open connections: is it free?"""
    connector = client._http.connector
    return [True for free in connector._conns.values() for _ in free] + [False for _ in connector._acquired]
