"""Workers that act on events stand still, wherever they are: the other one acts within the bound, and nothing twice."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Final
from uuid import UUID

import pytest
from pydantic import SecretStr

from infra.sessions import TAKEOVER_MAX_S
from infra.settings import Settings
from tests.support.freezing import POINTS, Bounds, FreezableWorker
from tests.support.pipeline import wait_for
from tests.support.worker_threads import Counter, system
from workers.trials.gateway_simulator.server import GatewayServer

SHIP_FIRST: Final[dict[str, Any]] = {"window": {"days": 30}, "ship_back_days": 14}
"""The return is authorized at once, and the goods are due within two weeks."""

BOUNDS: Final[list[Bounds]] = ["short", "production"]


@contextmanager
def twins(kind: str, settings: Settings, folder: Path, bounds: Bounds) -> Iterator[list[FreezableWorker]]:
    """Run two workers of a kind until the block ends."""
    pair = [FreezableWorker(kind, f"{kind}-{number}", settings, folder, bounds) for number in (1, 2)]
    try:
        for worker in pair:
            worker.start()
        yield pair
    finally:
        for worker in pair:
            worker.kill()


def freeze_one(pair: list[FreezableWorker], point: str, act: Callable[[], object]) -> FreezableWorker:
    """Let whichever of two comes to a point first stand still there; ``act`` gives them something to do."""
    for worker in pair:
        worker.will_freeze_at(point)
    act()
    wait_for(lambda: any(worker.stands_still() for worker in pair), f"one to stand still {point}")
    frozen, other = sorted(pair, key=lambda worker: not worker.stands_still())
    other.goes_on()
    return frozen


def freeze_at_every_point(
    pair: list[FreezableWorker], act: Callable[[int], object], acted: Callable[[int], bool]
) -> None:
    """Freeze one of two at each point in turn; the other has acted within the bound, and both work on."""
    for number, point in enumerate(POINTS[pair[0].kind]):
        frozen = freeze_one(pair, point, lambda: act(number))  # noqa: B023 - used at once
        began = time.monotonic()
        wait_for(lambda: acted(number), f"the other to act while {frozen.name} stands still {point}")  # noqa: B023
        took_s = time.monotonic() - began
        print(f"{took_s:.1f} s: {frozen.name} {point}")
        assert took_s <= TAKEOVER_MAX_S, point
        frozen.goes_on()
    assert all(worker.runs for worker in pair), [worker.what_it_said() for worker in pair]


@pytest.mark.parametrize("bounds", BOUNDS)
def test_a_frozen_payments_worker_is_replaced(settings: Settings, tmp_path: Path, bounds: Bounds) -> None:
    """Its lead ends with its session; what it had asked is asked again under the same key, so nobody is paid twice."""
    with GatewayServer(tmp_path / "book.sqlite") as gateway, system(settings) as counter:
        counter.publish()

        def settled(number: int) -> bool:
            wanted = f"O-{number}"
            return any(row["order_id"] == wanted and row["status"] == "settled" for row in counter.payouts())

        where = settings.model_copy(update={"gateway_url": SecretStr(gateway.url)})
        with twins("payments", where, tmp_path, bounds) as pair:
            counter.order_and_return("O-first", {"card": 1})
            wait_for(lambda: [row["status"] for row in counter.payouts()] == ["settled"], "the first payout")
            freeze_at_every_point(pair, lambda number: counter.order_and_return(f"O-{number}", {"card": 100}), settled)
        paid = [(entry.outcome, entry.amount_minor) for entry in gateway.payouts.entries()]
        assert sorted(paid) == [("settled", 1)] + [("settled", 100)] * len(POINTS["payments"])
        assert {row["status"] for row in counter.payouts()} == {"settled"}


def passed(counter: Counter, rma_id: UUID) -> int:
    return counter.events_of(f"rma/{rma_id}").count("DeadlinePassed")


@pytest.mark.parametrize("bounds", BOUNDS)
def test_a_frozen_deadline_worker_is_replaced(settings: Settings, tmp_path: Path, bounds: Bounds) -> None:
    """Deadlines pass while one stands still; awake again, what it still sends was said before, and changes nothing."""
    returns: dict[int, UUID] = {}
    with system(settings) as counter:
        counter.publish(SHIP_FIRST)

        def return_one(number: int) -> None:
            returns[number] = counter.order_and_return(f"O-{number}", {"card": 100})

        with twins("deadlines", settings, tmp_path, bounds) as pair:
            freeze_at_every_point(pair, return_one, lambda number: passed(counter, returns[number]) > 0)
            return_one(-1)
            wait_for(lambda: passed(counter, returns[-1]), "the last deadline to pass")
        assert [passed(counter, rma_id) for rma_id in returns.values()] == [1] * len(returns)
