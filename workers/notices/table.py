"""The notices worker's memory in PostgreSQL: one row per message to a customer, moved with the topic's position.

What is told of is chosen by facts alone; whether it is a message of its own, and whose, is worked out when it is sent.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from contextlib import closing
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final
from uuid import UUID

from psycopg import Connection

from domain.fact import Fact
from domain.order import Order
from domain.recorded import RecordedEvent
from domain.rma import Rma
from domain.vocabularies import NoticeKind
from infra.sessions import connect
from workers.notices.retries import again_at, is_given_up

OF_RETURNS: Final[Mapping[type[Fact], NoticeKind]] = {
    Rma.Requested: "requested",
    Rma.Authorized: "approved",
    Rma.Denied: "denied",
    Rma.ReviewDecided: "approved",
    Rma.DecisionOverridden: "approved",
    Rma.EvidenceRequested: "evidence_asked",
    Rma.Reminded: "deadline_near",
    Rma.Received: "received",
    Rma.ReplacementShipped: "exchange_shipped",
    Rma.Repaired: "sent_back",
    Rma.SentBack: "sent_back",
    Rma.FeedbackAsked: "survey",
    Rma.Closed: "closed",
}
"""What customers are told of; a person's decision that denies everything becomes ``denied`` when it is sent."""
OF_ORDERS: Final[Mapping[type[Fact], NoticeKind]] = {
    Order.PayoutSettled: "refunded",
    Order.PayoutFailed: "refund_failed",
}
KINDS: Final = frozenset({*OF_RETURNS, *OF_ORDERS, Order.Registered, Order.Shipped})
TABLES: Final = """
CREATE SCHEMA IF NOT EXISTS rma_notices;
CREATE TABLE IF NOT EXISTS rma_notices.started (
    only_row boolean     PRIMARY KEY DEFAULT true CHECK (only_row),
    at       timestamptz NOT NULL
);
-- orders of articles given in exchange, each with the return that it is for
CREATE TABLE IF NOT EXISTS rma_notices.exchanges (
    order_id    text PRIMARY KEY,
    of_rma_id   uuid NOT NULL,
    of_order_id text NOT NULL
);
CREATE TABLE IF NOT EXISTS rma_notices.messages (
    position       bigint      PRIMARY KEY,  -- of the event that it tells of
    event_id       uuid        NOT NULL,
    stream         text        NOT NULL,     -- of that event
    kind           text        NOT NULL,
    rma_id         uuid        NOT NULL,
    order_id       text        NOT NULL,     -- the return's
    tries          integer     NOT NULL DEFAULT 0,
    first_tried_at timestamptz,
    try_at         timestamptz NOT NULL,
    done           boolean     NOT NULL DEFAULT false
);
CREATE INDEX IF NOT EXISTS messages_open ON rma_notices.messages (position) WHERE NOT done;
CREATE INDEX IF NOT EXISTS messages_event ON rma_notices.messages (event_id);
CREATE INDEX IF NOT EXISTS messages_of ON rma_notices.messages (rma_id, position) WHERE NOT done;
"""
START: Final = "INSERT INTO rma_notices.started (at) VALUES (%s) ON CONFLICT DO NOTHING"
EXCHANGE: Final = "INSERT INTO rma_notices.exchanges VALUES (%s, %s, %s) ON CONFLICT DO NOTHING"
EXCHANGED: Final = "SELECT order_id, of_rma_id, of_order_id FROM rma_notices.exchanges WHERE order_id = ANY(%s)"
TELL: Final = """
    INSERT INTO rma_notices.messages (position, event_id, stream, kind, rma_id, order_id, try_at)
    SELECT * FROM unnest(
        %s::bigint[], %s::uuid[], %s::text[], %s::text[], %s::uuid[], %s::text[], %s::timestamptz[]
    ) ON CONFLICT (position) DO NOTHING
"""
DUE: Final = """
    SELECT position, event_id, stream, kind, rma_id, order_id, tries, first_tried_at FROM rma_notices.messages AS one
    WHERE NOT done AND try_at <= %s AND NOT position = ANY(%s) AND NOT EXISTS (
        SELECT FROM rma_notices.messages AS before
        WHERE NOT before.done AND before.rma_id = one.rma_id AND before.position < one.position
    ) ORDER BY position LIMIT %s
"""
DONE: Final = "UPDATE rma_notices.messages SET done = true WHERE position = ANY(%s)"
LATER: Final = """
    UPDATE rma_notices.messages SET tries = tries + 1, first_tried_at = coalesce(first_tried_at, %s), try_at = %s,
        done = %s
    WHERE position = %s AND NOT done
"""
"""Who was frozen meanwhile, and no longer leads, takes back nothing that another has sent."""
OPEN: Final = "SELECT count(*) FROM (SELECT FROM rma_notices.messages WHERE NOT done LIMIT %s) AS waiting"
COUNTED_MAX: Final = 100_000


