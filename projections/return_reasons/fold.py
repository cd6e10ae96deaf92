"""Why goods come back: each returned run of units with its claimed reason and confirmed cause, and rates by article.

Beside them what did not come back because a remedy was offered and accepted (``remedy_offers``).
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import Any, Final, cast
from uuid import UUID

from psycopg import Connection

from domain.money import run_minor
from domain.order import Order
from domain.order.sale_facts import Registered
from domain.recorded import RecordedEvent
from domain.rma import Rma
from domain.rma.case_facts import Requested
from domain.rma.parts import RequestedLine, RmaRun
from domain.units import UnitRun, UnitStates
from domain.vocabularies import DEFECT_CAUSES, FAULTY_REASONS
from projections.return_reasons.remedy_offers import COLUMNS as OFFER_COLUMNS
from projections.return_reasons.remedy_offers import TABLE_SQL, Offer, OfferedLine, offer_of, offer_rows, offers_table
from projections.table import Table, views_of

VERSION: Final = 2
SCHEMA: Final = f"return_reasons_v{VERSION}"


def _words(words: Iterable[str]) -> str:
    return ", ".join(f"'{word}'" for word in sorted(words))


TABLES_SQL: Final = f"""
CREATE SCHEMA IF NOT EXISTS {SCHEMA};

-- One row per line of a return: what does not change from unit to unit.
CREATE TABLE IF NOT EXISTS {SCHEMA}.lines (
    rma_id         uuid        NOT NULL,
    line           integer     NOT NULL,
    sku            text        NOT NULL,
    category       text,
    channel        text        NOT NULL,
    country        text        NOT NULL,
    customer_id    text        NOT NULL,
    currency       text        NOT NULL,
    ordered_at     timestamptz NOT NULL,
    requested_at   timestamptz NOT NULL,
    reason         text        NOT NULL,
    sold           integer     NOT NULL,
    goods_minor    bigint      NOT NULL,
    tax_minor      bigint      NOT NULL,
    shipping_minor bigint      NOT NULL,
    policy_id      text        NOT NULL,
    policy_version integer     NOT NULL,
    PRIMARY KEY (rma_id, line)
);

-- One row per run of units that came back, or was refunded and kept.
CREATE TABLE IF NOT EXISTS {SCHEMA}.runs (
    rma_id       uuid    NOT NULL,
    line         integer NOT NULL,
    first_unit   integer NOT NULL,
    quantity     integer NOT NULL CHECK (quantity > 0),
    value_minor  bigint  NOT NULL,
    received     boolean NOT NULL,
    cause        text,
    liable_party text,
    grade        text,
    disposition  text,
    PRIMARY KEY (rma_id, line, first_unit)
);

-- One row per article and month of sale (UTC).
CREATE TABLE IF NOT EXISTS {SCHEMA}.sales (
    sku        text    NOT NULL,
    sale_month date    NOT NULL,
    category   text,
    units_sold bigint  NOT NULL,
    PRIMARY KEY (sku, sale_month)
);

CREATE OR REPLACE VIEW {SCHEMA}.return_reasons AS
    SELECT rma_id, line, sku, category, channel, country, customer_id, quantity, value_minor, currency, ordered_at,
           requested_at, reason, cause, liable_party, grade, disposition, first_unit
    FROM {SCHEMA}.runs JOIN {SCHEMA}.lines USING (rma_id, line);

