"""What gateways say of payouts, and what that does to the books.

A payout was requested, with its key, before anyone could pay it. Its outcome may come late, twice, or against an
earlier one; each other outcome than the last is a new fact. What is owed is always the refund less what has settled of
it: a failure after a settlement reopens the liability, a settlement beyond it stands in the customer's receivable.
"""

from __future__ import annotations

from collections.abc import Iterable
from itertools import pairwise
from typing import Final
from uuid import UUID

from domain import ledger
from domain.case import Case
from domain.case.refunds import new_payout, room
from domain.case.store_credit import holder_of
from domain.errors import (
    AmountDiffersError,
    AmountExceedsEntitlementError,
    CurrencyDiffersError,
    UnknownPayoutError,
    UnknownTenderError,
    WrongStateError,
)
from domain.identity import goodwill_id
from domain.ledger import Posting
from domain.order import Order
from domain.order.parts import Payout, Tender
from domain.rma.parts import RefundPart, RmaRun
from domain.rma.state import RmaLine
from domain.vocabularies import PayoutOutcome, PayoutStatus, Settlement

_WORST_FIRST: Final[tuple[PayoutStatus, ...]] = ("unknown", "requested", "failed", "settled")
SETTLEMENTS: Final[dict[PayoutStatus, Settlement]] = {
    "unknown": "unknown",
    "requested": "pending",
    "failed": "failed",
    "settled": "settled",
}


def refund_status(payouts: Iterable[Payout]) -> PayoutStatus:
    """Return a refund's status: that of its worst payout; payouts that were retried do not count."""
    statuses = {payout.status for payout in payouts if not payout.retried}
    return next((status for status in _WORST_FIRST if status in statuses), "settled")


def find(case: Case, wanted: UUID) -> Payout:
    """Return a payout of this return; raises ``UnknownPayoutError``."""
    payout = case.order.payouts.get(wanted)
    if payout is None or payout.rma_id != case.rma.rma_id:
        raise UnknownPayoutError(f"the return has no payout {wanted}", payout_id=str(wanted))
    return payout


def record_outcome(
    case: Case,
    payout: Payout,
    outcome: PayoutOutcome,
    *,
    reference: str | None = None,
    reason: str | None = None,
) -> None:
    """Record what a gateway said; the same outcome again says nothing new."""
    if payout.status == outcome:
        return
    order = case.order
    facts: dict[str, object] = {
        "payout_id": payout.payout_id,
        "refund_id": payout.refund_id,
        "rma_id": payout.rma_id,
        "reference": reference,
        "postings": _postings(order, payout, outcome),
        "timestamp": case.at,
    }
    if outcome == "settled":
        order.trigger_event(order.PayoutSettled, **facts)
    elif outcome == "failed":
        order.trigger_event(order.PayoutFailed, reason=reason, **facts)
    else:
        order.trigger_event(order.PayoutUnclear, reason=reason, **facts)
    move_settlement(case, payout.refund_id)


def check_figures(case: Case, payout: Payout, amount_minor: int | None, currency: str | None) -> None:
    """Refuse an outcome that speaks of another sum than was asked for."""
    if currency is not None and currency != case.order.currency:
        raise CurrencyDiffersError(
            f"the payout is in {case.order.currency}", expected=case.order.currency, found=currency
        )
    if amount_minor is not None and amount_minor != payout.amount_minor:
        raise AmountDiffersError(
            f"the payout is over {payout.amount_minor}", expected=payout.amount_minor, found=amount_minor
        )


def _postings(order: Order, payout: Payout, outcome: PayoutOutcome) -> tuple[Posting, ...]:
    refund = order.refunds[payout.refund_id]
    settled = sum(order.payouts[p].amount_minor for p in refund.payouts if order.payouts[p].status == "settled")
    was, now = payout.status == "settled", outcome == "settled"
    if was == now:
        return ()
    after = settled + (payout.amount_minor if now else -payout.amount_minor)
    owed = max(refund.amount_minor - settled, 0) - max(refund.amount_minor - after, 0)
    paid = after - settled
    account = ledger.clearing(payout.tender_kind) if payout.tender_id else ledger.STORE_CREDIT_LIABILITY
    return ledger.entry((ledger.REFUNDS_OWED, owed), (ledger.CUSTOMER_RECEIVABLE, paid - owed), (account, -paid))


def start(case: Case, refund: UUID) -> None:
    """Set a refund just requested going: store credit is ours to give and settles at once, gateways are waited for."""
    for payout in list(case.order.payouts.values()):
        if payout.rma_id == case.rma.rma_id and payout.tender_id is None and payout.status == "requested":
            record_outcome(case, payout, "settled")
    move_settlement(case, refund)


