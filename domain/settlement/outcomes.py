"""What a gateway said of a payout, and what that does to a surplus that the customer had paid back."""

from __future__ import annotations

from datetime import datetime

from domain.order import Order
from domain.order.payout import Payout
from domain.settlement import overpayments, payouts
from domain.vocabularies import PayoutOutcome


def record(
    order: Order,
    payout: Payout,
    outcome: PayoutOutcome,
    at: datetime,
    *,
    reference: str | None = None,
    reason: str | None = None,
) -> None:
    """Record what a gateway said; a surplus that was none, as it was not paid out after all, is given back."""
    payouts.record_outcome(order, payout, outcome, at, reference=reference, reason=reason)
    if outcome == "failed":
        overpayments.give_back(order, payout.rma_id, "surplus", at)
