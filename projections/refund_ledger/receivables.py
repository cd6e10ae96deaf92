"""What customers owe, by reason and return: the rows that a batch of events adds to."""

from __future__ import annotations

from typing import Any, Final
from uuid import UUID

from psycopg import Connection

from domain import ledger
from domain.fact import Fact
from domain.identity import receivable_id
from domain.order import Order
from domain.recorded import RecordedEvent
from projections.refund_ledger.tables import RECEIVABLES

COUNTERS: Final = ("amount_minor", "paid_minor", "written_off_minor", "called_off_minor")


class Receivables:
    """The rows of a batch."""

    def __init__(self) -> None:
        self.rows: dict[UUID, dict[str, Any]] = {}

    def note(self, event: RecordedEvent, fact: Any) -> None:
        """Count in what a fact lets the customer owe, pay, or be spared."""
        if owed_for := getattr(fact, "owed_for", None):
            moved = ledger.balance(fact.postings, ledger.CUSTOMER_RECEIVABLE)
            column = "amount_minor" if moved > 0 else "called_off_minor"
            self._count(event, fact.rma_id, owed_for, column, abs(moved))
        match fact:
            case Order.CustomerPaid():
                for share in fact.shares:
                    self._count(event, share.rma_id, share.because, "paid_minor", share.amount_minor)
            case Order.ReceivableWrittenOff():
                for share in fact.shares:
                    self._count(event, share.rma_id, share.because, "written_off_minor", share.amount_minor)
            case Order.PaymentReturned():
                self._count(event, fact.rma_id, fact.because, "paid_minor", -fact.amount_minor)
            case Order.WriteOffReversed():
                self._count(event, fact.rma_id, fact.because, "written_off_minor", -fact.amount_minor)
            case Order.ExternalRefundRecorded():
                for share in fact.surplus:
                    self._count(event, share.rma_id, share.because, "amount_minor", share.amount_minor)
            case Order.ChargebackDecided():
                for share in fact.called_off:
                    column = "called_off_minor" if share.amount_minor > 0 else "amount_minor"
                    self._count(event, share.rma_id, share.because, column, abs(share.amount_minor))
        self._note_exchange(event, fact)

    def _note_exchange(self, event: RecordedEvent, fact: Fact) -> None:
        """Count in what the order of a new article does to the difference that is owed."""
        match fact:
            case Order.ExchangeClosed():
                column = "called_off_minor" if fact.set_off else "paid_minor"
                self._count(event, fact.rma_id, "exchange_difference", column, fact.lowered_minor)
            case Order.ExchangeReopened():
                self._count(event, fact.rma_id, "exchange_difference", "paid_minor", -fact.paid_minor)

    def _count(self, event: RecordedEvent, rma_id: UUID | None, owed_for: str, column: str, amount_minor: int) -> None:
        if not amount_minor:
            return
        name = receivable_id(event.partition_key, rma_id, owed_for)
        new = {
            "receivable_id": name,
            "order_id": event.partition_key,
            "rma_id": rma_id,
            "because": owed_for,
            **dict.fromkeys(COUNTERS, 0),
            "currency": None,
            "since": event.occurred_at,
        }
        self.rows.setdefault(name, new)[column] += amount_minor

    def write(self, connection: Connection) -> None:
        """Add the rows up with those that are there; what was first owed stays the beginning."""
        RECEIVABLES.add(connection, self.rows.values(), counters=COUNTERS)
