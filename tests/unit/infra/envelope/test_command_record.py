"""Records are read as the CloudEvents binding says, and every fault is named by its place."""

from __future__ import annotations

import time
from dataclasses import replace
from datetime import UTC, datetime, timedelta, timezone
from typing import Any

import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st

from infra.envelope.command_record import (
    ATTRIBUTE_CHARACTERS_MAX,
    BODY_BYTES_MAX,
    DEPTH_MAX,
    HEADER_BYTES_MAX,
    HEADERS_MAX,
    NUL_FAULTS_MAX,
    REQUIRED,
    CommandRecord,
    parse_time,
    read_command,
)
from infra.envelope.places import PATH_CHARACTERS_MAX
from infra.records import rfc3339
from workers.command_worker.intake import digest

CPU_S_MAX = 5.0
"""Of a processor, however busy; what is quadratic takes minutes."""

HEADERS: list[tuple[str, bytes | None]] = [
    ("ce_specversion", b"1.0"),
    ("ce_id", b"c-1"),
    ("ce_source", b"/shop"),
    ("ce_type", b"rma.RegisterOrder.v1"),
    ("ce_time", b"2026-03-01T10:00:00+01:00"),
    ("ce_actor", "customer:Zoë".encode()),
    ("content-type", b"application/json; charset=UTF-8"),
]
EVENT: dict[str, Any] = {
    "specversion": "1.0",
    "id": "c-1",
    "source": "/shop",
    "type": "rma.RegisterOrder.v1",
    "time": "2026-03-01T10:00:00+01:00",
    "actor": "customer:Zoë",
    "data": {"a": 1},
}
STRUCTURED: list[tuple[str, bytes | None]] = [("content-type", b"application/cloudevents+json; charset=utf-8")]


def paths(headers: list[tuple[str, bytes | None]], value: bytes | None = b"{}") -> set[str]:
    return {fault.path for fault in read_command(headers, value).faults}


def test_both_modes_say_the_same() -> None:
    """A command in binary mode and the same in structured mode are read alike."""
    attributes = {
        "specversion": "1.0",
        "id": "c-1",
        "source": "/shop",
        "type": "rma.RegisterOrder.v1",
        "time": "2026-03-01T10:00:00+01:00",
        "actor": "customer:Zoë",
    }
    expected = CommandRecord(attributes, "$.ce_", datetime(2026, 3, 1, 9, tzinfo=UTC), {"a": 1}, b'{"a":1}', faults=())
    assert read_command(HEADERS, b'{"a":1}') == expected
    assert read_command(STRUCTURED, orjson.dumps(EVENT)) == replace(expected, attributes_at="$.")


def test_correlation_and_causation_are_optional() -> None:
    """They are read where they are given."""
    read = read_command([*HEADERS, ("ce_correlationid", b"k"), ("ce_causationid", b"e")], b"{}")
    assert (read.attributes["correlationid"], read.attributes["causationid"]) == ("k", "e")


def test_what_nobody_knows_is_ignored() -> None:
    """Extensions and other headers change nothing, even twice, empty or not UTF-8."""
    odd: list[tuple[str, bytes | None]] = [("ce_traceparent", b"\xff"), ("ce_traceparent", None), ("x", b"\x00")]
    assert read_command([*HEADERS, *odd], b"{}") == read_command(HEADERS, b"{}")
    assert read_command(STRUCTURED, orjson.dumps({**EVENT, "dataschema": 7})) == read_command(
        STRUCTURED, orjson.dumps(EVENT)
    )


def test_a_missing_content_type_means_json() -> None:
    """CloudEvents' default for data is JSON."""
    assert read_command(HEADERS[:-1], b"{}") == read_command(HEADERS, b"{}")


@pytest.mark.parametrize("name", ["ce_id", "ce_source", "ce_type", "ce_time", "ce_actor", "ce_specversion"])
def test_each_required_attribute_is_missed_by_name(name: str) -> None:
    """Left out, empty, null, given twice, not UTF-8, with a control character: the path says which header."""
    rest = [header for header in HEADERS if header[0] != name]
    for wrong in ([], [(name, b"")], [(name, None)], [(name, b"\xff")], [(name, b"a\x00")], [(name, b"1.0")] * 2):
        assert f"$.{name}" in paths([*rest, *wrong])


def test_all_faults_are_named_together() -> None:
    """Whoever corrects a record sees everything that is wrong with it."""
    assert paths([("content-type", b"text/plain")], None) >= {
        "$.content-type",
        "$",
        "$.ce_id",
        "$.ce_source",
        "$.ce_type",
        "$.ce_time",
        "$.ce_actor",
        "$.ce_specversion",
    }


def test_a_malformed_record_still_says_who_it_was() -> None:
    """Id and source are given where they could be read, so that the sender can be answered."""
    read = read_command(HEADERS, b"{")
    assert read.faults
    assert (read.attributes["id"], read.attributes["source"]) == ("c-1", "/shop")


