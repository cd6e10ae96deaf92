"""What was decided on the lines of a return, and why: what ``rma explain`` tells."""

from __future__ import annotations

from typing import Final
from uuid import UUID

from psycopg import Connection
from psycopg.rows import dict_row

from projections.tracking import words

DECISIONS_MAX: Final = 10_000

DECIDED: Final = """
SELECT decided.*, asked.sku, decided.quantity AS units
FROM rma_read.decisions AS decided
JOIN (
    SELECT rma_id, line, min(sku) AS sku FROM rma_read.return_lines
    WHERE rma_id = %(rma_id)s GROUP BY rma_id, line
) AS asked USING (rma_id, line)
WHERE decided.rma_id = %(rma_id)s AND decided.by = 'policy'
ORDER BY decided.line, decided.position LIMIT %(limit)s
"""
BY_PERSONS: Final = """
SELECT position, occurred_at, actor, type, data FROM rma_read.return_timeline
WHERE rma_id = %(rma_id)s AND type = ANY(%(types)s) ORDER BY position LIMIT %(limit)s
"""


PROMOTED: Final = """
SELECT refund_id, amount_minor, currency, promotions FROM rma_read.refunds
WHERE rma_id = %(rma_id)s AND promotions <> '[]' ORDER BY requested_at, refund_id LIMIT %(limit)s
"""


def read_promoted_refunds(connection: Connection, rma_id: UUID) -> list[dict[str, object]]:
    """Return the refunds of a return that took something off for promotions, or gave it back, in their order."""
    with connection.cursor(row_factory=dict_row) as cursor:
        return cursor.execute(PROMOTED, {"rma_id": rma_id, "limit": DECISIONS_MAX}).fetchall()


def read_decisions(connection: Connection, rma_id: UUID) -> list[dict[str, object]]:
    """Return the decisions on a return's lines, line by line in the order in which they were made.

    Those of policy are rows of view ``decisions``, those of persons as ``words.decisions_by_persons`` reads them; each
    has ``sku`` and ``units``.
    """
    limits = {"rma_id": rma_id, "types": list(words.BY_PERSONS), "limit": DECISIONS_MAX}
    with connection.cursor(row_factory=dict_row) as cursor:
        decided = cursor.execute(DECIDED, limits).fetchall()
        articles = {row["line"]: row["sku"] for row in decided}
        by_persons = words.decisions_by_persons(cursor.execute(BY_PERSONS, limits).fetchall())
        decided += [row | {"sku": articles[row["line"]]} for row in by_persons]
    return sorted(decided, key=lambda row: (row["line"], row["position"]))
