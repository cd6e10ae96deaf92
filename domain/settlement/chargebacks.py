"""What came of disputes about chargebacks: won, the money is back, and what it had done here is undone."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime
from uuid import UUID

from domain import ledger
from domain.errors import UnknownRefundError, WrongStateError
from domain.identity import order_refund_id
from domain.order import Order
from domain.order.accounts import ExternalRefund
from domain.order.parts import Credit, RefundedLine
from domain.order.payout import Payout, PayoutCover
from domain.settlement import cancellation, overpayments, payouts, retries
from domain.settlement.entitlement import given_by, less, new_units
from domain.settlement.external_refunds import make_room, paid_in_place, surplus_shares
from domain.settlement.sales_returns import sales_return
from domain.vocabularies import ChargebackOutcome


def decide(order: Order, external_id: str, outcome: ChargebackOutcome, at: datetime) -> tuple[UUID, ...]:
    """Record what came of a dispute, and return the refunds that are owed again by it; the same again says nothing new.

    A dispute that was lost may be won after all; one that was won is at its end: another chargeback has its own name.
    What was paid in the place of payouts that gave way is requested anew.

    Raises:
        UnknownRefundError: Nothing went back elsewhere under this name.
        WrongStateError: It was no chargeback, or the dispute is won already.
    """
    external = order.external.get(external_id)
    if external is None:
        message = f"nothing went back elsewhere for the order under {external_id}"
        raise UnknownRefundError(message, external_id=external_id)
    if external.kind != "chargeback":
        raise WrongStateError("only a chargeback has an outcome", kind=external.kind)
    if external.outcome == outcome:
        return ()
    if external.outcome == "won":
        raise WrongStateError("the dispute is won; another chargeback has its own external_id", outcome="won")
    if outcome == "lost":
        _tell(order, external_id, outcome, (), at)
        return ()
    _tell(order, external_id, outcome, _taken_back(order, external), at)
    for rma_id in dict.fromkeys([None, *(order.refunds[cover.refund_id].rma_id for cover in external.covers)]):
        overpayments.give_back(order, rma_id, "surplus", at)
    for cover in external.covers:
        _pay_after_all(order, cover, at)
    cancellation.pay_back_the_rest(order, order_refund_id(order.order_id, "dispute", external_id), at)
    return tuple(dict.fromkeys(cover.refund_id for cover in external.covers))


def _taken_back(order: Order, external: ExternalRefund) -> tuple[Credit, ...]:
    """Return what each unit has again, below zero."""
    return tuple(
        less(Credit(0, given.line_id, given.first, given.count, 0, 0, 0), given)
        for line_id, place in external.places
        for given in given_by(order.lines[line_id], place)
        if given.gross_minor
    )


def _tell(
    order: Order, external_id: str, outcome: ChargebackOutcome, credits: tuple[Credit, ...], at: datetime
) -> None:
    external, won = order.external[external_id], outcome == "won"
    payout, covers = _payout_of(order, external), external.covers if won else ()
    back = payout.amount_minor if won else 0
    rounding = order.refunds[external.refund_id].rounding_minor if won else 0
    owed, beyond = paid_in_place(order, covers, -1)
    credited = rounding - sum(credit.gross_minor for credit in credits)
    beyond[None] -= back - credited - sum(cover.amount_minor for cover in covers)
    order.trigger_event(
        order.ChargebackDecided,
        external_id=external_id,
        refund_id=external.refund_id,
        payout_id=payout.payout_id,
        outcome=outcome,
        amount_minor=payout.amount_minor,
        currency=order.currency,
        covers=covers,
        credits=credits,
        called_off=surplus_shares({rma_id: -amount for rma_id, amount in beyond.items()}),
        by_line=tuple(_by_line(order, external)) if credits else (),
        rounding_minor=rounding,
        postings=ledger.entry(
            *sales_return(credits),
            (ledger.CASH_ROUNDING, -rounding),
            (ledger.REFUNDS_OWED, owed),
            (ledger.CUSTOMER_RECEIVABLE, beyond.total()),
            (payouts.paid_from(payout), back),
        ),
        timestamp=at,
    )


def _payout_of(order: Order, external: ExternalRefund) -> Payout:
    (payout_id,) = order.refunds[external.refund_id].payouts
    return order.payouts[payout_id]


def _by_line(order: Order, external: ExternalRefund) -> Iterator[RefundedLine]:
    """Yield what each line has again, below zero; what cash was rounded by went with the first."""
    aside = order.refunds[external.refund_id].rounding_minor
    for line_id in dict.fromkeys(line_id for line_id, _ in external.places):
        account = order.lines[line_id]
        places = [place for of, place in external.places if of == line_id]
        credits = [account.credits[place] for place in places]
        units = sum(new_units(account, credit, beside=places) for credit in credits)
        yield RefundedLine(line_id, -units, -aside - sum(credit.gross_minor for credit in credits))
        aside = 0


def _pay_after_all(order: Order, cover: PayoutCover, at: datetime) -> None:
    """Request what is owed again in the place of a payout that gave way, or whose rest was retried.

    One that had failed before an agent retries, as ever; one that was made all the same has paid it. What was replaced,
    and then turned out to be under way after all, pays for nothing that is still owed.
    """
    payout, refund = order.payouts[cover.payout_id], order.refunds[cover.refund_id]
    if payout.is_settled or not (payout.gave_way or payout.retried):
        return
    of_refund = [order.payouts[payout_id] for payout_id in refund.payouts]
    coming = sum(p.amount_minor for p in of_refund if p.is_under_way and not p.retried)
    coming += sum(p.left_minor for p in of_refund if p.may_be_retried)
    amount = min(cover.amount_minor, payouts.owed_minor(order, refund) - coming)
    if amount > 0 and payout.tender_id is not None:
        make_room(order, payout.tender_id, amount, at)
        retries.request_elsewhere(order, payout, amount, at)
