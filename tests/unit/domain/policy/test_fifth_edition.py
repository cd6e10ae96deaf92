"""What the fifth edition says anew: South Africa, faults after years in Finland and the Netherlands, every pair."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from itertools import combinations
from typing import Any

import pytest
from hypothesis import given, settings

from domain.policy import flips
from domain.policy.changes import with_fact
from domain.policy.conditions import as_json
from domain.policy.decision import Decision
from domain.policy.document import PolicyDocument
from domain.policy.evaluate import decide, decide_without_reasons
from domain.policy.facts import Facts
from domain.policy.rules import compiled
from domain.policy.ruling import rule_on
from domain.policy.statutes import law_for
from domain.vocabularies import WithdrawalException
from tests.support.law_cases import SECOND, last_instant, line_with
from tests.support.policy_cases import a_document, record, rule
from tests.unit.domain.policy.test_flips import late_documents, late_lines
from tests.unit.domain.policy.test_law import MEAN, decided, holds, the_right


def under(edition: int, line: Facts, document: PolicyDocument = MEAN) -> Decision:
    return decide(document, law_for(line.country or "", line.ordered_at, edition), line)


def test_what_was_bought_electronically_in_south_africa_may_be_cancelled_for_seven_days() -> None:
    """ECT Act s. 44, Interpretation Act s. 4: delivered on Tuesday 10 March 2026, until Tuesday the 17th ends."""
    right = the_right("za.cooling_off")
    line = line_with(right, "ZA")
    assert last_instant(right, line) == datetime(2026, 3, 17, 22, tzinfo=UTC) - SECOND
    last = line.model_copy(update={"requested_at": last_instant(right, line)})
    decision = decided(last)

    assert (decision.outcome, decision.statutes) == ("approve", ("za.cooling_off",))
    assert (decision.refund_within_days, decision.refund_from, decision.refunds_outward_shipping) == (
        30,
        "request",
        True,
    )
    assert (decision.fees.restocking_bps, decision.fees.return_shipping_minor) == (0, 700)
    assert decided(last.model_copy(update={"requested_at": last.requested_at + SECOND})).outcome == "deny"
    assert under(4, last).outcome == "deny"


@pytest.mark.parametrize(
    ("exception", "given", "holding"),
    [
        ("custom_made", {}, False),
        ("newspaper", {}, False),
        ("sealed_media", {}, True),
        ("sealed_media", {"unsealed": True}, False),
        ("sealed_hygiene", {"unsealed": True}, True),
    ],
)
def test_what_south_africa_excepts(exception: WithdrawalException, given: dict[str, Any], holding: bool) -> None:
    """ECT Act s. 42(2): recordings and software once they are unsealed; of hygiene it says nothing."""
    right = the_right("za.cooling_off")
    assert holds(decided(line_with(right, "ZA", withdrawal_exception=exception, **given)), right.id) is holding


@pytest.mark.parametrize(("country", "right"), [("FI", "fi.conformity"), ("NL", "nl.conformity")])
def test_of_faults_after_the_two_years_a_person_decides(country: str, right: str) -> None:
    """How long goods should last is nothing that a policy can tell; for a business buyer it may."""
    line = line_with(the_right(right), country, requested_at=datetime(2031, 5, 1, tzinfo=UTC))
    decision = decided(line)
    assert (decision.outcome, decision.codes, decision.statutes) == ("review", ("law_asks_person",), (right,))
    assert decided(line.model_copy(update={"business_buyer": True})).outcome == "deny"
    assert under(4, line).outcome == "deny"


def test_swedens_article_is_told_whole() -> None:
    """Up to the fourth edition its number broke off at the colon."""
    line = line_with(the_right("se.conformity"), "SE")
    told = [record(decision, "statute", "se.conformity")["article"] for decision in (under(4, line), decided(line))]
    assert told == ["Konsumentköplag (2022", "Konsumentköplag (2022:260)"]


def test_every_value_that_rules_name_is_tried() -> None:
    """Of forty categories only the first thirty-one were, without a word."""
    document = a_document(
        *(rule({"fact": "category", "is": f"category-{number}"}, window={"days": 10 + number}) for number in range(40)),
        window={"days": 3},
    )
    line = line_with(the_right("za.cooling_off"), "US", wish="refund", category="none")
    assert line.delivered_at is not None
    late = line.model_copy(update={"requested_at": line.delivered_at + timedelta(days=48)})
    named = [
        [flip["to"] for flip in under(edition, late, document).flips if flip["fact"] == "category"]
        for edition in (4, 5)
    ]
    assert named == [[], ["category-38", "category-39"]]


@pytest.mark.proof
@settings(max_examples=60, deadline=None)
@given(document=late_documents, line=late_lines)
def test_where_no_single_change_helps_no_smaller_pair_does(document: PolicyDocument, line: Facts) -> None:
    """Every pair is decided anew: the one that is named stands in front, and where none is named there is none."""
    decision = under(5, line, document)
    if decision.outcome != "deny" or "changes_tried_max" in record(decision, "outcome"):
        return
    pairs = pairs_that_do(document, line)
    if not decision.flips:
        assert pairs == {}
    elif "also" in decision.flips[0]:
        [named] = decision.flips
        [other] = named["also"]
        place = pairs[repr((named["fact"], named["to"], other["fact"], other["to"]))]
        assert place == min(pairs.values())


def pairs_that_do(document: PolicyDocument, line: Facts) -> dict[str, int]:
    """Return each pair of changes that approves, with how far back its two stand among those of their facts."""
    law, policy = law_for(line.country or "", line.ordered_at, 5), compiled(document)
    denial = rule_on(policy, policy.won(line), law, line)
    changes = flips._first_of(flips._all_changes(policy, law, line, denial), flips.LATER_TRIALS_MAX)
    placed = [
        (place, fact, change[1])
        for fact, tries in changes
        for place, change in enumerate(flips._that_can_happen(line, fact, tries))
    ]
    found: dict[str, int] = {}
    for (place, fact, value), (beside, other, then) in combinations(placed, 2):
        if fact == other:
            continue
        changed = with_fact(with_fact(line, fact, value), other, then)
        its_law = law_for(changed.country or "", changed.ordered_at, 5)
        if decide_without_reasons(document, its_law, changed).outcome == "approve":
            found[repr((fact, as_json(value), other, as_json(then)))] = place + beside
    return found
