"""CloudEvents 1.0 over Kafka: the attributes of events and answers, written in binary mode."""

from __future__ import annotations

from typing import Final

from infra.records import CommandStamp, Headers, StoredEvent, derived_id, rfc3339

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


RESULT_HEADERS: Final = (
    "ce_id",
    "ce_source",
    "ce_specversion",
    "ce_type",
    "ce_time",
    "ce_correlationid",
    "ce_causationid",
    "ce_commandid",
    "ce_commandsource",
    "content-type",
)
"""The headers of every answer."""
FIRST_ANSWER_HEADERS: Final = (ANSWER_SEQ, FINGERPRINT)
"""What the first answer to a command bears beside: all that is kept of it, so that it can be kept again."""


def result_headers(stamp: CommandStamp, result: bytes, recorded_at: str) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """Return names and values of the Kafka headers of a command's answer; the same answer has the same id.

    ``recorded_at`` is an instant of RFC 3339 in UTC.
    """
    values = (
        derived_id(result),
        OWN_SOURCE,
        "1.0",
        RESULT_TYPE,
        recorded_at,
        stamp.correlation_id,
        stamp.command_id,
        stamp.command_id,
        stamp.source,
        "application/json",
    )
    if stamp.place is None:
        return RESULT_HEADERS, values
    return (*RESULT_HEADERS, COMMAND_PLACE), (*values, stamp.place)


def first_answer_values(seq: int, fingerprint: bytes) -> tuple[str, str]:
    """Return the values of ``FIRST_ANSWER_HEADERS``."""
    return str(seq), fingerprint.hex()
