"""Text of others as Discord may show it: the model's Markdown, names, exact values, whole answers. Pure.

After Discord's own reader (docs, "Message Formatting"; help centre, "Markdown Text 101"). It differs from CommonMark: a
block of code ends at the next three backticks, styles reach over lines and into code, `<...>` and `@...` are live.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence

from adapters import tables
from adapters.discord.inline import inert_line
from adapters.exact import code_block, code_span, prose_block
from adapters.fences import Code, sections
from adapters.text import short, size, split_markdown
from adapters.visible import exact, prose

__all__ = [
    "MAX_CHARS",
    "MAX_PARTS",
    "answer_of",
    "code_block",
    "code_span",
    "inert",
    "notice_parts",
    "one_line",
    "parts_of",
    "plain",
    "private_answer",
    "short_code",
    "shortened",
    "size",
]

MAX_CHARS = 2_000
"""Discord: content of a message (docs, "Create Message")."""
MIN_PART = 200
MAX_PARTS = 5
"""An answer of more messages is sent as its beginning and a file."""

_BEFORE = re.compile(r"[ \t]*(?:(?:>{1,3}|[-*+]|\d{1,9}[.)]|#{1,6})[ \t]+|>{1,3}(?!>))*")
_DEEP = re.compile(r"(?<!\S)#{4,6}(?=[ \t])")
_MARKS = re.compile(r"[\\`*_~|<>\[\]()#:]|(?m:^[ \t]*(?:[-+]|\d+(?=\.)\.))|-(?=#)")
_LOUD = re.compile(
    r"@(?:everyone|here)|(?:discord\.(?:gg|gift|new)|discord(?:app)?\.com/(?:invite|gifts))/\S+", re.IGNORECASE
)
_ONE_FILE = re.compile(r"```(?P<language>toml|json|csv)\n(?P<body>(?:(?!```)[^\n]*\n)*)```\s*")


def inert(text: str) -> str:
    """The model's Markdown: nothing in it pings, hides or loads anything, and every link shows where it leads.

    Text that breaks off is closed properly, so it may be drawn while it is written; drawn twice it stays the same.
    """
    return "\n".join(_blocks(prose(text)))


def _blocks(text: str) -> Iterator[str]:
    has_links = "](" in text
    for part in sections(text):
        yield from _code(part) if isinstance(part, Code) else _lines(part, has_links=has_links)


def _code(code: Code) -> list[str]:
    """A block of code at the start of its own line: within a list or a quotation Discord would end it at the first line
    that is not indented or quoted."""
    block = prose_block(code.body, code.language)
    return [code.bullet.replace("+", "-"), block] if code.bullet else [block]


def _lines(lines: list[str], *, has_links: bool) -> Iterator[str]:
    at = 0
    while at < len(lines):
        if at + 1 < len(lines) and tables.is_table(lines[at], lines[at + 1]):
            end = at + tables.rows_of(lines[at:])
            yield prose_block(tables.aligned(lines[at:end]))
            at = end
        else:
            yield _line(lines[at], has_links=has_links)
            at += 1


def _line(line: str, *, has_links: bool) -> str:
    before = _BEFORE.match(line)
    head = before[0] if before else ""
    marks, words = re.sub(">{2,3}", ">", _DEEP.sub("###", head)).replace("+", "-"), line[len(head) :]
    if line.strip() and not words.strip(" \t#"):  # Discord would look on in the next line, in a block of code even
        bare = re.sub(r"[#*]", r"\\\g<0>", f"{marks.rstrip()}{words.strip()}")
        return f"{bare} " if bare.endswith(">") else bare
    return marks + inert_line(words, has_links=has_links)


def plain(text: str) -> str:
    """Names and sentences as they are: every mark of Markdown and of a mention is escaped. Line ends stay."""
    shown, at, text = [], 0, exact(text)
    for loud in _LOUD.finditer(text):
        between = " " if 0 < at == loud.start() else _MARKS.sub(_escaped, text[at : loud.start()])
        shown += [between, code_span(loud[0])]
        at = loud.end()
    return "".join([*shown, _MARKS.sub(_escaped, text[at:])])


def _escaped(hit: re.Match[str]) -> str:
    return f"{hit[0][:-1]}\\{hit[0][-1]}"


def one_line(text: str) -> str:
    """`plain` for what stands within a line of the bot: line ends are spelled out."""
    return plain(text.replace("\n", "\\u{a}"))


def shortened(text: str, max_chars: int) -> str:
    """A sentence in one line and cut where it is longer, with how much there is. Line ends become blanks."""
    return short(re.sub(r"\s*\n\s*", " ", text.strip()), max_chars, one_line)


def short_code(text: str, max_chars: int) -> str:
    """`code_span`, cut where it is longer, with how much there is."""
    return short(text, max_chars, code_span)


def parts_of(text: str, limit: int = MAX_CHARS) -> list[str]:
    """The model's Markdown as messages of at most `limit`, none of them empty. Raises ValueError for a limit under
    200."""
    if limit < MIN_PART:
        raise ValueError(f"limit is {limit!r}, must be at least {MIN_PART}")
    return [shown for part in _parts(inert(text), limit, limit) if (shown := part.strip())]


def _parts(text: str, limit: int, room: int) -> Iterator[str]:
    """Cut, and make each part inert by itself: what was code or a style may have been cut through."""
    for cut in split_markdown(text, room):
        part = inert(cut)
        if size(part) <= limit:
            yield part
        else:
            yield from _parts(cut, limit, max(32, room * 2 // 3))


def notice_parts(text: str, pings: Sequence[int] = (), limit: int = MAX_CHARS) -> list[str]:
    """A sentence of the bot itself as messages, the first of them before the people it is for, by their ids."""
    named = " ".join(f"<@{one}>" for one in pings)
    parts = parts_of(plain(text), limit - len(named) - 1) or ["…"]
    return [f"{named} {parts[0]}".strip() if at == 0 else part for at, part in enumerate(parts)]


def answer_of(text: str) -> tuple[list[str], tuple[str, bytes] | None]:
    """An answer as messages; a long one as its beginning, and as a file with all of it."""
    if len(text) <= MAX_PARTS * MAX_CHARS and len(parts := parts_of(text)) <= MAX_PARTS:
        return parts or ["…"], None
    return [_beginning(text)], ("answer.md", prose(text).encode())


def _beginning(text: str) -> str:
    """The first message of a text that comes as a file."""
    note = f"\n-# This is the beginning: all {len(text):,} characters are in `answer.md`."
    return next(iter(parts_of(text[: 2 * MAX_CHARS], MAX_CHARS - len(note))), "…") + note


def private_answer(text: str) -> tuple[str, tuple[str, bytes] | None]:
    """What is answered to a person alone: one message, and a file where it is one, or is too long for a message."""
    if (only := _ONE_FILE.fullmatch(text)) is not None:
        name, body = f"nod.{only['language']}", only["body"]
        lines = body.count("\n")
        return f"Here it is as a file: `{name}`, {lines:,} lines.", (name, body.encode(errors="backslashreplace"))
    if len(text) <= MAX_CHARS and len(parts := parts_of(text)) <= 1:
        return "".join(parts) or "…", None
    return _beginning(text), ("answer.md", prose(text).encode())
