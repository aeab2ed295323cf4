"""Draw an approval as a card of Slack's: the exact call, who may decide, and what became of it. Pure.

No text of others can leave its place: all of it stands in `rich_text`, where nothing is markup. The card's first and
last words are the bot's own.
"""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

from adapters import wording
from adapters.slack.drawing.blocks import (
    Line,
    actions,
    button,
    channel,
    code,
    group,
    link,
    moment,
    preformatted,
    rich,
    section,
    small,
    user,
    view_weight,
    weight,
    words,
)
from adapters.slack.drawing.markup import mrkdwn
from adapters.slack.handlers import Body
from adapters.slack.places import DIRECT, PLATFORM
from adapters.text import cut, short, size
from adapters.visible import exact, exact_json
from bot.chat import Card

MAX_CARD = 12_000
"""Slack: about 13,200 characters in all the blocks of a message (slackapi/bolt-js#2509)."""
MAX_VIEW = 200_000
"""Slack: 250 kB for a view (docs, "views.open")."""
MAX_BLOCK = 12_000
MAX_EDIT_CHARS = 3_000
"""Slack: the text of an input (docs, "Plain-text input")."""
MAX_ARGUMENT_CHARS = 200_000
MAX_FILE_BYTES = 8_000_000
"""Longer arguments are not shown in full, so the card has no Approve button."""
FILE_NAME = "arguments.json"
MAX_NAMED = 10

Weigh = Callable[[Sequence[Body]], int]

_NAME, _WORDS, _MANY = 80, 240, 400
_PERSON = re.compile(r"slack:(?P<team>T[A-Z0-9]{1,30})/(?P<user>[UW][A-Z0-9]{1,30})")
_NAMED = re.compile(
    r"(?<![\w:])(?P<group>group:)?slack:(?P<team>T[A-Z0-9]{1,30})/(?P<id>[UWS][A-Z0-9]{1,30})(?![A-Za-z0-9])"
)
_CHANNEL = re.compile(r"[CG][A-Z0-9]{1,30}")
_TEAM = re.compile(r"T[A-Z0-9]{1,30}")


@dataclass(frozen=True, slots=True)
class Drawn:
    """A card as a message. `text` is what notifications say, in mrkdwn; `files` follow it; the same look has the same
    `fingerprint`."""

    blocks: tuple[Body, ...]
    text: str
    files: tuple[tuple[str, bytes], ...]
    fingerprint: str


def draw_card(card: Card, *, is_copy: bool, in_full: bool = True, team: str = "", origin: str = "") -> Drawn:
    """The card as it is now. `is_copy`: it stands elsewhere than where it was asked. `in_full`: only those see it who
    may see a private call's arguments. `team` is the workspace it is shown in, where that is not its own; `origin` the
    address of where it was asked."""
    is_open = in_full or not card.is_private
    frame = _Frame(card, team or _own_team(card), origin, is_copy=is_copy, is_open=is_open)
    room = MAX_CARD - weight([*frame.above, *frame.below, *frame.rows(is_whole=True)])
    arguments = _arguments(card, room, weight, has_files=True) if is_open else _Hidden
    blocks = (*frame.above, *arguments.blocks, *frame.below, *frame.rows(is_whole=arguments.is_whole))
    return Drawn(blocks, summary(card), arguments.files, _fingerprint(blocks, arguments.files))


def in_full(card: Card, *, team: str = "") -> list[Body]:
    """The card for one person alone who may see all of it: the blocks of a view, which takes much more than a message
    and has no files."""
    frame = _Frame(card, team or _own_team(card), "", is_copy=True, is_open=True)
    arguments = _arguments(card, MAX_VIEW, view_weight, has_files=False)
    return [*frame.above, *arguments.blocks, *frame.below, *frame.rows(is_whole=arguments.is_whole)]


