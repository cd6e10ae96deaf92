"""Twenty thousand whole orders at random, by one command: ``make orders``.

Each seed drives so many orders, the same ones wherever the same version runs it: in a process of its own, since
Hypothesis also draws constants that it finds in loaded modules. Seeds are shared out over the processors.
After every command of every order all that must be conserved is reckoned anew; in the end nobody owes anybody anything.
"""

from __future__ import annotations

import os
import sys
import time
from argparse import ArgumentParser
from collections.abc import Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass
from itertools import count, islice
from multiprocessing import get_context
from traceback import format_exception
from typing import Final

from hypothesis import HealthCheck, seed, settings
from hypothesis.stateful import run_state_machine_as_test

from tests.whole_order_machine import WholeOrderMachine

ORDERS_PER_SEED: Final = 200
STEPS: Final = 40
ORDERS: Final = 20_000
MINUTES_MAX: Final = 120
SECONDS: Final = 60.0


@dataclass(frozen=True, slots=True)
class Driven:
    """What came of one seed; ``failure`` is the story of the smallest order that broke a rule, empty where none did."""

    seed: int
    orders: int
    commands: int
    refused: int
    failure: str = ""


def drive(number: int) -> Driven:
    """Drive the orders of one seed to their end."""

    class Seeded(WholeOrderMachine):
        """Counts for itself."""

    failure = ""
    try:
        run_state_machine_as_test(
            seed(number)(Seeded),
            settings=settings(
                max_examples=ORDERS_PER_SEED,
                stateful_step_count=STEPS,
                deadline=None,
                database=None,
                suppress_health_check=list(HealthCheck),
            ),
        )
    except Exception as error:  # whatever broke is what the run is for
        failure = "".join(format_exception(error))
    return Driven(number, Seeded.orders, Seeded.commands, Seeded.refused, failure)


def driven(seeds: Iterator[int], orders: int, until: float) -> Iterator[Driven]:
    """Yield what came of seed after seed until there are enough orders, one broke a rule, or the time is over."""
    workers = os.cpu_count() or 1
    with ProcessPoolExecutor(workers, mp_context=get_context("spawn"), max_tasks_per_child=1) as pool:
        waiting = [pool.submit(drive, number) for number in islice(seeds, workers)]
        done, broken = 0, False
        while waiting:
            found = waiting.pop(0).result()
            yield found
            done, broken = done + found.orders, broken or bool(found.failure)
            under_way = len(waiting) * ORDERS_PER_SEED
            if not broken and done + under_way < orders and time.monotonic() < until:
                waiting += [pool.submit(drive, number) for number in islice(seeds, 1)]


def main(arguments: Sequence[str]) -> int:
    """Run seeds, say how far they are, and sum up; return 1 where an order broke a rule or time was too short."""
    parser = ArgumentParser(prog="make orders", description=__doc__)
    parser.add_argument("--orders", type=int, default=ORDERS, help="how many orders at least")
    parser.add_argument("--minutes", type=float, default=MINUTES_MAX, help="no seed is begun after so many")
    parser.add_argument("--seed", type=int, help="this seed alone, such as one that broke a rule")
    asked = parser.parse_args(arguments)
    begun = time.monotonic()
    seeds, wanted = (iter([asked.seed]), 1) if asked.seed is not None else (count(1), asked.orders)
    all_driven: list[Driven] = []
    for one in driven(seeds, wanted, begun + asked.minutes * SECONDS):
        all_driven.append(one)
        _say(f"seed {one.seed}: {one.orders:,} orders; {sum(d.orders for d in all_driven):,} of {wanted:,}")
        if one.failure:
            _say(f"{one.failure}\nseed {one.seed} broke a rule; again: make orders ARGUMENTS='--seed {one.seed}'")
    orders, commands, refused = (
        sum(getattr(d, name) for d in all_driven) for name in ("orders", "commands", "refused")
    )
    took = (time.monotonic() - begun) / SECONDS
    _say(
        f"{orders:,} orders at random, seeds {all_driven[0].seed} to {all_driven[-1].seed}: {commands:,} commands, "
        f"{refused:,} of them refused, {sum(bool(d.failure) for d in all_driven)} seeds broken, {took:.1f} minutes"
    )
    return int(orders < wanted or any(one.failure for one in all_driven))


def _say(text: str) -> None:
    sys.stdout.write(f"{text}\n")
    sys.stdout.flush()


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
