"""Stored events read back as what they were, for ever."""

from __future__ import annotations

from dataclasses import fields
from datetime import UTC, datetime
from typing import Any

import orjson
import pytest
from eventsourcing.domain import BaseAggregate
from pydantic import ValidationError

from domain.fact import Fact
from domain.order import Order
from domain.recorded import RecordedEvent
from domain.rma import Rma
from infra.envelope.codec import ENVELOPE_FIELDS, Codec, UnknownEventTypeError
from tests.support.recorded_facts import CODEC, recorded
from tests.support.stories import whole_story

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
    return Order.Shipped(**envelope, shipment_id="S-1", lines=(), content_hash="h")  # type: ignore[call-arg]


def test_every_event_of_a_whole_story_reads_back_equal() -> None:
    """Encoding and decoding change nothing, whatever the event."""
    events = recorded(whole_story().history)

    assert len({event.type for event in events}) > 10
    for event, fact in zip(events, whole_story().history, strict=True):
        assert CODEC.decode_recorded(event) == fact


def test_a_body_is_the_fact_without_its_envelope() -> None:
    """Stream, version, time and aggregate are the envelope's; the body holds the event's own fields, in order."""
    body = CODEC.encode(shipped())

    assert body == b'{"shipment_id":"S-1","lines":[],"content_hash":"h"}'


def test_every_type_is_explicit_and_versioned() -> None:
    """A stored type names aggregate, fact and schema version, and never an import path."""
    for topic, event_class in CODEC.event_classes.items():
        prefix, _, fact, version = topic.split(".")
        assert (prefix, event_class.__name__, version[0]) == ("rma", fact, "v")
        assert ENVELOPE_FIELDS >= {"originator_id", "timestamp"} <= {field.name for field in fields(event_class)}


def test_an_event_with_no_fields_of_its_own_reads_back() -> None:
    """An empty body is a body."""
    codec = Codec([Bell])
    event = Bell.Rung("bell/1", 3, AT)

    assert codec.encode(event) == b"{}"
    assert codec.decode("test.Bell.Rung.v1", "bell/1", 3, AT, b"{}") == event


def test_an_unknown_type_is_an_error() -> None:
    """History is never skipped: a type that nothing knows cannot be passed over."""
    with pytest.raises(UnknownEventTypeError, match="Forgotten"):
        CODEC.decode("rma.Order.Forgotten.v1", "order/O-1", 1, AT, b"{}")


def test_a_damaged_body_is_an_error() -> None:
    """A stored body that does not fit its class is noticed."""
    with pytest.raises(ValidationError):
        CODEC.decode(SHIPPED, "order/O-1", 2, AT, b'{"shipment_id":1}')


def test_old_versions_are_upcast_step_by_step() -> None:
    """A body of an old type passes every upcaster on the way to the type that has a class."""
    codec = Codec(
        [Order, Rma],
        upcasters={
            "rma.Order.Shipped.alpha": lambda old: ("rma.Order.Shipped.beta", {"shipment_id": old["id"]}),
            "rma.Order.Shipped.beta": lambda old: (SHIPPED, {**old, "lines": [], "content_hash": "h"}),
        },
    )

    decoded = codec.decode("rma.Order.Shipped.alpha", "order/O-1", 2, AT, b'{"id":"S-1"}')

    assert decoded == shipped()


def test_upcasters_that_go_round_are_an_error() -> None:
    """A loop of upcasters ends."""
    codec = Codec([Order], upcasters={"a": lambda old: ("b", old), "b": lambda old: ("a", old)})
    with pytest.raises(UnknownEventTypeError):
        codec.decode("a", "order/O-1", 1, AT, b"{}")


def test_a_fact_is_decoded_once_and_only_when_asked_for() -> None:
    """A reader pays for the facts it looks at."""
    asked: list[RecordedEvent] = []
    [event] = recorded([shipped()])
    watched = RecordedEvent(
        **{field.name: getattr(event, field.name) for field in fields(event) if field.init and field.name != "decode"},
        decode=lambda one: asked.append(one) or CODEC.decode_recorded(one),  # type: ignore[func-returns-value]
    )

    assert asked == []
    assert watched.fact is watched.fact
    assert len(asked) == 1
    assert orjson.loads(watched.body)["shipment_id"] == "S-1"
