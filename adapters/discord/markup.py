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
from adapters.messages import Messages
from adapters.text import short, size
from adapters.visible import exact, prose

__all__ = [
    "MAX_CHARS",
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
MAX_PARTS = 5
"""An answer of more messages is sent as its beginning and a file."""

_BEFORE = re.compile(r"[ \t]*(?:(?:>{1,3}|[-*+]|\d{1,9}[.)]|#{1,6})[ \t]+|>{1,3}(?!>))*")
_DEEP = re.compile(r"(?<!\S)#{4,6}(?=[ \t])")
_MARKS = re.compile(r"[\\`*_~|<>\[\]()#:]|(?m:^[ \t]*(?:[-+]|\d+(?=\.)\.))|-(?=#)")
_LOUD = re.compile(
    r"@(?:everyone|here)|(?:discord\.(?:gg|gift|new)|discord(?:app)?\.com/(?:invite|gifts))/\S+", re.IGNORECASE
)


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


_MESSAGES = Messages(
    inert, plain, MAX_CHARS, MAX_PARTS, note="\n-# This is the beginning: all {chars} characters are in `answer.md`."
)
parts_of, answer_of, private_answer = _MESSAGES.parts, _MESSAGES.answer, _MESSAGES.private


def notice_parts(text: str, pings: Sequence[int] = ()) -> list[str]:
    """A sentence of the bot itself as messages, the first of them before the people it is for, by their ids."""
    return _MESSAGES.notice(text, " ".join(f"<@{one}>" for one in pings))
