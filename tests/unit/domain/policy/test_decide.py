"""What a document comes to: windows, first match per effect, what is missing, and the trace that says why."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from typing import Any

import pytest

from domain.policy.document import PolicyDocument
from tests.support.policy_cases import DELIVERED, ORDERED, a_document, decided, facts_of, record, rule

ALWAYS: dict[str, Any] = {"all": []}
DENY = {"decide": "deny", "code": "no"}
LAST_DAY_ENDS = datetime(2026, 4, 5, tzinfo=UTC)  # delivered on 5 March: 30 days go to the end of 4 April
SECOND = timedelta(seconds=1)


def test_the_last_moment_of_the_last_day_is_in_time() -> None:
    """Inside the window: approved; one second later: denied as expired."""
    in_time = decided(a_document(), facts_of(requested_at=LAST_DAY_ENDS - SECOND))
    late = decided(a_document(), facts_of(requested_at=LAST_DAY_ENDS))
    assert (in_time.outcome, in_time.codes, in_time.window_ends_at) == ("approve", (), LAST_DAY_ENDS)
    assert (late.outcome, late.codes, late.window_ends_at) == ("deny", ("window_expired",), LAST_DAY_ENDS)


@pytest.mark.parametrize(
    ("anchor", "ends"),
    [
        ("ordered", datetime(2026, 4, 1, tzinfo=UTC)),
        ("shipped", datetime(2026, 4, 3, tzinfo=UTC)),
        ("delivered", LAST_DAY_ENDS),
    ],
)
def test_the_window_begins_with_its_anchor(anchor: str, ends: datetime) -> None:
    """The window is counted from the day ordered, shipped or delivered."""
    document = a_document(window={"days": 30, "anchor": anchor})
    shipped = ORDERED + timedelta(days=2)
    assert decided(document, facts_of(shipped_at=shipped)).window_ends_at == ends


@pytest.mark.parametrize(("anchor", "fact"), [("shipped", "shipped_at"), ("delivered", "delivered_at")])
def test_a_window_that_has_not_begun_is_open(anchor: str, fact: str) -> None:
    """As long as a unit asked for is not shipped or delivered the window is open, however late it is."""
    document = a_document(window={"days": 0, "anchor": anchor})
    decision = decided(document, facts_of(**{fact: None}, requested_at=ORDERED + timedelta(days=900)))
    assert (decision.outcome, decision.window_ends_at) == ("approve", None)


def test_the_zone_says_which_day_it_is() -> None:
    """The same moment is in time in New York and late in Shanghai."""
    requested = LAST_DAY_ENDS + timedelta(hours=1)
    new_york = a_document(window={"days": 30, "zone": "America/New_York"})
    shanghai = a_document(window={"days": 30, "zone": "Asia/Shanghai"})
    assert decided(new_york, facts_of(requested_at=requested)).outcome == "approve"
    assert decided(shanghai, facts_of(requested_at=requested)).outcome == "deny"


def test_holidays_lengthen_a_window_of_business_days() -> None:
    """Business days skip the holidays that the facts name, and the facts are in the decision."""
    document = a_document(window={"days": 2, "count": "business", "calendar": "GB"})
    thursday = datetime(2026, 4, 2, 12, tzinfo=UTC)
    easter = (date(2026, 4, 3), date(2026, 4, 6))
    decision = decided(document, facts_of(delivered_at=thursday, requested_at=thursday, holidays=easter))
    assert decision.window_ends_at == datetime(2026, 4, 9, tzinfo=UTC)
    assert decision.facts.holidays == easter
    assert record(decision, "window")["calendar"] == "GB"


def test_a_rule_may_name_another_calendar() -> None:
    """A window that a rule moves to another calendar uses that calendar's holidays, and no other."""
    document = a_document(
        rule({"fact": "country", "is": "US"}, window={"calendar": "US-CA"}),
        window={"days": 1, "count": "business", "calendar": "GB"},
    )
    thursday = datetime(2026, 4, 2, 12, tzinfo=UTC)
    when = {"delivered_at": thursday, "requested_at": thursday, "holidays": (date(2026, 4, 3),)}
    assert decided(document, facts_of(**when)).window_ends_at == datetime(2026, 4, 4, tzinfo=UTC)
    closed = {"US-CA": (date(2026, 4, 3),)}
    assert decided(document, facts_of(**when, rule_holidays=closed)).window_ends_at == datetime(2026, 4, 7, tzinfo=UTC)


