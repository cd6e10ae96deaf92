"""What waits for a person: requests that policy left open or that were appealed, and goods that were not accepted."""

from __future__ import annotations

from typing import Any, Final

from psycopg import Connection
from psycopg.rows import dict_row

QUEUE_MAX: Final = 10_000

QUEUE: Final = """
WITH waiting AS (
    SELECT rma_id, line, min(line_id) AS line_id, min(sku) AS sku, min(reason) AS reason, min(wish) AS wish,
           sum(quantity)::bigint AS quantity, sum(paid_minor)::bigint AS paid_minor, min(grade) AS grade,
           CASE WHEN authorization_state = 'needs_review' THEN 'request' ELSE 'inspection' END AS stage
    FROM rma_read.return_lines
    WHERE authorization_state = 'needs_review'
       OR (authorization_state = 'authorized' AND inspection_state = 'inspected'
           AND (resolution = 'undecided' OR settlement_state = 'due'))
    GROUP BY rma_id, line, authorization_state = 'needs_review', stage
)
SELECT waiting.*, r.rma_number, r.order_id, r.customer_id, r.currency, r.requested_at,
       greatest(asked.at, appealed.at) AS waiting_since,
       CASE WHEN appealed.at IS NULL THEN asked.codes ELSE asked.codes || ARRAY['appealed'] END AS codes
FROM waiting
JOIN rma_read.returns AS r USING (rma_id)
CROSS JOIN LATERAL (
    SELECT d.codes, t.occurred_at AS at
    FROM rma_read.decisions AS d JOIN rma_read.return_timeline AS t USING (rma_id, position)
    WHERE d.rma_id = waiting.rma_id AND d.line = waiting.line AND d.stage = waiting.stage
    ORDER BY d.outcome = 'review' DESC, d.position DESC LIMIT 1
) AS asked
LEFT JOIN LATERAL (
    SELECT max(a.occurred_at) AS at FROM rma_read.appeals AS a
    WHERE a.rma_id = waiting.rma_id AND a.line = waiting.line AND waiting.stage = 'request'
) AS appealed ON true
WHERE r.status <> 'closed'
ORDER BY waiting_since, r.rma_number, waiting.line LIMIT %s
"""


def read_review_queue(connection: Connection, limit: int = QUEUE_MAX) -> list[dict[str, Any]]:
    """Return what waits for a person, the longest first, with the codes that say why.

    ``stage`` is ``request`` (for ``DecideRequest``) or ``inspection`` (for ``DecideResolution``).
    """
    with connection.cursor(row_factory=dict_row) as cursor:
        return cursor.execute(QUEUE, (min(limit, QUEUE_MAX),)).fetchall()
