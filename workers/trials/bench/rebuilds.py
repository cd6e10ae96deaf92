"""`rma bench rebuild`: how long it takes to fill each read model anew, beside the live one, each as its own process."""

from __future__ import annotations

import time
from collections.abc import Callable
from contextlib import closing
from dataclasses import asdict, dataclass

import psutil
import psycopg

from infra.addresses import postgres_address
from infra.log.queries import last_position
from infra.settings import Settings
from workers.registry import READ_MODELS
from workers.trials.bench.processes import Workers, conditions, environment_of
from workers.trials.bench.stages import POLL_S, StageTooSlowError, catch_up, publish_backlog
from workers.trials.sandbox import sandbox


@dataclass(frozen=True, slots=True)
class RebuildTaken:
    """What a rebuild took, from its process's start to its end."""

    name: str
    events: int
    seconds: float
    cpu_seconds: float
    peak_bytes: int

    @property
    def cpu_us(self) -> float:
        """Microseconds of processor time an event."""
        return self.cpu_seconds / self.events * 1e6


@dataclass(frozen=True, slots=True)
class RebuildReport:
    """Conditions, and what each read model's rebuild took."""

    conditions: dict[str, object]
    rebuilds: list[RebuildTaken]

    def as_data(self) -> dict[str, object]:
        taken = [asdict(one) | {"cpu_us": one.cpu_us} for one in self.rebuilds]
        return {"conditions": self.conditions, "rebuilds": taken}


def run_rebuilds(settings: Settings, tell: Callable[[str], None], *, returns: int) -> RebuildReport:
    """Let workers meet a backlog of so many returns, then fill each read model anew while they go on.

    Raises:
        StageTooSlowError: A worker stood still, or a rebuild failed.
    """
    with (
        sandbox(settings, "bench") as own,
        closing(psycopg.connect(postgres_address(own), autocommit=True)) as connection,
    ):
        environment = environment_of(own)
        tell("publishing the backlog")
        publish_backlog(own, connection, Workers(environment), returns)
        with Workers(environment) as workers:
            catch_up(workers, connection, returns, tell)
            events = last_position(connection)
            taken = []
            for name in READ_MODELS:
                tell(f"{name}: filling it anew with {events:,} events")
                taken.append(_taken(name, events, workers.begin("rebuild", name)))
            return RebuildReport({"returns": returns, "events": events, **conditions(connection)}, taken)


def _taken(name: str, events: int, process: psutil.Popen) -> RebuildTaken:
    """Watch a rebuild until it ends."""
    began, cpu_seconds, peak_bytes = time.monotonic(), 0.0, 0
    while process.poll() is None:
        try:
            cpu_seconds, peak_bytes = sum(process.cpu_times()[:2]), max(peak_bytes, process.memory_info().rss)
        except psutil.NoSuchProcess:
            break
        time.sleep(POLL_S)
    seconds = time.monotonic() - began
    if process.wait() != 0:
        raise StageTooSlowError(f"the rebuild of {name} ended with code {process.returncode}")
    return RebuildTaken(name, events, seconds, cpu_seconds, peak_bytes)
