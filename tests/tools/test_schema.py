"""From hints and docstrings to a schema that small models and Gemini understand."""

from __future__ import annotations

import datetime
import enum
from dataclasses import dataclass
from typing import Annotated, Literal
from uuid import UUID

import pytest
from pydantic import BaseModel, Field
from typing_extensions import TypedDict

from bot.errors import ConfigError
from bot.tools.arguments import ArgumentError
from bot.tools.context import ToolContext
from bot.tools.schema import Signature, read_docstring, read_signature


class Colour(enum.Enum):
    RED = "red"
    BLUE = "blue"


class Address(BaseModel):
    street: str
    title: str | None = None


class Node(BaseModel):
    value: int
    children: list[Node] = []


@dataclass
class Point:
    x: int


class Filter(TypedDict):
    field: str


def signature(fn: object) -> Signature:
    assert callable(fn)
    return read_signature(fn, "probe")


def properties(fn: object) -> object:
    return signature(fn).schema["properties"]


def test_descriptions_come_from_the_docstring() -> None:
    def book(room: str, minutes: int = 30) -> str:
        """Book a meeting room
        for the team.

        More words that the model does not need.

        Args:
            room: the room's name,
                as on its door
            minutes (int): how long
        Returns:
            nothing: at all
        """
        return room

    read = signature(book)

    assert read.description == "Book a meeting room for the team."
    assert read.schema == {
        "type": "object",
        "properties": {
            "room": {"type": "string", "description": "the room's name, as on its door"},
            "minutes": {"type": "integer", "description": "how long", "default": 30},
        },
        "required": ["room"],
        "additionalProperties": False,
    }


def test_a_function_without_parameters_or_docstring_still_has_a_closed_schema() -> None:
    def clear_all() -> None: ...

    read = read_signature(clear_all, "clear_all")

    assert read.description == "clear all"
    assert read.schema == {"type": "object", "properties": {}, "additionalProperties": False}


def test_a_docstring_that_is_only_args_has_no_summary() -> None:
    assert read_docstring("Args:\n    a: one") == ("", {"a": "one"})


def test_optional_is_a_plain_type_that_is_not_required() -> None:
    def search(query: str | None, limit: int | None = None) -> None: ...

    read = signature(search)

    assert read.schema == {
        "type": "object",
        "properties": {"query": {"type": "string"}, "limit": {"type": "integer"}},
        "additionalProperties": False,
    }
    assert read.validate("{}") == {"query": None}
    assert read.validate('{"query":null,"limit":null}') == {"query": None, "limit": None}


def test_models_and_enums_are_put_in_place_without_titles() -> None:
    def send(to: Address, colour: Colour, many: list[Address]) -> None: ...

    address = {
        "type": "object",
        "properties": {"street": {"type": "string"}, "title": {"type": "string"}},
        "required": ["street"],
        "additionalProperties": False,
    }
    read = signature(send)
    assert read.schema["properties"] == {
        "to": address,
        "colour": {"enum": ["red", "blue"], "type": "string"},
        "many": {"items": address, "type": "array"},
    }
    assert "$defs" not in read.schema


def test_a_recursive_model_keeps_its_definition() -> None:
    def plant(tree: Node) -> None: ...

    read = signature(plant)

    assert list(read.schema["$defs"]) == ["Node"]  # type: ignore[call-overload]
    assert read.validate('{"tree":{"value":1,"children":[{"value":2}]}}')["tree"] == Node(
        value=1, children=[Node(value=2)]
    )


def test_a_single_literal_is_an_enum_of_one() -> None:
    def pick(kind: Literal["a"], size: Literal[1, 2]) -> None: ...

    assert properties(pick) == {
        "kind": {"enum": ["a"], "type": "string"},
        "size": {"enum": [1, 2], "type": "integer"},
    }


def test_formats_other_than_date_time_become_words() -> None:
    def plan(
        day: datetime.date, at: datetime.datetime, ref: Annotated[UUID, Field(description="A reference.")]
    ) -> None: ...

    assert properties(plan) == {
        "day": {"type": "string", "description": "Format: date."},
        "at": {"type": "string", "format": "date-time"},
        "ref": {"type": "string", "description": "A reference. Format: uuid."},
    }


def test_the_length_of_a_text_becomes_words_because_grammars_cannot_hold_it() -> None:
    def say(text: Annotated[str, Field(min_length=1, max_length=4000)]) -> None:
        """Say it.

        Args:
            text: The words.
        """

    assert properties(say) == {
        "text": {"type": "string", "minLength": 1, "description": "The words. At most 4000 characters."}
    }
    with pytest.raises(ArgumentError, match='"text" should have at most 4000 characters'):
        signature(say).validate('{"text":"' + "x" * 4001 + '"}')


