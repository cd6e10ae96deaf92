"""Tables of the read model ``return_reasons``."""

from __future__ import annotations

from typing import Final

from domain.vocabularies import Cause, Disposition, Grade, LiableParty, Reason
from projections.columns import CURRENCY, FIRST_UNIT, LINE, LINE_ID, ORDER_ID, RMA_ID, SKU, one_of
from projections.table import Column, Table

VERSION: Final = 5
SCHEMA: Final = f"return_reasons_v{VERSION}"

CATEGORY: Final = Column("category", "text", "The article's category, where the order says one.", null=True)
POLICY_ID: Final = Column("policy_id", "text", "The policy that the order is held to.")
POLICY_VERSION: Final = Column("policy_version", "integer", "Which of its versions.")
SALE_MONTH: Final = Column("sale_month", "date", "Month of the sale by its first day, UTC.")
UNITS_SOLD: Final = Column("units_sold", "bigint", "Units sold.")

LINES = Table(
    SCHEMA,
    "lines",
    (
        RMA_ID,
        LINE,
        ORDER_ID,
        LINE_ID,
        SKU,
        CATEGORY,
        Column("channel", "text", "Where it was sold, in the shop's own word."),
        Column("country", "text", "Where the customer is, ISO 3166-1 alpha-2."),
        Column("customer_id", "text", "Whose order it is."),
        CURRENCY,
        Column("ordered_at", "timestamptz", "When the order was placed."),
        Column("requested_at", "timestamptz", "When the return was asked for."),
        Column("reason", "text", f"The reason claimed: {one_of(Reason)}."),
        Column("asked", "integer[]", "The units asked for: of each run the first and how many."),
        Column("sold", "integer", "Units of the order line."),
        Column("goods_minor", "bigint", "What was paid for the goods of the order line, minor units."),
        Column("tax_minor", "bigint", "The tax on top, minor units."),
        Column("shipping_minor", "bigint", "Its share of outward shipping, minor units."),
        POLICY_ID,
        POLICY_VERSION,
    ),
    key=("rma_id", "line"),
    indexes={"customer": "(customer_id, requested_at)", "order": "(order_id, line_id)", "sku": "(sku)"},
)

RUNS = Table(
    SCHEMA,
    "runs",
    (
        RMA_ID,
        LINE,
        FIRST_UNIT,
        Column("quantity", "integer", "Units of the run."),
        Column("value_minor", "bigint", "What was paid for them, goods and tax, minor units."),
        Column("returned", "boolean", "Whether the order counts them as returned."),
        Column("received", "boolean", "Whether they came in; else they were made good: kept, lost or never sent."),
        Column("went_back", "text", "How they went back to the customer: sent_back, repaired.", null=True),
        Column("cause", "text", f"The cause found: {one_of(Cause)}; empty before inspection.", null=True),
        Column(
            "liable_party", "text", f"Who answers for it: {one_of(LiableParty)}; empty before inspection.", null=True
        ),
        Column("grade", "text", f"Condition found: {one_of(Grade)}; empty before inspection.", null=True),
        Column(
            "disposition",
            "text",
            f"What was decided to become of the goods: {one_of(Disposition)}; empty while they are held.",
            null=True,
        ),
    ),
    key=("rma_id", "line", "first_unit"),
    rules=("CHECK (quantity > 0)",),
    moves=True,
)

EARLY = Table(
    SCHEMA,
    "early",
    (
        RMA_ID,
        LINE_ID,
        FIRST_UNIT,
        Column("quantity", "integer", "Units that came back."),
    ),
    key=("rma_id", "line_id", "first_unit"),
)
"""Logs begun long ago tell that units came back before the request that they came back by, in one append."""

SALES = Table(SCHEMA, "sales", (SKU, SALE_MONTH, CATEGORY, UNITS_SOLD), key=("sku", "sale_month"))

OFFERS = Table(
    SCHEMA,
    "offers",
    (
        RMA_ID,
        LINE,
        POLICY_ID,
        POLICY_VERSION,
        Column("rule", "text", "The rule that offered it."),
        Column("kind", "text", "What was offered: troubleshooting, partial_refund, exchange_bonus."),
        CURRENCY,
        Column("units", "integer", "Units that it was offered on."),
        Column("worth_minor", "bigint", "What would have gone back for them, before return shipping, minor units."),
        Column("return_shipping_minor", "bigint", "Return shipping that the customer would have borne, minor units."),
        Column("is_waived", "boolean", "Whether no fees would have been taken."),
        Column("gives_minor", "bigint", "What the customer gets if it is accepted, minor units."),
        Column("answer", "text", "The answer, once there is one: accepted, declined, lapsed.", null=True),
        Column("units_saved", "integer", "Units that stay with the customer because it was accepted."),
        Column("kept_minor", "bigint", "What would have gone back for those, minor units."),
        Column("return_avoided", "boolean", "Whether the whole return was avoided."),
    ),
    key=("rma_id", "line"),
    rules=("CHECK (units > 0)",),
)

TABLES: Final = (LINES, RUNS, EARLY, SALES, OFFERS)
