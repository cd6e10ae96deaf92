"""No cent is lost or made, however it is shared out."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from domain.money import basis_points_minor, run_minor, share_by_largest_remainder, spread_minor
from domain.units import UnitRun

amounts = st.integers(0, 10**13)


@given(amounts, st.lists(st.integers(0, 10**9), min_size=1, max_size=20).filter(any))
def test_shares_sum_to_the_total_and_stay_within_a_cent(total: int, weights: list[int]) -> None:
    """Shares sum to the total and none is a cent or more away from its exact part."""
    shares = share_by_largest_remainder(total, weights)
    assert sum(shares) == total
    assert all(
        abs(share * sum(weights) - total * weight) < sum(weights) for share, weight in zip(shares, weights, strict=True)
    )


def test_ties_go_to_the_earlier_share() -> None:
    """Two cents over three equal shares fall to the first two."""
    assert share_by_largest_remainder(5, [1, 1, 1]) == [2, 2, 1]


def test_a_total_that_nothing_bears_is_an_error() -> None:
    """All weights zero: the caller decides by what else to share."""
    with pytest.raises(ValueError, match="nothing bears"):
        share_by_largest_remainder(1, [0, 0])
    assert share_by_largest_remainder(0, [0, 0]) == [0, 0]


@given(amounts, st.integers(1, 100_000), st.data())
def test_runs_that_cover_a_line_sum_to_its_cents(total: int, units: int, data: st.DataObject) -> None:
    """Cut anywhere, the parts of a line sum to the whole and none is negative."""
    cut = data.draw(st.integers(0, units))
    left, right = run_minor(total, units, 1, cut), run_minor(total, units, cut + 1, units - cut)
    assert left + right == total
    assert min(left, right) >= 0


@given(amounts, st.integers(0, 10**6), st.integers(1, 1000), st.data())
def test_parts_of_a_sum_that_is_spread_sum_to_it(total: int, worth: int, units: int, data: st.DataObject) -> None:
    """Spread over units by their worth, worthless ones too, and cut anywhere: no cent is lost, none made."""
    over, cut = UnitRun(3, units), data.draw(st.integers(0, units))
    parts = [UnitRun(1, 2), UnitRun(3, cut), UnitRun(3 + cut, units - cut), UnitRun(3 + units, 5)]
    outside, left, right, beyond = (
        spread_minor(total, over, part, lambda run: run_minor(worth, units + 2, run.first, run.count)) for part in parts
    )
    assert (outside, left + right, beyond) == (0, total, 0)
    assert min(left, right) >= 0


@pytest.mark.parametrize(
    ("amount", "rate", "fee"), [(25, 1000, 2), (35, 1000, 4), (45, 1000, 4), (1, 5000, 0), (3, 5000, 2)]
)
def test_fees_are_rounded_half_to_even(amount: int, rate: int, fee: int) -> None:
    """A half cent goes to the even neighbour."""
    assert basis_points_minor(amount, rate) == fee


def test_a_rate_out_of_range_is_an_error() -> None:
    """A fee is never negative nor more than the amount."""
    with pytest.raises(ValueError, match="out of range"):
        basis_points_minor(1, 10_001)