def test_each_effect_goes_to_the_first_rule_that_speaks_of_it() -> None:
    """Two rules match: the first wins what it speaks of, the second the rest; windows and fees merge key by key."""
    document = a_document(
        rule(ALWAYS, window={"days": 60}, fees={"restocking_bps": 500}, method="label"),
        rule(ALWAYS, window={"days": 90, "anchor": "ordered"}, fees={"return_shipping_minor": 300}, method="store"),
        fees={"restocking_bps": 100, "return_shipping_minor": 100, "waived_for": ["defective"]},
    )
    decision = decided(document, facts_of())
    assert decision.window_ends_at == datetime(2026, 5, 1, tzinfo=UTC)  # 60 days from the order
    assert (decision.fees.restocking_bps, decision.fees.return_shipping_minor) == (500, 300)
    assert decision.fees.waived_for == ("defective",)
    assert decision.method == "label"
    assert record(decision, "rule", "r0")["won"] == ["window.days", "fees.restocking_bps", "method"]
    assert record(decision, "rule", "r1")["won"] == ["window.anchor", "fees.return_shipping_minor"]
    assert record(decision, "rule", "r1")["lost"] == {"window.days": "r0", "method": "r0"}
    assert record(decision, "window")["set_by"] == {"window.days": "r0", "window.anchor": "r1"}


def test_the_decision_takes_its_code_along() -> None:
    """The first rule that decides gives outcome and code; a later one gives neither."""
    document = a_document(rule(ALWAYS, decide="review", code="look"), rule(ALWAYS, **DENY))
    decision = decided(document, facts_of())
    assert (decision.outcome, decision.codes) == ("review", ("look",))
    assert record(decision, "outcome")["decided_by"] == "rule:r0"


def test_a_rule_may_approve_outside_the_window() -> None:
    """That is how exceptions are written."""
    document = a_document(rule({"fact": "customer_tier", "is": "gold"}, decide="approve"))
    late = LAST_DAY_ENDS + timedelta(days=100)
    assert decided(document, facts_of(requested_at=late, customer_tier="gold")).outcome == "approve"
    assert decided(document, facts_of(requested_at=late, customer_tier="silver")).outcome == "deny"


def test_a_wish_that_is_not_offered_goes_to_a_person() -> None:
    """Approved, but for another resolution than offered: review."""
    document = a_document(rule({"fact": "gift", "is": True}, offers=["store_credit"]))
    decision = decided(document, facts_of(gift=True))
    assert (decision.outcome, decision.codes) == ("review", ("wish_not_offered",))
    assert decided(document, facts_of(gift=True, wish="store_credit")).outcome == "approve"
    assert decided(a_document(rule(ALWAYS, **DENY)), facts_of(wish="repair")).outcome == "deny"


def test_every_term_can_be_set_by_a_rule() -> None:
    """Method, address, refund date, grades, days to send back and remedy are effects like others."""
    remedy = {"kind": "partial_refund", "share_bps": 3_000}
    then = {"return_to": "WH-2", "refund_due": "receipt", "accept_grades": ["A"], "ship_back_days": 7, "remedy": remedy}
    decision = decided(a_document(rule(ALWAYS, **then)), facts_of())
    assert (decision.return_to, decision.refund_due, decision.accept_grades) == ("WH-2", "receipt", ("A",))
    assert decision.ship_back_due_at == datetime(2026, 3, 23, tzinfo=UTC)  # asked on 15 March
    assert decision.remedy is not None
    assert (decision.remedy.kind, decision.remedy.share_bps) == ("partial_refund", 3_000)
    assert decision.outcome == "approve"


