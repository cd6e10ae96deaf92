"""Batches built here are what Kafka's own format says, as the client's reader reads them."""

from __future__ import annotations

import os
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from kafka.errors import CorruptRecordError
from kafka.record.default_records import DefaultRecordBatch

from infra.kafka.compression import CODECS
from infra.kafka.record_batch import UNPACKED_BYTES_MAX, ProducerState, encode_batch, fits_record, record_body, varint
from infra.kafka.record_reading import RecordBatch
from infra.kafka.topics import RECORD_BYTES_MAX
from infra.settings import Compression

STATE = ProducerState(producer_id=7, epoch=1, sequence=42)
NAMES = st.text(st.characters(codec="utf-8"), min_size=1, max_size=20)


def read(batch: bytes, reader: Any = DefaultRecordBatch) -> list[Any]:
    opened = reader(bytearray(batch))
    assert opened.validate_crc()
    assert (opened.producer_id, opened.producer_epoch, opened.base_sequence) == (7, 1, 42)
    return list(opened)


@given(
    st.lists(
        st.tuples(
            st.none() | st.binary(max_size=300),
            st.binary(max_size=9_000),
            st.lists(st.tuples(NAMES, st.binary(max_size=300)), max_size=20),
        ),
        min_size=1,
        max_size=30,
    ),
    st.sampled_from(list(CODECS)),
)
def test_what_goes_in_comes_out(
    records: list[tuple[bytes | None, bytes, list[tuple[str, bytes]]]], compression: Compression
) -> None:
    """Any keys, values, headers, offsets and times survive the client's reader, and ours reads the same."""
    bodies = [record_body(k, v, [(name.encode(), content) for name, content in headers]) for k, v, headers in records]

    batch = encode_batch(bodies, 1_700_000_000_000, STATE, compression)
    found = read(batch)

    assert RecordBatch(bytearray(batch)).compression_type == CODECS[compression][0]
    assert repr(read(batch, RecordBatch)) == repr(found)
    assert [(r.key, bytes(r.value), [(n, bytes(c)) for n, c in r.headers]) for r in found] == records
    assert [r.offset for r in found] == list(range(len(records)))
    assert {r.timestamp for r in found} == {1_700_000_000_000}


def test_a_header_name_that_is_not_utf8_is_read() -> None:
    """A stranger's header must not keep the whole partition from being read, as it does with the client's reader."""
    batch = encode_batch([record_body(b"k", b"v", [(b"\xffa", b"1"), (b"b", b"2")])], 0, STATE, "gzip")

    [record] = read(batch, RecordBatch)

    assert record.headers == [("\\xffa", b"1"), ("b", b"2")]
    with pytest.raises(CorruptRecordError):
        read(batch)


@pytest.mark.parametrize("damage", [b"\x7f", b"\x01"])
def test_a_damaged_record_is_an_error(damage: bytes) -> None:
    """A length that does not add up is noticed, not read past."""
    whole = RecordBatch(bytearray(encode_batch([record_body(b"k", b"v" * 200, [])], 0, STATE, "gzip")))
    whole._maybe_uncompress()
    whole._buffer = damage + whole._buffer[1:]
    with pytest.raises(CorruptRecordError):
        list(whole)


@pytest.mark.parametrize(
    ("number", "encoded"), [(0, "00"), (-1, "01"), (1, "02"), (63, "7e"), (64, "8001"), (8192, "808001")]
)
def test_varints_are_zigzag(number: int, encoded: str) -> None:
    """Small numbers of either sign take one byte; the table and the computation agree."""
    assert varint(number).hex() == encoded


@pytest.mark.parametrize("compression", CODECS)
def test_an_event_that_fits_can_be_sent_whatever_is_set(compression: Compression) -> None:
    """One that is larger than a topic takes, and fits once it is packed, would else stop the relay for ever."""
    body = b"[" + b"0," * RECORD_BYTES_MAX + b"0]"

    assert fits_record(body)
    batch = encode_batch([record_body(b"O-1", body, [])], 0, STATE, compression)

    assert len(batch) <= RECORD_BYTES_MAX
    assert [bytes(record.value) for record in read(batch)] == [body]


@pytest.mark.parametrize(
    "body", [os.urandom(RECORD_BYTES_MAX), b" " * (UNPACKED_BYTES_MAX + 1)], ids=["random", "blank"]
)
def test_an_event_that_cannot_be_made_small_enough_does_not_fit(body: bytes) -> None:
    """Nor one that whoever reads it would have to unpack to more than its memory: refused before it is recorded."""
    assert not fits_record(body)
