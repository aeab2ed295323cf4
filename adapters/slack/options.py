"""What the operator chose for Slack."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Literal

API_URL = "https://slack.com/api/"


@dataclass(frozen=True, slots=True)
class Options:
    """`mode`: Slack is called over a socket, or calls `POST /slack/events`. `answers`: a question in a channel opens a
    thread, or is answered in its place. `client_id`, `client_secret` and `public_url` are for several workspaces, whose
    tokens are kept with `secret_key`; else there is one, whose `bot_token` this is. `api_url` ends with a slash."""

    data_dir: Path
    bot_token: str = ""
    app_token: str = ""
    signing_secret: str = ""
    api_url: str = API_URL
    mode: Literal["socket", "http"] = "socket"
    answers: Literal["thread", "place"] = "thread"
    client_id: str = ""
    client_secret: str = ""
    public_url: str = ""
    secret_key: bytes = b""

    @property
    def has_many(self) -> bool:
        """Whether any workspace may install the bot."""
        return bool(self.client_id)
