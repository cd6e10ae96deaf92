"""Record batches of Kafka's message format 2, built from whole lists of records at once.

The client's own producer spends 45 to 80 microseconds on each record, mostly on locks, futures and size estimates that
a relay, which sends whole batches and waits for them, has no use for.
Source: https://kafka.apache.org/documentation/#recordbatch
"""

from __future__ import annotations

import struct
from collections.abc import Sequence
from typing import Final

from kafka.record.util import calc_crc32c

from domain.values import dataclass
from infra.kafka.compression import compress, measured
from infra.kafka.topics import RECORD_BYTES_MAX
from infra.settings import Compression

MAGIC: Final = 2
ENVELOPE_BYTES_MAX: Final = 64 * 1024
"""More than the key and headers of an event of ours, and the head of its batch."""

UNPACKED_BYTES_MAX: Final = 4 * RECORD_BYTES_MAX
"""A larger event is too much for whoever reads it, however small it can be packed."""

RECORD_HEAD: Final = b"\x00\x00"
"""No attributes, and no difference to the time of the batch."""
NULL: Final = b"\x01"
"""The length -1 as a varint."""

FROM_LENGTH: Final = struct.Struct(">iiBI")
"""Batch length, leader epoch, magic, checksum; the length counts what follows it."""

BATCH_HEAD_BYTES: Final = 61
"""What stands before the records of a batch."""

CHECKED: Final = struct.Struct(">hiqqqhii")
"""Attributes, last offset delta, first and last timestamp, producer id and epoch, first sequence, number of records."""


@dataclass(frozen=True, slots=True)
class ProducerState:
    """Who sends a batch, and its first record's place in what it sends to the partition."""

    producer_id: int
    epoch: int
    sequence: int


def varint(number: int) -> bytes:
    """Return an integer as Kafka's zigzag varint."""
    zigzag = (number << 1) ^ (number >> 63)
    encoded = bytearray()
    while zigzag > 0x7F:
        encoded.append(zigzag & 0x7F | 0x80)
        zigzag >>= 7
    encoded.append(zigzag)
    return bytes(encoded)


class _Varints(dict[int, bytes]):
    """Varints by their numbers: small ones, which lengths are, are looked up, others are made."""

    def __missing__(self, number: int) -> bytes:
        return varint(number)


VARINTS: Final = _Varints({number: varint(number) for number in range(8192)})
"""Looked up, not called: a record has some forty lengths, and a call takes as long as the rest of one."""


HEADS: Final = [RECORD_HEAD + VARINTS[offset_delta] for offset_delta in range(8192)]


def record_body(key: bytes | None, value: bytes, headers: Sequence[tuple[bytes, bytes]]) -> bytes:
    """Return a record's key, value and headers; what goes before them depends on its place in a batch."""
    parts = [NULL] if key is None else [VARINTS[len(key)], key]
    parts += (VARINTS[len(value)], value, VARINTS[len(headers)])
    for name, content in headers:
        parts += (VARINTS[len(name)], name, VARINTS[len(content)], content)
    return b"".join(parts)


def fits_record(body: bytes) -> bool:
    """Tell whether a record of this value can be sent alone to our topics."""
    most = RECORD_BYTES_MAX - ENVELOPE_BYTES_MAX
    return len(body) <= most or (len(body) <= UNPACKED_BYTES_MAX and len(measured(body)) <= most)


def encode_batch(bodies: Sequence[bytes], timestamp_ms: int, state: ProducerState, compression: Compression) -> bytes:
    """Return one batch of records as it stands in a produce request."""
    codec, records = compress(b"".join(_records(bodies)), compression, RECORD_BYTES_MAX - BATCH_HEAD_BYTES)
    checked = (
        CHECKED.pack(
            codec,
            len(bodies) - 1,
            timestamp_ms,
            timestamp_ms,
            state.producer_id,
            state.epoch,
            state.sequence,
            len(bodies),
        )
        + records
    )
    length = FROM_LENGTH.size - 4 + len(checked)
    checksum: int = calc_crc32c(checked)
    return struct.pack(">q", 0) + FROM_LENGTH.pack(length, 0, MAGIC, checksum) + checked


def _records(bodies: Sequence[bytes]) -> list[bytes]:
    parts: list[bytes] = []
    for offset_delta, body in enumerate(bodies):
        head = HEADS[offset_delta] if offset_delta < len(HEADS) else RECORD_HEAD + VARINTS[offset_delta]
        parts += (VARINTS[len(head) + len(body)], head, body)
    return parts
