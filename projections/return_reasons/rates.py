"""The queries on read model ``return_reasons``: reasons beside causes, rates, and what remedies avoided."""

from __future__ import annotations

from typing import Final

from psycopg import Connection
from psycopg.rows import dict_row

Rows = list[dict[str, object]]

REASONS: Final = """
    SELECT reason, sum(quantity)::bigint AS units, count(DISTINCT rma_id) AS returns
    FROM rma_read.return_reasons GROUP BY reason ORDER BY units DESC, reason
"""
CAUSES: Final = """
    SELECT cause, liable_party, sum(quantity)::bigint AS units, count(DISTINCT rma_id) AS returns
    FROM rma_read.return_reasons WHERE cause IS NOT NULL
    GROUP BY cause, liable_party ORDER BY units DESC, cause, liable_party
"""
VALUES: Final = """
    SELECT currency, sum(value_minor)::bigint AS value_minor, sum(quantity)::bigint AS units
    FROM rma_read.return_reasons GROUP BY currency ORDER BY currency
"""
RATES: Final = """
    SELECT sku, max(category) AS category, sum(units_sold)::bigint AS units_sold,
           sum(units_returned)::bigint AS units_returned, sum(units_defect_claimed)::bigint AS units_defect_claimed,
           sum(units_defect_confirmed)::bigint AS units_defect_confirmed
    FROM rma_read.return_rates GROUP BY sku HAVING sum(units_returned) > 0
    ORDER BY sum(units_returned) DESC, sku LIMIT %s
"""
MONTHS: Final = """
    SELECT sale_month, sum(units_sold)::bigint AS units_sold, sum(units_returned)::bigint AS units_returned
    FROM rma_read.return_rates GROUP BY sale_month ORDER BY sale_month
"""
REMEDIES: Final = """
    SELECT policy_id, policy_version, rule, kind, currency, offered, accepted, declined, lapsed, returns_avoided,
           units_saved, kept_minor, given_minor, saved_minor
    FROM rma_read.remedies ORDER BY saved_minor DESC, policy_id, policy_version, rule, kind, currency
"""

TABLES: Final = {
    "reasons": REASONS, "causes": CAUSES, "values": VALUES, "months": MONTHS, "remedies": REMEDIES,
}  # fmt: skip


def read_reason_tables(connection: Connection, *, skus_max: int) -> dict[str, Rows]:
    """Return the tables by name: ``TABLES``, and rates of the ``skus_max`` most returned articles."""
    with connection.transaction(), connection.cursor(row_factory=dict_row) as cursor:
        cursor.execute("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ READ ONLY")
        found = {name: cursor.execute(query).fetchall() for name, query in TABLES.items()}
        return found | {"rates": cursor.execute(RATES, (skus_max,)).fetchall()}
