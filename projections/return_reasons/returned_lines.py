"""The lines of returns with what became of their units, read from the tables and rendered as rows again."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from typing import Any, Final
from uuid import UUID

from psycopg import Connection

from domain.money import run_minor
from domain.order.parts import LineRun
from domain.rma.parts import RequestedLine
from domain.rma.request_facts import Requested
from domain.units import UnitRun, UnitStates, total, without
from projections.return_reasons.remedy_offers import COLUMNS as OFFER_COLUMNS
from projections.return_reasons.remedy_offers import Offer, OfferedLine
from projections.return_reasons.tables import SCHEMA
from projections.table import Rows

_USED: Final = (
    "rma_id line line_id asked sold goods_minor tax_minor shipping_minor currency policy_id policy_version"
).split()
"""The columns of a line that its later facts need."""


@dataclass(frozen=True, slots=True)
class Found:
    """What is known of units that came in, stay with the customer, or count as returned all the same."""

    returned: bool = False
    received: bool = False
    went_back: str | None = None
    cause: str | None = None
    liable_party: str | None = None
    grade: str | None = None
    disposition: str | None = None


@dataclass(slots=True)
class ReturnedLine:
    """A line of a return: what does not change from unit to unit, its units of which anything is known, its offer."""

    row: dict[str, Any]
    units: UnitStates[Found] = field(default_factory=UnitStates)
    offer: Offer | None = None
    is_new: bool = False
    corrected: str | None = None
    """The reason claimed instead, where the request was put right."""

    def learn(self, run: UnitRun, **found: Any) -> None:
        """Take over what is found out about units."""
        known = [part for part, _ in self.units.within([run])]
        new = [run] if not known else without([run], known) if total(known) < run.count else []
        self.units.change(known, lambda one: replace(one, **found))
        self.units.put(new, Found(**found))

    def offered(self) -> OfferedLine:
        """Return the line as far as what was offered on it goes."""
        return OfferedLine(self.row, self.offer, sum(run.count for run, found in self.units if found.received))

    def run_rows(self) -> Iterator[dict[str, object]]:
        """Yield the rows of its units."""
        row = self.row
        for run, found in self.units:
            yield {
                "rma_id": row["rma_id"],
                "line": row["line"],
                "first_unit": run.first,
                "quantity": run.count,
                "value_minor": run_minor(row["goods_minor"], row["sold"], run.first, run.count)
                + run_minor(row["tax_minor"], row["sold"], run.first, run.count),
                "returned": found.returned,
                "received": found.received,
                "went_back": found.went_back,
                "cause": found.cause,
                "liable_party": found.liable_party,
                "grade": found.grade,
                "disposition": found.disposition,
            }


@dataclass(slots=True)
class Return:
    """What is known of a return: its lines by number, and units that came back before anybody heard of them."""

    lines: dict[int, ReturnedLine] = field(default_factory=dict)
    early: list[LineRun] = field(default_factory=list)

    def count(self, run: LineRun) -> None:
        """Count units as returned on the line that they belong to; an article may stand on several."""
        of_article = [line for line in self.lines.values() if line.row["line_id"] == run.line_id]
        counted = [part for line in of_article for part, found in line.units.within([run.run]) if found.returned]
        if total(counted) == run.count:
            return  # they were received
        left = without([run.run], counted)
        for line, theirs in [(one, units) for units in (_known, _asked) for one in of_article]:
            mine = without(left, without(left, theirs(line)))
            for part in mine:
                line.learn(part, returned=True)
            left = without(left, mine)
        for part in left:  # what took the place of units that went elsewhere
            of_article[0].learn(part, returned=True)

    def run_rows(self) -> Rows:
        """Return the rows of its units of which anything is known."""
        return {(row["line"], row["first_unit"]): row for line in self.lines.values() for row in line.run_rows()}


def _known(line: ReturnedLine) -> list[UnitRun]:
    return [run for run, _ in line.units]


def _asked(line: ReturnedLine) -> list[UnitRun]:
    return [UnitRun(first, count) for first, count in line.row["asked"]]


def requested_line(fact: Requested, asked: RequestedLine) -> ReturnedLine:
    """Return a line as it was asked for."""
    row = {
        "rma_id": fact.rma_id,
        "line": asked.line,
        "order_id": fact.order_id,
        "line_id": asked.line_id,
        "sku": asked.sku,
        "category": asked.category,
        "channel": fact.channel,
        "country": fact.country,
        "customer_id": fact.customer_id,
        "currency": fact.currency,
        "ordered_at": fact.ordered_at,
        "requested_at": fact.timestamp,
        "reason": asked.reason,
        "asked": [(run.first, run.count) for run in asked.runs],
        "sold": asked.sold,
        "goods_minor": asked.goods_minor,
        "tax_minor": asked.tax_minor,
        "shipping_minor": asked.shipping_minor,
        "policy_id": fact.policy.policy_id,
        "policy_version": fact.policy.number,
    }
    return ReturnedLine(row, is_new=True)


def load(connection: Connection, rma_ids: set[UUID], new: set[UUID]) -> dict[UUID, Return]:
    """Return what the tables know of these returns, of which those that are ``new`` are asked for only now."""
    known = {rma_id: Return() for rma_id in rma_ids}
    if new:
        query = f"SELECT rma_id, line_id, first_unit, quantity FROM {SCHEMA}.early WHERE rma_id = ANY(%s)"
        for rma_id, *run in connection.execute(query, [list(new)]).fetchall():
            known[rma_id].early.append(LineRun(*run))
    if rma_ids - new:
        _load_lines(connection, known, list(rma_ids - new))
    return known


def _load_lines(connection: Connection, known: dict[UUID, Return], rma_ids: list[UUID]) -> None:
    query = f"SELECT {', '.join(_USED)} FROM {SCHEMA}.lines WHERE rma_id = ANY(%s) ORDER BY rma_id, line"
    for values in connection.execute(query, [rma_ids]).fetchall():
        row = dict(zip(_USED, values, strict=True))
        known[row["rma_id"]].lines[row["line"]] = ReturnedLine(row)
    query = (
        "SELECT rma_id, line, first_unit, quantity, returned, received, went_back, cause, liable_party, grade,"
        f" disposition FROM {SCHEMA}.runs WHERE rma_id = ANY(%s)"
    )
    for rma_id, line, first, quantity, *found in connection.execute(query, [rma_ids]).fetchall():
        known[rma_id].lines[line].units.put([UnitRun(first, quantity)], Found(*found))
    query = f"SELECT rma_id, line, {', '.join(OFFER_COLUMNS.split())} FROM {SCHEMA}.offers WHERE rma_id = ANY(%s)"
    for rma_id, line, *offer in connection.execute(query, [rma_ids]).fetchall():
        known[rma_id].lines[line].offer = Offer(*offer)
