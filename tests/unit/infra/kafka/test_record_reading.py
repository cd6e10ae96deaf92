"""Records are read off the wire as the client reads them, and headers of a known order as anybody would by name."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from kafka.consumer.fetcher import Fetcher
from kafka.errors import CorruptRecordError
from kafka.record.memory_records import MemoryRecords
from kafka.structs import TopicPartition

from infra.kafka import clients
from infra.kafka.compression import CODECS
from infra.kafka.record_batch import ProducerState, encode_batch, record_body
from infra.kafka.record_reading import Layout, PartitionRecords, ReadRecord, RecordBatch
from infra.settings import Compression

assert clients  # whoever consumes imports it, and so reads records this way
PLACE = TopicPartition("topic", 3)
NAMES = st.text(st.characters(codec="utf-8"), min_size=1, max_size=20)
CONTENTS = st.binary(max_size=300)
RECORDS = st.lists(
    st.tuples(st.none() | CONTENTS, st.binary(max_size=9_000), st.lists(st.tuples(NAMES, CONTENTS), max_size=20)),
    min_size=1,
    max_size=30,
)
Headers = list[tuple[str, bytes]]


def batch_of(records: Any, compression: Compression = "gzip", sequence: int = 0) -> bytes:
    bodies = [record_body(key, value, [(n.encode(), c) for n, c in headers]) for key, value, headers in records]
    return encode_batch(bodies, 1_700_000_000_000, ProducerState(7, 1, sequence), compression)


def read(batches: bytes, reader: Any = PartitionRecords) -> list[Any]:
    return list(reader(0, PLACE, MemoryRecords(batches)).take(None))


def test_consumers_read_this_way() -> None:
    """The client's fetcher makes what is made here."""
    assert Fetcher.PartitionRecords is PartitionRecords


@given(RECORDS, st.sampled_from(list(CODECS)))
def test_records_are_those_that_the_client_reads(records: Any, compression: Compression) -> None:
    """Keys, values, headers, times and places, whatever the batch is compressed by."""
    batch = batch_of(records, compression)
    theirs = PartitionRecords.__mro__[1]

    def seen(found: list[Any]) -> list[tuple[Any, ...]]:
        return [(r.topic, r.partition, r.offset, r.timestamp, r.key, r.value, list(r.headers)) for r in found]

    assert seen(read(batch)) == seen(read(batch, theirs))


def test_reading_stops_where_it_is_told_and_goes_on_from_there() -> None:
    """Of two batches in a fetch, so many records at a time; none before the offset that was asked for."""
    fetched = PartitionRecords(2, PLACE, MemoryRecords(batch_of([(b"k", bytes([n]), []) for n in range(6)])))

    taken = [[record.offset for record in fetched.take(3)], fetched.next_fetch_offset]
    rest = [[record.offset for record in fetched.take(3)], fetched.next_fetch_offset]

    assert (taken, rest) == ([[2, 3, 4], 5], [[5], 6])


@pytest.mark.parametrize("place", [0, 1])
def test_a_damaged_record_is_an_error(place: int) -> None:
    """Lengths that do not add up are noticed when the record is read, or its headers are."""
    whole = RecordBatch(bytearray(batch_of([(b"k", b"v" * 200, [("name", b"content")])])))
    whole._maybe_uncompress()
    damaged = bytearray(whole._buffer)
    damaged[-len(b"content") - 1 if place else 0] += 2
    whole._buffer = bytes(damaged)

    with pytest.raises((CorruptRecordError, IndexError)):
        assert [record.headers for record in whole.records("topic", 0)]


def in_a_record(headers: Headers) -> ReadRecord:
    [record] = read(batch_of([(b"k", b"v", headers)]))
    assert isinstance(record, ReadRecord)
    return record


KNOWN = Layout([("a", None), ("fixed", b"always"), ("b", None), ("c", None), ("end", b"!")])
OPEN = st.binary(max_size=5) | st.sampled_from([b"x" * 63, b"x" * 64, b"x" * 20_000, b"\x02b\x02", b"\x02c"])


@given(st.lists(st.tuples(OPEN, OPEN, OPEN), min_size=1, max_size=8))
def test_a_known_order_is_cut_as_it_is_written(contents: list[tuple[bytes, bytes, bytes]]) -> None:
    """Whatever shapes come one after the other, and whatever looks like a header inside of a content."""
    for a, b, c in contents:
        record = in_a_record([("a", a), ("fixed", b"always"), ("b", b), ("c", c), ("end", b"!")])

        assert list(record.contents(KNOWN) or ()) == [a, b, c]


@given(st.lists(st.tuples(st.sampled_from(["a", "b", "c", "fixed", "end"]), OPEN | st.sampled_from([b"always", b"!"]))))
def test_another_order_is_never_taken_for_it(headers: Headers) -> None:
    """Missing, repeated, in another order, or with another content where it is always the same."""
    in_a_record([("a", b"1"), ("fixed", b"always"), ("b", b"2"), ("c", b"3"), ("end", b"!")]).contents(KNOWN)
    fits = [name for name, _ in headers] == ["a", "fixed", "b", "c", "end"] and (headers[1][1], headers[4][1]) == (
        b"always",
        b"!",
    )

    found = in_a_record(headers).contents(KNOWN)

    assert (found is not None) == fits
