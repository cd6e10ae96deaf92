"""What is left of a line after refunds of any runs and amounts: exact for every unit, never below zero."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from domain.order.parts import Credit, OrderLine
from domain.settlement.entitlement import left_minor
from domain.units import UnitRun
from tests.support.cents_of_units import left_of_units

UNITS = 7
Left = Callable[[Sequence[Credit], Any, Callable[[UnitRun], int], UnitRun], int]

refunds = st.lists(
    st.tuples(st.integers(1, UNITS), st.integers(1, UNITS), st.integers(1, 100)), min_size=1, max_size=12
)  # first unit, how many, per cent of what is left


def _line(total_minor: int) -> OrderLine:
    return OrderLine("L1", "S", UNITS, goods_minor=total_minor, tax_minor=0, shipping_minor=0)


def _check(left: Left, total_minor: int, asked: Sequence[tuple[int, int, int]]) -> None:
    line = _line(total_minor)
    credits: list[Credit] = []
    for first, count, percent in asked:
        run = UnitRun(first, min(count, UNITS + 1 - first))
        amount = left(credits, "goods_minor", line.goods_of, run) * percent // 100
        credits.append(Credit(1, "L1", run.first, run.count, amount, 0, 0))
        units = [left(credits, "goods_minor", line.goods_of, UnitRun(unit, 1)) for unit in range(1, UNITS + 1)]
        assert units == left_of_units(line, credits, "goods_minor")
        assert min(units) >= 0
        assert sum(units) == total_minor - sum(credit.goods_minor for credit in credits)


@settings(max_examples=300, deadline=None)
@given(total_minor=st.integers(0, 2_000), asked=refunds)
def test_every_unit_has_what_a_count_unit_by_unit_leaves_it(
    total_minor: int, asked: list[tuple[int, int, int]]
) -> None:
    """Runs are a short cut, not another rule: unit by unit gives the same cents, and no unit gives what it lacks."""
    _check(left_minor, total_minor, asked)


def test_a_unit_refunded_before_bears_nothing_of_a_later_refund() -> None:
    """Found by whole orders at random: unit 1 had 100 of 302 cents back, then all three units the other 202."""
    line = _line(302 * UNITS // 3)
    credits = [Credit(1, "L1", 1, 1, line.goods_of(UnitRun(1, 1)), 0, 0)]
    rest = left_minor(credits, "goods_minor", line.goods_of, UnitRun(1, 3))
    credits.append(Credit(1, "L1", 1, 3, rest, 0, 0))

    assert [left_minor(credits, "goods_minor", line.goods_of, UnitRun(unit, 1)) for unit in (1, 2, 3)] == [0, 0, 0]


def _spread_over_what_was_paid(credits: Sequence[Credit], component: Any, paid_of: Any, units: UnitRun) -> int:
    left: int = paid_of(units)
    for credit in credits:
        first, end = max(credit.first, units.first), min(credit.run.end, units.end)
        if first < end and paid_of(credit.run):
            upto = paid_of(UnitRun(credit.first, end - credit.first))
            before = paid_of(UnitRun(credit.first, first - credit.first))
            amount, whole = getattr(credit, component), paid_of(credit.run)
            left -= amount * upto // whole - amount * before // whole
    return left


def test_a_spread_over_what_was_paid_is_found() -> None:
    """The check can fail: in proportion to what was paid, a unit refunded before would be asked to give again."""
    with pytest.raises(AssertionError):
        _check(_spread_over_what_was_paid, 302, [(1, 1, 100), (1, 3, 100)])