@dataclass(frozen=True, slots=True)
class Message:
    """Something that a customer is to be told; ``kind`` as the fact alone has it. ``order_id`` is the return's."""

    position: int
    event_id: UUID
    stream: str
    kind: NoticeKind
    rma_id: UUID
    order_id: str
    tries: int = 0
    first_tried_at: datetime | None = None


class NoticeTable:
    """The inbox of the notices worker.

    Args:
        since: Customers are told of nothing that was before.
    """

    name = "notices"
    version = 1
    tables_sql = TABLES
    views = ()

    def __init__(self, since: datetime) -> None:
        self._since = since

    def fold(self, connection: Connection[Any], events: Sequence[RecordedEvent]) -> None:
        """Let a batch of facts become messages; what an order was given in exchange for is known before it ships."""
        wanted = [event for event in events if event.kind in KINDS]
        for event in wanted:
            if isinstance(event.fact, Order.Registered) and (of := event.fact.exchange_of):
                connection.execute(EXCHANGE, (event.partition_key, of.rma_id, of.order_id))
        shipped = list({event.partition_key for event in wanted if event.kind is Order.Shipped})
        exchanges = {row[0]: row[1:] for row in connection.execute(EXCHANGED, (shipped,))} if shipped else {}
        told = [
            (event.position, event.event_id, event.stream, *about, event.recorded_at)
            for event in wanted
            if event.occurred_at >= self._since and (about := news_of(event, exchanges))
        ]
        if told:
            connection.execute(TELL, tuple(map(list, zip(*told, strict=True))))


def news_of(event: RecordedEvent, exchanges: Mapping[str, tuple[UUID, str]]) -> tuple[NoticeKind, UUID, str] | None:
    """Return what an event tells a customer of, and on which return of which order; None: nothing."""
    fact, order_id = event.fact, event.partition_key
    if (kind := OF_RETURNS.get(event.kind)) is not None:
        is_news = not (isinstance(fact, Rma.Received) and fact.supersedes)
        return (kind, UUID(event.stream.removeprefix("rma/")), order_id) if is_news else None
    match fact:
        case Order.PayoutSettled(rma_id=UUID() as rma_id, superseded=False):
            return "refunded", rma_id, order_id
        case Order.PayoutFailed(rma_id=UUID() as rma_id, superseded=False, gave_way=False):
            return "refund_failed", rma_id, order_id
        case Order.Shipped() if order_id in exchanges:
            return "exchange_shipped", *exchanges[order_id]
    return None


def prepare(connection: Connection[Any]) -> None:
    """Make the tables; safe to repeat."""
    connection.execute(TABLES.encode())


def started_at(conninfo: str, now: datetime) -> datetime:
    """Return when the worker was first started: now, where it never was."""
    with closing(connect(conninfo)) as connection:
        connection.execute(START, (now,))
        [(at,)] = connection.execute("SELECT at FROM rma_notices.started").fetchall()
    assert isinstance(at, datetime)  # noqa: S101 - for the type checker
    return at


def due(connection: Connection, now: datetime, *, but: Iterable[int], limit: int) -> list[Message]:
    """Return the messages to send now, beside those under way: of each return the first that is open."""
    return [Message(*row) for row in connection.execute(DUE, (now, list(but), limit))]


def waiting(connection: Connection) -> int:
    """Return how many messages are open, counted to 100,000."""
    [(count,)] = connection.execute(OPEN, (COUNTED_MAX,)).fetchall()
    return int(count)


def mark_done(connection: Connection, messages: Iterable[Message]) -> None:
    """Remember that these need nothing more."""
    connection.execute(DONE, ([message.position for message in messages],))


def mark_not_taken(connection: Connection, message: Message, now: datetime) -> None:
    """Remember that a message was not taken: it is tried again later, for a day; then the next of its return is."""
    is_last = is_given_up(message.first_tried_at, now)
    connection.execute(LATER, (now, again_at(message.tries, now), is_last, message.position))
