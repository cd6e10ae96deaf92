"""The stable views on projection ``refund_ledger``: what each row says, what it is for, a first question."""

from __future__ import annotations

from typing import Final

from projections.columns import CURRENCY
from projections.refund_ledger.tables import (
    DIFFERENCES,
    LEDGER_ENTRIES,
    ORDER_UNITS,
    ORDERS,
    PAYOUTS,
    RECEIVABLES,
    REFUNDS,
    SCHEMA,
    STORE_CREDIT,
)
from projections.table import Column
from projections.view import View, view_of

_OF_ORDER: Final = f"FROM {SCHEMA}.order_units AS line WHERE line.order_id = sold.order_id"

SALES: Final = View(
    "orders",
    "One row per order: who bought what where, and the returned line in exchange for which it was given, if any.",
    "How much was sold, by country, channel, tier or seller: what do rates divide by?",
    ORDERS.key,
    (
        *ORDERS.columns,
        Column("units_delivered", "bigint", "Units that reached the customer, over all lines."),
        Column("first_delivered_at", "timestamptz", "When the first of its units reached the customer.", null=True),
        Column("last_delivered_at", "timestamptz", "When units last reached the customer.", null=True),
    ),
    f"""SELECT {", ".join(column.name for column in ORDERS.columns)},
        (SELECT sum(line.delivered) {_OF_ORDER}) AS units_delivered,
        (SELECT min(line.first_delivered_at) {_OF_ORDER}) AS first_delivered_at,
        (SELECT max(line.last_delivered_at) {_OF_ORDER}) AS last_delivered_at
    FROM {SCHEMA}.orders AS sold""",
    "SELECT country, count(*) AS orders, sum(units) AS units FROM rma_read.orders GROUP BY country ORDER BY units DESC",
)

LEDGER_BALANCES: Final = View(
    "ledger_balances",
    "One row per account and currency: the sum of its entries. Those of one currency sum to zero.",
    "What is owed, what was paid out, what was kept?",
    ("account", "currency"),
    (
        next(column for column in LEDGER_ENTRIES.columns if column.name == "account"),
        CURRENCY,
        Column("balance_minor", "bigint", "Debit positive, credit negative, minor units."),
    ),
    "SELECT account, currency, sum(amount_minor)::bigint AS balance_minor"
    f" FROM {SCHEMA}.ledger_entries GROUP BY account, currency",
    "SELECT currency, -sum(balance_minor) AS owed_minor FROM rma_read.ledger_balances"
    " WHERE account = 'refunds_owed' GROUP BY currency ORDER BY currency",
)

VIEWS: Final = (
    view_of(
        REFUNDS,
        says="One row per refund; its status is that of its worst payout.",
        answers="How much goes back, why, and which fees were kept?",
        example="SELECT currency, status, count(*) AS refunds, sum(amount_minor) AS amount_minor"
        " FROM rma_read.refunds GROUP BY currency, status ORDER BY currency, status",
    ),
    view_of(
        PAYOUTS,
        says="One row per payout of a refund to one tender.",
        answers="Which way does the money go back, and has it arrived?",
        example="SELECT currency, tender_kind, sum(amount_minor) AS amount_minor FROM rma_read.payouts"
        " WHERE status = 'settled' GROUP BY currency, tender_kind ORDER BY currency, tender_kind",
    ),
    view_of(
        LEDGER_ENTRIES,
        says="One row per line of a double entry; those of one position sum to zero.",
        answers="Which fact moved which account?",
        example="SELECT date_trunc('month', occurred_at) AS month, currency, sum(amount_minor) AS returned_minor"
        " FROM rma_read.ledger_entries WHERE account = 'sales_returns' GROUP BY month, currency ORDER BY month",
    ),
    LEDGER_BALANCES,
    SALES,
    view_of(
        ORDER_UNITS,
        says="One row per order line: where its units and its cents are.",
        answers="What of a line came back, what is on its way, what may still be returned?",
        example="SELECT sum(sold) AS sold, sum(delivered) AS delivered, sum(in_return) AS in_return,"
        " sum(returned) AS returned FROM rma_read.order_units",
    ),
    view_of(
        STORE_CREDIT,
        says="One row per store credit that a refund or goodwill issued.",
        answers="Who holds store credit, and how much is left of it?",
        example="SELECT currency, sum(balance_minor) AS left_minor FROM rma_read.store_credit"
        " GROUP BY currency ORDER BY currency",
    ),
    view_of(
        RECEIVABLES,
        says="One row per reason for which a customer owes money on a return or an order.",
        answers="Who owes what since when, and what of it was paid or given up?",
        example="SELECT because, currency, sum(open_minor) AS open_minor FROM rma_read.receivables"
        " GROUP BY because, currency ORDER BY because, currency",
    ),
    view_of(
        DIFFERENCES,
        says="One row per payout on which a gateway's settlement file and our books differ.",
        answers="Do the gateway's books agree with ours?",
        example="SELECT kind, status, count(*) AS differences FROM rma_read.differences"
        " GROUP BY kind, status ORDER BY kind, status",
    ),
)
