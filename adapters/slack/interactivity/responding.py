"""Answers to the address that Slack sent along with an interaction (`response_url`, for half an hour and five answers).

The address is a part of what was sent to us: it is used where it is Slack's own, or that of what stands for Slack, and
never fetched otherwise. Nothing is followed from there.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any
from urllib.parse import urlsplit

import aiohttp
import structlog

log = structlog.get_logger()

SLACK = ("https", "hooks.slack.com")
WITHIN_S = 10.0


class Responder:
    """`http` gives the session to use, `api_url` is where Slack's methods are."""

    def __init__(self, http: Callable[[], aiohttp.ClientSession], api_url: str) -> None:
        self._http = http
        self._known = {SLACK, _origin(api_url)}

    def may_use(self, address: str) -> bool:
        """Whether this is an address of Slack's."""
        try:
            return bool(address) and _origin(address) in self._known
        except ValueError:
            return False

    async def answer(self, address: str, body: dict[str, Any]) -> bool:
        """Answer the person alone; False where that was not taken."""
        if not self.may_use(address):
            if address:
                log.warning("response.not_slack", host=_host(address))
            return False
        whole = {"response_type": "ephemeral", "replace_original": False, **body}
        timeout = aiohttp.ClientTimeout(total=WITHIN_S)
        try:
            async with self._http().post(address, json=whole, timeout=timeout, allow_redirects=False) as response:
                is_taken = response.status == 200
        except (aiohttp.ClientError, OSError, TimeoutError, ValueError) as err:
            log.info("response.not_taken", kind=type(err).__name__)
            return False
        if not is_taken:
            log.info("response.not_taken", status=response.status)
        return is_taken


def _origin(address: str) -> tuple[str, str]:
    """Scheme and host with port. Raises ValueError for what is no address; names and passwords in it make another."""
    parts = urlsplit(address)
    return (parts.scheme, parts.netloc.lower())


def _host(address: str) -> str:
    try:
        return (urlsplit(address).hostname or "")[:100]
    except ValueError:
        return ""
