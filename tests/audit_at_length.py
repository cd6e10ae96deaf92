"""What auditing a long log costs, by hand: everything verified, and one event proven.

    python -m tests.audit_at_length --events 1000000 --leaves 10000000

Fills a log of its own with inspections, two a command, each with a sealed note; publishes it, has it signed, and runs
`rma audit verify` as people do: with the topic, and without. Then it proves events at random in a tree of many leaves.
Prints processor time, time by the clock, and memory, of that process alone: PostgreSQL and Kafka are others.
"""

from __future__ import annotations

import argparse
import os
import random
import statistics
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import closing
from datetime import UTC, datetime
from threading import Event
from typing import Final
from uuid import UUID

import orjson
import psutil
import psycopg

from infra.addresses import postgres_address
from infra.envelope.hash_chain import FIRST_PREV_HASH, event_hash, outcome_hash
from infra.envelope.results import result_body
from infra.kafka.topics import TopicNames
from infra.log.event_log import EventLog
from infra.log.lane import standing
from infra.logs import configure
from infra.proofs import store
from infra.proofs.merkle import HASH_BYTES, TILE_HASHES
from infra.records import CommandStamp, StoredEvent, Verdict, rfc3339
from infra.sessions import connect
from infra.settings import Settings
from tests.support.audited import auditing, is_signed
from tests.support.in_thread import beside
from tests.support.own_stack import own_stack
from workers.relay import Relay

EVENTS_A_COMMAND: Final = 2
COMMANDS_AN_ORDER: Final = 10
NOTE: Final = "sealed:v1:6f1c1a52-6a1e-4c52-9d39-0a3a2f1f6c11:" + "A" * 180
KEY: Final = UUID("6f1c1a52-6a1e-4c52-9d39-0a3a2f1f6c11")
BODY: Final = orjson.dumps(
    {
        "inspection_id": "I-1",
        "line": 1,
        "quantity": 1,
        "grade": "A",
        "cause": "none_found",
        "liable_party": "none",
        "note": NOTE,
    }
)
PROOFS: Final = 500
LOOK_EVERY_S: Final = 0.5
MIB: Final = 2**20
COPY_TILES: Final = "COPY rma_audit.tiles (level, place, hashes) FROM STDIN (FORMAT BINARY)"
OUTCOMES: Final = "source, command_id, fingerprint, status, result, seq, hash"


