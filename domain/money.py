"""Cents that are shared out once and never lost: integer minor units, one rounding rule, no floats."""

from __future__ import annotations

from collections.abc import Sequence
from decimal import ROUND_HALF_EVEN, Decimal
from typing import Final

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
    weight_sum = sum(weights)
    if not weight_sum:
        if total_minor:
            raise ValueError(f"nothing bears {total_minor=}")
        return [0] * len(weights)
    shares = [total_minor * weight // weight_sum for weight in weights]
    left = total_minor - sum(shares)
    if left:
        # a stable sort keeps ties in order, so the earlier share takes the cent
        order = sorted(range(len(weights)), key=lambda i: -(total_minor * weights[i] % weight_sum))
        for index in order[:left]:
            shares[index] += 1
    return shares


def run_minor(total_minor: int, units: int, first: int, count: int) -> int:
    """Return the cents of units ``first`` to ``first + count - 1`` of a line whose ``units`` share ``total_minor``.

    Units 1 to k hold ⌊T·k/n⌋ of the T cents of n units, so any runs that cover the line sum to T.
    """
    return total_minor * (first + count - 1) // units - total_minor * (first - 1) // units


def basis_points_minor(amount_minor: int, rate_bps: int) -> int:
    """Return ``rate_bps`` basis points (1 bps is 0.01 %) of an amount in minor units, rounded half to even.

    Raises:
        ValueError: A negative amount, or a rate outside 0 to 10,000.
    Source: rounding per IEEE 754-2019, 4.3.1.
    """
    if amount_minor < 0 or not 0 <= rate_bps <= 10_000:
        raise ValueError(f"out of range: {amount_minor=} {rate_bps=}")
    return int((Decimal(amount_minor) * rate_bps / 10_000).quantize(Decimal(1), ROUND_HALF_EVEN))


def amount_text(amount_minor: int, currency: str | None) -> str:
    """Return an amount as people read it, such as ``−1,234.50 EUR``, from minor units."""
    digits = MINOR_DIGITS.get(currency or "", MINOR_DIGITS_DEFAULT)
    sign = "−" if amount_minor < 0 else ""
    whole, part = divmod(abs(int(amount_minor)), 10**digits)
    amount = f"{sign}{whole:,}" + (f".{part:0{digits}d}" if digits else "")
    return f"{amount} {currency}" if currency else amount
