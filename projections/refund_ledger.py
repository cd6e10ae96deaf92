"""The money side: refunds and payouts, the double-entry ledger, and what each order line still holds."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Final
from uuid import UUID

from psycopg import Connection

from domain.order import Order
from domain.order_facts import Payout
from domain.recorded import RecordedEvent
from projections.tables import Table, views_of

VERSION: Final = 3
SCHEMA: Final = f"refund_ledger_v{VERSION}"

TABLES_SQL: Final = f"""
CREATE SCHEMA IF NOT EXISTS {SCHEMA};

-- One row per refund; its status is that of its worst payout.
CREATE TABLE IF NOT EXISTS {SCHEMA}.refunds (
    refund_id    uuid        PRIMARY KEY,
    rma_id       uuid        NOT NULL,
    order_id     text        NOT NULL,
    amount_minor bigint      NOT NULL CHECK (amount_minor >= 0),
    currency     text        NOT NULL,
    status       text        NOT NULL,
    requested_at timestamptz NOT NULL,
    settled_at   timestamptz,
    because      text        NOT NULL,
    restocking_minor      bigint NOT NULL,
    return_shipping_minor bigint NOT NULL
);
CREATE INDEX IF NOT EXISTS refunds_rma ON {SCHEMA}.refunds (rma_id);

-- One row per payout of a refund to one tender (null: store credit).
CREATE TABLE IF NOT EXISTS {SCHEMA}.payouts (
    payout_id       uuid    PRIMARY KEY,
    refund_id       uuid    NOT NULL,
    rma_id          uuid    NOT NULL,
    order_id        text    NOT NULL,
    tender_id       text,
    tender_kind     text    NOT NULL,
    amount_minor    bigint  NOT NULL CHECK (amount_minor > 0),
    currency        text    NOT NULL,
    status          text    NOT NULL,
    idempotency_key text    NOT NULL UNIQUE,
    reference       text,
    reason          text,
    attempt         integer NOT NULL,
    retried         boolean NOT NULL,
    requested_at    timestamptz NOT NULL,
    outcome_at      timestamptz
);
CREATE INDEX IF NOT EXISTS payouts_refund ON {SCHEMA}.payouts (refund_id);
CREATE INDEX IF NOT EXISTS payouts_rma ON {SCHEMA}.payouts (rma_id);

-- One row per line of a double entry: debit positive, credit negative; those of one position sum to zero.
CREATE TABLE IF NOT EXISTS {SCHEMA}.ledger_entries (
    position     bigint      NOT NULL,
    entry_no     integer     NOT NULL,
    occurred_at  timestamptz NOT NULL,
    account      text        NOT NULL,
    amount_minor bigint      NOT NULL,
    currency     text        NOT NULL,
    order_id     text        NOT NULL,
    rma_id       uuid        NOT NULL,
    refund_id    uuid,
    PRIMARY KEY (position, entry_no)
);
CREATE INDEX IF NOT EXISTS ledger_entries_order ON {SCHEMA}.ledger_entries (order_id);

CREATE OR REPLACE VIEW {SCHEMA}.ledger_balances AS
    SELECT account, currency, sum(amount_minor)::bigint AS balance_minor
    FROM {SCHEMA}.ledger_entries GROUP BY account, currency;

-- One row per order: what its postings need to know of it, and the returned line in exchange for which it was given.
CREATE TABLE IF NOT EXISTS {SCHEMA}.orders (
    order_id             text PRIMARY KEY,
    currency             text NOT NULL,
    exchange_of_order_id text,
    exchange_of_rma_id   uuid,
    exchange_of_line     integer
);
CREATE INDEX IF NOT EXISTS orders_given ON {SCHEMA}.orders (exchange_of_order_id)
    WHERE exchange_of_order_id IS NOT NULL;

