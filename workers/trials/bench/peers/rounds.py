"""`rma bench peers`: our workers and what does the same work elsewhere, in the same rounds on the same machine.

Each runs alone, as its own process, over the same load. Who goes first changes with every round. What counts is the
ratio of two figures of one round, and of all rounds the middle one.
"""

from __future__ import annotations

import json
import statistics
import subprocess
import sys
from collections.abc import Callable, Iterator, Mapping
from contextlib import closing, contextmanager
from dataclasses import asdict, dataclass
from importlib.util import find_spec
from typing import Final

import psycopg
from kafka.admin import NewTopic

from domain.errors import UnusableInputError
from infra.addresses import addresses, postgres_address
from infra.kafka.clients import make_admin
from infra.kafka.topics import PARTITIONS
from infra.log.queries import last_position
from infra.settings import Settings
from workers.trials.bench.peers.relays import topic_of
from workers.trials.bench.processes import Workers, conditions, environment_of
from workers.trials.bench.stages import (
    STAGE_TIMEOUT_S,
    StageTooSlowError,
    catch_up_commands,
    catch_up_projectors,
    catch_up_relay,
    publish_backlog,
)
from workers.trials.sandbox import sandbox

TASK: Final = "workers.trials.bench.peers.task"
PLAIN_SHARE: Final = 5
"""The plain way meets one return of so many: it takes so much longer for each."""
NEEDED: Final = ("confluent_kafka", "psycopg_pool")
"""What the dependency group ``bench`` brings."""


class PeersMissingError(UnusableInputError):
    """The libraries that we are compared with are not installed."""

    code = "bench_peers_missing"

    def __init__(self, missing: list[str]) -> None:
        super().__init__(f"not installed: {', '.join(missing)}; run: uv sync --group bench")


@dataclass(frozen=True, slots=True)
class Figure:
    """What one did of the load: so many items in so many seconds, and what that took of its process."""

    items: float
    seconds: float
    cpu_seconds: float
    peak_bytes: int

    @property
    def rate(self) -> float:
        """Items per second."""
        return self.items / self.seconds

    @property
    def cpu_us(self) -> float:
        """Microseconds of processor time per item, PostgreSQL's and Kafka's left out."""
        return self.cpu_seconds / self.items * 1e6


@dataclass(frozen=True, slots=True)
class Spread:
    """The middle one of some figures, the least and the most."""

    median: float
    least: float
    most: float

    @classmethod
    def of(cls, found: list[float]) -> Spread:
        return cls(statistics.median(found), min(found), max(found))


@dataclass(frozen=True, slots=True)
class Peer:
    """One of ours beside one that does the same work elsewhere; a pair of figures for each round."""

    ours: str
    name: str
    unit: str
    pairs: list[tuple[Figure, Figure]]

    @property
    def rates(self) -> tuple[Spread, Spread]:
        """Items per second: ours, and the peer's."""
        return Spread.of([own.rate for own, _ in self.pairs]), Spread.of([other.rate for _, other in self.pairs])

    @property
    def cpu_us(self) -> tuple[Spread, Spread]:
        """Microseconds of processor time per item: ours, and the peer's."""
        return Spread.of([own.cpu_us for own, _ in self.pairs]), Spread.of([other.cpu_us for _, other in self.pairs])

    @property
    def times_as_fast(self) -> Spread:
        """How many times as many items a second ours does, round by round."""
        return Spread.of([own.rate / other.rate for own, other in self.pairs])

    @property
    def times_per_cpu(self) -> Spread:
        """How many times as many items ours does with the same processor time, round by round."""
        return Spread.of([other.cpu_us / own.cpu_us for own, other in self.pairs])

    def as_data(self) -> dict[str, object]:
        rates, costs = self.rates, self.cpu_us
        return {
            "ours": self.ours,
            "peer": self.name,
            "unit": self.unit,
            "per_second": {"ours": asdict(rates[0]), "peer": asdict(rates[1])},
            "cpu_us": {"ours": asdict(costs[0]), "peer": asdict(costs[1])},
            "times_as_fast": asdict(self.times_as_fast),
            "times_per_cpu": asdict(self.times_per_cpu),
            "rounds": [{"ours": asdict(own), "peer": asdict(other)} for own, other in self.pairs],
        }


@dataclass(frozen=True, slots=True)
class PeersReport:
    """Under which conditions, and each peer beside ours."""

    conditions: dict[str, object]
    peers: list[Peer]

    def as_data(self) -> dict[str, object]:
        return {"conditions": self.conditions, "peers": [peer.as_data() for peer in self.peers]}


COMPARED: Final = (
    ("commands", "eventsourcing", "commands"),
    ("commands, by events", "COPY", "events"),
    ("relay", "KafkaProducer.send", "events"),
    ("relay", "confluent-kafka", "events"),
    ("projector tracking", "ProjectionRunner", "events"),
)
"""Which of ours is set beside which peer, and what both count."""


