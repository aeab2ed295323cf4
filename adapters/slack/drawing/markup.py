"""Text of others as Slack may show it: the model's Markdown, names, exact values, whole answers. Pure.

Slack's `markdown` blocks and `markdown_text` take standard Markdown with tables (docs, "Markdown block"). A message
becomes several blocks where it has headings, rules and tables, of which it may have 50; its `mrkdwn` knows no escapes
but those of `&`, `<` and `>`.
"""

from __future__ import annotations

import re
from collections.abc import Iterator

from adapters import tables
from adapters.exact import code_span, prose_block
from adapters.fences import Code, sections
from adapters.messages import Messages
from adapters.slack.drawing.inline import LOUD, inert_code, inert_line
from adapters.text import short, size
from adapters.visible import exact, prose

__all__ = [
    "MAX_CHARS",
    "answer_of",
    "code_span",
    "inert",
    "mention",
    "mentioned",
    "mrkdwn",
    "notice_parts",
    "one_line",
    "parts_of",
    "plain",
    "private_answer",
    "short_code",
    "shortened",
    "size",
    "steady",
]

MAX_CHARS = 12_000
"""Slack: all the Markdown of a message (docs, "Markdown block")."""
MAX_PARTS = 3
"""An answer of more messages is sent as its beginning and a file."""
MAX_RISEN = 20
"""How many lines of a message may become blocks of their own, with the text between them as further ones."""
MAX_HEADING = 150
MAX_ROWS, MAX_COLUMNS, MAX_TABLE_CHARS = 100, 20, 3_000
"""Slack: rows and columns of a table; 10,000 characters in all tables of a message (docs, "Table block")."""
MAX_TABLES_CHARS = 9_000

_BEFORE = re.compile(r"[ \t]*(?:(?:>|[-*+]|\d{1,9}[.)]|#{1,6})(?:[ \t]+|$)|>)*")
_HEADING = re.compile(r"(?:#{1,6}[ \t]*)+$")
_ITEM = re.compile(r"(?:[-*+]|\d{1,9}[.)])[ \t]+$")
_RISEN = re.compile(
    r"[ \t>]*(?:(?:[-*+]|\d{1,9}[.)])[ \t]+)*(?:#{1,6}(?:[ \t]|$)|=+[ \t]*$|([-*_])(?:[ \t]*\1)*[ \t]*$)"
)
_MARKS = re.compile(
    r"[\\`*~|\[&<]|(?<![A-Za-z0-9])_|_(?![A-Za-z0-9])|:(?=[a-z0-9_+'-]+:)"
    r"|(?m:^[ \t]*(?:[-+=>#]|\d+(?=[.)])[.)]))"
)
_INDENT = re.compile(r"(?m)^ *\t[ \t]*|^ {4,}[ \t]*")
_BAR = re.compile(r"(?<!\\)\|")
_RULES = {"left": "---", "right": "--:", "middle": ":-:"}
_USER = re.compile(r"[UW][A-Z0-9]{1,30}")
_MARK = re.compile(r"[ \t]*\d*")
_STYLE = re.compile(r"(?<![A-Za-z0-9])[*_~]|[*_~](?![A-Za-z0-9])|`")
_IN_CODE = re.compile(r"(```.*?```|`[^`\n]*`)", re.DOTALL)
_ALIKE = {"*": "∗", "_": "＿", "~": "∼", "`": "ˋ"}
_ENTITIES = {"&": "&amp;", "<": "&lt;", ">": "&gt;"}


def inert(text: str) -> str:
    """The model's Markdown: nothing in it pings, hides or loads anything, and every link shows where it leads.

    Text that breaks off is closed properly, so it may be drawn while it is written; drawn twice it stays the same.
    """
    return "\n".join(_blocks(prose(text)))


def steady(text: str) -> str:
    """What of a text that is still being written is drawn the same whatever follows: `inert` of the whole begins with
    it. A block of code that is not over is left open, so that more can be appended."""
    *lines, begun = prose(text).split("\n")
    parts = list(sections("\n".join(lines))) if lines else []
    last = parts.pop() if parts else []
    above = "".join(f"{block}\n" for part in parts for block in _drawn(part))
    if not isinstance(last, Code):
        return above + _steady(last, begun)
    block = "".join(f"{line}\n" for line in _code(last))
    if last.is_closed:
        return above + block + _steady([], begun)
    return (
        above
        + block.removesuffix("\n```\n" if last.body.strip("\n") else " \n```\n")
        + "\n" * bool(last.body.strip("\n"))
    )


