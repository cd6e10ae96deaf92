"""Documents and facts for the tests of the policy engine: plain ones by hand, wild ones by Hypothesis."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, date, datetime, timedelta
from typing import Any, get_args

from hypothesis import strategies as st

from domain.policy.changes import with_fact
from domain.policy.decision import Decision, OneFlip
from domain.policy.document import PolicyDocument
from domain.policy.evaluate import decide
from domain.policy.facts import Facts
from domain.policy.moments import ANCHOR_FACTS
from domain.policy.statutes import Law, law_for
from domain.vocabularies import (
    Anchor,
    Grade,
    GradeOfWear,
    Method,
    Promotions,
    Reason,
    RefundDue,
    TenderKind,
    Wish,
    WithdrawalException,
)

ORDERED = datetime(2026, 3, 1, 9, 0, tzinfo=UTC)
DELIVERED = datetime(2026, 3, 5, 9, 0, tzinfo=UTC)


def a_document(*rules: dict[str, Any], **given: Any) -> PolicyDocument:
    """Return a document of a 30-day window and these rules, named r0, r1, …"""
    named = [{"name": f"r{index}", **rule} for index, rule in enumerate(rules)]
    return PolicyDocument.model_validate({"window": {"days": 30}, "rules": named, **given})


def rule(when: dict[str, Any], **then: Any) -> dict[str, Any]:
    """Return a rule without a name."""
    return {"when": when, "then": then}


def facts_of(**given: Any) -> Facts:
    """Return the facts of one unit bought for 60.00 in the United States, where no statute is encoded."""
    usual: dict[str, Any] = {
        "ordered_at": ORDERED,
        "shipped_at": DELIVERED,
        "delivered_at": DELIVERED,
        "order_delivered_at": DELIVERED,
        "requested_at": DELIVERED + timedelta(days=10),
        "channel": "web",
        "country": "US",
        "category": "hats",
        "sku": "HAT-1",
        "tender_kinds": ("card",),
        "final_sale": False,
        "reason": "changed_mind",
        "wish": "refund",
        "quantity": 1,
        "line_paid_minor": 6_000,
        "unit_paid_minor": 6_000,
        "gift": False,
    }
    return Facts(**{**usual, **given})


def decided(document: PolicyDocument, facts: Facts) -> Decision:
    """Return the decision under the statutes of the order's country."""
    return decide(document, rights(facts), facts)


def rights(facts: Facts) -> Law:
    """Return the statutes of the order's country."""
    return law_for(facts.country or "", facts.ordered_at)


def record(decision: Decision, kind: str, name: str = "") -> dict[str, Any]:
    """Return the one record of the trace of this kind and name."""
    found = [dict(entry) for entry in decision.trace if entry["kind"] == kind]
    named = [entry for entry in found if name in {entry.get("name", ""), entry.get("id", "")} or not name]
    assert len(named) == 1, (kind, name, found)
    return named[0]


TEXTS: Sequence[str] = ("web", "store", "gold", "shoes", "hats", "US", "DE")
TEXT_FACTS: Sequence[str] = ("channel", "seller_id", "customer_tier", "category", "sku")
COUNTRIES: Sequence[str] = ("US", "DE", "FR", "GB", "CN")
ZONES: Sequence[str] = ("UTC", "Europe/Berlin", "America/New_York", "Asia/Shanghai", "Pacific/Apia")
amounts = st.integers(0, 100_000) | st.sampled_from([0, 500, 501, 50_000])
small_days = st.integers(0, 60)
instants = st.datetimes(datetime(2019, 1, 1), datetime(2030, 1, 1), timezones=st.just(UTC))  # noqa: DTZ001
dates = st.dates(date(2019, 1, 1), date(2030, 1, 1))
answers = st.sampled_from(["yes", "no", True, False, 0, 1, 2, 0.5, 1.5])
times = dates.map(date.isoformat) | instants.map(lambda at: at.isoformat(timespec="seconds").replace("+00:00", "Z"))


def _text_comparisons() -> st.SearchStrategy[dict[str, Any]]:
    named = st.one_of(
        st.tuples(st.sampled_from(TEXT_FACTS), st.just(TEXTS)),
        st.just(("country", COUNTRIES)),
        st.just(("reason", get_args(Reason))),
        st.just(("wish", get_args(Wish))),
        st.just(("tender_kinds", get_args(TenderKind))),
    )
    return named.flatmap(
        lambda pair: st.one_of(
            st.fixed_dictionaries({"fact": st.just(pair[0]), "is": st.sampled_from(pair[1])}),
            st.fixed_dictionaries(
                {"fact": st.just(pair[0]), "in": st.lists(st.sampled_from(pair[1]), min_size=1, max_size=4)}
            ),
        )
    )


def _number_comparisons() -> st.SearchStrategy[dict[str, Any]]:
    operators = st.sampled_from(["is", "at_least", "at_most"])
    money = st.tuples(st.sampled_from(["line_paid_minor", "unit_paid_minor"]), operators, amounts)
    counted = st.tuples(
        st.sampled_from(["quantity", "days_since_ordered", "days_since_delivered"]), operators, st.integers(1, 60)
    )
    return st.one_of(money, counted).map(lambda parts: {"fact": parts[0], parts[1]: parts[2]})


