"""How a workspace installs the bot: `GET /slack/install` leads to Slack, `GET /slack/oauth_redirect` back.

Whoever comes back must have begun in the same browser, lately, and once: the state is in the address and in a cookie.
"""

from __future__ import annotations

import contextlib
import hmac
import html
from collections.abc import Callable, Mapping
from typing import Any
from urllib.parse import urlencode

import structlog
from aiohttp import web
from slack_sdk.oauth.installation_store import Installation

from adapters.slack.api.asking import NoAnswer, SaidNo, ask
from adapters.slack.api.installs import STATE_S, Installed, Installs
from adapters.slack.api.scopes import SCOPES
from adapters.slack.options import Options
from bot.errors import BotError

log = structlog.get_logger()

INSTALL, REDIRECT = "/slack/install", "/slack/oauth_redirect"
AUTHORIZE = "https://slack.com/oauth/v2/authorize"
COOKIE = "nod_slack_install"
HEADERS = {
    "Content-Security-Policy": "default-src 'none'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'",
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "no-referrer",
    "Cache-Control": "no-store",
}
_AGAIN = f'<a href="{INSTALL}">Begin again</a>'
_WHOSE_FAULT = {
    "invalid_code": "Slack's permission has been used or is too old.",
    "code_already_used": "Slack's permission has been used already.",
    "bad_client_secret": "Slack refuses SLACK_CLIENT_SECRET; whoever runs Nod has to set it anew.",
    "invalid_client_id": "Slack refuses SLACK_CLIENT_ID; whoever runs Nod has to set it anew.",
    "bad_redirect_uri": "Slack does not know this address; whoever runs Nod has to add it under OAuth & Permissions.",
}


class OAuthDoor:
    """`installed` is told of every workspace that has installed the bot."""

    def __init__(
        self, options: Options, installs: Installs, *, installed: Callable[[Installed], None] = lambda _one: None
    ) -> None:
        self._options = options
        self._installs = installs
        self._installed = installed
        self._redirect_uri = options.public_url.rstrip("/") + REDIRECT

    def routes(self) -> list[web.RouteDef]:
        return [web.get(INSTALL, self.begin), web.get(REDIRECT, self.finish)]

    async def begin(self, _request: web.Request) -> web.Response:
        """Send somebody to Slack, who asks them which workspace."""
        try:
            state = await self._installs.new_state()
        except BotError as err:
            return _page(503, "Not now", err.user_message, _AGAIN)
        if state is None:
            return _page(503, "Not now", "Too many installations have been begun. Try again in ten minutes.")
        asked = {
            "client_id": self._options.client_id,
            "scope": ",".join(SCOPES),
            "redirect_uri": self._redirect_uri,
            "state": state,
        }
        answer = web.Response(status=302, headers={**HEADERS, "Location": f"{AUTHORIZE}?{urlencode(asked)}"})
        answer.set_cookie(
            COOKIE,
            state,
            max_age=STATE_S,
            path=REDIRECT,
            httponly=True,
            samesite="Lax",
            secure=self._redirect_uri.startswith("https:"),
        )
        return answer

    async def finish(self, request: web.Request) -> web.Response:
        """Take what Slack sends somebody back with."""
        try:
            answer = await self._finished(request)
        except BotError as err:
            answer = _page(503, "Not installed", err.user_message, _AGAIN)
        answer.del_cookie(COOKIE, path=REDIRECT)
        return answer

    async def _finished(self, request: web.Request) -> web.Response:
        said = request.query
        state = said.get("state", "")
        is_same = hmac.compare_digest(_bytes(state), _bytes(request.cookies.get(COOKIE, "")))
        if not state or not is_same or not await self._installs.use_state(state):
            text = (
                "This installation was not begun in this browser, was finished already, or took more than ten minutes."
            )
            return _page(403, "Not installed", text, _AGAIN)
        if "code" not in said:
            is_cancelled = said.get("error") == "access_denied"
            text = "It was cancelled at Slack." if is_cancelled else "Slack gave no permission."
            return _page(400, "Not installed", text, _AGAIN)
        return await self._exchanged(said["code"])

    async def _exchanged(self, code: str) -> web.Response:
        try:
            installation = await self._granted(code)
        except SaidNo as err:
            log.warning("slack.install_refused", why=err.code)
            return _page(400, "Not installed", _WHOSE_FAULT.get(err.code, f"Slack refused ({err.code})."), _AGAIN)
        except NoAnswer as err:
            log.warning("slack.unreachable", why=str(err))
            return _page(502, "Not installed", "Slack could not be reached.", _AGAIN)
        if installation is None:
            text = "Nod cannot be installed for a whole organization. Choose one workspace of it instead."
            return _page(400, "Not installed", text, _AGAIN)
        kept = await self._installs.keep(installation)
        self._installed(kept)
        there = f"https://slack.com/app_redirect?{urlencode({'app': kept.app_id, 'team': kept.team})}"
        text = f"Nod is in {kept.name} now. Mention it in a channel, or write to it directly."
        return _page(200, "Installed", text, f'<a href="{html.escape(there)}">Open Slack</a>')

    async def _granted(self, code: str) -> Installation | None:
        """What Slack gives for the permission; None, and nothing of it is kept, for a whole organization. Raises
        `SaidNo` and `NoAnswer`."""
        given = await ask(
            self._options.api_url,
            "oauth.v2.access",
            client_id=self._options.client_id,
            client_secret=self._options.client_secret,
            code=code,
            redirect_uri=self._redirect_uri,
        )
        token = str(given.data.get("access_token"))
        if given.data.get("is_enterprise_install") or not given.data.get("team"):
            with contextlib.suppress(SaidNo, NoAnswer):
                await ask(self._options.api_url, "auth.revoke", token)
            return None
        known = await ask(self._options.api_url, "auth.test", token)
        return _installation(given.data, str(known.data.get("bot_id") or ""))


def _installation(given: Mapping[str, Any], bot_id: str) -> Installation:
    """What `oauth.v2.access` gave, as the SDK keeps it. There are no tokens of people: no such scope is asked for."""
    team, installer = given["team"], given.get("authed_user") or {}
    return Installation(
        app_id=given.get("app_id"),
        team_id=team["id"],
        team_name=team.get("name"),
        bot_token=given["access_token"],
        bot_id=bot_id,
        bot_user_id=given.get("bot_user_id"),
        bot_scopes=given.get("scope") or "",
        user_id=installer.get("id") or "",
        token_type=given.get("token_type"),
    )


def _bytes(text: str) -> bytes:
    return text.encode("utf-8", "replace")


def _page(status: int, title: str, text: str, link: str = "") -> web.Response:
    """A page of one sentence. `link` is HTML."""
    body = (
        f'<!doctype html><html lang="en"><meta charset="utf-8"><title>{html.escape(title)}</title>'
        f"<h1>{html.escape(title)}</h1><p>{html.escape(text)}</p><p>{link}</p></html>"
    )
    return web.Response(status=status, text=body, content_type="text/html", headers=HEADERS)
