"""The tables of projection ``tracking``: returns, their lines, their timeline, and the deadlines they wait for."""

from __future__ import annotations

from typing import Final

from domain.vocabularies import (
    Authorization,
    Cause,
    DeadlineKind,
    DeadlineStatus,
    Disposition,
    Grade,
    InspectionState,
    LiableParty,
    Logistics,
    NextStep,
    ParcelStatus,
    Reason,
    Resolution,
    ReturnStatus,
    Settlement,
    Wish,
)
from projections.columns import (
    CURRENCY,
    FIRST_UNIT,
    LINE,
    LINE_ID,
    OCCURRED_AT,
    ORDER_ID,
    POSITION,
    RMA_ID,
    SKU,
    one_of,
)
from projections.table import Column, Table

VERSION: Final = 12
SCHEMA: Final = f"tracking_v{VERSION}"

RETURNS = Table(
    SCHEMA,
    "returns",
    (
        RMA_ID,
        Column("rma_number", "text", "Its number, as people read it out."),
        ORDER_ID,
        Column("customer_id", "text", "Whose order it is."),
        Column("case_id", "text", "Groups returns of several orders; empty: a return on its own.", null=True),
        Column("status", "text", f"How far its least advanced units are: {one_of(ReturnStatus)}."),
        Column("requested_at", "timestamptz", "When it was asked for."),
        Column("decided_at", "timestamptz", "When policy or a person last decided on it.", null=True),
        Column("closed_at", "timestamptz", "When it was closed; empty again once reopened.", null=True),
        Column("next_step", "text", f"What has to happen next: {one_of(NextStep)}."),
        Column("next_deadline_at", "timestamptz", "The earliest of its open deadlines.", null=True),
        Column("carrier", "text", "Who carries the goods back, by the last label.", null=True),
        Column("tracking_number", "text", "The parcel's number, by label, hand-over or scan.", null=True),
        Column("refund_minor", "bigint", "Refunds requested so far, net of fees, minor units; 0 before any."),
        CURRENCY,
        Column("gift", "boolean", "Whether the recipient of a gift asks, who gets store credit."),
        Column("policy_id", "text", "The policy that the order is held to."),
        Column("policy_version", "integer", "Which of its versions."),
        Column("last_position", "bigint", "Place in the log of the last fact about it, the order's facts included."),
        Column(
            "overdue_from",
            "timestamptz",
            "From when it is late, perhaps only ahead: goods to be sent or inspected, or money to be paid, by then.",
            null=True,
        ),
        Column(
            "denial_code", "text", "Why units were denied that still are: the last code; empty: none is.", null=True
        ),
        Column(
            "requester_id", "text", "Whose texts it holds: of who asked, as who was given a gift; else the customer."
        ),
    ),
    key=("rma_id",),
    rules=("UNIQUE (rma_number)",),
    indexes={
        "order": "(order_id, requested_at, rma_id)",
        "customer": "(customer_id, requested_at, rma_id)",
        "requester": "(requester_id)",
        "requested": "(requested_at, rma_id)",
        "open": "(requested_at, rma_id) WHERE closed_at IS NULL",
        "tracking": "(tracking_number) WHERE tracking_number IS NOT NULL",
    },
    moves=True,
)
"""No index names a column that changes with each step (status, next step): every update would then touch all indexes.
What is open is found by ``closed_at IS NULL``, and looked through."""

