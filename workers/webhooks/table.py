"""The webhook worker's memory in PostgreSQL: who wants to be told of what, and what each is still to be told.

A *lane* is what one subscription gets of one Kafka key: its deliveries go out one after the other, in the log's order.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import lru_cache
from typing import Final
from uuid import UUID

from psycopg import Connection

from domain.recorded import RecordedEvent

ANY_FURTHER: Final = "*"
"""What a wanted type may end with: all that begin like it."""
SUBSCRIBING_LOCK: Final = 0x524D5701
"""Advisory lock of who changes subscriptions, shared by who reads them while events are told apart by them."""
TABLES: Final = """
CREATE SCHEMA IF NOT EXISTS rma_webhooks;
CREATE TABLE IF NOT EXISTS rma_webhooks.subscriptions (
    subscription_id uuid        PRIMARY KEY,
    url             text        NOT NULL,
    types           text[]      NOT NULL,
    after_position  bigint      NOT NULL,  -- of the log: what was recorded up to there is not told
    paused          boolean     NOT NULL DEFAULT false,
    created_at      timestamptz NOT NULL DEFAULT clock_timestamp()
);
CREATE TABLE IF NOT EXISTS rma_webhooks.secrets (
    secret_id       uuid        PRIMARY KEY,
    subscription_id uuid        NOT NULL REFERENCES rma_webhooks.subscriptions ON DELETE CASCADE,
    master_id       text        NOT NULL,
    wrapped         bytea       NOT NULL,
    created_at      timestamptz NOT NULL DEFAULT clock_timestamp(),
    ends_at         timestamptz            -- NULL: the newest
);
CREATE INDEX IF NOT EXISTS secrets_of ON rma_webhooks.secrets (subscription_id);
CREATE TABLE IF NOT EXISTS rma_webhooks.deliveries (
    subscription_id uuid        NOT NULL REFERENCES rma_webhooks.subscriptions ON DELETE CASCADE,
    position        bigint      NOT NULL,
    key             text        NOT NULL,
    event_id        uuid        NOT NULL,
    type            text        NOT NULL,
    state           text        NOT NULL DEFAULT 'waiting' CHECK (state IN ('waiting', 'delivered', 'parked')),
    redelivery      boolean     NOT NULL DEFAULT false,
    tries           integer     NOT NULL DEFAULT 0,
    first_tried_at  timestamptz,
    last_tried_at   timestamptz,
    why             text,                  -- the last try failed
    PRIMARY KEY (subscription_id, position)
);
CREATE INDEX IF NOT EXISTS deliveries_waiting ON rma_webhooks.deliveries (subscription_id, key, position)
    WHERE state = 'waiting';
CREATE INDEX IF NOT EXISTS deliveries_done ON rma_webhooks.deliveries (state, last_tried_at) WHERE state <> 'waiting';
CREATE TABLE IF NOT EXISTS rma_webhooks.lanes (
    subscription_id uuid        NOT NULL REFERENCES rma_webhooks.subscriptions ON DELETE CASCADE,
    key             text        NOT NULL,
    due_at          timestamptz NOT NULL,
    PRIMARY KEY (subscription_id, key)
);
CREATE INDEX IF NOT EXISTS lanes_due ON rma_webhooks.lanes (subscription_id, due_at);
"""
SUBSCRIBED: Final = "SELECT subscription_id, types, after_position FROM rma_webhooks.subscriptions"
HOLD_SUBSCRIPTIONS: Final = "SELECT pg_advisory_xact_lock_shared(%s)"
TELL: Final = """
    INSERT INTO rma_webhooks.deliveries (subscription_id, position, key, event_id, type)
    SELECT * FROM unnest(%s::uuid[], %s::bigint[], %s::text[], %s::uuid[], %s::text[])
    ON CONFLICT (subscription_id, position) DO NOTHING
"""
OPEN_LANES: Final = """
    INSERT INTO rma_webhooks.lanes AS known (subscription_id, key, due_at)
    SELECT subscription_id, key, clock_timestamp() FROM unnest(%s::uuid[], %s::text[]) AS wanted (subscription_id, key)
    ORDER BY subscription_id, key
    ON CONFLICT (subscription_id, key) DO UPDATE SET due_at = known.due_at
"""
"""The update changes nothing: it waits for who is about to close the lane, and then finds it closed."""


class WebhookTable:
    """The inbox of the webhook worker."""

    name = "webhooks"
    version = 1
    tables_sql = TABLES
    views = ()

    def fold(self, connection: Connection, events: Sequence[RecordedEvent]) -> None:
        """Let a batch of events be delivered to whoever wants to be told of them."""
        connection.execute(HOLD_SUBSCRIPTIONS, (SUBSCRIBING_LOCK,))
        rows = [
            (subscription_id, event.position, event.partition_key, event.event_id, event.type)
            for subscription_id, types, after_position in connection.execute(SUBSCRIBED).fetchall()
            for event in events
            if event.position > after_position and is_wanted(tuple(types), event.type)
        ]
        if rows:
            connection.execute(TELL, tuple(map(list, zip(*rows, strict=True))))
            open_lanes(connection, {(row[0], row[2]) for row in rows})


def open_lanes(connection: Connection, lanes: set[tuple[UUID, str]]) -> None:
    """Let what waits in these lanes, by subscription and key, go out."""
    ids, keys = zip(*lanes, strict=True)
    connection.execute(OPEN_LANES, (list(ids), list(keys)))


@lru_cache(maxsize=4_096)
def is_wanted(types: tuple[str, ...], type_name: str) -> bool:
    """Tell whether a type of event is among those wanted: by its name, or by how it begins (``rma.Rma.*``)."""
    return any(
        type_name.startswith(wanted.removesuffix(ANY_FURTHER)) if wanted.endswith(ANY_FURTHER) else type_name == wanted
        for wanted in types
    )
