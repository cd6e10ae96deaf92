"""Rows of payouts on which a gateway's books and ours differ."""

from __future__ import annotations

from domain.recorded import RecordedEvent
from domain.settlement.difference import SettlementDifference


def found_row(event: RecordedEvent, fact: SettlementDifference.Found) -> dict[str, object]:
    """Return the row of a difference that was found."""
    here, there = fact.here, fact.there
    return {
        "difference_id": fact.difference_id,
        "kind": fact.kind,
        "payout_id": fact.payout_id,
        "order_id": fact.order_id,
        "rma_id": fact.rma_id,
        "here_minor": here.amount_minor if here else None,
        "here_currency": here.currency if here else None,
        "here_status": here.status if here else None,
        "there_minor": there.amount_minor if there else None,
        "there_currency": there.currency if there else None,
        "reference": there.reference if there else None,
        "status": "open",
        "found_at": event.occurred_at,
    }


def resolved_row(event: RecordedEvent, fact: SettlementDifference.Resolved) -> dict[str, object]:
    """Return what an agent's answer changes in the row of a difference."""
    return {
        "difference_id": event.stream.removeprefix("difference/"),
        "status": "resolved",
        "resolved_at": event.occurred_at,
        "resolved_by": event.actor,
        "resolution": fact.resolution,
        "note": fact.note,
    }
