"""Events as they come from Kafka: from a record's headers and bytes to a recorded event."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from functools import lru_cache
from typing import Any, Final
from uuid import UUID

from domain.recorded import RecordedEvent
from infra.envelope.cloudevents import JSON_CONTENT, OWN_SOURCE
from infra.envelope.codec import Codec, UnreadableEventError
from infra.kafka.record import Record
from infra.kafka.record_reading import Layout, ReadRecord

HEADERS: Final[tuple[tuple[str, bytes | None], ...]] = (
    ("ce_actor", None),
    ("ce_causationid", None),
    ("ce_commandid", None),
    ("ce_commandsource", None),
    ("ce_correlationid", None),
    ("ce_id", None),
    ("ce_position", None),
    ("ce_recordedat", None),
    ("ce_source", OWN_SOURCE.encode()),
    ("ce_specversion", b"1.0"),
    ("ce_streamversion", None),
    ("ce_subject", None),
    ("ce_time", None),
    ("ce_type", None),
    ("ce_prevhash", None),
    ("content-type", JSON_CONTENT),
)
"""The headers of an event in the order in which the relay writes them; others are read by name."""
SEALED_HEADERS: Final = (*HEADERS[:8], ("ce_sealedkeyid", None), *HEADERS[8:])
UNREAD: Final = ("ce_commandsource", "ce_prevhash")
LAYOUTS: Final = (Layout(HEADERS), Layout(SEALED_HEADERS))
KEPT_MAX: Final = 2_048
"""Instants and names that are kept once they were read: neighbours share them."""


def read_event(record: Record, codec: Codec) -> RecordedEvent:
    """Return the event of a record of the events topic; its fact is decoded when somebody asks for it.

    Raises:
        UnreadableEventError: A header, the key or the value is missing or not what it should be, or nothing knows the
            type.
    """
    if record.key is None or record.value is None:
        raise UnreadableEventError(f"{_place(record)}: has no key, or no value")
    try:
        actor, cause, command, _, correlation, id_, position, recorded, *sealed, version, subject, time, kind, _ = (
            _contents(record)
        )
        event = RecordedEvent(
            event_id=UUID(int=int(id_.replace(b"-", b""), 16)),
            stream=subject.decode(),
            version=int(version),
            position=int(position),
            type=_name(kind),
            occurred_at=_instant(time),
            recorded_at=_instant(recorded),
            actor=_name(actor),
            command_id=command.decode(),
            correlation_id=correlation.decode(),
            causation_id=cause.decode(),
            partition_key=record.key.decode(),
            body=record.value,
            reader=codec,
            sealed_key_id=sealed[0].decode() if sealed else None,
        )
    except (LookupError, ValueError, AttributeError, TypeError) as bad:
        raise UnreadableEventError(f"{_place(record)}: {bad!r}") from bad
    codec.class_of(event.type)
    return event


def _contents(record: Record) -> Sequence[Any]:
    """Return what the headers hold, in the order of one of the layouts; raises ``KeyError`` where one is missing."""
    if isinstance(record, ReadRecord):
        for layout in LAYOUTS:
            contents = record.contents(layout)
            if contents is not None:
                return contents
    headers = dict(record.headers)
    layout = LAYOUTS[1] if headers.get("ce_sealedkeyid") else LAYOUTS[0]
    return [headers.get(name) if name in UNREAD else headers[name] for name in layout.names]


def _place(record: Record) -> str:
    return f"{record.topic}/{record.partition}@{record.offset}"


@lru_cache(KEPT_MAX)
def _instant(text: bytes) -> datetime:
    return datetime.fromisoformat(text.decode())


@lru_cache(KEPT_MAX)
def _name(text: bytes) -> str:
    return text.decode()
