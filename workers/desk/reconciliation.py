"""`rma reconcile`: a gateway's settlement file against our own books, payout by payout, to the cent."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Final
from uuid import UUID

import psycopg
from psycopg.rows import class_row

from domain.identity import difference_id
from domain.vocabularies import DifferenceKind
from infra.addresses import postgres_address
from infra.kafka.command_client import OutgoingCommand, conversation
from infra.settings import Settings
from workers.desk.checking import checked
from workers.desk.settlement_file import BrokenRow, Settlement, read_settlements

CONNECT_TIMEOUT_S: Final = 5
SHOWN_MAX: Final = 1_000
SOURCE: Final = "/rma/reconcile"
ACTOR: Final = "system:reconcile"

PAYOUTS: Final = """
    SELECT payout_id, order_id, rma_id, amount_minor, currency, status, outcome_at
    FROM rma_read.payouts WHERE tender_id IS NOT NULL AND NOT elsewhere
"""


@dataclass(frozen=True, slots=True)
class OwnPayout:
    """A payout as our books have it, in minor units."""

    payout_id: UUID
    order_id: str
    rma_id: UUID
    amount_minor: int
    currency: str
    status: str
    outcome_at: datetime | None


@dataclass(frozen=True, slots=True)
class Difference:
    """One payout on which the books differ; amounts in minor units, None where a side has none.

    ``missing_here``: paid there, not settled here. ``missing_there``: settled here, not in the file.
    ``different_amount``: another sum or currency. ``twice_there``: a second row for one payout.
    """

    kind: DifferenceKind
    payout_id: UUID
    row: int | None = None
    here_minor: int | None = None
    here_currency: str | None = None
    here_status: str | None = None
    there_minor: int | None = None
    there_currency: str | None = None
    reference: str | None = None
    order_id: str | None = None
    rma_id: UUID | None = None


@dataclass(slots=True)
class Report:
    """What a comparison found; sums of what matched by currency, in minor units."""

    matched: int = 0
    matched_minor: dict[str, int] = field(default_factory=dict)
    differences: list[Difference] = field(default_factory=list)
    broken_rows: list[BrokenRow] = field(default_factory=list)

    @property
    def agrees(self) -> bool:
        """Tell whether every row was read and both books say the same."""
        return not self.differences and not self.broken_rows

    def as_dict(self) -> dict[str, object]:
        """Return the report by name, for JSON."""
        return {"agrees": self.agrees} | asdict(self)


def reconcile(
    settings: Settings, file: Path, *, since: datetime | None = None, until: datetime | None = None
) -> Report:
    """Compare a settlement file with view ``rma_read.payouts``.

    Args:
        settings: Where our books are.
        file: The gateway's file.
        since, until: The file's period; payouts that settled here before it, or at its end or later, may be missing.
    Raises:
        NoSettlementFileError: The file is no settlement file.
        OSError: It cannot be read.
        psycopg.OperationalError: PostgreSQL is away.
    """
    with file.open(encoding="utf-8", errors="surrogateescape") as text:
        rows = list(read_settlements(text))
    report = compare((row for row in rows if isinstance(row, Settlement)), _own_payouts(settings), since, until)
    report.broken_rows = [row for row in rows if isinstance(row, BrokenRow)]
    return report


def record(settings: Settings, differences: Iterable[Difference]) -> int:
    """Tell the log of differences, for an agent to resolve, and return how many; one told before is no second one.

    Raises:
        ServiceUnreachableError: Kafka is away, or the topics do not exist.
        UnsendableError: One could not be read; none was sent.
    """
    now = datetime.now(UTC)
    reports = [checked(_report_of(found, now), f"the difference on payout {found.payout_id}") for found in differences]
    with conversation(settings) as talk:
        return talk.publish_all(report.to_record() for report in reports)


def _report_of(found: Difference, now: datetime) -> OutgoingCommand:
    here = {"amount_minor": found.here_minor, "currency": found.here_currency, "status": found.here_status}
    there = {"amount_minor": found.there_minor, "currency": found.there_currency, "reference": found.reference}
    content = {
        "kind": found.kind,
        "payout_id": str(found.payout_id),
        "order_id": found.order_id,
        "rma_id": None if found.rma_id is None else str(found.rma_id),
        "here": None if found.here_minor is None else here,
        "there": None if found.there_minor is None else there,
    }
    known = {name: value for name, value in content.items() if value is not None}
    identity = str(difference_id(found.payout_id, json.dumps(known, sort_keys=True)))
    key = found.order_id or str(found.payout_id)
    return OutgoingCommand("ReportDifference", identity, SOURCE, key, now, ACTOR, {"difference_id": identity} | known)


def _own_payouts(settings: Settings) -> dict[UUID, OwnPayout]:
    dsn = postgres_address(settings)
    with (
        psycopg.connect(dsn, connect_timeout=CONNECT_TIMEOUT_S) as connection,
        connection.cursor(row_factory=class_row(OwnPayout)) as cursor,
    ):
        return {payout.payout_id: payout for payout in cursor.execute(PAYOUTS)}


def compare(
    settlements: Iterable[Settlement],
    payouts: Mapping[UUID, OwnPayout],
    since: datetime | None = None,
    until: datetime | None = None,
) -> Report:
    """Return what matches and what differs; the period bounds only what may be missing there."""
    report = Report()
    seen: set[UUID] = set()
    for settlement in settlements:
        own = payouts.get(settlement.payout_id)
        kind = _kind(settlement, own, again=settlement.payout_id in seen)
        seen.add(settlement.payout_id)
        if kind is not None:
            report.differences.append(_difference(kind, settlement, own))
            continue
        report.matched += 1
        sums = report.matched_minor
        sums[settlement.currency] = sums.get(settlement.currency, 0) + settlement.amount
    for payout in payouts.values():
        if payout.status == "settled" and payout.payout_id not in seen and _within(payout.outcome_at, since, until):
            report.differences.append(_missing_there(payout))
    return report


def _kind(settlement: Settlement, own: OwnPayout | None, *, again: bool) -> DifferenceKind | None:
    if again:
        return "twice_there"
    if own is None or own.status != "settled":
        return "missing_here"
    if (own.amount_minor, own.currency) != (settlement.amount, settlement.currency):
        return "different_amount"
    return None


def _within(at: datetime | None, since: datetime | None, until: datetime | None) -> bool:
    if at is None:
        return True
    return (since is None or at >= since) and (until is None or at < until)


def _difference(kind: DifferenceKind, settlement: Settlement, own: OwnPayout | None) -> Difference:
    return Difference(
        kind,
        settlement.payout_id,
        row=settlement.row,
        here_minor=own.amount_minor if own else None,
        here_currency=own.currency if own else None,
        here_status=own.status if own else None,
        there_minor=settlement.amount,
        there_currency=settlement.currency,
        reference=settlement.reference,
        order_id=own.order_id if own else None,
        rma_id=own.rma_id if own else None,
    )


def _missing_there(payout: OwnPayout) -> Difference:
    return Difference(
        "missing_there",
        payout.payout_id,
        here_minor=payout.amount_minor,
        here_currency=payout.currency,
        here_status=payout.status,
        order_id=payout.order_id,
        rma_id=payout.rma_id,
    )
