"""The money side: refunds and payouts, the double-entry ledger, and what each order line still holds."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Final
from uuid import UUID

from psycopg import Connection

from domain import ledger
from domain.fact import Fact
from domain.order import Order
from domain.order.money_facts import PayoutHeard
from domain.order.sale_facts import Registered
from domain.recorded import RecordedEvent
from domain.settlement.credit_note_series import CreditNoteSeries
from domain.settlement.difference import SettlementDifference
from projections.refund_ledger.credit_notes import CREDIT_NOTES, VIEW, row_of
from projections.refund_ledger.differences import found_row, resolved_row
from projections.refund_ledger.receivables import Receivables
from projections.refund_ledger.refunds import Refunds
from projections.refund_ledger.tables import (
    COUNTERS,
    DIFFERENCES,
    LEDGER_ENTRIES,
    ORDER_UNITS,
    ORDERS,
    SCHEMA,
    SOLD,
    STORE_CREDIT,
    TABLES,
    VERSION,
)
from projections.refund_ledger.views import VIEWS
from projections.table import tables_sql

KINDS: Final = frozenset(
    getattr(Order, name)
    for name in (
        "Registered Delivered UnitsTaken UnitsReturned UnitsFreed UnitsCancelled RefundRequested PayoutSettled"
        " PayoutFailed PayoutUnclear PayoutPending PayoutRetried PaymentReceived Exchanged ExchangeCalledOff"
        " CustomerPaid ReceivableWrittenOff ExchangeClosed GoodwillGranted ClaimRaised ClaimReversed StoreCreditSpent"
        " ExternalRefundRecorded ChargebackDecided PaymentReturned WriteOffReversed ExchangeReopened ExchangeWithdrawn"
    ).split()
) | {SettlementDifference.Found, SettlementDifference.Resolved, CreditNoteSeries.Issued}


class RefundLedger:
    """The projection ``refund_ledger``."""

    name = "refund_ledger"
    version = VERSION
    tables_sql = tables_sql(SCHEMA, (*TABLES, CREDIT_NOTES))
    views = (*VIEWS, VIEW)

    def fold(self, connection: Connection, events: Sequence[RecordedEvent]) -> None:
        """Fold a batch in memory, then write each table once."""
        batch = _Batch()
        for event in events:
            if event.kind in KINDS:
                batch.note(event)
        batch.write(connection)


def _refund_of(fact: Fact) -> UUID | None:
    """Return the refund that a fact posts for; one of which fees left nothing is none."""
    if isinstance(fact, Order.RefundRequested) and not fact.amount_minor:
        return None
    found: UUID | None = getattr(fact, "refund_id", None)
    return found


class _Batch:
    """The rows that a batch of events adds or changes."""

    def __init__(self) -> None:
        self.orders: list[dict[str, object]] = []
        self.units: dict[tuple[str, str], dict[str, Any]] = {}
        self.refunds = Refunds()
        self.receivables = Receivables()
        self.entries: list[dict[str, object]] = []
        self.credit: dict[UUID, dict[str, Any]] = {}
        self.differences: list[dict[str, object]] = []
        self.resolutions: list[dict[str, object]] = []
        self.credit_notes: list[dict[str, object]] = []

    def note(self, event: RecordedEvent) -> None:
        fact = event.fact
        if isinstance(fact, CreditNoteSeries.Issued):
            self.credit_notes.append(row_of(event, fact))
            return
        self._units(event, fact)
        self._refunded(event, fact)
        self.refunds.note(event, fact)
        self._store_credit(event, fact)
        self._difference(event, fact)
        self._post(event, fact)
        self.receivables.note(event, fact)

    def _units(self, event: RecordedEvent, fact: Fact) -> None:
        order_id = event.partition_key
        match fact:
            case Order.Registered():
                self._registered(fact)
            case Order.Delivered():
                for line in fact.lines:
                    row = self._count(order_id, line.line_id, delivered=line.quantity)
                    row["first_delivered_at"] = min(event.occurred_at, row["first_delivered_at"] or event.occurred_at)
                    row["last_delivered_at"] = max(event.occurred_at, row["last_delivered_at"] or event.occurred_at)
            case Order.UnitsTaken():
                for run in fact.runs:
                    self._count(order_id, run.line_id, in_return=run.count)
            case Order.UnitsReturned():
                for run in fact.runs:
                    self._count(order_id, run.line_id, in_return=-run.count, returned=run.count)
            case Order.UnitsCancelled():
                for run in fact.runs:
                    self._count(order_id, run.line_id, cancelled=run.count)
            case Order.UnitsFreed():
                for run in fact.runs:
                    self._count(order_id, run.line_id, **{fact.status_before: -run.count})

    def _refunded(self, event: RecordedEvent, fact: Fact) -> None:
        match fact:
            case Order.RefundRequested() | Order.ExternalRefundRecorded() | Order.ChargebackDecided():
                for line in fact.by_line:
                    counted = {"refunded_units": line.units, "refunded_minor": line.amount_minor}
                    self._count(event.partition_key, line.line_id, **counted)

    def _store_credit(self, event: RecordedEvent, fact: Fact) -> None:
        match fact:
            case Order.RefundRequested() | Order.PaymentReturned() | Order.PayoutRetried():
                for payout in fact.payouts:
                    if payout.tender_id is None:
                        self._credit(event, fact, payout.credit)["holder_id"] = payout.holder_id
            case Order.StoreCreditSpent():
                self._credit(event, fact, fact.credit_id)["spent_minor"] += fact.amount_minor
            case Order.GoodwillGranted() if fact.credit_id is not None:
                row = self._credit(event, fact, fact.credit_id)
                row["holder_id"] = fact.holder_id
                row["issued_minor"] += fact.amount_minor
            case PayoutHeard():
                if given := -ledger.balance(getattr(fact, "postings", ()), ledger.STORE_CREDIT_LIABILITY):
                    self._credit(event, fact, fact.credit_id or fact.payout_id)["issued_minor"] += given

    def _difference(self, event: RecordedEvent, fact: Fact) -> None:
        match fact:
            case SettlementDifference.Found():
                self.differences.append(found_row(event, fact))
            case SettlementDifference.Resolved():
                self.resolutions.append(resolved_row(event, fact))

    def _registered(self, fact: Registered) -> None:
        given = fact.exchange_of
        self.orders.append(
            {
                "order_id": fact.order_id,
                "currency": fact.currency,
                "exchange_of_order_id": given.order_id if given else None,
                "exchange_of_rma_id": given.rma_id if given else None,
                "exchange_of_line": given.line if given else None,
                "customer_id": fact.customer_id,
                "country": fact.country,
                "channel": fact.channel,
                "seller_id": fact.seller_id,
                "customer_tier": fact.customer_tier,
                "ordered_at": fact.timestamp,
                "lines": len(fact.lines),
                "units": sum(line.quantity for line in fact.lines),
                "charged_minor": sum(line.paid_minor + line.shipping_minor for line in fact.lines),
            }
        )
        for place, line in enumerate(fact.lines, start=1):
            row = self._count(
                fact.order_id,
                line.line_id,
                sold=line.quantity,
                paid_minor=line.paid_minor,
                shipping_minor=line.shipping_minor,
            )
            row |= {"sku": line.sku, "customer_id": fact.customer_id, "currency": fact.currency}
            row |= {"ordered_at": fact.timestamp, "place": place}
            row |= {"goods_minor": line.goods_minor, "tax_minor": line.tax_minor}

    def _count(self, order_id: str, line_id: str, **counters: int) -> dict[str, Any]:
        new = {
            "order_id": order_id,
            "line_id": line_id,
            **SOLD,
            **dict.fromkeys(COUNTERS, 0),
            "first_delivered_at": None,
            "last_delivered_at": None,
        }
        row = self.units.setdefault((order_id, line_id), new)
        for counter, more in counters.items():
            row[counter] += more
        return row

    def _post(self, event: RecordedEvent, fact: Fact) -> None:
        for number, posting in enumerate(getattr(fact, "postings", ()), start=1):
            self.entries.append(
                {
                    "position": event.position,
                    "entry_no": number,
                    "occurred_at": event.occurred_at,
                    "account": posting.account,
                    "amount_minor": posting.amount_minor,
                    "currency": getattr(fact, "currency", None),
                    "order_id": event.partition_key,
                    "rma_id": getattr(fact, "rma_id", None),
                    "refund_id": _refund_of(fact),
                    "tax_code": posting.tax_code,
                }
            )

    def _credit(self, event: RecordedEvent, fact: Any, credit_id: UUID) -> dict[str, Any]:
        new = {
            "credit_id": credit_id,
            "holder_id": "",
            "order_id": event.partition_key,
            "rma_id": fact.rma_id,
            "currency": None,
            "issued_minor": 0,
            "spent_minor": 0,
            "moved_at": event.occurred_at,
        }
        row = self.credit.setdefault(credit_id, new)
        row["moved_at"] = max(event.occurred_at, row["moved_at"])
        return row

    def write(self, connection: Connection) -> None:
        ORDERS.insert(connection, self.orders)
        ORDER_UNITS.add(
            connection,
            self.units.values(),
            counters=COUNTERS,
            latest=["last_delivered_at"],
            earliest=["first_delivered_at"],
        )
        self._name_currencies(connection)
        self.refunds.write(connection)
        LEDGER_ENTRIES.insert(connection, self.entries)
        CREDIT_NOTES.insert(connection, self.credit_notes)
        STORE_CREDIT.add(
            connection, self.credit.values(), counters=["issued_minor", "spent_minor"], latest=["moved_at"]
        )
        self.receivables.write(connection)
        DIFFERENCES.insert(connection, self.differences)
        DIFFERENCES.update(
            connection, self.resolutions, columns=["status", "resolved_at", "resolved_by", "resolution", "note"]
        )

    def _name_currencies(self, connection: Connection) -> None:
        """Fill in the orders' currencies, which most facts do not repeat."""
        owed = self.receivables.rows.values()
        rows = (*self.refunds.payouts.values(), *self.credit.values(), *self.entries, *owed)
        unnamed = [row for row in rows if row["currency"] is None]
        if not unnamed:
            return
        query = f"SELECT order_id, currency FROM {SCHEMA}.orders WHERE order_id = ANY(%s)"
        known: dict[str, str] = dict(connection.execute(query, [list({row["order_id"] for row in unnamed})]).fetchall())
        for row in unnamed:
            row["currency"] = known[row["order_id"]]
