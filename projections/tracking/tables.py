"""The tables of projection ``tracking`` and the views that show them."""

from __future__ import annotations

from typing import Final

from projections.table import views_of

VERSION: Final = 2
SCHEMA: Final = f"tracking_v{VERSION}"

_FACT: Final = """
    position    bigint      NOT NULL,
    rma_id      uuid        NOT NULL,
    order_id    text        NOT NULL,
    occurred_at timestamptz NOT NULL,
"""

TABLES_SQL: Final = f"""
CREATE SCHEMA IF NOT EXISTS {SCHEMA};

-- One row per return: where it stands and what comes next.
CREATE TABLE IF NOT EXISTS {SCHEMA}.returns (
    rma_id           uuid        PRIMARY KEY,
    rma_number       text        NOT NULL UNIQUE,
    order_id         text        NOT NULL,
    customer_id      text        NOT NULL,
    case_id          text,
    status           text        NOT NULL,
    requested_at     timestamptz NOT NULL,
    decided_at       timestamptz,
    closed_at        timestamptz,
    next_step        text        NOT NULL,
    next_deadline_at timestamptz,
    carrier          text,
    tracking_number  text,
    refund_minor     bigint      NOT NULL,
    currency         text        NOT NULL,
    gift             boolean     NOT NULL,
    policy_id        text        NOT NULL,
    policy_version   integer     NOT NULL,
    last_position    bigint      NOT NULL
) WITH (fillfactor = 70);
CREATE INDEX IF NOT EXISTS returns_order ON {SCHEMA}.returns (order_id);

-- One row per run of units in one state.
CREATE TABLE IF NOT EXISTS {SCHEMA}.return_lines (
    rma_id              uuid    NOT NULL,
    line                integer NOT NULL,
    first_unit          integer NOT NULL,
    line_id             text    NOT NULL,
    sku                 text    NOT NULL,
    quantity            integer NOT NULL CHECK (quantity > 0),
    authorization_state text    NOT NULL,
    logistics_state     text    NOT NULL,
    inspection_state    text    NOT NULL,
    resolution          text    NOT NULL,
    settlement_state    text    NOT NULL,
    reason              text    NOT NULL,
    wish                text    NOT NULL,
    cause               text,
    liable_party        text,
    grade               text,
    disposition         text,
    paid_minor          bigint  NOT NULL,
    refund_minor        bigint  NOT NULL,
    PRIMARY KEY (rma_id, line, first_unit)
);

-- One row per event about a return; from it a return is folded again.
CREATE TABLE IF NOT EXISTS {SCHEMA}.return_timeline (
    position    bigint      NOT NULL,
    rma_id      uuid        NOT NULL,
    order_id    text        NOT NULL,
    stream      text        NOT NULL,
    version     integer     NOT NULL,
    occurred_at timestamptz NOT NULL,
    recorded_at timestamptz NOT NULL,
    type        text        NOT NULL,
    actor       text        NOT NULL,
    summary     text        NOT NULL,
    data        json        NOT NULL,
    PRIMARY KEY (rma_id, position)
);

-- Instants until which something has to happen.
CREATE TABLE IF NOT EXISTS {SCHEMA}.deadlines (
    deadline_id uuid        PRIMARY KEY,
    rma_id      uuid        NOT NULL,
    order_id    text        NOT NULL,
    kind        text        NOT NULL,
    line        integer,
    due_at      timestamptz NOT NULL,
    status      text        NOT NULL
) WITH (fillfactor = 70);
CREATE INDEX IF NOT EXISTS deadlines_open ON {SCHEMA}.deadlines (due_at) WHERE status = 'open';

-- One row per fact of a kind.
CREATE TABLE IF NOT EXISTS {SCHEMA}.feedback ({_FACT}
    score integer NOT NULL, comment text, PRIMARY KEY (position));
CREATE TABLE IF NOT EXISTS {SCHEMA}.discrepancies ({_FACT}
    receipt_id text NOT NULL, kind text NOT NULL, line integer, sku text, quantity integer NOT NULL, serial text,
    note text, PRIMARY KEY (position));
CREATE TABLE IF NOT EXISTS {SCHEMA}.labels ({_FACT}
    label_id text NOT NULL, carrier text NOT NULL, tracking_number text NOT NULL, ship_to text NOT NULL,
    PRIMARY KEY (position));
CREATE TABLE IF NOT EXISTS {SCHEMA}.evidence ({_FACT}
    line integer, evidence_id text NOT NULL, kind text NOT NULL, uri text NOT NULL, sha256 text,
    PRIMARY KEY (rma_id, evidence_id));
CREATE TABLE IF NOT EXISTS {SCHEMA}.appeals ({_FACT}
    line integer NOT NULL, grounds text NOT NULL, PRIMARY KEY (position));

-- One row per decision on a line, with how many units it was about and everything that explains it.
CREATE TABLE IF NOT EXISTS {SCHEMA}.decisions (
    rma_id         uuid    NOT NULL,
    line           integer NOT NULL,
    position       bigint  NOT NULL,
    stage          text    NOT NULL,
    outcome        text    NOT NULL,
    codes          text[]  NOT NULL,
    policy_id      text    NOT NULL,
    policy_version integer NOT NULL,
    policy_hash    text    NOT NULL,
    trace          jsonb   NOT NULL,
    flips          jsonb   NOT NULL,
    quantity       integer NOT NULL,
    PRIMARY KEY (rma_id, position, line)
);

-- One row per decision of policy on a line: how, where to and until when the goods go back, which fees stand against
-- it, when the money is due. Read from the timeline; of each line the last position is in force.
CREATE OR REPLACE VIEW {SCHEMA}.return_terms AS
SELECT told.rma_id AS rma_id,
       (line ->> 'line')::integer AS line,
       told.position AS position,
       (decision ->> 'outcome')::text AS outcome,
       translate(decision ->> 'offers', '[]"', '{{}}')::text[] AS offers,
       (decision ->> 'method')::text AS method,
       (decision ->> 'return_to')::text AS return_to,
       (decision ->> 'ship_back_due_at')::timestamptz AS ship_back_due_at,
       (decision ->> 'window_ends_at')::timestamptz AS window_ends_at,
       (decision #>> '{{fees,restocking_bps}}')::integer AS restocking_bps,
       (decision #>> '{{fees,return_shipping_minor}}')::bigint AS return_shipping_minor,
       (decision #>> '{{fees,fee_free}}')::boolean AS fee_free,
       (decision ->> 'refund_due')::text AS refund_due,
       (decision ->> 'refund_within_days')::integer AS refund_within_days,
       (decision ->> 'refunds_outward_shipping')::boolean AS refunds_outward_shipping,
       translate(decision ->> 'accept_grades', '[]"', '{{}}')::text[] AS accept_grades,
       translate(decision ->> 'statutes', '[]"', '{{}}')::text[] AS statutes
FROM {SCHEMA}.return_timeline AS told,
     LATERAL json_array_elements(told.data -> 'lines') AS line,
     LATERAL (SELECT line -> 'decision') AS made (decision)
WHERE told.type IN ('rma.Rma.Authorized.v1', 'rma.Rma.ReviewAsked.v1', 'rma.Rma.Denied.v1');
"""

VIEWS: Final = (
    "returns return_lines return_timeline deadlines feedback discrepancies labels evidence appeals decisions"
    " return_terms"
).split()
VIEWS_SQL: Final = views_of(SCHEMA, VIEWS)
