"""YAML as people write it into files of ours: with the plain values of JSON, and nothing given twice."""

from __future__ import annotations

import re
from collections.abc import Hashable

import yaml


class NotYamlError(ValueError):
    """A text is not the YAML that it should be; the message says where."""


class _Loader(yaml.SafeLoader):
    """YAML with the plain values of JSON: times stay text, ``NO`` is Norway, a key given twice is an error."""

    def construct_mapping(self, node: yaml.MappingNode, deep: bool = False) -> dict[Hashable, object]:
        keys = [key.value for key, _ in node.value]
        for key in keys:
            if keys.count(key) > 1:
                raise yaml.constructor.ConstructorError(None, None, f"key {key!r} is given twice", node.start_mark)
        return super().construct_mapping(node, deep)


_Loader.yaml_implicit_resolvers = {}
for _tag, _pattern, _first in (
    ("null", r"null|~|", ["n", "~", ""]),
    ("bool", r"true|false", ["t", "f"]),
    ("int", r"-?(0|[1-9][0-9]*)", list("-0123456789")),
    ("float", r"-?(0|[1-9][0-9]*)(\.[0-9]+)?([eE][-+]?[0-9]+)?", list("-0123456789")),
):
    _Loader.add_implicit_resolver(f"tag:yaml.org,2002:{_tag}", re.compile(rf"^(?:{_pattern})$"), _first)


def read_yaml(text: str) -> object:
    """Return the values that a text holds; JSON is such a text, too. Raises ``NotYamlError``."""
    try:
        return yaml.load(text, Loader=_Loader)  # noqa: S506 - a safe loader that knows fewer types
    except yaml.YAMLError as error:
        raise NotYamlError(f"not the YAML it should be: {error}") from error
