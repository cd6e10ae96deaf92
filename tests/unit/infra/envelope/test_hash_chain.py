"""The chain of hashes is a contract with whoever verifies it: what was hashed once hashes alike for ever."""

from __future__ import annotations

import json
from datetime import datetime, timedelta
from typing import Final
from uuid import UUID

from infra.envelope.cloudevents import event_attributes
from infra.envelope.hash_chain import FIRST_PREV_HASH, CommandChain, event_hash
from infra.records import CommandStamp, NewEvent, StoredEvent, rfc3339
from tests.examples.make import STREAMS

LAST_HASH: Final = "c5420de545d57b6e21d683beb1c9e02c57ad05be08e677302af15accbc125a5e"
"""What version 0.1.0 made of the stored streams."""


def chained() -> list[StoredEvent]:
    """Return the stored streams as a log, every tenth event under a sealing key."""
    events: list[StoredEvent] = []
    for position, line in enumerate(STREAMS.read_text("utf-8").splitlines(), start=1):
        told = json.loads(line)
        envelope = told["envelope"]
        at = datetime.fromisoformat(envelope["time"])
        unhashed = StoredEvent(
            position=position,
            stream=envelope["stream"],
            version=envelope["streamversion"],
            event_id=UUID(envelope["id"]),
            type=envelope["type"],
            occurred_at=at,
            recorded_at=at + timedelta(microseconds=position * 1001),
            actor=envelope["actor"],
            command_id=envelope["commandid"],
            command_source="/shop",
            correlation_id="corr",
            causation_id=envelope["commandid"],
            partition_key="O-1",
            prev_hash=events[-1].hash if events else FIRST_PREV_HASH,
            hash=b"",
            sealed_key_id=f"key-{position}" if position % 10 == 0 else None,
            body=json.dumps(told["body"], ensure_ascii=False).encode(),
        )
        events.append(unhashed._replace(hash=event_hash(unhashed)))
    return events


def test_the_chain_over_stored_streams_ends_as_it_always_did() -> None:
    """One byte more or less, or another order, in whatever is hashed, and no auditor could verify an old log."""
    assert chained()[-1].hash.hex() == LAST_HASH


def test_attributes_are_in_the_order_of_their_names() -> None:
    """The rule by which others compute the hash, with a sealing key or without one."""
    for event in chained():
        names = [name for name, _ in event_attributes(event)]
        assert names == sorted(names)
        assert ("sealedkeyid" in names) == (event.position % 10 == 0)


def test_what_is_recorded_is_hashed_as_what_is_read() -> None:
    """The log hashes rows that it is about to write, auditors those that were written: both get one hash."""
    for event in chained():
        stamp = CommandStamp(event.command_source, event.command_id, "", event.actor, event.correlation_id)
        new = NewEvent(
            event.stream, event.version, event.type, event.occurred_at, event.partition_key, event.body,
            event.sealed_key_id,
        )  # fmt: skip
        chain = CommandChain(stamp, rfc3339(event.recorded_at))

        hashed = chain.hash(
            event.prev_hash,
            new,
            str(event.event_id),
            event.position,
            rfc3339(event.occurred_at),
            event.causation_id,
        )

        assert hashed == event.hash
