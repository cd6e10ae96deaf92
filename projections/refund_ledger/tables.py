"""Tables of the read model ``refund_ledger``."""

from __future__ import annotations

from typing import Final

from domain.vocabularies import (
    DifferenceKind,
    DifferenceResolution,
    OwedFor,
    PayoutStatus,
    RefundGround,
    TenderKind,
)
from projections.columns import CURRENCY, LINE_ID, OCCURRED_AT, ORDER_ID, POSITION, SKU, one_of
from projections.table import Column, Table

VERSION: Final = 17
SCHEMA: Final = f"refund_ledger_v{VERSION}"

_RMA_ID: Final = Column("rma_id", "uuid", "The return; empty: the money moved without one.", null=True)
_REFUND_ID: Final = Column("refund_id", "uuid", "The refund.")
_AMOUNT: Final = Column("amount_minor", "bigint", "Its amount, minor units.")
_REQUESTED_AT: Final = Column("requested_at", "timestamptz", "When it was requested.")
_CUSTOMER_ID: Final = Column("customer_id", "text", "Whose order it is.")

REFUNDS = Table(
    SCHEMA,
    "refunds",
    (
        _REFUND_ID,
        _RMA_ID,
        ORDER_ID,
        Column("amount_minor", "bigint", "What goes back, net of fees, minor units."),
        CURRENCY,
        Column(
            "status",
            "text",
            f"That of its worst payout, those in whose place other money went back left out: {one_of(PayoutStatus)}.",
        ),
        _REQUESTED_AT,
        Column(
            "settled_at", "timestamptz", "When its last payout settled; empty before, and once one failed.", null=True
        ),
        Column("because", "text", f"What led to it: {one_of(RefundGround)}."),
        Column("restocking_minor", "bigint", "Restocking fee kept from it, minor units; below zero: given back."),
        Column("return_shipping_minor", "bigint", "Return shipping kept from it, minor units; below zero: given back."),
        Column("rounding_minor", "bigint", "What cash was rounded by, in its amount, minor units; below zero: down."),
        Column(
            "promotion_minor",
            "bigint",
            "What is lost of promotions that no longer hold and came off it, minor units; below zero: given back.",
        ),
        Column("promotions", "jsonb", "That by promotion: a list of promotion_id and amount_minor."),
    ),
    key=("refund_id",),
    rules=("CHECK (amount_minor >= 0)",),
    indexes={"rma": "(rma_id)", "requested": "(requested_at)"},
    moves=True,
)

PAYOUTS = Table(
    SCHEMA,
    "payouts",
    (
        Column("payout_id", "uuid", "The payout."),
        _REFUND_ID,
        _RMA_ID,
        ORDER_ID,
        Column(
            "tender_id",
            "text",
            "The order's tender that it goes to, or the customer's payment that it gives back; empty: store credit.",
            null=True,
        ),
        Column("tender_kind", "text", f"What that is: {one_of(TenderKind)}."),
        _AMOUNT,
        CURRENCY,
        Column("status", "text", f"What the gateway says: {one_of(PayoutStatus)}."),
        Column("idempotency_key", "text", "The key under which the gateway is asked, always the same."),
        Column(
            "reference",
            "text",
            "The gateway's own name for it; to a later payment, first that one's.",
            null=True,
        ),
        Column("reason", "text", "Why it failed or is unclear, as the gateway says.", null=True),
        Column("attempt", "integer", "Which payout of the refund to this tender it is, from 1."),
        Column("retried", "boolean", "Whether another payout took its place after it failed."),
        _REQUESTED_AT,
        Column("outcome_at", "timestamptz", "When the gateway last said something.", null=True),
        Column("elsewhere", "boolean", "Whether it was made elsewhere, before we knew of it."),
        Column("gave_way", "boolean", "Whether it failed because its money went back elsewhere."),
        Column("covered_minor", "bigint", "What of it went back elsewhere in its place, minor units."),
    ),
    key=("payout_id",),
    rules=("CHECK (amount_minor > 0)", "UNIQUE (idempotency_key)"),
    indexes={"refund": "(refund_id)", "rma": "(rma_id)"},
    moves=True,
)

