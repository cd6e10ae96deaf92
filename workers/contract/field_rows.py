"""JSON schemas as people read them: one line for each field."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any, Final

from domain.names import NAME

WORDS_SHOWN_MAX: Final = 40
BOUNDS: Final = (
    ("minLength", "at least {} characters"),
    ("maxLength", "at most {} characters"),
    ("minimum", "from {}"),
    ("maximum", "to {}"),
    ("minItems", "at least {}"),
    ("maxItems", "at most {}"),
)


def parts_of(schema: Mapping[str, Any]) -> dict[str, dict[str, Any]]:
    """Return the named objects that a schema is made of."""
    return {name: part for name, part in schema.get("$defs", {}).items() if part.get("properties")}


def field_rows(schema: Mapping[str, Any]) -> Iterator[tuple[str, str, str]]:
    """Yield name, whether it is required, and type of each field of an object."""
    required = set(schema.get("required", ()))
    for name, field in schema["properties"].items():
        default = field.get("default")
        shown = "" if default is None else f"; default `{default}`".replace("True", "true").replace("False", "false")
        yield f"`{name}`", "yes" if name in required else "", type_text(field) + shown


def type_text(field: Mapping[str, Any]) -> str:
    """Return a field's type, with its bounds, as a phrase."""
    if "$ref" in field:
        return str(field["$ref"]).rsplit("/", 1)[-1]
    for joined in ("anyOf", "oneOf"):
        if joined in field:
            return " or ".join(type_text(part) for part in field[joined])
    if "const" in field:
        return f"`{field['const']}`"
    if "enum" in field:
        return " ".join(f"`{word}`" for word in field["enum"][:WORDS_SHOWN_MAX])
    return _plain(field) + _bounds(field)


def _plain(field: Mapping[str, Any]) -> str:
    kind = field.get("type", "any value")
    if kind == "array":
        items = field.get("items") or {}
        return f"list of {type_text(items)}" if items else "list"
    if kind == "object" and isinstance(field.get("additionalProperties"), Mapping):
        return f"object of {type_text(field['additionalProperties'])}"
    if isinstance(kind, list):
        return " or ".join(kind)
    return f"{kind} ({field['format']})" if "format" in field else str(kind)


def _bounds(field: Mapping[str, Any]) -> str:
    told = [phrase.format(f"{field[key]:,}") for key, phrase in BOUNDS if key in field]
    if field.get("pattern") == NAME:
        told.append("printable, no space at either end")
    elif "pattern" in field:
        told.append(f"pattern `{field['pattern']}`")
    return f", {', '.join(told)}" if told else ""
