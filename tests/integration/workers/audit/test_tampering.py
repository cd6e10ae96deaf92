"""Whatever somebody with every right on database and topic changes is found, and named where it is.

Left out is what cannot be found, see docs/audit.md: an event that is added at the tail with its answer before the next
checkpoint, and whatever is cut behind the last checkpoint before the relay has it.
"""

from __future__ import annotations

import os
from collections import Counter
from collections.abc import Iterator
from contextlib import closing
from random import Random
from typing import Final

import psycopg
import pytest

from infra.envelope.cloudevents import event_headers
from infra.kafka.topic_reader import PartitionReaders
from infra.log.auditing import events_after
from infra.log.lane import standing
from infra.proofs.store import newest
from tests.support import tampering, topic_tampering
from tests.support.audited import audited, key_of
from tests.support.pipeline import Pipeline
from tests.support.tampering import Named
from workers.audit.verifying import Before, Report, Wanted, verify_at
from workers.auditor import published
from workers.auditor.faults import AuditFault

TAMPERINGS: Final = int(os.environ.get("TAMPERINGS", "69"))
"""How many random ones; a multiple of the kinds, so that each comes as often as any other."""

TOPIC_TAMPERINGS: Final = int(os.environ.get("TOPIC_TAMPERINGS", "12"))
"""How many of the topic, each with a topic of its own."""


class Checked:
    """A log, its topic and its checkpoints, and how they verify from within a transaction."""

    def __init__(self, pipeline: Pipeline, reader: PartitionReaders) -> None:
        self._keys = [key.verifier for key in key_of(pipeline.settings)]
        self._reader = reader
        self._notes = list(published.notes(pipeline.bootstrap, pipeline.topics.checkpoints))
        [self._relayed] = [lane.position for lane in standing(pipeline.log.connection)]
        last = newest(pipeline.log.connection)
        assert last is not None
        self._published = last.number

    def verified(self, connection: psycopg.Connection, reader: PartitionReaders | None = None) -> Report:
        read = reader or self._reader
        before = Before(self._relayed, self._published, iter(self._notes), read, read.ends())
        return verify_at(connection, before, self._keys, Wanted())


@pytest.fixture
def checked(pipeline: Pipeline) -> Iterator[Checked]:
    audited(pipeline, orders=14)
    with closing(PartitionReaders(pipeline.bootstrap, pipeline.topics.events)) as reader:
        yield Checked(pipeline, reader)


def test_every_tampering_in_the_database_is_found_where_it_is(pipeline: Pipeline, checked: Checked) -> None:
    """Random ones of each kind, each undone before the next."""
    found, missed = Counter[str](), []
    with closing(psycopg.connect(pipeline.dsn)) as connection:
        assert checked.verified(connection).fault is None
        for number in range(TAMPERINGS):
            tamper = tampering.IN_THE_DATABASE[number % len(tampering.IN_THE_DATABASE)]
            connection.execute(tampering.WITHOUT_GUARDS)
            chance = Random(f"{tamper.__name__} {number}")  # noqa: S311 - the same each time
            expected = tamper(tampering.Hand(connection, chance))
            fault = checked.verified(connection).fault
            connection.rollback()
            if not is_named(fault, expected):
                missed.append((tamper.__name__, number, expected, fault))
            else:
                found[tamper.__name__] += 1

    assert not missed, "\n".join(map(str, missed))
    assert found.total() == TAMPERINGS


def is_named(fault: AuditFault | None, expected: Named) -> bool:
    return fault is not None and fault.what in expected.what and expected.where.items() <= fault.where.items()


def test_every_tampering_with_the_topic_is_found_where_it_is(pipeline: Pipeline, checked: Checked) -> None:
    """It is filled anew, with one thing otherwise each time; filled anew as it was, nothing is wrong."""
    whole = topic_tampering.records_of(pipeline.read_topic(pipeline.topics.events))
    missed = []
    with closing(psycopg.connect(pipeline.dsn, autocommit=True)) as connection:
        for number in range(TOPIC_TAMPERINGS + 1):
            records = list(whole)
            chance = Random(f"topic {number}")  # noqa: S311 - the same each time
            tamper = topic_tampering.ON_THE_TOPIC[number % len(topic_tampering.ON_THE_TOPIC)]
            expected = tamper(records, chance) if number < TOPIC_TAMPERINGS else None
            with closing(PartitionReaders(pipeline.bootstrap, topic_tampering.refill(pipeline, records))) as reader:
                fault = checked.verified(connection, reader).fault
            if not (fault is None if expected is None else is_named(fault, expected)):
                missed.append((tamper.__name__, number, expected, fault))

    assert not missed, "\n".join(map(str, missed))


def test_log_and_topic_rewritten_alike_are_found_by_what_was_signed(pipeline: Pipeline, checked: Checked) -> None:
    """Both copies tell the same story, and every hash fits: the first checkpoint that covers it does not."""
    with closing(psycopg.connect(pipeline.dsn)) as connection:
        connection.execute(tampering.WITHOUT_GUARDS)
        hand = tampering.Hand(connection, Random("both"))  # noqa: S311 - the same each time
        position = tampering.rewrite_alike(hand)
        events = events_after(connection, 0, 10**6)
        records = [
            topic_tampering.Record(
                pipeline.placement.of(one.partition_key.encode()),
                one.partition_key.encode(),
                one.body,
                event_headers(one),
            )
            for one in events
        ]
        with closing(PartitionReaders(pipeline.bootstrap, topic_tampering.refill(pipeline, records))) as reader:
            fault = checked.verified(connection, reader).fault
        connection.rollback()

    assert fault is not None
    assert fault.what in {"checkpoint_root", "node_changed"}
    assert fault.position >= position
