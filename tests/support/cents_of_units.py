"""The cents of single units, reckoned one by one and apart from the code that moves them."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Final

from domain.order.parts import Credit, OrderLine

PAID: Final = ("goods_minor", "tax_minor")
"""The components of a unit's price."""


def cents_of(total: int, units: int, number: int) -> int:
    """Return the cents of one unit: units 1 to k hold the floor of T·k/n."""
    return total * number // units - total * (number - 1) // units


def left_of_units(line: OrderLine, credits: Iterable[Credit], component: str) -> list[int]:
    """Return what each unit has left after each credit took from it in proportion to what it had, unit by unit.

    A credit below zero gives back in proportion to what each unit had given.
    """
    whole = getattr(line, component)
    paid = [cents_of(whole, line.quantity, number) for number in range(1, line.quantity + 1)]
    left = paid.copy()
    for credit in credits:
        units = range(credit.first - 1, credit.first - 1 + credit.count)
        amount = getattr(credit, component)
        had = [left[unit] if amount >= 0 else paid[unit] - left[unit] for unit in units]
        for place, unit in enumerate(units):
            if sum(had):
                left[unit] -= amount * sum(had[: place + 1]) // sum(had) - amount * sum(had[:place]) // sum(had)
    return left
