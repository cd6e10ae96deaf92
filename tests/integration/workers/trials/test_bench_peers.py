"""The plain way decides what ours decides, and fills the same rows: `rma bench peers` compares the same work."""

from __future__ import annotations

from contextlib import closing

import orjson
import psycopg
from eventsourcing.projection import ProjectionRunner

from commands.dispatch import parse
from commands.metadata import Meta, parse_actor
from projections.tracking.tables import SCHEMA
from tests.support.shop import Shop
from workers.trials.bench import load
from workers.trials.bench.peers.plain import PlainReturns, PlainTracking, TrackingView, environment

RETURNS = 2


def test_the_plain_way_records_the_same_facts_and_shows_them(postgres_dsn: str) -> None:
    """Stream by stream, fact by fact, as our handlers decide in memory; then one row a return."""
    shop = Shop()
    where = environment(postgres_dsn)
    application = PlainReturns(where)
    for command in [load.publish_policy(), *load.returns(RETURNS)]:
        name = f"rma.{command.type}.v1"
        kind, who = parse_actor(command.actor or "")
        assert not isinstance(command.time, str | None)
        meta = Meta(command.id, command.source, name, command.time, kind, who)
        application.take(parse(name, orjson.dumps(command.data)), meta)
        shop.send(command.type, command.data, actor=command.actor or "", at=command.time)

    streams = {fact.originator_id for fact in shop.history}
    for stream in streams:
        assert [*application.events.get(stream)] == [fact for fact in shop.history if fact.originator_id == stream]

    last = application.recorder.max_notification_id()
    assert last == len(shop.history)
    runner = ProjectionRunner(
        application_class=PlainReturns, projection_class=PlainTracking, view_class=TrackingView, env=where
    )
    with runner:
        runner.wait(last, timeout=30)
    application.close()
    with closing(psycopg.connect(postgres_dsn)) as connection:
        assert connection.execute(f"SELECT count(*) FROM {SCHEMA}.returns").fetchone() == (RETURNS,)
