"""What was decided on the lines of a return, and why: what ``rma explain`` tells."""

from __future__ import annotations

from typing import Any, Final
from uuid import UUID

from psycopg import Connection
from psycopg.rows import dict_row

DECISIONS_MAX: Final = 10_000

DECIDED: Final = """
SELECT decided.*, asked.sku, decided.quantity AS units
FROM rma_read.decisions AS decided
JOIN (
    SELECT rma_id, line, min(sku) AS sku FROM rma_read.return_lines
    WHERE rma_id = %(rma_id)s GROUP BY rma_id, line
) AS asked USING (rma_id, line)
WHERE decided.rma_id = %(rma_id)s ORDER BY decided.line, decided.position LIMIT %(limit)s
"""


def read_decisions(connection: Connection[Any], rma_id: UUID) -> list[dict[str, Any]]:
    """Return the decisions on a return's lines, line by line in the order in which they were made."""
    with connection.cursor(row_factory=dict_row) as cursor:
        return cursor.execute(DECIDED, {"rma_id": rma_id, "limit": DECISIONS_MAX}).fetchall()
