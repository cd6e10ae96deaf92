"""What single workers do of a backlog, watched from outside: by what PostgreSQL and the system's clocks tell of them.

Nothing is asked of the workers themselves, so that those of any revision can be watched.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Sequence
from contextlib import closing
from dataclasses import dataclass
from typing import Final, LiteralString

import psutil
import psycopg

from domain.errors import RmaError
from infra.addresses import addresses
from infra.kafka.clients import make_producer
from infra.kafka.command_client import CommandPublisher, OutgoingCommand
from infra.kafka.partitioner import Partitioner
from infra.kafka.publisher import Publisher, publisher_of
from infra.kafka.topics import TopicNames
from infra.log.lane import standing, values_waiting
from infra.log.queries import commands_answered, last_position
from infra.settings import Settings
from workers.registry import READ_MODELS
from workers.trials.bench import load
from workers.trials.bench.processes import Workers

STAGE_TIMEOUT_S: Final = 300.0
"""How long a worker may stand still before it is through."""

POLL_S: Final = 0.02
POLICIES: Final = 1
"""Commands of the load that are answered before the others are sent."""

TOGETHER: Final = "projectors, together"
FOLDED: Final = "SELECT coalesce(sum(next_offset), 0) FROM rma_read.positions WHERE projection = %s"


class StageTooSlowError(RmaError):
    """A stage did not finish its backlog in time."""

    code = "bench_stage_timed_out"


@dataclass(frozen=True, slots=True)
class Stage:
    """What one worker did, and the processor time and the most memory of its process.

    ``timed`` of its items were handled between its first progress that was seen and its last, in ``seconds``.
    """

    name: str
    unit: str
    items: int
    timed: int
    seconds: float
    cpu_seconds: float
    peak_bytes: int
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


def catch_up(
    workers: Workers, connection: psycopg.Connection, returns: int, tell: Callable[[str], None]
) -> list[Stage]:
    """Let each worker meet the backlog of so many returns, those before it at work too; the projectors all at once."""
    tell("commands: catching up")
    stages = [catch_up_commands(workers, connection, returns)]
    tell("relay: catching up")
    stages.append(catch_up_relay(workers, connection))
    tell("projectors: catching up, all at once")
    return stages + catch_up_projectors(workers, connection, READ_MODELS)


def catch_up_commands(workers: Workers, connection: psycopg.Connection, returns: int) -> Stage:
    """Let a command worker meet its backlog."""
    return _measure(connection, {"commands": workers.start("commands")}, _commands(returns))[0]


def catch_up_relay(workers: Workers, connection: psycopg.Connection) -> Stage:
    """Let a relay meet the log as it is."""
    return _measure(connection, {"relay": workers.start("relay")}, _relay(connection))[0]


def catch_up_projectors(workers: Workers, connection: psycopg.Connection, names: Iterable[str]) -> list[Stage]:
    """Let the projectors of these read models meet all events, side by side."""
    projectors = {name: workers.start(f"projector {name}") for name in names}
    return _measure(connection, projectors, _projectors(connection))


def publish_backlog(own: Settings, connection: psycopg.Connection, workers: Workers, returns: int) -> None:
    """Have the policy accepted by one of these workers, which ends with it, then send what so many returns need.

    The policy's partition is its own, so that nothing else keeps the two in order.
    """
    with workers:
        worker = workers.start("commands")
        _publish(own, [load.publish_policy()])
        _await(lambda: commands_answered(connection, load.SOURCE) == POLICIES, worker)
    _publish(own, load.returns(returns))


def answers(
    own: Settings, connection: psycopg.Connection, worker: psutil.Popen, commands: Sequence[OutgoingCommand]
) -> list[bytes]:
    """Send commands, and return all answers there are once this worker has given theirs; no relay may run.

    Raises:
        StageTooSlowError: It ended, or did not answer in time.
    """
    topic = TopicNames(own.topic_prefix).results
    wanted = len(values_waiting(connection, topic)) + len(commands)
    _publish(own, commands)
    _await(lambda: len(values_waiting(connection, topic)) >= wanted, worker)
    return values_waiting(connection, topic)


def _publish(own: Settings, commands: Iterable[OutgoingCommand]) -> None:
    with closing(CommandPublisher(_publisher(own), TopicNames(own.topic_prefix).commands)) as publisher:
        for command in commands:
            publisher.publish(command.to_record())
        publisher.flush()


def _publisher(own: Settings) -> Publisher:
    try:
        return publisher_of(own)
    except psycopg.errors.UndefinedTable:  # made by a revision from before there was a choice to remember
        producer = make_producer(addresses(own).kafka_bootstrap, own.kafka_compression)
        return Publisher(producer, Partitioner.CRC32)


def _await(is_done: Callable[[], bool], worker: psutil.Popen) -> None:
    deadline = time.monotonic() + STAGE_TIMEOUT_S
    while not is_done():
        if worker.poll() is not None:
            raise StageTooSlowError(f"a worker ended with code {worker.returncode}")
        if time.monotonic() > deadline:
            raise StageTooSlowError(f"what was sent was not decided in {STAGE_TIMEOUT_S:.0f} s")
        time.sleep(POLL_S)


@dataclass(frozen=True, slots=True)
class _Watched:
    """How a stage's progress is counted, and up to which count."""

    unit: str
    goal: int
    count: Callable[[psycopg.Connection, str], int]
    """Of a worker, by its name."""
    beside: int = 0
    """How many of those counted are no load, and were done before: the policy."""