def _steady(lines: list[str], begun: str) -> str:
    """Whole lines, the last of which a table may follow, and one that is not whole."""
    shown = ""
    for at, end, drawn in _pieces(lines):
        if end == len(lines) and lines[at].lstrip().startswith("|"):
            return shown
        shown += "".join(f"{line}\n" for line in drawn)
    return shown + _steady_words(begun)


def _blocks(text: str) -> Iterator[str]:
    for part in sections(text):
        yield from _drawn(part)


def _drawn(part: Code | list[str]) -> Iterator[str]:
    return _code(part) if isinstance(part, Code) else _lines(part)


def _code(code: Code) -> Iterator[str]:
    """A block of code at the start of its own line, so that its end is the same for everybody who reads it."""
    if code.bullet and code.bullet[-1] in ".)":
        yield from ("", code.bullet)
    yield inert_code(prose_block(code.body, code.language))


def _lines(lines: list[str]) -> Iterator[str]:
    for _, _, drawn in _pieces(lines):
        yield from drawn


def _pieces(lines: list[str]) -> Iterator[tuple[int, int, list[str]]]:
    """Each table and each other line: where it begins and ends, and how it is drawn."""
    at = 0
    while at < len(lines):
        end, drawn = at + 1, []
        if _begins_table(lines[at : at + 2]):
            end = at + tables.rows_of(lines[at:])
            is_followed = end < len(lines) and lines[end].strip() != ""
            drawn = [*_table(lines[at:end]), *([""] if is_followed else [])]
        yield at, end, [inert_code(line) for line in drawn or [_line(lines[at])]]
        at = end


def _begins_table(lines: list[str]) -> bool:
    """Only where the first bar stands first: then it is known at once that a line is none of a paragraph."""
    return len(lines) == 2 and lines[0].lstrip().startswith("|") and tables.is_table(lines[0], lines[1])


def _line(line: str) -> str:
    head, words = _split(line)
    heading = _HEADING.search(head)
    if heading and not words.strip(" \t#"):
        return head[: heading.start()] + heading[0].replace("#", "\\#") + inert_line(words)
    drawn = inert_code(inert_line(words, is_item=_ITEM.search(head) is not None))
    if heading and size(drawn) > MAX_HEADING:
        head, words = head[: heading.start()], ""
    return head + (drawn if _begins_alike(words, drawn) else _MARK.sub(r"\g<0>\\", drawn, count=1))


def _begins_alike(words: str, drawn: str) -> bool:
    """Or is there a mark before it now, which stood within the line?"""
    begins = [
        (_split(text)[0], text.lstrip().startswith("|"), text.lstrip().startswith("~~~")) for text in (words, drawn)
    ]
    return begins[0] == begins[1]


def _split(line: str) -> tuple[str, str]:
    """What stands before the words of a line, and the words."""
    before = _BEFORE.match(line)
    at = before.end() if before else 0
    return line[:at], line[at:]


def _table(lines: list[str]) -> list[str]:
    """A table as one, where Slack takes it; as columns of equal width where it is too large."""
    rows = [tables.cells(line) for line in lines]
    sides = [_RULES[tables.side(cell)] for cell in rows[1]]
    drawn = [_row([inert_line(cell) for cell in row], len(sides)) for row in (rows[0], *rows[2:])]
    shown = [drawn[0], _row(sides, len(sides)), *drawn[1:]]
    if len(rows) > MAX_ROWS or len(sides) > MAX_COLUMNS or size("\n".join(shown)) > MAX_TABLE_CHARS:
        return [prose_block(tables.aligned(lines))]
    return shown


def _row(cells: list[str], width: int) -> str:
    """A row of exactly so many cells; what more there is stands in the last of them."""
    escaped = [_BAR.sub(r"\|", cell) for cell in cells]
    filled = [*escaped[: width - 1], r" \| ".join(escaped[width - 1 :]).strip(), *[""] * (width - len(cells) - 1)]
    return f"| {' | '.join(filled[:width])} |"


def _steady_words(begun: str) -> str:
    """The beginning of a line that is not whole: up to the last blank before anything that could turn out otherwise."""
    head, words = _split(begun)
    if "#" in head or words.startswith(("|", "~~~")):
        return ""
    certain = re.split(r"[`\[]", words, maxsplit=1)[0]
    kept = certain[: max(certain.rfind(" "), certain.rfind("\t")) + 1]
    return head + inert_line(kept) if kept.strip() else ""


