"""One line of the model's Markdown as Slack may show it: nothing in it pings, opens, loads or hides. Pure.

Slack reads its own `<...>` in Markdown too, as a ping, a channel, or a link under another name; `&lt;` is shown as the
character and never read again. So no `<` stays as it is but around an address that is seen. What is in code is left
alone as far as it cannot be one of these.
"""

from __future__ import annotations

import re

from adapters.exact import code_span
from adapters.inline import ESCAPED, ESCAPES, PIECE, Line

LESS = "&lt;"
LOUD = re.compile(r"@(?:everyone|here|channel)(?![A-Za-z0-9])", re.IGNORECASE)
_OWN = re.compile(
    r"<(?=[@#][A-Za-z0-9]+[|>]|!(?:here|channel|everyone|group)[|>]|!(?:subteam|date)\^"
    r"|[A-Za-z][A-Za-z0-9+.-]{0,31}:[^>|\n]*\|)",
    re.IGNORECASE,
)
_TASK = re.compile(r"\[[ xX]\](?=[ \t])")
_LITERAL = re.compile(rf"[{PIECE}{ESCAPED}]|<|\[|\\(?![A-Za-z0-9 ])")


def inert_line(line: str, *, is_item: bool = False) -> str:
    """The words of one line, without what stands before them; what is in code has yet to go through `inert_code`.
    `is_item`: a list's mark stands before them, so a box may follow."""
    box = _TASK.match(line) if is_item else None
    return (box[0] if box else "") + _Line().drawn(line[box.end() if box else 0 :])


def inert_code(text: str) -> str:
    """Text that is inert but for its code, without anything Slack could read as its own."""
    return _OWN.sub(LESS, text)


class _Line(Line):
    def drawn(self, line: str) -> str:
        text = self.with_links(self.with_autolinks(self.without_code(line)))
        text = self.with_addresses(text)
        text = LOUD.sub(lambda hit: self.piece(code_span(hit[0])), text)
        return self._escaped(text)

    def may_be_linked(self, target: str) -> bool:
        return "|" not in target and LOUD.search(target) is None

    def drawn_code(self, content: str) -> str:
        if not re.search("``|^`|`$", content):
            return f"``{content}``" if "`" in content else f"`{content}`"
        return code_span(content) if "``" in content else f"`` {content} ``"

    def _escaped(self, text: str) -> str:
        """The text with every mark escaped that Slack would follow, and the pieces back in their places."""
        shown, at, last = [], 0, ""
        for hit in _LITERAL.finditer(text):
            drawn = self._mark(hit[0])
            between = text[at : hit.start()] or (" " if last[:1] == drawn[:1] == "`" else "")
            shown += [between, drawn]
            at, last = hit.end(), drawn
        return "".join([*shown, text[at:]])

    def _mark(self, mark: str) -> str:
        if ord(mark) >= ESCAPES:
            return self.text_of(mark)
        return LESS if mark == "<" else f"\\{mark}"
