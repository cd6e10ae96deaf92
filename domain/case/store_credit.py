"""Store credit that returns give: whose it is."""

from __future__ import annotations

from domain.rma import Rma


def holder_of(rma: Rma) -> str:
    """Return who holds a return's store credit: the customer; of a gift its recipient, unnamed: the return's number."""
    return (rma.recipient_id or rma.rma_number) if rma.gift else rma.customer_id