@pytest.mark.parametrize(
    ("comparison", "given_facts", "held"),
    [
        ({"fact": "category", "is": "hats"}, {}, True),
        ({"fact": "category", "is": "hats"}, {"category": None}, False),
        ({"fact": "category", "in": ["caps", "hats"]}, {}, True),
        ({"fact": "line_paid_minor", "at_least": 6_000}, {}, True),
        ({"fact": "line_paid_minor", "at_least": 6_001}, {}, False),
        ({"fact": "line_paid_minor", "at_most": 6_000, "at_least": 6_000}, {}, True),
        ({"fact": "tender_kinds", "is": "card"}, {}, True),
        ({"fact": "tender_kinds", "is": "card"}, {"tender_kinds": ("card", "cash")}, False),
        ({"fact": "tender_kinds", "in": ["cash", "wallet"]}, {"tender_kinds": ("card", "cash")}, True),
        ({"fact": "tender_kinds", "in": ["cash"]}, {"tender_kinds": ()}, False),
        ({"fact": "ordered_at", "before": "2026-03-02"}, {}, True),
        ({"fact": "ordered_at", "before": "2026-03-01"}, {}, False),
        ({"fact": "ordered_at", "after": "2026-03-01"}, {}, True),
        ({"fact": "ordered_at", "before": "2026-03-01T10:00:00+01:00"}, {}, False),
        ({"fact": "ordered_at", "after": "2026-03-01T09:59:59+01:00"}, {}, True),
        ({"fact": "days_since_delivered", "is": 10}, {}, True),
        ({"fact": "days_since_ordered", "is": 14}, {}, True),
        ({"fact": "days_since_delivered", "at_least": 0}, {"delivered_at": None}, False),
        ({"fact": "answers.opened", "is": True}, {"answers": {"opened": True}}, True),
        ({"fact": "answers.opened", "is": True}, {"answers": {"opened": 1}}, False),
        ({"fact": "answers.opened", "is": 1}, {"answers": {"opened": 1.0}}, True),
        ({"fact": "answers.opened", "is": "1"}, {"answers": {"opened": 1}}, False),
        ({"fact": "answers.opened", "at_least": 0}, {"answers": {"opened": "yes"}}, False),
        ({"fact": "answers.opened", "in": [False, "no"]}, {"answers": {"opened": 0}}, False),
        ({"fact": "answers.opened", "is": True}, {}, False),
    ],
)
def test_a_comparison_holds_or_not(comparison: dict[str, Any], given_facts: dict[str, Any], held: bool) -> None:
    """What a comparison means, for each kind of fact; a missing fact makes it false, and not the opposite true."""
    decision = decided(a_document(rule(comparison, **DENY)), facts_of(**given_facts))
    comparisons = record(decision, "rule", "r0")["comparisons"]
    assert all(one["held"] for one in comparisons) is held
    assert (decision.outcome == "deny") is held
    opposite = decided(a_document(rule({"not": comparison}, **DENY)), facts_of(**given_facts))
    assert (opposite.outcome == "deny") is not held


def test_a_date_begins_at_midnight_in_the_zone() -> None:
    """The same order is before a date in New York and after it in Shanghai."""
    evening = facts_of(ordered_at=datetime(2026, 3, 1, 20, tzinfo=UTC))
    for zone, held in (("America/New_York", True), ("Asia/Shanghai", False)):
        document = a_document(
            rule({"fact": "ordered_at", "before": "2026-03-02"}, **DENY), window={"days": 30, "zone": zone}
        )
        assert (decided(document, evening).outcome == "deny") is held


