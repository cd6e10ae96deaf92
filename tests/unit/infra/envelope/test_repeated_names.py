"""A name that stands twice in one JSON object is found, wherever it stands and however it is written."""

from __future__ import annotations

import json
from typing import Any

import orjson
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from infra.envelope.places import path_of
from infra.envelope.repeated_names import PLACES_MAX, repeated_names

TEXT = st.text(st.characters(exclude_categories=["Cs"]))
JSON = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**53), 2**53) | TEXT,
    lambda inner: st.lists(inner) | st.dictionaries(TEXT, inner),
)


def paths(text: bytes) -> list[str]:
    return [path_of(place) for place in repeated_names(text, orjson.loads(text))]


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        (b'{"a": 1, "a": 2}', ["$.a"]),
        (b'{"a": 1, "a": 1, "a": 1}', ["$.a"]),
        (b'{"a": {"b": [{}, {"c": 1, "c": 2}]}}', ["$.a.b[1].c"]),
        (b'{"a": 1, "\\u0061": 2}', ["$.a"]),
        (b'{"a": "::", "a": "\\u003a\\u003A"}', ["$.a"]),
        (b'{"a": {"b": 1}, "a": {"b": 1}}', ["$.a"]),
        (b'{"a": "\\"a\\": 1", "b": {"a": ":"}}', []),
        (b'[{"a": 1}, {"a": 1}]', []),
        (b'"a"', []),
    ],
)
def test_a_repeated_name_is_found(text: bytes, expected: list[str]) -> None:
    """Deep inside, written with escapes, and beside texts that look like names; the same name elsewhere is none."""
    assert paths(text) == expected


@given(JSON)
def test_nothing_is_found_where_nothing_stands_twice(data: Any) -> None:
    """Whatever the values are, and however they are escaped."""
    assert paths(orjson.dumps(data)) == []
    assert paths(json.dumps(data, indent=1).encode()) == []


@settings(suppress_health_check=[HealthCheck.too_slow])  # how fast examples are made is the machine's
@given(st.dictionaries(TEXT, JSON, min_size=1), JSON)
def test_one_more_of_any_name_is_found(data: dict[str, Any], other: Any) -> None:
    """Also where its value holds colons, and what was said first."""
    name = next(iter(data))
    written = orjson.dumps(data)[:-1] + b"," + orjson.dumps(name) + b":" + orjson.dumps(other) + b"}"
    assert [name] in repeated_names(written, orjson.loads(written))


def test_what_is_told_is_bounded() -> None:
    """A body full of them names the first hundred; one that nests beyond all reading is no command anyway."""
    assert len(paths(b"[" + b",".join([b'{"a":1,"a":1}'] * 500) + b"]")) == PLACES_MAX
    deep = b'{"a":' * 1_000 + b'{"b":1,"b":2}' + b"}" * 1_000
    assert paths(deep) in ([], ["$" + ".a" * 1_000 + ".b"])
