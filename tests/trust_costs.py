"""What sealing, hashes and the tree add to the command path, by hand: with them and without, by turns.

    python -m tests.trust_costs --rounds 20 --returns 100

Each turn has one worker decide whole returns from order to inspection and record them in a real PostgreSQL, in batches
of 500: those of `rma bench` (`--load bench`), or the same with a contact, a comment and a note among six commands, each
of another customer (`--load texts`). Without: texts stay plain, fingerprints are digests, nothing is hashed.
What an event adds to the tree, which the auditor extends in a process of its own, is counted as if it were done here.
Prints the processor time of this process a command, of the turn that took least of each kind, since what else runs on a
machine only adds to it; and by how much turns beside each other differ.
"""

from __future__ import annotations

import argparse
import os
import statistics
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import closing, contextmanager
from dataclasses import replace
from typing import Final

from infra.envelope.hash_chain import CommandChain
from infra.kafka.command_client import HEADERS, OutgoingCommand
from infra.log import event_log
from infra.logs import configure
from infra.proofs.merkle import HASH_BYTES, GrowingTree
from infra.sealing.fingerprints import Fingerprints
from tests.support.own_stack import own_stack
from tests.support.pipeline import Pipeline, Polled
from workers.command_worker import sealing
from workers.command_worker.sealing import Sealing
from workers.command_worker.worker import CommandWorker
from workers.runtime.garbage import Garbage
from workers.trials.bench import load

BATCH: Final = 500
WARM_UP: Final = 60
NO_HASH: Final = bytes(HASH_BYTES)
CONTACT: Final = {"name": "Anna Lind", "email": "anna@shop.example", "language": "de"}
COMMENT: Final = "The left shoe rubs at the heel, and the colour is another than in the picture."
Changed = tuple[object, str, object]
"""Whose attribute, its name, and what is put in its place."""

EVENTS: Final = "SELECT count(*) FROM rma_log.events"


def with_texts(first: int, count: int) -> Iterator[Polled]:
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


def plain(first: int, count: int) -> Iterator[Polled]:
    """Yield the commands of so many returns as `rma bench` sends them."""
    return (record_of(command) for command in load.returns(count, first=first))


LOADS: Final[dict[str, Callable[[int, int], Iterator[Polled]]]] = {"texts": with_texts, "bench": plain}


def record_of(command: OutgoingCommand) -> Polled:
    return Polled(command.to_bytes(), HEADERS, (command.key or "").encode())


SEALING: Final[tuple[Changed, ...]] = (
    (sealing, "seal_body", lambda _type, body, *_: (body, None)),
    (Sealing, "fetch", lambda *_: None),
    (Sealing, "fingerprints", property(lambda _: Fingerprints(None))),
)
HASHES: Final[tuple[Changed, ...]] = (
    (CommandChain, "hash", lambda *_: NO_HASH),
    (event_log, "outcome_hash", lambda *_: NO_HASH),
)
LEFT_OUT: Final[dict[str, tuple[Changed, ...]]] = {
    "with all": (),
    "no sealing": SEALING,
    "no hashes": HASHES,
    "neither": (*SEALING, *HASHES),
}


@contextmanager
def without(left_out: Sequence[Changed]) -> Iterator[None]:
    """Leave something out while the block lasts."""
    kept = [(owner, name, getattr(owner, name)) for owner, name, _ in left_out]
    for owner, name, instead in left_out:
        setattr(owner, name, instead)
    try:
        yield
    finally:
        for owner, name, right in kept:
            setattr(owner, name, right)


def turn(worker: CommandWorker, records: Sequence[Polled]) -> float:
    """Decide and record these; return the microseconds a command that this process took."""
    garbage, used = Garbage(), time.process_time()
    for first in range(0, len(records), BATCH):
        worker.record(records[first : first + BATCH])
        garbage.end_turn()
    return (time.process_time() - used) / len(records) * 1e6


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
    asked.add_argument("--rounds", type=int, default=20)
    asked.add_argument("--returns", type=int, default=100, help="in each turn")
    asked.add_argument("--load", choices=LOADS, default="texts")
    given = asked.parse_args()
    configure("console", "error")
    with own_stack() as settings, closing(Pipeline(settings)) as system:
        measure(system, LOADS[given.load], given.rounds, given.returns)


def measure(system: Pipeline, told: Callable[[int, int], Iterator[Polled]], rounds: int, returns: int) -> None:
    """Take turns, each round in another order, and print."""
    worker = system.worker()
    worker.record([record_of(load.publish_policy())])
    turn(worker, list(told(0, WARM_UP)))
    first, names = WARM_UP, list(LEFT_OUT)
    costs: dict[str, list[float]] = {name: [] for name in names}
    [(before,)] = system.log.connection.execute(EVENTS).fetchall()
    for number in range(rounds):
        for name in names[number % len(names) :] + names[: number % len(names)]:
            records, first = list(told(first, returns)), first + returns
            with without(LEFT_OUT[name]):
                costs[name].append(turn(worker, records))
    [(after,)] = system.log.connection.execute(EVENTS).fetchall()
    events = (after - before) / (len(names) * rounds * returns * load.COMMANDS_PER_RETURN)
    least = {name: min(found) for name, found in costs.items()}
    for name, found in costs.items():
        beside = [one / other - 1 for one, other in zip(found, costs["neither"], strict=True)]
        print(f"{name}: {least[name]:.0f} us a command at least, {statistics.median(found):.0f} in the middle")
        print(f"  {least[name] / least['neither'] - 1:+.1%} at least, {statistics.median(beside):+.1%} beside neither")
    of_tree = tree_us() * events
    print(f"{events:.1f} events a command; the tree {of_tree:.1f} us a command, {of_tree / least['neither']:.1%}")


if __name__ == "__main__":
    main()
