"""CloudEvents 1.0 over Kafka: the attributes of events and answers, written in binary mode."""

from __future__ import annotations

from datetime import datetime
from typing import Final
from uuid import uuid5

from infra.records import EVENT_NAMESPACE, CommandStamp, Headers, StoredEvent, rfc3339

OWN_SOURCE: Final = "/rma"
RESULT_TYPE: Final = "rma.CommandResult.v1"
ANSWER_SEQ: Final = "ce_answerseq"
FINGERPRINT: Final = "ce_fingerprint"
COMMAND_PLACE: Final = "ce_commandplace"
JSON_CONTENT: Final = b"application/json"
STRUCTURED_CONTENT: Final = "application/cloudevents+json"


def event_attributes(event: StoredEvent) -> list[tuple[str, str]]:
    """Return an event's CloudEvents attributes but ``prevhash``, sorted by name."""
    sealed = [] if event.sealed_key_id is None else [("sealedkeyid", event.sealed_key_id)]
    return [
        ("actor", event.actor),
        ("causationid", event.causation_id),
        ("commandid", event.command_id),
        ("commandsource", event.command_source),
        ("correlationid", event.correlation_id),
        ("id", str(event.event_id)),
        ("position", str(event.position)),
        ("recordedat", rfc3339(event.recorded_at)),
        *sealed,
        ("source", OWN_SOURCE),
        ("specversion", "1.0"),
        ("streamversion", str(event.version)),
        ("subject", event.stream),
        ("time", rfc3339(event.occurred_at)),
        ("type", event.type),
    ]


def event_headers(event: StoredEvent) -> Headers:
    """Return the Kafka headers under which an event is published (binary mode)."""
    headers = [(f"ce_{name}", value.encode()) for name, value in event_attributes(event)]
    headers.append(("ce_prevhash", event.prev_hash.hex().encode()))
    headers.append(("content-type", JSON_CONTENT))
    return headers


def result_headers(stamp: CommandStamp, result: bytes, recorded_at: datetime) -> Headers:
    """Return the Kafka headers of a command's answer; the same answer has the same id."""
    command_id = stamp.command_id.encode()
    place = [] if stamp.place is None else [(COMMAND_PLACE, stamp.place.encode())]
    return [
        ("ce_id", str(uuid5(EVENT_NAMESPACE, result.decode())).encode()),
        ("ce_source", OWN_SOURCE.encode()),
        ("ce_specversion", b"1.0"),
        ("ce_type", RESULT_TYPE.encode()),
        ("ce_time", rfc3339(recorded_at).encode()),
        ("ce_correlationid", stamp.correlation_id.encode()),
        ("ce_causationid", command_id),
        ("ce_commandid", command_id),
        ("ce_commandsource", stamp.source.encode()),
        *place,
        ("content-type", JSON_CONTENT),
    ]


def first_answer_headers(seq: int, fingerprint: bytes) -> Headers:
    """Return what the first answer to a command bears beside: all that is kept of it, so that it can be kept again."""
    return [(ANSWER_SEQ, str(seq).encode()), (FINGERPRINT, fingerprint.hex().encode())]
