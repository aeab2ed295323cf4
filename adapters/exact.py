"""Text that is shown to the last character, in code that nothing within can close. Pure.

Discord ends a block of code at the next three backticks, however many opened it, and knows no way to escape them; what
others do is not always known. So one backtick of every three is spelled out as `\\u{60}`, as `visible.exact` spells out
what cannot be seen. In JSON a backslash stands before `u` and four digits, or is doubled: `\\u{` is never part of it,
and every spelled character can be read back.
"""

from __future__ import annotations

import re

from adapters.visible import exact, prose

TICK = "\\u{60}"
_LANGUAGE = re.compile(r"[A-Za-z0-9_+.-]{1,20}")


def code_span(text: str) -> str:
    """One line of code that holds exactly this text; backticks and line ends are spelled out."""
    shown = exact(text).replace("`", TICK).replace("\n", "\\u{a}").replace("\t", "\\u{9}")
    return f"`{shown or ' '}`"


def code_block(text: str, language: str = "") -> str:
    """A block of code that holds exactly this text. Blank lines at either end may not be shown."""
    return fenced(exact(text), language)


def prose_block(text: str, language: str = "") -> str:
    """A block of the model's code: what hides or reorders is spelled out, joiners that scripts need stay."""
    return fenced(prose(text), language)


def fenced(body: str, language: str = "") -> str:
    """Text whose characters can all be seen, as a block that cannot be closed from within."""
    named = language if _LANGUAGE.fullmatch(language) else ""
    unclosed = body.replace("```", f"``{TICK}")
    shown = unclosed if unclosed.strip("\n") else " "  # a block without anything in it is none
    return f"```{named}\n{shown}\n```"


def unspelled(shown: str) -> str:
    """The JSON text that `exact` or a block of it shows."""
    return re.sub(
        r"(?P<pair>\\\\)|\\u\{(?P<code>[0-9a-f]{1,6})\}",
        lambda hit: hit[0] if hit["pair"] else chr(int(hit["code"], 16)),
        shown,
    )
