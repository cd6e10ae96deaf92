"""How far a return has come, as its customer is shown it: when each step was first and last taken by its units."""

from __future__ import annotations

from typing import Any, Final
from uuid import UUID

from psycopg import Connection
from psycopg.rows import dict_row

STEPS: Final = ("authorized_at", "handed_over_at", "received_at", "inspected_at", "resolved_at", "paid_at")
PROGRESS: Final = f"""
    SELECT min(requested_at) AS requested_at, {", ".join(f"max({step}) AS {step}" for step in STEPS)}
    FROM rma_read.return_flow WHERE rma_id = %s
"""
NOTES: Final = """
    SELECT number, kind, gross_minor, currency, issued_on FROM rma_read.credit_notes
    WHERE rma_id = %s ORDER BY issued_at, number LIMIT 100
"""
PARCELS: Final = """
    SELECT label_id, carrier, tracking_number, status, last_scan_at FROM rma_read.parcels
    WHERE rma_id = %s ORDER BY label_id LIMIT 100
"""
LAST_LABEL: Final = "SELECT label_id FROM rma_read.labels WHERE rma_id = %s ORDER BY position DESC LIMIT 1"


def last_label(connection: Connection, rma_id: UUID) -> str | None:
    """Return the id of the label that was issued last for a return, or None."""
    row = connection.execute(LAST_LABEL, (rma_id,)).fetchone()
    return None if row is None else row[0]


def read_progress(connection: Connection, rma_id: UUID) -> dict[str, Any]:
    """Return when each step was last taken by units of a return (None: by none yet), its ``notes`` and ``parcels``."""
    with connection.cursor(row_factory=dict_row) as cursor:
        told = cursor.execute(PROGRESS, (rma_id,)).fetchone() or {}
        notes = cursor.execute(NOTES, (rma_id,)).fetchall()
        return {**told, "notes": notes, "parcels": cursor.execute(PARCELS, (rma_id,)).fetchall()}
