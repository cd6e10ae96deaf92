"""What holds of a system that lost nothing and did nothing twice, whatever became of its workers."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from contextlib import closing
from typing import Any, Final

import orjson
import psycopg
from kafka import KafkaConsumer
from kafka.structs import TopicPartition
from psycopg import sql

from infra.envelope.hash_chain import FIRST_PREV_HASH, event_hash
from projections.read_models import PROJECTIONS
from tests.support.pipeline import Pipeline, wait_for
from workers.projector.projector import Projector, prepare

READ_EVENTS_MAX: Final = 5_000
REBUILD_RECORDS_MAX: Final = 2_000
STOOD_AT: Final = """
    SELECT projection, partition, next_offset FROM rma_read.positions WHERE projection = ANY(%s)
"""
VIEWS: Final = """
    SELECT table_name FROM information_schema.views WHERE table_schema = 'rma_read' AND table_name <> 'positions'
"""


def assert_log_is_whole(pipeline: Pipeline) -> int:
    """Positions and versions count up from 1 without a gap, each event is chained to the last. Return how many."""
    position, prev_hash = 0, FIRST_PREV_HASH
    versions: dict[str, int] = defaultdict(int)
    while events := pipeline.log.read(position, READ_EVENTS_MAX):
        for event in events:
            position += 1
            versions[event.stream] += 1
            assert (event.position, event.version) == (position, versions[event.stream]), event
            assert event.prev_hash == prev_hash, event
            assert event.hash == event_hash(event), event
            prev_hash = event.hash
    return position


def assert_topic_tells_the_log(pipeline: Pipeline) -> list[Any]:
    """Each partition of the events topic tells whole streams in log order, repeats aside. Return its records."""
    records = pipeline.read_topic(pipeline.topics.events)
    known: dict[tuple[str, int], Any] = {}
    versions: dict[str, int] = defaultdict(int)
    reached: dict[int, int] = defaultdict(int)
    for record in records:
        headers = {name: value.decode() for name, value in record.headers}
        stream, version = headers["ce_subject"], int(headers["ce_streamversion"])
        content = (record.partition, record.key, record.value, record.headers)
        if (stream, version) in known:
            assert known[stream, version] == content, f"{stream} {version} was published twice, differently"
            continue
        known[stream, version] = content
        versions[stream] += 1
        assert version == versions[stream], f"{stream} {version} follows {versions[stream] - 1}"
        assert int(headers["ce_position"]) > reached[record.partition], f"{stream} {version} is out of order"
        reached[record.partition] = int(headers["ce_position"])
    logged = pipeline.log.connection.execute("SELECT stream, max(version) FROM rma_log.events GROUP BY stream")
    assert versions == dict(logged.fetchall())
    return records


def assert_each_command_has_one_answer(pipeline: Pipeline, commands: int, *, vault_lost: bool = False) -> int:
    """Every command was answered, and always alike; return how many answers were repeats.

    Where the vault was lost nobody can tell a repeat from another command: `command_id_reused` (docs/privacy.md).
    """
    answers: dict[tuple[str, str], Any] = {}
    results = pipeline.read_topic(pipeline.topics.results)
    for record in results:
        told = orjson.loads(record.value)
        first = answers.setdefault((told["source"], told["command_id"]), record.value)
        assert first == record.value or (vault_lost and told["code"] == "command_id_reused")
    assert len(answers) == commands
    assert pipeline.log.connection.execute("SELECT count(*) FROM rma_log.outcomes").fetchall() == [(commands,)]
    return len(results) - len(answers)


def caught_up(pipeline: Pipeline) -> None:
    """Wait until all is published and every projection has handled the last event; no worker has to be running on."""
    wait_for(pipeline.all_relayed, "the relay to publish everything")
    ends = _ends(pipeline)
    wait_for(lambda: not _behind(pipeline, ends), "the projections to catch up")


def _ends(pipeline: Pipeline) -> dict[int, int]:
    partitions = [TopicPartition(pipeline.topics.events, number) for number in range(pipeline.settings.partitions)]
    with closing(KafkaConsumer(bootstrap_servers=pipeline.bootstrap, group_id=None)) as consumer:
        return {partition.partition: end for partition, end in consumer.end_offsets(partitions).items()}


def _behind(pipeline: Pipeline, ends: dict[int, int]) -> list[tuple[str, int]]:
    stood_at = {
        (projection, partition): next_offset
        for projection, partition, next_offset in pipeline.log.connection.execute(STOOD_AT, [list(PROJECTIONS)])
    }
    return [
        (projection, partition)
        for projection in PROJECTIONS
        for partition, end in ends.items()
        if stood_at.get((projection, partition), 0) < end
    ]


def assert_rebuilt_is_the_same(pipeline: Pipeline, records: Sequence[Any]) -> None:
    """Every view shows what it shows when it is filled anew, in one go, from the topic. No projector may be running."""
    shown = _rows_of_views(pipeline.dsn)
    for name, projection in PROJECTIONS.items():
        fresh = type(projection)()
        _forget(pipeline.dsn, name, fresh.version)
        prepare(pipeline.dsn, fresh)
        with closing(Projector(pipeline.dsn, fresh, pipeline.codec)) as projector:
            for start in range(0, len(records), REBUILD_RECORDS_MAX):
                projector.handle(_by_partition(records[start : start + REBUILD_RECORDS_MAX]))
    rebuilt = _rows_of_views(pipeline.dsn)
    assert rebuilt.keys() == shown.keys()
    for view, rows in rebuilt.items():
        assert shown[view] == rows, f"{view}: {sorted(set(shown[view]) ^ set(rows))[:4]}"


def _rows_of_views(dsn: str) -> dict[str, list[str]]:
    """Return the rows of every read model's view as text, in an order of their own."""
    rows = {}
    with psycopg.connect(dsn) as connection:
        for (view,) in connection.execute(VIEWS).fetchall():
            query = sql.SQL("SELECT shown::text FROM rma_read.{} AS shown ORDER BY 1").format(sql.Identifier(view))
            rows[view] = [row for (row,) in connection.execute(query)]
    return rows


def _forget(dsn: str, name: str, version: int) -> None:
    with psycopg.connect(dsn) as connection:
        connection.execute(sql.SQL("DROP SCHEMA {} CASCADE").format(sql.Identifier(f"{name}_v{version}")))
        for table in ("positions", "stream_versions"):
            forget = sql.SQL("DELETE FROM rma_read_meta.{} WHERE projection = %s").format(sql.Identifier(table))
            connection.execute(forget, [name])


def _by_partition(records: Sequence[Any]) -> dict[TopicPartition, list[Any]]:
    batch: dict[TopicPartition, list[Any]] = defaultdict(list)
    for record in records:
        batch[TopicPartition(record.topic, record.partition)].append(record)
    return batch
