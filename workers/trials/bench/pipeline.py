"""`rma bench`: what the pipeline carries on this machine, each stage as its own process on real Kafka and PostgreSQL.

Each worker meets a backlog while all the others run beside it; rates count from its first progress to its last, so
that starting up is left out. Every round has a database and topics of its own, which are removed, and ends with the
floor: the same rows copied into a table such as the log, with nothing decided. Machines differ, so that a stage is
judged by its share of the floor that was measured in the same minute, never by a figure of its own.
"""

from __future__ import annotations

import statistics
import time
from collections.abc import Callable, Iterable
from contextlib import closing
from dataclasses import dataclass
from typing import Final

import psycopg

from infra.addresses import postgres_address
from infra.settings import Settings
from workers.trials.bench import floor, latency, load
from workers.trials.bench.latency import Latency
from workers.trials.bench.processes import Workers, conditions, environment_of
from workers.trials.bench.stages import TOGETHER, Stage, catch_up, publish_backlog, together
from workers.trials.sandbox import sandbox

SHARES_MIN: Final = {"commands": 0.015, "relay": 0.2, TOGETHER: 0.13}
"""What each stage has to carry of the floor's rows: half of what it did when this was written."""


def spread(values: Iterable[float]) -> dict[str, float]:
    """Return the middle one of some figures, the least and the most."""
    found = list(values)
    return {"median": statistics.median(found), "least": min(found), "most": max(found)}


@dataclass(frozen=True, slots=True)
class Round:
    """The stages of one backlog, and how many rows a second the floor took right after them."""

    stages: list[Stage]
    floor_per_second: float


@dataclass(frozen=True, slots=True)
class StageFigures:
    """What one stage did, round by round."""

    stages: list[Stage]
    floors: list[float]

    @property
    def name(self) -> str:
        return self.stages[0].name

    @property
    def unit(self) -> str:
        return self.stages[0].unit

    @property
    def per_second(self) -> dict[str, float]:
        """Items per second."""
        return spread(stage.rate for stage in self.stages)

    @property
    def cpu_us(self) -> dict[str, float]:
        """Microseconds of processor time per item."""
        return spread(stage.cpu_us for stage in self.stages)

    @property
    def share(self) -> dict[str, float]:
        """Items per second, of the rows per second that the floor took in the same round."""
        return spread(stage.rate / rows for stage, rows in zip(self.stages, self.floors, strict=True))

    @property
    def peak_bytes(self) -> int:
        """The most memory that its process had in any round."""
        return max(stage.peak_bytes for stage in self.stages)

    @property
    def share_min(self) -> float | None:
        """The least share that will do; None: any."""
        return SHARES_MIN.get(self.name)

    @property
    def holds(self) -> bool:
        return self.share_min is None or self.share["median"] >= self.share_min

    def as_data(self) -> dict[str, object]:
        return {
            "name": self.name,
            "unit": self.unit,
            "items": self.stages[0].items,
            "per_second": self.per_second,
            "cpu_us": self.cpu_us,
            "share_of_floor": self.share,
            "share_min": self.share_min,
            "peak_bytes": self.peak_bytes,
        }


@dataclass(frozen=True, slots=True)
class Report:
    """Conditions, rounds, and how long commands take to their rows at a steady rate."""

    conditions: dict[str, object]
    rounds: list[Round]
    latency: Latency

    @property
    def stages(self) -> list[StageFigures]:
        """Each stage over all rounds."""
        floors = [one.floor_per_second for one in self.rounds]
        return [StageFigures(list(same), floors) for same in zip(*(one.stages for one in self.rounds), strict=True)]

    @property
    def floor_per_second(self) -> dict[str, float]:
        return spread(one.floor_per_second for one in self.rounds)

    @property
    def missed(self) -> list[str]:
        """A sentence for each stage that carries too little."""
        return [
            f"{stage.name} carries {stage.share['median']:.3f} of the floor's rows, {stage.share_min} is the least"
            for stage in self.stages
            if not stage.holds
        ]

    def as_data(self) -> dict[str, object]:
        return {
            "conditions": self.conditions,
            "floor_per_second": self.floor_per_second,
            "stages": [stage.as_data() for stage in self.stages],
            "latency": self.latency.as_data(),
            "holds": not self.missed,
            "missed": self.missed,
        }


def run_pipeline(settings: Settings, tell: Callable[[str], None], *, returns: int, rounds: int, seconds: int) -> Report:
    """Run every stage over a backlog of ``returns`` returns in every round, then commands for so many seconds."""
    found: list[Round] = []
    for number in range(1, rounds + 1):
        with (
            sandbox(settings, "bench") as own,
            closing(psycopg.connect(postgres_address(own), autocommit=True)) as connection,
        ):
            tell(f"round {number} of {rounds}: publishing {returns * load.COMMANDS_PER_RETURN:,} commands")
            environment = environment_of(own)
            publish_backlog(own, connection, Workers(environment), returns)
            with Workers(environment) as workers:
                stages = catch_up(workers, connection, returns, tell)
                stages.append(together(stages[2:]))
                found.append(Round(stages, _floor(connection)))
                if number == rounds:
                    tell(f"{latency.PER_SECOND} commands a second for {seconds} s, all workers running")
                    taken = latency.measure(own, connection, first=returns, seconds=seconds)
            about = {"rounds": rounds, "returns": returns, **conditions(connection)}
    return Report(about, found, taken)


def _floor(connection: psycopg.Connection) -> float:
    """Return how many of the log's rows a second are copied, while the workers have nothing to do."""
    rows = floor.rows_of(connection)
    began = time.monotonic()
    return floor.take(connection, rows) / (time.monotonic() - began)
