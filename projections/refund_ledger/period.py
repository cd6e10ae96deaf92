"""The refund ledger between two positions of the log: its journal, and what it did to every account."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final, NamedTuple

from psycopg import Connection
from psycopg.rows import dict_row

Row = dict[str, object]

ROWS_AT_ONCE: Final = 2_000
BALANCES: Final = """
    SELECT currency, account,
           coalesce(sum(amount_minor) FILTER (WHERE position < %(first)s), 0)::bigint AS opening_minor,
           coalesce(sum(amount_minor) FILTER (WHERE position >= %(first)s AND amount_minor > 0), 0)::bigint
               AS debit_minor,
           coalesce(-sum(amount_minor) FILTER (WHERE position >= %(first)s AND amount_minor < 0), 0)::bigint
               AS credit_minor,
           sum(amount_minor)::bigint AS closing_minor
    FROM rma_read.ledger_entries WHERE position < %(end)s GROUP BY currency, account ORDER BY currency, account
"""
JOURNAL: Final = """
    SELECT position, entry_no, occurred_at, account, greatest(amount_minor, 0) AS debit_minor,
           greatest(-amount_minor, 0) AS credit_minor, currency, order_id, rma_id, refund_id, tax_code
    FROM rma_read.ledger_entries WHERE position >= %(first)s AND position < %(end)s ORDER BY position, entry_no
"""
JOURNAL_COLUMNS: Final = (
    "position", "entry_no", "occurred_at", "account", "debit_minor", "credit_minor", "currency", "order_id", "rma_id",
    "refund_id", "tax_code",
)  # fmt: skip


class Positions(NamedTuple):
    """From which position of the log, and up to which, that one no longer."""

    first: int
    end: int


def read_balances(connection: Connection, period: Positions) -> list[Row]:
    """Return what each account held before, its debits and credits, and what it held in the end (minor units)."""
    with connection.cursor(row_factory=dict_row) as cursor:
        return cursor.execute(BALANCES, period._asdict()).fetchall()


def read_journal(connection: Connection, period: Positions) -> Iterator[Row]:
    """Yield every line of every entry in log order; the connection must be in a transaction."""
    with connection.cursor("journal", row_factory=dict_row) as cursor:
        cursor.itersize = ROWS_AT_ONCE
        yield from cursor.execute(JOURNAL, period._asdict())