def can_edit(card: Card) -> bool:
    """Do the arguments fit into an input?"""
    return len(card.arguments) <= MAX_EDIT_CHARS and size(exact_json(card.arguments)) <= MAX_EDIT_CHARS


def summary(card: Card) -> str:
    """What a notification says of a card, in mrkdwn."""
    by = f" by {card.decided_by}" if card.state != "pending" and card.decided_by else ""
    said = f"{wording.CARD_WORDS[card.state]}{by}: {card.tool}, asked for by {card.requester_name or card.requester}"
    return mrkdwn(_sentence(said, _MANY))


def _own_team(card: Card) -> str:
    return card.place.workspace if card.place.platform == PLATFORM else ""


def _fingerprint(blocks: Sequence[Body], files: tuple[tuple[str, bytes], ...]) -> str:
    drawn = hashlib.sha256(json.dumps(blocks, sort_keys=True).encode())
    for name, content in files:
        drawn.update(name.encode() + b"\0" + content)
    return drawn.hexdigest()[:32]


def _sentence(text: str, max_chars: int) -> str:
    """Text in one line, cut where it is longer, with how much there is."""
    return short(re.sub(r"\s*\n\s*", " ", text.strip()), max_chars, exact)


def _named(text: str, max_chars: int) -> list[Body]:
    """A tool's name, or another exact value, as code."""
    shown, note = cut(text, max_chars, lambda part: exact(part.replace("\n", "\\u{a}")))
    return [code(shown or " "), words(note)]


# --- arguments -------------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class _Arguments:
    """What a card shows of its arguments. `is_whole`: all of it, in the blocks or in a file."""

    blocks: tuple[Body, ...]
    files: tuple[tuple[str, bytes], ...] = ()
    is_whole: bool = True


_Hidden = _Arguments((rich(section([[words(wording.PRIVATE)]])),), is_whole=False)


