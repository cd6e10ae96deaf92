"""What the doors hold of a customer who was erased, and the log does not: his files, sessions, links and mails go.

The log says who was erased and when. What came afterwards is somebody's who came back, and stays. All of it can be done
again, so it is: views may not have shown everything the first time.
"""

from __future__ import annotations

from datetime import timedelta
from typing import Final

import structlog
from psycopg import Connection

from infra.log.queries import erased_customers
from workers.http.evidence_store import URI, Folder, remove
from workers.http.mails import START_LINK_FOR
from workers.http.visitors import SESSION_FOR

LOG = structlog.get_logger()
ALL: Final = timedelta(days=36_500)
ERASED: Final = "SELECT * FROM unnest(%(customers)s::text[], %(times)s::timestamptz[]) AS told (customer_id, erased_at)"
FILES: Final = f"""
    WITH erased AS ({ERASED})
    SELECT kept.evidence_id FROM erased JOIN rma_read.returns AS asked ON asked.requester_id = erased.customer_id
    JOIN rma_read.evidence AS told USING (rma_id)
    JOIN rma_http.evidence AS kept ON told.uri = %(uri)s || kept.evidence_id::text AND kept.stored_at <= erased_at
    UNION
    SELECT kept.evidence_id FROM erased JOIN rma_http.sessions USING (customer_id)
    JOIN rma_http.uploads USING (session)
    JOIN rma_http.evidence AS kept USING (evidence_id) WHERE kept.stored_at <= erased_at
"""  # noqa: S608 - statements of our own
OF_CUSTOMER: Final = "held.customer_id = erased.customer_id"
OF_ORDER: Final = "held.order_id IN (SELECT order_id FROM rma_read.orders WHERE customer_id = erased.customer_id)"
HELD: Final = (
    ("sessions", OF_CUSTOMER, "held.ends_at - %(session)s"),
    ("return_links", OF_CUSTOMER, "held.made_at"),
    ("start_links", OF_CUSTOMER, "held.ends_at - %(link)s"),
    ("outbox", OF_ORDER, "held.made_at"),
    ("withdrawals", OF_ORDER, "held.declared_at"),
    ("pending_commands", OF_ORDER.replace("held.order_id", "held.body->>'order_id'", 1), "held.asked_at"),
)
"""Tables, whose a row is, when it was made. Uploads go with their sessions, links still to be mailed with the mail."""


def _delete(table: str, owner: str, made_at: str) -> str:
    erased = f"({ERASED}) AS erased"
    return f"DELETE FROM rma_http.{table} AS held USING {erased} WHERE {owner} AND {made_at} <= erased_at"  # noqa: S608 - names of our own


def forget_erased(connection: Connection, folder: Folder, within: timedelta = ALL) -> int:
    """Remove what is held of customers erased so recently; return how many files and rows there were."""
    erased = erased_customers(connection, within)
    if not erased:
        return 0
    given = {"customers": list(erased), "times": list(erased.values())} | {
        "uri": URI.format(""),
        "session": SESSION_FOR,
        "link": START_LINK_FOR,
    }
    files = [evidence_id for (evidence_id,) in connection.execute(FILES.encode(), given).fetchall()]
    remove(connection, folder, files)
    rows = sum(connection.execute(_delete(*held).encode(), given).rowcount for held in HELD)
    if files or rows:
        LOG.info("erased_customers_forgotten", files=len(files), rows=rows)
    return len(files) + rows
