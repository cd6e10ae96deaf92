"""A JSON Schema as what can be compared: the kinds of value that it takes, each with its bounds and its parts."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Any, Final

Schema = Mapping[str, Any]

KNOWN: Final = frozenset(
    "type enum const pattern format minimum maximum minLength maxLength minItems maxItems minProperties maxProperties "
    "exclusiveMinimum exclusiveMaximum multipleOf uniqueItems properties required additionalProperties "
    "patternProperties propertyNames items anyOf oneOf $ref $defs default".split()
)
EMPTY: Final = "empty string"
"""The kind of a text that is as if left out: it stands beside the texts that say something."""
NO_DEFAULT: Final = object()
"""The default of a field that has none; null is one."""


class UncomparableError(ValueError):
    """A schema says something that the comparison does not know yet: it has to learn it, not to pass it over."""


@dataclass(frozen=True)
class Shape:
    """A schema beside the parts that it may refer to."""

    schema: Schema
    parts: Mapping[str, Schema]

    @cached_property
    def key(self) -> str:
        """The same for equal schemas: parts may hold themselves, and are then met again."""
        return json.dumps(self.schema, sort_keys=True)

    @cached_property
    def is_anything(self) -> bool:
        """Whether it takes any value at all."""
        return any(not alternative.keys() - {"default"} for alternative in self._alternatives(self.schema))

    @cached_property
    def kinds(self) -> dict[str, Shape]:
        """What it takes, by kind: ``string``, ``integer``, …; objects also by the words that they are marked with."""
        found: dict[str, Shape] = {}
        for alternative in self._alternatives(self.schema):
            if unknown := alternative.keys() - KNOWN:
                raise UncomparableError(f"{', '.join(sorted(unknown))} in {alternative}")
            for kind in _types(alternative):
                name = EMPTY if alternative.get("const") == "" else f"{kind}{_mark(alternative)}"
                if name in found:
                    raise UncomparableError(f"two alternatives are {name}: {found[name].schema} and {alternative}")
                found[name] = Shape(alternative, self.parts)
        return found

    def kind(self, name: str) -> Shape | None:
        """Return what it takes of a kind; a whole number is a number, too, and an empty text a text."""
        wider = {"integer": "number", EMPTY: "string"}.get(name, "")
        return self.kinds.get(name) or self.kinds.get(wider)

    @property
    def default(self) -> Any:
        """What stands for a field of this shape that is left out."""
        return self.schema.get("default", NO_DEFAULT)

    @property
    def words(self) -> list[Any] | None:
        """The words that it is bound to, or None."""
        if "const" in self.schema:
            return [self.schema["const"]]
        words: list[Any] | None = self.schema.get("enum")
        return words

    @cached_property
    def fields(self) -> dict[str, Shape]:
        """The fields that it names."""
        return {name: self._part(field) for name, field in self.schema.get("properties", {}).items()}

    @property
    def required(self) -> frozenset[str]:
        return frozenset(self.schema.get("required", ()))

    @cached_property
    def others(self) -> Shape | None:
        """Fields that it does not name; None where there may be none."""
        by_pattern = list(self.schema.get("patternProperties", {}).values())
        if len(by_pattern) > 1:
            raise UncomparableError(f"several patternProperties in {self.schema}")
        others = by_pattern[0] if by_pattern else self.schema.get("additionalProperties", True)
        return None if others is False else self._part({} if others is True else others)

    @cached_property
    def names(self) -> Shape:
        """What those fields may be called."""
        patterns = [{"type": "string", "pattern": pattern} for pattern in self.schema.get("patternProperties", {})]
        return self._part(patterns[0] if patterns else {"type": "string", **self.schema.get("propertyNames", {})})

    @cached_property
    def items(self) -> Shape | None:
        """What a list holds; None where it is no list, or of anything."""
        return self._part(self.schema["items"]) if "items" in self.schema else None

    def _part(self, schema: Schema) -> Shape:
        return Shape(schema, self.parts)

    def _alternatives(self, schema: Schema) -> Iterator[Schema]:
        """Yield the schemas of which a value fits one, without references."""
        if "$ref" in schema:
            beside = {key: found for key, found in schema.items() if key != "$ref"}
            yield from self._alternatives({**self.parts[schema["$ref"].rsplit("/", 1)[-1]], **beside})
        elif joined := schema.get("anyOf") or schema.get("oneOf"):
            for alternative in joined:
                yield from self._alternatives(alternative)
        else:
            yield schema


def shape_of(schema: Schema) -> Shape:
    """Return a whole schema as a shape."""
    return Shape({key: found for key, found in schema.items() if key != "$defs"}, schema.get("$defs", {}))


def _types(alternative: Schema) -> list[str]:
    types = alternative.get("type", "string" if "enum" in alternative or "const" in alternative else [])
    return [types] if isinstance(types, str) else list(types)


def _mark(alternative: Schema) -> str:
    """Return the words that tell an object from others of its kind."""
    fields = alternative.get("properties", {})
    return "".join(f" {name}={field['const']}" for name, field in fields.items() if "const" in field)
