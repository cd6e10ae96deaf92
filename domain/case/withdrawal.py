"""A customer keeps the goods after all, as long as they are still there and nothing went out for them."""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial

from domain.case import Case, exchange
from domain.errors import AlreadyShippedError, QuantityExceededError, WrongStateError
from domain.rma.parts import RmaRun
from domain.rma.run_state import RunState
from domain.units import take, total, without
from domain.values import dataclass


@dataclass(frozen=True, slots=True)
class LineUnits:
    """So many units of a line of a return."""

    line: int
    quantity: int


def withdraw(case: Case, units: Sequence[LineUnits], reason: str | None) -> None:
    """Withdraw ``units``, or all of the return where none are named; an article promised for them is called off.

    What is kept, or was paid for, stays as it is.

    Raises:
        UnknownLineError: The return has no such line.
        AlreadyShippedError: Something has left the customer.
        WrongStateError: Nothing is left to withdraw, or money or goods already went out.
        QuantityExceededError: Fewer units of a line can be withdrawn.
    """
    if case.rma.closed_at:
        raise WrongStateError("the return has nothing left to withdraw", status=case.rma.status)
    runs = tuple(_of_lines(case, units) if units else _all(case))
    promised = exchange.promised(case, runs)
    case.rma.trigger_event(case.rma.Withdrawn, runs=runs, reason=reason, timestamp=case.at)
    exchange.call_off(case, promised)
    case.order.free_units(case.rma.rma_id, case.order_runs(runs), "withdrawn", case.at)


def _all(case: Case) -> list[RmaRun]:
    units = list(case.rma.units())
    if not any(state.is_live for _, state in units):
        raise WrongStateError("the return has nothing left to withdraw", status=case.rma.status)
    if any(state.has_left for _, state in units):
        raise AlreadyShippedError("goods are on their way")
    runs = [run for run, state in units if _may_be_withdrawn(case, run.line, state)]
    if not runs:
        raise WrongStateError("the return is already resolved", status=case.rma.status)
    return runs


def _of_lines(case: Case, units: Sequence[LineUnits]) -> list[RmaRun]:
    chosen: list[RmaRun] = []
    for one in units:
        fitting = case.rma.fitting(one.line, partial(_may_be_withdrawn, case, one.line))
        fitting = without(fitting, [run.run for run in chosen if run.line == one.line])
        if total(fitting) < one.quantity:
            if not fitting and any(state.has_left for _, state in case.rma.line(one.line).states):
                raise AlreadyShippedError("goods are on their way", line=one.line)
            raise QuantityExceededError(asked=one.quantity, available=total(fitting), line=one.line)
        chosen += [RmaRun(one.line, run.first, run.count) for run in take(fitting, one.quantity)]
    return chosen


def _may_be_withdrawn(case: Case, line: int, state: RunState) -> bool:
    """Tell whether a unit is still with the customer, and neither money nor an article went out for it.

    Nor did its worth go back through the order of the new article.
    """
    nothing_left = not state.has_goods_out and not state.is_paid_out and state.settlement in {"none", "due"}
    has_bonus = state.is_exchanged and line in case.order.account(case.rma.rma_id).bonuses
    gone = state.is_exchanged and case.order.exchange_of_line(case.rma.rma_id, line).has_given_back
    return state.is_live and state.is_with_customer and nothing_left and not has_bonus and not gone
