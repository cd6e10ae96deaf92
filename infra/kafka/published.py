"""From rows of the log to records as they stand in a batch.

The relay makes thousands of them a second, so nothing is made twice: what neighbours share is written once, and what
comes in few kinds is kept. An event's headers are those of ``infra.envelope.cloudevents.event_headers``, to the byte.
"""

from __future__ import annotations

import struct
from collections.abc import Sequence
from datetime import datetime
from typing import Final

from infra.envelope.cloudevents import JSON_CONTENT, OWN_SOURCE
from infra.kafka.lane_producer import Outgoing
from infra.kafka.record_batch import NULL, VARINTS
from infra.log.publishing import EventRow, MessageRow
from infra.records import rfc3339

ID_BYTES: Final = 36
HASH_BYTES: Final = 64
"""A SHA-256 in hex."""


def _sized(value: bytes) -> bytes:
    return VARINTS[len(value)] + value


def _name(attribute: str) -> bytes:
    return _sized(f"ce_{attribute}".encode())


ACTOR: Final = _name("actor")
CAUSATION_ID: Final = _name("causationid")
COMMAND_ID: Final = _name("commandid")
COMMAND_SOURCE: Final = _name("commandsource")
CORRELATION_ID: Final = _name("correlationid")
ID: Final = _name("id") + VARINTS[ID_BYTES]
POSITION: Final = _name("position")
RECORDED_AT: Final = _name("recordedat")
SEALED_KEY_ID: Final = _name("sealedkeyid")
ORIGIN: Final = _name("source") + _sized(OWN_SOURCE.encode()) + _name("specversion") + _sized(b"1.0")
VERSION: Final = _name("streamversion")
SUBJECT: Final = _name("subject")
TIME: Final = _name("time")
TYPE: Final = _name("type")
PREV_HASH: Final = _name("prevhash") + VARINTS[HASH_BYTES]
CONTENT_TYPE: Final = _sized(b"content-type") + _sized(JSON_CONTENT)
HEADERS: Final = VARINTS[16]
HEADERS_IF_SEALED: Final = VARINTS[17]

ARRAY_HEAD: Final = struct.Struct(">iiiii")
"""Of an array in PostgreSQL's own form: dimensions, whether any is NULL, type, number of items, first index."""
ITEM_LENGTH: Final = struct.Struct(">i")


def add_events(outgoing: Outgoing, topic: str, rows: Sequence[EventRow]) -> None:
    """Add the records of events, in their order."""
    key_before: bytes | None = None
    records: list[bytes] = []
    command_before: list[bytes] = []
    recorded_before: datetime | None = None
    occurred_before: datetime | None = None
    who = command = recorded = occurred = b""
    types: dict[bytes, bytes] = {}
    for position, version, id_, stream, kind, occurred_at, recorded_at, prev, sealed, key, body, cause, *by in rows:
        if key != key_before:
            key_before, records = key, outgoing.to(topic, key)
        if by != command_before:
            command_before, (who, command) = by, _command(*by)
        if recorded_at != recorded_before:
            recorded_before, recorded = recorded_at, RECORDED_AT + _sized(rfc3339(recorded_at).encode())
        if occurred_at != occurred_before:
            occurred_before, occurred = occurred_at, TIME + _sized(rfc3339(occurred_at).encode())
        if kind not in types:
            types[kind] = TYPE + _sized(kind) + PREV_HASH
        parts = (
            VARINTS[len(key)], key, VARINTS[len(body)], body,
            HEADERS if sealed is None else HEADERS_IF_SEALED,
            who, VARINTS[len(cause)], cause, command, id_,
            POSITION, VARINTS[len(position)], position, recorded,
            b"" if sealed is None else SEALED_KEY_ID + _sized(sealed), ORIGIN,
            VERSION, VARINTS[len(version)], version, SUBJECT, VARINTS[len(stream)], stream,
            occurred, types[kind], prev, CONTENT_TYPE,
        )  # fmt: skip
        records.append(b"".join(parts))


def _command(actor: bytes, command_id: bytes, source: bytes, correlation_id: bytes) -> tuple[bytes, bytes]:
    """Return the headers that all events of a command share: up to their causes, and from there to their own ids."""
    named = ((COMMAND_ID, command_id), (COMMAND_SOURCE, source), (CORRELATION_ID, correlation_id))
    return ACTOR + _sized(actor) + CAUSATION_ID, b"".join([name + _sized(value) for name, value in named]) + ID


def add_messages(outgoing: Outgoing, rows: Sequence[MessageRow]) -> None:
    """Add the records of messages, in their order."""
    topics: dict[bytes, str] = {}
    named: dict[bytes, list[bytes]] = {}
    for _, topic, key, names, values, value in rows:
        if topic not in topics:
            topics[topic] = topic.decode()
        if names not in named:
            named[names] = [_sized(name) for name in array_items(names)]
        parts = [NULL] if key is None else [VARINTS[len(key)], key]
        parts += (VARINTS[len(value)], value, VARINTS[len(values)])
        for name, content in zip(named[names], values, strict=True):
            parts += (name, VARINTS[len(content)], content)
        outgoing.to(topics[topic], key).append(b"".join(parts))


def array_items(array: bytes) -> list[bytes]:
    """Return the items of a one-dimensional array of bytes as PostgreSQL sends it; none of an empty one."""
    if len(array) < ARRAY_HEAD.size:
        return []
    count, pos, items = ARRAY_HEAD.unpack_from(array)[3], ARRAY_HEAD.size, []
    for _ in range(count):
        [length] = ITEM_LENGTH.unpack_from(array, pos)
        pos += ITEM_LENGTH.size
        items.append(array[pos : pos + length])
        pos += length
    return items
