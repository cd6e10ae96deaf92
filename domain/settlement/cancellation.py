"""What is paid back for units that never left, and which of an order's units those are."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from itertools import groupby
from uuid import UUID

from domain.identity import order_refund_id
from domain.order import Order
from domain.order.parts import Credit, LineQuantity, LineRun
from domain.order.promotions import PromotionChange
from domain.settlement import payouts, promotions, refund
from domain.settlement.entitlement import left_of_all, left_shipping
from domain.units import UnitRun, total
from domain.values import dataclass


@dataclass(frozen=True, slots=True)
class Cancellation:
    """What will not be delivered, and why."""

    cancellation_id: str
    lines: tuple[LineQuantity, ...]
    reason: str
    content_hash: str


def highest(runs: Sequence[UnitRun], quantity: int) -> list[UnitRun]:
    """Return the highest-numbered units of the runs, fewer where there are fewer, lowest-numbered first."""
    taken: list[UnitRun] = []
    for run in reversed(runs):
        count = min(run.count, quantity - total(taken))
        if count:
            taken.append(UnitRun(run.end - count, count))
    return taken[::-1]


def cancel(order: Order, asked: Cancellation, runs: Sequence[LineRun], at: datetime) -> None:
    """Let free units never be delivered, and what is left of their cents go back; which units is the caller's to check.

    Outward shipping goes back with the last unit of an order of which nothing was sent. No promotion is broken by it;
    what was taken off for one before goes back as far as these units carried of it.
    """
    credits = _left_of(order, runs, with_shipping=_nothing_stands(order, runs))
    given_back = promotions.changes(order, runs, returned=False)
    moves = bool(credits or given_back)
    refund_id = order_refund_id(order.order_id, "cancellation", asked.cancellation_id) if moves else None
    order.trigger_event(
        order.UnitsCancelled,
        cancellation_id=asked.cancellation_id,
        runs=tuple(runs),
        reason=asked.reason,
        refund_id=refund_id,
        content_hash=asked.content_hash,
        timestamp=at,
    )
    if refund_id is not None:
        # what goes back of a promotion alone is for units that cost nothing
        _pay_back(order, refund_id, credits or _of_nothing(runs), given_back, at)


def pay_back_the_rest(order: Order, refund_id: UUID, at: datetime) -> None:
    """Let what there is again of units cancelled before go back: a won chargeback had taken it."""
    cancelled = [
        LineRun(line_id, run.first, run.count)
        for line_id, account in order.lines.items()
        for run, state in account.units
        if state.is_cancelled
    ]
    credits = _left_of(order, cancelled, with_shipping=_nothing_stands(order, ()))
    if credits:
        _pay_back(order, refund_id, credits, (), at)


def _left_of(order: Order, runs: Sequence[LineRun], *, with_shipping: bool) -> list[Credit]:
    """Return what is left of what was paid for units, and of all outward shipping where none is sent."""
    credits = [
        credit
        for line_id, of_line in groupby(runs, key=lambda run: run.line_id)
        for credit in left_of_all(order.lines[line_id], [run.run for run in of_line], with_shipping=False)
    ]
    if with_shipping:
        credits += left_shipping(order)
    return [credit for credit in credits if credit.gross_minor]


def _of_nothing(runs: Sequence[LineRun]) -> list[Credit]:
    return [Credit(0, run.line_id, run.first, run.count, 0, 0, 0) for run in runs]


def _pay_back(
    order: Order, refund_id: UUID, credits: Sequence[Credit], given_back: Sequence[PromotionChange], at: datetime
) -> None:
    payee = refund.Payee(holder_id=order.customer_id)
    refund.request(order, refund_id, credits, at, because="cancellation", payee=payee, promotions=given_back)
    payouts.settle_ours(order, refund_id, at)


def _nothing_stands(order: Order, going: Sequence[LineRun]) -> bool:
    """Tell whether no unit of the order was or will be sent, once these are gone."""
    standing = sum(total(account.standing) for account in order.lines.values())
    return standing == sum(run.count for run in going)
