"""`rma bench`: what the pipeline carries on this machine, each stage as its own process on real Kafka and PostgreSQL.

Each worker meets a backlog while all the others run beside it; rates count from its first progress to its last, so that
starting up is left out. A database and topics of the bench's own are made and removed.
"""

from __future__ import annotations

import statistics
import time
from collections.abc import Callable
from contextlib import closing
from dataclasses import asdict, dataclass
from typing import Final

import psycopg

from infra.addresses import postgres_address
from infra.kafka.command_client import conversation
from infra.settings import Settings
from workers.trials.bench import load
from workers.trials.bench.processes import Workers, conditions, environment_of
from workers.trials.bench.stages import (
    POLL_S,
    STAGE_TIMEOUT_S,
    TOGETHER,
    Stage,
    StageTooSlowError,
    catch_up,
    count,
    publish_backlog,
    together,
)
from workers.trials.sandbox import sandbox

LATENCY_COMMANDS: Final = 100
FLOORS: Final = {"commands": 2_000, "relay": 10_000, TOGETHER: 20_000}
"""Per second, the least that two cores have to carry: one command worker, one relay, all projectors at once."""

SHOWN: Final = "SELECT count(*) FROM rma_read.returns WHERE order_id = %s"


@dataclass(frozen=True, slots=True)
class Report:
    """Conditions, stages, and how long single commands take until the read model shows them."""

    conditions: dict[str, object]
    stages: list[Stage]
    latency_ms: dict[str, float]

    @property
    def missed(self) -> list[str]:
        """A sentence for each floor that was missed."""
        return [
            f"{stage.name} carried {stage.rate:,.0f} {stage.unit} a second, {FLOORS[stage.name]:,} is the floor"
            for stage in self.stages
            if stage.rate < FLOORS.get(stage.name, 0)
        ]

    def as_data(self) -> dict[str, object]:
        stages = [asdict(stage) | {"per_second": stage.rate, "cpu_us": stage.cpu_us} for stage in self.stages]
        return {
            "conditions": self.conditions,
            "stages": stages,
            "latency_ms": self.latency_ms,
            "holds": not self.missed,
            "missed": self.missed,
        }


def run_pipeline(settings: Settings, returns: int, tell: Callable[[str], None]) -> Report:
    """Run every stage over a backlog of ``returns`` returns, then single commands through all of them."""
    with (
        sandbox(settings, "bench") as own,
        closing(psycopg.connect(postgres_address(own), autocommit=True)) as connection,
    ):
        tell(f"publishing {returns * load.COMMANDS_PER_RETURN:,} commands")
        environment = environment_of(own)
        publish_backlog(own, connection, Workers(environment), returns)
        with Workers(environment) as workers:
            stages = catch_up(workers, connection, returns, tell)
            stages.append(together(stages[2:]))
            tell("single commands, all workers running")
            latency = _latency(own, connection, returns)
        return Report(_conditions(connection, returns), stages, latency)


def _latency(own: Settings, connection: psycopg.Connection, first: int) -> dict[str, float]:
    """Return the time from sending a request until its row shows in ``rma_read.returns``, in milliseconds."""
    taken = []
    with conversation(own) as talk:
        commands = list(load.returns(LATENCY_COMMANDS, first=first))
        for command in commands[: 2 * LATENCY_COMMANDS]:
            talk.ask(command.to_record())
        for command in commands[2 * LATENCY_COMMANDS : 3 * LATENCY_COMMANDS]:
            began = time.monotonic()
            talk.ask(command.to_record())
            while not count(connection, SHOWN, command.key):
                if time.monotonic() - began > STAGE_TIMEOUT_S:
                    raise StageTooSlowError(f"{command.id} never showed")
                time.sleep(POLL_S / 10)
            taken.append((time.monotonic() - began) * 1000)
    cuts = statistics.quantiles(taken, n=100)
    return {"p50": cuts[49], "p99": cuts[98]}


def _conditions(connection: psycopg.Connection, returns: int) -> dict[str, object]:
    return {"returns": returns, "commands": returns * load.COMMANDS_PER_RETURN, **conditions(connection)}