def test_days_since_are_counted_as_the_window_counts() -> None:
    """With business days, ten days after a Thursday are six."""
    document = a_document(
        rule({"fact": "days_since_delivered", "is": 6}, **DENY), window={"days": 30, "count": "business"}
    )
    assert decided(document, facts_of()).outcome == "deny"


@pytest.mark.parametrize(
    ("when", "matched"),
    [
        ({"all": []}, True),
        ({"any": []}, False),
        ({"all": [{"fact": "gift", "is": False}, {"fact": "sku", "is": "HAT-1"}]}, True),
        ({"all": [{"fact": "gift", "is": True}, {"fact": "sku", "is": "HAT-1"}]}, False),
        ({"any": [{"fact": "gift", "is": True}, {"fact": "sku", "is": "HAT-1"}]}, True),
        ({"not": {"any": [{"fact": "gift", "is": True}, {"not": {"fact": "sku", "is": "HAT-1"}}]}}, True),
    ],
)
def test_connectives(when: dict[str, Any], matched: bool) -> None:
    """All, any and not mean what they say; every comparison is in the trace, whatever was settled before it."""
    decision = decided(a_document(rule(when, **DENY)), facts_of())
    found = record(decision, "rule", "r0")
    assert found["matched"] is matched
    assert len(found["comparisons"]) == str(when).count("fact")


def test_the_trace_says_what_was_looked_at() -> None:
    """Each comparison names its place, what it expected and what it found; what is missing is null."""
    when = {"all": [{"fact": "category", "in": ["a", "b"]}, {"not": {"fact": "ordered_at", "before": "2026-01-01"}}]}
    decision = decided(a_document(rule(when, method="keep")), facts_of(category=None))
    assert record(decision, "rule", "r0")["comparisons"] == [
        {
            "path": "when.all[0]",
            "fact": "category",
            "operator": "in",
            "expected": ["a", "b"],
            "found": None,
            "held": False,
        },
        {
            "path": "when.all[1].not",
            "fact": "ordered_at",
            "operator": "before",
            "expected": "2026-01-01",
            "found": "2026-03-01T09:00:00Z",
            "held": False,
        },
    ]


def test_the_document_of_the_policy_page() -> None:
    """The worked example: final sale denied, shoes 60 days, cheap and defective kept, dear reviewed."""
    document = PolicyDocument.model_validate(
        {
            "window": {"days": 30, "roll": "next_business_day", "calendar": "GB"},
            "rules": [
                {"name": "final-sale", "when": {"fact": "final_sale", "is": True}, "then": DENY},
                {
                    "name": "shoes-60",
                    "when": {"fact": "category", "in": ["shoes", "boots"]},
                    "then": {"window": {"days": 60}},
                },
                {
                    "name": "keep-it",
                    "when": {
                        "all": [{"fact": "line_paid_minor", "at_most": 500}, {"fact": "reason", "in": ["defective"]}]
                    },
                    "then": {"method": "keep", "refund_due": "approval"},
                },
                {
                    "name": "dear",
                    "when": {"fact": "line_paid_minor", "at_least": 50_000},
                    "then": {"decide": "review", "code": "high_value"},
                },
            ],
        }
    )
    assert decided(document, facts_of(final_sale=True)).outcome == "deny"
    assert decided(document, facts_of(requested_at=DELIVERED + timedelta(days=33))).outcome == "deny"
    assert decided(document, facts_of(requested_at=datetime(2026, 4, 6, 23, tzinfo=UTC))).outcome == "approve"
    assert decided(document, facts_of(requested_at=DELIVERED + timedelta(days=60), category="boots")).codes == ()
    kept = decided(document, facts_of(line_paid_minor=500, reason="defective"))
    assert (kept.method, kept.refund_due) == ("keep", "approval")
    assert decided(document, facts_of(line_paid_minor=50_000)).codes == ("high_value",)