def run_peers(settings: Settings, tell: Callable[[str], None], *, returns: int, rounds: int) -> PeersReport:
    """Run ours and every peer over the load of so many returns, in every round.

    Raises:
        PeersMissingError: The dependency group ``bench`` is not installed.
        StageTooSlowError: One of them did not finish, or failed.
    """
    if missing := [name for name in NEEDED if find_spec(name) is None]:
        raise PeersMissingError(missing)
    found: list[dict[str, Figure]] = []
    for number in range(rounds):
        halves = [_ours, _plain] if number % 2 == 0 else [_plain, _ours]
        tell(f"round {number + 1} of {rounds}")
        figures: dict[str, Figure] = {}
        for half in halves:
            half(settings, tell, returns, figures)
        found.append(figures)
    with closing(psycopg.connect(postgres_address(settings), autocommit=True)) as connection:
        known = conditions(connection)
    about = {"rounds": rounds, "returns": returns, "returns_plain": returns // PLAIN_SHARE, **known}
    return PeersReport(about, compared(found))


def compared(rounds: list[dict[str, Figure]]) -> list[Peer]:
    """Return each peer beside ours, from what the rounds found by name."""
    return [Peer(ours, name, unit, [(one[ours], one[name]) for one in rounds]) for ours, name, unit in COMPARED]


def _ours(settings: Settings, tell: Callable[[str], None], returns: int, figures: dict[str, Figure]) -> None:
    """Our command worker, relay and projector one after the other; the relays and the floor over the same log."""
    with (
        sandbox(settings, "bench") as own,
        closing(psycopg.connect(postgres_address(own), autocommit=True)) as connection,
    ):
        environment = environment_of(own)
        publish_backlog(own, connection, Workers(environment), returns)
        tell("commands")
        with Workers(environment) as workers:
            stage = catch_up_commands(workers, connection, returns)
        figures["commands"] = Figure(stage.timed, stage.seconds, stage.cpu_seconds, stage.peak_bytes)
        events = stage.timed * last_position(connection) / stage.items
        figures["commands, by events"] = Figure(events, stage.seconds, stage.cpu_seconds, stage.peak_bytes)
        tell("relays")
        with Workers(environment) as workers:
            stage = catch_up_relay(workers, connection)
        figures["relay"] = Figure(stage.timed, stage.seconds, stage.cpu_seconds, stage.peak_bytes)
        with _topics(own, ["KafkaProducer.send", "confluent-kafka"]):
            for name in ("KafkaProducer.send", "confluent-kafka"):
                figures[name] = _peer(environment, name)
        tell("projector, COPY")
        with Workers(environment) as workers:
            [stage] = catch_up_projectors(workers, connection, ["tracking"])
        figures["projector tracking"] = Figure(stage.timed, stage.seconds, stage.cpu_seconds, stage.peak_bytes)
        figures["COPY"] = _peer(environment, "COPY")


def _plain(settings: Settings, tell: Callable[[str], None], returns: int, figures: dict[str, Figure]) -> None:
    """The same commands the plain way, and the same read model by the library's runner."""
    with sandbox(settings, "bench", lambda _: None) as own:
        environment = environment_of(own)
        tell("eventsourcing")
        figures["eventsourcing"] = _peer(environment, "eventsourcing", str(returns // PLAIN_SHARE))
        tell("ProjectionRunner")
        figures["ProjectionRunner"] = _peer(environment, "ProjectionRunner")


@contextmanager
def _topics(own: Settings, names: list[str]) -> Iterator[None]:
    """Make a topic for each peer, as ours are, while the block lasts."""
    topics = [topic_of(own, name) for name in names]
    with closing(make_admin(addresses(own).kafka_bootstrap)) as admin:
        admin.create_topics([NewTopic(name, PARTITIONS, 1) for name in topics])
        try:
            yield
        finally:
            admin.delete_topics(topics)


def _peer(environment: Mapping[str, str], name: str, *arguments: str) -> Figure:
    """Return what a peer did as a process of its own."""
    try:
        done = subprocess.run(  # noqa: S603 - a program of our own, no shell
            [sys.executable, "-m", TASK, name, *arguments],
            env=dict(environment),
            capture_output=True,
            text=True,
            timeout=STAGE_TIMEOUT_S,
            check=False,
        )
    except subprocess.TimeoutExpired as slow:
        raise StageTooSlowError(f"{name} did not finish in {STAGE_TIMEOUT_S:.0f} s") from slow
    if done.returncode:
        raise StageTooSlowError(f"{name} ended with code {done.returncode}: {' '.join(done.stderr.split()[-40:])}")
    return Figure(**json.loads(done.stdout.splitlines()[-1]))
