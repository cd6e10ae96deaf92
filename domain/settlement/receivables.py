"""What customers owe: paid, or given up as lost, the oldest debt first and never beyond it."""

from __future__ import annotations

from datetime import datetime
from uuid import UUID

from domain import ledger
from domain.order import Order
from domain.order.errors import AmountExceedsOwedError
from domain.order.parts import OwedShare
from domain.values import dataclass
from domain.vocabularies import TenderKind


@dataclass(frozen=True, slots=True)
class DebtPayment:
    """What a customer paid of what is owed on a return, or without one on the whole order (minor units)."""

    payment_id: str
    rma_id: UUID | None
    amount_minor: int
    tender_kind: TenderKind
    reference: str | None
    content_hash: str


@dataclass(frozen=True, slots=True)
class WriteOff:
    """What will not come of what is owed on a return, or without one on the whole order (minor units)."""

    write_off_id: str | None
    rma_id: UUID | None
    amount_minor: int
    reason: str
    approved_by: str
    content_hash: str


def pay(order: Order, payment: DebtPayment, at: datetime) -> None:
    """Record that the customer paid what is owed; the same payment again is no second one.

    Raises:
        IdentifierReusedError: Another payment came under this name.
        AmountExceedsOwedError: Less is owed.
    """
    if order.is_repeat("payment_id", payment.payment_id, payment.content_hash):
        return
    amount = payment.amount_minor
    order.trigger_event(
        order.CustomerPaid,
        payment_id=payment.payment_id,
        rma_id=payment.rma_id,
        amount_minor=amount,
        tender_kind=payment.tender_kind,
        reference=payment.reference,
        shares=_oldest_first(order, payment.rma_id, amount),
        currency=order.currency,
        content_hash=payment.content_hash,
        postings=ledger.entry((ledger.clearing(payment.tender_kind), amount), (ledger.CUSTOMER_RECEIVABLE, -amount)),
        timestamp=at,
    )


def write_off(order: Order, lost: WriteOff, at: datetime) -> None:
    """Give up what will not come; under a name of its own the same again is no second time.

    Raises:
        IdentifierReusedError: Another write-off came under this name.
        AmountExceedsOwedError: Less is owed.
    """
    if lost.write_off_id is not None and order.is_repeat("write_off_id", lost.write_off_id, lost.content_hash):
        return
    amount = lost.amount_minor
    order.trigger_event(
        order.ReceivableWrittenOff,
        write_off_id=lost.write_off_id,
        rma_id=lost.rma_id,
        amount_minor=amount,
        reason=lost.reason,
        approved_by=lost.approved_by,
        shares=_oldest_first(order, lost.rma_id, amount),
        currency=order.currency,
        content_hash=lost.content_hash,
        postings=ledger.entry((ledger.BAD_DEBT, amount), (ledger.CUSTOMER_RECEIVABLE, -amount)),
        timestamp=at,
    )


def _oldest_first(order: Order, rma_id: UUID | None, amount_minor: int) -> tuple[OwedShare, ...]:
    """Return what of a sum falls to which debt; raises ``AmountExceedsOwedError``."""
    owed = [debt for debt in order.receivables.values() if debt.open_minor > 0 and rma_id in {None, debt.rma_id}]
    still = sum(debt.open_minor for debt in owed)
    if amount_minor > still:
        raise AmountExceedsOwedError(asked=amount_minor, owed_minor=still)
    shares, left = [], amount_minor
    for debt in sorted(owed, key=lambda debt: debt.since):
        share = min(left, debt.open_minor)
        if share:
            shares.append(OwedShare(debt.rma_id, debt.because, share))
            left -= share
    return tuple(shares)
