"""Our own domain code run the plain way: the `eventsourcing` library as its handbook shows it, one command at a time.

An ``Application`` with the library's PostgreSQL recorder, one transaction a command, and a ``Projection`` with its
``ProjectionRunner``, one transaction an event. It does less than the command worker: nothing comes from Kafka, no
answer is kept or sent, no repeat is known again, no text is sealed, nothing is chained by hashes.
"""

from __future__ import annotations

from datetime import UTC, date, datetime
from typing import Any, Final, cast
from uuid import UUID

from eventsourcing.application import AggregateNotFoundError, Application
from eventsourcing.domain import DomainEventProtocol
from eventsourcing.persistence import Mapper, StoredEvent, Tracking
from eventsourcing.postgres import PostgresTrackingRecorder
from eventsourcing.projection import Projection
from psycopg.conninfo import conninfo_to_dict
from psycopg.rows import dict_row, tuple_row

from commands.dispatch import handle
from commands.fields import Body
from commands.metadata import Meta
from domain.fact import AggregateRoot, Fact
from domain.recorded import FactClass, RecordedEvent
from infra.calendars import holidays_of
from infra.envelope.codec import Codec, topic_of
from projections.tracking.fold import Tracking as TrackingFold
from workers.runtime.every_event import make_codec

INSTANT_LENGTH: Final = len("2026-03-01T09:00:00.000000+00:00")
NOBODY: Final = UUID(int=0)


def environment(conninfo: str) -> dict[str, str]:
    """Return what tells the library where PostgreSQL is, and that streams have names."""
    place = conninfo_to_dict(conninfo)
    return {
        "PERSISTENCE_MODULE": "eventsourcing.postgres",
        "POSTGRES_DBNAME": str(place["dbname"]),
        "POSTGRES_HOST": str(place.get("host", "localhost")),
        "POSTGRES_PORT": str(place.get("port", 5432)),
        "POSTGRES_USER": str(place["user"]),
        "POSTGRES_PASSWORD": str(place.get("password") or "none"),
        "ORIGINATOR_ID_TYPE": "text",
    }


class FactMapper(Mapper[str]):
    """Store facts as our log does, as their own JSON, behind their business time."""

    def __init__(self, codec: Codec) -> None:
        self._codec = codec

    def to_stored_event(self, domain_event: DomainEventProtocol[str]) -> StoredEvent:
        fact = cast("Fact", domain_event)
        instant = fact.timestamp.astimezone(UTC).isoformat(timespec="microseconds").encode()
        state = instant + self._codec.encode(fact)
        return StoredEvent(fact.originator_id, fact.originator_version, topic_of(type(fact)), state)

    def to_domain_event(self, stored_event: StoredEvent) -> DomainEventProtocol[str]:
        instant, body = stored_event.state[:INSTANT_LENGTH], stored_event.state[INSTANT_LENGTH:]
        stream, version = str(stored_event.originator_id), stored_event.originator_version
        return self._codec.decode(stored_event.topic, stream, version, datetime.fromisoformat(instant.decode()), body)


class PlainReturns(Application[str]):
    """Returns, decided by our handlers on aggregates that the library's repository brings."""

    def construct_mapper(self) -> Mapper[str]:
        return FactMapper(make_codec())

    def take(self, command: Body, meta: Meta) -> None:
        """Decide one command and record it in a transaction of its own; raises ``RuleViolationError``."""
        streams = _Loaded(self)
        handle(command, meta, streams, datetime.now(UTC))
        self.save(*streams.touched)


class _Loaded:
    """The aggregates of one command, each loaded from its first event on when it is asked for."""

    def __init__(self, application: PlainReturns) -> None:
        self._application = application
        self._found: dict[str, AggregateRoot | None] = {}

    @property
    def touched(self) -> list[AggregateRoot]:
        return [aggregate for aggregate in self._found.values() if aggregate is not None]

    def get(self, stream: str) -> AggregateRoot | None:
        if stream not in self._found:
            try:
                self._found[stream] = self._application.repository.get(stream)
            except AggregateNotFoundError:
                self._found[stream] = None
        return self._found[stream]

    def add(self, aggregate: AggregateRoot) -> None:
        self._found[aggregate.id] = aggregate

    def keys_of(self, _person: str, /) -> tuple[str, ...]:
        return ()

    def holidays(self, calendar: str, year: int, /) -> frozenset[date]:
        return holidays_of(calendar, year)


class TrackingView(PostgresTrackingRecorder):
    """The tables of our read model ``tracking``, written event by event together with how far they have come."""

    def __init__(self, *args: Any, **settings: Any) -> None:
        super().__init__(*args, **settings)
        self._fold = TrackingFold()

    def create_table(self) -> None:
        super().create_table()
        with self.datastore.transaction(commit=True) as cursor:
            cursor.connection.execute(TrackingFold.tables_sql.encode())

    def show(self, event: RecordedEvent, tracking: Tracking) -> None:
        """Fold one event, and note that it was, in one transaction."""
        with self.datastore.transaction(commit=True) as cursor:
            connection = cast("Any", cursor.connection)
            connection.row_factory = tuple_row  # as our fold reads rows
            try:
                self._fold.fold(connection, [event])
            finally:
                connection.row_factory = dict_row
            self._insert_tracking(cursor, tracking)


class PlainTracking(Projection[TrackingView]):
    """Our fold of the read model ``tracking``, fed by the library."""

    name = "tracking"

    def __init__(self, view: TrackingView) -> None:
        super().__init__(view)
        self._codec = make_codec()

    def process_event(self, domain_event: Fact, tracking: Tracking) -> None:
        stream, kind = domain_event.originator_id, topic_of(type(domain_event))
        event = RecordedEvent(
            event_id=NOBODY,
            stream=stream,
            version=domain_event.originator_version,
            position=tracking.notification_id,
            type=kind,
            occurred_at=domain_event.timestamp,
            recorded_at=domain_event.timestamp,
            actor="system:plain",
            command_id="",
            correlation_id="",
            causation_id="",
            partition_key=stream,
            body=self._codec.encode(domain_event),
            reader=_Decoded(self._codec, domain_event),
        )
        self.view.show(event, tracking)


class _Decoded:
    """Hands out the fact that the library has decoded already."""

    def __init__(self, codec: Codec, fact: Fact) -> None:
        self._codec = codec
        self._fact = fact

    def class_of(self, type_name: str) -> FactClass:
        return self._codec.class_of(type_name)

    def decode_recorded(self, _event: RecordedEvent) -> Fact:
        return self._fact

    def newest(self, type_name: str, body: bytes) -> tuple[str, bytes]:
        return type_name, body

    def decode_marked(self, _event: RecordedEvent) -> Fact:
        return self._fact
