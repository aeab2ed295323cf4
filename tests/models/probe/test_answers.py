"""Is it there, does it take our key, does it answer, piece by piece, and does it see?"""

import base64
import json
import zlib

import pytest

from bot.models.config import from_mapping
from bot.models.pool import open_http
from bot.models.probe import probe
from tests.cli.kit import free_port
from tests.models.endpoint import CUT, Status, Stream, delta
from tests.models.pretend import PretendHost
from tests.models.probe.conftest import KEY


def texts(checks):
    return {name: check.text for name, check in checks.items()}


async def test_a_fit_model_is_fit_in_everything(probed, endpoint):
    checks = await probed(
        PretendHost({"/v1/models": {"data": [{"id": "org/model", "max_model_len": 8192}]}}), context_k=8, vision=True
    )

    took = checks["silent_cut"].measured["prompt_tokens"]
    assert texts(checks) == {
        "reachable": "reachable, key accepted",
        "answers": "answers: first words after 100 ms, all after 500 ms",
        "streams": "streams",
        "tool_call": "calls a tool",
        "tool_result": "answers the result of its call",
        "tool_choice": "calls nothing where tools are forbidden (tool_choice none)",
        "vision": "sees images",
        "window": "has a window of 8,192 tokens; context_k = 8",
        "silent_cut": f"takes a prompt of {took:,} tokens whole",
    }
    assert {check.mark for check in checks.values()} == {"ok"}
    assert checks["answers"].measured == {"first_token_ms": 100, "total_ms": 500}
    assert checks["window"].measured == {"window_tokens": 8192}
    assert 5800 < took < 6000
    assert len(endpoint.requests) == 9  # six short questions, a long one, an image, and the window
    assert endpoint.unexpected == 0


async def test_without_a_key_none_is_accepted(probed):
    checks = await probed(PretendHost(), api_key=None)

    assert checks["reachable"].text == "reachable, without a key"


@pytest.mark.parametrize(
    ("answer", "text"),
    [
        (
            Status(401, {"error": {"message": f"bad key {KEY}"}}),
            "The model 'kitchen' refused our key. An operator has to check its api_key. Nothing else was tried.",
        ),
        (
            Status(200, "<!doctype html><title>Log in</title>", content_type="text/html"),
            "The model 'kitchen' answered something unreadable (a web page). Try again; if it stays, check its api_url."
            " Nothing else was tried.",
        ),
        (
            Status(302, headers={"Location": "https://elsewhere.example"}),
            "The model 'kitchen' sent us to another address, which is not followed. An operator has to correct its "
            "api_url. Nothing else was tried.",
        ),
        (
            Status(404, {"error": {"message": "no such model"}}),
            "The model 'kitchen' was not found. An operator has to check its model_name, api_url and host_type. "
            "Nothing else was tried.",
        ),
    ],
)
async def test_one_that_cannot_be_asked_is_asked_nothing_else(probed, endpoint, answer, text):
    checks = await probed(answer)

    assert texts(checks) == {"reachable": text}
    assert checks["reachable"].mark == "wrong"
    assert len(endpoint.requests) == 1


async def test_open_webui_is_told_where_keys_are_switched_on(probed):
    checks = await probed(Status(401, {"detail": "no"}), host_type="openwebui")

    assert checks["reachable"].text == (
        "The model 'kitchen' refused our key. An operator has to check its api_key. "
        "An admin of Open WebUI has to switch on API keys. Nothing else was tried."
    )


async def test_one_that_is_not_there_is_said(probed):
    checks = await probed(PretendHost(), api_url=f"http://127.0.0.1:{free_port()}/v1")

    assert texts(checks) == {
        "reachable": "The model 'kitchen' refused the connection. An operator has to check that it runs and that its "
        "api_url is right. Nothing else was tried."
    }


async def test_one_that_is_too_slow_is_not_waited_for_again(endpoint):
    endpoint.script = [Status(body=b"{}", delay_s=5)] * 3
    config = from_mapping({"label": "slow", "api_url": endpoint.url, "model_name": "m", "timeout_s": 0.3})
    async with open_http() as http:
        (check,) = [check async for check in probe(config, http)]

    assert (check.name, check.mark) == ("answers", "wrong")
    assert check.text == (
        "has not answered a short question within 0.3 seconds: raise timeout_s, or use a faster model. "
        "Nothing else was tried."
    )
    assert len(endpoint.requests) == 1


async def test_a_host_that_breaks_off_every_reply_is_not_fit(endpoint):
    endpoint.script = [Stream([delta(content="one"), 0.05, delta(content=" two"), CUT])] * 9
    config = from_mapping({"label": "cut", "api_url": endpoint.url, "model_name": "m", "host_type": "generic"})
    async with open_http() as http:
        checks = {check.name: check async for check in probe(config, http)}

    assert checks["answers"].mark == "wrong"
    assert checks["answers"].text.startswith("breaks off in the middle of its replies")


async def test_an_answer_in_one_piece_is_told_and_no_failure(probed):
    checks = await probed(PretendHost(streams=False))

    assert checks["answers"].text == "answers: all after 200 ms"
    assert checks["streams"].text == "answers in one piece: people see nothing of an answer before it is done"
    assert checks["streams"].mark == "note"


@pytest.mark.parametrize(
    ("finish", "text"),
    [
        ("length", "answers with nothing: all its tokens went elsewhere: raise max_tokens under sampling"),
        ("stop", "answers with nothing: look into the log of its host"),
    ],
)
async def test_an_empty_answer_is_wrong_and_the_rest_is_still_tried(probed, finish, text):
    checks = await probed(PretendHost(text="", finish=finish))

    assert (checks["answers"].mark, checks["answers"].text) == ("wrong", text)
    assert checks["tool_call"].mark == "ok"


@pytest.mark.parametrize(
    ("sees", "mark", "text"),
    [
        (
            "no",
            "wrong",
            "does not take images: write vision = false. The model 'kitchen' refused the request: images are not "
            "supported. An operator has to check its settings.",
        ),
        ("blue", "note", "takes images, but says 'blue' of a red square: see whether vision = true is right"),
    ],
)
async def test_a_blind_model_is_found_out(probed, sees, mark, text):
    checks = await probed(PretendHost(sees=sees), vision=True)

    assert (checks["vision"].mark, checks["vision"].text) == (mark, text)


@pytest.mark.parametrize("vision", [None, False])
async def test_no_image_is_sent_to_one_that_is_not_said_to_see(probed, vision):
    assert "vision" not in await probed(PretendHost(), vision=vision)


async def test_the_image_is_a_whole_png(probed, endpoint):
    await probed(PretendHost(), vision=True)

    shown = [one for one in endpoint.requests if b"image_url" in one.raw]
    url = json.loads(shown[0].raw)["messages"][0]["content"][1]["image_url"]["url"]
    png = base64.b64decode(url.removeprefix("data:image/png;base64,"))
    assert png.startswith(b"\x89PNG\r\n\x1a\n")
    at = png.index(b"IDAT")
    size = int.from_bytes(png[at - 4 : at])
    assert zlib.decompress(png[at + 4 : at + 4 + size]) == (b"\0" + b"\xff\0\0" * 64) * 64


async def test_an_address_that_cannot_be_used_is_said(probed):
    checks = await probed(PretendHost(), api_url="https://999.1.1.1")

    assert texts(checks) == {"reachable": "The model 'kitchen' has an unusable api_url."}
