"""A lane's position in PostgreSQL: moved by whoever leads it now, and by nobody who did before."""

from __future__ import annotations

from infra.log.event_log import EventLog
from infra.log.lane import EVENTS, LANE, OUTBOX, advance, begin_epoch, lane_ends, messages_waiting, standing
from infra.log.queries import commands_answered, last_position, last_versions, streams_between
from tests.support.pipeline import Pipeline, command, order


def test_only_the_present_epoch_moves_the_lane(log: EventLog) -> None:
    """A relay that was replaced moves nothing, and is told so."""
    before = begin_epoch(log.connection, LANE)
    now = begin_epoch(log.connection, LANE)

    assert advance(log.connection, LANE, before, position=5, outbox_seq=5) is None
    assert [(lane.lane, lane.position) for lane in standing(log.connection)] == [(LANE, 0)]
    moved = advance(log.connection, LANE, now, position=7, outbox_seq=6)
    assert moved is not None
    assert (moved.epoch, moved.position, moved.outbox_seq) == (now.epoch, 7, 6)
    assert [(lane.lane, lane.position) for lane in standing(log.connection)] == [(LANE, 7)]


def test_what_is_published_leaves_the_outbox(pipeline: Pipeline) -> None:
    """Messages up to the position go away; the ends of the log and of the outbox stay where they are."""
    connection = pipeline.log.connection
    pipeline.worker().record([command("RegisterOrder", order(name), key=name.encode()) for name in ("O-1", "O-2")])
    at = begin_epoch(connection, LANE)

    advance(connection, LANE, at, position=1, outbox_seq=1)

    assert messages_waiting(connection) == 1
    assert lane_ends(connection) == {EVENTS: 2, OUTBOX: 2}
    assert (last_position(connection), commands_answered(connection, "/shop")) == (2, 2)


def test_streams_are_named_and_measured(pipeline: Pipeline) -> None:
    """Streams come in the order of their names, as many as are asked for; one without events has no version."""
    names = ["O-1", "O-2", "O-3"]
    pipeline.worker().record([command("RegisterOrder", order(name), key=name.encode()) for name in names])
    connection = pipeline.log.connection

    assert streams_between(connection, "order/", "order0", 2) == ["order/O-1", "order/O-2"]
    assert streams_between(connection, "order/O-2", "order0", 2) == ["order/O-3"]
    assert last_versions(connection, ["order/O-2", "order/O-9"]) == {"order/O-2": 1, "order/O-9": None}
