"""An outage at length, by hand: PostgreSQL is away, then Kafka, while a shop sends at a steady rate.

    python -m tests.system.outage_at_length --away 600 --rate 200

Prints, for each of the two, how far behind the system was, how long it took to catch up, and the memory of each worker
before, during and after. Needs nothing but this clone: services and workers are its own, in a folder that goes with it.
"""

from __future__ import annotations

import argparse
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass, field
from itertools import count
from pathlib import Path
from threading import Event, Thread
from typing import Final
from urllib.parse import urlsplit

import psutil
import psycopg
from kafka.errors import KafkaError

from infra.addresses import postgres_address
from infra.kafka.command_client import HEADERS, OutgoingCommand
from infra.kafka.publisher import Publisher, Record, publisher_of
from infra.kafka.topics import TopicNames
from infra.settings import Settings
from infra.stack import kafka, postgres
from infra.stack.local import TOOLS_DIR, down, up
from infra.stack.processes import stop
from tests.support.pipeline import wait_for
from tests.system.test_work_all import ALL, all_started, supervisor, workers_of
from workers.operating.initialising import initialise
from workers.trials.bench import load

RETURNS_AT_ONCE: Final = 50
LOOK_EVERY_S: Final = 2.0
STEADY_S: Final = 60.0
"""Caches of workers are nearly full by then: what grows afterwards grows with the outage."""
CATCH_UP_MAX_S: Final = 3_600.0
MIB: Final = 2**20
DONE: Final = """
    SELECT (SELECT count(*) FROM rma_log.outcomes WHERE source = %s),
           (SELECT coalesce(max(position), 0) FROM rma_log.events),
           (SELECT min(reached) FROM (
               SELECT max(log_position) AS reached FROM rma_read.positions
               WHERE projection = ANY(%s) GROUP BY projection
           ) AS shown)
"""
PROJECTIONS: Final = ["tracking", "refund_ledger", "return_reasons"]


@dataclass
class Shop:
    """Sends commands at a rate; what Kafka does not take it keeps, in their order, and sends once it does."""

    settings: Settings
    rate: float
    sent: int = 0
    began_s: float | None = None
    stop: Event = field(default_factory=Event)

    @property
    def due(self) -> int:
        """How many commands customers have given by now, whether Kafka has them or not."""
        if self.began_s is None or self.stop.is_set():
            return self.sent
        return max(self.sent, int((time.monotonic() - self.began_s) * self.rate))

    def trade(self) -> None:
        """Send what is due until ``stop`` is set."""
        self.began_s, commands = time.monotonic(), self._commands()
        publisher = publisher_of(self.settings)
        while not self.stop.wait(0.1):
            waiting = [next(commands) for _ in range(self.due - self.sent)]
            while waiting and not self.stop.is_set():
                try:
                    publisher.deliver(TopicNames().commands, waiting)
                    self.sent += len(waiting)
                    break
                except KafkaError:
                    publisher = self._anew(publisher)
        publisher.close()

    def _anew(self, publisher: Publisher) -> Publisher:
        publisher.close()
        while not self.stop.wait(1):
            try:
                return publisher_of(self.settings)
            except (KafkaError, psycopg.OperationalError):
                continue
        return publisher

    def _commands(self) -> Iterator[Record]:
        for first in count(0, RETURNS_AT_ONCE):
            for command in load.returns(RETURNS_AT_ONCE, first=first):
                yield record_of(command)


def record_of(command: OutgoingCommand) -> Record:
    """Return a command as a record."""
    return (command.key or "").encode(), command.to_bytes(), HEADERS


def memory_mib(process: psutil.Popen) -> dict[str, float]:
    """Return the resident memory of each worker."""
    return {name: worker.memory_info().rss / MIB for name, worker in sorted(workers_of(process).items())}


def behind(settings: Settings, shop: Shop) -> int | None:
    """Return how many commands are not sent or decided yet, and events not shown; None where nobody can tell."""
    try:
        with psycopg.connect(postgres_address(settings), connect_timeout=2) as connection:
            [(decided, recorded, shown)] = connection.execute(DONE, (load.SOURCE, PROJECTIONS)).fetchall()
    except psycopg.OperationalError:
        return None
    return max(0, shop.due + 1 - int(decided)) + int(recorded) - int(shown or 0)


