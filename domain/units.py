"""Runs of numbered units that share a state, so that a line of 100,000 units costs what a line of one costs."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import Generic, TypeVar

from domain.values import dataclass

State = TypeVar("State")


@dataclass(frozen=True, slots=True)
class UnitRun:
    """Units ``first`` to ``first + count - 1`` of an order line, both counted from 1."""

    first: int
    count: int

    @property
    def end(self) -> int:
        """The number after the last unit."""
        return self.first + self.count


def total(runs: Iterable[UnitRun]) -> int:
    """Return how many units the runs hold."""
    return sum(run.count for run in runs)


class UnitStates(Generic[State]):
    """Which state each unit is in, as sorted runs; neighbours in the same state are one run."""

    __slots__ = ("_firsts", "_runs")

    def __init__(self, runs: Iterable[tuple[UnitRun, State]] = ()) -> None:
        self._runs: list[tuple[UnitRun, State]] = list(runs)
        if len(self._runs) > 1:
            self._runs.sort(key=lambda item: item[0].first)
        self._firsts = [run.first for run, _ in self._runs]

    def __iter__(self) -> Iterator[tuple[UnitRun, State]]:
        return iter(self._runs)

    def __eq__(self, other: object) -> bool:
        return isinstance(other, UnitStates) and self._runs == other._runs

    def __repr__(self) -> str:
        return f"UnitStates({self._runs})"

    __hash__ = None  # type: ignore[assignment]  # it changes

    def within(self, wanted: Sequence[UnitRun]) -> Iterator[tuple[UnitRun, State]]:
        """Yield the parts of the known runs that lie in ``wanted``, with their states."""
        for want in wanted:
            index = max(bisect_right(self._firsts, want.first) - 1, 0)
            while index < len(self._runs) and self._firsts[index] < want.end:
                run, state = self._runs[index]
                if run == want:
                    yield run, state  # what mostly happens, as in ``change``
                elif (first := max(run.first, want.first)) < (end := min(run.end, want.end)):
                    yield UnitRun(first, end - first), state
                index += 1

    def beside(self, others: Sequence[UnitRun]) -> Iterator[tuple[UnitRun, State]]:
        """Yield the known runs with their states, without the units in ``others``."""
        return self.within(without([run for run, _ in self._runs], others)) if others else iter(self._runs)

    def change(self, wanted: Sequence[UnitRun], change: Callable[[State], State]) -> None:
        """Give every known unit in ``wanted`` the state that ``change`` makes of its own."""
        for want in wanted:
            if len(self._runs) == 1 and self._runs[0][0] == want:
                self._runs[0] = (want, change(self._runs[0][1]))  # what mostly happens: all units of a line go one way
            else:
                self._change_run(want, change)

    def put(self, wanted: Sequence[UnitRun], state: State) -> None:
        """Give every unit in ``wanted`` this state, whether it had one before or not."""
        for want in wanted:
            self._replace(want, [(want, state)])

    def drop(self, wanted: Sequence[UnitRun]) -> None:
        """Know nothing of these units any more."""
        for want in wanted:
            self._replace(want, [])

    def _change_run(self, want: UnitRun, change: Callable[[State], State]) -> None:
        self._replace(want, [(run, change(state)) for run, state in self.within([want])])

    def _replace(self, want: UnitRun, middle: list[tuple[UnitRun, State]]) -> None:
        start = max(bisect_right(self._firsts, want.first) - 1, 0)
        if start < len(self._runs) and self._runs[start][0].end <= want.first:
            start += 1
        stop = start
        edges_before: list[tuple[UnitRun, State]] = []
        edges_after: list[tuple[UnitRun, State]] = []
        while stop < len(self._runs) and self._firsts[stop] < want.end:
            run, state = self._runs[stop]
            if run.first < want.first:
                edges_before.append((UnitRun(run.first, want.first - run.first), state))
            if run.end > want.end:
                edges_after.append((UnitRun(want.end, run.end - want.end), state))
            stop += 1
        # one neighbour on each side takes part, so that equal neighbours grow together
        low, high = max(start - 1, 0), min(stop + 1, len(self._runs))
        pieces = self._runs[low:start] + edges_before + middle + edges_after + self._runs[stop:high]
        merged = _merge(pieces)
        self._runs[low:high] = merged
        self._firsts[low:high] = [run.first for run, _ in merged]


def _merge(pieces: list[tuple[UnitRun, State]]) -> list[tuple[UnitRun, State]]:
    merged: list[tuple[UnitRun, State]] = []
    for run, state in pieces:
        if merged and merged[-1][0].end == run.first and merged[-1][1] == state:
            merged[-1] = (UnitRun(merged[-1][0].first, merged[-1][0].count + run.count), state)
        else:
            merged.append((run, state))
    return merged


def runs_of(units: Iterable[int]) -> list[UnitRun]:
    """Return units, each given by its number, as runs, lowest-numbered first."""
    runs: list[UnitRun] = []
    for unit in sorted(units):
        if runs and runs[-1].end == unit:
            runs[-1] = UnitRun(runs[-1].first, runs[-1].count + 1)
        else:
            runs.append(UnitRun(unit, 1))
    return runs


def without(runs: Iterable[UnitRun], taken: Sequence[UnitRun]) -> list[UnitRun]:
    """Return what the runs hold beside the units that are ``taken``, lowest-numbered first."""
    left = UnitStates([(run, True) for run in runs])
    for run in taken:
        left.change([run], lambda _: False)
    return [run for run, free in left if free]


def once(runs: Iterable[UnitRun]) -> list[UnitRun]:
    """Return the units of runs that may overlap, each of them once."""
    seen: list[UnitRun] = []
    for run in runs:
        seen += without([run], seen)
    return seen


def take(runs: Iterable[UnitRun], quantity: int) -> list[UnitRun]:
    """Return the first ``quantity`` units of the runs in the order given, or fewer where there are fewer."""
    taken: list[UnitRun] = []
    for run in runs:
        if quantity <= 0:
            break
        count = min(run.count, quantity)
        taken.append(UnitRun(run.first, count))
        quantity -= count
    return taken
