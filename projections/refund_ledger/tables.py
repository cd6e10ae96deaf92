"""Tables of the read model ``refund_ledger``."""

from __future__ import annotations

from typing import Any, Final

from projections.table import Table, views_of

VERSION: Final = 5
SCHEMA: Final = f"refund_ledger_v{VERSION}"

TABLES_SQL: Final = f"""
CREATE SCHEMA IF NOT EXISTS {SCHEMA};

-- One row per refund; its status is that of its worst payout.
CREATE TABLE IF NOT EXISTS {SCHEMA}.refunds (
    refund_id    uuid        PRIMARY KEY,
    rma_id       uuid,
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
    rma_id          uuid,
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
    rma_id       uuid,
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

-- One row per store credit: who may spend it, what a return issued (less what was taken back), and what is left.
CREATE TABLE IF NOT EXISTS {SCHEMA}.store_credit (
    credit_id     uuid        PRIMARY KEY,
    holder_id     text        NOT NULL,
    order_id      text        NOT NULL,
    rma_id        uuid        NOT NULL,
    currency      text        NOT NULL,
    issued_minor  bigint      NOT NULL,
    spent_minor   bigint      NOT NULL,
    balance_minor bigint      GENERATED ALWAYS AS (issued_minor - spent_minor) STORED,
    moved_at      timestamptz NOT NULL
);
CREATE INDEX IF NOT EXISTS store_credit_holder ON {SCHEMA}.store_credit (holder_id);

-- One row per payout on which a gateway's settlement file and our books differ.
CREATE TABLE IF NOT EXISTS {SCHEMA}.differences (
    difference_id  uuid        PRIMARY KEY,
    kind           text        NOT NULL,
    payout_id      uuid        NOT NULL,
    order_id       text,
    rma_id         uuid,
    here_minor     bigint,
    here_currency  text,
    here_status    text,
    there_minor    bigint,
    there_currency text,
    reference      text,
    status         text        NOT NULL,
    found_at       timestamptz NOT NULL,
    resolved_at    timestamptz,
    resolved_by    text,
    resolution     text,
    note           text
);
CREATE INDEX IF NOT EXISTS differences_open ON {SCHEMA}.differences (found_at) WHERE status = 'open';
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
STORE_CREDIT = _table(
    "store_credit", "credit_id holder_id order_id rma_id currency issued_minor spent_minor moved_at", "credit_id"
)
DIFFERENCES = _table(
    "differences",
    "difference_id kind payout_id order_id rma_id here_minor here_currency here_status there_minor there_currency"
    " reference status found_at",
    "difference_id",
)
VIEWS_SQL: Final = views_of(
    SCHEMA,
    "refunds payouts ledger_entries ledger_balances order_units orders store_credit differences".split(),
)
