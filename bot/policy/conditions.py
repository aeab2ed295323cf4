"""Conditions on the arguments of a call, such as `url.host=docs.python.org and amount<=100`.

Exact names and values only: no wildcards, no regular expressions. What several readers might read differently (an odd
URL, an odd path) never meets a condition.
"""

from __future__ import annotations

import difflib
import json
import math
import operator
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import lru_cache
from typing import ClassVar, NoReturn, TypeGuard

from bot.errors import PolicyError
from bot.policy.targets import ascii_host, host_and_port, is_address, path_parts

MAX_CHARS = 1000
MAX_TESTS = 20
_NUMBER = re.compile(r"-?(?:0|[1-9][0-9]*)(?:\.[0-9]+)?(?:[eE][+-]?[0-9]+)?")
_WORDS = ("true", "false", "null")
_HEAD = re.compile(r"([A-Za-z_][A-Za-z0-9_]*)((?:\.host|\.under)\s*=|\s*(?:<=|>=|<|>|=))\s*")
_BARE = re.compile(r"[^\s|]+")
_NEEDS_QUOTES = frozenset("\"'*“”„‘’")
_OR = re.compile(r"\s*\|\s*")
_AND = re.compile(r"\s+and\s+")
_COMPARE = {"<=": operator.le, ">=": operator.ge, "<": operator.lt, ">": operator.gt}
_HOW = "write tests such as amount<=100, mode=draft|final or url.host=docs.python.org, joined by ' and '"
_DECODER = json.JSONDecoder()


# --- the tests -----------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Value:
    """One value. `is_text` False: it reads as a number, true, false or null, and what the argument is decides."""

    text: str
    is_text: bool = True

    def equals(self, argument: str | float | None) -> bool:
        if isinstance(argument, str):
            return argument == self.text
        if self.is_text:
            return False
        if argument is None or isinstance(argument, bool):
            return self.text == json.dumps(argument)
        return self.text not in _WORDS and _number(self.text) == argument

    def __str__(self) -> str:
        return _quoted(self.text) if self.is_text and _is_literal(self.text) else _written(self.text)


@dataclass(frozen=True, slots=True)
class Equals:
    """The argument is one of `values`: text by exact comparison, numbers by value, the JSON words as such."""

    name: str
    values: tuple[Value, ...]
    reads: ClassVar[frozenset[str]] = frozenset({"string", "number", "integer", "boolean", "null"})

    def holds(self, argument: object) -> bool | None:
        if argument is None or isinstance(argument, str | bool) or _is_number(argument):
            return any(value.equals(argument) for value in self.values)
        return None

    def __str__(self) -> str:
        return f"{self.name}={'|'.join(map(str, self.values))}"


@dataclass(frozen=True, slots=True)
class Host:
    """The argument is an http(s) URL of one of `hosts` (ASCII, small letters; `.x` = x and all its subdomains).

    A port never meets it. A URL that is not plain cannot be told.
    """

    name: str
    hosts: tuple[str, ...]
    reads: ClassVar[frozenset[str]] = frozenset({"string"})

    def holds(self, argument: object) -> bool | None:
        found = host_and_port(argument) if isinstance(argument, str) else None
        if found is None:
            return None
        host, port = found
        is_one = any(host == one or (one[0] == "." and f".{host}".endswith(one)) for one in self.hosts)
        return None if is_one and port else is_one

    def __str__(self) -> str:
        return f"{self.name}.host={'|'.join(map(_written, self.hosts))}"


@dataclass(frozen=True, slots=True)
class Under:
    """The argument is a relative path inside `folder`.

    What cannot be told: a path that is not plain, and the folder itself or one above it, which speak of all inside.
    """

    name: str
    folder: str
    reads: ClassVar[frozenset[str]] = frozenset({"string"})

    def holds(self, argument: object) -> bool | None:
        parts = path_parts(argument) if isinstance(argument, str) else None
        if parts is None:
            return None
        folder = self.folder.split("/")
        if len(parts) <= len(folder):
            return None if folder[: len(parts)] == parts else False
        return parts[: len(folder)] == folder

    def __str__(self) -> str:
        return f"{self.name}.under={_written(self.folder)}"


