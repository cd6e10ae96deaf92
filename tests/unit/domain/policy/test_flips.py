"""A denial names each smallest single change that would have led to approval, and nothing that would not."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from domain.policy import flips as search
from domain.policy.changes import candidates, fact_of, with_fact
from domain.policy.conditions import as_json
from domain.policy.decision import Flip
from domain.policy.document import PolicyDocument
from domain.policy.evaluate import decide, decide_without_reasons
from domain.policy.facts import Facts
from domain.policy.rules import compiled
from domain.policy.ruling import rule_on
from domain.policy.statutes import NEWEST, law_for
from tests.support.law_cases import lines_anywhere
from tests.support.policy_cases import (
    DELIVERED,
    ORDERED,
    a_document,
    apply_flip,
    decided,
    documents,
    facts_of,
    plausible_facts,
    rights,
    rule,
)

pytestmark = pytest.mark.proof

DENY = {"decide": "deny", "code": "no"}
DAYS_SEARCHED = 75


def flips(document: PolicyDocument, **given_facts: Any) -> list[Flip]:
    return list(decided(document, facts_of(**given_facts)).flips)


def flip(fact: str, now: Any, then: Any, days: int | None = None) -> Flip:
    return {"fact": fact, "from": as_json(now), "to": as_json(then), "days": days}


def test_a_missed_window_flips_by_delivery_or_request() -> None:
    """Three days late: delivered three days later, or asked three days earlier, it would have been in time."""
    late = DELIVERED + timedelta(days=33)
    assert flips(a_document(), requested_at=late) == [
        flip("delivered_at", DELIVERED, DELIVERED + timedelta(days=3), 3),
        flip("requested_at", late, late - timedelta(days=3), -3),
    ]


def test_a_tier_and_a_reason_that_would_have_helped() -> None:
    """Values that rules name are tried, each by itself."""
    document = a_document(
        rule({"fact": "customer_tier", "is": "gold"}, window={"days": 90}),
        rule({"fact": "reason", "in": ["defective", "damaged_in_transit"]}, decide="approve"),
        window={"days": 30, "anchor": "ordered"},
    )
    found = flips(document, requested_at=ORDERED + timedelta(days=60), customer_tier="silver")
    assert flip("customer_tier", "silver", "gold") in found
    assert flip("reason", "changed_mind", "defective") in found
    assert flip("reason", "changed_mind", "damaged_in_transit") in found
    assert {one["fact"] for one in found} == {"customer_tier", "reason", "requested_at", "ordered_at"}


@pytest.mark.parametrize(
    ("when", "given_facts", "expected"),
    [
        ({"fact": "final_sale", "is": True}, {"final_sale": True}, flip("final_sale", True, False)),
        ({"fact": "category", "in": ["hats", "caps"]}, {}, flip("category", "hats", "other")),
        ({"fact": "line_paid_minor", "at_least": 5_000}, {}, flip("line_paid_minor", 6_000, 4_999)),
        ({"fact": "line_paid_minor", "at_most": 7_000}, {}, flip("line_paid_minor", 6_000, 7_001)),
        ({"fact": "quantity", "is": 1}, {}, flip("quantity", 1, 0)),
        ({"fact": "tender_kinds", "in": ["card"]}, {}, flip("tender_kinds", ["card"], ["wallet"])),
        ({"fact": "answers.opened", "is": True}, {"answers": {"opened": True}}, flip("answers.opened", True, False)),
        ({"fact": "country", "is": "US"}, {}, flip("country", "US", "ZZ")),
        (
            {"fact": "ordered_at", "after": "2026-02-01"},
            {},
            flip("ordered_at", ORDERED, datetime.fromisoformat("2026-01-31T23:59:59+00:00")),
        ),
        (
            {"fact": "days_since_delivered", "at_least": 8},
            {},
            flip("delivered_at", DELIVERED, DELIVERED + timedelta(days=3), 3),
        ),
    ],
)
def test_a_rule_that_denies_flips_where_it_stops_matching(
    when: dict[str, Any], given_facts: dict[str, Any], expected: Flip
) -> None:
    """What a denying rule looked at is changed as little as makes it not match."""
    assert expected in flips(a_document(rule(when, **DENY)), **given_facts)


def test_two_obstacles_have_no_single_flip() -> None:
    """Where one change is not enough there is no flip."""
    document = a_document(
        rule({"fact": "final_sale", "is": True}, **DENY), rule({"fact": "category", "is": "hats"}, **DENY)
    )
    assert flips(document, final_sale=True) == []


def test_a_right_that_a_change_would_open() -> None:
    """A custom-made line is denied; were it not custom made, the right to withdraw would hold."""
    document = a_document(rule({"all": []}, **DENY))
    found = flips(document, country="DE", withdrawal_exception="custom_made")
    assert flip("withdrawal_exception", "custom_made", None) in found
    assert decided(document, facts_of(country="DE")).flips == ()


def test_only_denials_have_flips() -> None:
    """What is approved or sent to review names no change."""
    assert flips(a_document()) == []
    assert flips(a_document(rule({"all": []}, decide="review", code="look"))) == []


def test_the_whole_order_is_not_delivered_before_its_units() -> None:
    """Moving a delivery later moves the order's last delivery along."""
    changed = with_fact(facts_of(), "delivered_at", DELIVERED + timedelta(days=2))
    assert changed.order_delivered_at == DELIVERED + timedelta(days=2)


