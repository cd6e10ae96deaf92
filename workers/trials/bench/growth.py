"""`rma bench growth`: what an append costs with many events stored, against one with few; both by turns.

Two databases on one server are filled by ``fill``. Then batches as a command worker writes them go into both by
turns: answers given before looked for, streams loaded, events, answers and messages appended. The log is `infra/log`'s
own; nothing is decided. The worker keeps streams between batches, and loads few: here each batch loads all of its own.
"""

from __future__ import annotations

import random
import statistics
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, closing, contextmanager
from dataclasses import dataclass, field
from hashlib import md5
from typing import Final
from uuid import NAMESPACE_URL, UUID, uuid5

import psycopg

from infra.addresses import postgres_address
from infra.log.event_log import Append, EventLog
from infra.log.filling import fill
from infra.log.lane import LANE, OUTBOX, advance, begin_epoch, lane_ends
from infra.log.queries import events_at, last_position, table_sizes
from infra.records import CommandStamp, Decided, NewEvent, StoredEvent, Verdict
from infra.settings import Settings
from workers.trials.bench import load
from workers.trials.bench.processes import Workers, conditions, environment_of
from workers.trials.bench.stages import catch_up_commands, publish_backlog
from workers.trials.sandbox import sandbox

MODEL_RETURNS: Final = 1_000
BATCH_RETURNS: Final = 84
"""A batch takes each of the six steps for so many returns: 504 commands."""

WARM_UP: Final = 20
"""Batches of each kind that go first and do not count."""

RECENT_RETURNS: Final = 55_000
"""The last million events, at eighteen a return."""

TIMES_MAX: Final = 1.3
"""How much dearer it may be with many events stored."""

RECENT: Final = "recent"
KINDS: Final = (RECENT, "any")
"""Whose streams a batch goes on with: returns of the last million events, or all there are, each as likely."""

SEED: Final = 15
WRITTEN_AHEAD: Final = "SELECT (pg_current_wal_insert_lsn() - '0/0'::pg_lsn)::bigint"


@dataclass(frozen=True, slots=True)
class Step:
    """What one command of the model did: its type, its actor, and what it added to its order and its return."""

    type: str
    actor: str
    events: Sequence[StoredEvent]


@dataclass(slots=True)
class Costs:
    """What batches of one kind took in one log: milliseconds by part, and bytes that PostgreSQL wrote ahead."""

    find_ms: list[float] = field(default_factory=list)
    load_ms: list[float] = field(default_factory=list)
    append_ms: list[float] = field(default_factory=list)
    wal_bytes: list[int] = field(default_factory=list)

    @property
    def all_ms(self) -> list[float]:
        return [sum(parts) for parts in zip(self.find_ms, self.load_ms, self.append_ms, strict=True)]

    def as_data(self) -> dict[str, float]:
        parts = {"find": self.find_ms, "load": self.load_ms, "append": self.append_ms, "all": self.all_ms}
        middle = {f"{name}_ms": statistics.median(ms) for name, ms in parts.items()}
        return middle | {
            "all_p90_ms": statistics.quantiles(self.all_ms, n=10)[8],
            "wal_bytes": statistics.median(self.wal_bytes),
        }


@dataclass(frozen=True, slots=True)
class Compared:
    """Batches of one kind, with few events stored and with many."""

    kind: str
    few: Costs
    many: Costs

    @property
    def times(self) -> dict[str, float]:
        """How much dearer a batch is with many, pair by pair: in the middle, and the quarters around it."""
        pairs = [many / few for few, many in zip(self.few.all_ms, self.many.all_ms, strict=True)]
        least, middle, most = statistics.quantiles(pairs, n=4)
        return {"median": middle, "lower_quarter": least, "upper_quarter": most}

    @property
    def times_append(self) -> float:
        """The same of the append alone, in the middle."""
        return statistics.median(many / few for few, many in zip(self.few.append_ms, self.many.append_ms, strict=True))

    def as_data(self) -> dict[str, object]:
        return {
            "kind": self.kind,
            "few": self.few.as_data(),
            "many": self.many.as_data(),
            "times": self.times,
            "times_append": self.times_append,
        }