@dataclass(frozen=True, slots=True)
class Bound:
    """The argument is a finite number on this side of `number`, a JSON number as it was written."""

    name: str
    sign: str
    number: str
    reads: ClassVar[frozenset[str]] = frozenset({"number", "integer"})

    def holds(self, argument: object) -> bool | None:
        if not _is_number(argument):
            return None
        return bool(_COMPARE[self.sign](argument, _number(self.number)))

    def __str__(self) -> str:
        return f"{self.name}{self.sign}{self.number}"


Test = Equals | Host | Under | Bound


# --- the whole -----------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Condition:
    """Tests on the arguments that must all hold; without any it always holds. Its text is the canonical one."""

    tests: tuple[Test, ...] = ()

    @property
    def names(self) -> frozenset[str]:
        """The parameters it speaks of."""
        return frozenset(test.name for test in self.tests)

    def holds(self, arguments: Mapping[str, object]) -> bool | None:
        """Tell whether these arguments meet it.

        False if any test is definitely not met. Else None, "cannot be told", if an argument that it speaks of is
        missing, of another type than the test reads, or a URL or path that nobody can be sure of. Else True.
        """
        results = [test.holds(arguments[test.name]) if test.name in arguments else None for test in self.tests]
        if False in results:
            return False
        return None if None in results else True

    def __str__(self) -> str:
        return " and ".join(map(str, self.tests))


@lru_cache(maxsize=1024)
def parse_condition(text: str) -> Condition:
    """Read a condition; "" always holds.

    Raises `PolicyError` where it is none, or longer than 1,000 characters or 20 tests, also as canonical text.
    """
    if len(text) > MAX_CHARS:
        raise _too_long()
    condition = Condition(tuple(dict.fromkeys(_tests(text.strip()))))
    if len(condition.tests) > MAX_TESTS or len(str(condition)) > MAX_CHARS:
        raise _too_long()
    return condition


def check_fits(condition: Condition, parameters: Mapping[str, object], tool: str) -> None:
    """Check that the tool has the parameters the condition speaks of, in a type that its tests can read.

    `parameters` is the tool's JSON schema. Raises `PolicyError`, with the parameters there are, closest name first.
    """
    properties = parameters.get("properties")
    known = properties if isinstance(properties, Mapping) else {}
    for test in condition.tests:
        if test.name not in known:
            raise PolicyError(_no_such(test.name, [str(name) for name in known], tool))
        types = _types(known[test.name])
        if types is not None and not types & test.reads:
            is_ = " or ".join(sorted(types))
            wanted = " or ".join(sorted(test.reads))
            raise PolicyError(f"{test} needs a parameter that is {wanted}, but {test.name} of {tool} is {is_}.")


def canonical(arguments: Mapping[str, object]) -> str:
    """Give the one JSON text of these arguments: the same JSON value has the same text, another one another."""
    return json.dumps(dict(arguments), sort_keys=True, separators=(",", ":"), ensure_ascii=False)


# --- reading -------------------------------------------------------------------------------------------------------


def _tests(text: str) -> Iterator[Test]:
    at = 0
    while at < len(text):
        head = _HEAD.match(text, at)
        if head is None:
            _refuse(text, at)
        values, at = _values(text, head.end())
        yield _test(head[1], re.sub(r"\s", "", head[2]), values)
        if at < len(text):
            joint = _AND.match(text, at)
            if joint is None:
                _refuse(text, at)
            at = joint.end()


def _values(text: str, at: int) -> tuple[tuple[Value, ...], int]:
    values = []
    while True:
        value, at = _value(text, at)
        values.append(value)
        more = _OR.match(text, at)
        if more is None:
            return tuple(dict.fromkeys(values)), at
        at = more.end()