CREATE OR REPLACE VIEW {SCHEMA}.return_rates AS
    SELECT sales.sku, sales.category, sales.sale_month, sales.units_sold,
           coalesce(back.units_returned, 0) AS units_returned,
           coalesce(back.units_defect_claimed, 0) AS units_defect_claimed,
           coalesce(back.units_defect_confirmed, 0) AS units_defect_confirmed
    FROM {SCHEMA}.sales LEFT JOIN (
        SELECT sku, date_trunc('month', ordered_at AT TIME ZONE 'UTC')::date AS sale_month,
               sum(quantity) FILTER (WHERE received)::bigint AS units_returned,
               sum(quantity) FILTER (WHERE reason IN ({_words(FAULTY_REASONS)}))::bigint AS units_defect_claimed,
               sum(quantity) FILTER (WHERE cause IN ({_words(DEFECT_CAUSES)}))::bigint AS units_defect_confirmed
        FROM {SCHEMA}.runs JOIN {SCHEMA}.lines USING (rma_id, line) GROUP BY 1, 2
    ) AS back USING (sku, sale_month);
{TABLE_SQL.format(schema=SCHEMA)}"""

LINE_COLUMNS: Final = (
    "rma_id line sku category channel country customer_id currency ordered_at requested_at reason sold goods_minor"
    " tax_minor shipping_minor policy_id policy_version"
)
LINES = Table(SCHEMA, "lines", tuple(LINE_COLUMNS.split()), ("rma_id", "line"))
RUNS = Table(
    SCHEMA,
    "runs",
    tuple("rma_id line first_unit quantity value_minor received cause liable_party grade disposition".split()),
    ("rma_id", "line", "first_unit"),
)
OFFERS = offers_table(SCHEMA)
SALES = Table(SCHEMA, "sales", ("sku", "sale_month", "category", "units_sold"), ("sku", "sale_month"))

TYPES: Final = frozenset(
    fact.TOPIC
    for fact in (
        Order.Registered,
        Rma.Requested,
        Rma.RequestCorrected,
        Rma.Received,
        Rma.KeptByCustomer,
        Rma.Inspected,
        Rma.DispositionDecided,
        Rma.RemedyOffered,
        Rma.RemedyAccepted,
        Rma.RemedyDeclined,
        Rma.RemedyLapsed,
    )
)


@dataclass(frozen=True, slots=True)
class Found:
    """What was found on units that came back."""

    received: bool
    cause: str | None = None
    liable_party: str | None = None
    grade: str | None = None
    disposition: str | None = None


@dataclass(slots=True)
class Returned:
    """A line of a return with its units that came back."""

    row: dict[str, Any]
    units: UnitStates[Found] = field(default_factory=UnitStates)
    offer: Offer | None = None

    def offered(self) -> OfferedLine:
        """Return the line as far as what was offered on it goes."""
        return OfferedLine(self.row, self.offer, sum(run.count for run, found in self.units if found.received))


Key = tuple[UUID, int]


class ReturnReasons:
    """The projection ``return_reasons``."""

    name = "return_reasons"
    version = VERSION
    tables_sql = TABLES_SQL
    views_sql = views_of(SCHEMA, ("return_reasons", "return_rates", "remedies"))

    def fold(self, connection: Connection[Any], events: Sequence[RecordedEvent]) -> None:
        """Fold a batch: load the lines it touches, apply its events, write each table once."""
        wanted = [event for event in events if event.type in TYPES]
        rma_ids = {UUID(e.stream.removeprefix("rma/")) for e in wanted if e.stream.startswith("rma/")}
        new = {cast("Requested", e.fact).rma_id for e in wanted if e.type == Rma.Requested.TOPIC}
        lines = _load(connection, list(rma_ids - new))
        sales: dict[tuple[str, str], dict[str, Any]] = {}
        for event in wanted:
            if isinstance(event.fact, Order.Registered):
                _sold(sales, event, event.fact)
            else:
                _apply(lines, event)
        SALES.add(connection, sales.values(), counters=["units_sold"])
        LINES.upsert(connection, [line.row for line in lines.values()])
        RUNS.delete(connection, "rma_id", list(rma_ids - new))
        RUNS.insert(connection, [row for line in lines.values() for row in _run_rows(line)])
        OFFERS.upsert(connection, list(_offer_rows(lines)))


def _load(connection: Connection[Any], rma_ids: list[UUID]) -> dict[Key, Returned]:
    if not rma_ids:
        return {}
    columns = LINE_COLUMNS.split()
    query = f"SELECT {', '.join(columns)} FROM {SCHEMA}.lines WHERE rma_id = ANY(%s)"
    lines = {
        (row[0], row[1]): Returned(dict(zip(columns, row, strict=True)))
        for row in connection.execute(query, [rma_ids]).fetchall()
    }
    query = (
        "SELECT rma_id, line, first_unit, quantity, received, cause, liable_party, grade, disposition"
        f" FROM {SCHEMA}.runs WHERE rma_id = ANY(%s)"
    )
    for rma_id, line, first, quantity, *found in connection.execute(query, [rma_ids]).fetchall():
        lines[rma_id, line].units.put([UnitRun(first, quantity)], Found(*found))
    query = f"SELECT rma_id, line, {', '.join(OFFER_COLUMNS.split())} FROM {SCHEMA}.offers WHERE rma_id = ANY(%s)"
    for rma_id, line, *offer in connection.execute(query, [rma_ids]).fetchall():
        lines[rma_id, line].offer = Offer(*offer)
    return lines


def _sold(sales: dict[tuple[str, str], dict[str, Any]], event: RecordedEvent, fact: Registered) -> None:
    month = _month(event.occurred_at)
    for line in fact.lines:
        row = sales.setdefault(
            (line.sku, month), {"sku": line.sku, "sale_month": month, "category": line.category, "units_sold": 0}
        )
        row["units_sold"] += line.quantity


def _month(at: datetime) -> str:
    return f"{at:%Y-%m}-01"  # business times are kept in UTC


def _apply(lines: dict[Key, Returned], event: RecordedEvent) -> None:
    fact = event.fact
    rma_id = UUID(event.stream.removeprefix("rma/"))
    match fact:
        case Rma.Requested():
            for asked in fact.lines:
                lines[rma_id, asked.line] = Returned(_line_row(fact, asked))
        case Rma.RequestCorrected():
            lines[rma_id, fact.line].row["reason"] = fact.reason
        case Rma.Received():
            for run in fact.runs:
                lines[rma_id, run.line].units.put([run.run], Found(received=True))
        case Rma.KeptByCustomer():
            for run in fact.runs:
                lines[rma_id, run.line].units.put([run.run], Found(received=False, disposition="not_returned"))
        case Rma.Inspected():
            _change(lines, rma_id, fact.runs, grade=fact.grade, cause=fact.cause, liable_party=fact.liable_party)
        case Rma.DispositionDecided():
            _change(lines, rma_id, fact.runs, disposition=fact.disposition)
        case _:
            _apply_offer(lines, rma_id, fact)


def _apply_offer(lines: dict[Key, Returned], rma_id: UUID, fact: Any) -> None:
    match fact:
        case Rma.RemedyOffered():
            for offered in fact.lines:
                line = lines[rma_id, offered.line]
                line.offer = offer_of(line.row, offered)
        case Rma.RemedyAccepted():
            _answered(lines[rma_id, fact.line], "accepted")
        case Rma.RemedyDeclined():
            _answered(lines[rma_id, fact.line], "declined")
        case Rma.RemedyLapsed():
            _answered(lines[rma_id, fact.line], "lapsed")
        case _:
            pass


def _answered(line: Returned, answer: str) -> None:
    if line.offer is not None:
        line.offer.answer = answer


def _change(lines: dict[Key, Returned], rma_id: UUID, runs: Iterable[RmaRun], **found: str) -> None:
    for run in runs:
        lines[rma_id, run.line].units.change([run.run], lambda known: replace(known, **found))  # type: ignore[arg-type]


def _line_row(fact: Requested, asked: RequestedLine) -> dict[str, Any]:
    return {
        "rma_id": fact.rma_id,
        "line": asked.line,
        "sku": asked.sku,
        "category": asked.category,
        "channel": fact.channel,
        "country": fact.country,
        "customer_id": fact.customer_id,
        "currency": fact.currency,
        "ordered_at": fact.ordered_at,
        "requested_at": fact.timestamp,
        "reason": asked.reason,
        "sold": asked.sold,
        "goods_minor": asked.goods_minor,
        "tax_minor": asked.tax_minor,
        "shipping_minor": asked.shipping_minor,
        "policy_id": fact.policy.policy_id,
        "policy_version": fact.policy.number,
    }


def _run_rows(line: Returned) -> Iterable[dict[str, Any]]:
    row = line.row
    for run, found in line.units:
        yield {
            "rma_id": row["rma_id"],
            "line": row["line"],
            "first_unit": run.first,
            "quantity": run.count,
            "value_minor": run_minor(row["goods_minor"], row["sold"], run.first, run.count)
            + run_minor(row["tax_minor"], row["sold"], run.first, run.count),
            "received": found.received,
            "cause": found.cause,
            "liable_party": found.liable_party,
            "grade": found.grade,
            "disposition": found.disposition,
        }


def _offer_rows(lines: dict[Key, Returned]) -> Iterable[dict[str, Any]]:
    """Yield the rows of the offers on all lines of the returns that a batch touches."""
    by_return: dict[UUID, list[OfferedLine]] = {}
    for (rma_id, _), line in sorted(lines.items()):
        by_return.setdefault(rma_id, []).append(line.offered())
    for of_one in by_return.values():
        if any(line.offer is not None for line in of_one):
            yield from offer_rows(of_one)
