"""The refund ledger's queries: the trial balance, the card of one order, differences with a gateway's books."""

from __future__ import annotations

from typing import Any, Final
from uuid import UUID

from psycopg import Connection
from psycopg.rows import dict_row

Rows = list[dict[str, Any]]

ENTRIES_MAX: Final = 5_000

TRIAL_BALANCE: Final = """
    SELECT currency, account, balance_minor FROM rma_read.ledger_balances ORDER BY currency, account
"""
UNBALANCED: Final = """
    SELECT currency, sum(balance_minor)::bigint AS off_minor FROM rma_read.ledger_balances
    GROUP BY currency HAVING sum(balance_minor) <> 0 ORDER BY currency
"""
ACCOUNT_CARD: Final = """
    SELECT position, entry_no, occurred_at, account, amount_minor, currency, rma_id, refund_id,
           sum(amount_minor) OVER (
               PARTITION BY account, currency ORDER BY position, entry_no
           )::bigint AS account_balance_minor
    FROM rma_read.ledger_entries WHERE order_id = %s ORDER BY position, entry_no LIMIT %s
"""
DIFFERENCES: Final = "SELECT * FROM rma_read.differences WHERE status = ANY(%s) ORDER BY found_at, payout_id LIMIT %s"
DIFFERENCE: Final = "SELECT * FROM rma_read.differences WHERE difference_id = %s"


def read_trial_balance(connection: Connection) -> tuple[Rows, Rows]:
    """Return every account's balance, and the currencies whose balances do not sum to zero (none should be)."""
    with connection.transaction(), connection.cursor(row_factory=dict_row) as cursor:
        cursor.execute("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ READ ONLY")
        balances = cursor.execute(TRIAL_BALANCE).fetchall()
        return balances, cursor.execute(UNBALANCED).fetchall()


def read_account_card(connection: Connection, order_id: str) -> Rows:
    """Return the postings of one order in log order, each with its account's balance within the order so far."""
    with connection.cursor(row_factory=dict_row) as cursor:
        return cursor.execute(ACCOUNT_CARD, (order_id, ENTRIES_MAX)).fetchall()


def read_differences(connection: Connection, limit: int, *, resolved_too: bool = False) -> Rows:
    """Return the differences that wait for an agent, the oldest first; ``resolved_too``: all of them."""
    with connection.cursor(row_factory=dict_row) as cursor:
        wanted = ["open", "resolved"] if resolved_too else ["open"]
        return cursor.execute(DIFFERENCES, (wanted, limit)).fetchall()


def find_difference(connection: Connection, difference_id: UUID) -> dict[str, Any] | None:
    """Return one difference, or None."""
    with connection.cursor(row_factory=dict_row) as cursor:
        return cursor.execute(DIFFERENCE, (difference_id,)).fetchone()
