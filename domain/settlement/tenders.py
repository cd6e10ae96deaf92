"""Which tenders money goes back to: in the order in which they paid, none beyond what it paid."""

from __future__ import annotations

from uuid import UUID

from domain.errors import AmountExceedsEntitlementError, UnknownTenderError
from domain.identity import idempotency_key, payout_id
from domain.order import Order
from domain.order.parts import Payout, Tender


def room(order: Order, tender_id: str) -> int:
    """Return what a tender paid and has not got back, nor is about to (minor units)."""
    paid = next(tender.amount_minor for tender in order.tenders if tender.tender_id == tender_id)
    given = sum(p.amount_minor for p in order.payouts.values() if p.tender_id == tender_id and not p.has_failed)
    return paid - given


def with_room(order: Order, tender_id: str, amount_minor: int) -> Tender:
    """Return the tender that is to take a sum.

    Raises:
        UnknownTenderError: The order has no such tender.
        AmountExceedsEntitlementError: It has not so much left to give back.
    """
    tender = next((tender for tender in order.tenders if tender.tender_id == tender_id), None)
    if tender is None:
        raise UnknownTenderError(f"the order has no tender {tender_id}", tender_id=tender_id)
    available = room(order, tender_id)
    if available < amount_minor:
        raise AmountExceedsEntitlementError(asked=amount_minor, available=available, tender_id=tender_id)
    return tender


def shared_out(order: Order, amount_minor: int) -> list[tuple[Tender | None, int]]:
    """Return a sum by tender, in their order, each up to its room; what none takes is store credit (None)."""
    shares: list[tuple[Tender | None, int]] = []
    left = amount_minor
    for tender in order.tenders:
        share = min(left, max(room(order, tender.tender_id), 0))
        if share:
            shares.append((tender, share))
            left -= share
    return [*shares, (None, left)] if left else shares


def new_payout(
    refund: UUID, rma_id: UUID | None, tender: Tender | None, amount_minor: int, *, attempt: int, holder_id: str
) -> Payout:
    """Return the payout of a sum to a tender (None: as store credit of ``holder_id``), under this attempt's key."""
    tender_id = tender.tender_id if tender else None
    return Payout(
        payout_id=payout_id(refund, tender_id, attempt),
        refund_id=refund,
        rma_id=rma_id,
        tender_id=tender_id,
        tender_kind=tender.kind if tender else "store_credit",
        amount_minor=amount_minor,
        idempotency_key=idempotency_key(refund, tender_id, attempt),
        attempt=attempt,
        tender_reference=tender.reference if tender else None,
        holder_id=None if tender else holder_id,
    )
