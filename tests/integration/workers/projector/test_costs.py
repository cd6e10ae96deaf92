"""What a projector spends on a batch, in counts: time follows from them, and they are the same on every machine."""

from __future__ import annotations

from contextlib import closing
from typing import Any, Final

import psycopg
import pytest
from kafka.structs import TopicPartition

from infra.envelope.codec import Codec
from infra.kafka.record import Batch, Record
from projections.read_models import PROJECTIONS, projection_named
from tests.support.pipeline import Pipeline, command, delivery, order
from workers.projector.projector import Projector, prepare

ORDERS: Final = 40
MORE_TABLES_MAX: Final = 5
"""Tables that a batch of both kinds of event changes, and one of the first kind alone does not."""


def spent(pipeline: Pipeline, name: str, batch: Batch, patch: pytest.MonkeyPatch) -> tuple[int, int]:
    """Fold a batch; return how many statements were sent for it, and how many events were decoded.

    Workers of other tests may run in this process: what counts is this projector's.
    """
    execute, decode = psycopg.Cursor.execute, Codec.decode_recorded
    statements: list[object] = []
    decoded: list[tuple[str, int]] = []

    def counted(cursor: Any, query: Any, *args: Any, **options: Any) -> Any:
        if cursor.connection is projector.connection:
            statements.append(query)
        return execute(cursor, query, *args, **options)

    def noted(codec: Codec, event: Any) -> Any:
        if codec is pipeline.codec:
            decoded.append((event.stream, event.version))
        return decode(codec, event)

    with closing(Projector(pipeline.dsn, projection_named(name), pipeline.codec)) as projector, patch.context() as own:
        assert projector.connection
        own.setattr(psycopg.Cursor, "execute", counted)
        own.setattr(Codec, "decode_recorded", noted)
        projector.handle(batch)
    assert len(decoded) == len(set(decoded))
    return len(statements), len(decoded)


@pytest.mark.parametrize("name", PROJECTIONS)
def test_statements_do_not_grow_with_a_batch(pipeline: Pipeline, name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Eighty events take the statements of two; each event is decoded once, or never."""
    for step, told in (("RegisterOrder", order), ("RecordDelivery", delivery)):
        keys = [f"O-{number}" for number in range(ORDERS)]
        pipeline.worker().record([command(step, told(key), key=key.encode()) for key in keys])
    batch = told_to(pipeline, name)

    of_few, _ = spent(pipeline, name, {partition: of_it[:1] for partition, of_it in batch.items()}, monkeypatch)
    of_many, decoded = spent(pipeline, name, batch, monkeypatch)

    assert of_many <= of_few + MORE_TABLES_MAX
    assert decoded <= sum(map(len, batch.values()))


@pytest.mark.parametrize("name", PROJECTIONS)
def test_partitions_have_no_statements_of_their_own(
    pipeline: Pipeline, name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Six partitions take the statements of one: each is a round trip for which a row waits."""
    keys = [f"O-{number}" for number in range(ORDERS)]
    pipeline.worker().record([command("RegisterOrder", order(key), key=key.encode()) for key in keys])
    batch = told_to(pipeline, name)
    assert len(batch) == pipeline.settings.partitions
    spent(pipeline, name, {partition: records[:1] for partition, records in batch.items()}, monkeypatch)
    alone = next(iter(batch))

    of_one, _ = spent(pipeline, name, {alone: batch[alone][1:2]}, monkeypatch)
    others = {partition: records[1:2] for partition, records in batch.items() if partition != alone}
    of_others, _ = spent(pipeline, name, others, monkeypatch)

    assert of_others == of_one


def told_to(pipeline: Pipeline, name: str) -> Batch:
    """Publish what is recorded and make a read model's tables; return the records of all events by partition."""
    pipeline.relay_all()
    batch: dict[TopicPartition, list[Record]] = {}
    for record in sorted(pipeline.read_topic(pipeline.topics.events), key=lambda record: record.offset):
        batch.setdefault(TopicPartition(record.topic, record.partition), []).append(record)
    prepare(pipeline.dsn, projection_named(name))
    return batch
