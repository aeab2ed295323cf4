"""What was chosen in the options of a command, as the one line of words that the service reads. Pure.

Nothing that is typed into one option may be read as another: names are one word each, and free text stands last or
holds none of the words that begin something else. Whether names and values exist is the service's matter.
"""

from __future__ import annotations

import re
from collections.abc import Mapping

from bot.errors import BotError

Given = Mapping[str, str]
"""The options that were given, by their names; mentions as `<@id>`, `<@&id>` and `<#id>`."""
LOOK_BACK = "30d"
"""How far `simulate` looks back by itself."""
_NAME = re.compile(r"[\w.-]+")
_DURATION = re.compile(r"\d[0-9a-z]*", re.ASCII)
_ENDS_FOR = re.compile(r"(?:^|\s)for\s+\d[0-9a-z]*$")
_LIMIT = re.compile(r"(?:^|\s)(?:when|unless)(?:\s|$)")
_ENDS_IN = re.compile(r"(?:^|\s)in\s+\S+$")


class Unclear(BotError):
    """The options do not say one thing. The sentence says which to change."""


# --- for everybody -------------------------------------------------------------------------------------------------


def bare(word: str, given: Given) -> str:
    """Only the word itself."""
    return word


def explain(word: str, given: Given) -> str:
    """`explain TOOL [NAME=VALUE ...]`, for admins `explain [WHO] TOOL [NAME=VALUE ...] [in #channel]`."""
    arguments, channel = _one_line("arguments", given), given.get("channel", "")
    if not channel and _ENDS_IN.search(arguments):
        raise Unclear("The arguments cannot end in `in ...`: choose a channel in its own option.")
    return _line(word, given.get("who", ""), _name("tool", given), arguments, f"in {channel}" if channel else "")


def approve(word: str, given: Given) -> str:
    """`approve ID [for run | thread | DURATION | always]`."""
    lasting = _word("for", given).lower()
    return _line(word, _name("id", given), f"for {lasting}" if lasting else "")


def deny(word: str, given: Given) -> str:
    """`deny ID [REASON]`; the reason is one line."""
    return _line(word, _name("id", given), " ".join(given.get("reason", "").split()))


def by_id(word: str, given: Given) -> str:
    """`revoke ID`."""
    return _line(word, _name("id", given))


def model(word: str, given: Given) -> str:
    """`model [LABEL]`."""
    return _line(word, _word("label", given))


def lasting(word: str, given: Given) -> str:
    """`usage [for DURATION]`, `suggest [for DURATION]`."""
    return _line(word, _for(given))


# --- for admins ----------------------------------------------------------------------------------------------------


def about(word: str, given: Given) -> str:
    """`show WHO`: exactly one person, role or channel."""
    return _line(word, _whom(given))


def rule(word: str, given: Given) -> str:
    """`allow WHO TOOL [when CONDITION] [for DURATION]`, and the same for ask and deny."""
    return _line(word, _whom(given), _tools(given), _limit("when", given), _for(given))


def reset(word: str, given: Given) -> str:
    """`reset WHO [TOOL]`."""
    return _line(word, _whom(given), _name("tool", given))


def role(word: str, given: Given) -> str:
    """`role WHO ROLE [for DURATION]`."""
    return _line(word, _whom(given), _word("role", given), _for(given))


def approver(word: str, given: Given) -> str:
    """`approver TOOL RULE [when CONDITION | unless CONDITION] [for DURATION]`."""
    said = _one_line("rule", given)
    if _LIMIT.search(said) or _ENDS_FOR.search(said):
        raise Unclear("Write only who approves into `rule`: `when`, `unless` and `for` are options of their own.")
    if "when" in given and "unless" in given:
        raise Unclear("Give `when` or `unless`, not both.")
    limits = _limit("when", given), _limit("unless", given)
    return _line(word, _name("tool", given), said, *limits, _for(given))


def pair(word: str, given: Given) -> str:
    """`link PERSON PERSON`: the second by mention, or as the identity another platform knows."""
    others = [one for one in (given.get("other", ""), _word("identity", given)) if one]
    if len(others) != 1:
        raise Unclear("Name the other one: either in `other`, or as `identity`, such as slack:T123/U456.")
    return _line(word, given["person"], *others)


def person(word: str, given: Given) -> str:
    """`grants [WHO]`, `data export WHO`."""
    return _line(word, given.get("who", ""))


def erase(word: str, given: Given) -> str:
    """`data erase WHO [yes]`."""
    return _line(word, given["who"], "yes" if given.get("sure") == "yes" else "")


def audit(word: str, given: Given) -> str:
    """`audit [who=WHO] [tool=TOOL] ...`."""
    filters = {name: _word(name, given) for name in ("tool", "event", "decision", "outcome", "since", "limit")}
    chosen = {"who": given.get("who", ""), **filters, "as": "csv" if given.get("export") == "yes" else ""}
    return _line(word, *(f"{name}={value}" for name, value in chosen.items() if value))


def simulate(word: str, given: Given) -> str:
    """`simulate CHANGE for DURATION`: always with how far to look back, as the last `for` of a line says that."""
    return _line(word, _one_line("change", given), _for(given) or f"for {LOOK_BACK}")


def document(word: str, given: Given) -> str:
    """`policy diff` or `policy import` and the file below it."""
    return f"{word}\n{given['file']}"


# --- pieces --------------------------------------------------------------------------------------------------------


def _line(*pieces: str) -> str:
    return " ".join(piece for piece in pieces if piece)


def _whom(given: Given) -> str:
    """Whom it is for: a person or a role, or else a channel."""
    named = [given[name] for name in ("who", "channel") if name in given]
    if len(named) != 1:
        raise Unclear("Choose exactly one: a person or role in `who`, or a channel in `channel`.")
    return named[0]


def _tools(given: Given) -> str:
    """One tool, or several with commas between them."""
    return ",".join(_exact("tool", one) for one in given["tool"].split(",") if one.strip())


def _name(option: str, given: Given) -> str:
    return _exact(option, given[option]) if option in given else ""


def _exact(option: str, text: str) -> str:
    """A name or an id: what could be a mention or a filter is none."""
    bare = text.strip().strip("`")
    if not _NAME.fullmatch(bare):
        raise Unclear(f"`{option}` takes one exact name or id: choose one of those that are offered.")
    return bare


def _word(option: str, given: Given) -> str:
    """A value without blanks, "" for none."""
    text = given.get(option, "").strip()
    if len(text.split()) > 1 or not text.isprintable():
        raise Unclear(f"`{option}` takes one word, without blanks.")
    return text


def _one_line(option: str, given: Given) -> str:
    text = given.get(option, "").strip()
    if not text.isprintable():
        raise Unclear(f"Write `{option}` on one line, without control characters.")
    return text


def _limit(option: str, given: Given) -> str:
    """`when CONDITION` or `unless CONDITION`, "" for none."""
    if not (condition := _one_line(option, given)):
        return ""
    if _ENDS_FOR.search(condition):
        raise Unclear(f"Write only the condition into `{option}`: how long it holds is the option `for`.")
    return f"{option} {condition}"


def _for(given: Given) -> str:
    """`for DURATION`, "" for none."""
    if not (text := given.get("for", "")):
        return ""
    length = "".join(text.lower().split()).removeprefix("for")
    if not _DURATION.fullmatch(length):
        raise Unclear("`for` takes a duration such as 30m, 2h, 7d or 1h30m.")
    return f"for {length}"
