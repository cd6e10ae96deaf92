"""The answer to a command, as the bytes that are published and stored."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

import orjson

from infra.records import CommandStamp, StoredEvent, Verdict, rfc3339


def result_body(stamp: CommandStamp, verdict: Verdict, events: Sequence[StoredEvent], recorded_at: datetime) -> bytes:
    """Return the JSON of an answer; ``code``, ``message`` and ``details`` only where the system said no."""
    answer: dict[str, object] = {
        "command_id": stamp.command_id,
        "source": stamp.source,
        "type": stamp.type,
        "status": verdict.status,
    }
    if verdict.status != "accepted":
        answer |= {"code": verdict.code, "message": verdict.message, "details": verdict.details}
    answer["events"] = [
        {
            "id": str(event.event_id),
            "type": event.type,
            "stream": event.stream,
            "version": event.version,
            "position": event.position,
        }
        for event in events
    ]
    answer["recorded_at"] = rfc3339(recorded_at)
    return orjson.dumps(answer, default=str, option=orjson.OPT_NON_STR_KEYS)
