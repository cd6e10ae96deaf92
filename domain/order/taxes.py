"""Taxes by code: what an order says of them, checked, and taxes of goods and of shipping put together."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import replace
from typing import Final

from domain.money import share_by_largest_remainder
from domain.order.errors import DuplicateTaxError, TaxesDoNotSumError
from domain.order.parts import TaxShare

STANDARD: Final = "standard"
"""The code of a tax that an order gives without naming any."""


def by_code(taxes: Sequence[TaxShare], total_minor: int, **where: object) -> tuple[TaxShare, ...]:
    """Return taxes by code; a total alone is one code, ``standard``, at a rate that nobody told.

    Args:
        taxes: As named.
        total_minor: What they sum to.
        where: What a refusal says beside its figures.
    Raises:
        DuplicateTaxError: A code is there twice.
        TaxesDoNotSumError: They sum to something else.
    """
    if not taxes:
        return (TaxShare(STANDARD, None, total_minor),) if total_minor else ()
    codes = [tax.code for tax in taxes]
    for place, code in enumerate(codes):
        if code in codes[:place]:
            raise DuplicateTaxError(f"tax {code} is there twice", tax_code=code, **where)
    given = total_of(taxes)
    if given != total_minor:
        message = f"the taxes sum to {given}, the tax given beside them is {total_minor} (minor units)"
        raise TaxesDoNotSumError(message, expected=total_minor, given=given, **where)
    return tuple(taxes)


def check_inside(taxes: Iterable[TaxShare], amount_minor: int, **where: object) -> None:
    """Raise ``TaxesDoNotSumError`` where taxes inside an amount are more than it."""
    given = total_of(taxes)
    if given > amount_minor:
        message = f"taxes of {given} are inside an amount of {amount_minor} after all discounts (minor units)"
        raise TaxesDoNotSumError(message, expected=amount_minor, given=given, **where)


def total_of(taxes: Iterable[TaxShare]) -> int:
    """Return what taxes sum to, in minor units."""
    return sum(tax.amount_minor for tax in taxes)


def amount_in(taxes: Iterable[TaxShare], tax: TaxShare) -> int:
    """Return the minor units of one tax among others, 0 where it is not there."""
    return sum(other.amount_minor for other in taxes if other.key == tax.key)


def together(*taxes: Iterable[TaxShare]) -> tuple[TaxShare, ...]:
    """Return taxes added up by code and rate, in the order in which they first come."""
    sums: dict[tuple[str, int | None], int] = {}
    for some in taxes:
        for tax in some:
            sums[tax.key] = sums.get(tax.key, 0) + tax.amount_minor
    return tuple(TaxShare(code, rate_bps, amount) for (code, rate_bps), amount in sums.items())


def less(taxes: Iterable[TaxShare], gone: Iterable[TaxShare]) -> tuple[TaxShare, ...]:
    """Return what is left of taxes, code by code."""
    return together(taxes, (replace(tax, amount_minor=-tax.amount_minor) for tax in gone))


def in_part(taxes: Sequence[TaxShare], whole_minor: int, part_minor: int) -> tuple[TaxShare, ...]:
    """Return the taxes of a part of a sum: net and each code bear it in proportion, by largest remainder."""
    if part_minor == whole_minor:
        return tuple(taxes)
    net = max(whole_minor - total_of(taxes), 0)
    _, *shares = share_by_largest_remainder(part_minor, [net, *(tax.amount_minor for tax in taxes)])
    return tuple(replace(tax, amount_minor=share) for tax, share in zip(taxes, shares, strict=True))


def over_lines(taxes: Iterable[TaxShare], weights: Sequence[int]) -> list[tuple[TaxShare, ...]]:
    """Return taxes shared out over lines by weight, each code by largest remainder."""
    shares = [
        [replace(tax, amount_minor=m) for m in share_by_largest_remainder(tax.amount_minor, weights)] for tax in taxes
    ]
    return [tuple(line) for line in zip(*shares, strict=True)] or [() for _ in weights]
