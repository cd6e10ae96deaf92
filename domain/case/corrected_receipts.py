"""A receipt that was typed wrong is taken back by the one that takes its place."""

from __future__ import annotations

from domain.case import Case
from domain.errors import UnknownReceiptError, WrongStateError
from domain.rma.parts import RmaRun
from domain.rma.receipts import KnownReceipt


def take_back(case: Case, receipt_id: str, *, by: str) -> None:
    """Let units stand as before a receipt, for the receipt ``by`` that tells of them anew.

    What it called short is awaited again, unless another return has taken it since; what was short before it is free.

    Raises:
        UnknownReceiptError: The return has none such.
        WrongStateError: It was superseded before, or units of it are inspected or resolved.
    """
    known = case.rma.receipts.get(receipt_id)
    if known is None:
        raise UnknownReceiptError(f"the return has no receipt {receipt_id}", receipt_id=receipt_id)
    if known.superseded_by is not None:
        raise WrongStateError(
            f"receipt {receipt_id} was superseded before", receipt_id=receipt_id, superseded_by=known.superseded_by
        )
    runs = _still_so(case, known)
    if any(state.is_inspected or not state.is_undecided for _, state in case.rma.states_of(runs)):
        raise WrongStateError("units of the receipt are inspected or resolved", receipt_id=receipt_id)
    case.rma.trigger_event(
        case.rma.ReceiptSuperseded, receipt_id=receipt_id, superseded_by=by, runs=tuple(runs), timestamp=case.at
    )
    awaited = [run for run, state in case.rma.states_of(runs) if state.is_live and state.is_expected]
    case.order.free_units(case.rma.rma_id, case.order_runs(runs), "receipt_superseded", case.at)
    case.order.take_free_units(case.rma.rma_id, case.order_runs(awaited), case.at)


def _still_so(case: Case, known: KnownReceipt) -> list[RmaRun]:
    """Return those of a receipt's units that stand as it left them, and that the return holds or may hold again."""
    return [
        RmaRun(run.line, part.first, part.count)
        for moved in known.moved
        for run, state in case.rma.states_of([moved.run])
        if state.logistics == moved.became
        for part in case.open_units(run.line, [run.run])
    ]
