"""Stored events read back as what they were, for ever."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import fields, is_dataclass, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, get_args, get_type_hints

import orjson
import pytest
from eventsourcing.domain import BaseAggregate
from eventsourcing.utils import get_topic, resolve_topic
from pydantic import TypeAdapter

from domain.fact import Fact
from domain.history import Upcast
from domain.order import Order
from domain.recorded import RecordedEvent
from domain.rma import Rma
from infra.envelope.codec import ENVELOPE_FIELDS, Codec, UnreadableEventError, UpcastError
from tests.examples.make import EVENTS
from tests.support.recorded_facts import CODEC, decoded, recorded
from tests.support.stories import six_steps

AT = datetime(2026, 3, 1, 9, tzinfo=UTC)
SHIPPED = "rma.Order.Shipped.v1"


class Bell(BaseAggregate[str]):
    """An aggregate with a fact that has nothing to say but that it happened."""

    TOPIC = "test.Bell"

    class Event(Fact): ...

    class Rung(Event):
        TOPIC = "test.Bell.Rung.v1"


def shipped() -> Any:
    envelope: dict[str, Any] = {"originator_id": "order/O-1", "originator_version": 2, "timestamp": AT}
    return Order.Shipped(**envelope, shipment_id="S-1", lines=(), content_hash="h")


def test_every_event_of_a_whole_story_reads_back_equal() -> None:
    """Encoding and decoding change nothing, whatever the event."""
    events = recorded(six_steps().history)

    assert len({event.type for event in events}) > 10
    for event, fact in zip(events, six_steps().history, strict=True):
        assert CODEC.decode_recorded(event) == fact


def test_a_body_is_the_fact_without_its_envelope() -> None:
    """Stream, version, time and aggregate are the envelope's; the body holds the event's own fields, in order."""
    body = CODEC.encode(shipped())

    assert body == b'{"shipment_id":"S-1","lines":[],"content_hash":"h"}'


def test_bodies_are_the_bytes_that_pydantic_writes() -> None:
    """What writes them is faster, and nobody who hashes or compares bodies can tell."""
    for fact in six_steps().history:
        assert CODEC.encode(fact) == TypeAdapter(type(fact)).dump_json(fact, exclude=set(ENVELOPE_FIELDS))


@pytest.mark.parametrize("path", sorted(EVENTS.glob("*.json")), ids=lambda path: path.stem)
def test_examples_are_written_as_pydantic_does(path: Path) -> None:
    """Of every type of event."""
    fact = decoded(orjson.loads(path.read_bytes()))
    assert CODEC.encode(fact) == TypeAdapter(type(fact)).dump_json(fact, exclude=set(ENVELOPE_FIELDS))


def test_parts_of_facts_keep_the_order_of_their_fields() -> None:
    """What has slots is written in the order of its class; else it were in the order in which a sender wrote it."""
    parts = {part for event_class in CODEC.event_classes.values() for part in parts_in(event_class)}

    assert len(parts) > 30
    assert [part for part in parts if "__slots__" not in vars(part)] == []


def parts_in(kind: Any) -> Iterator[type]:
    """Yield the classes of data that a fact or a part holds, at any depth."""
    for inner in get_type_hints(kind).values():
        for one in (inner, *get_args(inner)):
            if is_dataclass(one) and isinstance(one, type):
                yield one
                yield from parts_in(one)


def test_every_type_is_explicit_and_versioned() -> None:
    """A stored type names aggregate, fact and schema version, and never an import path."""
    for topic, event_class in CODEC.event_classes.items():
        prefix, _, fact, version = topic.split(".")
        assert (prefix, event_class.__name__, version[0]) == ("rma", fact, "v")
        assert ENVELOPE_FIELDS >= {"originator_id", "timestamp"} <= {field.name for field in fields(event_class)}


def test_every_class_of_a_fact_is_found_by_its_topic() -> None:
    """What the library would ask whenever a fact is triggered, asked once of all of them."""
    for topic, event_class in CODEC.event_classes.items():
        assert get_topic(event_class) == topic
        assert resolve_topic(topic) is event_class


def test_an_event_with_no_fields_of_its_own_reads_back() -> None:
    """An empty body is a body."""
    codec = Codec([Bell])
    event = Bell.Rung("bell/1", 3, AT)

    assert codec.encode(event) == b"{}"
    assert codec.decode("test.Bell.Rung.v1", "bell/1", 3, AT, b"{}") == event


def test_an_unknown_type_is_an_error() -> None:
    """History is never skipped: a type that nothing knows cannot be passed over."""
    with pytest.raises(UnreadableEventError, match="Forgotten"):
        CODEC.decode("rma.Order.Forgotten.v1", "order/O-1", 1, AT, b"{}")


def test_a_damaged_body_is_an_error() -> None:
    """A stored body that does not fit its class is noticed; the error says which event it is."""
    with pytest.raises(UnreadableEventError, match="order/O-1 version 2"):
        CODEC.decode(SHIPPED, "order/O-1", 2, AT, b'{"shipment_id":1}')


ALPHA = Upcast("rma.Order.Shipped.beta", lambda old: {"shipment_id": old["id"]})
BETA = Upcast(SHIPPED, lambda old: {**old, "lines": [], "content_hash": "h"})
OLDER = Codec([Order, Rma], {"rma.Order.Shipped.alpha": ALPHA, "rma.Order.Shipped.beta": BETA})


def test_old_versions_are_upcast_step_by_step() -> None:
    """A body of an old type passes every upcast on the way to the type that has a class."""
    decoded = OLDER.decode("rma.Order.Shipped.alpha", "order/O-1", 2, AT, b'{"id":"S-1"}')

    assert decoded == shipped()


def test_the_codec_knows_every_type_that_a_class_has_had() -> None:
    """Whoever looks for the events of a class is told all its versions; each of them says which class it is."""
    types = OLDER.types_of(Order.Shipped)

    assert types == [SHIPPED, "rma.Order.Shipped.alpha", "rma.Order.Shipped.beta"]
    assert {OLDER.class_of(type_name) for type_name in types} == {Order.Shipped}
    assert OLDER.types_of(Order.Delivered) == ["rma.Order.Delivered.v1"]


def test_a_body_that_its_upcast_cannot_read_is_an_error() -> None:
    """A damaged event of an old version is noticed as one of today's is."""
    with pytest.raises(UnreadableEventError, match=r"order/O-1 version 2.*alpha"):
        OLDER.decode("rma.Order.Shipped.alpha", "order/O-1", 2, AT, b"{}")


