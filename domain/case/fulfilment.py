"""Goods that go out to the customer again: repaired ones, and refused ones."""

from __future__ import annotations

from collections.abc import Callable

from domain.case import Case, disposition
from domain.case.warranty import extend_over_repair
from domain.rma.parts import RmaRun
from domain.rma.run_state import RunState
from domain.values import dataclass


@dataclass(frozen=True, slots=True)
class Outgoing:
    """So many units of a line whose goods are on their way to the customer."""

    line: int
    quantity: int
    tracking_number: str | None = None
    note: str | None = None


def return_repaired(case: Case, goods: Outgoing) -> None:
    """Record that units are repaired and on their way back: the customer's again, in warranty for longer.

    Raises:
        QuantityExceededError: Fewer units are here to be repaired.
    """
    runs = _pick(case, goods, lambda state: state.is_authorized and state.is_here and state.resolution == "repair")
    case.rma.trigger_event(
        case.rma.Repaired, runs=runs, tracking_number=goods.tracking_number, note=goods.note, timestamp=case.at
    )
    case.order.free_units(case.rma.rma_id, case.order_runs(runs), "repaired", case.at)
    extend_over_repair(case, runs)


def send_back(case: Case, goods: Outgoing) -> None:
    """Record that refused goods are on their way back: the customer's again.

    Raises:
        QuantityExceededError: Fewer units are here to be sent back.
    """
    runs = _pick(
        case, goods, lambda state: state.is_at_dock and state.resolution == "send_back" and not state.is_appealed
    )
    case.rma.trigger_event(
        case.rma.SentBack, runs=runs, tracking_number=goods.tracking_number, note=goods.note, timestamp=case.at
    )
    staying = [run for run, state in case.rma.states_of(runs) if state.disposition != "send_back"]
    if staying:
        disposition.decide(case, staying, "send_back", inspection_id=None, by_person=False)
    case.order.free_units(case.rma.rma_id, case.order_runs(runs), "sent_back", case.at)


def _pick(case: Case, goods: Outgoing, fits: Callable[[RunState], bool]) -> tuple[RmaRun, ...]:
    return case.rma.pick(goods.line, goods.quantity, lambda state: fits(state) and not state.goods_sent)
