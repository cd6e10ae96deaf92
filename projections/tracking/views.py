"""The stable views on projection ``tracking``: what each row says, what it is for, a first question."""

from __future__ import annotations

from typing import Final

from domain.policy.document import Outcome
from domain.rma import Rma
from domain.vocabularies import Grade, Method, Promotions, RefundDue, Wish
from projections.columns import CURRENCY, LINE, POSITION, RMA_ID, one_of
from projections.table import Column
from projections.tracking.tables import (
    DEADLINES,
    DECISIONS,
    FLOW,
    PARCELS,
    RETURN_LINES,
    RETURN_TIMELINE,
    RETURNS,
    SCHEMA,
    UNKNOWN_PARCELS,
)
from projections.tracking.told import APPEALS, DISCREPANCIES, EVIDENCE, FEEDBACK, LABELS, NOTICES
from projections.view import View, view_of

TERMS_TYPES: Final = (Rma.Authorized.TOPIC, Rma.ReviewAsked.TOPIC, Rma.Denied.TOPIC)

_OF_FEES: Final = frozenset({"restocking_bps", "return_shipping_minor", "fee_free", "on_exchange"})
_WHERE_NOT_TOLD: Final = {"on_exchange": "false", "grade_share_bps": "{}", "promotions": "keep"}
"""What a term is where a decision says nothing of it."""
_TERMS: Final = (
    Column("outcome", "text", f"What policy decided: {one_of(Outcome)}."),
    Column("offers", "text[]", f"What is offered, of {one_of(Wish)}."),
    Column("method", "text", f"How the goods go back: {one_of(Method)}."),
    Column("return_to", "text", "Where the goods go."),
    Column("ship_back_due_at", "timestamptz", "Until when they have to be sent."),
    Column("window_ends_at", "timestamptz", "When the return window ends; empty while it is open.", null=True),
    Column("restocking_bps", "integer", "Restocking fee, hundredths of a percent of what was paid."),
    Column("return_shipping_minor", "bigint", "Return shipping that the customer bears, minor units."),
    Column("fee_free", "boolean", "Whether a right for faulty goods forbids any fee."),
    Column("refund_due", "text", f"What the money waits for: {one_of(RefundDue)}."),
    Column("refund_within_days", "integer", "Days until it has to be there, where a statute says so.", null=True),
    Column("refunds_outward_shipping", "boolean", "Whether outward shipping goes back, too."),
    Column("accept_grades", "text[]", f"Conditions in which goods are accepted, of {one_of(Grade)}."),
    Column("statutes", "text[]", "Statutes that had a say."),
)
_LATER_TERMS: Final = (
    Column("on_exchange", "boolean", "Whether the fees are taken, too, where units are exchanged."),
    Column("grade_share_bps", "jsonb", "Which share of goods and tax goes back by grade, hundredths of a percent."),
    Column("promotions", "text", f"What becomes of promotions that no longer hold: {one_of(Promotions)}."),
)


def _term(column: Column) -> str:
    told = f"decision #>> '{{{'fees,' if column.name in _OF_FEES else ''}{column.name}}}'"
    if column.name in _WHERE_NOT_TOLD:
        told = f"COALESCE({told}, '{_WHERE_NOT_TOLD[column.name]}')"
    read = f"translate({told}, '[]\"', '{{}}')" if column.kind == "text[]" else f"({told})"
    return f"{read}::{column.kind} AS {column.name}"


RETURN_TERMS: Final = View(
    "return_terms",
    "One row per decision of policy on a line: how, where to and until when the goods go back, which fees stand against"
    " it, when the money is due. Of each line the row with the last position is in force.",
    "What was the customer promised?",
    ("rma_id", "line", "position"),
    (RMA_ID, LINE, POSITION, *_TERMS, CURRENCY, *_LATER_TERMS),
    f"""SELECT told.rma_id AS rma_id, (line ->> 'line')::integer AS line, told.position AS position,
        {", ".join(map(_term, _TERMS))}, returns.currency AS currency,
        {", ".join(map(_term, _LATER_TERMS))}
    FROM {SCHEMA}.return_timeline AS told JOIN {SCHEMA}.returns USING (rma_id),
        LATERAL json_array_elements(told.data -> 'lines') AS line,
        LATERAL (SELECT line -> 'decision') AS made (decision)
    WHERE told.type IN ({", ".join(f"'{name}'" for name in TERMS_TYPES)})""",
    "SELECT method, count(*) AS decisions FROM rma_read.return_terms GROUP BY method ORDER BY method",
)

