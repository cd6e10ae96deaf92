"""Where each return stands: its status, its lines, its timeline, its deadlines, and the facts people list.

A return is folded by its own aggregate. Its past is read back from the timeline, which holds every event of it, so the
read model needs nothing else; a bounded cache spares most of that reading.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Sequence
from typing import Any, Final, cast
from uuid import UUID

import orjson
from psycopg import Connection

from domain.fact import Fact
from domain.recorded import EventReader, RecordedEvent
from domain.rma import Rma
from domain.rma.parts import Evidence
from domain.units import total
from projections.table import Table, tables_sql
from projections.tracking.rows import deadline_rows, line_rows, return_row
from projections.tracking.summaries import summary
from projections.tracking.tables import (
    DEADLINES,
    DECISIONS,
    RETURN_LINES,
    RETURN_TIMELINE,
    RETURNS,
    SCHEMA,
    STANDING,
    VERSION,
)
from projections.tracking.told import APPEALS, DISCREPANCIES, EVIDENCE, FEEDBACK, LABELS, TOLD
from projections.tracking.views import VIEWS

CACHE_MAX: Final = 4_096
RMA_PREFIX: Final = "rma/"
ORDER_PREFIX: Final = "order/"


class Tracking:
    """The projection ``tracking``."""

    name = "tracking"
    version = VERSION
    tables_sql = tables_sql(SCHEMA, STANDING + TOLD)
    views = VIEWS

    def __init__(self) -> None:
        self._cache: OrderedDict[str, Rma] = OrderedDict()

    def fold(self, connection: Connection[Any], events: Sequence[RecordedEvent]) -> None:
        """Fold a batch: load the returns it touches, apply its events, write each table once."""
        about = [(event, stream) for event in events if (stream := _stream_of_return(event)) is not None]
        if not about:
            return
        rmas = self._load(connection, about)
        positions: dict[str, int] = {}
        facts = _Facts()
        for event, stream in about:
            if event.stream == stream:
                rmas[stream] = cast("Rma", event.fact.mutate(rmas.get(stream)))
                facts.note(event, rmas[stream])
            positions[stream] = event.position
            facts.timeline.append(_timeline_row(event, stream))
        facts.write(connection)
        RETURNS.upsert(connection, [return_row(rma, positions[stream]) for stream, rma in rmas.items()])
        others = [
            {"rma_id": _rma_id(stream), "last_position": position}
            for stream, position in positions.items()
            if stream not in rmas
        ]
        RETURNS.update(connection, others, columns=["last_position"])
        RETURN_LINES.delete(connection, "rma_id", [rma.rma_id for rma in rmas.values()])
        RETURN_LINES.insert(connection, [row for rma in rmas.values() for row in line_rows(rma)])
        DEADLINES.upsert(connection, [row for rma in rmas.values() for row in deadline_rows(rma)])
        self._remember(rmas)

    def _load(self, connection: Connection[Any], about: Sequence[tuple[RecordedEvent, str]]) -> dict[str, Rma]:
        """Return the returns with events of their own as they were before this batch, from cache or timeline."""
        expected: dict[str, int] = {}
        for event, stream in about:
            if event.stream == stream:
                expected.setdefault(stream, event.version - 1)
        # a rolled-back batch, or one that another projector folded, leaves a return in the cache at another version
        rmas = {
            stream: self._cache.pop(stream)
            for stream, version in expected.items()
            if stream in self._cache and self._cache[stream].version == version
        }
        missing = [_rma_id(stream) for stream, version in expected.items() if stream not in rmas and version]
        if missing:
            for event in _past(connection, missing, about[0][0].reader):
                rmas[event.stream] = cast("Rma", event.fact.mutate(rmas.get(event.stream)))
        return rmas

    def _remember(self, rmas: dict[str, Rma]) -> None:
        self._cache.update(rmas)
        while len(self._cache) > CACHE_MAX:
            self._cache.popitem(last=False)


def _stream_of_return(event: RecordedEvent) -> str | None:
    """Return the stream of the return that an event is about: its own, or the one that an order's fact names."""
    if event.stream.startswith(RMA_PREFIX):
        return event.stream
    if event.stream.startswith(ORDER_PREFIX) and "rma_id" in event.kind.__dataclass_fields__:
        return f"{RMA_PREFIX}{event.fact.rma_id}"  # type: ignore[attr-defined]  # the line above has looked
    return None


def _rma_id(stream: str) -> str:
    return stream.removeprefix(RMA_PREFIX)


