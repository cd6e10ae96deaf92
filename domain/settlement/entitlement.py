"""What may still go back of the cents that were allocated to an order's units at registration."""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Callable, Collection, Sequence
from dataclasses import replace
from functools import partial
from itertools import pairwise
from typing import Literal

from domain.errors import AmountExceedsEntitlementError
from domain.money import part_minor, run_minor, share_by_largest_remainder
from domain.order import Order, taxes
from domain.order.accounts import LineAccount
from domain.order.parts import Credit, OrderLine, TaxShare
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
    sold, given = account.fact, account.credits[:after]
    credit = Credit(
        line,
        sold.line_id,
        units.first,
        units.count,
        left_minor(given, "goods_minor", sold.goods_of, units),
        left_minor(given, "tax_minor", sold.tax_of, units),
        left_minor(given, "shipping_minor", sold.shipping_of, units) if with_shipping else 0,
    )
    if not sold.names_taxes:
        return credit
    on_goods = _taxes_left(sold, sold.taxes, units, [(earlier, earlier.goods_taxes) for earlier in given])
    on_shipping = _shipping_taxes_left(sold, units, given) if with_shipping else ()
    return with_taxes(credit, on_goods, on_shipping)


def left_of_all(account: LineAccount, runs: Sequence[UnitRun], *, with_shipping: bool, line: int = 0) -> list[Credit]:
    """Return what is left of what was paid for runs of units of an order line, as ``left_of`` does for each.

    What takes the last cent of the line takes the last of its taxes, too: parts that were given back before may have
    been rounded apart from theirs.
    """
    credits = [left_of(account, run, with_shipping=with_shipping, line=line) for run in runs]
    sold, given = account.fact, [*account.credits, *credits]
    if not credits or not sold.names_taxes:
        return credits
    *before, last = credits
    goods, shipping = last.goods_taxes, last.shipping_taxes
    others = [*account.credits, *before]
    if sum(credit.goods_minor + credit.tax_minor for credit in given) == sold.paid_minor:
        goods = taxes.less(sold.taxes, taxes.together(*(credit.goods_taxes for credit in others)))
    if with_shipping and sum(credit.shipping_minor for credit in given) == sold.shipping_minor:
        shipping = taxes.less(sold.shipping_taxes, taxes.together(*(credit.shipping_taxes for credit in others)))
    return [*before, with_taxes(last, goods, shipping)]


def left_shipping(order: Order) -> list[Credit]:
    """Return what is left of the outward shipping that fell to each line of an order, with the tax on it."""
    return [left_shipping_of(account, UnitRun(1, account.fact.quantity)) for account in order.lines.values()]


def left_shipping_of(account: LineAccount, units: UnitRun) -> Credit:
    """Return what is left of the outward shipping that fell to units of a line, with the tax on it."""
    sold = account.fact
    left = left_minor(account.credits, "shipping_minor", sold.shipping_of, units)
    credit = Credit(0, sold.line_id, units.first, units.count, 0, 0, left)
    return with_taxes(credit, (), _shipping_taxes_left(sold, units, account.credits))


def cut(account: LineAccount, units: UnitRun, more: Sequence[Credit] = ()) -> list[UnitRun]:
    """Return units in runs inside of which no credit of the line begins or ends, nor any ``more``."""
    inside = {edge for credit in (*account.credits, *more) for edge in (credit.first, credit.run.end)}
    edges = sorted({units.first, units.end} | {edge for edge in inside if units.first < edge < units.end})
    return [UnitRun(first, end - first) for first, end in pairwise(edges)]


def given_by(account: LineAccount, place: int) -> list[Credit]:
    """Return what one of a line's credits gave of each of its units, in runs, fees left out."""
    given = []
    for run in cut(account, account.credits[place].run):
        before, after = (left_of(account, run, with_shipping=True, after=count) for count in (place, place + 1))
        given.append(less(before, after))
    return given


def left_minor(
    credits: Sequence[Credit], component: Component, paid_of: Callable[[UnitRun], int], units: UnitRun
) -> int:
    """Return what is left of one component of the cents paid for some units, after all credits so far."""
    return _left(credits, [getattr(credit, component) for credit in credits], paid_of, units)


