"""Returns that wait for a person, by what they wait for: the oldest request first, page by page.

A page begins behind the last return of the one before. No index names what a step changes, see ``tables``: what is not
closed is looked through in the order of its requests, and its lines or payouts by its own key: ``OFFSET 0`` keeps the
planner from joining them instead, for which it would read all payouts that ever were.
"""

from __future__ import annotations

from typing import Any, Final, Literal, NamedTuple, get_args

from psycopg import Connection
from psycopg.rows import dict_row

from projections.tracking.listing import PAGE_MAX, Place

QueueName = Literal["review", "appeals", "overdue", "payouts", "messages"]
QUEUES: Final[tuple[QueueName, ...]] = get_args(QueueName)

_WAITING: Final = """EXISTS (
        SELECT FROM rma_read.return_lines AS line WHERE line.rma_id = asked.rma_id
        AND (line.authorization_state = 'needs_review'
             OR (line.authorization_state = 'authorized' AND line.inspection_state = 'inspected'
                 AND (line.resolution = 'undecided' OR line.settlement_state = 'due')))
        OFFSET 0
    )"""
CONDITIONS: Final[dict[QueueName, str]] = {
    "review": _WAITING,
    "appeals": f"""EXISTS (
        SELECT FROM rma_read.appeals AS told WHERE told.rma_id = asked.rma_id OFFSET 0
    ) AND {_WAITING}""",
    "overdue": "asked.overdue_from <= now()",
    "payouts": """EXISTS (
        SELECT FROM rma_read.payouts AS paid WHERE paid.rma_id = asked.rma_id
        AND paid.status = 'failed' AND NOT paid.retried AND NOT paid.gave_way
        OFFSET 0
    )""",
    "messages": """(
        SELECT told.outcome FROM rma_read.notices AS told WHERE told.rma_id = asked.rma_id
        ORDER BY told.position DESC LIMIT 1
    ) IN ('bounced', 'failed')""",
}
QUEUE: Final = """
    SELECT page.*, coalesce(page.overdue_from <= now(), false) AS overdue, goods.units, goods.articles, goods.article,
           goods.paid_minor, decided.codes, disputed.since AS appealed_at
    FROM (
        SELECT * FROM rma_read.returns AS asked
        WHERE asked.closed_at IS NULL AND {condition}
          AND (asked.requested_at, asked.rma_id) > (%(requested_at)s, %(rma_id)s)
        ORDER BY asked.requested_at, asked.rma_id LIMIT %(rows)s
    ) AS page
    CROSS JOIN LATERAL (
        SELECT sum(line.quantity)::bigint AS units, count(DISTINCT line.sku) AS articles, min(line.sku) AS article,
               sum(line.paid_minor)::bigint AS paid_minor
        FROM rma_read.return_lines AS line WHERE line.rma_id = page.rma_id
    ) AS goods
    LEFT JOIN LATERAL (
        SELECT made.codes FROM rma_read.decisions AS made WHERE made.rma_id = page.rma_id
        ORDER BY made.position DESC, made.outcome = 'review' DESC LIMIT 1
    ) AS decided ON true
    CROSS JOIN LATERAL (
        SELECT max(told.occurred_at) AS since FROM rma_read.appeals AS told WHERE told.rma_id = page.rma_id
    ) AS disputed
    ORDER BY page.requested_at, page.rma_id
"""
DIFFERENCES: Final = """
    SELECT * FROM rma_read.differences
    WHERE status = 'open' AND (found_at, difference_id) > (%(requested_at)s, %(rma_id)s)
    ORDER BY found_at, difference_id LIMIT %(rows)s
"""
PARCELS: Final = """
    SELECT * FROM (
        SELECT *, md5(parcel_id)::uuid AS place_id FROM rma_read.unknown_parcels WHERE status = 'open'
    ) AS kept
    WHERE (received_at, place_id) > (%(requested_at)s, %(rma_id)s) ORDER BY received_at, place_id LIMIT %(rows)s
"""
PARCEL: Final = "SELECT * FROM rma_read.unknown_parcels WHERE parcel_id = %s AND status = 'open'"
FIRST: Final = {"requested_at": "-infinity", "rma_id": "00000000-0000-0000-0000-000000000000"}
"""Before everything."""


class QueuePage(NamedTuple):
    """What waits, and where the next page begins, if any."""

    items: list[dict[str, Any]]
    next_cursor: str | None


def read_queue(
    connection: Connection, name: QueueName, *, limit: int = PAGE_MAX, cursor: str | None = None
) -> QueuePage:
    """Return the returns that wait longest for a person, or those that follow where a page ended.

    Each row is one of view ``returns`` with ``units``, ``article`` (one of ``articles``), what was paid for them, the
    last decision's ``codes``, and since when it is ``appealed_at``.

    Raises:
        CursorInvalidError: The cursor is none.
    """
    return read_in_order(connection, queue_query(name), ("requested_at", "rma_id"), limit, cursor)


def queue_query(name: QueueName) -> str:
    """Return the statement that reads a page of a queue."""
    return QUEUE.format(condition=CONDITIONS[name])


def read_open_differences(connection: Connection, *, limit: int = PAGE_MAX, cursor: str | None = None) -> QueuePage:
    """Return the differences with a gateway's books that wait for an agent, the oldest first, page by page."""
    return read_in_order(connection, DIFFERENCES, ("found_at", "difference_id"), limit, cursor)


def read_open_parcels(connection: Connection, *, limit: int = PAGE_MAX, cursor: str | None = None) -> QueuePage:
    """Return the parcels of which nobody knows whose they are, the oldest first, page by page."""
    return read_in_order(connection, PARCELS, ("received_at", "place_id"), limit, cursor)


def find_open_parcel(connection: Connection, parcel_id: str) -> dict[str, Any] | None:
    """Return a parcel of which nobody knows whose it is, or None."""
    with connection.cursor(row_factory=dict_row) as opened:
        return opened.execute(PARCEL, (parcel_id,)).fetchone()


def read_in_order(
    connection: Connection[Any], query: str, by: tuple[str, str], limit: int, cursor: str | None
) -> QueuePage:
    """Return a page of whatever waits, by an instant and a UUID.

    Args:
        connection: Of who may read it.
        query: Gives up to ``%(rows)s`` rows that follow the place ``(%(requested_at)s, %(rma_id)s)``, in that order.
        by: The columns of both.
        limit: How many rows, ``PAGE_MAX`` at most.
        cursor: Where the page before ended.
    Raises:
        CursorInvalidError: The cursor is none.
    """
    size = min(limit, PAGE_MAX)
    place = FIRST if cursor is None else Place.from_cursor(cursor)._asdict()
    with connection.cursor(row_factory=dict_row) as opened:
        found = opened.execute(query.encode(), {**place, "rows": size + 1}).fetchall()
    shown = found[:size]
    last = shown[-1] if len(found) > size else None
    return QueuePage(shown, Place(last[by[0]], last[by[1]]).as_cursor() if last else None)
