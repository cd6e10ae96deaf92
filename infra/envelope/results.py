"""The answer to a command, as the bytes that are published and stored."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Annotated, Final, NotRequired

import orjson
from pydantic import JsonValue, WithJsonSchema
from typing_extensions import TypedDict

from infra.records import CommandStamp, EventRow, Status, StoredEvent, Verdict

UuidText = Annotated[str, WithJsonSchema({"type": "string", "format": "uuid"})]
InstantText = Annotated[str, WithJsonSchema({"type": "string", "format": "date-time"})]
Details = Annotated[Mapping[str, object], WithJsonSchema({"type": "object", "additionalProperties": True})]

EXAMPLE: Final[dict[str, JsonValue]] = {
    "command_id": "c-1",
    "source": "/shop",
    "type": "rma.RequestReturn.v1",
    "status": "refused",
    "code": "units_not_available",
    "message": "1 of 2 units can still be returned",
    "details": {"line_id": "L1", "asked": 2, "available": 1},
    "events": [],
    "recorded_at": "2026-03-01T09:00:00.123Z",
}
"""An answer as others see it."""


class RecordedEvent(TypedDict):
    """An event that an accepted command led to."""

    id: UuidText
    type: str
    stream: str
    version: int
    position: int


class _No(TypedDict, total=False):
    code: str
    message: str
    details: Details


class CommandResult(TypedDict):
    """The answer to a command; ``code``, ``message`` and ``details`` are there where the system said no."""

    command_id: str
    source: str
    type: str
    status: Status
    code: NotRequired[str]
    message: NotRequired[str]
    details: NotRequired[Details]
    events: list[RecordedEvent]
    recorded_at: InstantText


def result_body(
    stamp: CommandStamp, verdict: Verdict, events: Sequence[StoredEvent | EventRow], recorded_at: str
) -> bytes:
    """Return the JSON of an answer; ``recorded_at`` is an instant of RFC 3339 in UTC."""
    no: _No = {}
    if verdict.status != "accepted":
        no = {"code": verdict.code or verdict.status, "message": verdict.message or "", "details": verdict.details}
    answer: CommandResult = {
        "command_id": stamp.command_id,
        "source": stamp.source,
        "type": stamp.type,
        "status": verdict.status,
        **no,
        "events": [
            {
                "id": str(event.event_id),
                "type": event.type,
                "stream": event.stream,
                "version": event.version,
                "position": event.position,
            }
            for event in events
        ],
        "recorded_at": recorded_at,
    }
    return orjson.dumps(answer, default=str, option=orjson.OPT_NON_STR_KEYS)
