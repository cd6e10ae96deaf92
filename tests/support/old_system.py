"""A system as version 0.1.0 left it: its database and topics, restored under the names of a test's own."""

from __future__ import annotations

import json
import lzma
from contextlib import closing
from functools import cache
from pathlib import Path
from typing import Final, Literal, NamedTuple

import psycopg
from kafka import KafkaConsumer, KafkaProducer, TopicPartition
from kafka.structs import OffsetAndMetadata
from psycopg import sql

from infra.addresses import postgres_address
from infra.kafka.clients import make_admin
from infra.kafka.topics import TopicNames, create_topics
from infra.settings import Settings
from workers.runtime.parts import COMMANDS, group_of

FOLDER: Final = Path(__file__).parents[1] / "data" / "version_0_1_0"
PARTITIONS: Final = 3
SEND_TIMEOUT_S: Final = 30.0

# roles belong to the server and are in no database's dump
READER_ROLE: Final = """
    DO $$ BEGIN CREATE ROLE rma_reader NOLOGIN; EXCEPTION WHEN duplicate_object OR unique_violation THEN NULL; END $$
"""

# the clock of whoever runs the tests may be behind that of whoever wrote them
ASK_NOW: Final = "UPDATE rma_payments.questions SET ask_at = least(ask_at, now())"

Topic = Literal["commands", "events", "results", "dead"]


class OldRecord(NamedTuple):
    """A record as it lay on a topic."""

    topic: Topic
    partition: int
    offset: int
    key: bytes | None
    headers: list[tuple[str, bytes]]
    value: bytes


def database_script() -> str:
    """Return the statements that make the old database: schemas, rows, views, rights."""
    return lzma.decompress((FOLDER / "database.sql.xz").read_bytes()).decode()


@cache
def old_records(topic: Topic) -> list[OldRecord]:
    """Return what lay on a topic, partition by partition, in the order of offsets."""
    lines = lzma.decompress((FOLDER / "topics.jsonl.xz").read_bytes()).splitlines()
    return [record for line in lines if (record := _record(json.loads(line))).topic == topic]


def _record(told: dict[str, object]) -> OldRecord:
    headers = [(name, value.encode()) for name, value in told["headers"]]  # type: ignore[attr-defined]
    key = None if told["key"] is None else str(told["key"]).encode()
    return OldRecord(**told | {"key": key, "headers": headers, "value": str(told["value"]).encode()})  # type: ignore[arg-type]


def restore(settings: Settings, script: str | None = None) -> None:
    """Make the old system anew; ``script`` stands in for ``database_script()``. Nothing of today's version has run."""
    with psycopg.connect(postgres_address(settings), autocommit=True) as connection:
        connection.execute(READER_ROLE)
        connection.execute(sql.SQL(script or database_script()))
        connection.execute(ASK_NOW)
    assert settings.kafka_bootstrap is not None
    names = TopicNames(settings.topic_prefix)
    with closing(make_admin(settings.kafka_bootstrap)) as admin:
        create_topics(admin, names, partitions=PARTITIONS)
    _fill(settings.kafka_bootstrap, names)
    _commit(settings, names.commands)


def _fill(bootstrap: str, names: TopicNames) -> None:
    """Put every record where it lay: the same partition, the same offset."""
    with closing(KafkaProducer(bootstrap_servers=bootstrap)) as producer:
        for topic, name in zip(("commands", "events", "results", "dead"), (names.commands, *names.own), strict=True):
            sent = [
                (record, producer.send(name, record.value, record.key, record.headers, record.partition))
                for record in old_records(topic)
            ]
            for record, told in sent:
                assert told.get(timeout=SEND_TIMEOUT_S).offset == record.offset


def _commit(settings: Settings, topic: str) -> None:
    """Let the command worker's group stand behind the last command."""
    ends = {record.partition: record.offset + 1 for record in old_records("commands")}
    group = settings.named(group_of(COMMANDS))
    with closing(KafkaConsumer(bootstrap_servers=settings.kafka_bootstrap, group_id=group)) as consumer:
        consumer.commit({TopicPartition(topic, number): OffsetAndMetadata(end, "", -1) for number, end in ends.items()})
