"""Credit notes in the read model ``refund_ledger``: their table, their view, and how they are found."""

from __future__ import annotations

from dataclasses import asdict
from typing import Any, Final

from psycopg import Connection
from psycopg.rows import dict_row

from domain.recorded import RecordedEvent
from domain.settlement.credit_note_series import CreditNoteSeries
from projections.columns import CURRENCY, ORDER_ID
from projections.refund_ledger.tables import SCHEMA
from projections.table import Column, Table
from projections.view import view_of

CREDIT_NOTES: Final = Table(
    SCHEMA,
    "credit_notes",
    (
        Column("number", "text", "The note's number; those of a series and year follow each other without a gap."),
        Column("series_id", "text", "The seller's series; default where orders name no seller."),
        Column("refund_id", "uuid", "The refund it is about; empty otherwise.", null=True),
        Column("claim_id", "text", "The claim it is about, a credit what was given up of it.", null=True),
        Column("rma_id", "uuid", "The return; empty: the money moved without one.", null=True),
        ORDER_ID,
        Column("kind", "text", "credit: the customer gets it; debit: it is asked of the customer."),
        Column(
            "issued_on",
            "date",
            "Its day where the merchant counts days; the year is the number's.",
        ),
        Column("issued_at", "timestamptz", "The business time of what it is about."),
        Column("net_minor", "bigint", "Without tax, less the fees that were kept, minor units."),
        Column("tax_minor", "bigint", "The tax of all codes, minor units."),
        Column(
            "gross_minor",
            "bigint",
            "Net and tax: the amount of the refund or claim, or of what of it corrects the sale, minor units.",
        ),
        CURRENCY,
        Column("taxes", "jsonb", "By code: [{code, rate_bps, amount_minor}]."),
        Column(
            "lines",
            "jsonb",
            "What it sums up: [{kind, line_id, sku, quantity, net_minor, gross_minor, taxes}]; kept fees are negative.",
        ),
        Column("external_id", "text", "The chargeback that was won, where it is about one.", null=True),
    ),
    key=("number",),
    indexes={"refund": "(refund_id)", "order": "(order_id)", "rma": "(rma_id)", "issued": "(issued_on, number)"},
)

VIEW: Final = view_of(
    CREDIT_NOTES,
    says="One row per credit or debit note.",
    answers="Which note corrects which sale, by how much net and how much tax?",
    example="SELECT series_id, date_trunc('month', issued_on) AS month, currency, sum(net_minor) AS net_minor,"
    " sum(tax_minor) AS tax_minor FROM rma_read.credit_notes GROUP BY series_id, month, currency ORDER BY month",
)

FIND: Final = """
    SELECT note.*, sold.customer_id, sold.seller_id
    FROM rma_read.credit_notes AS note JOIN rma_read.orders AS sold USING (order_id)
    WHERE note.number = %s
"""


def row_of(event: RecordedEvent, fact: CreditNoteSeries.Issued) -> dict[str, object]:
    """Return the row of a note."""
    return {
        "number": fact.number,
        "series_id": fact.series_id,
        "refund_id": fact.refund_id,
        "claim_id": fact.claim_id,
        "rma_id": fact.rma_id,
        "order_id": fact.order_id,
        "kind": fact.kind,
        "issued_on": fact.issued_on,
        "issued_at": event.occurred_at,
        "net_minor": fact.net_minor,
        "tax_minor": fact.tax_minor,
        "gross_minor": fact.gross_minor,
        "currency": fact.currency,
        "taxes": [asdict(share) for share in fact.taxes],
        "lines": [asdict(line) for line in fact.lines],
        "external_id": fact.external_id,
    }


def find_credit_note(connection: Connection, number: str) -> dict[str, Any] | None:
    """Return a note by its number, as the view has it, with its order's ``customer_id`` and ``seller_id``, or None."""
    with connection.cursor(row_factory=dict_row) as cursor:
        return cursor.execute(FIND, (number,)).fetchone()
