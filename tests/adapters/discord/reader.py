"""How Discord's own clients read a message, as far as it is known: what is seen, and what is alive in it.

After the documentation ("Message Formatting"), the help centre ("Markdown Text 101"), and what its clients are known to
do: the leftmost construct wins; a block of code ends at the next three backticks, whatever stood before the first; a
style ends at the first closing mark, wherever that stands; escapes hold outside code alone.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field

_STYLES = r"""
  \*(?!\s)(?P<italic>(?:\\.|\*\*|[^*\\])+?)(?<!\s)\ {0,2}\*(?!\*)
| _(?P<slanted>(?:\\.|__|[^_\\])+?)_(?![A-Za-z0-9_])
| \*\*(?P<bold>(?:\\.|[^\\])+?)\*\*(?!\*)
| __(?P<underlined>(?:\\.|[^\\])+?)__(?!_)
| ~~(?P<struck>.+?)~~(?!_)
"""
_RULES = rf"""
  \\(?P<escaped>.)
| ```(?:[A-Za-z0-9_+.-]*\n)?(?P<block>.*?[^\n].*?)```
| (?P<ticks>`+)(?P<code>.+?)(?<!`)(?P=ticks)(?!`)
| {_STYLES}
| \|\|(?P<spoiler>.+?)\|\|
| (?P<moment><t:-?[0-9]+(?::[tTdDfFRsS])?>)
| (?P<mention><@[!&]?[0-9]+>|<\#[0-9]+>|@everyone|@here|</[^<>\n]+:[0-9]+>|<id:[^<>\s]+>)
| (?P<emoji><a?:\w+:[0-9]+>)
| (?P<bare>(?:https?|steam|discord)://[^\s<]+[^<.,:;"'\]\s])
| (?P<invite>discord(?:\.gg|app\.com/invite|\.com/invite)/\w+)
| <(?P<address>[^:\s<>]+:/[^\s>]+|mailto:[^\s>]+|[^\s@<>]+@[^\s@<>]+)>
| \[(?P<label>(?:\[[^\]]*\]|[^\[\]])*[^\[]*?)\]
  \(\s*<?(?P<target>(?:\([^)]*\)|[^\s\\]|\\[^\n])*?)>?(?:\s+['"].*?['"])?\s*\)
| ^-\#\ +(?!-\#)(?P<small>[^\n]+)
| ^\#{{1,3}}\s+(?!\#)(?P<heading>[^\n]*)
| ^\ *(?P<quote>>\ [^\n]*(?:\n\ *>\ [^\n]*)*)
| ^\ *>>>\ (?P<rest>.*)
| ^\ *(?:[*-]|\d+\.)\ +(?P<item>.[^\n]*(?:\n\ [^\n]*)*)
"""
_READER = re.compile(_RULES, re.VERBOSE | re.DOTALL | re.MULTILINE)
_WITHIN = ("italic", "slanted", "bold", "underlined", "struck", "heading", "item", "rest")


@dataclass
class Seen:
    """`text` is what is read outside code, `code` what stands in it, `alive` what pings, opens, loads or hides."""

    text: str = ""
    code: list[str] = field(default_factory=list)
    alive: list[str] = field(default_factory=list)
    addresses: list[str] = field(default_factory=list)
    small: list[str] = field(default_factory=list)


def read(message: str) -> Seen:
    """What people see of a message."""
    seen = Seen()
    _read(message, seen)
    return seen


def _read(message: str, seen: Seen) -> None:
    at = 0
    for hit in _READER.finditer(message):
        seen.text += message[at : hit.start()]
        at = hit.end()
        _take(hit, seen)
    seen.text += message[at:]


def _take(hit: re.Match[str], seen: Seen) -> None:
    kind = next(name for name in reversed(_KINDS) if hit[name] is not None)
    said = hit[kind]
    if kind == "escaped":
        seen.text += f"\\{said}" if said.isalnum() or said.isspace() else said
    elif kind in ("block", "code"):
        seen.code.append(said)
    elif kind == "moment":
        seen.text += said
    elif kind == "address":
        seen.addresses.append(said)
    elif kind == "quote":
        _read(re.sub(r"(?m)^ *> ", "", said), seen)
    elif kind in _WITHIN:
        _read(said, seen)
    elif kind == "small":
        seen.small.append(said)
        _read(said, seen)
    else:
        seen.alive.append(hit[0])


_KINDS = tuple(name for name in _READER.groupindex if name not in ("ticks", "label"))