def _commands(returns: int) -> _Watched:
    goal = returns * load.COMMANDS_PER_RETURN + POLICIES
    return _Watched("commands", goal, lambda log, _: commands_answered(log, load.SOURCE), beside=POLICIES)


def _relay(connection: psycopg.Connection) -> _Watched:
    def published(log: psycopg.Connection, _: str) -> int:
        return max(lane.position for lane in standing(log))

    return _Watched("events", last_position(connection), published)


def _projectors(connection: psycopg.Connection) -> _Watched:
    def folded(read_models: psycopg.Connection, name: str) -> int:
        return count(read_models, FOLDED, name)

    return _Watched("events", last_position(connection), folded)


@dataclass(slots=True)
class _Progress:
    """What was seen of one worker: when it began, with how much done, and when it was through."""

    began_at: float = 0.0
    began_cpu: float = 0.0
    began_count: int = 0
    count: int = 0
    peak_bytes: int = 0
    done: Stage | None = None


def _measure(connection: psycopg.Connection, workers: dict[str, psutil.Popen], watched: _Watched) -> list[Stage]:
    """Watch workers side by side, each from its first progress to its last."""
    seen = {name: _Progress() for name in workers}
    most, deadline = 0, time.monotonic() + STAGE_TIMEOUT_S
    while time.monotonic() < deadline:
        for name, worker in workers.items():
            if not seen[name].done:
                _look(connection, name, worker, (seen[name], watched))
        if (counted := sum(progress.count for progress in seen.values())) > most:
            most, deadline = counted, time.monotonic() + STAGE_TIMEOUT_S
        stages = [progress.done for progress in seen.values() if progress.done]
        if len(stages) == len(workers):
            return stages
        time.sleep(POLL_S)
    raise StageTooSlowError(f"{', '.join(workers)} did nothing more for {STAGE_TIMEOUT_S:.0f} s")


def _look(connection: psycopg.Connection, name: str, worker: psutil.Popen, about: tuple[_Progress, _Watched]) -> None:
    progress, watched = about
    if worker.poll() is not None:
        raise StageTooSlowError(f"the worker {name} ended with code {worker.returncode}")
    done, now = watched.count(connection, name), time.monotonic()
    cpu = sum(worker.cpu_times()[:2])
    progress.count = done
    progress.peak_bytes = max(progress.peak_bytes, worker.memory_info().rss)
    if done > watched.beside and not progress.began_at:
        progress.began_at, progress.began_cpu, progress.began_count = now, cpu, done
    if done >= watched.goal:
        progress.done = Stage(
            name=name,
            unit=watched.unit,
            items=watched.goal - watched.beside,
            timed=done - progress.began_count,
            seconds=now - progress.began_at,
            cpu_seconds=cpu - progress.began_cpu,
            peak_bytes=progress.peak_bytes,
            began_at=progress.began_at,
        )


def together(stages: list[Stage]) -> Stage:
    """Return what all projectors carried side by side, from the first one's beginning to the last one's end."""
    began = min(stage.began_at for stage in stages)
    ended = max(stage.began_at + stage.seconds for stage in stages)
    return Stage(
        name=TOGETHER,
        unit="events",
        items=sum(stage.items for stage in stages),
        timed=sum(stage.timed for stage in stages),
        seconds=ended - began,
        cpu_seconds=sum(stage.cpu_seconds for stage in stages),
        peak_bytes=sum(stage.peak_bytes for stage in stages),
        began_at=began,
    )


def count(connection: psycopg.Connection, query: LiteralString, *parameters: object) -> int:
    """Return the one number that a query asks for."""
    [row] = connection.execute(query, parameters).fetchall()
    return int(row[0])
