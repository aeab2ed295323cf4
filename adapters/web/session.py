"""Who a browser is, in a signed cookie: pure sealing and opening, no clock and no requests.

A session holds no secret: a name, an id and an end. It is bound to what proved the name (`stamp`), so a changed token
or another way of signing in ends it.
"""

from __future__ import annotations

import base64
import binascii
import hashlib
import hmac
import json
from collections.abc import Callable
from dataclasses import dataclass

SESSION_S = 7 * 24 * 3600
MAX_COOKIE_CHARS = 1000


@dataclass(frozen=True, slots=True)
class Session:
    """`person` "" = nobody signed in yet. `expires_s` in seconds since 1970."""

    id: str
    person: str
    expires_s: int


class Seal:
    """Signs sessions and their CSRF tokens with keys of their own, made from the operator's secret key."""

    def __init__(self, secret_key: bytes) -> None:
        self._cookie_key = _derived(secret_key, b"nod web session 1")
        self._csrf_key = _derived(secret_key, b"nod web csrf 1")

    def close(self, session: Session, stamp: str) -> str:
        """The cookie's value for a session whose person was proven by `stamp`."""
        body = _encoded(json.dumps([session.id, session.person, session.expires_s]).encode())
        return f"{body}.{self._signature(body, stamp)}"

    def open(self, cookie: str, stamp_of: Callable[[str], str | None], now_s: float) -> Session | None:
        """The session in a cookie; None when forged, damaged, over, or of somebody who is nobody any more."""
        if len(cookie) > MAX_COOKIE_CHARS or not cookie.isascii():
            return None
        body, _, signature = cookie.partition(".")
        session = _parsed(body)
        if session is None:
            return None
        stamp = stamp_of(session.person)
        if stamp is None or not hmac.compare_digest(signature, self._signature(body, stamp)):
            return None
        return session if session.expires_s > now_s else None

    def csrf(self, session: Session) -> str:
        """The token every POST of this session carries."""
        return hmac.new(self._csrf_key, session.id.encode(), hashlib.sha256).hexdigest()

    def _signature(self, body: str, stamp: str) -> str:
        return hmac.new(self._cookie_key, f"{body}.{stamp}".encode(), hashlib.sha256).hexdigest()


def _derived(secret_key: bytes, purpose: bytes) -> bytes:
    return hmac.new(secret_key, purpose, hashlib.sha256).digest()


def _encoded(body: bytes) -> str:
    return base64.urlsafe_b64encode(body).decode().rstrip("=")


def _parsed(body: str) -> Session | None:
    try:
        fields = json.loads(base64.b64decode(body + "=" * (-len(body) % 4), altchars=b"-_", validate=True))
    except (binascii.Error, ValueError, RecursionError):
        return None
    match fields:
        case [str(id_), str(person), int(expires_s)]:
            return Session(id_, person, expires_s)
        case _:
            return None
