"""Events as they come from Kafka: from a record's headers and bytes to a recorded event."""

from __future__ import annotations

from datetime import datetime
from typing import Any
from uuid import UUID

from domain.recorded import RecordedEvent
from infra.envelope.codec import Codec, UnreadableEventError
from infra.kafka.record import Record


def read_event(record: Record, codec: Codec) -> RecordedEvent:
    """Return the event of a record of the events topic; its fact is decoded when somebody asks for it.

    Raises:
        UnreadableEventError: A header, the key or the value is missing or not what it should be, or nothing knows the
            type.
    """
    place = f"{record.topic}/{record.partition}@{record.offset}"
    if record.key is None or record.value is None:
        raise UnreadableEventError(f"{place}: has no key, or no value")
    headers: dict[str, Any] = dict(record.headers)  # what is missing is found by reading it
    try:
        event = RecordedEvent(
            event_id=UUID(headers["ce_id"].decode()),
            stream=headers["ce_subject"].decode(),
            version=int(headers["ce_streamversion"]),
            position=int(headers["ce_position"]),
            type=headers["ce_type"].decode(),
            occurred_at=datetime.fromisoformat(headers["ce_time"].decode()),
            recorded_at=datetime.fromisoformat(headers["ce_recordedat"].decode()),
            actor=headers["ce_actor"].decode(),
            command_id=headers["ce_commandid"].decode(),
            correlation_id=headers["ce_correlationid"].decode(),
            causation_id=headers["ce_causationid"].decode(),
            partition_key=record.key.decode(),
            body=record.value,
            reader=codec,
            sealed_key_id=sealed.decode() if (sealed := headers.get("ce_sealedkeyid")) else None,
        )
    except (KeyError, ValueError, AttributeError, TypeError) as bad:
        raise UnreadableEventError(f"{place}: {bad!r}") from bad
    codec.class_of(event.type)
    return event
