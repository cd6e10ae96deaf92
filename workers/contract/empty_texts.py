"""What a schema says of optional texts: an empty one is as if left out, so that it fits whatever the text may hold."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from typing import Any, Final

Schema = dict[str, Any]

EMPTY: Final = {"const": "", "type": "string"}
BESIDE: Final = ("default", "description")
"""What is said of a field, and not of one of the alternatives that it takes."""


def with_empty_texts(schema: Any) -> Any:
    """Return a schema whose optional texts, wherever they stand in it, may be empty."""
    if isinstance(schema, list):
        return [with_empty_texts(part) for part in schema]
    if not isinstance(schema, dict):
        return schema
    found = {key: with_empty_texts(part) for key, part in schema.items()}
    if isinstance(found.get("properties"), dict):
        required = found.get("required", ())
        found["properties"] = {
            name: field if name in required else _or_empty(field) for name, field in found["properties"].items()
        }
    if isinstance(found.get("additionalProperties"), dict):
        found["additionalProperties"] = _or_empty(found["additionalProperties"])
    if "patternProperties" in found:
        found["patternProperties"] = {name: _or_empty(part) for name, part in found["patternProperties"].items()}
    return found


def _or_empty(field: Schema) -> Schema:
    alternatives = list(_alternatives(field))
    texts = [one for one in alternatives if _is_text(one)]
    if not texts or any(_takes_empty(one) for one in texts):
        return field
    beside = {key: field[key] for key in BESIDE if key in field}
    return {"anyOf": [*alternatives, dict(EMPTY)]} | beside


def _alternatives(field: Schema) -> Iterator[Schema]:
    yield from field.get("anyOf") or [{key: part for key, part in field.items() if key not in BESIDE}]


def _is_text(alternative: Mapping[str, Any]) -> bool:
    return "string" in alternative.get("type", ())


def _takes_empty(text: Mapping[str, Any]) -> bool:
    """Tell whether a schema of texts takes the empty one."""
    if "const" in text or "enum" in text:
        return "" in (text.get("const"), *text.get("enum", ()))
    return not text.get("minLength") and "format" not in text and bool(re.search(text.get("pattern", ""), ""))