LEDGER_ENTRIES = Table(
    SCHEMA,
    "ledger_entries",
    (
        POSITION,
        Column("entry_no", "integer", "The line within the entry, from 1."),
        OCCURRED_AT,
        Column("account", "text", "The account, as the chart of accounts names it."),
        Column("amount_minor", "bigint", "Debit positive, credit negative, minor units."),
        CURRENCY,
        ORDER_ID,
        _RMA_ID,
        Column("refund_id", "uuid", "The refund, where it is about one.", null=True),
        Column(
            "tax_code",
            "text",
            "Under which code the tax is, on sales_tax; empty: the order names no taxes.",
            null=True,
        ),
    ),
    key=("position", "entry_no"),
    indexes={"order": "(order_id)", "occurred": "(occurred_at)"},
)

ORDERS = Table(
    SCHEMA,
    "orders",
    (
        ORDER_ID,
        CURRENCY,
        Column("exchange_of_order_id", "text", "The order in exchange for which it was given.", null=True),
        Column("exchange_of_rma_id", "uuid", "The return in exchange for which it was given.", null=True),
        Column("exchange_of_line", "integer", "The line of that return.", null=True),
        _CUSTOMER_ID,
        Column("country", "text", "Where the customer is, ISO 3166-1 alpha-2."),
        Column("channel", "text", "Where it was sold, in the shop's own word."),
        Column("seller_id", "text", "Who sold it, on a marketplace.", null=True),
        Column("customer_tier", "text", "The customer's tier when it was placed, in the shop's own word.", null=True),
        Column("ordered_at", "timestamptz", "When it was placed."),
        Column("lines", "integer", "How many lines it has."),
        Column("units", "integer", "Units sold, over all lines."),
        Column("charged_minor", "bigint", "What was paid: goods, tax and shipping after all discounts, minor units."),
    ),
    key=("order_id",),
    indexes={
        "given": "(exchange_of_order_id) WHERE exchange_of_order_id IS NOT NULL",
        "customer": "(customer_id, ordered_at)",
        "seller": "(seller_id) WHERE seller_id IS NOT NULL",
        "ordered": "(ordered_at)",
    },
)

ORDER_UNITS = Table(
    SCHEMA,
    "order_units",
    (
        ORDER_ID,
        LINE_ID,
        SKU,
        Column("sold", "integer", "Units sold."),
        Column("delivered", "integer", "Units that reached the customer."),
        Column("in_return", "integer", "Units in an open return: asked for, and neither received nor freed again."),
        Column(
            "returned",
            "integer",
            "Units returned: received, or made good without coming in; less those sent back or repaired.",
        ),
        Column("refunded_units", "integer", "Units for which anything of their price or tax was refunded."),
        Column("paid_minor", "bigint", "What was paid for the line, goods and tax, minor units."),
        Column("shipping_minor", "bigint", "Its share of outward shipping, with the tax on it, minor units."),
        Column("refunded_minor", "bigint", "Refunds requested for it, net of fees, minor units."),
        _CUSTOMER_ID,
        CURRENCY,
        Column("ordered_at", "timestamptz", "When the order was placed.", null=True),
        Column("place", "integer", "The line's place in its order, from 1."),
        Column("last_delivered_at", "timestamptz", "When units last reached the customer.", null=True),
        Column("goods_minor", "bigint", "What was paid for the goods after all discounts, minor units."),
        Column("tax_minor", "bigint", "The tax on top; 0 where prices include it, minor units."),
        Column("first_delivered_at", "timestamptz", "When units first reached the customer.", null=True),
        Column("cancelled", "integer", "Units that will not be delivered after all; they count as sold, too."),
    ),
    key=("order_id", "line_id"),
    indexes={"sold": "(customer_id, sku)"},
    moves=True,
)

