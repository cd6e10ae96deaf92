"""The tables of projection ``tracking`` with one row per fact of a kind: what somebody told, as it was told."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from domain.vocabularies import DiscrepancyKind, EvidenceKind, NoticeChannel, NoticeKind, NoticeOutcome
from projections.columns import LINE, OCCURRED_AT, ORDER_ID, POSITION, RMA_ID, one_of
from projections.table import Column, Table
from projections.tracking.tables import SCHEMA

_HEAD: Final = (POSITION, RMA_ID, ORDER_ID, OCCURRED_AT)


def _of_facts(
    name: str, *columns: Column, key: tuple[str, ...] = ("position",), indexes: Mapping[str, str] | None = None
) -> Table:
    usual = {"rma": "(rma_id)", "occurred": "(occurred_at)"}
    return Table(SCHEMA, name, (*_HEAD, *columns), key, indexes=usual | dict(indexes or {}))


FEEDBACK = _of_facts(
    "feedback",
    Column("score", "integer", "From 1, the worst, to 5."),
    Column("comment", "text", "What the customer says beside it.", null=True),
)
DISCREPANCIES = _of_facts(
    "discrepancies",
    Column("receipt_id", "text", "The receipt at which it was found; empty: it was told on the way.", null=True),
    Column("kind", "text", f"What differs: {one_of(DiscrepancyKind)}."),
    Column("line", "integer", "The line of the return, where it is about one.", null=True),
    Column("sku", "text", "The article concerned.", null=True),
    Column("quantity", "integer", "Units concerned."),
    Column("serial", "text", "The serial number concerned.", null=True),
    Column("note", "text", "What the warehouse says.", null=True),
    Column("tracking_number", "text", "The number concerned, where it is about a parcel.", null=True),
    Column("superseded", "boolean", "Whether its receipt was typed wrong, and put right by another."),
)
LABELS = _of_facts(
    "labels",
    Column("label_id", "text", "The label."),
    Column("carrier", "text", "Who carries the parcel."),
    Column("tracking_number", "text", "The parcel's number with the carrier."),
    Column("ship_to", "text", "Where the goods go."),
    indexes={"tracking": "(tracking_number)"},
)
EVIDENCE = _of_facts(
    "evidence",
    Column("line", "integer", "The line of the return, where it is about one.", null=True),
    Column("evidence_id", "text", "The piece of evidence."),
    Column("kind", "text", f"What it is: {one_of(EvidenceKind)}."),
    Column("uri", "text", "Where it is kept."),
    Column("sha256", "text", "SHA-256 of its bytes, in hexadecimal.", null=True),
    key=("rma_id", "evidence_id"),
    indexes={"uri": "USING hash (uri)"},  # as long as they may be, they are too long for a tree
)
APPEALS = _of_facts(
    "appeals",
    LINE,
    Column("grounds", "text", "Why the customer disagrees."),
    Column("stage", "text", "With what: request, inspection."),
)
NOTICES = _of_facts(
    "notices",
    Column("notice_id", "text", "The message."),
    Column("kind", "text", f"What it says: {one_of(NoticeKind)}."),
    Column("channel", "text", f"How it went: {one_of(NoticeChannel)}."),
    Column("outcome", "text", f"What became of it, as last told: {one_of(NoticeOutcome)}."),
    Column("reason", "text", "Why, where it did not arrive.", null=True),
    Column("attempts", "integer", "How often an outcome was told."),
    Column("at", "timestamptz", "When the outcome was last told."),
    key=("rma_id", "notice_id"),
)

TOLD: Final = (FEEDBACK, DISCREPANCIES, LABELS, EVIDENCE, APPEALS, NOTICES)
