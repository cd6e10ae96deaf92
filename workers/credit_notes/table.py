"""The credit-note worker's memory in PostgreSQL: one row per note to be issued, moved with the topic's position."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import astuple, dataclass
from datetime import datetime
from typing import Final
from uuid import UUID

from psycopg import Connection

from domain.order import Order
from domain.recorded import RecordedEvent
from domain.settlement.credit_note_series import DEFAULT_SERIES, series_of

KINDS: Final = frozenset(
    {
        Order.Registered,
        Order.RefundRequested,
        Order.ClaimRaised,
        Order.ClaimReversed,
        Order.ExternalRefundRecorded,
        Order.ChargebackDecided,
    }
)
TABLES: Final = """
CREATE SCHEMA IF NOT EXISTS rma_credit_notes;
-- orders of which a seller is named; all others are numbered in the default series
CREATE TABLE IF NOT EXISTS rma_credit_notes.sellers (
    order_id  text PRIMARY KEY,
    series_id text NOT NULL
);
CREATE TABLE IF NOT EXISTS rma_credit_notes.due (
    position    bigint      PRIMARY KEY,  -- of the event for which the note is issued
    refund_id   uuid,
    claim_id    text,
    rma_id      uuid,
    order_id    text        NOT NULL,
    series_id   text        NOT NULL,
    occurred_at timestamptz NOT NULL,
    sent        boolean     NOT NULL DEFAULT false
);
ALTER TABLE rma_credit_notes.due ADD COLUMN IF NOT EXISTS external_id text;  -- of a chargeback that was won
ALTER TABLE rma_credit_notes.due ADD COLUMN IF NOT EXISTS reversal integer;  -- which one of the claim, from 1
CREATE INDEX IF NOT EXISTS due_claims ON rma_credit_notes.due (order_id) WHERE claim_id IS NOT NULL;
CREATE INDEX IF NOT EXISTS due_to_send ON rma_credit_notes.due (position) WHERE NOT sent;
"""
SELLERS: Final = """
    INSERT INTO rma_credit_notes.sellers (order_id, series_id)
    SELECT * FROM unnest(%s::text[], %s::text[]) ON CONFLICT (order_id) DO NOTHING
"""
CLAIMED_BEFORE: Final = """
    SELECT order_id, count(*) FROM rma_credit_notes.due
    WHERE claim_id IS NOT NULL AND reversal IS NULL AND order_id = ANY(%s) GROUP BY order_id
"""
MOVED: Final = """
    INSERT INTO rma_credit_notes.due
        (position, refund_id, claim_id, external_id, reversal, rma_id, order_id, series_id, occurred_at)
    SELECT position, refund_id, claim_id, external_id, reversal, rma_id, order_id, coalesce(s.series_id, %s),
        occurred_at
    FROM unnest(
        %s::bigint[], %s::uuid[], %s::text[], %s::text[], %s::integer[], %s::uuid[], %s::text[], %s::timestamptz[]
    ) AS r (position, refund_id, claim_id, external_id, reversal, rma_id, order_id, occurred_at)
    LEFT JOIN rma_credit_notes.sellers AS s USING (order_id)
    ON CONFLICT (position) DO NOTHING
"""
DUE: Final = """
    SELECT position, refund_id, claim_id, external_id, reversal, rma_id, order_id, series_id, occurred_at
    FROM rma_credit_notes.due WHERE NOT sent ORDER BY position LIMIT %s
"""
SENT: Final = "UPDATE rma_credit_notes.due SET sent = true WHERE position = ANY(%s)"


@dataclass(frozen=True, slots=True)
class DueNote:
    """What needs its note: a refund, a claim or a reversal of it, or a won chargeback, named by its ``external_id``.

    ``position`` is the place in the log of the event that tells of it.
    """

    position: int
    refund_id: UUID | None
    claim_id: str | None
    external_id: str | None
    reversal: int | None
    rma_id: UUID | None
    order_id: str
    series_id: str
    occurred_at: datetime


class CreditNoteTable:
    """The inbox of the credit-note worker."""

    name = "credit_notes"
    version = 1
    tables_sql = TABLES
    views = ()

    def fold(self, connection: Connection, events: Sequence[RecordedEvent]) -> None:
        """Let a batch of facts make notes due; an order's seller is known before its refunds are."""
        wanted = [event for event in events if event.kind in KINDS]
        sellers = {
            event.partition_key: series_of(event.fact.seller_id)
            for event in wanted
            if isinstance(event.fact, Order.Registered) and event.fact.seller_id
        }
        if sellers:
            connection.execute(SELLERS, (list(sellers), list(sellers.values())))
        claimed = _claims(connection, wanted)
        moved = [
            (event.position, *astuple(about), event.partition_key, event.occurred_at)
            for event in wanted
            if (about := _about(event, claimed))
        ]
        if moved:
            connection.execute(MOVED, (DEFAULT_SERIES, *map(list, zip(*moved, strict=True))))


@dataclass(frozen=True, slots=True, kw_only=True)
class _About:
    """What a note is due for, and its return."""

    refund_id: UUID | None = None
    claim_id: str | None = None
    external_id: str | None = None
    reversal: int | None = None
    rma_id: UUID | None = None


def _about(event: RecordedEvent, claimed: Mapping[int, str]) -> _About | None:
    """Return what a note is due for; None where none is. A reversal of the first days has no number, and no note."""
    match fact := event.fact:
        case Order.RefundRequested() if fact.amount_minor:
            return _About(refund_id=fact.refund_id, rma_id=fact.rma_id)
        case Order.ClaimRaised() if fact.amount_minor:
            return _About(claim_id=claimed[event.position], rma_id=fact.rma_id)
        case Order.ClaimReversed() if fact.reversal:
            return _About(claim_id=fact.claim_id, reversal=fact.reversal, rma_id=fact.rma_id)
        case Order.ExternalRefundRecorded() if fact.credited_minor:
            return _About(refund_id=fact.refund_id)
        case Order.ChargebackDecided(outcome="won") if fact.credited_minor:
            return _About(external_id=fact.external_id)
    return None


def _claims(connection: Connection, events: Sequence[RecordedEvent]) -> dict[int, str]:
    """Return the names of claims by position; those of the first days have the number of the claim in its order."""
    raised = [(event, event.fact) for event in events if event.kind is Order.ClaimRaised]
    if not raised:
        return {}
    orders = list({event.partition_key for event, _ in raised})
    known: dict[str, int] = dict(connection.execute(CLAIMED_BEFORE, (orders,)).fetchall())
    names = {}
    for event, fact in raised:
        assert isinstance(fact, Order.ClaimRaised)  # noqa: S101 - chosen by its class
        number = known[event.partition_key] = known.get(event.partition_key, 0) + 1
        names[event.position] = fact.claim_id or f"claim/{number}"
    return names


def due(connection: Connection, *, limit: int) -> list[DueNote]:
    """Return notes for which no command was sent yet, in the order of the log."""
    return [DueNote(*row) for row in connection.execute(DUE, (limit,))]


def mark_sent(connection: Connection, sent: Sequence[DueNote]) -> None:
    """Remember that the commands for these notes are with Kafka."""
    connection.execute(SENT, ([note.position for note in sent],))
