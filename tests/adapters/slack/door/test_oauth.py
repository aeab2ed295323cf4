"""Installing from the browser: begun here, allowed at Slack, finished here, once."""

from __future__ import annotations

from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from pathlib import Path
from urllib.parse import parse_qs, urlencode, urlsplit

import aiohttp
import pytest
import structlog
from yarl import URL

from adapters.slack.api.installs import Installed, Installs, open_installs
from adapters.slack.api.scopes import SCOPES
from adapters.slack.door.oauth import COOKIE, INSTALL, REDIRECT, OAuthDoor
from tests.adapters.slack.doors import options_of, serving
from tests.adapters.slack.wire import SlackServer
from tests.adapters.slack.wire.world import Team, User


@dataclass
class Browser:
    """Somebody at a browser of their own."""

    base: str
    session: aiohttp.ClientSession

    async def get(self, path: str, **query: str) -> tuple[int, str]:
        async with self.session.get(self.base + path, params=query, allow_redirects=False) as answer:
            return answer.status, await answer.text()

    async def begin(self) -> dict[str, str]:
        """Go to Slack: what the address there says."""
        async with self.session.get(self.base + INSTALL, allow_redirects=False) as answer:
            assert answer.status == 302
            address = urlsplit(answer.headers["location"])
        assert (address.scheme, address.netloc, address.path) == ("https", "slack.com", "/oauth/v2/authorize")
        return {name: values[0] for name, values in parse_qs(address.query).items()}


@dataclass
class Site:
    slack: SlackServer
    installs: Installs
    base: str
    team: Team
    anna: User
    told: list[Installed] = field(default_factory=list)

    def yes(self, asked: dict[str, str], *, is_enterprise_install: bool = False) -> str:
        """Say yes at Slack: the code it sends back."""
        page = f"https://slack.com/oauth/v2/authorize?{urlencode(asked)}"
        back = self.slack.approve(page, self.anna, self.team, is_enterprise=is_enterprise_install)
        return parse_qs(urlsplit(back).query)["code"][0]


@pytest.fixture
async def site(slack: SlackServer, tmp_path: Path) -> AsyncIterator[Site]:
    options = options_of(
        slack,
        tmp_path,
        bot_token="",
        mode="http",
        client_id=slack.app.client_id,
        client_secret=slack.app.client_secret,
        public_url="http://nod.internal/",
        secret_key=b"0123456789abcdef0123456789abcdef",
    )
    told: list[Installed] = []
    async with open_installs(options) as installs:
        door = OAuthDoor(options, installs, installed=told.append)
        async with serving(door.routes()) as base:
            team = slack.create_team("other team <b>")
            yield Site(slack, installs, base, team, slack.create_user("anna", team=team), told)


@pytest.fixture
async def browser(site: Site) -> AsyncIterator[Browser]:
    async with aiohttp.ClientSession(cookie_jar=aiohttp.CookieJar(unsafe=True)) as session:
        yield Browser(site.base, session)


async def test_a_workspace_installs_it(site: Site, browser: Browser) -> None:
    asked = await browser.begin()
    status, page = await browser.get(REDIRECT, code=site.yes(asked), state=asked["state"])

    installed = site.slack.world.installs[site.team.id]
    kept = await site.installs.token_of(site.team.id)
    assert status == 200
    assert "Nod is in other team &lt;b&gt; now." in page
    assert f"https://slack.com/app_redirect?app={site.slack.app.id}&amp;team={site.team.id}" in page
    assert kept is not None
    assert (kept.token, kept.bot_user, kept.bot_id) == (installed.token, installed.user, installed.bot_id)
    assert kept.scopes == set(SCOPES)
    assert site.told == [kept]
    assert installed.token not in page


async def test_slack_is_asked_for_what_the_bot_needs_and_no_more(site: Site, browser: Browser) -> None:
    asked = await browser.begin()

    assert asked.pop("state")
    assert asked == {
        "client_id": site.slack.app.client_id,
        "scope": ",".join(SCOPES),
        "redirect_uri": "http://nod.internal/slack/oauth_redirect",
    }


async def test_the_state_is_in_a_cookie_that_no_script_and_no_other_page_reads(site: Site, browser: Browser) -> None:
    async with browser.session.get(site.base + INSTALL, allow_redirects=False) as answer:
        cookie = answer.cookies[COOKIE]

    assert cookie["httponly"]
    assert (cookie["samesite"], cookie["path"], cookie["max-age"]) == ("Lax", REDIRECT, "600")


