"""The server as whoever can reach it sees it."""

from __future__ import annotations

import asyncio
from pathlib import Path

import pytest

from bot.config.settings import load
from bot.models.config import from_mapping
from bot.models.registry import Registry
from bot.serve import serving
from tests.cli.kit import free_port


@pytest.mark.parametrize(
    "sent", [b"GET / HTTP/9.9\r\n\r\n", b"POST / HTTP/1.1\r\nContent-Length: -5\r\n\r\n"], ids=["version", "length"]
)
async def test_what_is_no_http_is_refused_and_fills_no_log(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], sent: bytes
) -> None:
    environment = {"DATA_DIR": str(tmp_path), "HTTP_PORT": str(free_port())}
    row = from_mapping({"label": "m", "api_url": "http://127.0.0.1:9", "model_name": "m", "host_type": "generic"})

    async with serving(load(environment, None)[0], models=Registry([row], default="m")) as address:
        reader, writer = await asyncio.open_connection("127.0.0.1", int(address.rpartition(":")[2]))
        writer.write(sent)
        answer = await reader.read(100)
        writer.close()

    assert answer.startswith(b"HTTP/1.0 400")
    assert "aiohttp.server" not in capsys.readouterr().err
