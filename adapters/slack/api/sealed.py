"""Installations at rest: Slack's SDK keeps tokens in clear text, so they are encrypted before it sees them.

AES-256-GCM under a key of its own, derived from the bot's secret key; each text is bound to its workspace and column,
so that nothing can be moved to another.
"""

from __future__ import annotations

import base64
import os
from collections.abc import Callable

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF
from slack_sdk.oauth.installation_store import Bot, Installation
from slack_sdk.oauth.installation_store.async_installation_store import AsyncInstallationStore

PURPOSE = b"nod: installations of Slack"
PREFIX = "v1."
_NONCE = 12
OF_BOTS = ("bot_token", "bot_refresh_token")
OF_INSTALLATIONS = (*OF_BOTS, "user_token", "user_refresh_token", "incoming_webhook_url")
"""Columns with which somebody could act as the app. PostgreSQL holds 200 characters of each, and 1,000 of the scopes;
SQLite, all there are."""


class Unsealed(Exception):
    """The text was sealed with another key, for another place, or not at all."""


class Seal:
    """Encrypts short texts. `place` is where a text belongs; it has to be the same again."""

    def __init__(self, secret: bytes) -> None:
        self._cipher = AESGCM(HKDF(algorithm=SHA256(), length=32, salt=None, info=PURPOSE).derive(secret))

    def close(self, text: str, place: str) -> str:
        nonce = os.urandom(_NONCE)
        sealed = nonce + self._cipher.encrypt(nonce, text.encode(), place.encode())
        return _packed(sealed)

    def open(self, text: str, place: str) -> str:
        """Raises `Unsealed`."""
        try:
            packed = text.removeprefix(PREFIX)
            sealed = base64.b64decode(packed + "=" * (-len(packed) % 4), altchars=b"-_", validate=True)
            if text != _packed(sealed):
                raise Unsealed
            return self._cipher.decrypt(sealed[:_NONCE], sealed[_NONCE:], place.encode()).decode()
        except (ValueError, InvalidTag) as err:
            raise Unsealed from err


def _packed(sealed: bytes) -> str:
    return PREFIX + base64.urlsafe_b64encode(sealed).decode().rstrip("=")


class SealedInstallationStore(AsyncInstallationStore):
    """Another store of the SDK, in which no token can be read. Finding raises `Unsealed`."""

    def __init__(self, within: AsyncInstallationStore, seal: Seal) -> None:
        self._within = within
        self._seal = seal

    async def async_save(self, installation: Installation) -> None:
        kept = Installation(**installation.to_dict_for_copying())
        _change(kept, OF_INSTALLATIONS, self._seal.close)
        await self._within.async_save(kept)

    async def async_save_bot(self, bot: Bot) -> None:
        kept = Bot(**bot.to_dict_for_copying())
        _change(kept, OF_BOTS, self._seal.close)
        await self._within.async_save_bot(kept)

    async def async_find_bot(
        self, *, enterprise_id: str | None, team_id: str | None, is_enterprise_install: bool | None = False
    ) -> Bot | None:
        found = await self._within.async_find_bot(
            enterprise_id=enterprise_id, team_id=team_id, is_enterprise_install=is_enterprise_install
        )
        if found is not None:
            _change(found, OF_BOTS, self._seal.open)
        return found

    async def async_find_installation(
        self,
        *,
        enterprise_id: str | None,
        team_id: str | None,
        user_id: str | None = None,
        is_enterprise_install: bool | None = False,
    ) -> Installation | None:
        found = await self._within.async_find_installation(
            enterprise_id=enterprise_id, team_id=team_id, user_id=user_id, is_enterprise_install=is_enterprise_install
        )
        if found is not None:
            _change(found, OF_INSTALLATIONS, self._seal.open)
        return found

    async def async_delete_bot(self, *, enterprise_id: str | None, team_id: str | None) -> None:
        await self._within.async_delete_bot(enterprise_id=enterprise_id, team_id=team_id)

    async def async_delete_installation(
        self, *, enterprise_id: str | None, team_id: str | None, user_id: str | None = None
    ) -> None:
        await self._within.async_delete_installation(enterprise_id=enterprise_id, team_id=team_id, user_id=user_id)


def _change(kept: Bot | Installation, names: tuple[str, ...], change: Callable[[str, str], str]) -> None:
    for name in names:
        if text := getattr(kept, name):
            setattr(kept, name, change(text, f"{kept.team_id}/{name}"))