def _nearest_later_delivery(document: PolicyDocument, line: Facts) -> int | None:
    """Return the fewest days by which a later delivery leads to approval, by trying each."""
    assert line.delivered_at is not None
    for days in range(1, DAYS_SEARCHED):
        to = min(line.delivered_at + timedelta(days=days), line.requested_at)
        changed = with_fact(line, "delivered_at", to)
        if decide_without_reasons(document, rights(line), changed).outcome == "approve":
            return days
    return None


def _in_utc(document: PolicyDocument) -> PolicyDocument:
    return document.model_copy(update={"window": document.window.model_copy(update={"zone": "UTC"})})


@settings(deadline=None, max_examples=150)
@given(documents.map(_in_utc), plausible_facts())
def test_no_smaller_delay_of_the_delivery_would_do(document: PolicyDocument, line: Facts) -> None:
    """The search over bounds finds what trying every day finds (in UTC, where every day has 24 hours)."""
    decision = decided(document, line)
    if decision.outcome != "deny" or line.delivered_at is None:
        return
    found = [one["days"] for one in decision.flips if one["fact"] == "delivered_at" and (one["days"] or 0) > 0]
    nearest = _nearest_later_delivery(document, line)
    assert [days for days in found if days is not None and days < DAYS_SEARCHED] == ([nearest] if nearest else [])


@settings(deadline=None)
@given(documents, plausible_facts())
def test_every_flip_of_time_says_by_how_many_days(document: PolicyDocument, line: Facts) -> None:
    """A change of a delivery or a request is whole days, and applying it gives that moment."""
    for one in decided(document, line).flips:
        if one["fact"] in {"delivered_at", "requested_at"} and one["from"] is not None:
            changed = apply_flip(line, one)
            moved = getattr(changed, one["fact"]) - getattr(line, one["fact"])
            assert one["days"] is not None
            assert abs(moved - timedelta(days=one["days"])) <= timedelta(days=1)


def slow_flips(document: PolicyDocument, line: Facts) -> list[Flip]:
    """Return the flips that come of deciding anew for every single change that is worth a trial."""
    policy, law = compiled(document), rights(line)
    window = rule_on(policy, policy.won(line), law, line).window
    found: list[Flip] = []
    done: set[tuple[str, int]] = set()
    for fact, value, days, direction in candidates(policy, window, law.rights, line):
        if direction and (fact, direction) in done:
            continue
        changed = with_fact(line, fact, value)
        if decide_without_reasons(document, law, changed).outcome == "approve":
            found.append({"fact": fact, "from": as_json(fact_of(line, fact)), "to": as_json(value), "days": days})
            done.add((fact, direction))
    return found