async def refused(site: Site, browser: Browser, **query: str) -> str:
    """What the page says, where nothing was installed."""
    with structlog.testing.capture_logs() as lines:
        status, page = await browser.get(REDIRECT, **query)

    assert status >= 400
    assert f'href="{INSTALL}">Begin again' in page
    assert await site.installs.all() == []
    assert site.told == []
    assert not any(secret in str(lines) + page for secret in (site.slack.app.client_secret, "xoxb-"))
    return page


async def test_a_state_that_was_not_given_out_is_refused(site: Site, browser: Browser) -> None:
    asked = await browser.begin()

    page = await refused(site, browser, code=site.yes(asked), state="another")

    assert "not begun in this browser" in page
    assert site.slack.calls("oauth.v2.access") == []


@pytest.mark.parametrize("state", ["", "\x00", "x" * 5_000])
async def test_a_state_of_no_shape_is_refused(state: str, site: Site, browser: Browser) -> None:
    await refused(site, browser, code="code", state=state)


async def test_somebody_else_s_state_is_refused(site: Site, browser: Browser) -> None:
    """An installation that an attacker began is not finished by whoever follows their link."""
    async with aiohttp.ClientSession(cookie_jar=aiohttp.CookieJar(unsafe=True)) as session:
        theirs = await Browser(site.base, session).begin()
    await browser.begin()

    await refused(site, browser, code=site.yes(theirs), state=theirs["state"])


async def test_a_state_without_its_cookie_is_refused(site: Site, browser: Browser) -> None:
    asked = await browser.begin()
    browser.session.cookie_jar.clear()

    await refused(site, browser, code=site.yes(asked), state=asked["state"])


async def test_a_state_is_good_once(site: Site, browser: Browser) -> None:
    asked = await browser.begin()
    await browser.get(REDIRECT, code=site.yes(asked), state=asked["state"])
    browser.session.cookie_jar.update_cookies({COOKIE: asked["state"]}, URL(site.base + REDIRECT))

    status, page = await browser.get(REDIRECT, code=site.yes(asked), state=asked["state"])

    assert (status, "finished already" in page) == (403, True)
    assert len(site.told) == 1


async def test_cancelled_at_slack_nothing_is_installed(site: Site, browser: Browser) -> None:
    asked = await browser.begin()

    page = await refused(site, browser, error="access_denied", state=asked["state"])

    assert "It was cancelled at Slack." in page


async def test_a_whole_organization_is_refused_and_its_token_given_back(site: Site, browser: Browser) -> None:
    asked = await browser.begin()

    page = await refused(site, browser, code=site.yes(asked, is_enterprise_install=True), state=asked["state"])

    assert "cannot be installed for a whole organization. Choose one workspace" in page
    assert site.slack.world.installs[site.team.id].refusal == "token_revoked"


@pytest.mark.parametrize(
    ("code", "why"),
    [
        ("invalid_code", "has been used or is too old"),
        ("bad_client_secret", "SLACK_CLIENT_SECRET"),
        ("bad_redirect_uri", "OAuth &amp; Permissions"),
        ("something_new", "Slack refused (something_new)."),
    ],
)
async def test_what_slack_refuses_is_said(code: str, why: str, site: Site, browser: Browser) -> None:
    site.slack.faults.fail("oauth.v2.access", code)
    asked = await browser.begin()

    assert why in await refused(site, browser, code=site.yes(asked), state=asked["state"])


@pytest.mark.parametrize("method", ["oauth.v2.access", "auth.test"])
async def test_slack_out_of_reach_is_said(method: str, site: Site, browser: Browser) -> None:
    site.slack.faults.cut(method)
    asked = await browser.begin()

    page = await refused(site, browser, code=site.yes(asked), state=asked["state"])

    assert "Slack could not be reached." in page


async def test_pages_carry_nothing_that_runs(site: Site, browser: Browser) -> None:
    async with browser.session.get(site.base + REDIRECT) as answer:
        policy = answer.headers["content-security-policy"]

    assert policy == "default-src 'none'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
    assert answer.headers["cache-control"] == "no-store"
