"""Orders in the read model ``refund_ledger``: how one is found, and whose it is."""

from __future__ import annotations

from typing import Final
from uuid import UUID

from psycopg import Connection
from psycopg.rows import dict_row

LINES_MAX: Final = 10_000
ORDER: Final = "SELECT * FROM rma_read.orders WHERE order_id = %s"
UNITS: Final = "SELECT * FROM rma_read.order_units WHERE order_id = %s ORDER BY place, line_id LIMIT %s"
SELLERS: Final = """
    SELECT asked.rma_id, sold.seller_id FROM rma_read.returns AS asked JOIN rma_read.orders AS sold USING (order_id)
    WHERE asked.rma_id = ANY(%s)
"""


def read_order(connection: Connection, order_id: str) -> dict[str, object] | None:
    """Return the row of an order with its lines as ``order_units``, rows of that view; None where it is not known."""
    with connection.cursor(row_factory=dict_row) as cursor:
        found = cursor.execute(ORDER, (order_id,)).fetchone()
        if found is not None:
            found["order_units"] = cursor.execute(UNITS, (order_id, LINES_MAX)).fetchall()
        return found


def sellers_of(connection: Connection, rma_ids: list[UUID]) -> dict[UUID, str | None]:
    """Return the sellers of the orders of these returns; those whose order is not known are left out."""
    return dict(connection.execute(SELLERS, (rma_ids,)).fetchall())
