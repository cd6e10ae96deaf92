"""Events are the storage format for ever: what was once stored can be read, written alike, and folded."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from eventsourcing.domain import BaseAggregate

from domain.fact import FirstFact
from domain.history import UPCASTS
from domain.order import Order
from domain.rma import Rma
from tests.examples.make import EVENTS, STATUSES, STREAMS
from tests.support.recorded_facts import CODEC, decoded

EXAMPLES = sorted(EVENTS.glob("*.json"))


def test_every_event_type_has_an_example() -> None:
    """A type without one could change unseen; ``python -m tests.examples.make`` writes it. Old types keep theirs."""
    assert set(CODEC.event_classes) | set(UPCASTS) == {_type_of(path) for path in EXAMPLES}


@pytest.mark.parametrize("path", EXAMPLES, ids=lambda path: path.stem)
def test_an_example_is_read_and_written_alike(path: Any) -> None:
    """Each released version of a fact decodes to its class; the newest encodes to what it was, or to more fields."""
    event = json.loads(path.read_text("utf-8"))
    fact = decoded(event)

    assert isinstance(fact, CODEC.class_of(_type_of(path)))
    assert fact.originator_id == event["envelope"]["stream"]
    assert _type_of(path) in UPCASTS or _holds(json.loads(CODEC.encode(fact)), event["body"])


def _type_of(path: Path) -> str:
    return path.stem.partition("+")[0]


def _holds(now: Any, then: Any) -> bool:
    """Tell whether everything stored then is still there now; later versions may add fields with defaults."""
    if isinstance(then, dict):
        return isinstance(now, dict) and all(key in now and _holds(now[key], then[key]) for key in then)
    if isinstance(then, list):
        return isinstance(now, list) and len(now) == len(then) and all(map(_holds, now, then))
    return bool(now == then)


def test_stored_streams_fold() -> None:
    """The streams that the examples come from come to the same state, by whatever rules there are today."""
    aggregates: dict[str, BaseAggregate[str]] = {}
    for line in STREAMS.read_text("utf-8").splitlines():
        fact = decoded(json.loads(line))
        before = None if isinstance(fact, FirstFact) else aggregates[fact.originator_id]
        after = fact.mutate(before)
        assert after is not None
        aggregates[fact.originator_id] = after

    returns = {found.rma_id.int: found.status for found in aggregates.values() if isinstance(found, Rma)}
    (order,) = (found for found in aggregates.values() if isinstance(found, Order))
    assert returns == STATUSES
    assert sum(refund.amount_minor for refund in order.refunds.values()) > 0
