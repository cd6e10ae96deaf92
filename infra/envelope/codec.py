"""Events as JSON bytes and back. The stored bytes are the published bytes; topics name the event classes.

The body holds an event's own fields; stream, version, business time and aggregate are the envelope's and are left out.
An old type is read through an *upcaster*: a function from its body (a dict) to a newer type and body, applied until a
type that has a class is reached.
"""

from __future__ import annotations

import inspect
from collections.abc import Callable, Iterable, Mapping
from dataclasses import fields
from datetime import datetime
from typing import Any, Final

import orjson
from eventsourcing.domain import BaseAggregate
from eventsourcing.utils import get_topic
from pydantic import TypeAdapter

from domain.fact import Fact, FirstFact
from domain.recorded import RecordedEvent

ENVELOPE_FIELDS: Final = frozenset({"originator_id", "originator_version", "originator_topic", "timestamp"})
UPCASTS_MAX: Final = 50
"""Longest chain of upcasters; a longer one is a loop."""

Upcaster = Callable[[dict[str, Any]], tuple[str, dict[str, Any]]]


class UnknownEventTypeError(Exception):
    """An event's type has neither a class nor an upcaster."""


class Codec:
    """Encode and decode the events of the given aggregate classes.

    Args:
        aggregates: Classes whose nested event classes carry a ``TOPIC``.
        upcasters: By old type, what its body became.
    """

    def __init__(
        self, aggregates: Iterable[type[BaseAggregate[str]]], upcasters: Mapping[str, Upcaster] | None = None
    ) -> None:
        self._upcasters = dict(upcasters or {})
        self._adapters: dict[str, TypeAdapter[Fact]] = {}
        self._aggregate_topics: dict[str, str] = {}
        self.event_classes: dict[str, type[Fact]] = {}
        for aggregate in aggregates:
            for event_class in _event_classes(aggregate):
                self._register(aggregate, event_class)

    def _register(self, aggregate: type[BaseAggregate[str]], event_class: type[Fact]) -> None:
        topic = topic_of(event_class)
        self.event_classes[topic] = event_class
        self._adapters[topic] = TypeAdapter(event_class)
        if issubclass(event_class, FirstFact):
            self._aggregate_topics[topic] = get_topic(aggregate)

    def encode(self, event: Fact) -> bytes:
        """Return the JSON body of an event: its own fields, in the order in which its class names them."""
        return self._adapters[topic_of(type(event))].dump_json(event, exclude=set(ENVELOPE_FIELDS))

    def decode(self, topic: str, stream: str, version: int, occurred_at: datetime, body: bytes) -> Fact:
        """Return the event object of a stored body.

        Raises:
            UnknownEventTypeError: Nothing knows this type.
            pydantic.ValidationError: The body does not fit its class: a stored event was damaged.
        """
        adapter = self._adapters.get(topic)
        if adapter is None:
            topic, body = self._upcast(topic, body)
            adapter = self._adapters[topic]
        envelope = {"originator_id": stream, "originator_version": version, "timestamp": occurred_at}
        if topic in self._aggregate_topics:
            envelope["originator_topic"] = self._aggregate_topics[topic]
        spliced = orjson.dumps(envelope)[:-1] + (b"," + body[1:] if len(body) > len(b"{}") else b"}")
        return adapter.validate_json(spliced)

    def decode_recorded(self, event: RecordedEvent) -> Fact:
        """Return the event object of a recorded event."""
        return self.decode(event.type, event.stream, event.version, event.occurred_at, event.body)

    def _upcast(self, topic: str, body: bytes) -> tuple[str, bytes]:
        fields_of_old = orjson.loads(body)
        for _ in range(UPCASTS_MAX):
            if topic in self._adapters:
                return topic, orjson.dumps(fields_of_old)
            if topic not in self._upcasters:
                break
            topic, fields_of_old = self._upcasters[topic](fields_of_old)
        raise UnknownEventTypeError(f"no event class and no upcaster leads on from {topic}")


def topic_of(event_class: type[Fact]) -> str:
    """Return the stored type name of an event class, such as ``rma.Order.Registered.v1``."""
    topic: str = event_class.TOPIC  # type: ignore[attr-defined]  # every concrete event class carries one
    return topic


def field_names(event_class: type[Fact]) -> list[str]:
    """Return the names of an event's own fields, those of its JSON body."""
    return [field.name for field in fields(event_class) if field.name not in ENVELOPE_FIELDS]


def _event_classes(aggregate: type[BaseAggregate[str]]) -> list[type[Fact]]:
    return [
        member
        for _, member in inspect.getmembers(aggregate, inspect.isclass)
        if issubclass(member, Fact) and "TOPIC" in vars(member)
    ]
