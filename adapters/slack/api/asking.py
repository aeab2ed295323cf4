"""Single questions to Slack's Web API, outside of any workspace's client: at a connection, an installation, the doctor.

Each is asked once. Whoever asks decides whether to ask again.
"""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import aiohttp
from slack_sdk.errors import SlackApiError
from slack_sdk.web.async_client import AsyncWebClient
from slack_sdk.web.async_slack_response import AsyncSlackResponse

TIMEOUT_S = 20


class NoAnswer(Exception):
    """Slack could not be reached, or what came is no answer of the Web API. The text is one word for what it was."""


class SaidNo(Exception):
    """Slack answered with an error, `code` (docs, each method's "Errors")."""

    def __init__(self, code: str) -> None:
        super().__init__(code)
        self.code = code


@dataclass(frozen=True, slots=True)
class Answer:
    """`scopes` are those of the token it was asked with; None where Slack did not say."""

    data: Mapping[str, Any]
    scopes: frozenset[str] | None = None


async def ask(
    api_url: str, method: str, token: str = "", *, session: aiohttp.ClientSession | None = None, **arguments: str
) -> Answer:
    """What a method gives. Raises `SaidNo` and `NoAnswer`."""
    slack = AsyncWebClient(token or None, base_url=api_url, session=session, timeout=TIMEOUT_S, retry_handlers=[])
    try:
        async with asyncio.timeout(TIMEOUT_S):
            answer = await slack.api_call(method, data=arguments)
    except SlackApiError as err:
        raise _error(err) from err
    except (aiohttp.ClientError, OSError, TimeoutError) as err:
        raise NoAnswer(type(err).__name__) from err
    except (ValueError, AttributeError) as err:  # an answer that is no JSON, or JSON of another shape
        raise NoAnswer("NoJson") from err
    assert isinstance(answer.data, dict), "the SDK gives nothing else as a success"
    said = answer.headers.get("x-oauth-scopes")
    return Answer(answer.data, None if said is None else frozenset(said.replace(" ", "").split(",")))


def _error(err: SlackApiError) -> SaidNo | NoAnswer:
    """A refusal, or a status and a page of whatever stands between."""
    response = err.response
    if not isinstance(response, AsyncSlackResponse) or not isinstance(response.data, dict):
        return NoAnswer("NoJson")
    code = response.data.get("error")
    if response.status_code == 429 or not isinstance(code, str):
        return NoAnswer(f"Status{response.status_code}")
    return SaidNo(code)