# --- the bot's own words, and names in them ---------------------------------------------------------------------------


def plain(text: str) -> str:
    """Names and sentences as they are: every mark of Markdown and of a ping is escaped. Line ends stay."""
    shown, at, text = [], 0, _INDENT.sub("   ", exact(text))
    for loud in LOUD.finditer(text):
        between = " " if 0 < at == loud.start() else _MARKS.sub(_escaped, text[at : loud.start()])
        shown += [between, code_span(loud[0])]
        at = loud.end()
    return "".join([*shown, _MARKS.sub(_escaped, text[at:])])


def _escaped(hit: re.Match[str]) -> str:
    mark = hit[0][-1]
    return hit[0][:-1] + _ENTITIES.get(mark, f"\\{mark}")


def one_line(text: str) -> str:
    """`plain` for what stands within a line of the bot: line ends are spelled out."""
    return plain(text.replace("\n", "\\u{a}"))


def shortened(text: str, max_chars: int) -> str:
    """A sentence in one line and cut where it is longer, with how much there is. Line ends become blanks."""
    return short(re.sub(r"\s*\n\s*", " ", text.strip()), max_chars, one_line)


def short_code(text: str, max_chars: int) -> str:
    """`code_span`, cut where it is longer, with how much there is."""
    return short(text, max_chars, lambda cut: inert_code(code_span(cut)))


def mrkdwn(text: str) -> str:
    """A name or a sentence within a line of a notification, which knows no escapes for its marks of style: those that
    could begin or end one are replaced by others that look alike."""
    shown = re.sub("[&<>]", lambda hit: _ENTITIES[hit[0]], exact(text.replace("\n", " ")))
    return LOUD.sub(lambda hit: f"{hit[0][0]} {hit[0][1:]}", _STYLE.sub(lambda hit: _ALIKE[hit[0]], shown))


def mention(user: str) -> str:
    """The ping of a person by their id. Raises ValueError for what is none."""
    if not _USER.fullmatch(user):
        raise ValueError(f"{user!r} is no id of a person")
    return f"<@{user}>"


# --- whole messages ---------------------------------------------------------------------------------------------------


def _fits(part: str) -> bool:
    """Does Slack take what it makes of a message: its headings, rules and tables as blocks of their own?"""
    lines = [line for section in sections(part) if not isinstance(section, Code) for line in section]
    begins = [_begins_table(lines[at : at + 2]) for at in range(len(lines))]
    rows = [line for line in lines if line.startswith("|")]
    risen = sum(begins) + sum(_RISEN.match(line) is not None for line in lines)
    return risen <= MAX_RISEN and sum(map(size, rows)) <= MAX_TABLES_CHARS


_MESSAGES = Messages(
    inert,
    plain,
    MAX_CHARS,
    MAX_PARTS,
    note="\n\n_This is the beginning: all {chars} characters are in_ `answer.md`.",
    fits=_fits,
    edges="\n",
)
parts_of, answer_of, private_answer = _MESSAGES.parts, _MESSAGES.answer, _MESSAGES.private


def notice_parts(text: str) -> list[str]:
    """A sentence of the bot itself as messages. None of them pings."""
    return _MESSAGES.notice(text)


def mentioned(markdown: str, team: str) -> str:
    """The bot's own words to one person alone, with the ids of this workspace as mentions. In code they stay ids, and
    one in bold is said in code as well: that is what can be written again."""
    parts = _IN_CODE.split(markdown)
    key = rf"slack:{re.escape(team)}/(?P<id>[UWSCG][A-Z0-9]{{1,30}})(?P<thread>/\d+\.\d+)?(?!\w)"
    named = re.compile(rf"(?<![\w:/])(?P<kind>(?:group|channel)[ :])?(?P<key>{key})(?P<end>\*\*)?")
    return "".join(part if at % 2 else named.sub(_mention_of, part) for at, part in enumerate(parts))


def _mention_of(found: re.Match[str]) -> str:
    marks = {"S": "!subteam^", "C": "#", "G": "#"}
    said = f"<{marks.get(found['id'][0], '@')}{found['id']}>"
    said = f"a thread of {said}" if found["thread"] else said
    kind = (found["kind"] or "").replace(" ", ":")
    return f"{said}** (`{kind}{found['key']}`)" if found["end"] else said
