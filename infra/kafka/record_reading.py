"""Reading records off the wire: any header name is read, and names that come again and again are decoded once.

kafka-python 3.0.12 raises ``CorruptRecordError`` for a record whose header has a name that is not UTF-8, and its
partition is never read on: one stranger's record would stop the commands for ever. Here such a name is read with its
odd bytes written as ``\\xff``. Records with as many headers as CloudEvents have are read in less time, too.
"""

from __future__ import annotations

from typing import Any, Final

from kafka.errors import CorruptRecordError
from kafka.record import memory_records
from kafka.record.default_records import ControlRecord, DefaultRecord, DefaultRecordBatch
from kafka.record.util import decode_varint

NAMES_KEPT_MAX: Final = 1_000
_NAMES: Final[dict[bytes, str]] = {}


class RecordBatch(DefaultRecordBatch):  # type: ignore[misc]  # the client has no types
    """A batch of records as the client's, but for how one record is read."""

    _buffer: bytes
    _pos: int

    def _read_msg(self) -> Any:
        buffer = self._buffer
        length, start = decode_varint(buffer, self._pos)
        delta_ms, pos = decode_varint(buffer, start + 1)  # behind the attributes, which are always zero
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
        super()._maybe_uncompress()
        if type(self._buffer) is not bytes:
            self._buffer = bytes(self._buffer)  # whose slices are bytes at once


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
