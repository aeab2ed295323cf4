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

__all__ = ["ArgumentError", "Signature", "parse_arguments", "read_signature", "simplify"]

_MAX_SHOWN_ERRORS = 5
# not a class of its own: a TypedDict allows every parameter name, a model refuses some (`json`, `_x`)
_typed_dict = cast("Callable[[str, Mapping[str, object]], type[dict[str, object]]]", TypedDict)
Schema = dict[str, object]


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


# --- docstrings --------------------------------------------------------------------------------------------------

_SECTION = re.compile(r"^(Args|Arguments|Parameters|Returns|Raises|Yields|Examples?|Notes?):\s*$")
_ENTRY = re.compile(r"^(\*{0,2}\w+)\s*(?:\([^)]*\))?:\s*(.*)$")


def read_docstring(text: str) -> tuple[str, dict[str, str]]:
    """Give the first paragraph and, per parameter, what a Google-style `Args:` section says of it."""
    first = re.split(r"\n\s*\n", text.strip(), maxsplit=1)[0]
    lines = [line.strip() for line in first.splitlines()]
    summary = [] if lines and _SECTION.match(lines[0]) else lines
    return " ".join(summary), _args_section(text)


def _args_section(text: str) -> dict[str, str]:
    described: dict[str, str] = {}
    current, indent, is_inside = "", 0, False
    for line in text.splitlines():
        section = _SECTION.match(line)
        if section or (line.strip() and not line[0].isspace()):
            is_inside, indent = bool(section) and section[1] in ("Args", "Arguments", "Parameters"), 0  # type: ignore[index]
            continue
        if not is_inside or not line.strip():
            continue
        depth = len(line) - len(line.lstrip())
        indent = indent or depth
        entry = _ENTRY.match(line.strip())
        if entry and depth <= indent:
            current = entry[1].lstrip("*")
            described[current] = entry[2].strip()
        elif current:
            described[current] = f"{described[current]} {line.strip()}".strip()
    return described


# --- schema --------------------------------------------------------------------------------------------------------

_PLAIN_FORMATS = frozenset({"date-time"})


def simplify(schema: Mapping[str, object]) -> Schema:
    """Make a JSON schema plain enough for small models and for Gemini.

    References are put in place (only recursive ones keep `$defs`), `title` goes, "X or null" becomes X, `const` becomes
    an `enum` of one, `oneOf` becomes `anyOf`, the longest length of a text and formats other than date-time
    become words, every object with properties is closed.
    """
    definitions = schema.get("$defs", {})
    assert isinstance(definitions, Mapping)
    simple = _Simplifier(definitions)
    plain = simple.schema({key: value for key, value in schema.items() if key != "$defs"}, ())
    while missing := simple.recursive - set(simple.kept):
        for name in sorted(missing):
            simple.kept[name] = simple.schema(definitions[name], (name,))
    if simple.kept:
        plain["$defs"] = simple.kept
    return plain


class _Simplifier:
    def __init__(self, definitions: Mapping[str, object]) -> None:
        self.definitions = definitions
        self.recursive: set[str] = set()
        self.kept: dict[str, Schema] = {}

    def schema(self, value: object, inside: tuple[str, ...]) -> Schema:
        if not isinstance(value, Mapping):
            return {}
        if "$ref" in value:
            return self._reference(value, inside)
        plain = {key: self._member(key, member, inside) for key, member in value.items() if key != "title"}
        return _closed(_worded_length(_worded_format(_without_null(_renamed(plain)))))

    def _reference(self, value: Mapping[str, object], inside: tuple[str, ...]) -> Schema:
        name = str(value["$ref"]).removeprefix("#/$defs/")
        beside = {key: member for key, member in value.items() if key not in ("$ref", "title")}
        if name in inside:
            self.recursive.add(name)
            return {"$ref": f"#/$defs/{name}"}
        return {**self.schema(self.definitions[name], (*inside, name)), **beside}

    def _member(self, key: str, member: object, inside: tuple[str, ...]) -> object:
        if key == "properties" and isinstance(member, Mapping):
            return {name: self.schema(part, inside) for name, part in member.items()}
        if key in ("items", "additionalProperties") and isinstance(member, Mapping):
            return self.schema(member, inside)
        if key in ("anyOf", "oneOf", "allOf", "prefixItems") and isinstance(member, list):
            return [self.schema(part, inside) for part in member]
        return member


def _renamed(schema: Schema) -> Schema:
    if "const" in schema:
        schema["enum"] = [schema.pop("const")]
    if "oneOf" in schema:
        schema["anyOf"] = schema.pop("oneOf")
        schema.pop("discriminator", None)
    return schema


def _without_null(schema: Schema) -> Schema:
    branches = schema.get("anyOf")
    if not isinstance(branches, list):
        return schema
    kept = [branch for branch in branches if branch != {"type": "null"}]
    if schema.get("default", 0) is None:
        del schema["default"]
    if len(kept) != 1:
        return {**schema, "anyOf": kept}
    return {**kept[0], **{key: value for key, value in schema.items() if key != "anyOf"}}


def _worded_format(schema: Schema) -> Schema:
    if not isinstance(schema.get("format"), str) or schema["format"] in _PLAIN_FORMATS:
        return schema
    words = f"{schema.get('description', '')} Format: {schema.pop('format')}."
    return {**schema, "description": words.strip()}


def _worded_length(schema: Schema) -> Schema:
    """llama.cpp refuses a grammar with a long repetition, so the length of a text is said and left to the validator."""
    if schema.get("type") != "string" or "maxLength" not in schema:
        return schema
    words = f"{schema.get('description', '')} At most {schema.pop('maxLength')} characters."
    return {**schema, "description": words.strip()}


def _closed(schema: Schema) -> Schema:
    if schema.get("type") != "object" or ("properties" not in schema and "additionalProperties" in schema):
        return schema
    rest = {key: member for key, member in schema.items() if key not in ("type", "properties")}
    return {"type": "object", "properties": schema.get("properties", {}), **rest, "additionalProperties": False}


# --- errors --------------------------------------------------------------------------------------------------------


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
