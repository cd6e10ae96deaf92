"""What must hold of chargebacks after every command, however they took from units and gave back to them."""

from __future__ import annotations

from collections.abc import Iterable

from domain.order import Order
from domain.rma import Rma
from tests.support.cents_of_units import PAID, left_of_units


def check_chargebacks(order: Order, returns: Iterable[Rma]) -> None:
    """Raise ``AssertionError`` where a won chargeback left something taken, or units without what policy grants."""
    _won_chargebacks_leave_nothing(order)
    _who_is_to_get_all_has_it(order, returns)


def _won_chargebacks_leave_nothing(order: Order) -> None:
    """What a won chargeback had taken, every unit has again."""
    for account in order.lines.values():
        taken_back = [account.credits[place] for place in account.taken_back]
        assert sum(credit.gross_minor for credit in taken_back) == 0, (account.fact.line_id, taken_back)
    for external in order.external.values():
        given = order.refunds[external.refund_id].credits
        assert external.outcome != "won" or not given or any(account.taken_back for account in order.lines.values())


def _who_is_to_get_all_has_it(order: Order, returns: Iterable[Rma]) -> None:
    """Of what policy grants in full nothing is left of price and tax, whatever chargebacks took and gave back."""
    for rma in returns:
        for line in rma.lines.values():
            account = order.lines[line.asked.line_id]
            if line.terms is None or line.terms.grade_share_bps:
                continue
            left = [left_of_units(account.fact, account.credits, part) for part in PAID]
            for run, state in line.states:
                gets_all = state.resolution in {"refund", "store_credit"} and not state.deducted
                if gets_all and state.authorization == "authorized" and state.settlement != "due":
                    of_run = [cents[number - 1] for cents in left for number in range(run.first, run.first + run.count)]
                    assert not any(of_run), (line.asked, run, state, of_run)