def test_bounds_are_kept_and_a_map_stays_open() -> None:
    def add(count: Annotated[int, Field(ge=1, le=9)], labels: dict[str, str]) -> None: ...

    assert properties(add) == {
        "count": {"minimum": 1, "maximum": 9, "type": "integer"},
        "labels": {"additionalProperties": {"type": "string"}, "type": "object"},
    }


def test_parameter_names_that_pydantic_models_refuse_work() -> None:
    def store(json: str, copy: bool, model_config: int, _private: str, title: str) -> None: ...

    arguments = signature(store).validate('{"json":"j","copy":true,"model_config":1,"_private":"p","title":"t"}')

    assert arguments == {"json": "j", "copy": True, "model_config": 1, "_private": "p", "title": "t"}


def test_values_arrive_as_the_types_the_hints_say() -> None:
    def make(colour: Colour, day: datetime.date, point: Point, only: Filter, pair: tuple[int, str]) -> None: ...

    text = '{"colour":"red","day":"2026-02-03","point":{"x":1},"only":{"field":"f"},"pair":[1,"a"]}'

    assert signature(make).validate(text) == {
        "colour": Colour.RED,
        "day": datetime.date(2026, 2, 3),
        "point": Point(1),
        "only": {"field": "f"},
        "pair": (1, "a"),
    }


def refusing(count: int, ratio: float = 0.5, on: bool = False, to: Address | None = None) -> None: ...


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ('{"count":"5"}', '"count" should be a valid integer'),
        ('{"count":1.0}', '"count" should be a valid integer'),
        ('{"count":true}', '"count" should be a valid integer'),
        ('{"count":null}', '"count" should be a valid integer'),
        ('{"count":1,"ratio":"0.5"}', '"ratio" should be a valid number'),
        ('{"count":1,"on":1}', '"on" should be a valid boolean'),
        ('{"count":1,"on":"yes"}', '"on" should be a valid boolean'),
        ("{}", '"count" is required'),
        ("", '"count" is required'),
        ('{"count":1,"extra":2}', '"extra" is not an argument of this tool'),
        ('{"count":1,"Count":2}', '"Count" is not an argument of this tool'),
        ('{"count":1,"to":{"street":"s","zip":1}}', '"to.zip" is not an argument of this tool'),
        ('{"count":1,"to":{}}', '"to.street" is required'),
        ('{"count":1,"to":"s"}', '"to" should be an object'),
    ],
)
def test_row_10_nothing_is_coerced_and_nothing_extra_passes(text: str, why: str) -> None:
    with pytest.raises(ArgumentError) as caught:
        signature(refusing).validate(text)

    assert str(caught.value) == f"{why}."


def test_an_integer_is_a_good_number() -> None:
    assert signature(refusing).validate('{"count":1,"ratio":2}') == {"count": 1, "ratio": 2.0}


def test_many_errors_are_counted_not_listed() -> None:
    text = "{" + ",".join(f'"x{number}":1' for number in range(50)) + "}"

    with pytest.raises(ArgumentError) as caught:
        signature(refusing).validate(text)

    assert str(caught.value).endswith("and 46 more.")


def test_the_context_is_not_part_of_the_schema() -> None:
    def remember(context: ToolContext, text: str) -> None: ...

    read = signature(remember)

    assert read.takes_context
    assert read.schema["properties"] == {"text": {"type": "string"}}


def unhinted(text) -> None: ...  # type: ignore[no-untyped-def]
def variable(*texts: str) -> None: ...
def keywords(**texts: str) -> None: ...
def positional(text: str, /) -> None: ...
def late_context(text: str, context: ToolContext) -> None: ...
def unknown_hint(text: Missing) -> None: ...  # type: ignore[name-defined]  # noqa: F821
def uncarriable(sink: type[int] | ToolContext | Signature) -> None: ...


@pytest.mark.parametrize(
    ("fn", "why"),
    [
        (unhinted, "'text' needs a type hint"),
        (variable, "'texts' must be an ordinary named parameter"),
        (keywords, "'texts' must be an ordinary named parameter"),
        (positional, "'text' must be an ordinary named parameter"),
        (late_context, "ToolContext must be the first parameter"),
        (unknown_hint, "type hints cannot be read"),
        (uncarriable, "a type that JSON cannot carry"),
    ],
)
def test_a_function_that_cannot_be_a_tool_is_refused_with_a_reason(fn: object, why: str) -> None:
    with pytest.raises(ConfigError, match=why):
        signature(fn)