-- One row per order line: where its units and its cents are, and whose they were (place: its number in the order).
CREATE TABLE IF NOT EXISTS {SCHEMA}.order_units (
    order_id       text    NOT NULL,
    line_id        text    NOT NULL,
    sku            text    NOT NULL,
    sold           integer NOT NULL,
    delivered      integer NOT NULL,
    in_return      integer NOT NULL,
    returned       integer NOT NULL,
    refunded_units integer NOT NULL,
    paid_minor     bigint  NOT NULL,
    shipping_minor bigint  NOT NULL,
    refunded_minor bigint  NOT NULL,
    customer_id    text    NOT NULL,
    currency       text    NOT NULL,
    ordered_at     timestamptz,
    place          integer NOT NULL,
    last_delivered_at timestamptz,
    goods_minor    bigint  NOT NULL,
    tax_minor      bigint  NOT NULL,
    PRIMARY KEY (order_id, line_id)
);
CREATE INDEX IF NOT EXISTS order_units_sold ON {SCHEMA}.order_units (customer_id, sku);
"""


def _table(name: str, columns: str, key: str) -> Table:
    return Table(SCHEMA, name, tuple(columns.split()), tuple(key.split()))


REFUNDS = _table(
    "refunds",
    "refund_id rma_id order_id amount_minor currency status requested_at settled_at because restocking_minor"
    " return_shipping_minor",
    "refund_id",
)
PAYOUTS = _table(
    "payouts",
    "payout_id refund_id rma_id order_id tender_id tender_kind amount_minor currency status idempotency_key reference"
    " reason attempt retried requested_at outcome_at",
    "payout_id",
)
ENTRIES = _table(
    "ledger_entries",
    "position entry_no occurred_at account amount_minor currency order_id rma_id refund_id",
    "position entry_no",
)
ORDERS = _table("orders", "order_id currency exchange_of_order_id exchange_of_rma_id exchange_of_line", "order_id")
UNIT_COUNTERS: Final = ("sold", "delivered", "in_return", "returned", "refunded_units")
MONEY_COUNTERS: Final = ("paid_minor", "shipping_minor", "refunded_minor")
COUNTERS: Final = UNIT_COUNTERS + MONEY_COUNTERS
SOLD: Final[dict[str, Any]] = {"sku": "", "customer_id": "", "currency": "", "ordered_at": None, "place": 0}
"""What an order's first fact says of a line; rows that only count carry these in their place."""
SOLD_MINOR: Final = {"goods_minor": 0, "tax_minor": 0}
UNITS = Table(
    SCHEMA,
    "order_units",
    ("order_id", "line_id", *SOLD, *SOLD_MINOR, *COUNTERS, "last_delivered_at"),
    ("order_id", "line_id"),
)

TYPES: Final = frozenset(
    getattr(Order, name).TOPIC
    for name in (
        "Registered Delivered UnitsTaken UnitsReturned UnitsFreed RefundRequested PayoutSettled PayoutFailed"
        " PayoutUnclear PayoutRetried Exchanged GoodwillGranted ClaimRaised"
    ).split()
)
PAYOUT_STATUS: Final = {Order.PayoutSettled: "settled", Order.PayoutFailed: "failed", Order.PayoutUnclear: "unknown"}

_REFUND_STATUS: Final = f"""
UPDATE {SCHEMA}.refunds AS refund SET
    status = CASE WHEN told.unknown THEN 'unknown' WHEN told.requested THEN 'requested'
                  WHEN told.failed THEN 'failed' ELSE 'settled' END,
    settled_at = CASE WHEN told.unknown OR told.requested OR told.failed THEN NULL ELSE told.outcome_at END
FROM (
    SELECT refund_id, bool_or(status = 'unknown') AS unknown, bool_or(status = 'requested') AS requested,
           bool_or(status = 'failed') AS failed, max(outcome_at) AS outcome_at
    FROM {SCHEMA}.payouts WHERE refund_id = ANY(%s) AND NOT retried GROUP BY refund_id
) AS told
WHERE told.refund_id = refund.refund_id
"""


class RefundLedger:
    """The projection ``refund_ledger``."""

    name = "refund_ledger"
    version = VERSION
    tables_sql = TABLES_SQL
    views_sql = views_of(SCHEMA, "refunds payouts ledger_entries ledger_balances order_units orders".split())

    def fold(self, connection: Connection[Any], events: Sequence[RecordedEvent]) -> None:
        """Fold a batch in memory, then write each table once."""
        batch = _Batch()
        for event in events:
            if event.type in TYPES:
                batch.note(event)
        batch.write(connection)