def _taxes_left(
    line: OrderLine, sold: Sequence[TaxShare], units: UnitRun, given: Sequence[tuple[Credit, Sequence[TaxShare]]]
) -> tuple[TaxShare, ...]:
    """Return what is left of each tax of some units, after what credits gave of them: each a component of its own."""
    credits = [credit for credit, _ in given]
    left = []
    for tax in sold:
        amounts = [taxes.amount_in(of_credit, tax) for _, of_credit in given]
        paid_of = partial(_tax_of, tax.amount_minor, line.quantity)
        left.append(replace(tax, amount_minor=_left(credits, amounts, paid_of, units)))
    return tuple(left)


def _shipping_taxes_left(line: OrderLine, units: UnitRun, credits: Sequence[Credit]) -> tuple[TaxShare, ...]:
    return _taxes_left(line, line.shipping_taxes, units, [(credit, credit.shipping_taxes) for credit in credits])


def _tax_of(amount_minor: int, quantity: int, run: UnitRun) -> int:
    return run_minor(amount_minor, quantity, run.first, run.count)


def with_taxes(credit: Credit, on_goods: Sequence[TaxShare], on_shipping: Sequence[TaxShare]) -> Credit:
    """Return a credit with what of it is tax."""
    return replace(credit, taxes=taxes.together(on_goods, on_shipping), shipping_taxes=tuple(on_shipping))


def _left(credits: Sequence[Credit], amounts: Sequence[int], paid_of: Callable[[UnitRun], int], units: UnitRun) -> int:
    """Return what is left of cents paid for some units, after credits that gave these amounts of them.

    A credit is spread over its units in proportion to what was left for each: units 1 to k of it hold ⌊C·L(k)/L⌋. So no
    unit gives more than it has, however refunds of parts, of amounts and of units given back before overlap. One below
    zero gives back, in proportion to what each unit had given.
    """
    if not credits:
        return paid_of(units)
    edges = {units.first, units.end} | {edge for credit in credits for edge in (credit.first, credit.run.end)}
    firsts = sorted(edges)
    paid = [paid_of(UnitRun(first, end - first)) for first, end in pairwise(firsts)]
    left = paid.copy()
    for credit, amount in zip(credits, amounts, strict=True):
        pieces = range(bisect_left(firsts, credit.first), bisect_left(firsts, credit.run.end))
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
        taxes=taxes.together(credit.taxes, more.taxes),
        shipping_taxes=taxes.together(credit.shipping_taxes, more.shipping_taxes),
    )


def less(credit: Credit, part: Credit) -> Credit:
    """Return a credit without what another one for the same units gives; its fees stay."""
    return replace(
        credit,
        goods_minor=credit.goods_minor - part.goods_minor,
        tax_minor=credit.tax_minor - part.tax_minor,
        shipping_minor=credit.shipping_minor - part.shipping_minor,
        taxes=taxes.less(credit.taxes, part.taxes),
        shipping_taxes=taxes.less(credit.shipping_taxes, part.shipping_taxes),
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
        cut_down(credit, goods, tax, shipping)
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


def cut_down(credit: Credit, goods_minor: int, tax_minor: int, shipping_minor: int) -> Credit:
    """Return a credit of less, each tax in proportion: of the tax on top, or of the price that it is inside of."""
    cut = replace(credit, goods_minor=goods_minor, tax_minor=tax_minor, shipping_minor=shipping_minor)
    if not credit.taxes:
        return cut
    whole, part = (credit.tax_minor, tax_minor) if credit.tax_minor else (credit.goods_minor, goods_minor)
    return with_taxes(
        cut,
        taxes.in_part(credit.goods_taxes, whole, part),
        taxes.in_part(credit.shipping_taxes, credit.shipping_minor, shipping_minor),
    )


def new_units(account: LineAccount, credit: Credit, *, beside: Collection[int] = ()) -> int:
    """Return how many units of a credit get something of their price or tax back for the first time.

    What an exchange set off that was called off again does not count, nor a chargeback that was won, nor the credits in
    the places ``beside``.
    """
    if not credit.paid_minor:
        return 0
    units: UnitStates[bool] = UnitStates([(credit.run, True)])
    for place in account.set_off:
        exchanged = account.credits[place]
        units.change([exchanged.run], (lambda _: True) if exchanged.paid_minor < 0 else (lambda _: False))
    uncounted = account.differences.union(account.set_off, account.taken_back, beside)
    for place, earlier in enumerate(account.credits):
        if earlier.paid_minor and place not in uncounted:
            units.change([earlier.run], lambda _: False)
    return sum(run.count for run, new in units if new)
