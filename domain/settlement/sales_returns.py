"""What giving back does to the books of sales: the net amount, and the tax under each code."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable

from domain import ledger
from domain.order.parts import Credit

Line = tuple[str, int, str | None]
"""Account, amount in minor units, tax code."""


def sales_return(credits: Iterable[Credit]) -> list[Line]:
    """Return the debits of what credits give back before fees, for ``ledger.entry``; they sum to its gross.

    An order that names no taxes has one tax without a code, that on top of its prices.
    """
    taxes: Counter[str | None] = Counter()
    gross = 0
    for credit in credits:
        gross += credit.gross_minor
        if credit.taxes:
            for tax in credit.taxes:
                taxes[tax.code] += tax.amount_minor
        else:
            taxes[None] += credit.tax_minor
    by_code: list[Line] = [(ledger.SALES_TAX, amount, code) for code, amount in taxes.items()]
    return [(ledger.SALES_RETURNS, gross - sum(taxes.values()), None), *by_code]
