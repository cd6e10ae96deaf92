"""Units that will not be delivered: those that nobody asked to return first, then those that leave a return for it."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import datetime
from uuid import UUID

from domain.case import Case, deadlines
from domain.errors import DuplicateLineError, QuantityExceededError
from domain.order import Order
from domain.order.parts import LineQuantity, LineRun
from domain.rma import Rma
from domain.rma.parts import RmaRun
from domain.rma.run_state import RunState
from domain.settlement import cancellation
from domain.settlement.cancellation import Cancellation, highest
from domain.units import UnitRun, total

FindReturn = Callable[[UUID], Rma]


def cancel(order: Order, find_return: FindReturn, asked: Cancellation, at: datetime) -> None:
    """Let units that never left not be delivered, the highest-numbered first; the same again is no second time.

    Raises:
        IdentifierReusedError: Another cancellation came under this name.
        DuplicateLineError, UnknownLineError: A line is named twice, or is not the order's.
        QuantityExceededError: Fewer units have yet to leave, or money is asked for them by a return.
    """
    if order.is_repeat("cancellation_id", asked.cancellation_id, asked.content_hash):
        return
    named = [line.line_id for line in asked.lines]
    if twice := next((line_id for line_id in named if named.count(line_id) > 1), None):
        raise DuplicateLineError(f"line {twice} is there twice", line_id=twice)
    held = {line.line_id: _held(order, find_return, line.line_id) for line in asked.lines}
    going = [run for line in asked.lines for run in _choose(order, line, [run for _, run in held[line.line_id]])]
    for rma_id in dict.fromkeys(rma_id for runs in held.values() for rma_id, _ in runs):
        _leave(Case(order, find_return(rma_id), at), going, asked.reason)
    cancellation.cancel(order, asked, going, at)


def _choose(order: Order, asked: LineQuantity, held: Sequence[UnitRun]) -> list[LineRun]:
    account = order.line(asked.line_id)
    free = [run for run, state in account.units.within(account.unsent) if state.is_free]
    available = total(free) + total(held)
    if asked.quantity > available:
        raise QuantityExceededError(asked=asked.quantity, available=available, line_id=asked.line_id)
    chosen = highest(free, asked.quantity)
    chosen += highest(held, asked.quantity - total(chosen))
    return [LineRun(asked.line_id, run.first, run.count) for run in sorted(chosen, key=lambda run: run.first)]


def _held(order: Order, find_return: FindReturn, line_id: str) -> list[tuple[UUID, UnitRun]]:
    """Return the units of a line that have yet to leave and that a return may give up, with that return."""
    account = order.line(line_id)
    in_return = [
        (state.rma_id, run)
        for run, state in account.units.within(account.unsent)
        if state.is_in_return and state.rma_id
    ]
    return [
        (rma_id, UnitRun(part.first, part.count))
        for rma_id, run in in_return
        for part in _may_leave(find_return(rma_id), line_id, run)
    ]


def _may_leave(rma: Rma, line_id: str, run: UnitRun) -> list[RmaRun]:
    return [
        RmaRun(number, part.first, part.count)
        for number, line in rma.lines.items()
        if line.asked.line_id == line_id
        for part, state in line.states.within([run])
        if _nothing_moved(state)
    ]


def _nothing_moved(state: RunState) -> bool:
    return state.is_live and state.is_with_customer and not state.is_refunded and not state.goods_sent


def _leave(case: Case, going: Sequence[LineRun], reason: str) -> None:
    """Let a return give up those of the units that it holds."""
    runs = [
        part
        for run, state in case.order.states_within(going)
        if state.rma_id == case.rma.rma_id
        for part in _may_leave(case.rma, run.line_id, run.run)
    ]
    if runs:
        case.rma.trigger_event(case.rma.Withdrawn, runs=tuple(runs), reason=reason, timestamp=case.at)
        case.order.free_units(case.rma.rma_id, case.order_runs(runs), "withdrawn", case.at)
        deadlines.keep(case)
