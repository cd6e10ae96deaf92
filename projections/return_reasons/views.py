"""The stable views on projection ``return_reasons``: what each row says, what it is for, a first question."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Final

from domain.vocabularies import DEFECT_CAUSES, FAULTY_REASONS
from projections.columns import CURRENCY, SKU
from projections.return_reasons.tables import (
    CATEGORY,
    LINES,
    OFFERS,
    POLICY_ID,
    POLICY_VERSION,
    RUNS,
    SALE_MONTH,
    SCHEMA,
    UNITS_SOLD,
)
from projections.table import Column
from projections.view import View

_OF_LINES: Final = {column.name: column for column in LINES.columns}
_OF_RUNS: Final = {column.name: column for column in RUNS.columns}
_OF_OFFERS: Final = {column.name: column for column in OFFERS.columns}
_REASON_COLUMNS: Final = (
    "rma_id line sku category channel country customer_id quantity value_minor currency ordered_at requested_at reason"
    " cause liable_party grade disposition first_unit received went_back order_id line_id"
).split()


def _words(words: Iterable[str]) -> str:
    return ", ".join(f"'{word}'" for word in sorted(words))


RETURN_REASONS: Final = View(
    "return_reasons",
    "One row per run of units that were returned: they came in, or were made good without coming in, because the"
    " customer may keep them, they got lost, or were refunded and never sent.",
    "Why do goods come back, and what is found on them?",
    ("rma_id", "line", "first_unit"),
    tuple(_OF_RUNS.get(name) or _OF_LINES[name] for name in _REASON_COLUMNS),
    f"SELECT {', '.join(_REASON_COLUMNS)} FROM {SCHEMA}.runs JOIN {SCHEMA}.lines USING (rma_id, line)"
    f" WHERE runs.returned",
    "SELECT reason, cause, sum(quantity) AS units FROM rma_read.return_reasons"
    " GROUP BY reason, cause ORDER BY units DESC, reason, cause",
)

RETURN_RATES: Final = View(
    "return_rates",
    "One row per article and month of sale: units sold, and what came of them so far, whenever that was.",
    "Which articles come back most, and which of them are faulty?",
    ("sku", "sale_month"),
    (
        SKU,
        CATEGORY,
        SALE_MONTH,
        UNITS_SOLD,
        Column("units_returned", "bigint", "Units of them that came in; those sent back or repaired later, too."),
        Column("units_defect_claimed", "bigint", "Units returned, received or not, for a reason that is a fault."),
        Column("units_defect_confirmed", "bigint", "Units with a fault of making, design or packaging found."),
    ),
    f"""SELECT sales.sku, sales.category, sales.sale_month, sales.units_sold,
        coalesce(back.units_returned, 0) AS units_returned,
        coalesce(back.units_defect_claimed, 0) AS units_defect_claimed,
        coalesce(back.units_defect_confirmed, 0) AS units_defect_confirmed
    FROM {SCHEMA}.sales LEFT JOIN (
        SELECT sku, date_trunc('month', ordered_at AT TIME ZONE 'UTC')::date AS sale_month,
            sum(quantity) FILTER (WHERE received)::bigint AS units_returned,
            sum(quantity) FILTER (WHERE reason IN ({_words(FAULTY_REASONS)}))::bigint AS units_defect_claimed,
            sum(quantity) FILTER (WHERE cause IN ({_words(DEFECT_CAUSES)}))::bigint AS units_defect_confirmed
        FROM {SCHEMA}.runs JOIN {SCHEMA}.lines USING (rma_id, line) WHERE runs.returned GROUP BY 1, 2
    ) AS back USING (sku, sale_month)""",
    "SELECT sku, sum(units_sold) AS sold, sum(units_returned) AS returned FROM rma_read.return_rates"
    " GROUP BY sku ORDER BY returned DESC, sku LIMIT 10",
)

REMEDIES: Final = View(
    "remedies",
    "One row per rule that offered something instead of a return. A return is avoided where all its units stay; an"
    " exchange bonus avoids none.",
    "Which offers avoid returns, and what do they save?",
    ("policy_id", "policy_version", "rule", "kind", "currency"),
    (
        POLICY_ID,
        POLICY_VERSION,
        _OF_OFFERS["rule"],
        _OF_OFFERS["kind"],
        CURRENCY,
        Column("offered", "bigint", "Lines on which it was offered."),
        Column("accepted", "bigint", "Lines whose customer accepted."),
        Column("declined", "bigint", "Lines whose customer declined."),
        Column("lapsed", "bigint", "Lines whose customer did not answer in time."),
        Column("returns_avoided", "bigint", "Returns none of whose units come back."),
        Column("units_saved", "bigint", "Units that stay with the customer because an offer was accepted."),
        Column("kept_minor", "bigint", "What would have gone back for those, minor units."),
        Column("given_minor", "bigint", "What accepted offers gave instead, minor units."),
        Column("saved_minor", "bigint", "The difference: kept less given, minor units."),
    ),
    f"""SELECT policy_id, policy_version, rule, kind, currency, count(*) AS offered,
        count(*) FILTER (WHERE answer = 'accepted') AS accepted,
        count(*) FILTER (WHERE answer = 'declined') AS declined,
        count(*) FILTER (WHERE answer = 'lapsed') AS lapsed,
        count(DISTINCT rma_id) FILTER (WHERE return_avoided) AS returns_avoided,
        sum(units_saved)::bigint AS units_saved,
        sum(kept_minor)::bigint AS kept_minor,
        coalesce(sum(gives_minor) FILTER (WHERE answer = 'accepted'), 0)::bigint AS given_minor,
        (sum(kept_minor) - coalesce(sum(gives_minor) FILTER (WHERE answer = 'accepted'), 0))::bigint AS saved_minor
    FROM {SCHEMA}.offers GROUP BY policy_id, policy_version, rule, kind, currency""",
    "SELECT kind, sum(offered) AS offered, sum(accepted) AS accepted, currency, sum(saved_minor) AS saved_minor"
    " FROM rma_read.remedies GROUP BY kind, currency ORDER BY kind, currency",
)

VIEWS: Final = (RETURN_REASONS, RETURN_RATES, REMEDIES)