@dataclass(frozen=True, slots=True)
class GrowthReport:
    """Conditions, how large both logs are, and what batches of each kind cost in them."""

    conditions: dict[str, object]
    sizes: list[dict[str, object]]
    compared: list[Compared]

    @property
    def missed(self) -> list[str]:
        """A sentence for each append, and each batch of recent returns, that costs too much with many events stored.

        What it costs to load returns of long ago is told and not judged: it is how much of the log the server's memory
        holds.
        """
        judged = [(f"an append to {one.kind} returns", one.times_append) for one in self.compared]
        judged += [
            (f"a batch of {one.kind} returns", one.times["median"]) for one in self.compared if one.kind == RECENT
        ]
        return [
            f"with many events stored {what} costs {times:.2f} times as much, {TIMES_MAX} is the most"
            for what, times in judged
            if times > TIMES_MAX
        ]

    def as_data(self) -> dict[str, object]:
        return {
            "conditions": self.conditions,
            "sizes": self.sizes,
            "compared": [one.as_data() for one in self.compared],
            "times_max": TIMES_MAX,
            "missed": self.missed,
        }


def run_growth(settings: Settings, tell: Callable[[str], None], *, few: int, many: int, batches: int) -> GrowthReport:
    """Fill two logs with so many events, and compare what ``batches`` batches of each kind cost in them.

    The server's disk takes some 1.3 KB an event, and as much again while it is filled.

    Raises:
        StageTooSlowError: The model was not decided in time.
        psycopg.OperationalError: PostgreSQL is away, or has no room.
    """
    with ExitStack() as made:
        logs = [made.enter_context(filled(settings, events, tell)) for events in (few, many)]
        tell(f"appending {batches} batches of each kind to both, by turns")
        costs = {kind: tuple(Costs() for _ in logs) for kind in KINDS}
        for number in range(-WARM_UP, batches):
            for kind in KINDS:
                for which in (0, 1) if number % 2 else (1, 0):
                    logs[which].take(kind, costs[kind][which] if number >= 0 else Costs())
        compared = [Compared(kind, *of_kind) for kind, of_kind in costs.items()]
        about = {"batches": batches, "commands_each": BATCH_RETURNS * load.COMMANDS_PER_RETURN}
        return GrowthReport(about | conditions(logs[0].beside), [log.sizes() for log in logs], compared)


@contextmanager
def filled(settings: Settings, events: int, tell: Callable[[str], None]) -> Iterator[Filled]:
    with sandbox(settings, "growth") as own:
        dsn = postgres_address(own)
        with closing(psycopg.connect(dsn, autocommit=True)) as connection:
            tell(f"{events:,} events: deciding the model")
            environment = environment_of(own)
            publish_backlog(own, connection, Workers(environment), MODEL_RETURNS)
            with Workers(environment) as workers:
                catch_up_commands(workers, connection, MODEL_RETURNS)
            steps = _steps(connection)
            fill(connection, events, tell)
        with closing(psycopg.connect(dsn, autocommit=True)) as beside, closing(EventLog(dsn)) as log:
            yield Filled(beside, log, steps)


def _steps(connection: psycopg.Connection) -> list[Step]:
    """Return what the commands of the model's first return did."""
    events = events_at(connection, range(1, last_position(connection) + 1)).values()
    return [
        Step(f"rma.{name}.v1", actor, [event for event in events if event.command_id == f"{name}-0"])
        for name, actor, _ in load.STEPS
    ]


