"""The chart of accounts, and the postings that each money fact carries.

Debits are positive, credits negative; the postings of one fact sum to zero. They are part of the fact, so that
replaying history needs no rules. Accounts: see docs/decisions on the chart of accounts.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Final

from domain.values import dataclass

SALES_RETURNS: Final = "sales_returns"
SALES_TAX: Final = "sales_tax"
REFUNDS_OWED: Final = "refunds_owed"
STORE_CREDIT_LIABILITY: Final = "store_credit_liability"
EXCHANGE_CLEARING: Final = "exchange_clearing"
FEE_INCOME: Final = "fee_income"
GOODWILL: Final = "goodwill"
CUSTOMER_RECEIVABLE: Final = "customer_receivable"
ACCOUNTS_RECEIVABLE: Final = "accounts_receivable"
SALES: Final = "sales"
BAD_DEBT: Final = "bad_debt"
CASH_ROUNDING: Final = "cash_rounding"


@dataclass(frozen=True, slots=True)
class Posting:
    """One line of a double entry; ``amount_minor`` is positive for a debit, negative for a credit.

    ``tax_code`` says under which code a line of ``sales_tax`` is; None: the order names no taxes.
    """

    account: str
    amount_minor: int
    tax_code: str | None = None


def clearing(tender_kind: str) -> str:
    """Return the account through which money leaves to tenders of one kind."""
    return f"clearing:{tender_kind}"


def entry(*lines: tuple[str, int] | tuple[str, int, str | None]) -> tuple[Posting, ...]:
    """Return the postings that move anything, after checking that they balance.

    Args:
        lines: Account, amount in minor units, and the tax code of a line that has one.
    Raises:
        ValueError: They do not sum to zero: a defect of ours, never a customer's.
    """
    postings = [Posting(*line) for line in lines]
    if sum(posting.amount_minor for posting in postings):
        raise ValueError(f"unbalanced: {postings}")
    return tuple(posting for posting in postings if posting.amount_minor)


def balance(postings: Iterable[Posting], account: str) -> int:
    """Return what the postings leave on an account, in minor units."""
    return sum(posting.amount_minor for posting in postings if posting.account == account)