def rows(count: int) -> Iterator[tuple[list[StoredEvent], tuple[object, ...]]]:
    """Yield the events of each command and its answer, both chained, until there are so many events."""
    at, prev_hash, prev_outcome, position = datetime.now(UTC), FIRST_PREV_HASH, FIRST_PREV_HASH, 0
    for number in range(count // EVENTS_A_COMMAND):
        stamp = CommandStamp("/shop", f"c-{number}", "rma.RecordInspection.v1", "warehouse:W1", f"c-{number}")
        order_id, events = f"O-{number // COMMANDS_AN_ORDER}", list[StoredEvent]()
        for place in range(EVENTS_A_COMMAND):
            position += 1
            stream = f"order/{order_id}"
            version = number % COMMANDS_AN_ORDER * EVENTS_A_COMMAND + place + 1
            event = StoredEvent(
                position, stream, version, UUID(stamp.event_id(stream, version)), "rma.Rma.Inspected.v1", at, at,
                "warehouse:W1", stamp.command_id, "/shop", stamp.command_id, stamp.command_id, order_id, prev_hash, b"",
                str(KEY), BODY,
            )  # fmt: skip
            prev_hash = event_hash(event)
            events.append(event._replace(hash=prev_hash))
        result = result_body(stamp, Verdict("accepted"), events, rfc3339(at))
        seq, fingerprint = number + 1, bytes(32)
        prev_outcome = outcome_hash(prev_outcome, seq, ("/shop", stamp.command_id, fingerprint, "accepted", result))
        yield events, ("/shop", stamp.command_id, fingerprint, "accepted", result, seq, prev_outcome)


def fill(dsn: str, count: int) -> None:
    """Fill an empty log."""
    with psycopg.connect(dsn) as log, psycopg.connect(dsn) as answers:
        columns = ", ".join(StoredEvent._fields)
        with (
            log.cursor().copy(f"COPY rma_log.events ({columns}) FROM STDIN".encode()) as events,
            answers.cursor().copy(f"COPY rma_log.outcomes ({OUTCOMES}) FROM STDIN".encode()) as outcomes,
        ):
            for recorded, outcome in rows(count):
                for event in recorded:
                    events.write_row(event)
                outcomes.write_row(outcome)
    with closing(connect(dsn)) as connection:
        connection.execute("VACUUM ANALYZE rma_log.events, rma_log.outcomes")


def publish(settings: Settings, count: int) -> None:
    """Let a relay publish all of it."""
    dsn = postgres_address(settings)

    def relay(stop: Event) -> None:
        Relay(EventLog(dsn), str(settings.kafka_bootstrap), TopicNames(), stop, batch_records_max=5_000).run()

    with closing(connect(dsn)) as connection, beside(relay):
        while [lane.position for lane in standing(connection)] != [count]:
            time.sleep(LOOK_EVERY_S)


def sign(settings: Settings) -> None:
    """Let an auditor compare and sign all of it."""
    with closing(connect(postgres_address(settings))) as connection, auditing(settings, sign_every_s=0.0):
        while not is_signed(connection):
            time.sleep(LOOK_EVERY_S)


def verify(settings: Settings, *options: str) -> None:
    """Run `rma audit verify` and print what it took; memory is what it holds after a third of the time, and at most."""
    began, held = time.monotonic(), list[float]()
    command = [sys.executable, "-m", "workers.cli.app", "audit", "verify", "--json", *options]
    environment = {**os.environ, **settings.as_environment()}
    process = psutil.Popen(command, env=environment, stdout=subprocess.PIPE)
    used = process.cpu_times()
    while process.poll() is None:
        try:
            used, rss = process.cpu_times(), process.memory_info().rss
        except psutil.NoSuchProcess:
            break
        held.append(rss / MIB)
        time.sleep(LOOK_EVERY_S)
    told = orjson.loads(process.stdout.read() if process.stdout else b"{}")
    assert told["ok"], told
    print(f"verified {' '.join(options) or 'everything'}: {told['checked']}")
    print(
        f"  {used.user + used.system:.1f} s of processor, {time.monotonic() - began:.1f} s by the clock, "
        f"{held[len(held) // 3]:.0f} MiB after a third of it, {max(held):.0f} at most",
        flush=True,
    )


def prove(dsn: str, leaves: int) -> None:
    """Prove events at random in a tree of so many leaves, and print how long one takes."""
    with psycopg.connect(dsn) as connection:
        connection.execute("TRUNCATE rma_audit.tiles")
        with connection.cursor().copy(
            "COPY rma_audit.tiles (level, place, hashes) FROM STDIN (FORMAT BINARY)"
        ) as tiles:
            tiles.set_types(["int2", "int8", "bytea"])
            level, count = 0, leaves
            while count:
                full, rest = divmod(count, TILE_HASHES)
                for place in range(full + bool(rest)):
                    tiles.write_row((level, place, os.urandom(HASH_BYTES * (TILE_HASHES if place < full else rest))))
                level, count = level + 1, full
    took = []
    with closing(connect(dsn)) as connection:
        for _ in range(PROOFS):
            began = time.perf_counter()
            store.tree_of(connection, leaves).inclusion(random.randrange(leaves))  # noqa: S311 - no secret
            took.append((time.perf_counter() - began) * 1_000)
    took.sort()
    often = took[len(took) * 99 // 100]
    print(
        f"inclusion among {leaves:,} leaves: {statistics.median(took):.1f} ms, {often:.1f} in 99 of 100 cases, "
        f"{took[-1]:.1f} at most"
    )


def timed(what: str, act: Callable[[], None]) -> None:
    """Do something, and print how long it took."""
    began = time.monotonic()
    act()
    print(f"{what} in {time.monotonic() - began:.0f} s", flush=True)


def main() -> None:
    """Do all of it in a folder that goes with it."""
    asked = argparse.ArgumentParser(description=__doc__)
    asked.add_argument("--events", type=int, default=1_000_000)
    asked.add_argument("--leaves", type=int, default=10_000_000)
    given = asked.parse_args()
    configure("console", "error")
    with own_stack() as settings:
        timed("filled", lambda: fill(postgres_address(settings), given.events))
        timed("published", lambda: publish(settings, given.events))
        timed("compared and signed", lambda: sign(settings))
        verify(settings)
        verify(settings, "--log", "--checkpoints")
        prove(postgres_address(settings), given.leaves)


if __name__ == "__main__":
    main()
