"""The rows of a batch for the tables that hold one row per fact."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any, Final
from uuid import UUID

import orjson
from psycopg import Connection

from domain.fact import Fact
from domain.recorded import RecordedEvent
from domain.rma import Rma
from domain.rma.goods_facts import Inspected
from domain.rma.notice_facts import NoticeOutcomeRecorded
from domain.rma.parts import Evidence
from domain.rma.request_facts import Authorized, DecisionOverridden, Denied, ReviewAsked, ReviewDecided
from domain.units import total
from projections.table import Table
from projections.tracking.summaries import summary
from projections.tracking.tables import DECISIONS, RETURN_TIMELINE
from projections.tracking.told import APPEALS, DISCREPANCIES, EVIDENCE, FEEDBACK, LABELS, NOTICES

SUPERSEDE: Final = f"""
    UPDATE {DISCREPANCIES.schema}.{DISCREPANCIES.name} AS found SET superseded = true
    FROM unnest(%s::uuid[], %s::text[]) AS wrong (rma_id, receipt_id)
    WHERE found.rma_id = wrong.rma_id AND found.receipt_id = wrong.receipt_id
""".encode()

TELL_OUTCOMES: Final = f"""
    UPDATE {NOTICES.schema}.{NOTICES.name} AS notice
    SET outcome = told.outcome, reason = told.reason, at = told.at, attempts = notice.attempts + told.times
    FROM unnest(%s::uuid[], %s::text[], %s::text[], %s::text[], %s::timestamptz[], %s::integer[])
        AS told (rma_id, notice_id, outcome, reason, at, times)
    WHERE notice.rma_id = told.rma_id AND notice.notice_id = told.notice_id
""".encode()


def _fields(fact: Fact, names: str) -> dict[str, object]:
    return {name: getattr(fact, name) for name in names.split()}


def _not_accepted(fact: Inspected) -> str:
    """Return why an inspection leaves its units to a person."""
    return "serial_mismatch" if any(check.fact == "serial" for check in fact.checks) else "not_accepted"


class Facts:
    """The rows of a batch for the tables that hold one row per fact."""

    def __init__(self) -> None:
        self._timeline: list[dict[str, object]] = []
        self._rows: dict[str, list[dict[str, object]]] = {}
        self._superseded: list[tuple[UUID, str]] = []
        self._notices: dict[tuple[UUID, str], dict[str, Any]] = {}
        self._outcomes: dict[tuple[UUID, str], dict[str, Any]] = {}
        """What was told of messages whose rows are written already: the last outcome, and how often."""

    def tell(self, event: RecordedEvent, rma_id: str) -> None:
        """Add an event about a return to its timeline."""
        type_name, body = event.newest
        self._timeline.append(
            {
                "position": event.position,
                "rma_id": rma_id,
                "order_id": event.partition_key,
                "stream": event.stream,
                "version": event.version,
                "occurred_at": event.occurred_at,
                "recorded_at": event.recorded_at,
                "type": type_name,
                "actor": event.actor,
                "summary": summary(event.marked),
                "data": orjson.Fragment(body),
                "command_id": event.command_id,
            }
        )

    def note(self, event: RecordedEvent, rma: Rma) -> None:
        """Add what a return's own fact says to the table of its kind."""
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
                told = _fields(fact, "receipt_id kind line sku quantity serial note tracking_number")
                self._add(DISCREPANCIES, {**head, **told, "superseded": False})
            case Rma.ReceiptSuperseded():
                self._superseded.append((rma.rma_id, fact.receipt_id))
            case Rma.LabelIssued():
                self._add(LABELS, head | _fields(fact, "label_id carrier tracking_number ship_to"))
            case Rma.CustomerNotified():
                told = _fields(fact, "notice_id kind channel outcome reason")
                self._notices[rma.rma_id, fact.notice_id] = {**head, **told, "attempts": 1, "at": event.occurred_at}
            case Rma.NoticeOutcomeRecorded():
                self._notice_outcome(rma.rma_id, fact, event.occurred_at)
            case Rma.DenialAppealed():
                self._add(APPEALS, {**head, "line": fact.line, "grounds": fact.grounds, "stage": fact.stage})
                self._evidence(head, fact.evidence)
            case Rma.Requested() | Rma.EvidenceAdded():
                self._evidence(head, fact.evidence)
            case Rma.Inspected():
                self._evidence(head, fact.evidence)
                self._inspection(event, rma, fact)
            case Rma.Authorized() | Rma.Denied() | Rma.ReviewAsked():
                self._request_decisions(event, rma, fact)
            case Rma.ReviewDecided() | Rma.DecisionOverridden():
                self._decisions_by_person(event, rma, fact)
            case _:
                pass

    def _add(self, table: Table, row: dict[str, object]) -> None:
        self._rows.setdefault(table.name, []).append(row)

    def _notice_outcome(self, rma_id: UUID, fact: NoticeOutcomeRecorded, at: datetime) -> None:
        key = (rma_id, fact.notice_id)
        row = self._notices.get(key) or self._outcomes.setdefault(key, {"attempts": 0})
        row.update(outcome=fact.outcome, reason=fact.reason, at=at, attempts=row["attempts"] + 1)

    def _evidence(self, head: Mapping[str, object], evidence: Sequence[Evidence]) -> None:
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
        by_policy = {"part": 1, "by": "policy", "code": next(iter(decided["codes"]), None), "note": None}
        self._add(DECISIONS, head | policy | by_policy | decided)

    def _request_decisions(self, event: RecordedEvent, rma: Rma, fact: Authorized | Denied | ReviewAsked) -> None:
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

    def _decisions_by_person(self, event: RecordedEvent, rma: Rma, fact: ReviewDecided | DecisionOverridden) -> None:
        parts: dict[int, int] = {}
        for decided in fact.lines:
            part = parts[decided.line] = parts.get(decided.line, 0) + 1
            self._decision(
                event,
                rma,
                decided.line,
                stage=decided.stage,
                outcome="approve" if decided.approved else "deny",
                codes=[decided.code] if decided.code else [],
                trace=[],
                flips=[],
                quantity=total(decided.runs),
                part=part,
                by=event.actor,
                code=decided.code,
                note=fact.note,
            )

    def _inspection(self, event: RecordedEvent, rma: Rma, fact: Inspected) -> None:
        self._decision(
            event,
            rma,
            fact.line,
            stage="inspection",
            outcome="approve" if fact.accepted else "review",
            codes=[] if fact.accepted else [_not_accepted(fact)],
            trace=fact.checks,
            flips=[],
            quantity=sum(run.count for run in fact.runs),
        )

    def write(self, connection: Connection) -> None:
        """Write the rows, each table with one statement."""
        RETURN_TIMELINE.insert(connection, self._timeline)
        for table in (FEEDBACK, DISCREPANCIES, LABELS, APPEALS, DECISIONS):
            table.insert(connection, self._rows.get(table.name, []))
        if self._superseded:
            returns, receipts = zip(*self._superseded, strict=True)
            connection.execute(SUPERSEDE, [list(returns), list(receipts)])
        NOTICES.insert(connection, list(self._notices.values()))
        if self._outcomes:
            told = [
                (*key, *map(row.get, ("outcome", "reason", "at", "attempts"))) for key, row in self._outcomes.items()
            ]
            connection.execute(TELL_OUTCOMES, [list(column) for column in zip(*told, strict=True)])
        latest = {(row["rma_id"], row["evidence_id"]): row for row in self._rows.get(EVIDENCE.name, [])}
        EVIDENCE.upsert(connection, list(latest.values()))
