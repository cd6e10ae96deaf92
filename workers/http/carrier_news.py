"""What carriers tell of parcels, whatever form it came in, and what is kept of parcels that nobody knows yet."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final, Literal
from uuid import UUID

from psycopg import Connection
from psycopg.rows import dict_row

from domain.vocabularies import ScanStatus
from infra.kafka.command_client import OutgoingCommand
from projections.tracking.queues import QueuePage, read_in_order

NewsStatus = Literal["handed_over", ScanStatus]
NAME: Final = re.compile(r"[!-~]{1,64}", re.ASCII)
EVENTS_MAX: Final = 100
RETURNS_MAX: Final = 20
DUE_MAX: Final = 200
TRY_EVERY: Final = "10 minutes"
TABLES: Final = """
CREATE TABLE IF NOT EXISTS rma_http.carrier_news (
    carrier          text        NOT NULL,
    event_id         text        NOT NULL,
    tracking_numbers text[]      NOT NULL,
    status           text        NOT NULL,
    occurred_at      timestamptz NOT NULL,
    place            text,
    kept_at          timestamptz NOT NULL,
    tried_at         timestamptz NOT NULL,
    state            text        NOT NULL DEFAULT 'kept',  -- then told, or unplaced, then placed or set_aside
    PRIMARY KEY (carrier, event_id)
);
ALTER TABLE rma_http.carrier_news ADD COLUMN IF NOT EXISTS news_id uuid
    GENERATED ALWAYS AS (md5(carrier || ' ' || event_id)::uuid) STORED;  -- one name for the two, as pages say it
CREATE INDEX IF NOT EXISTS carrier_news_unplaced ON rma_http.carrier_news (kept_at, news_id) WHERE state = 'unplaced';
CREATE INDEX IF NOT EXISTS carrier_news_due ON rma_http.carrier_news (tried_at) WHERE state = 'kept';
"""
KEEP: Final = """
    INSERT INTO rma_http.carrier_news
        (carrier, event_id, tracking_numbers, status, occurred_at, place, kept_at, tried_at)
    VALUES (%s, %s, %s, %s, %s, %s, now(), now()) ON CONFLICT DO NOTHING
"""
DUE: Final = """
    UPDATE rma_http.carrier_news AS news SET tried_at = now() FROM (
        SELECT carrier, event_id FROM rma_http.carrier_news
        WHERE state = 'kept' AND tried_at <= now() - %s::interval ORDER BY tried_at LIMIT %s FOR UPDATE SKIP LOCKED
    ) AS due
    WHERE news.carrier = due.carrier AND news.event_id = due.event_id
    RETURNING news.carrier, news.event_id, tracking_numbers, status, occurred_at, place
"""
TOLD: Final = "UPDATE rma_http.carrier_news SET state = 'told' WHERE carrier = %s AND event_id = %s"
LAPSE: Final = """
    UPDATE rma_http.carrier_news SET state = 'unplaced' WHERE state = 'kept' AND kept_at < now() - interval '14 days'
"""
FORGET: Final = """
    DELETE FROM rma_http.carrier_news
    WHERE state IN ('told', 'placed', 'set_aside') AND kept_at < now() - interval '28 days'
"""
UNPLACED: Final = """
    SELECT news_id, carrier, event_id, tracking_numbers, status, occurred_at, place, kept_at FROM rma_http.carrier_news
    WHERE state = 'unplaced' AND (kept_at, news_id) > (%(requested_at)s, %(rma_id)s)
    ORDER BY kept_at, news_id LIMIT %(rows)s
"""
FIND_UNPLACED: Final = """
    SELECT news_id, carrier, event_id, tracking_numbers, status, occurred_at, place, kept_at FROM rma_http.carrier_news
    WHERE state = 'unplaced' AND news_id = %s
"""
SETTLE: Final = "UPDATE rma_http.carrier_news SET state = %s WHERE state = 'unplaced' AND news_id = %s"
RETURNS: Final = """
    SELECT rma_id, order_id, tracking_number, carrier FROM rma_read.labels WHERE tracking_number = ANY(%(numbers)s)
    UNION
    SELECT rma_id, order_id, tracking_number, NULL FROM rma_read.returns AS r
    WHERE tracking_number = ANY(%(numbers)s) AND NOT EXISTS (
        SELECT FROM rma_read.labels AS l WHERE l.rma_id = r.rma_id AND l.tracking_number = r.tracking_number
    )
    ORDER BY rma_id LIMIT %(rows)s
