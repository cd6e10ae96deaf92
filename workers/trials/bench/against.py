"""`rma bench --against REV`: this checkout and another revision by turns, each on a system made by its own `rma init`.

The machine is never the same twice, so single figures say little. Both run in every round, one right after the other
and each first in every other round; what counts is the ratio of such a pair, and of all pairs the middle one.
"""

from __future__ import annotations

import statistics
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Final

from infra.settings import Settings
from workers.trials.bench.processes import Program, Workers, conditions
from workers.trials.bench.revision import HERE, check_out, commit_of, system_of
from workers.trials.bench.stages import Stage, catch_up, publish_backlog

CHECKOUTS: Final = "revisions"
"""The folder, in that of the local stack, which holds other revisions."""


@dataclass(frozen=True, slots=True)
class Pair:
    """Microseconds of processor time per item, and items per second: of this checkout and of the other revision."""

    cpu_us: tuple[float, float]
    rates: tuple[float, float]

    @property
    def times(self) -> float:
        """How many times as much this checkout does with the same processor time."""
        own, other = self.cpu_us
        return other / own


@dataclass(frozen=True, slots=True)
class Comparison:
    """The pairs of a worker, one a round."""

    name: str
    unit: str
    pairs: list[Pair]

    @property
    def times(self) -> dict[str, float]:
        """The ratio of processor times: the middle one, the least and the most of all pairs."""
        found = [pair.times for pair in self.pairs]
        return {"median": statistics.median(found), "least": min(found), "most": max(found)}

    def middle(self, whose: int) -> dict[str, float]:
        """Return the middle figures of this checkout (0) or of the other revision (1)."""
        return {
            "cpu_us": statistics.median(pair.cpu_us[whose] for pair in self.pairs),
            "per_second": statistics.median(pair.rates[whose] for pair in self.pairs),
        }

    def as_data(self) -> dict[str, object]:
        own, other = self.middle(0), self.middle(1)
        pairs = [{"cpu_us": pair.cpu_us, "per_second": pair.rates, "times": pair.times} for pair in self.pairs]
        return {"name": self.name, "unit": self.unit, "own": own, "other": other, "times": self.times, "pairs": pairs}


@dataclass(frozen=True, slots=True)
class AgainstReport:
    """Under which conditions, and every worker's comparison."""

    conditions: dict[str, object]
    workers: list[Comparison] = field(default_factory=list)

    def as_data(self) -> dict[str, object]:
        return {"conditions": self.conditions, "workers": [worker.as_data() for worker in self.workers]}


def run_against(
    settings: Settings, revision: str, tell: Callable[[str], None], *, returns: int, rounds: int
) -> AgainstReport:
    """Run this checkout and another revision by turns, each over a backlog of ``returns`` returns in every round.

    Raises:
        RevisionUnusableError: There is no such revision, or it cannot be run here.
        StageTooSlowError: A worker of either did not finish.
    """
    commit = commit_of(revision)
    tell(f"making {commit[:9]} ready")
    other = check_out(revision, settings.data_dir / CHECKOUTS)
    turns = [(Program(folder=HERE), "this checkout"), (other, commit[:9])]
    known: dict[str, object] = {}
    found: list[dict[str, list[Stage]]] = []
    for number in range(rounds):
        this_round: dict[str, list[Stage]] = {}
        for program, name in turns if number % 2 == 0 else turns[::-1]:
            tell(f"round {number + 1} of {rounds}: {name}")
            this_round[name], known = _run_once(settings, program, returns)
        found.append(this_round)
    about = {"against": commit, "rounds": rounds, "returns": returns, **known}
    return AgainstReport(about, compare([(one["this checkout"], one[commit[:9]]) for one in found]))


def compare(rounds: list[tuple[list[Stage], list[Stage]]]) -> list[Comparison]:
    """Return every worker's comparison from the rounds' stages, this checkout's and the other revision's."""
    pairs: dict[str, Comparison] = {}
    for own, other in rounds:
        for mine, theirs in zip(own, other, strict=True):
            one = pairs.setdefault(mine.name, Comparison(mine.name, mine.unit, []))
            one.pairs.append(Pair((mine.cpu_us, theirs.cpu_us), (mine.rate, theirs.rate)))
    return list(pairs.values())


def _run_once(settings: Settings, program: Program, returns: int) -> tuple[list[Stage], dict[str, object]]:
    """Return a revision's stages over one backlog, on a system made by it, and what the figures depend on."""
    with system_of(settings, program, "bench") as (own, environment, connection):
        publish_backlog(own, connection, Workers(environment, program), returns)
        with Workers(environment, program) as workers:
            return catch_up(workers, connection, returns, lambda _: None), conditions(connection)