def test_sizes_are_bounded() -> None:
    """A body of one MiB is read, a byte more is not; an attribute of 256 characters is read, one more is not."""
    filler = b'"' + b"x" * (BODY_BYTES_MAX - 2) + b'"'
    assert read_command(HEADERS, filler).body == filler
    assert paths(HEADERS, b" " + filler) == {"$"}
    rest = [header for header in HEADERS if header[0] != "ce_id"]
    assert not paths([*rest, ("ce_id", b"x" * ATTRIBUTE_CHARACTERS_MAX)])
    assert paths([*rest, ("ce_id", b"x" * (ATTRIBUTE_CHARACTERS_MAX + 1))]) == {"$.ce_id"}


def test_headers_are_bounded() -> None:
    """As many and as long as the bound are read, one more is malformed; who it was is still known, and answered."""
    more = [("x", b"")] * (HEADERS_MAX - len(HEADERS))
    left = HEADER_BYTES_MAX - sum(len(name) + len(value or b"") for name, value in HEADERS) - len("x")
    for within, beyond in (
        ([*HEADERS, *more], [*HEADERS, *more, ("x", b"")]),
        ([*HEADERS, ("x", b"y" * left)], [*HEADERS, ("x", b"y" * (left + 1))]),
    ):
        assert not paths(within)
        assert paths(beyond) == {"$"}
        assert read_command(beyond, b"{}").attributes["id"] == "c-1"


@pytest.mark.parametrize("opened", [b"[", b'{"a":'])
def test_depth_is_bounded(opened: bytes) -> None:
    """As deep as the bound is read, one level more is malformed; also what no parser could read."""
    closing = b"]" if opened == b"[" else b"}"

    def nested(depth: int) -> bytes:
        return opened * depth + (b"" if opened == b"[" else b"1") + closing * depth

    assert not paths(HEADERS, nested(DEPTH_MAX))
    for depth in (DEPTH_MAX + 1, 300, 1_000, 100_000):
        assert paths(HEADERS, nested(depth)) == {"$"}


@pytest.mark.parametrize(
    "headers",
    [
        [("ce_source", b"x")] * 20_000 + [("ce_id", b"\xff")] * 20_000,
        [("ce_id", b"\xff")] * 400_000,
        [(f"ce_{number}", b"") for number in range(100_000)],
    ],
    ids=["one after the other", "no UTF-8", "many names"],
)
def test_headers_cost_no_more_than_they_are_long(headers: list[tuple[str, bytes | None]]) -> None:
    """A record of 8 MiB may hold a million; each of them once looked up in a list of the others' faults took hours."""
    began = time.process_time()

    assert "$" in paths(headers)
    assert time.process_time() - began < CPU_S_MAX


def test_the_nul_character_is_found_wherever_it_hides() -> None:
    """PostgreSQL's text cannot hold it: it is refused with its path; the six characters of its escape are text."""
    assert paths(HEADERS, b'{"a":[{"b":"x\\u0000"}]}') == {"$.a[0].b"}
    assert paths(HEADERS, b'{"a\\u0000":1}') == {"$"}
    assert paths(STRUCTURED, orjson.dumps({**EVENT, "data": {"t": "\x00"}})) == {"$.t"}
    assert read_command(HEADERS, b'{"a":"\\\\u0000"}').data == {"a": "\\u0000"}


def test_many_faults_at_long_places_are_few_and_short() -> None:
    """A megabyte may hold fifty thousand faults, each at a place as long as half of it: the first hundred, cut."""
    wide = b'{"' + b"k" * 480_000 + b'":[' + b",".join([b'"\\u0000"'] * 50_000) + b"]}"

    found = read_command(HEADERS, wide).faults

    assert len(found) == NUL_FAULTS_MAX
    assert {len(fault.path) for fault in found} == {PATH_CHARACTERS_MAX}


@pytest.mark.parametrize("depth", [200, 300, 600, 1_000, 2_000])
def test_json_of_any_depth_is_read_or_malformed(depth: int) -> None:
    """What can be read can nest deeper than what can be written, or than a function may call itself."""
    deep = b"[" * depth + b'"\\u0000"' + b"]" * depth
    plain = deep.replace(b"\\u0000", b"")
    event = orjson.dumps({name: value for name, value in EVENT.items() if name != "data"})[:-1]

    assert paths(HEADERS, deep)
    assert paths(STRUCTURED, event + b',"data":' + deep + b"}")
    if depth > 254:
        assert paths(STRUCTURED, event + b',"data":' + plain + b"}") & {"$.data", "$"}


@given(
    st.binary(max_size=200), st.lists(st.tuples(st.text(max_size=12), st.none() | st.binary(max_size=20)), max_size=8)
)
def test_whatever_the_bytes_they_are_a_command_or_have_faults(
    value: bytes, headers: list[tuple[str, bytes | None]]
) -> None:
    """Nothing is ever raised, and what has no fault has all that a command needs."""
    for given_headers in (headers, [*HEADERS, *headers], STRUCTURED):
        read = read_command(given_headers, value)
        assert read.faults or (read.body is not None and read.occurred_at and read.attributes.keys() >= set(REQUIRED))