class _Batch:
    """The rows that a batch of events adds or changes."""

    def __init__(self) -> None:
        self.orders: list[dict[str, Any]] = []
        self.units: dict[tuple[str, str], dict[str, Any]] = {}
        self.refunds: list[dict[str, Any]] = []
        self.payouts: dict[UUID, dict[str, Any]] = {}
        self.outcomes: dict[UUID, dict[str, Any]] = {}
        self.replaced: set[UUID] = set()
        self.entries: list[dict[str, Any]] = []
        self.moved: set[UUID] = set()

    def note(self, event: RecordedEvent) -> None:
        fact, order_id = event.fact, event.partition_key
        match fact:
            case Order.Registered():
                self._registered(fact)
            case Order.Delivered():
                for line in fact.lines:
                    row = self._count(order_id, line.line_id, delivered=line.quantity)
                    row["last_delivered_at"] = max(event.occurred_at, row["last_delivered_at"] or event.occurred_at)
            case Order.UnitsTaken():
                for run in fact.runs:
                    self._count(order_id, run.line_id, in_return=run.count)
            case Order.UnitsReturned():
                for run in fact.runs:
                    self._count(order_id, run.line_id, in_return=-run.count, returned=run.count)
            case Order.UnitsFreed():
                held = "returned" if fact.because in {"sent_back", "repaired"} else "in_return"
                for run in fact.runs:
                    self._count(order_id, run.line_id, **{held: -run.count})
            case Order.RefundRequested():
                self._requested(event, fact)
            case Order.PayoutSettled() | Order.PayoutFailed() | Order.PayoutUnclear():
                self._outcome(event, fact)
            case Order.PayoutRetried():
                self.replaced.add(fact.payout_id)
                self._payout(event, fact.payout)
                self.moved.add(fact.payout.refund_id)
        self._post(event, fact)

    def _registered(self, fact: Order.Registered) -> None:
        given = fact.exchange_of
        self.orders.append(
            {
                "order_id": fact.order_id,
                "currency": fact.currency,
                "exchange_of_order_id": given.order_id if given else None,
                "exchange_of_rma_id": given.rma_id if given else None,
                "exchange_of_line": given.line if given else None,
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
            **SOLD_MINOR,
            **dict.fromkeys(COUNTERS, 0),
            "last_delivered_at": None,
        }
        row = self.units.setdefault((order_id, line_id), new)
        for counter, more in counters.items():
            row[counter] += more
        return row

    def _requested(self, event: RecordedEvent, fact: Order.RefundRequested) -> None:
        self.refunds.append(
            {
                "refund_id": fact.refund_id,
                "rma_id": fact.rma_id,
                "order_id": event.partition_key,
                "amount_minor": fact.amount_minor,
                "currency": fact.currency,
                "status": "requested" if fact.payouts else "settled",
                "requested_at": event.occurred_at,
                "settled_at": None if fact.payouts else event.occurred_at,
                "because": fact.because,
                "restocking_minor": fact.restocking_minor,
                "return_shipping_minor": fact.return_shipping_minor,
            }
        )
        line_id = fact.credits[0].line_id  # a refund is for units of one line
        self._count(event.partition_key, line_id, refunded_units=fact.units, refunded_minor=fact.amount_minor)
        for payout in fact.payouts:
            self._payout(event, payout, fact.currency)

    def _payout(self, event: RecordedEvent, payout: Payout, currency: str | None = None) -> None:
        self.payouts[payout.payout_id] = {
            "payout_id": payout.payout_id,
            "refund_id": payout.refund_id,
            "rma_id": payout.rma_id,
            "order_id": event.partition_key,
            "tender_id": payout.tender_id,
            "tender_kind": payout.tender_kind,
            "amount_minor": payout.amount_minor,
            "currency": currency,
            "status": payout.status,
            "idempotency_key": payout.idempotency_key,
            "reference": None,
            "reason": None,
            "attempt": payout.attempt,
            "retried": False,
            "requested_at": event.occurred_at,
            "outcome_at": None,
        }

    def _outcome(self, event: RecordedEvent, fact: Any) -> None:
        self.outcomes[fact.payout_id] = {
            "payout_id": fact.payout_id,
            "status": PAYOUT_STATUS[type(fact)],
            "reference": fact.reference,
            "reason": getattr(fact, "reason", None),
            "outcome_at": event.occurred_at,
        }
        self.moved.add(fact.refund_id)

    def _post(self, event: RecordedEvent, fact: Any) -> None:
        for number, posting in enumerate(getattr(fact, "postings", ()), start=1):
            self.entries.append(
                {
                    "position": event.position,
                    "entry_no": number,
                    "occurred_at": event.occurred_at,
                    "account": posting.account,
                    "amount_minor": posting.amount_minor,
                    "currency": None,
                    "order_id": event.partition_key,
                    "rma_id": fact.rma_id,
                    "refund_id": getattr(fact, "refund_id", None),
                }
            )

    def write(self, connection: Connection[Any]) -> None:
        ORDERS.insert(connection, self.orders)
        UNITS.add(connection, self.units.values(), counters=COUNTERS, latest=["last_delivered_at"])
        self._name_currencies(connection)
        REFUNDS.insert(connection, self.refunds)
        PAYOUTS.insert(connection, list(self.payouts.values()))
        ENTRIES.insert(connection, self.entries)
        retried = [{"payout_id": payout_id, "retried": True} for payout_id in self.replaced]
        PAYOUTS.update(connection, retried, columns=["retried"])
        PAYOUTS.update(
            connection, list(self.outcomes.values()), columns=["status", "reference", "reason", "outcome_at"]
        )
        if self.moved:
            connection.execute(_REFUND_STATUS, [list(self.moved)])

    def _name_currencies(self, connection: Connection[Any]) -> None:
        """Fill in the orders' currencies, which facts about payouts and goodwill do not repeat."""
        unnamed = [row for row in (*self.payouts.values(), *self.entries) if row["currency"] is None]
        if not unnamed:
            return
        query = f"SELECT order_id, currency FROM {SCHEMA}.orders WHERE order_id = ANY(%s)"
        known = dict(connection.execute(query, [list({row["order_id"] for row in unnamed})]).fetchall())
        for row in unnamed:
            row["currency"] = known[row["order_id"]]
