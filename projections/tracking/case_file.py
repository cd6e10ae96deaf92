"""Everything the read models hold about one return: what ``rma show`` prints."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any, Final
from uuid import UUID

from psycopg import Connection
from psycopg.rows import dict_row

from domain.errors import UnusableInputError
from domain.identity import has_check_symbol
from projections.tracking import words

Rows = list[dict[str, Any]]

TIMELINE_EVENTS_MAX: Final = 2_000
LINES_MAX: Final = 2_000
EXCHANGES_DEPTH_MAX: Final = 20
SHARING_MAX: Final = 10
"""How many returns are named that share a parcel."""
NUMBER_PREFIX: Final = "RMA"
NUMBER_SYMBOLS: Final = 13
MISREAD: Final = str.maketrans({"O": "0", "I": "1", "L": "1"})
"""Letters that Crockford's base 32 leaves out, because people read them as digits."""

RETURN: Final = "SELECT * FROM rma_read.returns WHERE rma_id = %s"
KNOWN: Final = "SELECT rma_id FROM rma_read.returns WHERE rma_id = ANY(%s)"
RETURN_BY_NUMBER: Final = "SELECT rma_id FROM rma_read.returns WHERE rma_number = %s"
RETURNS_BY_PARCEL: Final = """
    SELECT rma_id, rma_number FROM rma_read.returns WHERE tracking_number = ANY(%(typed)s)
    UNION
    SELECT rma_id, rma_number FROM rma_read.labels JOIN rma_read.returns USING (rma_id)
    WHERE labels.tracking_number = ANY(%(typed)s)
    ORDER BY rma_number LIMIT %(rows)s
"""
LINES: Final = "SELECT * FROM rma_read.return_lines WHERE rma_id = %s ORDER BY line LIMIT %s"
TIMELINE: Final = "SELECT * FROM rma_read.return_timeline WHERE rma_id = %s ORDER BY position LIMIT %s"
REFUNDS: Final = "SELECT * FROM rma_read.refunds WHERE rma_id = %s ORDER BY requested_at, refund_id LIMIT %s"
PAYOUTS: Final = "SELECT * FROM rma_read.payouts WHERE rma_id = %s ORDER BY refund_id, payout_id LIMIT %s"
EVIDENCE: Final = "SELECT * FROM rma_read.evidence WHERE rma_id = %s ORDER BY position, evidence_id LIMIT %s"
FEEDBACK: Final = "SELECT * FROM rma_read.feedback WHERE rma_id = %s ORDER BY position LIMIT %s"
DEADLINES: Final = "SELECT * FROM rma_read.deadlines WHERE rma_id = %s ORDER BY due_at, kind LIMIT %s"
PARTS: Final = {"lines": LINES, "refunds": REFUNDS, "payouts": PAYOUTS, "deadlines": DEADLINES}
TIMELINE_PAGE: Final = """
    SELECT * FROM rma_read.return_timeline WHERE rma_id = %s AND position > %s ORDER BY position LIMIT %s
"""
TERMS: Final = """
    SELECT DISTINCT ON (line) * FROM rma_read.return_terms WHERE rma_id = %s ORDER BY line, position DESC LIMIT %s
"""
ALLOCATION: Final = "SELECT * FROM rma_read.order_units WHERE order_id = %s ORDER BY place, line_id LIMIT %s"
RETURNS_OF_ORDER: Final = """
    SELECT rma_id, rma_number, status, next_step, refund_minor, currency, requested_at FROM rma_read.returns
    WHERE order_id = %s ORDER BY requested_at, rma_number LIMIT %s
"""
EXCHANGES: Final = """
    WITH RECURSIVE earlier AS (
        SELECT orders.*, 0 AS depth FROM rma_read.orders WHERE order_id = %(order_id)s
        UNION ALL
        SELECT orders.*, earlier.depth - 1 FROM earlier
        JOIN rma_read.orders ON orders.order_id = earlier.exchange_of_order_id
        WHERE earlier.depth > -%(depth_max)s
    ), later AS (
        SELECT orders.*, 0 AS depth FROM rma_read.orders WHERE order_id = %(order_id)s
        UNION ALL
        SELECT orders.*, later.depth + 1 FROM later
        JOIN rma_read.orders ON orders.exchange_of_order_id = later.order_id
        WHERE later.depth < %(depth_max)s
    )
    SELECT DISTINCT chain.depth, chain.order_id, chain.exchange_of_order_id, chain.exchange_of_rma_id,
           chain.exchange_of_line, returns.rma_number AS exchange_of_rma_number
    FROM (SELECT * FROM earlier UNION ALL SELECT * FROM later) AS chain
    LEFT JOIN rma_read.returns ON returns.rma_id = chain.exchange_of_rma_id
    ORDER BY chain.depth, chain.order_id LIMIT %(rows_max)s
"""


class AmbiguousNumberError(UnusableInputError):
    """A number stands for several returns."""

    code = "number_ambiguous"

    def __init__(self, text: str, numbers: Sequence[str]) -> None:
        super().__init__(f"{text} carried the goods of several returns, name one: {', '.join(numbers)}")
        self.numbers = numbers


@dataclass(frozen=True, slots=True)
class CaseFile:
    """One return with its lines, their terms in force, events, money and deadlines; rows as the views have them.

    ``claims`` and ``persons`` are read off the timeline, see ``words``: what the customer says of each line, and what
    persons decided.
    """

    summary: dict[str, Any]
    lines: Rows
    terms: Rows
    timeline: Rows
    refunds: Rows
    payouts: Rows
    deadlines: Rows
    evidence: Rows
    feedback: Rows
    claims: Rows
    persons: Rows

    def as_dict(self) -> dict[str, Any]:
        """Return the parts by name."""
        return asdict(self)


