"""What cash was rounded by belongs to no unit: it goes back with the refund after which none can be refunded."""

from __future__ import annotations

from collections.abc import Sequence

from domain.order import Order
from domain.order.accounts import LineAccount, UnitState
from domain.order.parts import Credit
from domain.settlement.entitlement import cut, left_minor
from domain.units import UnitRun


def due_with(order: Order, credits: Sequence[Credit], net_minor: int) -> int:
    """Return what of the rounding goes back with a refund, below zero where cash was rounded down (minor units).

    Nothing as long as a unit could still be refunded after it, and never so much that the refund falls below zero. A
    fee is no unit: it need not come back first.

    Args:
        order: As it stands before the refund.
        credits: What the refund gives back, and what else changes with it.
        net_minor: What it pays without the rounding.
    """
    if not order.rounding_left_minor:
        return 0
    lines = [account for account in order.lines.values() if account.fact.kind != "fee"] or list(order.lines.values())
    if any(_has_refundable_units(account, credits) for account in lines):
        return 0
    return max(order.rounding_left_minor, -net_minor)


def _has_refundable_units(account: LineAccount, more: Sequence[Credit]) -> bool:
    """Tell whether a unit of a line could still be refunded after these credits."""
    mine = [credit for credit in more if credit.line_id == account.fact.line_id]
    return any(
        not _is_done(account, [*account.credits, *mine], part, state)
        for run, state in account.units
        for part in cut(account, run, mine)
    )


def _is_done(account: LineAccount, credits: Sequence[Credit], run: UnitRun, state: UnitState) -> bool:
    """Tell whether all that was paid for units went back, or something of it for units that came back.

    Of goods that are worn policy gives a share, a person an amount.
    """
    sold = account.fact
    left = left_minor(credits, "goods_minor", sold.goods_of, run) + left_minor(credits, "tax_minor", sold.tax_of, run)
    return not left or (state.is_returned and left < sold.paid_of(run))
