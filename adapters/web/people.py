"""Who may come in: people with tokens, people of the demo, or the one local person; and how often one may try."""

from __future__ import annotations

import hashlib
import hmac
import ipaddress
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal

from adapters.recent import Latest
from bot.addresses import is_loopback
from bot.chat import Actor
from bot.errors import ConfigError

WebPeople = Mapping[str, str]
"""Person's name -> SHA-256 of their token, in hexadecimal."""

LOCAL_PERSON = "local"
TRIES = 5
TRY_WINDOW_S = 60.0
MAX_ADDRESSES = 4096


@dataclass(frozen=True, slots=True)
class People:
    """The people of this page. Tokens win over the demo: with tokens nobody can just pick a name.

    `groups` are each person's.
    """

    tokens: WebPeople
    demo: tuple[str, ...] = ()
    groups: Mapping[str, frozenset[str]] = field(default_factory=dict)

    @property
    def mode(self) -> Literal["token", "demo", "local"]:
        if self.tokens:
            return "token"
        return "demo" if self.demo else "local"

    @property
    def first(self) -> str:
        """Who a new browser is before anybody signed in: nobody where tokens are needed."""
        match self.mode:
            case "token":
                return ""
            case "demo":
                return self.demo[0]
            case "local":
                return LOCAL_PERSON

    def stamp(self, name: str) -> str | None:
        """What proves this name, so that a session ends when it changes; None for a name that is nobody here."""
        match self.mode:
            case "token" if name == "":
                return "nobody"
            case "token" if name in self.tokens:
                return f"token {self.tokens[name].lower()}"
            case "demo" if name in self.demo:
                return "demo"
            case "local" if name == LOCAL_PERSON:
                return "local"
            case _:
                return None

    def knows(self, name: str) -> bool:
        return name != "" and self.stamp(name) is not None

    def actor(self, name: str) -> Actor:
        """This person as the service knows them."""
        return Actor("web", "", name, name, self.groups.get(name, frozenset()))

    def everybody(self) -> list[Actor]:
        """All the people of this page."""
        names = {"token": tuple(self.tokens), "demo": self.demo, "local": (LOCAL_PERSON,)}[self.mode]
        return [self.actor(name) for name in names]

    def with_token(self, token: str) -> str | None:
        """Whose token this is. Takes the same time whoever it is, or nobody."""
        given = hashlib.sha256(token.encode("utf-8", "replace")).hexdigest()
        found = None
        for name, digest in self.tokens.items():
            if hmac.compare_digest(given, digest.strip().lower()):
                found = name
        return found


def groups_by_person(groups: Mapping[str, tuple[str, ...]]) -> dict[str, frozenset[str]]:
    """Turn groups and their people into people and their groups."""
    names = {name for members in groups.values() for name in members}
    return {name: frozenset(group for group, members in groups.items() if name in members) for name in names}


class Tries:
    """Counts attempts to sign in per address. Bounded: the addresses seen longest ago are forgotten first."""

    def __init__(self) -> None:
        self._seen: Latest[str, list[float]] = Latest(MAX_ADDRESSES)

    def may_try(self, address: str, now_s: float) -> bool:
        """Count one attempt; False when this address has had too many within the last minute."""
        network = _network(address)
        recent = [at for at in self._seen.pop(network, []) if now_s - at < TRY_WINDOW_S]
        is_allowed = len(recent) < TRIES
        self._seen[network] = [*recent, now_s] if is_allowed else recent
        return is_allowed

    def forget(self, address: str) -> None:
        self._seen.pop(_network(address), None)


def _network(address: str) -> str:
    """One IPv6 subscriber has a whole /64 of addresses: they count as one."""
    try:
        parsed = ipaddress.ip_address(address)
    except ValueError:
        return address
    return address if parsed.version == 4 else str(ipaddress.ip_network((address.split("%")[0], 64), strict=False))


def check_exposure(host: str, tokens: WebPeople, is_demo: bool) -> None:
    """Refuse to serve strangers: beyond loopback every person needs a token, and there is no demo.

    Raises ConfigError("HTTP_HOST", ...).
    """
    if is_loopback(host.lower()):
        return
    if is_demo:
        raise ConfigError(
            "HTTP_HOST", "the demo lets everybody pick a name, so it is served on 127.0.0.1 or localhost only"
        )
    if not tokens:
        raise ConfigError(
            "HTTP_HOST", "the web page can be reached from other machines, so every person needs a token of their own"
        )