def normal_number(text: str) -> str | None:
    """Return an RMA number as it is stored, from how people type it; None for what can be none.

    Capitals, dashes and the leading ``RMA`` may be left out; O is read as 0, I and L as 1.
    """
    symbols = "".join(text.upper().replace("-", " ").split()).removeprefix(NUMBER_PREFIX)
    if len(symbols) != NUMBER_SYMBOLS:
        return None
    body, check = symbols[:-1].translate(MISREAD), symbols[-1].translate(MISREAD)
    return f"{NUMBER_PREFIX}-{body[:4]}-{body[4:8]}-{body[8:]}-{check}"


def is_misread(text: str) -> bool:
    """Tell whether a text looks like an RMA number but can be none, because its check symbol does not fit."""
    number = normal_number(text)
    return number is not None and not has_check_symbol(number)


def find_return(connection: Connection, text: str) -> UUID | None:
    """Return the id of the return that a text names, by id, number or tracking number; None where there is none.

    A tracking number is one of its labels, or the last that a hand-over or scan named.

    Raises:
        AmbiguousNumberError: A parcel held the goods of several returns.
    """
    try:
        return UUID(text)
    except ValueError:
        return the_one(text, find_by_number(connection, text))


def find_by_number(connection: Connection, text: str) -> dict[UUID, str]:
    """Return the ids of the returns that a number names, an RMA's or a parcel's, each with its RMA number."""
    number = normal_number(text)
    row = connection.execute(RETURN_BY_NUMBER, (number,)).fetchone() if number else None
    if row and number:
        return {row[0]: number}
    bare = "".join(text.split())
    typed = list(dict.fromkeys((text.strip(), text.strip().upper(), bare, bare.upper())))
    by_parcel = {"typed": typed, "rows": SHARING_MAX}
    return dict(connection.execute(RETURNS_BY_PARCEL, by_parcel).fetchall())


def known_among(connection: Connection, rma_ids: Sequence[UUID]) -> list[UUID]:
    """Return those of these returns that are there."""
    return [rma_id for (rma_id,) in connection.execute(KNOWN, (list(rma_ids),))]


def the_one(text: str, found: Mapping[UUID, str]) -> UUID | None:
    """Return the one return that was found, or None; raises ``AmbiguousNumberError`` where there are several."""
    if len(found) > 1:
        raise AmbiguousNumberError(text, list(found.values()))
    return next(iter(found), None)


def read_case_file(connection: Connection, rma_id: UUID) -> CaseFile | None:
    """Return what the read models hold about a return, as of one instant; None for an unknown one."""
    with connection.transaction():
        connection.execute("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ READ ONLY")
        return case_file_at(connection, rma_id)


def case_file_at(connection: Connection, rma_id: UUID) -> CaseFile | None:
    """Return what the read models hold about a return as the transaction at hand sees it; None for an unknown one."""
    with connection.cursor(row_factory=dict_row) as cursor:
        summary = cursor.execute(RETURN, (rma_id,)).fetchone()
        if summary is None:
            return None

        def rows(query: str, limit: int = LINES_MAX) -> Rows:
            return cursor.execute(query.encode(), (rma_id, limit)).fetchall()

        timeline = rows(TIMELINE, TIMELINE_EVENTS_MAX)
        return CaseFile(
            summary=summary,
            lines=rows(LINES),
            terms=rows(TERMS),
            timeline=timeline,
            refunds=rows(REFUNDS),
            payouts=rows(PAYOUTS),
            deadlines=rows(DEADLINES),
            evidence=rows(EVIDENCE),
            feedback=rows(FEEDBACK),
            claims=words.claims(timeline),
            persons=list(words.decisions_by_persons(timeline)),
        )


def read_return(connection: Connection, rma_id: UUID) -> dict[str, Any] | None:
    """Return the row of a return with its ``lines``, ``refunds``, ``payouts`` and ``deadlines``, as of one instant."""
    with connection.transaction():
        connection.execute("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ READ ONLY")
        with connection.cursor(row_factory=dict_row) as cursor:
            found = cursor.execute(RETURN, (rma_id,)).fetchone()
            if found is not None:
                for name, query in PARTS.items():
                    found[name] = cursor.execute(query.encode(), (rma_id, LINES_MAX)).fetchall()
            return found


def read_timeline(connection: Connection, rma_id: UUID, *, after: int, limit: int) -> Rows:
    """Return the events of a return behind a position, in their order, at most so many."""
    with connection.cursor(row_factory=dict_row) as cursor:
        return cursor.execute(TIMELINE_PAGE, (rma_id, after, limit)).fetchall()


def read_exchanges(connection: Connection, order_id: str) -> Rows:
    """Return the orders that an order was given in exchange for, and those given for it, as far as the chain goes.

    ``depth`` is negative for the earlier ones, 0 for the order itself, positive for the later ones. An order that was
    part of no exchange is alone.
    """
    limits = {"order_id": order_id, "depth_max": EXCHANGES_DEPTH_MAX, "rows_max": LINES_MAX}
    with connection.cursor(row_factory=dict_row) as cursor:
        return cursor.execute(EXCHANGES, limits).fetchall()


def read_returns_of_order(connection: Connection, order_id: str) -> Rows:
    """Return the returns of an order, in the order in which they were asked for."""
    with connection.cursor(row_factory=dict_row) as cursor:
        return cursor.execute(RETURNS_OF_ORDER, (order_id, LINES_MAX)).fetchall()


def read_allocation(connection: Connection, order_id: str) -> Rows:
    """Return how an order's cents stand to its lines, and what of them was refunded."""
    with connection.cursor(row_factory=dict_row) as cursor:
        return cursor.execute(ALLOCATION, (order_id, LINES_MAX)).fetchall()
