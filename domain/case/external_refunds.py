"""What money that went back elsewhere, or came back, means for the returns whose refunds it pays."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from datetime import datetime
from uuid import UUID

from domain.case import Case, deadlines, payouts, resolution
from domain.order import Order
from domain.order.accounts import ExternalRefund
from domain.order.parts import LineRun
from domain.rma import Rma
from domain.settlement import chargebacks, external_refunds
from domain.settlement.external_refunds import GoneBack
from domain.vocabularies import ChargebackOutcome

FindReturn = Callable[[UUID], Rma]


def record(order: Order, find_return: FindReturn, told: GoneBack, at: datetime) -> None:
    """Record what went back elsewhere; raises what ``settlement.external_refunds.record`` does."""
    _tell_returns(order, find_return, external_refunds.record(order, told, at), at)


def decide_chargeback(
    order: Order, find_return: FindReturn, external_id: str, outcome: ChargebackOutcome, at: datetime
) -> None:
    """Record what came of a dispute; raises what ``settlement.chargebacks.decide`` does.

    Returns whose units had got less, as the chargeback had taken it, get the rest once it is won.
    """
    known = order.external.get(external_id)
    is_news = known is not None and known.outcome != outcome
    _tell_returns(order, find_return, chargebacks.decide(order, external_id, outcome, at), at)
    if known is not None and is_news and outcome == "won":
        _make_whole(order, find_return, known, at)


def _make_whole(order: Order, find_return: FindReturn, won: ExternalRefund, at: datetime) -> None:
    """Pay what units have again, and would have got, had the chargeback not taken it."""
    credits = [order.lines[line_id].credits[place] for line_id, place in won.places]
    units = [LineRun(credit.line_id, credit.first, credit.count) for credit in credits]
    for rma_id in dict.fromkeys(state.rma_id for _, state in order.states_within(units) if state.rma_id):
        case = Case(order, find_return(rma_id), at)
        resolution.give_what_is_back(case, units)
        deadlines.keep(case)


def _tell_returns(order: Order, find_return: FindReturn, refunds: Iterable[UUID], at: datetime) -> None:
    """Let the returns know where the money for their units stands now."""
    touched = [order.refunds[refund_id] for refund_id in refunds]
    for rma_id in dict.fromkeys(refund.rma_id for refund in touched if refund.rma_id):
        case = Case(order, find_return(rma_id), at)
        for refund in touched:
            if refund.rma_id == rma_id:
                payouts.move_settlement(case, refund.refund_id)
        deadlines.keep(case)
