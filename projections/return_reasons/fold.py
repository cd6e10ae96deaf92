"""Why goods come back: each returned run of units with its claimed reason and confirmed cause, and rates by article.

What counts as returned is the order's own answer: units that came in, or were made good without coming in. Beside them
stands what did not come back because a remedy was offered and accepted (``remedy_offers``).
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from typing import Any, Final
from uuid import UUID

from psycopg import Connection

from domain.fact import Fact
from domain.order import Order
from domain.order.parts import LineRun
from domain.order.sale_facts import Registered, UnitsReturned
from domain.recorded import RecordedEvent
from domain.rma import Rma
from domain.rma.parts import RmaRun
from domain.rma.request_facts import Requested
from projections.return_reasons.remedy_offers import offer_of, offer_rows
from projections.return_reasons.returned_lines import Return, ReturnedLine, load, requested_line
from projections.return_reasons.tables import EARLY, LINES, OFFERS, RUNS, SALES, SCHEMA, TABLES, VERSION
from projections.return_reasons.views import VIEWS
from projections.table import tables_sql

KINDS: Final = frozenset(
    {
        Order.Registered,
        Order.UnitsReturned,
        Rma.Requested,
        Rma.RequestCorrected,
        Rma.Received,
        Rma.ReceiptSuperseded,
        Rma.KeptByCustomer,
        Rma.Inspected,
        Rma.DispositionDecided,
        Rma.SentBack,
        Rma.Repaired,
        Rma.RemedyOffered,
        Rma.RemedyAccepted,
        Rma.RemedyDeclined,
        Rma.RemedyLapsed,
    }
)


class ReturnReasons:
    """The projection ``return_reasons``."""

    name = "return_reasons"
    version = VERSION
    tables_sql = tables_sql(SCHEMA, TABLES)
    views = VIEWS

    def fold(self, connection: Connection, events: Sequence[RecordedEvent]) -> None:
        """Fold a batch: load the lines it touches, apply its events, write each table once."""
        sales: dict[tuple[str, str], dict[str, Any]] = {}
        about: list[tuple[UUID, Fact]] = []
        for event in events:
            if event.kind in KINDS:
                fact = event.fact
                if isinstance(fact, Registered):
                    _sold(sales, fact)
                else:
                    about.append((_rma_id(fact), fact))
        new = {rma_id for rma_id, fact in about if isinstance(fact, Requested)}
        returns = load(connection, {rma_id for rma_id, _ in about}, new)
        before = [one.run_rows() for one in returns.values()]
        for rma_id, fact in about:
            _apply(returns[rma_id], fact)
        lines = [line for one in returns.values() for line in one.lines.values()]
        SALES.add(connection, sales.values(), counters=["units_sold"])
        LINES.insert(connection, [line.row for line in lines if line.is_new])
        corrected = [{**line.row, "reason": line.corrected} for line in lines if line.corrected]
        LINES.update(connection, corrected, columns=["reason"])
        EARLY.insert(connection, [row for rma_id, one in returns.items() for row in _early_rows(rma_id, one)])
        RUNS.show(connection, zip(before, (one.run_rows() for one in returns.values()), strict=True))
        OFFERS.upsert(connection, list(_offer_rows(returns.values())))


def _rma_id(fact: Fact) -> UUID:
    if isinstance(fact, UnitsReturned):
        return fact.rma_id
    return UUID(fact.originator_id.removeprefix("rma/"))


def _sold(sales: dict[tuple[str, str], dict[str, Any]], fact: Registered) -> None:
    month = f"{fact.timestamp:%Y-%m}-01"  # business times are kept in UTC
    for line in fact.lines:
        new = {"sku": line.sku, "sale_month": month, "category": line.category, "units_sold": 0}
        sales.setdefault((line.sku, month), new)["units_sold"] += line.quantity


def _returned(about: Return, runs: Iterable[LineRun]) -> None:
    for run in runs:
        if about.lines:
            about.count(run)
        else:
            about.early.append(run)


def _early_rows(rma_id: UUID, about: Return) -> Iterator[dict[str, object]]:
    for run in () if about.lines else about.early:
        yield {"rma_id": rma_id, "line_id": run.line_id, "first_unit": run.first, "quantity": run.count}


def _apply(about: Return, fact: Fact) -> None:
    lines = about.lines
    match fact:
        case Rma.Requested():
            lines |= {asked.line: requested_line(fact, asked) for asked in fact.lines}
            _returned(about, about.early)
        case Rma.RequestCorrected():
            lines[fact.line].corrected = fact.reason
        case Order.UnitsReturned():
            _returned(about, fact.runs)
        case Rma.Received():
            _learn(lines, fact.runs, returned=True, received=True)
        case Rma.ReceiptSuperseded():
            _learn(lines, fact.runs, returned=False, received=False)
        case Rma.KeptByCustomer():
            _learn(lines, fact.runs, disposition="not_returned")
        case Rma.Inspected():
            _learn(lines, fact.runs, grade=fact.grade, cause=fact.cause, liable_party=fact.liable_party)
        case Rma.DispositionDecided():
            # what is only held is not decided yet
            _learn(lines, fact.runs, disposition=None if fact.disposition == "hold" else fact.disposition)
        case Rma.SentBack():
            _learn(lines, fact.runs, went_back="sent_back")
        case Rma.Repaired():
            _learn(lines, fact.runs, went_back="repaired")
        case _:
            _apply_offer(lines, fact)


def _learn(lines: dict[int, ReturnedLine], runs: Iterable[RmaRun], **found: object) -> None:
    for run in runs:
        lines[run.line].learn(run.run, **found)


def _apply_offer(lines: dict[int, ReturnedLine], fact: Fact) -> None:
    match fact:
        case Rma.RemedyOffered():
            for offered in fact.lines:
                line = lines[offered.line]
                line.offer = offer_of(line.row, offered)
        case Rma.RemedyAccepted():
            _answered(lines[fact.line], "accepted")
        case Rma.RemedyDeclined():
            _answered(lines[fact.line], "declined")
        case Rma.RemedyLapsed():
            _answered(lines[fact.line], "lapsed")
        case _:
            pass


def _answered(line: ReturnedLine, answer: str) -> None:
    if line.offer is not None:
        line.offer.answer = answer


def _offer_rows(returns: Iterable[Return]) -> Iterator[dict[str, object]]:
    """Yield the rows of the offers on all lines of the returns that a batch touches."""
    for one in returns:
        if any(line.offer is not None for line in one.lines.values()):
            yield from offer_rows([line.offered() for line in one.lines.values()])
