"""Workers stand still, one of each kind at a time, at a hundred instants: others take over soon, and nothing shows."""

from __future__ import annotations

import random
import time
from collections.abc import Iterator, Sequence
from contextlib import closing, contextmanager
from functools import partial
from itertools import count
from pathlib import Path
from threading import Event, Thread
from typing import Any, Final

import orjson
import pytest

from infra.kafka.command_client import CommandPublisher, OutgoingCommand
from infra.kafka.publisher import publisher_of
from infra.sessions import TAKEOVER_MAX_S
from infra.settings import Settings
from tests.support.freezing import POINTS, Bounds, FreezableWorker
from tests.support.pipeline import Pipeline, wait_for
from tests.support.soundness import (
    assert_each_command_has_one_answer,
    assert_log_is_whole,
    assert_rebuilt_is_the_same,
    assert_topic_tells_the_log,
    caught_up,
)
from tests.support.worker_processes import KINDS
from workers.operating.initialising import initialise
from workers.trials.bench import load

SEED: Final = 20_261_125
ROUNDS: Final = 20
"""More than any kind has points, so each worker stands still at each of its points."""

WRITING: Final = list(POINTS["commands"]).index("holding the log's lock")
FREEZES: Final = ROUNDS * len(KINDS)
DELAY_MAX_S: Final = 0.02
"""How long after it has come to a point a worker may go on: longer than most of what it does there."""

START_UP_S: Final = 1.0
ANY_MOMENT_S: Final = 1.0
STARTING, AT_ANY_MOMENT = "starting", "at any moment"
COMMANDS_PER_SECOND: Final = 20
RETURNS_AT_ONCE: Final = 4
SENT_MAX: Final = 50_000
NOT_ACCEPTED: Final = "SELECT count(*) FROM rma_log.outcomes WHERE status <> 'accepted'"
ANSWERED: Final = "SELECT count(*) FROM rma_log.outcomes"
PROBED: Final = "SELECT partition_key, max(position) FROM rma_log.events WHERE partition_key = ANY(%s) GROUP BY 1"
SHOWN: Final = "SELECT projection, partition, log_position FROM rma_read.positions"


@pytest.fixture
def pipeline(settings: Settings) -> Iterator[Pipeline]:
    """The system under test, to be looked at."""
    initialise(settings)
    with closing(Pipeline(settings)) as made:
        yield made


class Shop:
    """Sends commands all the time, and probes when it is told."""

    def __init__(self, pipeline: Pipeline, publisher: CommandPublisher) -> None:
        self.sent = 0
        self._pipeline = pipeline
        self._publisher = publisher
        self._probes = count()

    def trade(self, stop: Event) -> None:
        """Send returns, from order to inspection, at a steady pace until ``stop`` is set."""
        for first in range(0, SENT_MAX, RETURNS_AT_ONCE):
            for command in load.returns(RETURNS_AT_ONCE, first=first):
                self.send(command)
                if stop.wait(1 / COMMANDS_PER_SECOND):
                    return

    def send(self, command: OutgoingCommand) -> None:
        self._publisher.publish(command.to_record())
        self._publisher.flush()
        self.sent += 1

    def probe(self) -> dict[int, str]:
        """Send an order to each partition; return their ids by partition."""
        orders: dict[int, str] = {}
        while len(orders) < self._pipeline.settings.partitions:
            order_id = f"P-{next(self._probes)}"
            orders.setdefault(self._pipeline.placement.of(order_id.encode()), order_id)
        for order_id in orders.values():
            name, actor, _ = load.STEPS[0]
            body = load.body(name, order_id)
            self.send(OutgoingCommand(name, order_id, load.SOURCE, order_id, load.ORDERED, actor, body))
        return orders


@contextmanager
def trading(pipeline: Pipeline) -> Iterator[Shop]:
    """Let a shop trade while the block runs."""
    stop = Event()
    with closing(CommandPublisher(publisher_of(pipeline.settings), pipeline.topics.commands)) as publisher:
        shop = Shop(pipeline, publisher)
        shop.send(load.publish_policy())
        wait_for(lambda: ask(pipeline, ANSWERED) == [(1,)], "the policy to be published")
        thread = Thread(target=shop.trade, args=(stop,))
        thread.start()
        try:
            yield shop
        finally:
            stop.set()
            thread.join()


@contextmanager
def twins(settings: Settings, folder: Path, bounds: Bounds) -> Iterator[dict[str, list[FreezableWorker]]]:
    """Run two workers of each kind until the block ends."""
    workers = {
        kind: [FreezableWorker(kind, f"{kind}-{number}", settings, folder, bounds) for number in (1, 2)]
        for kind in KINDS
    }
    everyone = [worker for pair in workers.values() for worker in pair]
    try:
        for worker in everyone:
            worker.start()
        yield workers
    finally:
        for worker in everyone:
            worker.kill()