def watch(process: psutil.Popen, seconds: float, most: dict[str, float]) -> None:
    """Note the most memory that each worker takes, for a while."""
    until = time.monotonic() + seconds
    while time.monotonic() < until:
        for name, mib in memory_mib(process).items():
            most[name] = max(most.get(name, 0), mib)
        time.sleep(LOOK_EVERY_S)


@dataclass(frozen=True)
class Service:
    """A service that goes away and comes back."""

    name: str
    away: Callable[[], None]
    back: Callable[[], None]


def outage(service: Service, process: psutil.Popen, shop: Shop, seconds: float) -> None:
    """Take a service away for so long, bring it back, wait until all is shown, and tell."""
    before, during, started = memory_mib(process), dict[str, float](), workers_of(process)
    usual = behind(shop.settings, shop) or 0
    service.away()
    watch(process, seconds, during)
    sent = shop.sent
    service.back()
    began, most_behind = time.monotonic(), 0
    while (left := behind(shop.settings, shop)) is None or left > 2 * max(shop.rate, usual):
        most_behind = max(most_behind, left or 0)
        watch(process, LOOK_EVERY_S, during)
        assert time.monotonic() - began < CATCH_UP_MAX_S, f"{left} are still behind"
    took_s = time.monotonic() - began
    after, alive = memory_mib(process), workers_of(process)
    restarted = sorted(worker for worker in started if alive[worker].pid != started[worker].pid)
    print(f"\n{service.name} away for {seconds:.0f} s: {sent} sent until it was back, {most_behind} behind at most,")
    print(f"caught up in {took_s:.0f} s; started anew: {', '.join(restarted) or 'none'}")
    print("| worker | MiB before | most | after |\n|---|---|---|---|")
    for worker, mib in before.items():
        print(f"| {worker} | {mib:.0f} | {during[worker]:.0f} | {after[worker]:.0f} |", flush=True)


@contextmanager
def system(folder: Path) -> Iterator[tuple[Settings, psutil.Popen]]:
    """Run services and all workers until the block ends."""
    where = up(folder / "stack")
    settings = Settings(
        postgres_dsn=where.postgres_dsn, kafka_bootstrap=where.kafka_bootstrap,
        audit_key_file=folder / "audit.key", vault_key_file=folder / "vault.key",
        log_format="json", log_level="warning",
    )  # fmt: skip
    try:
        initialise(settings)
        with supervisor(settings, folder) as process:
            all_started(process, ALL)
            yield settings, process
    finally:
        down(folder / "stack")


def main() -> None:
    """Run both outages and tell."""
    asked = argparse.ArgumentParser(description=__doc__)
    asked.add_argument("--away", type=float, default=600, help="seconds for which each service is away")
    asked.add_argument("--rate", type=float, default=200, help="commands a second")
    given = asked.parse_args()
    with tempfile.TemporaryDirectory() as temporary, system(Path(temporary)) as (settings, process):
        stack = Path(temporary).resolve() / "stack"
        ports = (urlsplit(postgres_address(settings)).port or 0, int(str(settings.kafka_bootstrap).rpartition(":")[2]))
        with closing(publisher_of(settings)) as merchant:
            merchant.deliver(TopicNames().commands, [record_of(load.publish_policy())])
        wait_for(lambda: behind(settings, Shop(settings, 0)) == 0, "the policy to be decided, before any order comes")
        shop = Shop(settings, given.rate)
        trading = Thread(target=shop.trade)
        trading.start()
        try:
            watch(process, STEADY_S, {})
            database = Service(
                "PostgreSQL",
                lambda: stop(str(postgres.cluster_folder(stack)), postgres.STOP_SIGNAL),
                lambda: postgres.wait_for(*postgres.start(stack, ports[0])),
            )
            outage(database, process, shop, given.away)
            watch(process, STEADY_S, {})
            broker = Service(
                "Kafka",
                lambda: stop(str(kafka.properties_file(stack)), kafka.STOP_SIGNAL),
                lambda: kafka.wait_for(*kafka.start(stack, TOOLS_DIR, ports[1])),
            )
            outage(broker, process, shop, given.away)
        finally:
            shop.stop.set()
            trading.join()
        accepted = f"SELECT status, count(*) FROM rma_log.outcomes WHERE source = '{load.SOURCE}' GROUP BY status"
        print(f"\n{shop.sent} commands were sent in all")
        while behind(settings, shop):
            time.sleep(LOOK_EVERY_S)
        with psycopg.connect(postgres_address(settings)) as connection:
            print(connection.execute(accepted.encode()).fetchall())


if __name__ == "__main__":
    main()
