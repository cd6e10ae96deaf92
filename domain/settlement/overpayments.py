"""Debts that turn out not to be owed after the customer paid them, or they were given up: both are taken back."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime
from uuid import UUID

from domain import ledger
from domain.identity import idempotency_key, order_refund_id, payout_id
from domain.order import Order
from domain.order.debts import Receivable
from domain.order.parts import PaymentShare
from domain.order.payout import Payout
from domain.settlement import payouts
from domain.vocabularies import OwedFor


def give_back(order: Order, rma_id: UUID | None, because: OwedFor, at: datetime) -> None:
    """Take back what was given up of a debt that is no longer owed, then give back what was paid on it, the last first.

    Money goes back the way it came: a payout to each payment's kind of tender under the payment's own reference; what
    was paid with store credit is issued as store credit.
    """
    debt = order.receivables.get((rma_id, because))
    if debt is None or debt.open_minor >= 0:
        return
    _take_back_write_offs(order, debt, at)
    shares = tuple(_paid_too_much(order, debt))
    if shares:
        _pay_back(order, debt, shares, at)


def _take_back_write_offs(order: Order, debt: Receivable, at: datetime) -> None:
    amount = min(-debt.open_minor, debt.written_off_minor)
    if amount:
        order.trigger_event(
            order.WriteOffReversed,
            rma_id=debt.rma_id,
            because=debt.because,
            amount_minor=amount,
            currency=order.currency,
            postings=ledger.entry((ledger.CUSTOMER_RECEIVABLE, amount), (ledger.BAD_DEBT, -amount)),
            timestamp=at,
        )


def _paid_too_much(order: Order, debt: Receivable) -> Iterator[PaymentShare]:
    left = -debt.open_minor
    for payment in reversed(order.customer_payments.values()):
        share = min(left, payment.kept_minor[debt.key])
        if share > 0:
            yield PaymentShare(payment.payment_id, share)
            left -= share


def _pay_back(order: Order, debt: Receivable, shares: tuple[PaymentShare, ...], at: datetime) -> None:
    amount = sum(share.amount_minor for share in shares)
    name = f"{debt.rma_id or ''}/{debt.because}/{len(order.refunds)}"
    refund_id = order_refund_id(order.order_id, "overpaid", name)
    order.trigger_event(
        order.PaymentReturned,
        refund_id=refund_id,
        rma_id=debt.rma_id,
        because=debt.because,
        amount_minor=amount,
        currency=order.currency,
        shares=shares,
        payouts=tuple(_payout(order, refund_id, debt, share) for share in shares),
        postings=ledger.entry((ledger.CUSTOMER_RECEIVABLE, amount), (ledger.REFUNDS_OWED, -amount)),
        timestamp=at,
    )
    payouts.settle_ours(order, refund_id, at)


def _payout(order: Order, refund_id: UUID, debt: Receivable, share: PaymentShare) -> Payout:
    payment = order.customer_payments[share.payment_id]
    with_credit = payment.tender_kind == "store_credit"
    return Payout(
        payout_id=payout_id(refund_id, share.payment_id, 1),
        refund_id=refund_id,
        rma_id=debt.rma_id,
        tender_id=None if with_credit else payment.payment_id,
        tender_kind=payment.tender_kind,
        amount_minor=share.amount_minor,
        idempotency_key=idempotency_key(refund_id, share.payment_id, 1),
        tender_reference=payment.reference,
        holder_id=order.customer_id if with_credit else None,
        returns_payment=True,
    )
