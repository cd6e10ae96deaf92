"""A history of facts, as the log would have recorded it: for tests of whatever reads the log."""

from __future__ import annotations

import json
from collections.abc import Iterable
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any
from uuid import NAMESPACE_URL, uuid5

from domain.fact import Fact
from domain.recorded import RecordedEvent
from infra.envelope.codec import topic_of
from tests.support.shop import Shop
from workers.runtime.every_event import make_codec

CODEC = make_codec()


def recorded(facts: Iterable[Fact], *, order_id: str = "O-1", start: int = 1) -> list[RecordedEvent]:
    """Return facts of one order and its returns as recorded events, at positions from ``start`` on."""
    return [
        RecordedEvent(
            event_id=uuid5(NAMESPACE_URL, f"{fact.originator_id}/{fact.originator_version}"),
            stream=fact.originator_id,
            version=fact.originator_version,
            position=position,
            type=topic_of(type(fact)),
            occurred_at=fact.timestamp,
            recorded_at=fact.timestamp + timedelta(seconds=1),
            actor="agent:A1",
            command_id="c-1",
            correlation_id="c-1",
            causation_id="c-1",
            partition_key=order_id,
            body=CODEC.encode(fact),
            reader=CODEC,
        )
        for position, fact in enumerate(facts, start=start)
    ]


def recorded_of(shop: Shop, *, order_id: str = "O-1", start: int = 1) -> list[RecordedEvent]:
    """Return the whole history of a shop as recorded events, each by whom and by which command it came about."""
    events = recorded(shop.history, order_id=order_id, start=start)
    return [
        replace(event, actor=actor, command_id=command_id)
        for event, (actor, command_id) in zip(events, shop.senders, strict=True)
    ]


def decoded(stored: dict[str, Any]) -> Fact:
    """Return the fact of a stored example, envelope and body."""
    envelope = stored["envelope"]
    at = datetime.fromisoformat(envelope["time"])
    body = json.dumps(stored["body"]).encode()
    return CODEC.decode(envelope["type"], envelope["stream"], envelope["streamversion"], at, body)
