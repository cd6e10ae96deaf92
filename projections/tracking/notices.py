"""Messages to the customer of a return, and what became of each."""

from __future__ import annotations

from typing import Any, Final
from uuid import UUID

from psycopg import Connection
from psycopg.rows import dict_row

NOTICES_MAX: Final = 200
NOTICES: Final = "SELECT * FROM rma_read.notices WHERE rma_id = %s ORDER BY position, notice_id LIMIT %s"


def read_notices(connection: Connection, rma_id: UUID) -> list[dict[str, Any]]:
    """Return the messages about a return, the first one first."""
    with connection.cursor(row_factory=dict_row) as cursor:
        return cursor.execute(NOTICES, (rma_id, NOTICES_MAX)).fetchall()