RETURN_LINES = Table(
    SCHEMA,
    "return_lines",
    (
        RMA_ID,
        LINE,
        FIRST_UNIT,
        LINE_ID,
        SKU,
        Column("quantity", "integer", "Units of the run: all that were asked for, whatever became of them."),
        Column("authorization_state", "text", f"Whether they may come back: {one_of(Authorization)}."),
        Column("logistics_state", "text", f"Where they are: {one_of(Logistics)}."),
        Column("inspection_state", "text", f"Whether the bench has seen them: {one_of(InspectionState)}."),
        Column("resolution", "text", f"What the customer gets: {one_of(Resolution)}."),
        Column("settlement_state", "text", f"Where the money stands: {one_of(Settlement)}."),
        Column("reason", "text", f"The reason claimed: {one_of(Reason)}."),
        Column("wish", "text", f"What was wished for: {one_of(Wish)}."),
        Column("cause", "text", f"The cause found: {one_of(Cause)}; empty before inspection.", null=True),
        Column(
            "liable_party", "text", f"Who answers for it: {one_of(LiableParty)}; empty before inspection.", null=True
        ),
        Column("grade", "text", f"Condition found: {one_of(Grade)}; empty before inspection.", null=True),
        Column("disposition", "text", f"What becomes of the goods: {one_of(Disposition)}.", null=True),
        Column("paid_minor", "bigint", "What was paid for them, goods and tax, minor units."),
        Column("refund_minor", "bigint", "Refunds requested for them, net of fees, minor units."),
        CURRENCY,
        Column("fees_waived", "boolean", "Whether they bear no fees, by what is known of them so far."),
        Column("site", "text", "Where the goods are; empty before they arrive.", null=True),
        Column("found_sku", "text", "The article that came in their place, where another did.", null=True),
    ),
    key=("rma_id", "line", "first_unit"),
    rules=("CHECK (quantity > 0)",),
    moves=True,
)

FLOW = Table(
    SCHEMA,
    "flow",
    (
        RMA_ID,
        LINE,
        FIRST_UNIT,
        Column("quantity", "integer", "Units of the run: all that were asked for, whatever became of them."),
        ORDER_ID,
        LINE_ID,
        SKU,
        Column("authorization_state", "text", f"Whether they may come back: {one_of(Authorization)}."),
        Column("requested_at", "timestamptz", "When the return was asked for."),
        Column("decided_at", "timestamptz", "When the decision in force was made on the request.", null=True),
        Column("authorized_at", "timestamptz", "When they were authorized; empty where denied since.", null=True),
        Column("handed_over_at", "timestamptz", "When they left the customer, by hand-over or first scan.", null=True),
        Column("received_at", "timestamptz", "When they arrived at the dock.", null=True),
        Column("inspected_at", "timestamptz", "When the inspection in force was made.", null=True),
        Column("resolved_at", "timestamptz", "When it was decided what the customer gets for them.", null=True),
        Column("paid_at", "timestamptz", "When all money for them had arrived; empty again if any fails.", null=True),
        Column("closed_at", "timestamptz", "When the return was closed; empty again once reopened.", null=True),
        Column(
            "decided_by",
            "text",
            "Who decided on the request: policy, person, deadline (policy's decision, once an offer had lapsed).",
            null=True,
        ),
        Column("resolved_by", "text", "Who decided what the customer gets: policy, person.", null=True),
        Column("closed_by", "text", "Who closed the return: person, deadline.", null=True),
        Column("overridden", "boolean", "Whether a person ever decided against what had been decided."),
    ),
    key=("rma_id", "line", "first_unit"),
    rules=("CHECK (quantity > 0)",),
    indexes={"requested": "(requested_at)"},
    moves=True,
)

RETURN_TIMELINE = Table(
    SCHEMA,
    "return_timeline",
    (
        POSITION,
        RMA_ID,
        ORDER_ID,
        Column("stream", "text", "Whose fact it is: the return's own, or the order's about it."),
        Column("version", "integer", "Place of the fact in its stream, from 1."),
        OCCURRED_AT,
        Column("recorded_at", "timestamptz", "When the log took it in."),
        Column("type", "text", "The event's type, such as rma.Rma.Requested.v1."),
        Column("actor", "text", "Who sent the command that led to it, as kind:id."),
        Column("summary", "text", "What happened, in a few words for people."),
        Column("data", "json", "The event's body, as its page describes it."),
        Column("command_id", "text", "The command that led to it."),
    ),
    key=("rma_id", "position"),
    indexes={"occurred": "(occurred_at)", "type": "(type, occurred_at)"},
)