comparisons = st.one_of(
    _text_comparisons(),
    _number_comparisons(),
    st.fixed_dictionaries({"fact": st.sampled_from(["final_sale", "gift", "bundle_complete"]), "is": st.booleans()}),
    st.fixed_dictionaries({"fact": st.just("ordered_at"), "before": times}),
    st.fixed_dictionaries({"fact": st.just("ordered_at"), "after": times}),
    st.fixed_dictionaries({"fact": st.sampled_from(["answers.opened", "answers.score"]), "is": answers}),
    st.fixed_dictionaries({"fact": st.just("answers.score"), "at_least": st.sampled_from([0, 1, 1.5])}),
)
conditions = st.recursive(
    comparisons,
    lambda inner: st.one_of(
        st.fixed_dictionaries({"all": st.lists(inner, max_size=3)}),
        st.fixed_dictionaries({"any": st.lists(inner, max_size=3)}),
        st.fixed_dictionaries({"not": inner}),
    ),
    max_leaves=5,
)
windows = st.fixed_dictionaries(
    {"days": small_days},
    optional={
        "anchor": st.sampled_from(get_args(Anchor)),
        "count": st.sampled_from(["calendar", "business"]),
        "roll": st.sampled_from(["none", "next_business_day"]),
        "calendar": st.sampled_from(["GB", "US-CA"]),
        "zone": st.sampled_from(ZONES),
    },
)
fees = st.fixed_dictionaries(
    {},
    optional={
        "restocking_bps": st.integers(0, 10_000),
        "return_shipping_minor": st.integers(0, 2_000),
        "waived_for": st.lists(st.sampled_from(get_args(Reason)), max_size=3),
        "on_exchange": st.booleans(),
    },
)
offers = st.lists(st.sampled_from(get_args(Wish)), min_size=1, max_size=5, unique=True)
terms: dict[str, st.SearchStrategy[Any]] = {
    "offers": offers,
    "method": st.sampled_from(get_args(Method)),
    "return_to": st.sampled_from(["WH-1", "WH-2"]),
    "fees": fees,
    "refund_due": st.sampled_from(get_args(RefundDue)),
    "accept_grades": st.lists(st.sampled_from(get_args(Grade)), max_size=3),
    "ship_back_days": small_days,
}
decisions = st.sampled_from(
    [{"decide": "approve"}, {"decide": "deny", "code": "no"}, {"decide": "review", "code": "look"}]
)
effects = st.builds(
    lambda decision, other: {**decision, **other},
    st.just({}) | decisions,
    st.fixed_dictionaries({}, optional={"window": windows, **terms}),
)
rule_lists = st.lists(st.tuples(conditions, effects), max_size=6).map(
    lambda pairs: [{"name": f"r{index}", "when": when, "then": then} for index, (when, then) in enumerate(pairs)]
)
raw_documents = st.fixed_dictionaries(
    {"window": windows, "rules": rule_lists},
    optional={
        "refunds_outward_shipping": st.booleans(),
        "promotions": st.sampled_from(get_args(Promotions)),
        "grade_share_bps": st.dictionaries(st.sampled_from(get_args(GradeOfWear)), st.integers(1, 10_000)),
        "feedback_after_days": small_days,
        "limits": st.fixed_dictionaries({}, optional={"agent_minor": amounts}),
        **terms,
    },
)
documents = raw_documents.map(PolicyDocument.model_validate)
facts = st.builds(
    Facts,
    ordered_at=instants,
    requested_at=instants,
    shipped_at=st.none() | instants,
    delivered_at=st.none() | instants,
    order_delivered_at=st.none() | instants,
    channel=st.none() | st.sampled_from(TEXTS),
    seller_id=st.none() | st.sampled_from(TEXTS),
    country=st.none() | st.sampled_from(COUNTRIES),
    customer_tier=st.none() | st.sampled_from(TEXTS),
    tender_kinds=st.none() | st.lists(st.sampled_from(get_args(TenderKind)), max_size=3, unique=True).map(tuple),
    category=st.none() | st.sampled_from(TEXTS),
    sku=st.none() | st.sampled_from(TEXTS),
    final_sale=st.none() | st.booleans(),
    withdrawal_exception=st.none() | st.sampled_from(get_args(WithdrawalException)),
    reason=st.none() | st.sampled_from(get_args(Reason)),
    wish=st.none() | st.sampled_from(get_args(Wish)),
    quantity=st.none() | st.integers(1, 5),
    line_paid_minor=st.none() | amounts,
    unit_paid_minor=st.none() | amounts,
    gift=st.none() | st.booleans(),
    bundle_complete=st.none() | st.booleans(),
    answers=st.dictionaries(st.sampled_from(["opened", "score", "note"]), answers),
    holidays=st.lists(dates, max_size=8).map(tuple),
    rule_holidays=st.dictionaries(st.sampled_from(["GB", "US-CA"]), st.lists(dates, max_size=4).map(tuple)),
)


@st.composite
def plausible_facts(draw: st.DrawFn) -> Facts:
    """Return facts in an order in which they can happen, a request soon after a delivery."""
    ordered_at = draw(instants)
    delivered_at = ordered_at + timedelta(hours=draw(st.integers(1, 200)))
    order_delivered_at = delivered_at + timedelta(hours=draw(st.sampled_from([0, 0, 30, 300])))
    requested_at = order_delivered_at + timedelta(hours=draw(st.integers(0, 24 * 70)))
    arrived = draw(st.booleans()) or draw(st.booleans())
    drawn = draw(facts)
    return drawn.model_copy(
        update={
            "ordered_at": ordered_at,
            "shipped_at": delivered_at if arrived else None,
            "delivered_at": delivered_at if arrived else None,
            "order_delivered_at": order_delivered_at if arrived else None,
            "requested_at": requested_at,
        }
    )


def apply_flip(facts: Facts, flip: OneFlip) -> Facts:
    """Return the facts with the one change that a flip names."""
    value: Any = flip["to"]
    if flip["fact"] in {"ordered_at", *ANCHOR_FACTS} and isinstance(value, str):
        value = datetime.fromisoformat(value).astimezone(UTC)
    elif isinstance(value, list):
        value = tuple(value)
    return with_fact(facts, flip["fact"], value)
