"""Cents that are shared out once and never lost: integer minor units, one rounding rule, no floats."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Final

from domain.units import UnitRun

MINOR_DIGITS_DEFAULT: Final = 2
MINOR_DIGITS: Final = dict.fromkeys("BIF CLP DJF GNF ISK JPY KMF KRW PYG RWF UGX VND VUV XAF XOF XPF".split(), 0) | (
    dict.fromkeys("BHD IQD JOD KWD LYD OMR TND".split(), 3)
)
"""Digits after the point where there are not two. Source: ISO 4217, list one."""


def share_by_largest_remainder(total_minor: int, weights: Sequence[int]) -> list[int]:
    """Return ``total_minor`` shared out in proportion to ``weights``, to the last cent.

    Shares are rounded down, then the cents left over go one each to the largest remainders, ties to the earlier.

    Args:
        total_minor: Zero or more minor units.
        weights: Zero or more each, not all zero unless the total is zero.
    Raises:
        ValueError: Something is owed and no weight can bear it.
    Source: the largest remainder (Hamilton) method.
    """
    if not total_minor:
        return [0] * len(weights)
    weight_sum = sum(weights)
    if not weight_sum:
        raise ValueError(f"nothing bears {total_minor=}")
    shares = [total_minor * weight // weight_sum for weight in weights]
    left = total_minor - sum(shares)
    if left:
        # a stable sort keeps ties in order, so the earlier share takes the cent
        order = sorted(range(len(weights)), key=lambda i: -(total_minor * weights[i] % weight_sum))
        for index in order[:left]:
            shares[index] += 1
    return shares


def part_minor(total_minor: int, whole: int, start: int, end: int) -> int:
    """Return what of ``total_minor`` falls to the stretch from ``start`` to ``end`` of a ``whole`` that shares it.

    What lies before k holds ⌊T·k/n⌋ of the T cents of a whole of n, so any stretches that cover it sum to T.
    """
    return total_minor * end // whole - total_minor * start // whole


def run_minor(total_minor: int, units: int, first: int, count: int) -> int:
    """Return the cents of units ``first`` to ``first + count - 1`` of a line whose ``units`` share ``total_minor``."""
    return part_minor(total_minor, units, first - 1, first + count - 1)


def spread_minor(total_minor: int, over: UnitRun, part: UnitRun, worth_of: Callable[[UnitRun], int]) -> int:
    """Return what of ``total_minor``, spread ``over`` units in proportion to their worth, falls to those in ``part``.

    Where the units are worth nothing, the first bears it all.
    """
    first, end = max(over.first, part.first), min(over.end, part.end)
    if first >= end:
        return 0
    whole = worth_of(over)
    if not whole:
        return total_minor if first == over.first else 0
    before, upto = (worth_of(UnitRun(over.first, edge - over.first)) for edge in (first, end))
    return part_minor(total_minor, whole, before, upto)


def basis_points_minor(amount_minor: int, rate_bps: int) -> int:
    """Return ``rate_bps`` basis points (1 bps is 0.01 %) of an amount in minor units, rounded half to even.

    Raises:
        ValueError: A negative amount, or a rate outside 0 to 10,000.
    Source: rounding per IEEE 754-2019, 4.3.1.
    """
    if amount_minor < 0 or not 0 <= rate_bps <= 10_000:
        raise ValueError(f"out of range: {amount_minor=} {rate_bps=}")
    rounded_down, rest = divmod(amount_minor * rate_bps, 10_000)
    is_up = rest > 5_000 or (rest == 5_000 and rounded_down % 2 == 1)
    return rounded_down + is_up


def amount_text(amount_minor: int, currency: str | None) -> str:
    """Return an amount as people read it, such as ``−1,234.50 EUR``, from minor units."""
    digits = MINOR_DIGITS.get(currency or "", MINOR_DIGITS_DEFAULT)
    sign = "−" if amount_minor < 0 else ""
    whole, part = divmod(abs(int(amount_minor)), 10**digits)
    amount = f"{sign}{whole:,}" + (f".{part:0{digits}d}" if digits else "")
    return f"{amount} {currency}" if currency else amount
