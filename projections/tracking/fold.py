"""Where each return stands: its status, its lines, its parcels, its timeline, its deadlines, and the facts people list.

A return is folded by its own aggregate. Its past is read back from the timeline, which holds every event of it, so the
read model needs nothing else; a bounded cache spares most of that reading.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Final, cast
from uuid import UUID

from psycopg import Connection

from domain.recorded import EventReader, RecordedEvent
from domain.rma import Rma
from domain.rma.unknown_parcel import UnknownParcel
from projections.table import Rows, tables_sql
from projections.tracking.facts import Facts
from projections.tracking.flow import Flow, flow_rows
from projections.tracking.rows import deadline_rows, line_rows, parcel_rows, return_row, unknown_parcel_row
from projections.tracking.tables import (
    DEADLINES,
    FLOW,
    PARCELS,
    RETURN_LINES,
    RETURNS,
    SCHEMA,
    STANDING,
    UNKNOWN_PARCELS,
    VERSION,
)
from projections.tracking.told import TOLD
from projections.tracking.views import VIEWS

CACHE_MAX: Final = 4_096
RMA_PREFIX: Final = "rma/"
ORDER_PREFIX: Final = "order/"


@dataclass(slots=True)
class Known:
    """A return as far as it was told, and the rows that its tables show."""

    rma: Rma | None = None
    flow: Flow = field(default_factory=Flow)
    shown: dict[str, Rows] = field(default_factory=dict)

    def follow(self, event: RecordedEvent) -> Rma:
        """Take over a fact of the return; return it as it is then."""
        self.rma = cast("Rma", event.fact.mutate(self.rma))
        self.flow.follow(event.fact, event.actor)
        return self.rma

    def rows(self) -> dict[str, Rows]:
        """Return the rows by table, as they should be shown."""
        if self.rma is None:
            return {}
        return {
            RETURN_LINES.name: {(row["line"], row["first_unit"]): row for row in line_rows(self.rma)},
            FLOW.name: {(row["line"], row["first_unit"]): row for row in flow_rows(self.rma, self.flow)},
            DEADLINES.name: {row["deadline_id"]: row for row in deadline_rows(self.rma)},
            PARCELS.name: {row["label_id"]: row for row in parcel_rows(self.rma)},
        }


class Tracking:
    """The projection ``tracking``."""

    name = "tracking"
    version = VERSION
    tables_sql = tables_sql(SCHEMA, STANDING + TOLD)
    views = VIEWS

    def __init__(self) -> None:
        self._cache: OrderedDict[str, Known] = OrderedDict()

    def fold(self, connection: Connection, events: Sequence[RecordedEvent]) -> None:
        """Fold a batch: load the returns it touches, apply its events, write each table once, and only what changed."""
        _fold_unknown_parcels(connection, events)
        about = [(event, stream) for event in events if (stream := _stream_of_return(event)) is not None]
        if not about:
            return
        known = self._load(connection, about)
        positions = {stream: event.position for event, stream in about}
        _tell(connection, about, known)
        RETURNS.upsert(connection, [return_row(one.rma, positions[stream]) for stream, one in known.items() if one.rma])
        others = [
            {"rma_id": _rma_id(stream), "last_position": position}
            for stream, position in positions.items()
            if stream not in known
        ]
        RETURNS.update(connection, others, columns=["last_position"])
        _show(connection, known.values())
        self._remember(known)

    def _load(self, connection: Connection, about: Sequence[tuple[RecordedEvent, str]]) -> dict[str, Known]:
        """Return the returns with events of their own as they were before this batch, from cache or timeline."""
        expected: dict[str, int] = {}
        for event, stream in about:
            if event.stream == stream:
                expected.setdefault(stream, event.version - 1)
        known: dict[str, Known] = {}
        missing: dict[str, Known] = {}
        for stream, version in expected.items():
            found = self._cache.pop(stream, Known())
            # a rolled-back batch, or one that another projector folded, leaves a return in the cache at another version
            is_current = found.rma is not None and found.rma.version == version
            known[stream] = found if is_current else Known()
            if version and not is_current:
                missing[stream] = known[stream]
        if missing:
            for event in _past(connection, [_rma_id(stream) for stream in missing], about[0][0].reader):
                missing[event.stream].follow(event)
            for one in missing.values():
                one.shown = one.rows()
        return known

    def _remember(self, known: dict[str, Known]) -> None:
        self._cache.update(known)
        while len(self._cache) > CACHE_MAX:
            self._cache.popitem(last=False)


def _tell(connection: Connection, about: Sequence[tuple[RecordedEvent, str]], known: Mapping[str, Known]) -> None:
    """Let the returns follow their events, and write what is told of each event.

    One thing after the other for all events: event by event, they throw each other out of the processor's caches.
    """
    own = [(event, known[stream]) for event, stream in about if event.stream == stream]
    for event, _ in own:
        _ = event.fact  # decodes it
    for event, one in own:
        one.follow(event)
    facts = Facts()
    for event, one in own:
        if one.rma is not None:
            facts.note(event, one.rma)
    for event, stream in about:
        facts.tell(event, _rma_id(stream))
    facts.write(connection)


def _show(connection: Connection, returns: Iterable[Known]) -> None:
    changes = []
    for one in returns:
        before, one.shown = one.shown, one.rows()
        changes.append((before, one.shown))
    for table in (RETURN_LINES, FLOW, DEADLINES, PARCELS):
        table.show(connection, ((before.get(table.name, {}), now.get(table.name, {})) for before, now in changes))


def _fold_unknown_parcels(connection: Connection, events: Sequence[RecordedEvent]) -> None:
    """Show the parcels that nobody could place, and which of them found their return."""
    recorded, assigned = [], []
    for event in events:
        if event.kind is UnknownParcel.Recorded:
            recorded.append(unknown_parcel_row(cast("UnknownParcel.Recorded", event.fact)))
        elif event.kind is UnknownParcel.Assigned:
            fact = cast("UnknownParcel.Assigned", event.fact)
            found = {"status": "assigned", "rma_id": fact.rma_id, "order_id": fact.order_id}
            assigned.append({"parcel_id": event.partition_key, **found})
    UNKNOWN_PARCELS.insert(connection, recorded)
    UNKNOWN_PARCELS.update(connection, assigned, columns=["status", "rma_id", "order_id"])


def _stream_of_return(event: RecordedEvent) -> str | None:
    """Return the stream of the return that an event is about: its own, or the one that an order's fact names."""
    if event.stream.startswith(RMA_PREFIX):
        return event.stream
    if not event.stream.startswith(ORDER_PREFIX) or "rma_id" not in event.kind.__dataclass_fields__:
        return None
    rma_id = event.fact.rma_id  # type: ignore[attr-defined]  # the lines above have looked
    return None if rma_id is None else f"{RMA_PREFIX}{rma_id}"


def _rma_id(stream: str) -> str:
    return stream.removeprefix(RMA_PREFIX)


def _past(connection: Connection, rma_ids: Sequence[str], reader: EventReader) -> list[RecordedEvent]:
    query = (
        "SELECT stream, version, position, type, occurred_at, recorded_at, actor, data::text"
        f" FROM {SCHEMA}.return_timeline"
        " WHERE rma_id = ANY(%s::uuid[]) AND stream LIKE 'rma/%%' ORDER BY position"
    )
    return [
        RecordedEvent(
            event_id=UUID(int=0),
            stream=stream,
            version=version,
            position=position,
            type=type_name,
            occurred_at=occurred_at,
            recorded_at=recorded_at,
            actor=actor,
            command_id="",
            correlation_id="",
            causation_id="",
            partition_key="",
            body=data.encode(),
            reader=reader,
        )
        for stream, version, position, type_name, occurred_at, recorded_at, actor, data in connection.execute(
            query, [list(rma_ids)]
        ).fetchall()
    ]