RETURN_FLOW: Final = View(
    "return_flow",
    "One row per run of units of a return that took the same steps at the same instants, with who decided.",
    "How long does each step take, and how much runs without a person?",
    FLOW.key,
    (
        *FLOW.columns,
        Column("agent_commands", "bigint", "Commands of agents about the whole return, the same in each of its rows."),
    ),
    f"""SELECT {", ".join(column.name for column in FLOW.columns)}, (
        SELECT count(DISTINCT (told.actor, told.command_id)) FROM {SCHEMA}.return_timeline AS told
        WHERE told.rma_id = flow.rma_id AND told.actor LIKE 'agent:%'
    ) AS agent_commands FROM {SCHEMA}.flow""",
    "SELECT decided_by, sum(quantity) AS units, avg(received_at - requested_at) AS until_received"
    " FROM rma_read.return_flow GROUP BY decided_by ORDER BY decided_by",
)

VIEWS: Final = (
    view_of(
        RETURNS,
        says="One row per return: where it stands and what comes next.",
        answers="Which returns are there, and which of them wait for what?",
        example="SELECT next_step, count(*) AS returns FROM rma_read.returns GROUP BY next_step ORDER BY next_step",
    ),
    view_of(
        RETURN_LINES,
        says="One row per run of units of a return in one state, from the request on: what was denied, withdrawn, never"
        " sent or given up counts here, too.",
        answers="Where does each unit that was ever asked for stand?",
        example="SELECT authorization_state, logistics_state, sum(quantity) AS units FROM rma_read.return_lines"
        " GROUP BY authorization_state, logistics_state ORDER BY units DESC",
    ),
    view_of(
        RETURN_TIMELINE,
        says="One row per event about a return, its own and its order's.",
        answers="What happened, when, and by whom?",
        example="SELECT date_trunc('month', occurred_at) AS month, count(*) AS requests FROM rma_read.return_timeline"
        f" WHERE type = '{Rma.Requested.TOPIC}' GROUP BY month ORDER BY month",
    ),
    view_of(
        DEADLINES,
        says="One row per instant until which something has to happen, or had to.",
        answers="What is due, and what is overdue?",
        example="SELECT kind, count(*) AS overdue FROM rma_read.deadlines WHERE status = 'passed'"
        " GROUP BY kind ORDER BY kind",
    ),
    view_of(
        DECISIONS,
        says="One row per decision of policy on a line, on the request and again at its inspection, with everything"
        " that explains it.",
        answers="Why was it decided so?",
        example="SELECT given AS code, sum(quantity) AS units FROM rma_read.decisions, unnest(codes) AS given"
        " GROUP BY given ORDER BY units DESC, given",
    ),
    RETURN_TERMS,
    RETURN_FLOW,
    view_of(
        FEEDBACK,
        says="One row per word of a customer on how a return went.",
        answers="Are customers content with their returns?",
        example="SELECT round(avg(score), 2) AS score, count(*) AS customers FROM rma_read.feedback",
    ),
    view_of(
        DISCREPANCIES,
        says="One row per difference between what was announced and what arrived.",
        answers="What arrives that nobody announced, and what does not arrive?",
        example="SELECT kind, sum(quantity) AS units FROM rma_read.discrepancies GROUP BY kind ORDER BY kind",
    ),
    view_of(
        LABELS,
        says="One row per label that was issued for a return.",
        answers="Which carriers bring the goods back?",
        example="SELECT carrier, count(*) AS labels FROM rma_read.labels GROUP BY carrier ORDER BY labels DESC",
    ),
    view_of(
        PARCELS,
        says="One row per parcel that a label was issued for: how far it has come, and which units are in it.",
        answers="Where is each parcel of a return?",
        example="SELECT status, count(*) AS parcels FROM rma_read.parcels GROUP BY status ORDER BY status",
    ),
    view_of(
        UNKNOWN_PARCELS,
        says="One row per parcel at the dock that nobody could place, and the return that it turned out to belong to.",
        answers="Which parcels still wait for somebody to find out whose they are?",
        example="SELECT site, count(*) AS parcels FROM rma_read.unknown_parcels WHERE status = 'open'"
        " GROUP BY site ORDER BY parcels DESC",
    ),
    view_of(
        EVIDENCE,
        says="One row per photo, video or document that somebody put forward.",
        answers="What has been put forward for a return?",
        example="SELECT kind, count(*) AS pieces FROM rma_read.evidence GROUP BY kind ORDER BY kind",
    ),
    view_of(
        NOTICES,
        says="One row per message to a customer, and what became of it.",
        answers="Which customers could not be told what became of their return?",
        example="SELECT kind, channel, count(*) AS messages FROM rma_read.notices"
        " WHERE outcome IN ('failed', 'bounced') GROUP BY kind, channel ORDER BY messages DESC",
    ),
    view_of(
        APPEALS,
        says="One row per denial that a customer disagrees with.",
        answers="Which denials are disputed, and why?",
        example="SELECT count(DISTINCT (rma_id, line)) AS lines FROM rma_read.appeals",
    ),
)
