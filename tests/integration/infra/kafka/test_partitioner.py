"""What a system fills its topics with is settled when it is made, and agrees with what others send."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import closing
from typing import Any

import pytest
from kafka import KafkaProducer
from kafka.admin import KafkaAdminClient

from infra.addresses import postgres_address
from infra.kafka.clients import make_admin
from infra.kafka.partitioner import Partitioner, partitioner_of, settle_partitioner
from infra.log.event_log import EventLog
from infra.migrate import migrate
from infra.settings import Settings
from tests.support.pipeline import Pipeline, command, order
from workers.operating.initialising import initialise

KEYS = [f"O-{number}".encode() for number in range(50)]


@pytest.fixture
def admin(settings: Settings) -> Iterator[KafkaAdminClient]:
    with closing(make_admin(str(settings.kafka_bootstrap))) as connected:
        yield connected


def forget(pipeline: Pipeline) -> None:
    """Make the system one from before the choice."""
    pipeline.log.connection.execute("DELETE FROM rma_log.system WHERE name = 'partitioner'")


def plain_producer(pipeline: Pipeline) -> Any:
    """Return the client's producer as a shop would use it: with nothing set."""
    return closing(KafkaProducer(bootstrap_servers=pipeline.bootstrap))


def test_a_new_system_fills_its_topics_as_java_does(settings: Settings) -> None:
    """Init settles it once, before there are topics; again it changes nothing."""
    initialise(settings)
    initialise(settings)

    assert partitioner_of(postgres_address(settings)) == Partitioner.MURMUR2


def test_empty_topics_that_somebody_made_beforehand_are_no_past(pipeline: Pipeline, admin: KafkaAdminClient) -> None:
    """Where an administrator makes the topics, or shops send before init, the system is still a new one."""
    forget(pipeline)
    with plain_producer(pipeline) as shop:
        shop.send(pipeline.topics.commands, b"{}", b"O-1").get(timeout=30)

    assert settle_partitioner(pipeline.dsn, admin, pipeline.topics.own) == Partitioner.MURMUR2


def test_a_system_that_holds_events_goes_on_as_it_began(
    pipeline: Pipeline, worker: Any, admin: KafkaAdminClient
) -> None:
    """Its keys would otherwise be in two partitions, and later facts overtake earlier ones."""
    pipeline.publish([command("RegisterOrder", order())])
    pipeline.handle_all(records=1)
    forget(pipeline)

    assert partitioner_of(pipeline.dsn) == Partitioner.CRC32, "before init is run with this version"
    assert settle_partitioner(pipeline.dsn, admin, pipeline.topics.own) == Partitioner.CRC32
    pipeline.relay_all()
    records = pipeline.read_topic(pipeline.topics.events)
    assert {record.partition for record in records} == {2}, "CRC-32 of O-1, modulo 6"


def test_a_system_whose_topics_were_filled_goes_on_as_it_began(pipeline: Pipeline, admin: KafkaAdminClient) -> None:
    """An answer that went out is enough, though there is no event yet."""
    forget(pipeline)
    with plain_producer(pipeline) as before:
        before.send(pipeline.topics.results, b"{}", b"O-1").get(timeout=30)

    assert settle_partitioner(pipeline.dsn, admin, pipeline.topics.own) == Partitioner.CRC32


def test_what_was_settled_first_holds(postgres_dsn: str, settings: Settings, admin: KafkaAdminClient) -> None:
    """Two processes that initialise at once agree."""
    migrate(postgres_dsn)
    log = EventLog(postgres_dsn)
    log.connection.execute("INSERT INTO rma_log.system VALUES ('partitioner', 'crc32')")
    log.close()

    assert settle_partitioner(postgres_dsn, admin, ()) == Partitioner.CRC32


def test_others_put_a_key_where_we_do(pipeline: Pipeline) -> None:
    """The client's own partitioner and ours agree on every key, so that a shop's commands stay in their order."""
    with plain_producer(pipeline) as shop:
        placed = [shop.send(pipeline.topics.commands, b"{}", key) for key in KEYS]
        shop.flush(30)

    assert [future.get(timeout=0).partition for future in placed] == [pipeline.placement.of(key) for key in KEYS]