def _past(connection: Connection[Any], rma_ids: Sequence[str], reader: EventReader) -> list[RecordedEvent]:
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


def _timeline_row(event: RecordedEvent, stream: str) -> dict[str, Any]:
    type_name, body = event.newest
    return {
        "position": event.position,
        "rma_id": _rma_id(stream),
        "order_id": event.partition_key,
        "stream": event.stream,
        "version": event.version,
        "occurred_at": event.occurred_at,
        "recorded_at": event.recorded_at,
        "type": type_name,
        "actor": event.actor,
        "summary": summary(event.fact),
        "data": orjson.Fragment(body),
        "command_id": event.command_id,
    }


def _fields(fact: Fact, names: str) -> dict[str, Any]:
    return {name: getattr(fact, name) for name in names.split()}


class _Facts:
    """The rows of a batch for the tables that hold one row per fact."""

    def __init__(self) -> None:
        self.timeline: list[dict[str, Any]] = []
        self._rows: dict[str, list[dict[str, Any]]] = {}

    def note(self, event: RecordedEvent, rma: Rma) -> None:
        fact = event.fact
        head = {
            "position": event.position,
            "rma_id": rma.rma_id,
            "order_id": rma.order_id,
            "occurred_at": event.occurred_at,
        }
        match fact:
            case Rma.FeedbackGiven():
                self._add(FEEDBACK, {**head, "score": fact.score, "comment": fact.comment})
            case Rma.DiscrepancyFound():
                self._add(DISCREPANCIES, head | _fields(fact, "receipt_id kind line sku quantity serial note"))
            case Rma.LabelIssued():
                self._add(LABELS, head | _fields(fact, "label_id carrier tracking_number ship_to"))
            case Rma.DenialAppealed():
                self._add(APPEALS, {**head, "line": fact.line, "grounds": fact.grounds})
                self._evidence(head, fact.evidence)
            case Rma.Requested() | Rma.EvidenceAdded():
                self._evidence(head, fact.evidence)
            case Rma.Inspected():
                self._evidence(head, fact.evidence)
                self._inspection(event, rma, fact)
            case Rma.Authorized() | Rma.Denied() | Rma.ReviewAsked():
                self._request_decisions(event, rma, fact)
            case _:
                pass

    def _add(self, table: Table, row: dict[str, Any]) -> None:
        self._rows.setdefault(table.name, []).append(row)

    def _evidence(self, head: dict[str, Any], evidence: Sequence[Evidence]) -> None:
        for item in evidence:
            self._add(
                EVIDENCE,
                {
                    **head,
                    "line": item.line,
                    "evidence_id": item.evidence_id,
                    "kind": item.kind,
                    "uri": item.uri,
                    "sha256": item.sha256,
                },
            )

    def _decision(self, event: RecordedEvent, rma: Rma, line: int, **decided: Any) -> None:
        policy = {
            "policy_id": rma.policy.policy_id,
            "policy_version": rma.policy.number,
            "policy_hash": rma.policy.hash,
        }
        head = {"rma_id": rma.rma_id, "line": line, "position": event.position, "currency": rma.currency}
        self._add(DECISIONS, head | policy | decided)

    def _request_decisions(self, event: RecordedEvent, rma: Rma, fact: Any) -> None:
        for decided in fact.lines:
            decision = decided.decision
            self._decision(
                event,
                rma,
                decided.line,
                stage="request",
                outcome=decision.outcome,
                codes=decision.codes,
                trace=decision.trace,
                flips=decision.flips,
                quantity=total(decided.runs),
            )

    def _inspection(self, event: RecordedEvent, rma: Rma, fact: Any) -> None:
        self._decision(
            event,
            rma,
            fact.line,
            stage="inspection",
            outcome="approve" if fact.accepted else "review",
            codes=[] if fact.accepted else ["not_accepted"],
            trace=fact.checks,
            flips=[],
            quantity=sum(run.count for run in fact.runs),
        )

    def write(self, connection: Connection[Any]) -> None:
        RETURN_TIMELINE.insert(connection, self.timeline)
        for table in (FEEDBACK, DISCREPANCIES, LABELS, APPEALS, DECISIONS):
            table.insert(connection, self._rows.get(table.name, []))
        latest = {(row["rma_id"], row["evidence_id"]): row for row in self._rows.get(EVIDENCE.name, [])}
        EVIDENCE.upsert(connection, list(latest.values()))
