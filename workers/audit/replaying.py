"""`rma audit replay`: read models filled anew up to a moment, looked at, and dropped.

All of it is one transaction, which is rolled back in the end. In it, and only in it, the live schemas have other names,
so that the projections write into tables of their own, and views show those. Everybody else goes on with the live ones.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from itertools import islice
from typing import Final

from psycopg import Connection, sql
from psycopg.rows import dict_row

from domain.errors import RmaError, UnusableInputError
from domain.recorded import RecordedEvent
from infra.addresses import postgres_address
from infra.envelope.codec import Codec
from infra.log.auditing import events_after, events_of_key
from infra.log.queries import first_recorded_from, last_position
from infra.records import StoredEvent
from infra.sessions import SCHEMA_CHANGE_MAX_MS, connect
from infra.settings import Settings
from projections.read_models import PROJECTIONS, projection_named
from projections.view import READ_SCHEMA, views_sql
from workers.projector.projector import NAMES_LOCK
from workers.runtime.every_event import make_codec

BATCH_EVENTS: Final = 2_000
ROWS_AT_ONCE: Final = 2_000
ASIDE: Final = "_live"

SETTINGS: Final = (
    f"SET LOCAL statement_timeout = {SCHEMA_CHANGE_MAX_MS}",
    f"SET LOCAL idle_in_transaction_session_timeout = {SCHEMA_CHANGE_MAX_MS}",
    "SET LOCAL enable_seqscan = on",
)


class CannotBeToldError(RmaError):
    """What had happened by then makes no story: something recorded since came before."""

    code = "cannot_be_told"

    def __init__(self, event: RecordedEvent | None) -> None:
        at = f" (position {event.position})" if event else ""
        super().__init__(
            f"what had happened by then cannot be told{at}: a step that it rests on was dated later; leave out "
            "--occurred-by, or name a later time"
        )


class UnknownViewError(UnusableInputError):
    """There is no view of this name among those that are filled from events."""

    code = "unknown_view"

    def __init__(self, name: str) -> None:
        super().__init__(f"there is no view {name} to replay; there are {', '.join(sorted(_keepers()))}")


@dataclass(frozen=True)
class Moment:
    """Up to where events count: a place in the log, and a business time; None: whatever was recorded counts."""

    position: int
    occurred_by: datetime | None = None


def moment(
    connection: Connection, *, as_of: datetime | None, position: int | None, occurred_by: datetime | None
) -> Moment:
    """Return the moment that a person names: recorded at a time or before, or up to a position; neither: now."""
    end = last_position(connection)
    if as_of is not None:
        later = first_recorded_from(connection, as_of + timedelta(microseconds=1))
        end = end if later is None else later - 1
    return Moment(end if position is None else min(end, position), occurred_by)


def _keepers() -> dict[str, str]:
    """Return which read model keeps each view."""
    return {view.name: name for name, projection in PROJECTIONS.items() for view in projection.views}


@contextmanager
def replayed(settings: Settings, until: Moment, key: str | None) -> Iterator[Connection]:
    """Yield a session in which the read models hold what an order, or with None the whole log, told up to a moment.

    Raises:
        CannotBeToldError: Without what happened later, what had happened by then makes no sense.
        psycopg.errors.LockNotAvailable: Somebody else replays.
        psycopg.OperationalError: PostgreSQL is away.
    """
    with closing(connect(postgres_address(settings))) as connection:
        connection.execute("BEGIN")
        for setting in SETTINGS:
            connection.execute(setting.encode())
        connection.execute("SELECT pg_advisory_xact_lock(%s)", (NAMES_LOCK,))
        _make_room(connection)
        told = events_of_key(connection, key, until.position) if key else _whole_log(connection, until.position)
        _fold(connection, _told_by(told, until.occurred_by, make_codec()), is_partial=until.occurred_by is not None)
        yield connection
        connection.execute("ROLLBACK")


def _make_room(connection: Connection) -> None:
    """Put the live schemas aside and make empty ones in their place, for this transaction alone."""
    names = [f"{projection.name}_v{projection.version}" for projection in PROJECTIONS.values()]
    there = "SELECT nspname FROM pg_namespace WHERE nspname = ANY(%s)"
    for (name,) in connection.execute(there, ([*names, READ_SCHEMA],)).fetchall():
        aside = sql.SQL("ALTER SCHEMA {} RENAME TO {}")
        connection.execute(aside.format(sql.Identifier(name), sql.Identifier(f"{name}{ASIDE}")))
    for projection in PROJECTIONS.values():
        connection.execute(sql.SQL(projection.tables_sql))
    for projection in PROJECTIONS.values():
        connection.execute(sql.SQL(views_sql(projection.views)))


def _whole_log(connection: Connection, end: int) -> Iterator[StoredEvent]:
    after = 0
    while page := events_after(connection, after, min(BATCH_EVENTS, end - after)):
        yield from page
        after = page[-1].position


def _told_by(events: Iterable[StoredEvent], occurred_by: datetime | None, codec: Codec) -> Iterator[RecordedEvent]:
    """Yield what had happened by then; what is left out leaves no gap in the versions of its stream."""
    versions: dict[str, int] = {}
    for event in events:
        if occurred_by is None:
            yield _recorded(event, codec)
        elif event.occurred_at <= occurred_by:
            versions[event.stream] = versions.get(event.stream, 0) + 1
            yield replace(_recorded(event, codec), version=versions[event.stream])


def _recorded(event: StoredEvent, codec: Codec) -> RecordedEvent:
    return RecordedEvent(
        event_id=event.event_id,
        stream=event.stream,
        version=event.version,
        position=event.position,
        type=event.type,
        occurred_at=event.occurred_at,
        recorded_at=event.recorded_at,
        actor=event.actor,
        command_id=event.command_id,
        correlation_id=event.correlation_id,
        causation_id=event.causation_id,
        partition_key=event.partition_key,
        body=event.body,
        reader=codec,
        sealed_key_id=event.sealed_key_id,
    )


def _fold(connection: Connection, events: Iterator[RecordedEvent], *, is_partial: bool) -> None:
    """Fill every read model; raises ``CannotBeToldError`` where a part of the story alone cannot be followed."""
    projections = [projection_named(name) for name in PROJECTIONS]
    while batch := list(islice(events, BATCH_EVENTS)):
        try:
            for projection in projections:
                projection.fold(connection, batch)
        except (LookupError, ValueError, TypeError, AttributeError, AssertionError) as unfit:
            if not is_partial:
                raise
            raise CannotBeToldError(batch[0]) from unfit


def view_rows(connection: Connection, view: str) -> Iterator[dict[str, object]]:
    """Yield the rows of a view in the order of its key; raises ``UnknownViewError``. The session is a replay's."""
    if view not in _keepers():
        raise UnknownViewError(view)
    [found] = [one for projection in PROJECTIONS.values() for one in projection.views if one.name == view]
    key = sql.SQL(", ").join(map(sql.Identifier, found.key))
    query = sql.SQL("SELECT * FROM {} ORDER BY {}").format(sql.Identifier(READ_SCHEMA, view), key)
    with connection.cursor("rows_of_view", row_factory=dict_row) as cursor:
        cursor.itersize = ROWS_AT_ONCE
        yield from cursor.execute(query)
