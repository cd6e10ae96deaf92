"""Units are kept by runs, and runs behave as the units they stand for."""

from __future__ import annotations

from itertools import pairwise

from hypothesis import given
from hypothesis import strategies as st

from domain.units import UnitRun, UnitStates, take, total

runs = st.builds(UnitRun, st.integers(1, 40), st.integers(1, 15))


@given(st.lists(st.tuples(runs, st.integers(0, 3)), max_size=30))
def test_runs_behave_as_single_units(changes: list[tuple[UnitRun, int]]) -> None:
    """Whatever is put where, each unit has the state it was given last, and no two equal runs stay apart."""
    by_run: UnitStates[int] = UnitStates([(UnitRun(1, 30), 0)])
    by_unit = dict.fromkeys(range(1, 31), 0)
    for run, state in changes:
        if state == 3:
            by_run.change([run], lambda old: old + 1)
            by_unit |= {unit: by_unit[unit] + 1 for unit in range(run.first, run.end) if unit in by_unit}
        else:
            by_run.put([run], state)
            by_unit |= dict.fromkeys(range(run.first, run.end), state)
    assert {unit: state for run, state in by_run for unit in range(run.first, run.end)} == by_unit
    pairs = list(by_run)
    for (run, state), (later, later_state) in pairwise(pairs):
        assert run.end < later.first or (run.end == later.first and state != later_state)


@given(runs)
def test_within_cuts_runs_to_what_is_wanted(want: UnitRun) -> None:
    """Only known units inside the wanted run are told, each once."""
    states = UnitStates([(UnitRun(5, 5), "a"), (UnitRun(10, 5), "b"), (UnitRun(20, 5), "c")])
    told = [unit for run, _ in states.within([want]) for unit in range(run.first, run.end)]
    assert told == [unit for unit in [*range(5, 15), *range(20, 25)] if want.first <= unit < want.end]


def test_take_stops_at_the_quantity() -> None:
    """Units are taken in the order given; too few are all that there are."""
    assert take([UnitRun(4, 2), UnitRun(1, 2)], 3) == [UnitRun(4, 2), UnitRun(1, 1)]
    assert total(take([UnitRun(1, 2)], 5)) == 2
