"""Reading records off the wire: any header name is read, and nothing is made of a record that nobody asks for.

kafka-python 3.0.12 raises ``CorruptRecordError`` for a record whose header has a name that is not UTF-8, and its
partition is never read on: one stranger's record would stop the commands for ever. Here such a name is read with its
odd bytes written as ``\\xff``.

The client makes two objects of a record, counts the bytes of its headers and asks five functions about it, and unpacks
gzip through a file object. Here a batch is unpacked at once, and a record is one object, whose headers are read when
they are looked at.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from struct import Struct
from typing import Any, Final

from isal import igzip
from kafka.consumer.fetcher import Fetcher
from kafka.errors import CorruptRecordError
from kafka.protocol.consumer import IsolationLevel
from kafka.record import memory_records
from kafka.record.default_records import ControlRecord, DefaultRecord, DefaultRecordBatch
from kafka.record.util import decode_varint

from infra.kafka.record_batch import VARINTS

SHOWN_AT: Final = 124
SHOWN_BYTES: Final = 14
"""Where headers of one length differ most: before the last hundred bytes, where an event's type ends."""

SHAPES_KEPT_MAX: Final = 4_096
NAMES_KEPT_MAX: Final = 1_000
_NAMES: Final[dict[bytes, str]] = {}


class ReadRecord:
    """A record with its place; its headers are read off the batch when they are first asked for."""

    __slots__ = ("_buffer", "_headers", "_headers_at", "key", "offset", "partition", "timestamp", "topic", "value")

    def __init__(self, place: tuple[str, int, int, int], key: bytes | None, value: bytes | None, headers: Any) -> None:
        self.topic, self.partition, self.offset, self.timestamp = place
        self.key = key
        self.value = value
        self._buffer, self._headers_at = headers
        self._headers: list[tuple[str, bytes | None]] | None = None

    @property
    def headers(self) -> list[tuple[str, bytes | None]]:
        """Names and contents, in their order; raises ``CorruptRecordError`` where they do not end with the record."""
        if self._headers is None:
            start, end = self._headers_at
            try:
                headers, found = _headers(self._buffer, start)
            except (ValueError, IndexError):
                headers, found = [], -1
            if found != end:
                raise CorruptRecordError(f"{self.topic}/{self.partition}@{self.offset}: headers end elsewhere")
            self._headers = headers
        return self._headers

    def contents(self, layout: Layout) -> Sequence[bytes] | None:
        """Return the contents that a layout leaves open, in its order; None where the headers are others."""
        return layout.contents(self._buffer, *self._headers_at)


class Layout:
    """Headers in an order, as they stand in a record: names, some with a content that is always the same.

    Whoever knows what a writer writes need not look for it by name. Most records are of one *shape* with one before:
    all their contents are as long. One call cuts them by it, and one comparison tells whether it was theirs.
    """

    def __init__(self, headers: Sequence[tuple[str, bytes | None]]) -> None:
        self.names = [name for name, content in headers if content is None]
        self._between: list[bytes] = []
        self._rest = VARINTS[len(headers)]
        self._shapes: dict[tuple[int, bytes], tuple[Struct, tuple[bytes, ...]]] = {}
        for name, content in headers:
            self._rest += _sized(name.encode())
            if content is None:
                self._between.append(self._rest)
                self._rest = b""
            else:
                self._rest += _sized(content)

    def contents(self, buffer: bytes, pos: int, end: int) -> Sequence[bytes] | None:
        """Return the contents that are left open of the headers at a place; None where they are others."""
        shape = end - pos, buffer[end - SHOWN_AT : end - SHOWN_AT + SHOWN_BYTES]
        known = self._shapes.get(shape)
        if known is not None:
            cut = known[0].unpack_from(buffer, pos)
            if cut[::2] == known[1]:
                return cut[1::2]
        found = self._walk(buffer, pos, end)
        if found is not None:
            if len(self._shapes) >= SHAPES_KEPT_MAX:
                self._shapes.clear()
            self._shapes[shape] = self._shape_of(found)
        return found

    def _walk(self, buffer: bytes, pos: int, end: int) -> list[bytes] | None:
        found = []
        for before in self._between:
            if not buffer.startswith(before, pos):
                return None
            content, pos = _bytes(buffer, pos + len(before))
            if content is None:
                return None
            found.append(content)
        return found if buffer[pos:end] == self._rest else None

    def _shape_of(self, contents: Sequence[bytes]) -> tuple[Struct, tuple[bytes, ...]]:
        """Return what cuts headers whose contents are as long as these, and what then stands between them."""
        sizes = [VARINTS[len(content)] for content in contents]
        between = [before + size for before, size in zip(self._between, sizes, strict=True)]
        parts = [part for pair in zip(between, contents, strict=True) for part in pair] + [self._rest]
        return Struct("".join([f"{len(part)}s" for part in parts])), (*between, self._rest)


def _sized(content: bytes) -> bytes:
    return VARINTS[len(content)] + content


