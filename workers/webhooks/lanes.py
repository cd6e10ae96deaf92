"""Deliveries and their lanes: what is to be sent now, and what becomes of what was sent."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Final, Literal
from uuid import UUID

from psycopg import Connection
from psycopg.rows import dict_row

from domain.errors import RmaError
from infra.log.queries import events_at
from infra.records import StoredEvent
from workers.webhooks.table import open_lanes

LETTERS_AT_ONCE_MAX: Final = 20
"""Deliveries of one lane that are sent one after the other before others have their turn."""
KEPT: Final = timedelta(days=30)
"""How long is known what was delivered, and what was parked can be delivered after all."""
FORGET_AT_ONCE_MAX: Final = 5_000

State = Literal["waiting", "delivered", "parked"]
Lane = tuple[UUID, str]
"""A subscription and a key."""

DUE: Final = """
    SELECT asked.subscription_id, lane.key
    FROM unnest(%s::uuid[], %s::integer[]) AS asked (subscription_id, room)
    CROSS JOIN LATERAL (
        SELECT key FROM rma_webhooks.lanes AS l
        WHERE l.subscription_id = asked.subscription_id AND l.due_at <= clock_timestamp() AND l.key <> ALL(%s)
        ORDER BY l.due_at LIMIT asked.room
    ) AS lane
"""
LETTERS: Final = f"""
    SELECT d.subscription_id, d.key, d.position, d.tries, d.first_tried_at, d.redelivery
    FROM unnest(%s::uuid[], %s::text[]) AS asked (subscription_id, key)
    CROSS JOIN LATERAL (
        SELECT * FROM rma_webhooks.deliveries AS waiting
        WHERE waiting.subscription_id = asked.subscription_id AND waiting.key = asked.key AND waiting.state = 'waiting'
        ORDER BY waiting.position LIMIT {LETTERS_AT_ONCE_MAX}
    ) AS d
    ORDER BY d.subscription_id, d.key, d.position
"""  # noqa: S608 - a number of our own
LOCK_LANES: Final = """
    SELECT l.subscription_id, l.key FROM unnest(%s::uuid[], %s::text[]) AS asked (subscription_id, key)
    JOIN rma_webhooks.lanes AS l USING (subscription_id, key) ORDER BY l.subscription_id, l.key FOR UPDATE OF l
"""
TRIED: Final = """
    UPDATE rma_webhooks.deliveries AS d
    SET state = told.state, why = told.why, tries = d.tries + 1, last_tried_at = told.at,
        first_tried_at = coalesce(d.first_tried_at, told.at)
    FROM unnest(%s::uuid[], %s::bigint[], %s::text[], %s::text[], %s::timestamptz[])
        AS told (subscription_id, position, state, why, at)
    WHERE d.subscription_id = told.subscription_id AND d.position = told.position AND d.state = 'waiting'
"""
"""Only what waits: who was frozen meanwhile, and no longer leads, takes back nothing that another has delivered."""
WAIT: Final = """
    UPDATE rma_webhooks.lanes AS l SET due_at = clock_timestamp() + told.wait_s * interval '1 second'
    FROM unnest(%s::uuid[], %s::text[], %s::double precision[]) AS told (subscription_id, key, wait_s)
    WHERE l.subscription_id = told.subscription_id AND l.key = told.key
"""
CLOSE: Final = """
    DELETE FROM rma_webhooks.lanes AS l USING unnest(%s::uuid[], %s::text[]) AS told (subscription_id, key)
    WHERE l.subscription_id = told.subscription_id AND l.key = told.key AND NOT EXISTS (
        SELECT FROM rma_webhooks.deliveries AS d
        WHERE d.subscription_id = l.subscription_id AND d.key = l.key AND d.state = 'waiting'
    )
"""
FORGET: Final = """
    DELETE FROM rma_webhooks.deliveries WHERE ctid = ANY(ARRAY(
        SELECT ctid FROM rma_webhooks.deliveries
        WHERE state = %s AND last_tried_at < clock_timestamp() - %s LIMIT %s
    ))
"""
SHOWN: Final = """
    SELECT subscription_id, position, event_id, type, key, state, redelivery, tries, first_tried_at, last_tried_at, why
    FROM rma_webhooks.deliveries
    WHERE subscription_id = %s AND (%s::text IS NULL OR state = %s) ORDER BY position DESC LIMIT %s
"""
AGAIN: Final = """
    UPDATE rma_webhooks.deliveries
    SET state = 'waiting', redelivery = true, tries = 0, first_tried_at = NULL, why = NULL
    WHERE subscription_id = %s AND state <> 'waiting' AND (event_id = ANY(%s) OR (%s AND state = 'parked'))
    RETURNING event_id, key
"""
COUNTS: Final = """
    SELECT (SELECT count(*) FROM rma_webhooks.subscriptions) AS subscriptions,
        (SELECT count(*) FROM rma_webhooks.subscriptions WHERE paused) AS paused,
        (SELECT count(*) FROM rma_webhooks.deliveries WHERE state = 'waiting') AS waiting,
        (SELECT count(*) FROM rma_webhooks.deliveries WHERE state = 'parked') AS parked
