"""What came with a message: fetched with the bot's token, so from Slack's own servers only, and never more of it than
is taken."""

from __future__ import annotations

from collections.abc import Callable
from urllib.parse import urlsplit

import aiohttp
import structlog

from adapters.fetching import check_sizes, fetch, not_readable
from adapters.slack.api.rooms import Room, Workspace, Workspaces
from adapters.slack.api.strict import part
from adapters.slack.api.web import SlackRefused
from adapters.slack.inbound.events import File, Message, read_file, read_message
from adapters.slack.outbound.marks import look_at
from bot.chat import Upload

log = structlog.get_logger()

FILES = ("https", "files.slack.com")
NO_SCOPE = "my app needs the scope files:read"


class Uploads:
    """`http` gives the session to fetch with, `api_url` is where Slack's methods are: what stands for Slack there has
    its files too."""

    def __init__(self, workspaces: Workspaces, http: Callable[[], aiohttp.ClientSession], api_url: str) -> None:
        self._workspaces = workspaces
        self._http = http
        self._origins = frozenset({FILES, _origin(api_url)})

    async def of(self, message: Message) -> tuple[Upload, ...]:
        """The bytes of what came with a message. Raises `Refused` with a sentence for the person, and `SendError` where
        Slack cannot be asked."""
        if not message.files and not message.hides_files:
            return ()
        home = await self._workspaces.get(message.team)
        listed = await self._named(home, message) if message.hides_files else message.files
        check_sizes(one.size for one in listed)
        files = [one if one.is_whole else await self._whole(home, one) for one in listed]
        check_sizes(one.size for one in files)
        return tuple([Upload(one.name, await self._fetch(home, one)) for one in files])

    async def _named(self, home: Workspace, message: Message) -> tuple[File, ...]:
        """The files of a message that was told without them, as its channel has it."""
        room = Room(
            message.team,
            message.channel,
            message.thread,
            "" if not message.is_direct else message.user,
            home.client,
            home.bot_user,
            home.bot_id,
        )
        try:
            found = await look_at(room, message.ts)
        except SlackRefused as err:
            log.info("files.not_found", code=err.code)
            raise not_readable("") from err
        again = read_message(found or {}, message.team, message.channel, now_s=message.at_ms / 1000)
        return again.files if again is not None else ()

    async def _whole(self, home: Workspace, file: File) -> File:
        """A file of another company, of which a message says only that it is there."""
        try:
            answer = await home.client.call("files.info", file=file.id)
        except SlackRefused as err:
            log.info("file.not_told", code=err.code)
            raise not_readable(file.name, NO_SCOPE if err.code == "missing_scope" else "send it again") from err
        found = read_file(part(answer, "file"))
        if found is None or not found.is_whole:
            raise not_readable(file.name)
        return found

    async def _fetch(self, home: Workspace, file: File) -> bytes:
        if not self._is_ours(file.url):
            log.warning("file.not_slack", host=_host(file.url))
            raise not_readable(file.name, "it is not on Slack's servers")
        headers = {"Authorization": f"Bearer {home.client.raw.token}"}
        is_page = file.mimetype == "text/html"
        return await fetch(self._http(), file.url, file.name, headers=headers, is_page=is_page)

    def _is_ours(self, url: str) -> bool:
        try:
            return _origin(url) in self._origins
        except ValueError:
            return False


def _origin(url: str) -> tuple[str, str]:
    """Scheme and host with port; names and passwords in an address make another. Raises ValueError for none."""
    parts = urlsplit(url)
    return parts.scheme, parts.netloc.lower()


def _host(url: str) -> str:
    try:
        return (urlsplit(url).hostname or "")[:100]
    except ValueError:
        return ""
