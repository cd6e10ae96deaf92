"""The payments worker's memory in PostgreSQL: one row per payout to a gateway, moved with the topic's position."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import astuple, fields
from typing import Final
from uuid import UUID

from psycopg import Connection
from psycopg.rows import class_row

from domain.identity import order_stream
from domain.order import Order
from domain.recorded import RecordedEvent
from domain.settlement import payout_saga
from domain.settlement.payout_saga import Answered, PayoutQuestion
from infra.log.queries import last_versions

KINDS: Final = frozenset(
    {
        Order.RefundRequested,
        Order.PaymentReturned,
        Order.PayoutRetried,
        Order.PayoutSettled,
        Order.PayoutFailed,
        Order.PayoutUnclear,
        Order.PayoutPending,
    }
)
COLUMNS: Final = tuple(field.name for field in fields(PayoutQuestion))
NOT_READ_YET_S: Final = 0.2
"""How long a question waits whose order has facts that the inbox has not read."""

TABLES: Final = """
CREATE SCHEMA IF NOT EXISTS rma_payments;
CREATE TABLE IF NOT EXISTS rma_payments.questions (
    payout_id       uuid        PRIMARY KEY,
    refund_id       uuid        NOT NULL,
    rma_id          uuid,
    order_id        text        NOT NULL,
    tender_id       text        NOT NULL,
    tender_kind     text        NOT NULL,
    amount_minor    bigint      NOT NULL CHECK (amount_minor > 0),
    currency        text        NOT NULL,
    idempotency_key text        NOT NULL UNIQUE,
    opened_by       bigint      NOT NULL,
    open            boolean     NOT NULL,
    recorded        text        NOT NULL,
    final           text,
    asks            integer     NOT NULL,
    unknown_said    boolean     NOT NULL,
    ask_at          timestamptz NOT NULL
);
ALTER TABLE rma_payments.questions ADD COLUMN IF NOT EXISTS tender_reference text;
ALTER TABLE rma_payments.questions ALTER COLUMN rma_id DROP NOT NULL;
CREATE INDEX IF NOT EXISTS questions_open ON rma_payments.questions (ask_at) WHERE open;
"""
_NAMES: Final = ", ".join(COLUMNS)
SAVE: Final = f"""
    INSERT INTO rma_payments.questions AS known ({_NAMES}, ask_at)
    VALUES ({", ".join(["%s"] * len(COLUMNS))}, clock_timestamp())
    ON CONFLICT (payout_id) DO UPDATE SET
        open = excluded.open, opened_by = excluded.opened_by, recorded = excluded.recorded, final = excluded.final,
        asks = excluded.asks, unknown_said = excluded.unknown_said,
        ask_at = CASE WHEN known.open AND known.final IS NOT DISTINCT FROM excluded.final
            THEN known.ask_at ELSE excluded.ask_at END
"""  # noqa: S608 - column names of our own
"""An open question keeps its turn, but where another outcome counts: nobody waits to confirm the one before."""
FIND: Final = f"SELECT {_NAMES} FROM rma_payments.questions WHERE payout_id = ANY(%s) FOR UPDATE"  # noqa: S608
DUE: Final = f"""
    SELECT v.seen, {", ".join(f"q.{name}" for name in COLUMNS)}
    FROM rma_payments.questions AS q LEFT JOIN rma_read_meta.stream_versions AS v
    ON v.projection = %s AND v.version = %s AND v.stream = 'order/' || q.order_id
    WHERE q.open AND q.ask_at <= clock_timestamp() AND q.payout_id <> ALL(%s) ORDER BY q.ask_at LIMIT %s
"""  # noqa: S608 - column names of our own
"""A question and how much of its order the inbox had read when it was so: one statement, for the two move together."""

WAIT: Final = """
    UPDATE rma_payments.questions SET ask_at = clock_timestamp() + %s * interval '1 second' WHERE payout_id = ANY(%s)
"""
HEARD: Final = """
    UPDATE rma_payments.questions
    SET open = %s, asks = %s, unknown_said = %s, ask_at = clock_timestamp() + %s * interval '1 second'
    WHERE payout_id = %s
"""


class PaymentQuestions:
    """The inbox of the payments worker."""

    name = "payments"
    version = 1
    tables_sql = TABLES
    views = ()

    def fold(self, connection: Connection, events: Sequence[RecordedEvent]) -> None:
        """Let a batch of facts open, end and reopen questions."""
        relevant = [event for event in events if event.kind in KINDS]
        touched = {payout for event in relevant for payout in payout_saga.payouts_of(event.fact)}
        if not touched:
            return
        known = _find(connection, touched)
        before = dict(known)
        for event in relevant:
            payout_saga.follow(known, event.fact, order_id=event.partition_key, position=event.position)
        changed = [astuple(question) for payout, question in known.items() if before.get(payout) != question]
        for row in changed:
            connection.execute(SAVE, row)


def _find(connection: Connection, payouts: Iterable[UUID]) -> dict[UUID, PayoutQuestion]:
    with connection.cursor(row_factory=class_row(PayoutQuestion)) as cursor:
        return {question.payout_id: question for question in cursor.execute(FIND, (list(payouts),))}


def due(connection: Connection, *, but: Iterable[UUID], limit: int) -> list[PayoutQuestion]:
    """Return questions that are to be asked now, oldest first.

    A question waits while its order has recorded facts that the inbox has not read: one of them may be its answer, and
    what was paid elsewhere before this worker first ran must not be paid again. The log is asked after the inbox: a
    fact recorded in between lets the question wait.
    """
    inbox = (PaymentQuestions.name, PaymentQuestions.version)
    read = [
        (seen, PayoutQuestion(*row)) for seen, *row in connection.execute(DUE, (*inbox, list(but), limit)).fetchall()
    ]
    recorded = last_versions(connection, {order_stream(question.order_id) for _, question in read})
    ready = [question for seen, question in read if seen == recorded[order_stream(question.order_id)]]
    waiting = [question.payout_id for _, question in read if question not in ready]
    if waiting:
        connection.execute(WAIT, (NOT_READ_YET_S, waiting))
    return ready


def heard(connection: Connection, asked: PayoutQuestion, answered: Answered, *, wait_s: float) -> None:
    """Note an answer, unless the question has become another one since it was asked."""
    with connection.transaction():
        now = _find(connection, [asked.payout_id])[asked.payout_id]
        if now.opened_by != asked.opened_by:
            return
        after = payout_saga.heard(now, answered)
        connection.execute(HEARD, (after.open, after.asks, after.unknown_said, wait_s, asked.payout_id))
