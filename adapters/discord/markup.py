"""Text of others as Discord may show it: the model's Markdown, names, exact values, whole answers. Pure.

After Discord's own reader (docs, "Message Formatting"; help centre, "Markdown Text 101"). It differs from CommonMark: a
block of code ends at the next three backticks, styles reach over lines and into code, `<...>` and `@...` are live.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Sequence

from adapters.discord import tables
from adapters.discord.exact import code_block, code_span, prose_block
from adapters.discord.inline import inert_line
from adapters.text import split_markdown
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
_FENCE = re.compile(
    r"(?P<before>(?:[ \t]*(?:>|(?:[-*+]|\d{1,9}[.)])[ \t]))*)(?P<indent>[ \t]*)(?P<mark>`{3,}|~{3,})(?P<info>.*)"
)
_QUOTE = re.compile(r"[ \t]*> ?")
_DEEP = re.compile(r"(?<!\S)#{4,6}(?=[ \t])")
_MARKS = re.compile(r"[\\`*_~|<>\[\]()#:]|(?m:^[ \t]*(?:[-+]|\d+(?=\.)\.))|-(?=#)")
_LOUD = re.compile(
    r"@(?:everyone|here)|(?:discord\.(?:gg|gift|new)|discord(?:app)?\.com/(?:invite|gifts))/\S+", re.IGNORECASE
)
_ONE_FILE = re.compile(r"```(?P<language>toml|json|csv)\n(?P<body>(?:(?!```)[^\n]*\n)*)```\s*")


def size(text: str) -> int:
    """The length of a text as Discord may count it. It has said that it counts characters (discord-api-docs #1315);
    its own clients count UTF-16 units. That is never less."""
    return len(text.encode("utf-16-le", "surrogatepass")) // 2


def inert(text: str) -> str:
    """The model's Markdown: nothing in it pings, hides or loads anything, and every link shows where it leads.

    Text that breaks off is closed properly, so it may be drawn while it is written; drawn twice it stays the same.
    """
    return "\n".join(_blocks(prose(text)))


def _blocks(text: str) -> Iterator[str]:
    lines, at = text.split("\n"), 0
    has_links = "](" in text
    while at < len(lines):
        if (fence := _fence(lines[at])) is not None:
            drawn, at = _fenced(lines, at, fence)
            yield from drawn
        elif at + 1 < len(lines) and tables.is_table(lines[at], lines[at + 1]):
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


def _fence(line: str) -> re.Match[str] | None:
    """The line that opens a block of code (CommonMark 0.31, "Fenced code blocks"; here indented by any amount)."""
    found = _FENCE.fullmatch(line)
    if found is None or (found["mark"][0] == "`" and "`" in found["info"]):
        return None
    return found


def _fenced(lines: list[str], at: int, fence: re.Match[str]) -> tuple[list[str], int]:
    """The block of code that begins at a line, at the start of its own line, and the line after it.

    Within a list or a quotation Discord would end it at the first line that is not indented or quoted.
    """
    body: list[str] = []
    quotes, mark = fence["before"].count(">"), fence["mark"]
    closed = re.compile(rf"[ \t]*{re.escape(mark[0])}{{{len(mark)},}}[ \t]*")
    after = at + 1
    while after < len(lines):
        line = lines[after]
        for _ in range(quotes):
            unquoted = _QUOTE.match(line)
            if unquoted is None:
                return _drawn(fence, body), after
            line = line[unquoted.end() :]
        after += 1
        if closed.fullmatch(line):
            return _drawn(fence, body), after
        body.append(_dedented(line, len(fence["indent"]) - 1 if quotes else len(fence["before"] + fence["indent"])))
    return _drawn(fence, body[:-1] if body and not body[-1] else body), after


def _drawn(fence: re.Match[str], body: list[str]) -> list[str]:
    language = fence["info"].strip().split(" ", 1)[0]
    bullet = fence["before"].replace(">", "").strip()
    block = prose_block("\n".join(body), language)
    return [bullet.replace("+", "-"), block] if bullet else [block]


def _dedented(line: str, width: int) -> str:
    """The line without the indent that its fence has."""
    return line[min(max(width, 0), len(line) - len(line.lstrip(" \t"))) :]


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
    return _short(re.sub(r"\s*\n\s*", " ", text.strip()), max_chars, one_line)


def short_code(text: str, max_chars: int) -> str:
    """`code_span`, cut where it is longer, with how much there is."""
    return _short(text, max_chars, code_span)


def _short(text: str, max_chars: int, draw: Callable[[str], str]) -> str:
    if len(text) <= max_chars and size(shown := draw(text)) <= max_chars:
        return shown
    note = f" … ({len(text):,} characters in all)"
    kept = max_chars
    while size(shown := draw(text[:kept])) > max_chars - len(note) and kept:
        kept -= 1 + kept // 16
    return shown + note


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
