"""From type hints to a JSON schema, and from a model's JSON text to checked arguments.

Knows pydantic and JSON, nothing of tools, policy or the engine.
"""

from __future__ import annotations

import inspect
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import NotRequired, Required, cast, get_type_hints

from pydantic import PydanticUserError, TypeAdapter, ValidationError
from pydantic.errors import PydanticSchemaGenerationError
from pydantic_core import ErrorDetails
from typing_extensions import TypedDict

from bot.errors import ConfigError
from bot.tools.arguments import ArgumentError, parse_arguments, quote
from bot.tools.context import ToolContext
from bot.tools.docstring import read_docstring
from bot.tools.plain_schema import Schema, simplify

__all__ = ["ArgumentError", "Schema", "Signature", "parse_arguments", "read_docstring", "read_signature", "simplify"]

_MAX_SHOWN_ERRORS = 5
# not a class of its own: a TypedDict allows every parameter name, a model refuses some (`json`, `_x`)
_typed_dict = cast("Callable[[str, Mapping[str, object]], type[dict[str, object]]]", TypedDict)


@dataclass(frozen=True, slots=True)
class Signature:
    """What a function takes: the schema a model sees, and the validator that holds it to that."""

    description: str
    schema: Schema
    adapter: TypeAdapter[dict[str, object]]
    takes_context: bool
    unset: tuple[str, ...]
    """Names of optional parameters without a default; they are passed as None when the model leaves them out."""

    def validate(self, text: str) -> dict[str, object]:
        """Give the keyword arguments in `text`. Raises `ArgumentError`."""
        parse_arguments(text)
        try:
            given = self.adapter.validate_json(text or "{}", strict=True, extra="forbid")
        except ValidationError as err:
            raise ArgumentError(_explain(err.errors(include_url=False, include_context=False))) from None
        return {**dict.fromkeys(self.unset), **given}

    def is_accepted_by(self, check: Callable[..., object]) -> bool:
        """Whether a function can be called with all that the tool may be called with."""
        properties, required = self.schema["properties"], self.schema.get("required", [])
        assert isinstance(properties, dict)
        assert isinstance(required, list)
        context = (None,) if self.takes_context else ()
        try:
            for names in ([*required, *self.unset], properties):
                inspect.signature(check).bind(*context, **dict.fromkeys(names))
        except TypeError:
            return False
        return True


def read_signature(fn: Callable[..., object], name: str) -> Signature:
    """Read description, parameters and types of a tool function. Raises `ConfigError` naming the tool."""
    hints = _hints(fn, name)
    parameters = list(inspect.signature(fn).parameters.values())
    takes_context = bool(parameters) and hints.get(parameters[0].name) is ToolContext
    parameters = parameters[1:] if takes_context else parameters
    for parameter in parameters:
        _refuse_unusable(parameter, hints, name)
    optional = {p.name for p in parameters if p.default is not p.empty or _allows_none(hints[p.name])}
    adapter = _adapter({p.name: hints[p.name] for p in parameters}, optional, name)
    description, described = read_docstring(inspect.getdoc(fn) or "")
    schema = simplify(adapter.json_schema(mode="validation"))
    _describe(schema, described, {p.name: p.default for p in parameters if p.default is not p.empty})
    unset = tuple(p.name for p in parameters if p.default is p.empty and p.name in optional)
    return Signature(description or name.replace("_", " "), schema, adapter, takes_context, unset)


def _hints(fn: Callable[..., object], name: str) -> dict[str, object]:
    try:
        return dict(get_type_hints(fn, include_extras=True))
    except (NameError, TypeError, AttributeError) as err:
        raise ConfigError(f"tool {name}", f"its type hints cannot be read ({err}).") from err


def _refuse_unusable(parameter: inspect.Parameter, hints: Mapping[str, object], name: str) -> None:
    if parameter.kind in (parameter.VAR_POSITIONAL, parameter.VAR_KEYWORD, parameter.POSITIONAL_ONLY):
        raise ConfigError(f"tool {name}", f"parameter {parameter.name!r} must be an ordinary named parameter.")
    if parameter.name not in hints:
        raise ConfigError(f"tool {name}", f"parameter {parameter.name!r} needs a type hint.")
    if hints[parameter.name] is ToolContext:
        raise ConfigError(f"tool {name}", "ToolContext must be the first parameter.")


def _allows_none(hint: object) -> bool:
    try:
        TypeAdapter(cast("type[object]", hint)).validate_python(None, strict=True)
    except (ValidationError, PydanticUserError):
        return False
    return True


def _adapter(hints: Mapping[str, object], optional: set[str], name: str) -> TypeAdapter[dict[str, object]]:
    members = {key: NotRequired[hint] if key in optional else Required[hint] for key, hint in hints.items()}
    try:
        return TypeAdapter(_typed_dict("arguments", members))
    except (PydanticSchemaGenerationError, PydanticUserError) as err:
        cause = str(err).splitlines()[0]
        raise ConfigError(f"tool {name}", f"a parameter has a type that JSON cannot carry ({cause}).") from err


def _describe(schema: Schema, described: Mapping[str, str], defaults: Mapping[str, object]) -> None:
    properties = schema["properties"]
    assert isinstance(properties, dict)
    for name, property_schema in properties.items():
        if name in described:
            # what the docstring says comes before what the type says ("Format: date.")
            words = f"{described[name]} {property_schema.get('description', '')}"
            property_schema["description"] = words.strip()
        if isinstance(defaults.get(name), str | int | float):
            property_schema["default"] = defaults[name]


_SUBJECT = re.compile(r"^(Value error, |Assertion failed, |[A-Z]\w+ (?=should ))")


def _explain(errors: list[ErrorDetails]) -> str:
    shown = [_explain_one(error) for error in errors[:_MAX_SHOWN_ERRORS]]
    more = f"; and {len(errors) - len(shown)} more" if len(errors) > len(shown) else ""
    return "; ".join(shown) + more + "."


def _explain_one(error: ErrorDetails) -> str:
    where = quote(".".join(str(part) for part in error["loc"]))
    match error["type"]:
        case "missing":
            return f"{where} is required"
        case "extra_forbidden":
            return f"{where} is not an argument of this tool"
        case _:
            return f"{where} {_SUBJECT.sub('', error['msg'])[:200]}"