DEADLINES = Table(
    SCHEMA,
    "deadlines",
    (
        Column("deadline_id", "uuid", "The deadline."),
        RMA_ID,
        ORDER_ID,
        Column("kind", "text", f"What has to happen until then: {one_of(DeadlineKind)}."),
        Column("line", "integer", "The line of the return that it is about; empty: the whole return.", null=True),
        Column("due_at", "timestamptz", "The end of its last day, in the policy's zone."),
        Column("status", "text", f"How it ended, if it has: {one_of(DeadlineStatus)}."),
    ),
    key=("deadline_id",),
    indexes={"open": "(due_at) WHERE status = 'open'", "rma": "(rma_id)"},
    moves=True,
)

DECISIONS = Table(
    SCHEMA,
    "decisions",
    (
        RMA_ID,
        LINE,
        POSITION,
        Column("stage", "text", "What was decided on: request, inspection."),
        Column("outcome", "text", "What was decided: approve, review, deny."),
        Column("codes", "text[]", "Why it was not approved; empty where it was."),
        Column("policy_id", "text", "The policy that decided."),
        Column("policy_version", "integer", "Which of its versions."),
        Column("policy_hash", "text", "SHA-256 of that version's document."),
        Column(
            "trace", "jsonb", "What was looked at, in its order: a document, its keys vary with what was looked at."
        ),
        Column("flips", "jsonb", "Single changes that would have led to approval: a list of documents."),
        Column("quantity", "integer", "Units decided on."),
        CURRENCY,
        Column("part", "integer", "Which decision on the line by the same command, from 1: persons split lines."),
        Column("by", "text", "Who decided: policy, or a person as kind:id."),
        Column("code", "text", "The first of the codes.", null=True),
        Column("note", "text", "What the person says beside it.", null=True),
    ),
    key=("rma_id", "position", "line", "part"),
)

PARCELS = Table(
    SCHEMA,
    "parcels",
    (
        RMA_ID,
        Column("label_id", "text", "The label that it travels under."),
        ORDER_ID,
        Column("carrier", "text", "Who carries it."),
        Column("tracking_number", "text", "Its number with the carrier."),
        Column("status", "text", f"How far it has come, by its newest scan: {one_of(ParcelStatus)}."),
        Column("last_scan_at", "timestamptz", "When its newest scan was made; empty before any.", null=True),
        Column(
            "lines",
            "jsonb",
            "The units it is for, as line and quantity; none named: all units of the return in no other parcel.",
        ),
    ),
    key=("rma_id", "label_id"),
    indexes={"tracking_number": "(tracking_number)"},
    moves=True,
)

UNKNOWN_PARCELS = Table(
    SCHEMA,
    "unknown_parcels",
    (
        Column("parcel_id", "text", "The parcel, by the warehouse's own name."),
        Column("site", "text", "Where it is."),
        Column("tracking_number", "text", "Its number with the carrier, where one can be read.", null=True),
        Column("items", "jsonb", "What is in it: a list of sku, quantity and serials."),
        Column("note", "text", "What the warehouse says.", null=True),
        Column("status", "text", "Whether it is known whose it is: open, assigned."),
        Column("rma_id", "uuid", "The return under which it was received; empty while it is open.", null=True),
        Column("order_id", "text", "The order of that return.", null=True),
        Column("received_at", "timestamptz", "When it was recorded, business time."),
    ),
    key=("parcel_id",),
    indexes={"open": "(received_at) WHERE status = 'open'"},
)

STANDING: Final = (RETURNS, RETURN_LINES, FLOW, RETURN_TIMELINE, DEADLINES, DECISIONS, PARCELS, UNKNOWN_PARCELS)