@pytest.mark.parametrize(
    ("text", "instant"),
    [
        ("2026-03-01T10:00:00Z", datetime(2026, 3, 1, 10, tzinfo=UTC)),
        ("2026-03-01t10:00:00.5z", datetime(2026, 3, 1, 10, 0, 0, 500_000, tzinfo=UTC)),
        ("2026-03-01T10:00:00.123456789-05:30", datetime(2026, 3, 1, 15, 30, 0, 123_456, tzinfo=UTC)),
        ("1970-01-01T00:00:00Z", datetime(1970, 1, 1, tzinfo=UTC)),
        ("2199-12-31T23:59:59Z", datetime(2199, 12, 31, 23, 59, 59, tzinfo=UTC)),
    ],
)
def test_times_are_read_to_the_microsecond_in_utc(text: str, instant: datetime) -> None:
    """Any RFC 3339 time with an offset; what is finer than microseconds is cut off."""
    assert parse_time(text) == instant


@pytest.mark.parametrize(
    "text",
    """2026-03-01T10:00:00 2026-03-01 20260301T100000Z 2026-02-30T10:00:00Z 2026-03-01T24:00:00Z 2026-03-01T10:00Z
    1969-12-31T23:59:59Z 2200-01-01T00:00:00Z 2026-03-01T10:00:00+25:00 ٢٠٢٦-03-01T10:00:00Z
    0000-01-01T00:00:00Z""".split(),
)
def test_what_is_no_time_is_refused(text: str) -> None:
    """Without offset or seconds, in another notation, on a day that is none, outside 1970 to 2199."""
    with pytest.raises(ValueError, match=r"must be|is no such"):
        parse_time(text)


@given(
    st.datetimes(datetime(1970, 1, 2), datetime(2199, 12, 30)),  # noqa: DTZ001 - the offset comes next
    st.integers(-23 * 60, 23 * 60),
)
def test_times_written_are_times_read(naive: datetime, offset_minutes: int) -> None:
    """An instant survives being written and read, whatever its offset."""
    instant = naive.replace(tzinfo=timezone(timedelta(minutes=offset_minutes)))
    assert parse_time(rfc3339(instant)) == instant
    assert parse_time(instant.isoformat()) == instant


def test_digests_compare_json_values() -> None:
    """Order of names, and 1.0 against 1, do not matter; type, data and the difference of 1 and true do."""
    same = digest("t", {"a": 1, "b": [2.0, {"c": "x"}]})
    assert digest("t", {"b": [2, {"c": "x"}], "a": 1.0}) == same
    assert digest("u", {"a": 1, "b": [2, {"c": "x"}]}) != same
    assert digest("t", {"a": True, "b": [2, {"c": "x"}]}) != same
    assert digest("t", {"a": 1, "b": [{"c": "x"}, 2]}) != same


def test_a_name_given_twice_in_a_body_is_a_fault_at_its_path() -> None:
    """In either mode; the command is not guessed, and its sender is known."""
    twice = b'{"a": 1, "b": [{"c": 1, "c": 2}]}'
    binary = read_command(HEADERS, twice)
    inside = orjson.dumps({**EVENT, "data": {}}).replace(b'"data":{}', b'"data":' + twice)
    structured = read_command(STRUCTURED, inside)

    assert {fault.path for fault in binary.faults} == {fault.path for fault in structured.faults} == {"$.b[0].c"}
    assert structured.attributes["id"] == "c-1"


@pytest.mark.parametrize(
    ("surplus", "path", "attributes"),
    [
        (b'"id":"c-1",', "$.id", {"source"}),
        (b'"source":"/shop",', "$.source", {"id"}),
        (b'"data":{},', "$.data", {"id", "source"}),
        (b'"traceparent":{"x":1,"x":1},', "$.traceparent.x", {"id", "source"}),
    ],
)
def test_a_name_given_twice_in_a_structured_event_is_a_fault(surplus: bytes, path: str, attributes: set[str]) -> None:
    """Also of attributes that nobody knows; an id or a source that stands twice is none."""
    read = read_command(STRUCTURED, b"{" + surplus + orjson.dumps(EVENT)[1:])

    assert {fault.path for fault in read.faults} == {path}
    assert read.attributes.keys() & {"id", "source"} == attributes


def test_a_name_of_the_body_is_none_of_the_envelope() -> None:
    """An id that stands twice in the data leaves the event's own as it is."""
    event = orjson.dumps({**EVENT, "data": {}}).replace(b'"data":{}', b'"data":{"id":1,"id":2}')
    read = read_command(STRUCTURED, event)

    assert [fault.path for fault in read.faults] == ["$.id"]
    assert read.attributes["id"] == "c-1"


def test_an_optional_attribute_that_is_empty_is_as_if_left_out() -> None:
    """Headers and attributes of a structured event; a required one is missing."""
    optional: list[tuple[str, bytes | None]] = [("ce_correlationid", b""), ("ce_causationid", None)]
    assert read_command([*HEADERS, *optional], b"{}") == read_command(HEADERS, b"{}")
    empty = {**EVENT, "correlationid": "", "datacontenttype": ""}
    assert read_command(STRUCTURED, orjson.dumps(empty)) == read_command(STRUCTURED, orjson.dumps(EVENT))