"""


@dataclass(frozen=True, slots=True)
class News:
    """One thing that happened to a parcel, whose number may be written in several ways."""

    event_id: str
    tracking_numbers: tuple[str, ...]
    status: NewsStatus
    occurred_at: datetime
    place: str | None = None


@dataclass(frozen=True, slots=True)
class Unreadable:
    """One event of several that cannot be read: its id, where it has one, and why."""

    event_id: str | None
    why: str


@dataclass(frozen=True, slots=True)
class Parcel:
    """The goods of a return that travel under a number; ``carrier`` as its label names it, None without one."""

    rma_id: UUID
    order_id: str
    tracking_number: str
    carrier: str | None


def parcels_of(connection: Connection[Any], news: News) -> list[Parcel]:
    """Return the parcels of returns that news are about, one for each return."""
    numbers = {"numbers": list(news.tracking_numbers), "rows": RETURNS_MAX}
    found = [Parcel(*row) for row in connection.execute(RETURNS, numbers)]
    return list({parcel.rma_id: parcel for parcel in found}.values())


def commands_of(carrier: str, news: News, parcels: Sequence[Parcel]) -> list[OutgoingCommand]:
    """Return the commands that tell of news, one for each return; the same news make the same commands.

    One is known by the carrier's own id of the event; where a parcel holds the goods of several returns, by that and
    the return.
    """
    single = len(parcels) == 1
    return [_command(carrier, news, parcel, news.event_id if single else f"{news.event_id}:{parcel.rma_id}")
            for parcel in parcels]  # fmt: skip


def _command(carrier: str, news: News, parcel: Parcel, command_id: str) -> OutgoingCommand:
    data: dict[str, Any] = {
        "rma_id": str(parcel.rma_id),
        "order_id": parcel.order_id,
        "tracking_number": parcel.tracking_number,
    }
    name = "RecordHandover"
    if news.status != "handed_over":
        name = "RecordScan"
        data |= {"scan_id": scan_id_of(news.event_id), "status": news.status}
        data |= {"place": news.place} if news.place else {}
    return OutgoingCommand(
        type=name,
        id=command_id,
        source=f"/carriers/{carrier}",
        key=parcel.order_id,
        time=news.occurred_at,
        actor=f"carrier:{carrier}",
        data=data,
    )


def scan_id_of(event_id: str) -> str:
    """Return a carrier's id of an event as one of ours: theirs may be longer, or hold anything."""
    return event_id if NAME.fullmatch(event_id) else hashlib.sha256(event_id.encode()).hexdigest()


def keep(connection: Connection[Any], carrier: str, news: News) -> None:
    """Keep news of a parcel that nobody knows; told again they are kept once."""
    numbers = list(news.tracking_numbers)
    connection.execute(KEEP, (carrier, news.event_id, numbers, news.status, news.occurred_at, news.place))


def due(connection: Connection[Any], *, every: str = TRY_EVERY) -> list[tuple[str, News]]:
    """Return kept news that were not tried for so long, with their carriers, and note that they are tried now."""
    rows = connection.execute(DUE, (every, DUE_MAX)).fetchall()
    return [(carrier, News(event_id, tuple(numbers), *rest)) for carrier, event_id, numbers, *rest in rows]


def mark_told(connection: Connection[Any], carrier: str, event_id: str) -> None:
    """Note that the commands of kept news are with Kafka."""
    connection.execute(TOLD, (carrier, event_id))


def lapse(connection: Connection[Any]) -> None:
    """Give up, after two weeks, on news of parcels that nobody knows: they are a person's from then on."""
    connection.execute(LAPSE)
    connection.execute(FORGET)


def read_unplaced_news(connection: Connection[Any], limit: int, cursor: str | None) -> QueuePage:
    """Return news of which a person has to see whose they are, the oldest first, as ``read_in_order`` does."""
    return read_in_order(connection, UNPLACED, ("kept_at", "news_id"), limit, cursor)


def find_unplaced_news(connection: Connection[Any], news_id: UUID) -> dict[str, Any] | None:
    """Return news of which nobody has seen yet whose they are, or None."""
    with connection.cursor(row_factory=dict_row) as opened:
        return opened.execute(FIND_UNPLACED, (news_id,)).fetchone()


def settle_news(connection: Connection[Any], news_id: UUID, state: Literal["placed", "set_aside"]) -> None:
    """Note that a person told them of a return, or that they are about nothing of ours."""
    connection.execute(SETTLE, (state, news_id))
