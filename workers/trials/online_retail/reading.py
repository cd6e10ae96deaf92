"""A real shop's sales and cancellations, matched; ``commands`` tells them to the platform.

The file is read as a stream, twice: once to survey it, once to tell it. What stays in memory grows with the
cancellations and the number of invoices, not with the rows. Nothing here touches Kafka or the read models.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

from workers.trials.online_retail.rows import LeftOut, Row, read_rows


@dataclass(slots=True)
class SaleLine:
    """A line of a sale that a cancellation may yet refer to; ``taken`` of its units went back already."""

    sale: Row
    matched: int = 0
    taken: int = 0


@dataclass(frozen=True, slots=True)
class ReturnLine:
    """Units of one sale line that one cancellation row gives back; ``paid_minor`` is what they are worth."""

    line_id: str
    quantity: int
    paid_minor: int
    invoiced_at: str


@dataclass(frozen=True, slots=True)
class Sale:
    """The sale lines of one invoice."""

    order_id: str
    rows: tuple[Row, ...]


@dataclass(frozen=True, slots=True)
class Cancellation:
    """What one cancellation invoice gives back of one order."""

    case_id: str
    order_id: str
    customer_id: str
    invoiced_at: str
    lines: tuple[ReturnLine, ...]


@dataclass(slots=True)
class Totals:
    """The figures an import ends with; money in pennies."""

    rows: int = 0
    sale_lines: int = 0
    matched_cancellations: int = 0
    left_out_rows: Counter[LeftOut] = field(default_factory=Counter)
    left_out_units: Counter[LeftOut] = field(default_factory=Counter)
    orders: int = 0
    units_sold: int = 0
    pennies_sold: int = 0
    returns: int = 0
    return_lines: int = 0
    units_given_back: int = 0
    pennies_given_back: int = 0

    def leave_out(self, cause: LeftOut, *, rows: int, units: int) -> None:
        """Count a row that is left out, by its cause."""
        self.left_out_rows[cause] += rows
        self.left_out_units[cause] += units


@dataclass(frozen=True, slots=True)
class Survey:
    """What the first reading found: how many rows, how many sale lines per invoice, what was ever cancelled."""

    rows: int
    sale_lines: Counter[str]
    cancelled: frozenset[tuple[str, str]]


def survey(path: Path) -> Survey:
    """Read the file once, so that the second reading knows when an invoice is complete and which lines to keep.

    Raises:
        FileContentError: A row is not what it should be; nothing was told yet.
    """
    rows = 0
    sale_lines: Counter[str] = Counter()
    cancelled: set[tuple[str, str]] = set()
    for row in read_rows(path):
        rows += 1
        if row.left_out() is not None:
            continue
        if row.is_cancellation:
            cancelled.add((row.customer_id, row.stock_code))
        else:
            sale_lines[row.invoice_no] += 1
    return Survey(rows, sale_lines, frozenset(cancelled))


class History:
    """The second reading: sales as their invoices complete, then the cancellations matched to them."""

    def __init__(self, path: Path, found: Survey) -> None:
        self.totals = Totals()
        self._path = path
        self._found = found
        self._kept: dict[tuple[str, str], list[SaleLine]] = {}
        self._cancelled: list[Row] = []

    def sales(self) -> Iterator[Sale]:
        """Yield each invoice once its last sale line was read, and remember what is cancelled later."""
        begun: dict[str, list[Row]] = {}
        for row in read_rows(self._path):
            self.totals.rows += 1
            cause = row.left_out()
            if cause is not None:
                self.totals.leave_out(cause, rows=1, units=abs(row.quantity))
            elif row.is_cancellation:
                self._cancelled.append(row)
            else:
                lines = begun.setdefault(row.invoice_no, [])
                lines.append(row)
                self._remember(row)
                if len(lines) == self._found.sale_lines[row.invoice_no]:
                    yield self._sale(begun.pop(row.invoice_no))

    def _remember(self, row: Row) -> None:
        goods = (row.customer_id, row.stock_code)
        if row.customer_id and goods in self._found.cancelled:
            self._kept.setdefault(goods, []).append(SaleLine(row))

    def _sale(self, rows: list[Row]) -> Sale:
        self.totals.orders += 1
        self.totals.sale_lines += len(rows)
        self.totals.units_sold += sum(row.quantity for row in rows)
        self.totals.pennies_sold += sum(row.amount_minor for row in rows)
        return Sale(rows[0].invoice_no, tuple(rows))

    def cancellations(self) -> Iterator[Cancellation]:
        """Yield what each cancellation invoice gives back of each order; to be called after all sales."""
        for lines in self._kept.values():
            lines.sort(key=lambda line: line.sale.age, reverse=True)
        matched: dict[tuple[str, str], list[tuple[Row, SaleLine, int]]] = {}
        for row in sorted(self._cancelled, key=lambda row: row.age):
            for line, units in self._match(row):
                matched.setdefault((row.invoice_no, line.sale.invoice_no), []).append((row, line, units))
        for (case_id, order_id), matches in matched.items():
            yield self._cancellation(case_id, order_id, matches)

    def _match(self, row: Row) -> Iterator[tuple[SaleLine, int]]:
        left = -row.quantity
        for line in self._kept.get((row.customer_id, row.stock_code), ()):
            units = min(left, line.sale.quantity - line.matched)
            if units and line.sale.invoiced_at <= row.invoiced_at:
                line.matched += units
                left -= units
                yield line, units
            if not left:
                break
        has_match = left < -row.quantity
        self.totals.matched_cancellations += has_match
        if left:
            self.totals.leave_out("no_match", rows=not has_match, units=left)

    def _cancellation(self, case_id: str, order_id: str, matches: list[tuple[Row, SaleLine, int]]) -> Cancellation:
        lines = tuple(_take(row, line, units) for row, line, units in matches)
        self.totals.returns += 1
        self.totals.return_lines += len(lines)
        self.totals.units_given_back += sum(line.quantity for line in lines)
        self.totals.pennies_given_back += sum(line.paid_minor for line in lines)
        first = matches[0][0]
        return Cancellation(case_id, order_id, first.customer_id, first.invoiced_at, lines)


def _take(row: Row, line: SaleLine, units: int) -> ReturnLine:
    """Take the lowest-numbered free units: units 1 to k of n hold the total times k over n pennies, rounded down."""
    total, sold = line.sale.amount_minor, line.sale.quantity
    before = total * line.taken // sold
    line.taken += units
    return ReturnLine(str(line.sale.number), units, total * line.taken // sold - before, row.invoiced_at)