class RecordBatch(DefaultRecordBatch):  # type: ignore[misc]  # the client has no types
    """A batch of records as the client's, but for how its records are read."""

    _buffer: bytes
    _pos: int
    _decompressed: bool

    def records(self, topic: str, partition: int) -> Iterator[ReadRecord]:
        """Yield the records of a batch; raises ``CorruptRecordError`` where their lengths do not add up."""
        self._maybe_uncompress()
        buffer, pos = self._buffer, self._pos
        base, first_ms, read = self.base_offset, self.first_timestamp, _varint
        appended_ms = self.max_timestamp if self.timestamp_type == self.LOG_APPEND_TIME else None
        for _ in range(self._num_records):
            length, start = read(buffer, pos)
            delta_ms, pos = read(buffer, start + 1)  # behind the attributes, which are always zero
            offset_delta, pos = read(buffer, pos)
            size, pos = read(buffer, pos)
            key = None
            if size >= 0:
                key = buffer[pos : pos + size]
                pos += size
            size, pos = read(buffer, pos)
            value = None
            if size >= 0:
                value = buffer[pos : pos + size]
                pos += size
            end = start + length
            if not pos < end <= len(buffer):
                raise CorruptRecordError(f"a record of {length} bytes is not where it should be")
            timestamp = first_ms + delta_ms if appended_ms is None else appended_ms
            yield ReadRecord((topic, partition, base + offset_delta, timestamp), key, value, (buffer, (pos, end)))
            pos = end
        if pos != len(buffer):
            raise CorruptRecordError(f"{len(buffer) - pos} bytes are left behind the records of a batch")

    def _read_msg(self) -> Any:
        buffer = self._buffer
        length, start = decode_varint(buffer, self._pos)
        delta_ms, pos = decode_varint(buffer, start + 1)
        offset_delta, pos = decode_varint(buffer, pos)
        key, pos = _bytes(buffer, pos)
        value, pos = _bytes(buffer, pos)
        headers, pos = _headers(buffer, pos)
        if pos - start != length:
            raise CorruptRecordError(f"a record of {length} bytes was read as {pos - start}")
        self._pos = pos
        timestamp = (
            self.max_timestamp if self.timestamp_type == self.LOG_APPEND_TIME else self.first_timestamp + delta_ms
        )
        kind = ControlRecord if self.is_control_batch else DefaultRecord
        return kind(length, self.base_offset + offset_delta, timestamp, self.timestamp_type, key, value, headers)

    def _maybe_uncompress(self) -> None:
        if not self._decompressed and self.compression_type == self.CODEC_GZIP:
            self._buffer, self._pos = igzip.decompress(memoryview(self._buffer)[self._pos :]), 0  # type: ignore[no-untyped-call]
            self._decompressed = True
        super()._maybe_uncompress()
        if type(self._buffer) is not bytes:
            self._buffer = bytes(self._buffer)  # whose slices are bytes at once


class PartitionRecords(Fetcher.PartitionRecords):  # type: ignore[misc]  # the client has no types
    """What was fetched of a partition, as the client's, but for what is made of its records."""

    def _unpack_records(self, tp: Any, records: Any, *deserializers: Any) -> Iterator[Any]:
        """Yield the records of what was fetched; of transactions, and in older formats, the client's own way."""
        if self.isolation_level == IsolationLevel.READ_COMMITTED or any(deserializers):
            yield from super()._unpack_records(tp, records, *deserializers)
            return
        while (batch := records.next_batch()) is not None:
            if not isinstance(batch, RecordBatch):
                raise CorruptRecordError(f"{tp.topic}/{tp.partition}: a batch in a format of before Kafka 0.11")
            if self.check_crcs and not batch.validate_crc():
                raise CorruptRecordError(f"{tp.topic}/{tp.partition}@{batch.base_offset}: the checksum is another")
            self.leader_epoch = batch.leader_epoch
            try:
                for record in () if batch.is_control_batch else batch.records(tp.topic, tp.partition):
                    self.next_fetch_offset = record.offset + 1
                    yield record
            except (ValueError, IndexError) as bad:
                raise CorruptRecordError(f"{tp.topic}/{tp.partition}@{batch.base_offset}: {bad!r}") from bad
            self.records_read += batch._num_records  # noqa: SLF001 - the client's own batches have no public count
            self.bytes_read += batch.size_in_bytes
            self.next_fetch_offset = batch.next_offset
        self.drain()


def _varint(buffer: bytes, pos: int) -> tuple[int, int]:
    """Return the zigzag varint at a place, and the place behind it; those of one or two bytes at once."""
    first = buffer[pos]
    if first < 0x80:
        return (first >> 1) ^ -(first & 1), pos + 1
    second = buffer[pos + 1]
    if second < 0x80:
        both = first & 0x7F | second << 7
        return (both >> 1) ^ -(both & 1), pos + 2
    found: tuple[int, int] = decode_varint(buffer, pos)
    return found


def _headers(buffer: bytes, pos: int) -> tuple[list[tuple[str, bytes | None]], int]:
    """Return the headers at a place, and the place behind them."""
    count, pos = decode_varint(buffer, pos)
    headers = []
    for _ in range(count):
        short = buffer[pos]
        if short & 0x81:
            raw_name, pos = _bytes(buffer, pos)
        else:
            end = pos + 1 + (short >> 1)
            raw_name, pos = buffer[pos + 1 : end], end
        short = buffer[pos]
        if short & 0x81:
            content, pos = _bytes(buffer, pos)
        else:
            end = pos + 1 + (short >> 1)
            content, pos = buffer[pos + 1 : end], end
        headers.append((_NAMES.get(raw_name) or _name(raw_name), content))
    return headers, pos


def _bytes(buffer: bytes, pos: int) -> tuple[Any, int]:
    """Return the bytes at a place, or None, and the place behind them."""
    length, pos = decode_varint(buffer, pos)
    if length < 0:
        return None, pos
    return buffer[pos : pos + length], pos + length


def _name(raw: bytes | None) -> str:
    if raw is None:
        raise CorruptRecordError("a header has no name")
    name = raw.decode("utf-8", "backslashreplace")
    if len(_NAMES) < NAMES_KEPT_MAX:
        _NAMES[raw] = name
    return name


def install() -> None:
    """Let every consumer of this process read records this way."""
    memory_records.DefaultRecordBatch = RecordBatch
    Fetcher.PartitionRecords = PartitionRecords
