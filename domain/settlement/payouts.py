"""What gateways say of an order's payouts, and what that does to the books.

A payout was requested, with its key, before anyone could pay it. Its outcome may come late, twice, or against an
earlier one; each other outcome than the last is a new fact, and by business time the newest counts. What is owed is
always the refund less what has settled of it: a failure after a settlement reopens the liability, a settlement beyond
it stands in the customer's receivable.
"""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime
from typing import Final
from uuid import UUID

from domain import ledger
from domain.errors import AmountDiffersError, CurrencyDiffersError, UnknownPayoutError, WrongStateError
from domain.ledger import Posting
from domain.order import Order
from domain.order.accounts import Refund
from domain.order.payout import Payout
from domain.vocabularies import FINAL_OUTCOMES, PayoutOutcome, PayoutStatus

WORST_FIRST: Final[tuple[PayoutStatus, ...]] = ("unknown", "requested", "failed", "settled")


def refund_status(payouts: Iterable[Payout]) -> PayoutStatus:
    """Return a refund's status: that of its worst payout; those in whose place other money went back do not count."""
    statuses = {payout.status for payout in payouts if payout.counts}
    return next((status for status in WORST_FIRST if status in statuses), "settled")


def find(order: Order, wanted: UUID, rma_id: UUID | None) -> Payout:
    """Return a payout of a return (None: one that no return asked for); raises ``UnknownPayoutError``."""
    payout = order.payouts.get(wanted)
    if payout is None or payout.rma_id != rma_id:
        whose = "order" if rma_id is None else "return"
        raise UnknownPayoutError(f"the {whose} has no payout {wanted}", payout_id=str(wanted))
    return payout


def record_outcome(
    order: Order,
    payout: Payout,
    outcome: PayoutOutcome,
    at: datetime,
    *,
    reference: str | None = None,
    reason: str | None = None,
) -> None:
    """Record what a gateway said; the same outcome again says nothing new, older news change nothing.

    Of a payout that gave way to money that went back elsewhere only a final outcome is news.
    """
    news = order.news.get(payout.payout_id)
    if news is not None and (news.latest == outcome or (outcome, at) in news.late):
        return
    if payout.gave_way and outcome not in FINAL_OUTCOMES:
        return
    superseded = news is not None and news.is_older(outcome, at)
    facts: dict[str, object] = {
        "payout_id": payout.payout_id,
        "refund_id": payout.refund_id,
        "rma_id": payout.rma_id,
        "reference": reference,
        "postings": () if superseded else _postings(order, payout, outcome),
        "superseded": superseded,
        "credit_id": payout.credit_id,
        "timestamp": at,
    }
    if outcome == "settled":
        order.trigger_event(order.PayoutSettled, **facts)
    elif outcome == "failed":
        order.trigger_event(order.PayoutFailed, reason=reason, **facts)
    elif outcome == "unknown":
        order.trigger_event(order.PayoutUnclear, reason=reason, **facts)
    else:
        order.trigger_event(order.PayoutPending, reason=reason, **facts)


def check_figures(order: Order, payout: Payout, amount_minor: int | None, currency: str | None) -> None:
    """Refuse an outcome that speaks of another sum than was asked for, or of one that nobody was asked for."""
    if payout.set_off:
        raise WrongStateError("it lowers what is owed on the tender, and no gateway was asked", status=payout.status)
    if payout.elsewhere:
        raise WrongStateError("it was made elsewhere, and no gateway was asked here", status=payout.status)
    if currency is not None and currency != order.currency:
        raise CurrencyDiffersError(f"the payout is in {order.currency}", expected=order.currency, found=currency)
    if amount_minor is not None and amount_minor != payout.amount_minor:
        raise AmountDiffersError(
            f"the payout is over {payout.amount_minor}", expected=payout.amount_minor, found=amount_minor
        )


def owed_minor(order: Order, refund: Refund, *, more_minor: int = 0) -> int:
    """Return what of a refund is still owed once so much more was paid; below zero: paid beyond it (minor units)."""
    of_refund = [order.payouts[payout_id] for payout_id in refund.payouts]
    settled = sum(payout.amount_minor for payout in of_refund if payout.is_settled)
    return refund.amount_minor - settled - sum(payout.covered_minor for payout in of_refund) - more_minor


def owed_and_beyond(order: Order, refund: Refund, more_minor: int) -> tuple[int, int]:
    """Return how a payment for a refund, or one taken back (below zero), divides: what was owed, what is beyond it."""
    before, after = (max(owed_minor(order, refund, more_minor=more), 0) for more in (0, more_minor))
    return before - after, more_minor - (before - after)


def _postings(order: Order, payout: Payout, outcome: PayoutOutcome) -> tuple[Posting, ...]:
    was, now = payout.is_settled, outcome == "settled"
    if was == now:
        return ()
    paid = payout.amount_minor if now else -payout.amount_minor
    owed, beyond = owed_and_beyond(order, order.refunds[payout.refund_id], paid)
    return ledger.entry((ledger.REFUNDS_OWED, owed), (ledger.CUSTOMER_RECEIVABLE, beyond), (paid_from(payout), -paid))


def paid_from(payout: Payout) -> str:
    """Return the account that a payout is made from."""
    if payout.set_off:
        return ledger.ACCOUNTS_RECEIVABLE
    return ledger.clearing(payout.tender_kind) if payout.tender_id else ledger.STORE_CREDIT_LIABILITY


def settle_ours(order: Order, refund: UUID, at: datetime) -> None:
    """Settle what of a refund is ours to give, store credit or less to pay: no gateway is waited for."""
    for payout_id in tuple(order.refunds[refund].payouts):
        payout = order.payouts[payout_id]
        if payout.is_ours and payout.awaits_outcome:
            record_outcome(order, payout, "settled", at)