few_conditions = st.sampled_from(
    [
        {"fact": "category", "in": ["hats", "caps"]},
        {"fact": "category", "is": "shoes"},
        {"fact": "customer_tier", "is": "gold"},
        {"fact": "line_paid_minor", "at_least": 5_000},
        {"fact": "reason", "is": "defective"},
        {"fact": "days_since_delivered", "at_least": 20},
        {"fact": "days_since_delivered", "at_most": 50},
        {"fact": "days_since_ordered", "at_most": 40},
        {"fact": "ordered_at", "after": "2026-03-10"},
    ]
)
some_conditions = st.one_of(
    few_conditions,
    st.lists(few_conditions, min_size=2, max_size=3).map(lambda parts: {"all": parts}),
    st.lists(few_conditions, min_size=2, max_size=3).map(lambda parts: {"any": parts}),
    few_conditions.map(lambda part: {"not": part}),
)
window_changes = st.sampled_from([{"days": 10}, {"days": 45}, {"days": 90}] * 3 + [{"zone": "Pacific/Auckland"}])
some_effects = st.one_of(
    window_changes.map(lambda window: {"window": window}),
    window_changes.map(lambda window: {"window": window}),
    st.sampled_from([{"decide": "deny", "code": "no"}, {"decide": "approve"}, {"offers": ["exchange"]}]),
)
late_documents = st.builds(
    lambda rules, anchor: a_document(*(rule(when, **then) for when, then in rules), window={"days": 30} | anchor),
    st.lists(st.tuples(some_conditions, some_effects), max_size=5),
    st.sampled_from([{}, {}, {"anchor": "ordered"}, {"count": "business"}, {"zone": "America/New_York"}]),
)
late_lines = st.builds(
    lambda days, delivered, given: facts_of(
        requested_at=ORDERED + timedelta(days=days),
        delivered_at=ORDERED + timedelta(days=delivered),
        order_delivered_at=ORDERED + timedelta(days=delivered + days % 3),
        **given,
    ),
    st.integers(20, 120),
    st.sampled_from([1, 4, 9, 30, 121]),
    st.fixed_dictionaries(
        {
            "category": st.sampled_from(["hats", "shoes", "toys", None]),
            "customer_tier": st.sampled_from(["gold", "silver"]),
            "line_paid_minor": st.sampled_from([4_000, 6_000]),
            "reason": st.sampled_from(["defective", "changed_mind"]),
            "wish": st.sampled_from(["refund", "exchange"]),
            "country": st.sampled_from(["US", "US", "DE", "GB"]),
        }
    ),
)


@settings(deadline=None, max_examples=1_000)
@given(late_documents, late_lines)
def test_flips_are_those_that_deciding_anew_each_time_finds(document: PolicyDocument, line: Facts) -> None:
    """Trying less, and asking less in each trial, finds the same flips in the same order."""
    decision = decided(document, line)
    expected = slow_flips(document, line) if decision.outcome == "deny" else []
    assert list(decision.flips) == expected


def singles_that_do(document: PolicyDocument, line: Facts) -> list[Flip]:
    """Return the single changes that come of deciding anew, by the newest law of where and when a change leads to."""
    law, policy = law_for(line.country or "", line.ordered_at, NEWEST), compiled(document)
    denial = rule_on(policy, policy.won(line), law, line)
    found: list[Flip] = []
    done: set[tuple[str, int]] = set()
    for fact, tries in search._first_of(search._all_changes(policy, law, line, denial), search.LATER_TRIALS_MAX):
        for _, value, days, direction in search._that_can_happen(line, fact, tries):
            changed = with_fact(line, fact, value)
            its_law = law_for(changed.country or "", changed.ordered_at, NEWEST)
            is_new = not direction or (fact, direction) not in done
            if is_new and decide_without_reasons(document, its_law, changed).outcome == "approve":
                found.append({"fact": fact, "from": as_json(fact_of(line, fact)), "to": as_json(value), "days": days})
                done.add((fact, direction))
    return found


@settings(deadline=None, max_examples=200)
@given(late_documents, late_lines | lines_anywhere())
def test_under_the_newest_law_no_single_change_is_left_out(document: PolicyDocument, line: Facts) -> None:
    """Over all countries, with all that only the law looks at: asking less in each trial names the same changes."""
    decision = decide(document, law_for(line.country or "", line.ordered_at, NEWEST), line)
    expected = singles_that_do(document, line) if decision.outcome == "deny" else []
    named = [one for one in decision.flips if "also" not in one]
    assert sorted(map(repr, named)) == sorted(map(repr, expected))
