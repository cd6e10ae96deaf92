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
from typing import Any, Final

import psycopg
import pytest

from infra.kafka.topic_reader import PartitionReaders
from infra.log.lane import standing
from infra.proofs.store import newest
from tests.support import tampering
from tests.support.audited import audited, key_of
from tests.support.pipeline import Pipeline
from workers.audit.verifying import Before, Report, Wanted, verify_at
from workers.auditor import published

TAMPERINGS: Final = int(os.environ.get("TAMPERINGS", "69"))
"""How many random ones; a multiple of the kinds, so that each comes as often as any other."""


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

    def verified(self, connection: psycopg.Connection[Any], **wanted: bool) -> Report:
        before = Before(self._relayed, self._published, iter(self._notes), self._reader, self._reader.ends())
        return verify_at(connection, before, self._keys, Wanted(**wanted))


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
            if fault is None or fault.what not in expected.what or not expected.where.items() <= fault.where.items():
                missed.append((tamper.__name__, number, expected, fault))
            else:
                found[tamper.__name__] += 1

    assert not missed, "\n".join(map(str, missed))
    assert found.total() == TAMPERINGS