class Filled:
    """A log with its events, and what goes into it."""

    def __init__(self, beside: psycopg.Connection, log: EventLog, steps: Sequence[Step]) -> None:
        self.beside = beside
        self._log = log
        self._steps = steps
        self._random = random.Random(SEED)  # noqa: S311 - a draw, no secret
        copied = (last_position(beside) - 1) // sum(len(step.events) for step in steps) // MODEL_RETURNS
        self._returns = range(MODEL_RETURNS, copied * MODEL_RETURNS)

    def take(self, kind: str, costs: Costs) -> None:
        """Take one batch, and note what it cost."""
        commands = self._commands(kind)
        began = time.perf_counter()
        self._log.find_outcomes((load.SOURCE, command_id) for command_id, _, _ in commands)
        looked = time.perf_counter()
        streams = {stream: 0 for _, step, order_id in commands for stream in _streams(step, order_id).values()}
        stored = self._log.load(streams)
        loaded = time.perf_counter()
        versions = {stream: len(stored.get(stream, ())) for stream in streams}
        batch = Append([self._decided(command, versions) for command in commands], "results")
        before, appending = self._written(), time.perf_counter()
        self._log.append(batch)
        appended = time.perf_counter()
        costs.wal_bytes.append(self._written() - before)
        for took, ms in (
            (costs.find_ms, looked - began),
            (costs.load_ms, loaded - looked),
            (costs.append_ms, appended - appending),
        ):
            took.append(ms * 1e3)
        self._published()

    def sizes(self) -> dict[str, object]:
        """Return how many events it holds by now, how many bytes they take, and how much memory the server keeps."""
        [(buffers,)] = self.beside.execute("SHOW shared_buffers").fetchall()
        return {"events": last_position(self.beside), **table_sizes(self.beside), "shared_buffers": buffers}

    def _published(self) -> None:
        """Empty the outbox, as a relay does that has published it."""
        advance(
            self.beside, LANE, begin_epoch(self.beside, LANE), position=0, outbox_seq=lane_ends(self.beside)[OUTBOX]
        )

    def _written(self) -> int:
        [(position,)] = self.beside.execute(WRITTEN_AHEAD).fetchall()
        return int(position)

    def _commands(self, kind: str) -> list[tuple[str, Step, str]]:
        """Return ids, steps and orders of a batch: the first step of new orders, the others of some that are stored."""
        stored = self._returns[-RECENT_RETURNS:] if kind == RECENT else self._returns
        drawn = iter(self._random.sample(stored, BATCH_RETURNS * (len(self._steps) - 1)))
        return [
            (str(self._any_id()), step, f"N-{self._any_id()}" if step is self._steps[0] else f"B-{next(drawn)}")
            for step in self._steps
            for _ in range(BATCH_RETURNS)
        ]

    def _any_id(self) -> UUID:
        return UUID(bytes=self._random.randbytes(16), version=4)

    def _decided(self, command: tuple[str, Step, str], versions: dict[str, int]) -> Decided:
        command_id, step, order_id = command
        streams, events = _streams(step, order_id), []
        for event in step.events:
            stream = streams[_kind(event.stream)]
            versions[stream] += 1
            events.append(
                NewEvent(
                    stream, versions[stream], event.type, event.occurred_at, order_id, event.body, event.sealed_key_id
                )
            )
        stamp = CommandStamp(load.SOURCE, command_id, step.type, step.actor, command_id, place="0:0")
        return Decided(stamp, order_id.encode(), self._random.randbytes(32), Verdict("accepted"), events)


def _streams(step: Step, order_id: str) -> dict[str, str]:
    """Return the streams that a step goes on with, by their kind: of an order, and of its return."""
    kinds = {_kind(event.stream) for event in step.events}
    names = {"order": f"order/{order_id}", "rma": _return_of(order_id)}
    return {kind: name for kind, name in names.items() if kind in kinds}


def _kind(stream: str) -> str:
    return stream.partition("/")[0]


def _return_of(order_id: str) -> str:
    """Return the stream of an order's return, as ``fill`` named it."""
    letter, _, rest = order_id.partition("-")
    if letter != "B":
        return ""
    copy, number = divmod(int(rest), MODEL_RETURNS)
    model = f"rma/{uuid5(NAMESPACE_URL, f'B-{number}')}"
    return f"rma/{UUID(md5(f'{copy}{model}'.encode(), usedforsecurity=False).hexdigest())}"