"""
MAY_LOOK: Final = """
    SELECT CASE WHEN to_regnamespace('rma_webhooks') IS NULL THEN false
        ELSE has_schema_privilege('rma_webhooks', 'USAGE') END AS may_look
"""


class NotDeliveredError(RmaError):
    """An event is not among a subscription's deliveries."""

    code = "no_delivery"

    def __init__(self, events: Collection[UUID]) -> None:
        named = ", ".join(sorted(map(str, events)))
        super().__init__(f"not among what was delivered or parked in the last {KEPT.days} days: {named}")


@dataclass(frozen=True, slots=True)
class Letter:
    """An event on its way to a receiver; ``redelivery``: somebody asked that it be sent once more."""

    event: StoredEvent
    tries: int
    first_tried_at: datetime | None
    redelivery: bool


@dataclass(frozen=True, slots=True)
class Tried:
    """What became of a letter: ``why`` is None where it was taken."""

    letter: Letter
    at: datetime
    state: State
    why: str | None = None


@dataclass(frozen=True, slots=True)
class LaneOutcome:
    """What became of a lane's letters, in their order, and how long the rest waits."""

    lane: Lane
    tried: Sequence[Tried]
    wait_s: float = 0.0


@dataclass(frozen=True, slots=True)
class WebhookCounts:
    """How many subscriptions there are, and deliveries that wait for their turn, or for somebody."""

    subscriptions: int
    paused: int
    waiting: int
    parked: int


def due(connection: Connection, room: Mapping[UUID, int], busy: Collection[Lane]) -> dict[Lane, list[Letter]]:
    """Return what is to be sent now, by lane and in its order: of each subscription at most so many lanes."""
    asked = (list(room), list(room.values()), [key for _, key in busy])
    lanes: dict[Lane, list[Letter]] = {
        (subscription_id, key): [] for subscription_id, key in connection.execute(DUE, asked, prepare=True).fetchall()
    }
    if lanes:
        ids, keys = zip(*lanes, strict=True)
        rows = connection.execute(LETTERS, (list(ids), list(keys)), prepare=True).fetchall()
        events = events_at(connection, (position for _, _, position, *_ in rows))
        for subscription_id, key, position, *about in rows:
            lanes[subscription_id, key].append(Letter(events[position], *about))
    return lanes


def settle(connection: Connection, outcomes: Sequence[LaneOutcome]) -> None:
    """Note what became of letters; a lane in which nothing waits any more is closed, others wait their time."""
    tried = [(one.lane[0], t.letter.event.position, t.state, t.why, t.at) for one in outcomes for t in one.tried]
    waits = [(*one.lane, one.wait_s) for one in outcomes]
    ids, keys, _ = map(list, zip(*waits, strict=True))
    with connection.transaction():
        connection.execute(LOCK_LANES, (ids, keys))  # who adds to one of them waits, or was before
        if tried:
            connection.execute(TRIED, tuple(map(list, zip(*tried, strict=True))))
        connection.execute(WAIT, tuple(map(list, zip(*waits, strict=True))))
        connection.execute(CLOSE, (ids, keys))


def forget(connection: Connection) -> int:
    """Forget what was delivered or parked long ago, at most some thousands; return how many there were."""
    states: tuple[State, ...] = ("delivered", "parked")
    return sum(connection.execute(FORGET, (state, KEPT, FORGET_AT_ONCE_MAX)).rowcount for state in states)


def shown(connection: Connection, subscription_id: UUID, state: State | None, limit: int) -> list[dict[str, Any]]:
    """Return deliveries of a subscription, the newest first."""
    parameters = (subscription_id, state, state, limit)
    return connection.cursor(row_factory=dict_row).execute(SHOWN, parameters).fetchall()


def redeliver(connection: Connection, subscription_id: UUID, events: Collection[UUID], *, all_parked: bool) -> int:
    """Let what was delivered or parked be sent once more, in its place in the order; return how many there are.

    Raises:
        NotDeliveredError: One of the events is not among them.
    """
    with connection.transaction():
        sent = connection.execute(AGAIN, (subscription_id, list(events), all_parked)).fetchall()
        if missing := set(events) - {event_id for event_id, _ in sent}:
            raise NotDeliveredError(missing)
        if sent:
            open_lanes(connection, {(subscription_id, key) for _, key in sent})
    return len(sent)


def counts(connection: Connection[Any]) -> WebhookCounts | None:
    """Return how many deliveries there are; None where this user may not look, or there are no tables yet."""
    cursor = connection.cursor(row_factory=dict_row)
    if not cursor.execute(MAY_LOOK).fetchall()[0]["may_look"]:
        return None
    return WebhookCounts(**cursor.execute(COUNTS).fetchall()[0])
