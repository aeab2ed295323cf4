"""Tokens at rest: nobody reads them, and none can be moved to another workspace."""

from __future__ import annotations

from pathlib import Path

import pytest
from slack_sdk.oauth.installation_store import Bot, Installation
from slack_sdk.oauth.installation_store.sqlalchemy import AsyncSQLAlchemyInstallationStore
from sqlalchemy.ext.asyncio import create_async_engine

from adapters.slack.api.sealed import Seal, SealedInstallationStore, Unsealed

KEY = b"0123456789abcdef0123456789abcdef"
TOKEN = "xoxb-" + "1" * 52
INSTALLATION = {
    "app_id": "A1",
    "team_id": "T1",
    "bot_token": TOKEN,
    "bot_id": "B1",
    "bot_user_id": "U1",
    "bot_scopes": "chat:write,commands",
    "bot_refresh_token": "xoxe-refresh",
    "bot_token_expires_at": 1_800_000_000,
    "user_id": "U9",
    "user_token": "xoxp-somebody",
    "user_refresh_token": "xoxe-somebody",
    "incoming_webhook_url": "https://hooks.slack.com/services/T1/B1/secret",
    "installed_at": 1_700_000_000.5,
}


def test_a_text_is_read_again_where_it_belongs() -> None:
    sealed = Seal(KEY).close(TOKEN, "T1/bot_token")

    assert TOKEN not in sealed
    assert len(sealed) < 200
    assert Seal(KEY).open(sealed, "T1/bot_token") == TOKEN


def test_the_same_text_never_looks_the_same() -> None:
    assert Seal(KEY).close(TOKEN, "T1/bot_token") != Seal(KEY).close(TOKEN, "T1/bot_token")


@pytest.mark.parametrize(
    ("key", "place"),
    [(KEY[::-1], "T1/bot_token"), (KEY, "T2/bot_token"), (KEY, "T1/user_token")],
    ids=["another key", "another workspace", "another column"],
)
def test_elsewhere_it_is_not_read(key: bytes, place: str) -> None:
    sealed = Seal(KEY).close(TOKEN, "T1/bot_token")

    with pytest.raises(Unsealed):
        Seal(key).open(sealed, place)


SEALED = Seal(KEY).close(TOKEN, "T1/bot_token")


@pytest.mark.parametrize(
    "text",
    ["", "v1.", TOKEN, SEALED[3:], SEALED.replace("v1.", "v2."), SEALED[:-4], SEALED + "AAAA", "v1.é", "v1." + "A" * 8],
    ids=["empty", "nothing in it", "clear text", "no version", "another", "cut", "longer", "no base64", "short"],
)
def test_what_was_changed_is_not_read(text: str) -> None:
    with pytest.raises(Unsealed):
        Seal(KEY).open(text, "T1/bot_token")


def test_any_changed_character_is_noticed() -> None:
    for place in range(3, len(SEALED)):
        other = "A" if SEALED[place] != "A" else "B"
        with pytest.raises(Unsealed):
            Seal(KEY).open(SEALED[:place] + other + SEALED[place + 1 :], "T1/bot_token")


async def test_a_store_gives_back_what_it_was_given_and_keeps_no_secret_readable(tmp_path: Path) -> None:
    engine = create_async_engine(f"sqlite+aiosqlite:///{tmp_path / 'slack.db'}")
    within = AsyncSQLAlchemyInstallationStore("1.2", engine)
    await within.create_tables()
    store = SealedInstallationStore(within, Seal(KEY))
    given = Installation(**INSTALLATION)

    await store.async_save(given)
    found = await store.async_find_installation(enterprise_id=None, team_id="T1")
    bot = await store.async_find_bot(enterprise_id=None, team_id="T1")
    await engine.dispose()

    assert found is not None
    assert bot is not None
    assert found.to_dict() == given.to_dict() == Installation(**INSTALLATION).to_dict()
    assert bot.to_dict() == given.to_bot().to_dict()
    raw = (tmp_path / "slack.db").read_bytes()
    assert [secret for secret in (b"xoxb-", b"xoxp-", b"xoxe-", b"hooks.slack.com") if secret in raw] == []


async def test_a_bot_alone_is_sealed_as_well(tmp_path: Path) -> None:
    engine = create_async_engine(f"sqlite+aiosqlite:///{tmp_path / 'slack.db'}")
    within = AsyncSQLAlchemyInstallationStore("1.2", engine)
    await within.create_tables()
    store = SealedInstallationStore(within, Seal(KEY))
    bot = Installation(**INSTALLATION).to_bot()

    await store.async_save_bot(bot)
    kept = await within.async_find_bot(enterprise_id=None, team_id="T1")
    found = await store.async_find_bot(enterprise_id=None, team_id="T1")
    await store.async_delete_all(enterprise_id=None, team_id="T1")
    gone = await store.async_find_bot(enterprise_id=None, team_id="T1")
    await engine.dispose()

    assert isinstance(kept, Bot)
    assert kept.bot_token.startswith("v1.")
    assert found is not None
    assert (found.bot_token, gone) == (TOKEN, None)