def _arguments(card: Card, room: int, weigh: Weigh, *, has_files: bool) -> _Arguments:
    text = card.arguments
    if len(text) <= room and weigh(blocks := _in_full(text)) <= room:
        return _Arguments(blocks)
    content = exact_json(text).encode() if has_files and len(text) <= MAX_ARGUMENT_CHARS else b""
    is_whole = 0 < len(content) <= MAX_FILE_BYTES
    files = ((FILE_NAME, content),) if is_whole else ()
    return _Arguments((_ends(text, min(room, MAX_CARD // 2), is_whole=is_whole),), files, is_whole)


def _in_full(text: str) -> tuple[Body, ...]:
    """Arguments to the last character; very long ones in several blocks, cut after a line where there is one."""
    parts, shown = [], exact(text)
    while shown:
        at = len(shown) if len(shown) <= MAX_BLOCK else shown.rfind("\n", 0, MAX_BLOCK) + 1 or MAX_BLOCK
        part, shown = shown[:at], shown[at:]
        parts.append(rich(preformatted(part.removesuffix("\n") if shown else part)))
        if shown and not part.endswith("\n"):
            parts.append(rich(section([[words("The same line goes on:", is_italic=True)]])))
    return tuple(parts) or (rich(preformatted(" ")),)


def _ends(text: str, room: int, *, is_whole: bool) -> Body:
    """The beginning and the end of arguments, with how long they are."""
    where = [words(", too long to be shown in full, so this cannot be approved here.")]
    if is_whole:
        where = [words(", all of them are in "), code(FILE_NAME), words(" below: read it before you decide.")]
    kept = min(room, len(text)) // 2
    while True:
        left_out = f" Between these ends, {len(text) - 2 * kept:,} are left out."
        note = [words(f"{len(text):,} characters of arguments", is_bold=True), *where, words(left_out)]
        ends = [preformatted(exact(text[:kept])), section([[words("…")]]), preformatted(exact(text[-kept:]))]
        shown = rich(section([note]), *ends)
        if weight([shown]) <= room:
            return shown
        kept -= 1 + kept // 16


# --- what stands around them -----------------------------------------------------------------------------------------


class _Frame:
    """Everything of a card but its arguments."""

    def __init__(self, card: Card, team: str, origin: str, *, is_copy: bool, is_open: bool) -> None:
        self._card = card
        self._team = team
        self._origin = origin
        self._is_copy = is_copy
        self._is_open = is_open

    @property
    def above(self) -> list[Body]:
        card = self._card
        lines: list[Line] = [[words(f"{wording.CARD_WORDS[card.state]}: ", is_bold=True), *_named(card.tool, _NAME)]]
        if card.about.strip():
            lines.append([words(_sentence(card.about, _WORDS))])
        if card.edited_by:
            lines.append([words("Arguments edited by "), words(_sentence(card.edited_by, _NAME), is_bold=True)])
        return [rich(section(lines))]

    @property
    def below(self) -> list[Body]:
        """Everything below the arguments, the bot's own words last."""
        card = self._card
        lines = [[words(f"{name}: ", is_bold=True), *value] for name, value in self._facts() if value]
        if card.state != "pending":
            return [rich(section([*lines, *self._decided()])), small(_outcome(card))]
        return [rich(section(lines)), *self._pings(), small(wording.NOTHING_RUNS if self._is_open else wording.LOOK)]

    def _facts(self) -> Iterator[tuple[str, Line]]:
        card = self._card
        yield "Asked by", self._asker()
        yield "Asked in", self._where() if self._is_copy else []
        yield "May decide", self._who(self._rule)
        yield "Why it asks", _said(card.rule)
        yield "The model says", [words(f"“{_sentence(card.why, _MANY)}”")] if card.why and self._is_open else []
        if card.state == "pending":
            yield "Approved so far", _said(_voters(card), 6 * _NAME)
            yield "Missing", self._who(card.missing) if card.missing != card.asks else []
            yield "Expires", [moment(card.expires_ms, "{date_short_pretty} at {time}")]

    def _asker(self) -> Line:
        card = self._card
        key = [self._person(found)] if (found := _PERSON.fullmatch(card.requester)) else _named(card.requester, _NAME)
        if not card.requester_name.strip() or card.requester_name == card.requester:
            return key
        return [words(f"{_sentence(card.requester_name, _NAME)} ("), *key, words(")")]

    def _person(self, found: re.Match[str]) -> Body:
        """Somebody of this workspace by a mention; of another, where Slack may not know them, by their identity."""
        return user(found["user"]) if found["team"] == self._team else code(found[0])

    @property
    def _rule(self) -> str:
        card = self._card
        asker = card.requester_name or card.requester
        return card.asks or wording.approver(card.approver, asker, lambda key: key)

    def _who(self, text: str) -> Line:
        """Who may decide, in words; the people and groups that the rule has by their ids as mentions."""
        shown: list[Body] = []
        at, text = 0, _sentence(text, _WORDS) if text.strip() else ""
        for found in self._named(text):
            if found[0] in self._ids:
                shown.append(words(text[at : found.start()]))
                shown.append(group(found["id"]) if found["group"] else user(found["id"]))
                at = found.end()
        return [*shown, words(text[at:])] if text else []

    def _named(self, text: str) -> list[re.Match[str]]:
        """The people and groups of this workspace that a text names by their ids."""
        found = _NAMED.finditer(text)
        return [one for one in found if one["team"] == self._team and bool(one["group"]) == (one["id"][0] == "S")]

    @property
    def _ids(self) -> list[str]:
        return [one[0] for one in self._named(self._card.approver)]

    def _pings(self) -> list[Body]:
        """The people and groups that may decide, by the ids that the rule has of them: somebody may have written it.
        Those are left out whom the card mentions as it is."""
        if self._card.state != "pending":
            return []
        shown = {one[0] for one in self._named(_sentence(self._rule, _WORDS))}
        named = dict.fromkeys(
            f"<!subteam^{found['id']}>" if found["group"] else f"<@{found['id']}>"
            for found in self._named(self._card.approver)
            if found[0] not in shown
        )
        said = " ".join([*named][:MAX_NAMED])
        return [{"type": "section", "text": {"type": "mrkdwn", "text": said, "verbatim": True}}] if said else []

    def _where(self) -> Line:
        """Where it was asked, and the way there."""
        place = self._card.place
        if place.platform != PLATFORM:
            return _named(str(place), _NAME)
        is_known = _TEAM.fullmatch(place.workspace) and _CHANNEL.fullmatch(place.channel)
        if place.channel.startswith(DIRECT):
            shown: list[Body] = [words("a direct talk")]
        elif is_known and place.workspace == self._team:
            shown = [channel(place.channel)]
        else:
            shown = _named(str(place), _NAME)
        url = self._origin
        if not url and is_known:
            url = f"https://slack.com/app_redirect?team={place.workspace}&channel={place.channel}"
        return [*shown, words(" "), link(url, "Go to where it was asked")] if url else shown

    def _decided(self) -> list[Line]:
        card = self._card
        line = [words(wording.CARD_WORDS[card.state], is_bold=True)]
        by = _sentence(card.decided_by, _NAME)
        if card.state == "approved" and len(card.approved_by) > 1:
            by = _sentence(_voters(card), 6 * _NAME)
        if by:
            line += [words(" by "), words(by, is_bold=True)]
        if card.decided_ms is not None:
            line += [words(" "), moment(card.decided_ms, "{date_short} at {time}")]
        if card.approved_by and card.state != "approved":
            line.append(words(f" (approved before by {_sentence(_voters(card), 6 * _NAME)})"))
        lines: list[Line] = [line]
        if card.granted and self._is_open:
            lines.append([words(_sentence(card.granted, _WORDS))])
        if card.reason:
            lines.append([words(f"“{_sentence(card.reason, _MANY)}”")])
        return lines

    def rows(self, *, is_whole: bool) -> list[Body]:
        """The buttons. `is_whole`: all of the arguments can be seen, so that they can be approved."""
        card = self._card
        if card.state != "pending":
            return []
        if not self._is_open:
            return [actions([button(card, "look", "Look")])]
        rows = [_buttons(card, is_whole=is_whole), _together(card, is_whole=is_whole)]
        return [actions(row) for row in rows if row]


def _said(text: str, max_chars: int = _WORDS) -> Line:
    return [words(_sentence(text, max_chars))] if text.strip() else []


def _voters(card: Card) -> str:
    """Who has approved, by name."""
    names = [_sentence(name, _NAME) for name in card.approved_by[:5]]
    more = len(card.approved_by) - len(names)
    return ", ".join([*names, *([f"{more} more"] if more > 0 else [])])


def _outcome(card: Card) -> str:
    return wording.outcome(card.state, card.outcome) or wording.NOT_STARTED


# --- buttons ---------------------------------------------------------------------------------------------------------


def _buttons(card: Card, *, is_whole: bool) -> list[Body]:
    refusing = [button(card, "deny", "Deny", style="danger"), button(card, "reason", "Deny with reason")]
    if not is_whole:
        return refusing
    shown = [button(card, "approve", "Approve", style="primary"), *refusing]
    if can_edit(card):
        shown.append(button(card, "edit", "Edit"))
    if card.offers:
        shown.append(button(card, "longer", "Always…"))
    return shown


def _together(card: Card, *, is_whole: bool) -> list[Body]:
    """The buttons for everything that was asked for with this."""
    if not card.together:
        return []
    count, token = card.together_count, card.together
    deny = button(card, "none", f"Deny all {count}", style="danger", token=token)
    approve = button(card, "all", f"Approve all {count}", style="primary", token=token)
    return [approve, deny] if is_whole else [deny]
