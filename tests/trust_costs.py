"""What sealing, hashes and the tree add to the command path, by hand: with them and without, by turns.

    python -m tests.trust_costs --pairs 9 --returns 400

Each turn decides whole returns from order to inspection and records them in a real PostgreSQL, in batches of 500, with
a contact, a comment and a note among six commands. Without: texts stay plain, fingerprints are digests, nothing is
hashed.
What an event adds to the tree, which the auditor extends in a process of its own, is counted as if it were done here.
Prints the processor time of this process a command, and by how much the turns differ.
"""

from __future__ import annotations

import argparse
import os
import statistics
import tempfile
import time
from collections.abc import Iterator, Sequence
from contextlib import closing, contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Final

from infra.envelope.hash_chain import CommandChain
from infra.kafka.command_client import HEADERS, OutgoingCommand
from infra.log import event_log
from infra.logs import configure
from infra.proofs.merkle import HASH_BYTES, GrowingTree
from infra.sealing.fingerprints import Fingerprints
from infra.settings import Settings
from infra.stack.local import down, up
from tests.support.pipeline import Pipeline, Polled
from workers.command_worker import sealing
from workers.command_worker.sealing import Sealing
from workers.operating.initialising import initialise
from workers.trials.bench import load

BATCH: Final = 500
WARM_UP: Final = 60
NO_HASH: Final = bytes(HASH_BYTES)
CONTACT: Final = {"name": "Anna Lind", "email": "anna@shop.example", "language": "de"}
COMMENT: Final = "The left shoe rubs at the heel, and the colour is another than in the picture."
EVENTS: Final = "SELECT count(*) FROM rma_log.events"


def told(first: int, count: int) -> Iterator[Polled]:
    """Yield the commands of so many returns as records, with what people write."""
    for command in load.returns(count, first=first):
        body = dict(command.data)
        match command.type:
            case "RegisterOrder":
                body |= {"contact": CONTACT, "customer_id": f"C-{command.key}"}
            case "RequestReturn":
                body["lines"] = [{**line, "comment": COMMENT} for line in body["lines"]]
            case "RecordInspection":
                body["note"] = COMMENT
        actor = f"customer:C-{command.key}" if command.type == "RequestReturn" else command.actor
        yield record_of(replace(command, data=body, actor=actor))


def record_of(command: OutgoingCommand) -> Polled:
    return Polled(command.to_bytes(), HEADERS, (command.key or "").encode())


@contextmanager
def without() -> Iterator[None]:
    """Leave out what makes the log one that can be checked, and texts ones that can be forgotten."""
    left_out: list[tuple[object, str, object]] = [
        (sealing, "seal_body", lambda _type, body, *_: (body, None)),
        (Sealing, "fetch", lambda *_: None),
        (Sealing, "fingerprints", property(lambda _: Fingerprints(None))),
        (CommandChain, "hash", lambda *_: NO_HASH),
        (event_log, "outcome_hash", lambda *_: NO_HASH),
    ]
    kept = [(owner, name, getattr(owner, name)) for owner, name, _ in left_out]
    for owner, name, instead in left_out:
        setattr(owner, name, instead)
    try:
        yield
    finally:
        for owner, name, right in kept:
            setattr(owner, name, right)


def turn(system: Pipeline, records: Sequence[Polled]) -> tuple[float, float]:
    """Decide and record these; return the microseconds a command, of this process and by the clock."""
    worker = system.worker()
    began, used = time.perf_counter(), time.process_time()
    for first in range(0, len(records), BATCH):
        worker.record(records[first : first + BATCH])
    used_s, took_s = time.process_time() - used, time.perf_counter() - began
    return used_s / len(records) * 1e6, took_s / len(records) * 1e6


def tree_us(leaves: int = 100_000) -> float:
    """Return the microseconds by which one event extends a tree."""
    tree, hashes = GrowingTree(), [os.urandom(HASH_BYTES) for _ in range(leaves)]
    used = time.process_time()
    for entry in hashes:
        tree.append(entry)
    return (time.process_time() - used) / leaves * 1e6


def main() -> None:
    """Measure and print."""
    asked = argparse.ArgumentParser(description=__doc__)
    asked.add_argument("--pairs", type=int, default=9)
    asked.add_argument("--returns", type=int, default=400, help="in each turn")
    given = asked.parse_args()
    configure("console", "error")
    with tempfile.TemporaryDirectory() as temporary:
        folder = Path(temporary)
        where = up(folder / "stack")
        settings = Settings(
            postgres_dsn=where.postgres_dsn, kafka_bootstrap=where.kafka_bootstrap, vault_key_file=folder / "vault.key"
        )
        try:
            initialise(settings)
            with closing(Pipeline(settings)) as system:
                measure(system, given.pairs, given.returns)
        finally:
            down(folder / "stack")


def measure(system: Pipeline, pairs: int, returns: int) -> None:
    """Run pairs of turns, each beginning with the other, and print."""
    system.worker().record([record_of(load.publish_policy())])
    turn(system, list(told(0, WARM_UP)))
    first, differences = WARM_UP, list[float]()
    costs: dict[str, list[tuple[float, float]]] = {"with": [], "without": []}
    [(before,)] = system.log.connection.execute(EVENTS).fetchall()
    for number in range(pairs):
        for name in sorted(costs, reverse=number % 2 == 0):
            records, first = list(told(first, returns)), first + returns
            if name == "with":
                costs[name].append(turn(system, records))
            else:
                with without():
                    costs[name].append(turn(system, records))
        differences.append(costs["with"][-1][0] / costs["without"][-1][0] - 1)
    [(after,)] = system.log.connection.execute(EVENTS).fetchall()
    events = (after - before) / (2 * pairs * returns * load.COMMANDS_PER_RETURN)
    for name, found in costs.items():
        used, took = (statistics.median(one) for one in zip(*found, strict=True))
        print(f"{name}: {used:.0f} us of processor a command, {took:.0f} by the clock")
    of_tree = tree_us() * events
    plain = statistics.median(one for one, _ in costs["without"])
    print(f"{events:.1f} events a command; the tree {of_tree:.1f} us a command, {of_tree / plain:.1%}")
    shares = ", ".join(f"{one:+.1%}" for one in sorted(differences))
    print(f"with beside without, by pairs: {shares}; median {statistics.median(differences):+.1%}")


if __name__ == "__main__":
    main()
