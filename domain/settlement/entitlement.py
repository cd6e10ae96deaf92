"""What may still go back of the cents that were allocated to an order's units at registration."""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Callable, Sequence
from dataclasses import replace
from itertools import pairwise
from typing import Literal

from domain.errors import AmountExceedsEntitlementError
from domain.money import part_minor, share_by_largest_remainder
from domain.order import Order
from domain.order.accounts import LineAccount
from domain.order.parts import Credit
from domain.units import UnitRun, UnitStates

Component = Literal["goods_minor", "tax_minor", "shipping_minor"]


def left_of(
    account: LineAccount, units: UnitRun, *, with_shipping: bool, line: int = 0, after: int | None = None
) -> Credit:
    """Return what is left of what was paid for units of an order line, before fees.

    Args:
        account: The order line.
        units: Which of its units.
        with_shipping: Whether outward shipping counts.
        line: The line of the return that asks; 0 where no return does.
        after: After how many of its credits, the oldest first; None: after all.
    """
    sold, credits = account.fact, account.credits[:after]
    return Credit(
        line,
        sold.line_id,
        units.first,
        units.count,
        left_minor(credits, "goods_minor", sold.goods_of, units),
        left_minor(credits, "tax_minor", sold.tax_of, units),
        left_minor(credits, "shipping_minor", sold.shipping_of, units) if with_shipping else 0,
    )


def left_shipping(order: Order) -> list[Credit]:
    """Return what is left of the outward shipping that fell to each line of an order, with the tax on it."""
    lines = []
    for account in order.lines.values():
        sold = account.fact
        units = UnitRun(1, sold.quantity)
        left = left_minor(account.credits, "shipping_minor", sold.shipping_of, units)
        lines.append(Credit(0, sold.line_id, units.first, units.count, 0, 0, left))
    return lines


def left_minor(
    credits: Sequence[Credit], component: Component, paid_of: Callable[[UnitRun], int], units: UnitRun
) -> int:
    """Return what is left of one component of the cents paid for some units, after all credits so far.

    A credit is spread over its units in proportion to what was left for each: units 1 to k of it hold ⌊C·L(k)/L⌋. So no
    unit gives more than it has, however refunds of parts, of amounts and of units given back before overlap. One below
    zero gives back, in proportion to what each unit had given.
    """
    edges = {units.first, units.end} | {edge for credit in credits for edge in (credit.first, credit.run.end)}
    firsts = sorted(edges)
    paid = [paid_of(UnitRun(first, end - first)) for first, end in pairwise(firsts)]
    left = paid.copy()
    for credit in credits:
        pieces = range(bisect_left(firsts, credit.first), bisect_left(firsts, credit.run.end))
        amount = getattr(credit, component)
        moves = [left[piece] if amount >= 0 else paid[piece] - left[piece] for piece in pieces]
        whole, before = sum(moves), 0
        for piece, moved in zip(pieces, moves, strict=True) if whole else ():
            upto = before + moved
            left[piece] -= part_minor(amount, whole, before, upto)
            before = upto
    return sum(left[bisect_left(firsts, units.first) : bisect_left(firsts, units.end)])


def set_off_of(account: LineAccount, units: UnitRun, *, line: int) -> Credit:
    """Return what of the cents paid for units stands set off against another article, fees left out."""
    stands = Credit(line, account.fact.line_id, units.first, units.count, 0, 0, 0)
    for place in account.set_off:
        run = account.credits[place].run
        if run.first < units.end and units.first < run.end:
            before, after = (
                left_of(account, units, with_shipping=True, line=line, after=count) for count in (place, place + 1)
            )
            stands = plus(stands, less(before, after))
    return stands


def plus(credit: Credit, more: Credit) -> Credit:
    """Return a credit with what another one for the same units gives, fees and all."""
    return replace(
        credit,
        goods_minor=credit.goods_minor + more.goods_minor,
        tax_minor=credit.tax_minor + more.tax_minor,
        shipping_minor=credit.shipping_minor + more.shipping_minor,
        fee_minor=credit.fee_minor + more.fee_minor,
        fee_base_minor=credit.fee_base_minor + more.fee_base_minor,
    )


def less(credit: Credit, part: Credit) -> Credit:
    """Return a credit without what another one for the same units gives; its fees stay."""
    return replace(
        credit,
        goods_minor=credit.goods_minor - part.goods_minor,
        tax_minor=credit.tax_minor - part.tax_minor,
        shipping_minor=credit.shipping_minor - part.shipping_minor,
    )


def limit(credits: Sequence[Credit], amount_minor: int) -> list[Credit]:
    """Return the credits cut down to an amount in all, shared in proportion, goods, tax and shipping apart.

    Raises:
        AmountExceedsEntitlementError: There is less.
    """
    _check_enough(credits, amount_minor)
    weights = [part for credit in credits for part in (credit.goods_minor, credit.tax_minor, credit.shipping_minor)]
    shares = share_by_largest_remainder(amount_minor, weights)
    return [
        replace(credit, goods_minor=goods, tax_minor=tax, shipping_minor=shipping)
        for credit, goods, tax, shipping in zip(credits, shares[::3], shares[1::3], shares[2::3], strict=True)
    ]


def spread(credits: Sequence[Credit], amount_minor: int) -> list[Credit]:
    """Return the credits cut down to an amount in all that their units share evenly, those of one that holds less less.

    What of it falls to the cents up to c of all L that are left is ⌊T·c/L⌋; inside a credit, goods, tax and shipping
    share in proportion.

    Raises:
        AmountExceedsEntitlementError: There is less.
    """
    whole = _check_enough(credits, amount_minor)
    before, shares = 0, []
    for credit in credits:
        upto = before + credit.gross_minor
        shares += limit([credit], part_minor(amount_minor, whole, before, upto) if whole else 0)
        before = upto
    return shares


def _check_enough(credits: Sequence[Credit], amount_minor: int) -> int:
    available = sum(credit.gross_minor for credit in credits)
    if amount_minor > available:
        raise AmountExceedsEntitlementError(asked=amount_minor, available=available)
    return available


def new_units(account: LineAccount, credit: Credit) -> int:
    """Return how many units of a credit get something of their price or tax back for the first time.

    What an exchange set off that was called off again does not count.
    """
    if not credit.paid_minor:
        return 0
    units: UnitStates[bool] = UnitStates([(credit.run, True)])
    for place in account.set_off:
        exchanged = account.credits[place]
        units.change([exchanged.run], (lambda _: True) if exchanged.paid_minor < 0 else (lambda _: False))
    uncounted = account.differences.union(account.set_off)
    for place, earlier in enumerate(account.credits):
        if earlier.paid_minor and place not in uncounted:
            units.change([earlier.run], lambda _: False)
    return sum(run.count for run, new in units if new)
