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
from typing import Final, LiteralString

import psutil
import psycopg

from domain.errors import RmaError
from infra.addresses import postgres_address
from infra.kafka.command_client import CommandPublisher, conversation
from infra.kafka.publisher import publisher_of
from infra.kafka.topics import TopicNames
from infra.log.lane import standing
from infra.log.queries import commands_answered, last_position
from infra.settings import Settings
from workers.registry import READ_MODELS
from workers.trials.bench import load
from workers.trials.bench.processes import Workers, conditions
from workers.trials.sandbox import at_work, sandbox

LATENCY_COMMANDS: Final = 100
STAGE_TIMEOUT_S: Final = 300.0
POLL_S: Final = 0.02
FLOORS: Final = {"commands": 2_000, "relay": 10_000, "projectors": 20_000}
"""Per second, the least that two cores have to carry: one command worker, one relay, all projectors at once."""

POLICIES: Final = 1
"""Published before the load: one command, one event."""

FOLDED: Final = "SELECT coalesce(sum(next_offset), 0) FROM rma_read.positions WHERE projection = %s"
SHOWN: Final = "SELECT count(*) FROM rma_read.returns WHERE order_id = %s"


class StageTooSlowError(RmaError):
    """A stage did not finish its backlog in time."""

    code = "bench_stage_timed_out"


@dataclass(frozen=True, slots=True)
class Stage:
    """What one worker did, and the processor time of its process.

    ``timed`` of its items were handled between its first progress that was seen and its last, in ``seconds``.
    """

    name: str
    unit: str
    items: int
    timed: int
    seconds: float
    cpu_seconds: float
    floor: int | None
    began_at: float
    """On the clock that only goes forward."""

    @property
    def rate(self) -> float:
        """Items per second."""
        return self.timed / self.seconds if self.seconds else 0.0

    @property
    def cpu_us(self) -> float:
        """Microseconds of processor time per item."""
        return self.cpu_seconds / self.timed * 1e6 if self.timed else 0.0

    @property
    def missed(self) -> str | None:
        """By what the floor was missed, in a sentence; None where it holds."""
        if self.floor is None or self.rate >= self.floor:
            return None
        return f"{self.name} carried {self.rate:,.0f} {self.unit} a second, {self.floor:,} is the floor"


@dataclass(frozen=True, slots=True)
class Report:
    """Conditions, stages, and how long single commands take until the read model shows them."""

    conditions: dict[str, object]
    stages: list[Stage]
    latency_ms: dict[str, float]

    @property
    def missed(self) -> list[str]:
        """A sentence for each floor that was missed."""
        return [stage.missed for stage in self.stages if stage.missed]

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
        _decide_policy(own)
        _publish(own, returns)
        stages = []
        with Workers(own) as workers:
            tell("commands: catching up")
            stages += _measure(connection, {"commands": workers.start("commands")}, _commands(returns))
            tell("relay: catching up")
            stages += _measure(connection, {"relay": workers.start("relay")}, _relay(connection))
            tell("projectors: catching up, all at once")
            projectors = {name: workers.start(f"projector {name}") for name in READ_MODELS}
            measured = _measure(connection, projectors, _projectors(connection))
            stages += [*measured, _together(measured)]
            tell("single commands, all workers running")
            latency = _latency(own, connection, returns)
        return Report(_conditions(connection, returns), stages, latency)


@dataclass(frozen=True, slots=True)
class _Watched:
    """How a stage's progress is counted, up to which count, and the floor it has to hold."""

    unit: str
    goal: int
    floor: int | None
    count: Callable[[psycopg.Connection, str], int]
    """Of a worker, by its name."""
    beside: int = 0
    """How many of those counted are no load, and were done before: the policy."""


def _commands(returns: int) -> _Watched:
    goal = returns * load.COMMANDS_PER_RETURN + POLICIES
    return _Watched("commands", goal, FLOORS["commands"], lambda log, _: commands_answered(log), beside=POLICIES)


