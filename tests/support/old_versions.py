"""Every event as an older version of this program might have stored it: another type, another body, the same fact."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import orjson

from domain.history import Upcast
from infra.envelope.cloudevents import event_headers
from infra.log.event_log import Append, EventLog
from infra.records import CommandStamp, Decided, NewEvent, StoredEvent, Verdict
from tests.support.pipeline import Polled
from tests.support.recorded_facts import CODEC
from tests.support.shop import Shop

RESULTS = "rma.command-results"


def old_type(type_name: str) -> str:
    """Return the type that came before a first one: ``rma.Rma.Denied.v0`` for ``rma.Rma.Denied.v1``."""
    return f"{type_name.rpartition('.')[0]}.v0"


def planted_upcasts() -> dict[str, Upcast]:
    """Return an older version of every type, which kept its fields as one text: no old body passes for a new one."""
    return {old_type(type_name): Upcast(type_name, _unpacked) for type_name in CODEC.event_classes}


def _unpacked(old: dict[str, Any]) -> dict[str, Any]:
    fields: dict[str, Any] = orjson.loads(old["told"])
    return fields


def aged(event: NewEvent) -> NewEvent:
    """Return an event as the older version would have stored it."""
    return NewEvent(
        stream=event.stream,
        version=event.version,
        type=old_type(event.type),
        occurred_at=event.occurred_at,
        partition_key=event.partition_key,
        body=orjson.dumps({"told": event.body.decode()}),
    )


def log_story(log: EventLog, shop: Shop, *, is_old: Callable[[int, NewEvent], bool]) -> None:
    """Record a shop's commands with their events; as the older version stored them those that ``is_old`` picks.

    It is told an event's number, from 1, and the event.
    """
    entries, number = [], 0
    for command, (name, facts) in enumerate(shop.sent):
        events = []
        for fact in facts:
            number += 1
            event = NewEvent(
                stream=fact.originator_id,
                version=fact.originator_version,
                type=type(fact).TOPIC,  # type: ignore[attr-defined]  # every fact that was triggered has one
                occurred_at=fact.timestamp,
                partition_key=shop.aggregates[fact.originator_id].partition_key,
                body=CODEC.encode(fact),
            )
            events.append(aged(event) if is_old(number, event) else event)
        stamp = CommandStamp("/test", f"c-{command}", f"rma.{name}.v1", "agent:A1", f"c-{command}")
        entries.append(Decided(stamp, b"O-1", bytes(32), Verdict("accepted"), events))
    log.append(Append(entries, RESULTS))


def published(events: Sequence[StoredEvent], topic: str) -> list[Polled]:
    """Return events as the relay publishes them, all in one partition."""
    return [
        Polled(event.body, event_headers(event), event.partition_key.encode(), topic, 0, offset)
        for offset, event in enumerate(events)
    ]


def as_commands_caused(events: Sequence[StoredEvent]) -> list[StoredEvent]:
    """Return events as version 0.1.0 recorded them: what led to each is its command."""
    return [event._replace(causation_id=event.command_id) for event in events]
