"""Which tenders money goes back to: in the order in which they paid, none beyond what it paid."""

from __future__ import annotations

from uuid import UUID

from domain.errors import AmountExceedsEntitlementError, UnknownTenderError
from domain.identity import idempotency_key, payout_id
from domain.order import Order
from domain.order.parts import Tender
from domain.order.payout import Payout


def room(order: Order, tender_id: str) -> int:
    """Return what a tender paid and has not got back, nor is about to, here or through another order (minor units)."""
    paid = next(tender.amount_minor for tender in order.tenders if tender.tender_id == tender_id)
    to_it = [p for p in order.payouts.values() if p.tender_id == tender_id and not p.returns_payment]
    given = sum(payout.amount_minor for payout in to_it if not payout.has_failed)
    return paid - given - order.moved_minor.get(tender_id, 0)


def find(order: Order, tender_id: str) -> Tender:
    """Return a tender of the order; raises ``UnknownTenderError``."""
    tender = next((tender for tender in order.tenders if tender.tender_id == tender_id), None)
    if tender is None:
        raise UnknownTenderError(f"the order has no tender {tender_id}", tender_id=tender_id)
    return tender


def with_room(order: Order, tender_id: str, amount_minor: int) -> Tender:
    """Return the tender that is to take a sum.

    Raises:
        UnknownTenderError: The order has no such tender.
        AmountExceedsEntitlementError: It has not so much left to give back.
    """
    tender = find(order, tender_id)
    available = room(order, tender_id)
    if available < amount_minor:
        raise AmountExceedsEntitlementError(asked=amount_minor, available=available, tender_id=tender_id)
    return tender


def shared_out(order: Order, amount_minor: int, *, first: str | None = None) -> list[tuple[Tender | None, int]]:
    """Return a sum by tender, each up to its room; what none takes is store credit (None).

    Tenders take it in their order, after the one that is named ``first``.
    """
    shares: list[tuple[Tender | None, int]] = []
    left = amount_minor
    for tender in sorted(order.tenders, key=lambda tender: tender.tender_id != first):
        share = min(left, max(room(order, tender.tender_id), 0))
        if share:
            shares.append((tender, share))
            left -= share
    return [*shares, (None, left)] if left else shares


def owed(order: Order, tender_id: str) -> int:
    """Return what the customer has yet to pay of a tender: sold on account, or carried by an exchange called off.

    Neither paid nor set off, in minor units.
    """
    tender = next((tender for tender in order.tenders if tender.tender_id == tender_id), None)
    if tender is None:
        return 0
    sold = tender.amount_minor if is_on_account(tender) else order.unpaid_minor.get(tender_id, 0)
    paid = sum(payment.amount_minor for payment in order.payments if payment.tender_id == tender_id)
    set_off = sum(p.amount_minor for p in order.payouts.values() if p.tender_id == tender_id and p.set_off)
    return sold - paid - set_off


def is_on_account(tender: Tender) -> bool:
    """Tell whether an order was sold on account by a tender, and not another one whose money came here by exchange."""
    return tender.kind == "on_account" and tender.from_order_id is None


def payouts_of(
    order: Order,
    refund: UUID,
    tender: Tender | None,
    amount_minor: int,
    *,
    rma_id: UUID | None,
    holder_id: str,
    attempt: int = 1,
) -> list[Payout]:
    """Return the payouts of a sum to a tender (None: as store credit of ``holder_id``), the first as this attempt.

    On a tender that is owed, the sum first lowers what is still to be paid; the rest goes to its last payment.
    """
    off = min(amount_minor, owed(order, tender.tender_id)) if tender else 0
    parts = [(part, set_off) for part, set_off in ((off, True), (amount_minor - off, False)) if part]
    payouts = []
    for number, (part, set_off) in enumerate(parts, start=attempt):
        tender_id = tender.tender_id if tender else None
        payouts.append(
            Payout(
                payout_id=payout_id(refund, tender_id, number),
                refund_id=refund,
                rma_id=rma_id,
                tender_id=tender_id,
                tender_kind=tender.kind if tender else "store_credit",
                amount_minor=part,
                idempotency_key=idempotency_key(refund, tender_id, number),
                attempt=number,
                tender_reference=payment_reference(order, tender) if tender and not set_off else None,
                holder_id=None if tender else holder_id,
                set_off=set_off,
                credit_id=None if tender else _credit_of_this_command(order, rma_id, holder_id),
            )
        )
    return payouts


def _credit_of_this_command(order: Order, rma_id: UUID | None, holder_id: str) -> UUID | None:
    """Return the store credit that a holder got for a return by the command that is being handled, if he got any.

    Several lines that are decided together give him one, and not one for each.
    """
    payouts = [order.payouts[fact.payout_id] for fact in order.pending_events if isinstance(fact, order.PayoutSettled)]
    theirs = (p.credit for p in payouts if p.tender_id is None and (p.rma_id, p.holder_id) == (rma_id, holder_id))
    return next(theirs, None)


def payment_reference(order: Order, tender: Tender) -> str | None:
    """Return by which name a gateway finds what was paid: that of the tender's last payment, else the tender's own."""
    payments = [payment for payment in order.payments if payment.tender_id == tender.tender_id]
    return payments[-1].reference if payments else tender.reference
