"""Events as JSON bytes and back. The stored bytes are the published bytes; topics name the event classes.

The body holds an event's own fields; stream, version, business time and aggregate are the envelope's and are left out.
An old type is read through its upcasts, one after the other, until a type that has a class is reached.
"""

from __future__ import annotations

import inspect
from collections.abc import Iterable, Mapping
from dataclasses import fields
from datetime import datetime
from typing import Final

import orjson
from eventsourcing.domain import BaseAggregate
from eventsourcing.utils import get_topic
from pydantic import BaseModel, TypeAdapter, ValidationError

from domain.errors import RmaError
from domain.fact import Fact, FirstFact
from domain.history import Upcast
from domain.recorded import RecordedEvent
from infra.sealing.bodies import marked_body

ENVELOPE_FIELDS: Final = frozenset({"originator_id", "originator_version", "originator_topic", "timestamp"})
FAULT_CHARACTERS_MAX: Final = 500


class UnreadableEventError(RmaError):
    """A recorded event cannot be read: it was damaged, or a newer version wrote it. It is never passed over."""

    code = "event_unreadable"


class UpcastError(Exception):
    """The upcasts as declared lead nowhere, or round in a circle: a defect of this program."""


class Codec:
    """Encode and decode the events of the given aggregate classes.

    Args:
        aggregates: Classes whose nested event classes carry a ``TOPIC``.
        upcasts: By old type, what it became.
    Raises:
        UpcastError: An upcast leads to no class, or stands for a type that has one.
    """

    def __init__(
        self, aggregates: Iterable[type[BaseAggregate[str]]], upcasts: Mapping[str, Upcast] | None = None
    ) -> None:
        self._upcasts = dict(upcasts or {})
        self._adapters: dict[str, TypeAdapter[Fact]] = {}
        self._own_fields: dict[type[Fact], tuple[str, ...]] = {}
        self._aggregate_topics: dict[str, str] = {}
        self.event_classes: dict[str, type[Fact]] = {}
        for aggregate in aggregates:
            for event_class in _event_classes(aggregate):
                self._register(aggregate, event_class)
        self._newest = {old: self._end_of(old) for old in self._upcasts}

    def _register(self, aggregate: type[BaseAggregate[str]], event_class: type[Fact]) -> None:
        topic = topic_of(event_class)
        self.event_classes[topic] = event_class
        self._own_fields[event_class] = tuple(field_names(event_class))
        if issubclass(event_class, FirstFact):
            self._aggregate_topics[topic] = get_topic(aggregate)

    def _adapter(self, topic: str) -> TypeAdapter[Fact]:
        """Return what reads the bodies of a type; made when the first is read, which spares a process its start."""
        adapter = self._adapters.get(topic)
        if adapter is None:
            adapter = self._adapters[topic] = TypeAdapter(self.event_classes[topic])
        return adapter

    def _end_of(self, old: str) -> str:
        """Return the type at which the upcasts of an old one end."""
        if old in self.event_classes:
            raise UpcastError(f"{old} has a class, and is upcast too")
        steps = [old]
        while steps[-1] not in self.event_classes:
            step = self._upcasts.get(steps[-1])
            if step is None or step.to in steps:
                raise UpcastError(f"no class is reached by {' → '.join((*steps, step.to if step else 'nothing'))}")
            steps.append(step.to)
        return steps[-1]

    def class_of(self, type_name: str) -> type[Fact]:
        """Return the class of a stored type, old or new; raises ``UnreadableEventError`` where there is none."""
        try:
            return self.event_classes[self._newest.get(type_name, type_name)]
        except KeyError:
            raise _unknown(type_name) from None

    def types_of(self, *event_classes: type[Fact]) -> list[str]:
        """Return every stored type that these classes have ever had, the newest of each first."""
        newest = [topic_of(event_class) for event_class in event_classes]
        return newest + [old for old, end in self._newest.items() if end in newest]

    def encode(self, event: Fact) -> bytes:
        """Return the JSON body of an event: its own fields, in the order in which its class names them.

        The bytes are those that pydantic writes of the class, in a quarter of the time.
        """
        values = vars(event)
        own = {name: values[name] for name in self._own_fields[type(event)]}
        return orjson.dumps(own, _model, orjson.OPT_UTC_Z)

    def decode(self, topic: str, stream: str, version: int, occurred_at: datetime, body: bytes) -> Fact:
        """Return the event object of a stored body.

        Raises:
            UnreadableEventError: Nothing knows this type, or the body does not fit its class.
        """
        try:
            topic, body = self.newest(topic, body)
            envelope = {"originator_id": stream, "originator_version": version, "timestamp": occurred_at}
            if topic in self._aggregate_topics:
                envelope["originator_topic"] = self._aggregate_topics[topic]
            spliced = orjson.dumps(envelope)[:-1] + (b"," + body[1:] if len(body) > len(b"{}") else b"}")
            return self._adapter(topic).validate_json(spliced)
        except (UnreadableEventError, ValidationError) as bad:
            why = " ".join(str(bad).split())[:FAULT_CHARACTERS_MAX]
            raise UnreadableEventError(f"{stream} version {version} cannot be read: {why}") from bad

    def decode_recorded(self, event: RecordedEvent) -> Fact:
        """Return the event object of a recorded event."""
        return self.decode(event.type, event.stream, event.version, event.occurred_at, event.body)

    def decode_marked(self, event: RecordedEvent) -> Fact:
        """Return the event object of a recorded event with ``(sealed)`` in the place of each sealed text."""
        body = marked_body(event.type, event.body)
        return self.decode(event.type, event.stream, event.version, event.occurred_at, body)

    def newest(self, type_name: str, body: bytes) -> tuple[str, bytes]:
        """Return type and body as today's version would have stored them; the same bytes where nothing changed since.

        Raises:
            UnreadableEventError: Nothing knows this type, or the body does not fit it.
        """
        if type_name in self.event_classes:
            return type_name, body
        if type_name not in self._newest:
            raise _unknown(type_name)
        try:
            values = orjson.loads(body)
            while type_name not in self.event_classes:
                step = self._upcasts[type_name]
                type_name, values = step.to, step.body(values)
        except (ValueError, LookupError, TypeError, AttributeError) as bad:
            raise UnreadableEventError(f"a body of {type_name} does not fit its upcast: {bad!r}") from bad
        return type_name, orjson.dumps(values)


def topic_of(event_class: type[Fact]) -> str:
    """Return the stored type name of an event class, such as ``rma.Order.Registered.v1``."""
    topic: str = event_class.TOPIC  # type: ignore[attr-defined]  # every concrete event class carries one
    return topic


def field_names(event_class: type[Fact]) -> list[str]:
    """Return the names of an event's own fields, those of its JSON body."""
    return [field.name for field in fields(event_class) if field.name not in ENVELOPE_FIELDS]


def _model(value: object) -> orjson.Fragment:
    """Return what an event holds that is a model, as JSON."""
    if isinstance(value, BaseModel):
        return orjson.Fragment(value.__pydantic_serializer__.to_json(value))
    raise TypeError


def _unknown(type_name: str) -> UnreadableEventError:
    return UnreadableEventError(f"{type_name} is no type of event that this version knows")


def _event_classes(aggregate: type[BaseAggregate[str]]) -> list[type[Fact]]:
    return [
        member
        for _, member in inspect.getmembers(aggregate, inspect.isclass)
        if issubclass(member, Fact) and "TOPIC" in vars(member)
    ]