STORE_CREDIT = Table(
    SCHEMA,
    "store_credit",
    (
        Column("credit_id", "uuid", "The store credit: the first payout that issued it, or the goodwill."),
        Column("holder_id", "text", "Who may spend it."),
        ORDER_ID,
        _RMA_ID,
        CURRENCY,
        Column("issued_minor", "bigint", "What was issued, less what was taken back, minor units."),
        Column("spent_minor", "bigint", "What its holder has spent, minor units."),
        Column(
            "balance_minor",
            "bigint",
            "What is left, minor units; below zero where spent credit was taken back.",
            null=True,
            generated="issued_minor - spent_minor",
        ),
        Column("moved_at", "timestamptz", "When it last changed."),
    ),
    key=("credit_id",),
    indexes={"holder": "(holder_id)"},
)

RECEIVABLES = Table(
    SCHEMA,
    "receivables",
    (
        Column("receivable_id", "uuid", "What is owed for this reason on this return."),
        ORDER_ID,
        _RMA_ID,
        Column("because", "text", f"What it is owed for: {one_of(OwedFor)}."),
        Column("amount_minor", "bigint", "What was asked for in all, minor units."),
        Column("paid_minor", "bigint", "What the customer paid of it, less what was given back, minor units."),
        Column("written_off_minor", "bigint", "What was given up of it, minor units."),
        Column("called_off_minor", "bigint", "What is no longer asked for, as its ground went, minor units."),
        Column(
            "open_minor",
            "bigint",
            "What has yet to come, minor units.",
            null=True,
            generated="amount_minor - paid_minor - written_off_minor - called_off_minor",
        ),
        CURRENCY,
        Column("since", "timestamptz", "When it was first owed."),
    ),
    key=("receivable_id",),
    indexes={"order": "(order_id)", "since": "(since)"},
)

DIFFERENCES = Table(
    SCHEMA,
    "differences",
    (
        Column("difference_id", "uuid", "The difference."),
        Column("kind", "text", f"What differs: {one_of(DifferenceKind)}."),
        Column("payout_id", "uuid", "The payout it is about, as the gateway's file names it."),
        Column("order_id", "text", "The order, where we know the payout.", null=True),
        Column("rma_id", "uuid", "The return, where we know the payout.", null=True),
        Column("here_minor", "bigint", "Its amount in our books, minor units.", null=True),
        Column("here_currency", "text", "The currency of that, ISO 4217.", null=True),
        Column("here_status", "text", f"Its status in our books: {one_of(PayoutStatus)}.", null=True),
        Column("there_minor", "bigint", "Its amount in the gateway's file, minor units.", null=True),
        Column("there_currency", "text", "The currency of that, ISO 4217.", null=True),
        Column("reference", "text", "The gateway's own name for it.", null=True),
        Column("status", "text", "Whether it waits for an agent: open, resolved."),
        Column("found_at", "timestamptz", "When it was found."),
        Column("resolved_at", "timestamptz", "When it was resolved.", null=True),
        Column("resolved_by", "text", "Who resolved it, as kind:id.", null=True),
        Column("resolution", "text", f"What came of it: {one_of(DifferenceResolution)}.", null=True),
        Column("note", "text", "What the agent found out.", null=True),
    ),
    key=("difference_id",),
    indexes={"open": "(found_at) WHERE status = 'open'"},
)

TABLES: Final = (REFUNDS, PAYOUTS, LEDGER_ENTRIES, ORDERS, ORDER_UNITS, STORE_CREDIT, DIFFERENCES, RECEIVABLES)

UNIT_COUNTERS: Final = ("sold", "delivered", "in_return", "returned", "refunded_units", "cancelled")
MONEY_COUNTERS: Final = ("paid_minor", "shipping_minor", "refunded_minor")
COUNTERS: Final = UNIT_COUNTERS + MONEY_COUNTERS
SOLD: Final[dict[str, object]] = {
    "sku": "", "customer_id": "", "currency": "", "ordered_at": None, "place": 0, "goods_minor": 0, "tax_minor": 0,
}  # fmt: skip
"""What an order's first fact says of a line; rows that only count carry these in their place."""
