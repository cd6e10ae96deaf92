"""How long a command takes until its row shows, at a steady rate and with everything running.

Each command is due at an instant that is fixed before, whether those sent earlier are through or not, and its time runs
from that instant: a system that stands still for a second makes all commands of that second late, not one.
"""

from __future__ import annotations

import statistics
import time
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from threading import Thread
from typing import Final

import psycopg

from infra.kafka.command_client import OutgoingCommand, OutgoingRecord, conversation
from infra.settings import Settings
from workers.trials.bench import load
from workers.trials.bench.stages import STAGE_TIMEOUT_S, StageTooSlowError

PER_SECOND: Final = 500
LEAD_S: Final = 0.5
"""Between the making of the plan and its first instant."""
LOOK_EVERY_S: Final = 0.005
"""A row may have been there for so long before it was seen."""
BEFORE: Final = ("RegisterOrder", "RecordDelivery")
ASKED: Final = "RequestReturn"
SHOWN: Final = "SELECT order_id FROM rma_read.returns WHERE order_id = ANY(%s)"


@dataclass(frozen=True, slots=True)
class Latency:
    """From the instant each command was due until its row was seen, in milliseconds."""

    per_second: int
    times_ms: list[float]
    """Of every command, the quickest first."""

    @property
    def p50_ms(self) -> float:
        return statistics.median(self.times_ms)

    @property
    def p99_ms(self) -> float:
        return statistics.quantiles(self.times_ms, n=100)[98]

    @property
    def max_ms(self) -> float:
        return self.times_ms[-1]

    def as_data(self) -> dict[str, float]:
        return {
            "commands": len(self.times_ms),
            "per_second": self.per_second,
            "p50_ms": self.p50_ms,
            "p99_ms": self.p99_ms,
            "max_ms": self.max_ms,
        }


def measure(own: Settings, connection: psycopg.Connection, *, first: int, seconds: int) -> Latency:
    """Ask for returns for so many seconds, of orders that were sold and delivered before; all workers run.

    Raises:
        StageTooSlowError: A row did not show in time.
        NeverAnsweredError: An order was not taken.
    """
    commands = list(load.returns(PER_SECOND * seconds, first=first))
    asked = [command for command in commands if command.type == ASKED]
    with conversation(own) as talk:
        talk.send_all((command.to_record() for command in commands if command.type in BEFORE), lambda _: None)
        began = time.monotonic() + LEAD_S
        sender = Thread(target=talk.publish_all, args=(paced(asked, began),), name="bench-sender")
        sender.start()
        try:
            times = _watch(connection, asked, began)
        finally:
            sender.join()
    return Latency(PER_SECOND, sorted(times))


def paced(commands: Iterable[OutgoingCommand], began: float) -> Iterator[OutgoingRecord]:
    """Yield each command when it is due, those that are late at once."""
    for number, command in enumerate(commands):
        record = command.to_record()
        time.sleep(max(began + number / PER_SECOND - time.monotonic(), 0.0))
        yield record


def _watch(connection: psycopg.Connection, commands: Sequence[OutgoingCommand], began: float) -> list[float]:
    """Return the milliseconds from each command's instant until its row was seen."""
    waiting: dict[str | None, float] = {}
    times: list[float] = []
    due, deadline = 0, time.monotonic() + STAGE_TIMEOUT_S
    while len(times) < len(commands):
        now = time.monotonic()
        if now > deadline:
            raise StageTooSlowError(f"{len(commands) - len(times):,} rows did not show in {STAGE_TIMEOUT_S:.0f} s")
        while due < len(commands) and began + due / PER_SECOND <= now:
            waiting[commands[due].key] = began + due / PER_SECOND
            due += 1
        shown = connection.execute(SHOWN, (list(waiting),)).fetchall()
        seen = time.monotonic()
        times += [(seen - waiting.pop(order_id)) * 1000 for (order_id,) in shown]
        time.sleep(LOOK_EVERY_S)
    return times