def _value(text: str, at: int) -> tuple[Value, int]:
    if text[at : at + 1] == '"':
        try:
            quoted, end = _DECODER.raw_decode(text, at)
            quoted.encode()
        except ValueError as err:
            raise PolicyError('The text in quotes cannot be read: write it as a JSON string, "like this".') from err
        return Value(quoted), end
    found = _BARE.match(text, at)
    if found is None or not _is_bare(found[0]):
        raise PolicyError(
            f"{text[at : at + 40]!r} cannot stand as a value: write a word or a number, and straight double quotes "
            "around anything with blanks, '|', '*', quotes or the word and (there are no wildcards)."
        )
    return _unquoted(found[0]), found.end()


def _unquoted(text: str) -> Value:
    if _NUMBER.fullmatch(text) and math.isinf(_number(text)):
        raise PolicyError(f"{text[:40]!r} is too large a number: write a smaller one, or text in double quotes.")
    return Value(text, is_text=not _is_literal(text))


def _test(name: str, sign: str, values: tuple[Value, ...]) -> Test:
    if sign == "=":
        return Equals(name, values)
    if sign == ".host=":
        return Host(name, tuple(dict.fromkeys(_host(value.text) for value in values)))
    if len(values) > 1:
        raise PolicyError(f"{name}{sign} takes one value: write it without '|'.")
    if sign == ".under=":
        return Under(name, _folder(values[0].text))
    if values[0].is_text or values[0].text in _WORDS:
        raise PolicyError(f"{name}{sign} compares numbers: write one such as {name}{sign}100.")
    return Bound(name, sign, values[0].text)


def _host(text: str) -> str:
    host = ascii_host(text.removeprefix("."))
    if host is None or (text[:1] == "." and is_address(host)):
        raise PolicyError(
            f"{text[:40]!r} is no host: write a plain name such as docs.python.org, or .example.org for example.org "
            "and all its subdomains."
        )
    return f".{host}" if text[:1] == "." else host


def _folder(text: str) -> str:
    folder = text.removesuffix("/")
    if path_parts(folder) is None:
        raise PolicyError(f"{text[:40]!r} is no plain relative folder: write one such as reports or reports/2026.")
    return folder


def _is_literal(text: str) -> bool:
    """Whether it reads as a number, true, false or null."""
    return text in _WORDS or _NUMBER.fullmatch(text) is not None


def _is_bare(text: str) -> bool:
    if _BARE.fullmatch(text) is None or text == "and" or text[0] in "=<>":
        return False
    return text.isprintable() and _NEEDS_QUOTES.isdisjoint(text)


def _written(text: str) -> str:
    return text if _is_bare(text) else _quoted(text)


def _quoted(text: str) -> str:
    return json.dumps(text, ensure_ascii=not text.isprintable())


def _number(text: str) -> int | float:
    return int(text) if text.removeprefix("-").isdigit() else float(text)


def _is_number(argument: object) -> TypeGuard[int | float]:
    if isinstance(argument, float):
        return math.isfinite(argument)
    return isinstance(argument, int) and not isinstance(argument, bool)


def _types(schema: object) -> frozenset[str] | None:
    """The JSON types a parameter may have; None = its schema does not say."""
    if not isinstance(schema, Mapping):
        return None
    said = schema.get("type")
    if isinstance(said, str):
        return frozenset({said})
    if isinstance(said, list):
        return frozenset(map(str, said))
    choices = schema.get("anyOf") or schema.get("oneOf")
    if not isinstance(choices, list):
        return None
    types = [_types(choice) for choice in choices]
    return None if None in types else frozenset().union(*(one for one in types if one))


def _no_such(name: str, known: list[str], tool: str) -> str:
    if not known:
        return f"{tool} has no parameters: write no condition for it."
    closest = difflib.get_close_matches(name, known, n=len(known), cutoff=0.0)
    return f"{tool} has no parameter {name}: write one of {', '.join(closest)}."


def _refuse(text: str, at: int) -> NoReturn:
    raise PolicyError(f"The condition cannot be read at {text[at : at + 40].strip()!r}: {_HOW}.")


def _too_long() -> PolicyError:
    return PolicyError(f"A condition has at most {MAX_TESTS} tests and {MAX_CHARS:,} characters: write a shorter one.")
