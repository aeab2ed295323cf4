"""JSON schemas made plain: pydantic's are right, but more than small models and some providers understand. Pure."""

from __future__ import annotations

from collections.abc import Mapping

Schema = dict[str, object]
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