def move_settlement(case: Case, refund: UUID) -> None:
    """Let the return know where the money for its units stands now: each unit at the worst of all its refunds."""
    moved: dict[Settlement, list[RmaRun]] = {}
    for line in case.rma.lines.values():
        for part in line.refunded:
            if part.refund_id == refund:
                for run in _cut(part, line.refunded):
                    settlement = _settlement_of(case.order, line, run)
                    if any(state.settlement != settlement for _, state in case.rma.states_of([run])):
                        moved.setdefault(settlement, []).append(run)
    for settlement, runs in moved.items():
        case.rma.trigger_event(
            case.rma.SettlementMoved, refund_id=refund, settlement=settlement, runs=tuple(runs), timestamp=case.at
        )


def _cut(part: RefundPart, parts: Iterable[RefundPart]) -> list[RmaRun]:
    """Return a refund's units in runs that are in the same refunds from end to end."""
    edges = {edge for other in parts for edge in (other.run.first, other.run.end)}
    inside = sorted({part.run.first, part.run.end} | {e for e in edges if part.run.first < e < part.run.end})
    return [RmaRun(part.line, first, end - first) for first, end in pairwise(inside)]


def _settlement_of(order: Order, line: RmaLine, run: RmaRun) -> Settlement:
    statuses = {
        refund_status(order.payouts[p] for p in order.refunds[part.refund_id].payouts)
        for part in line.refunded
        if part.run.first < run.run.end and run.first < part.run.end
    }
    return SETTLEMENTS[next(status for status in _WORST_FIRST if status in statuses)]


def retry(case: Case, wanted: UUID, tender_id: str | None) -> None:
    """Replace a failed payout by a new one of the same amount, to the same tender or another with room for it.

    Store credit that was taken back is issued anew.

    Raises:
        WrongStateError: It has not failed, or was retried before.
        UnknownTenderError: The order has no such tender.
        AmountExceedsEntitlementError: That tender has not so much left to give back.
    """
    order, old = case.order, find(case, wanted)
    if old.status != "failed" or old.retried:
        raise WrongStateError("only a failed payout can be retried, once", status=old.status, retried=old.retried)
    to = tender_id or old.tender_id
    tender = _with_room(order, to, old.amount_minor) if to else None
    siblings = [order.payouts[p] for p in order.refunds[old.refund_id].payouts]
    attempt = 1 + sum(sibling.tender_id == to for sibling in siblings)
    new = new_payout(case, old.refund_id, tender, old.amount_minor, attempt=attempt)
    order.trigger_event(
        order.PayoutRetried,
        payout_id=old.payout_id,
        rma_id=old.rma_id,
        payout=new,
        currency=order.currency,
        timestamp=case.at,
    )
    start(case, old.refund_id)


def _with_room(order: Order, tender_id: str, amount_minor: int) -> Tender:
    tender = next((tender for tender in order.tenders if tender.tender_id == tender_id), None)
    if tender is None:
        raise UnknownTenderError(f"the order has no tender {tender_id}", tender_id=tender_id)
    available = room(order, tender_id)
    if available < amount_minor:
        raise AmountExceedsEntitlementError(asked=amount_minor, available=available, tender_id=tender_id)
    return tender


def grant_goodwill(case: Case, amount_minor: int, *, line: int | None, reason: str) -> None:
    """Give store credit beyond the entitlement, as a posting of its own."""
    case.order.trigger_event(
        case.order.GoodwillGranted,
        rma_id=case.rma.rma_id,
        line=line,
        amount_minor=amount_minor,
        reason=reason,
        postings=ledger.entry((ledger.GOODWILL, amount_minor), (ledger.STORE_CREDIT_LIABILITY, -amount_minor)),
        credit_id=goodwill_id(case.rma.rma_id, case.order.account(case.rma.rma_id).goodwill_count + 1),
        holder_id=holder_of(case.rma),
        currency=case.order.currency,
        timestamp=case.at,
    )


def claim(case: Case, amount_minor: int, *, line: int | None, reason: str) -> None:
    """Ask money back from the customer: it stands in the receivable until it is paid."""
    case.order.trigger_event(
        case.order.ClaimRaised,
        rma_id=case.rma.rma_id,
        line=line,
        amount_minor=amount_minor,
        reason=reason,
        postings=ledger.entry((ledger.CUSTOMER_RECEIVABLE, amount_minor), (ledger.SALES_RETURNS, -amount_minor)),
        currency=case.order.currency,
        timestamp=case.at,
    )