@pytest.mark.parametrize(
    "upcasts",
    [
        {"a": Upcast("b", dict), "b": Upcast("a", dict)},
        {"a": Upcast("rma.Order.Nothing.v9", dict)},
        {SHIPPED: Upcast("rma.Order.Delivered.v1", dict)},
    ],
    ids=["round in a circle", "nowhere", "from a type that has a class"],
)
def test_upcasts_that_reach_no_class_are_refused_at_once(upcasts: dict[str, Upcast]) -> None:
    """What is declared wrongly is found when the program starts, not when the first old event is read."""
    with pytest.raises(UpcastError):
        Codec([Order], upcasts)


class Watched(Codec):
    """A codec that notes what it decodes."""

    def __init__(self) -> None:
        super().__init__([Order])
        self.decoded: list[RecordedEvent] = []

    def decode_recorded(self, event: RecordedEvent) -> Fact:
        self.decoded.append(event)
        return super().decode_recorded(event)


def test_a_fact_is_decoded_once_and_only_when_asked_for() -> None:
    """A reader pays for the facts it looks at; to learn what kind an event is costs nothing."""
    codec = Watched()
    [event] = (replace(found, reader=codec) for found in recorded([shipped()]))

    assert event.kind is Order.Shipped
    assert codec.decoded == []
    assert event.fact is event.fact
    assert len(codec.decoded) == 1
    assert orjson.loads(event.body)["shipment_id"] == "S-1"