def ask(pipeline: Pipeline, query: str, *parameters: object) -> list[Any]:
    return pipeline.log.connection.execute(query, parameters).fetchall()


def leader_first(relays: Sequence[FreezableWorker]) -> list[FreezableWorker]:
    """Return relays by when they began to lead, the last one first."""

    def epoch(relay: FreezableWorker) -> int:
        told = [orjson.loads(line) for line in relay.log.read_text().splitlines() if '"relay_leads"' in line]
        return max((line["epoch"] for line in told), default=0)

    return sorted(relays, key=epoch, reverse=True)


def freeze(chance: random.Random, pair: Sequence[FreezableWorker], turn: int) -> tuple[FreezableWorker, str]:
    """Let one of a pair stand still; return it and where it does: at each point in turn, then wherever chance says."""
    kind = pair[0].kind
    victim = leader_first(pair)[0] if kind == "relay" else chance.choice(pair)
    points = list(POINTS[kind])
    if turn < len(points):
        victim.freeze_at(points[turn], 0)
        return victim, points[turn]
    where = chance.choice([*points, STARTING, AT_ANY_MOMENT])
    if where == STARTING:
        victim.kill_and_start_again()
        victim.freeze_after(chance.uniform(0, START_UP_S))
    elif where == AT_ANY_MOMENT:
        victim.freeze_after(chance.uniform(0, ANY_MOMENT_S))
    else:
        victim.freeze_at(where, chance.choice([0, chance.uniform(0, DELAY_MAX_S)]))
    return victim, where


def taken_over(pipeline: Pipeline, orders: dict[int, str]) -> bool:
    """Tell whether the probes were decided, published, and folded into every read model."""
    positions = dict(ask(pipeline, PROBED, list(orders.values())))
    shown = {(projection, partition): position for projection, partition, position in ask(pipeline, SHOWN)}
    return len(positions) == len(orders) and all(
        shown.get((projection, partition), 0) >= positions[order_id]
        for projection in KINDS[2:]
        for partition, order_id in orders.items()
    )


def freeze_and_see(pipeline: Pipeline, shop: Shop, chance: random.Random, workers: dict[str, Any], turn: int) -> float:
    """Freeze one worker of each kind, wait until others do its work, and let it go on; return how long that took."""
    frozen = [freeze(chance, workers[kind], turn) for kind in reversed(KINDS)]
    began = time.monotonic()
    orders = shop.probe()
    where = "; ".join(f"{victim.name} {point}" for victim, point in frozen)
    wait_for(partial(taken_over, pipeline, orders), f"the others to take over from {where}")
    took_s = time.monotonic() - began
    for victim, _ in frozen:
        victim.thaw()
    print(f"{took_s:.1f} s: {where}")
    return took_s


def assert_nothing_shows(pipeline: Pipeline, shop: Shop) -> None:
    """Every command was answered once, and log, topics and read models agree."""
    assert ask(pipeline, NOT_ACCEPTED) == [(0,)]
    assert_log_is_whole(pipeline)
    records = assert_topic_tells_the_log(pipeline)
    assert_each_command_has_one_answer(pipeline, shop.sent)
    assert_rebuilt_is_the_same(pipeline, records)


def freeze_again_and_again(pipeline: Pipeline, folder: Path, bounds: Bounds, turns: range) -> list[float]:
    """Freeze one of two workers of every kind, turn after turn; return how long each take-over took, in seconds."""
    chance = random.Random(SEED)  # noqa: S311 - repeatable on purpose
    with twins(pipeline.settings, folder, bounds) as workers:
        with trading(pipeline) as shop:
            took_s = [freeze_and_see(pipeline, shop, chance, workers, turn) for turn in turns]
        wait_for(lambda: ask(pipeline, ANSWERED) == [(shop.sent,)], "every command to be answered")
        caught_up(pipeline)
        assert not [worker.what_it_said() for pair in workers.values() for worker in pair if not worker.runs]
    assert_nothing_shows(pipeline, shop)
    return took_s


def test_a_hundred_freezes_do_not_show(pipeline: Pipeline, tmp_path: Path) -> None:
    """Wherever workers stand still, others go on in time; awake again they do no harm: nothing is lost or doubled."""
    took_s = freeze_again_and_again(pipeline, tmp_path, "short", range(ROUNDS))

    assert len(took_s) * len(KINDS) == FREEZES
    assert max(took_s) <= TAKEOVER_MAX_S, took_s


def test_the_bounds_of_production_hold(pipeline: Pipeline, tmp_path: Path) -> None:
    """With nothing shortened, a worker of every kind that stands still is replaced within the bound."""
    took_s = freeze_again_and_again(pipeline, tmp_path, "production", range(WRITING, WRITING + 2))

    assert max(took_s) <= TAKEOVER_MAX_S, took_s
