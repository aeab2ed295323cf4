"""Signed requests to the app's own address (docs, "Verifying requests from Slack", "Events API over HTTP")."""

from __future__ import annotations

import asyncio
import hashlib
import hmac
import json
import time
from urllib.parse import urlencode

import aiohttp

from tests.adapters.slack.wire.delivery import Attempt, Sent
from tests.adapters.slack.wire.messages import Json
from tests.adapters.slack.wire.world import World


class Hooks:
    """Requests to `url`. `is_signed` is False for somebody who is not Slack."""

    def __init__(self, world: World, url: str) -> None:
        self._world = world
        self.url = url
        self._session: aiohttp.ClientSession | None = None

    def signature(self, body: str, timestamp: str) -> str:
        """What `x-slack-signature` holds for a body sent at a time."""
        secret = self._world.app.signing_secret.encode()
        return "v0=" + hmac.new(secret, f"v0:{timestamp}:{body}".encode(), hashlib.sha256).hexdigest()

    def signed(self, body: str, *, at: float | None = None) -> dict[str, str]:
        """The two headers of a signed request; `at` is the time it was made, seconds since 1970."""
        timestamp = str(int(time.time() if at is None else at))
        return {
            "x-slack-request-timestamp": timestamp,
            "x-slack-signature": self.signature(body, timestamp),
        }

    async def verify_url(self) -> tuple[int, str]:
        """Ask for the challenge, as Slack does when the address is entered: status and body of the answer."""
        body = json.dumps({"token": "verification", "challenge": "a-challenge", "type": "url_verification"})
        headers = {"content-type": "application/json", **self.signed(body)}
        async with self._client().post(self.url, data=body, headers=headers) as answer:
            return answer.status, await answer.text()

    async def attempt(self, sent: Sent, attempt: Attempt) -> None:
        body, content_type = written(sent)
        headers = {"content-type": content_type, "user-agent": "Slackbot 1.0", **self.signed(body)}
        if attempt.number:
            reason = "http_timeout" if attempt.reason == "timeout" else attempt.reason
            headers |= {"x-slack-retry-num": str(attempt.number), "x-slack-retry-reason": reason}
        try:
            async with asyncio.timeout(self._world.rules.ack_within_s):
                async with self._client().post(self.url, data=body, headers=headers, allow_redirects=False) as answer:
                    text = await answer.text()
        except TimeoutError:
            attempt.outcome = "timeout"
        except aiohttp.ClientError:
            attempt.outcome = "connection_failed"
        else:
            attempt.answer = _read(text, answer.content_type) if answer.status == 200 else text
            attempt.outcome = "acked" if answer.status == 200 else "http_error"
            if answer.status != 200 and answer.headers.get("x-slack-no-retry") == "1":
                attempt.outcome = "no_retry"

    async def close(self) -> None:
        if self._session is not None:
            await self._session.close()

    def _client(self) -> aiohttp.ClientSession:
        if self._session is None:
            self._session = aiohttp.ClientSession()
        return self._session


def written(sent: Sent) -> tuple[str, str]:
    """The body of a request and its type: events as JSON, commands as a form, other interactions as JSON in a form."""
    match sent.kind:
        case "events_api":
            return json.dumps(sent.body), "application/json"
        case "slash_commands":
            return urlencode(sent.body), "application/x-www-form-urlencoded"
        case "interactive":
            return urlencode({"payload": json.dumps(sent.body)}), "application/x-www-form-urlencoded"


def _read(text: str, content_type: str) -> Json | None:
    if not text:
        return None
    return dict(json.loads(text)) if content_type == "application/json" else {"text": text}