def _relay(connection: psycopg.Connection) -> _Watched:
    def published(log: psycopg.Connection, _: str) -> int:
        return max(lane.position for lane in standing(log))

    return _Watched("events", last_position(connection), FLOORS["relay"], published, beside=POLICIES)


def _projectors(connection: psycopg.Connection) -> _Watched:
    def folded(read_models: psycopg.Connection, name: str) -> int:
        return _count(read_models, FOLDED, name)

    return _Watched("events", last_position(connection), None, folded)


@dataclass(slots=True)
class _Progress:
    """What was seen of one worker: when it began, with how much done, and when it was through."""

    began_at: float = 0.0
    began_cpu: float = 0.0
    began_count: int = 0
    done: Stage | None = None


def _measure(connection: psycopg.Connection, workers: dict[str, psutil.Popen], watched: _Watched) -> list[Stage]:
    """Watch workers side by side, each from its first progress to its last."""
    seen = {name: _Progress() for name in workers}
    deadline = time.monotonic() + STAGE_TIMEOUT_S
    while time.monotonic() < deadline:
        for name, worker in workers.items():
            _look(connection, name, worker, (seen[name], watched))
        stages = [progress.done for progress in seen.values() if progress.done]
        if len(stages) == len(workers):
            return stages
        time.sleep(POLL_S)
    raise StageTooSlowError(f"{', '.join(workers)} did not finish in {STAGE_TIMEOUT_S:.0f} s")


def _look(connection: psycopg.Connection, name: str, worker: psutil.Popen, about: tuple[_Progress, _Watched]) -> None:
    progress, watched = about
    if progress.done:
        return
    if worker.poll() is not None:
        raise StageTooSlowError(f"the worker {name} ended with code {worker.returncode}")
    count, now = watched.count(connection, name), time.monotonic()
    cpu = sum(worker.cpu_times()[:2])
    if count > watched.beside and not progress.began_at:
        progress.began_at, progress.began_cpu, progress.began_count = now, cpu, count
    if count >= watched.goal:
        progress.done = Stage(
            name=name,
            unit=watched.unit,
            items=watched.goal - watched.beside,
            timed=count - progress.began_count,
            seconds=now - progress.began_at,
            cpu_seconds=cpu - progress.began_cpu,
            floor=watched.floor,
            began_at=progress.began_at,
        )


def _together(stages: list[Stage]) -> Stage:
    """Return what all projectors carried side by side, from the first one's beginning to the last one's end."""
    began = min(stage.began_at for stage in stages)
    ended = max(stage.began_at + stage.seconds for stage in stages)
    return Stage(
        name="projectors, together",
        unit="events",
        items=sum(stage.items for stage in stages),
        timed=sum(stage.timed for stage in stages),
        seconds=ended - began,
        cpu_seconds=sum(stage.cpu_seconds for stage in stages),
        floor=FLOORS["projectors"],
        began_at=began,
    )


def _count(connection: psycopg.Connection, query: LiteralString, *parameters: object) -> int:
    [row] = connection.execute(query, parameters).fetchall()
    return int(row[0])


def _decide_policy(own: Settings) -> None:
    """Have the policy accepted before any order is sent: in a partition of its own it could be read after them."""
    with at_work(own, ("commands", "relay")), conversation(own) as talk:
        talk.ask(load.publish_policy().to_record())


def _publish(own: Settings, returns: int) -> None:
    with closing(CommandPublisher(publisher_of(own), TopicNames(own.topic_prefix).commands)) as publisher:
        for command in load.returns(returns):
            publisher.publish(command.to_record())
        publisher.flush()


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
            while not _count(connection, SHOWN, command.key):
                if time.monotonic() - began > STAGE_TIMEOUT_S:
                    raise StageTooSlowError(f"{command.id} never showed")
                time.sleep(POLL_S / 10)
            taken.append((time.monotonic() - began) * 1000)
    cuts = statistics.quantiles(taken, n=100)
    return {"p50": cuts[49], "p99": cuts[98]}


def _conditions(connection: psycopg.Connection, returns: int) -> dict[str, object]:
    return {"returns": returns, "commands": returns * load.COMMANDS_PER_RETURN, **conditions(connection)}
