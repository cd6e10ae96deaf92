"""The proof of the floor finds every planted violation, blames no sound document, and is quick however many rules."""

from __future__ import annotations

import time
from itertools import product
from typing import Any, Final

import pytest
from hypothesis import given, settings

from domain.policy.document import PolicyDocument
from domain.policy.facts import Facts
from domain.policy.proof.prove import Proof, alone, fallen_short
from domain.policy.proof.prove import prove as prove_with
from domain.policy.windows import SATURDAY
from domain.vocabularies import FAULTY_REASONS
from infra.calendars import holidays_of
from tests.support.law_cases import RIGHTS, lines_anywhere
from tests.support.policy_cases import a_document, documents, rule

pytestmark = pytest.mark.proof

OFFERS: Final = ["refund", "repair", "replacement"]
FAULTY: Final = rule({"fact": "reason", "in": sorted(FAULTY_REASONS)}, decide="approve")
KIND: Final[dict[str, Any]] = {
    "offers": OFFERS,
    "refund_due": "first_scan",
    "refunds_outward_shipping": True,
    "method": "label",
}
WHEN: Final[list[dict[str, Any]]] = [
    {"all": []},
    {"fact": "category", "is": "shoes"},
    {"fact": "customer_tier", "in": ["bronze", "new"]},
    {"fact": "line_paid_minor", "at_most": 500},
    {"fact": "country", "is": "DE"},
    {"fact": "country", "in": ["PT", "US"]},
    {"all": [{"fact": "unit_paid_minor", "at_least": 900}, {"fact": "quantity", "is": 3}]},
    {"fact": "answers.opened", "is": True},
    {"not": {"fact": "tender_kinds", "in": ["card"]}},
    {"all": [{"fact": "days_since_delivered", "at_least": 7}, {"fact": "channel", "is": "store"}]},
    {"fact": "days_since_ordered", "is": 9},
    {"fact": "ordered_at", "after": "2026-09-01"},
]
"""Where rules apply: everywhere, by one fact or several, and by time."""
WRONGS: Final[list[tuple[str, dict[str, Any]]]] = [
    ("outcome", {"decide": "deny", "code": "no"}),
    ("outcome", {"decide": "review", "code": "look"}),
    ("offers", {"offers": ["store_credit"]}),
    ("fees", {"fees": {"restocking_bps": 1}}),
    ("fees", {"fees": {"return_shipping_minor": 495}}),
    ("ship_back_days", {"ship_back_days": 0}),
    ("method", {"method": "own_carrier"}),
    ("method", {"method": "keep"}),
]
"""Each of them gives less than some right grants, with the effect it does that in."""
RIGHTS_KEPT: Final[list[dict[str, Any]]] = [
    {"window": {"days": 90}},
    {"decide": "approve"},
    {"offers": [*OFFERS, "exchange"]},
    {"refund_due": "approval"},
    {"method": "label", "return_to": "WH-2", "ship_back_days": 30},
    {"method": "drop_off"},
]
"""None of them takes anything away."""


def kind(*rules: dict[str, Any], days: int = 60, **given: Any) -> PolicyDocument:
    """Return a document that by itself keeps to every right, with these rules above."""
    return a_document(*rules, FAULTY, **{"window": {"days": days}, **KIND, **given})


def prove(document: PolicyDocument) -> Proof:
    """Return the proof with the holidays of all countries."""
    return prove_with(document, holidays=holidays_of)


def effects(proof: Proof) -> set[str]:
    """Return the effects that fall short."""
    return {shortfall.demand.effect for shortfall in proof.shortfalls}


def is_real(document: PolicyDocument, proof: Proof) -> bool:
    """Tell whether every counterexample falls short again, given back as its facts, and the law makes it good."""
    for shortfall in proof.shortfalls:
        facts = Facts.model_validate_json(shortfall.facts.model_dump_json())
        again = fallen_short(facts, alone(document, facts))
        if (shortfall.right, shortfall.demand) not in {(one.right, one.demand) for one in again}:
            return False
    return proof.widened


@pytest.mark.parametrize(("when", "wrong"), list(product(WHEN, WRONGS)))
def test_planted_violations_are_found(when: dict[str, Any], wrong: tuple[str, dict[str, Any]]) -> None:
    """Ninety-six policies that take something away somewhere: each is found, and its facts show it again."""
    effect, then = wrong
    document = kind(rule(when, **then))
    proof = prove(document)
    assert effect in effects(proof)
    assert is_real(document, proof)


@pytest.mark.parametrize(("when", "then"), list(product(WHEN, RIGHTS_KEPT)))
def test_sound_policies_pass(when: dict[str, Any], then: dict[str, Any]) -> None:
    """Seventy-two policies that only ever add to what the rights grant pass, everything having been looked at."""
    proof = prove(kind(rule(when, **then)))
    assert (proof.shortfalls, proof.not_searched) == ([], [])
    assert not any(proof.countries.values())


@pytest.mark.parametrize(
    ("effect", "right", "document"),
    [
        ("outcome", "eu.withdrawal", kind(days=14)),
        ("outcome", "eu.withdrawal", kind(days=17)),
        ("outcome", "cn.seven_days", kind(rule({"fact": "country", "is": "CN"}, window={"days": 13}))),
        ("outcome", "pt.conformity", a_document(window={"days": 365 * 2 + 5}, **KIND)),
        ("outcome", "eu.recall", a_document(window={"days": 3_650}, **KIND)),
        ("outcome", "eu.withdrawal", kind(rule({"all": []}, window={"anchor": "shipped"}))),
        ("outcome", "eu.withdrawal", kind(rule({"all": []}, window={"anchor": "ordered"}))),
        ("outcome", "gb.cancellation", kind(window={"days": 14, "zone": "Pacific/Kiritimati"})),
        ("outcome", "au.guarantees", kind(rule({"fact": "country", "is": "AU"}, decide="deny", code="no"))),
        (
            "fees.restocking_bps",
            "eu.withdrawal",
            kind(fees={"restocking_bps": 1, "waived_for": sorted(FAULTY_REASONS)}),
        ),
        ("fees", "eu.conformity", kind(fees={"return_shipping_minor": 1, "waived_for": ["defective"]})),
        ("return_shipping", "tw.withdrawal", kind(fees={"return_shipping_minor": 1})),
        ("return_shipping", "eu.withdrawal", kind(fees={"return_shipping_minor": 9_000})),
        ("refund_due", "eu.withdrawal", kind(refund_due="receipt")),
        ("refund_due", "cn.quality", kind(refund_due="inspection")),
        ("refunds_outward_shipping", "gb.cancellation", kind(refunds_outward_shipping=False)),
        ("ship_back_days", "eu.withdrawal", kind(ship_back_days=13)),
        ("method", "gb.rejection", kind(method="own_carrier")),
        ("method", "eu.conformity", kind(method="keep")),
        ("grade_share_bps", "eu.conformity", kind(grade_share_bps={"C": 5_000})),
    ],
)
def test_what_was_beyond_the_proof_is_found(effect: str, right: str, document: PolicyDocument) -> None:
    """Windows over weekends, zones far away, labels dearer than goods, faulty goods at the customer's cost."""
    proof = prove(document)
    assert (right, effect) in {(one.right, one.demand.effect) for one in proof.shortfalls}
    assert is_real(document, proof)


def test_a_window_long_enough_for_every_weekend_passes() -> None:
    """Fourteen days and what Easter and a zone may add; of other effects nothing."""
    assert prove(kind(days=40)).proved


def test_amounts_that_no_line_can_have_are_no_counterexample() -> None:
    """A unit's amount is the line's divided by their number: a rule for others never takes anything away."""
    impossible = {"all": [{"fact": "unit_paid_minor", "at_least": 900}, {"fact": "line_paid_minor", "at_most": 899}]}
    assert prove(kind(rule(impossible, decide="deny", code="no"))).proved


def test_a_rule_behind_one_that_always_approves_is_no_counterexample() -> None:
    """Only who wins an effect counts."""
    first = rule({"fact": "category", "is": "shoes"}, decide="approve")
    then = rule({"all": [{"fact": "category", "is": "shoes"}, {"fact": "gift", "is": True}]}, decide="deny", code="no")
    assert prove(kind(first, then)).proved


def test_rights_that_no_document_can_see_are_named() -> None:
    """They hang on facts that rules do not have, and are added by the law."""
    proof = prove(kind())
    assert {"jp.return", "gb.final_rejection", "de.conformity.second_hand"} <= set(proof.not_held_to)


def test_progress_is_told_right_by_right() -> None:
    """How many, of how many, and which."""
    told: list[tuple[int, int, str]] = []
    prove_with(kind(), tell=lambda done, of, right: told.append((done, of, right)))
    assert [done for done, _, _ in told] == list(range(told[0][1]))


def many(rules: int) -> PolicyDocument:
    """Return a sound document of so many rules: windows by category and price, denials elsewhere, terms by tier."""
    made = []
    for number in range(rules // 4):
        shoes = {"fact": "category", "is": f"category-{number}"}
        dear = {"fact": "line_paid_minor", "at_least": 100 * number}
        made += [
            rule({"all": [shoes, dear]}, window={"days": 26 + number % 30}),
            rule({"all": [shoes, {"fact": "country", "in": ["US", "CA"]}]}, decide="deny", code="no"),
            rule({"all": [dear, {"fact": "customer_tier", "is": f"tier-{number}"}]}, ship_back_days=20 + number % 9),
            rule({"fact": f"answers.q{number}", "is": True}, refund_due="approval"),
        ]
    return kind(*made[:rules])


def test_five_hundred_rules_over_all_countries_take_no_minute() -> None:
    """Sound, so that nothing ends the search early; half of the minute is left for slower machines."""
    document = many(496)
    began = time.process_time()
    proof = prove(document)
    assert (proof.shortfalls, proof.not_searched) == ([], [])
    assert time.process_time() - began < 30


def test_what_is_too_much_is_not_called_proved() -> None:
    """Rules too tangled to be looked into are neither proved nor refuted, and the answer says of what."""
    tangled = [
        rule(
            {
                "all": [
                    {"any": [{"fact": f"answers.{name}{n}", "is": True}, {"fact": f"answers.x{name}{n}", "is": True}]}
                    for n in range(7)
                ]
            },
            decide="review",
            code="look",
        )
        for name in "ab"
    ]
    proof = prove(kind(*tangled))
    assert not proof.proved
    assert ("eu.withdrawal", "outcome") in {(left.right, left.effect) for left in proof.not_searched}


@settings(max_examples=100, deadline=None)
@given(document=documents, line=lines_anywhere())
def test_what_a_line_shows_the_search_finds(document: PolicyDocument, line: Facts) -> None:
    """Whatever falls short for some line, of rights that documents can see, is found or said to be too much."""
    plain = line.model_copy(update=as_documents_see(line))
    short = {(one.right, one.demand.effect) for one in fallen_short(plain, alone(document, plain))}
    held = {right.id for right in RIGHTS if not right.only_if and not right.repairs_tried_min}
    proof = prove(document)
    found = {(one.right, one.demand.effect) for one in proof.shortfalls} | {*proof.not_searched}
    # a wish that is not offered is told as what is missing of the offers
    found |= {(right, "outcome") for right, effect in found if effect == "offers"}
    assert {one for one in short if one[0] in held and one[1] != "refund_within_days"} <= found
    assert is_real(document, proof)


def as_documents_see(line: Facts) -> dict[str, Any]:
    """Return what makes a line one that happened in order, with nothing in it that no rule could see."""
    delivered_at = None if line.delivered_at is None else max(line.delivered_at, line.ordered_at)
    paid = line.unit_paid_minor or 0
    years = range(line.ordered_at.year, line.requested_at.year + 2)
    rests = {day for year in years for day in holidays_of(line.country or "", year) if day.weekday() < SATURDAY}
    hidden = ("business_buyer", "second_hand", "informed", "informed_at", "unsealed", "digital_consent")
    return {
        **dict.fromkeys((*hidden, "fault_appeared_on", "repairs_tried", "withdrawal_exception")),
        "channel": line.channel or "web",
        "distance_sale": line.channel != "store",
        "shipped_at": delivered_at,
        "delivered_at": delivered_at,
        "order_delivered_at": delivered_at,
        "requested_at": max(line.requested_at, delivered_at or line.ordered_at),
        "quantity": line.quantity or 1,
        "unit_paid_minor": paid,
        "line_paid_minor": paid * (line.quantity or 1),
        "sku": line.sku or "any",
        "final_sale": bool(line.final_sale),
        "gift": bool(line.gift),
        "tender_kinds": line.tender_kinds or (),
        "holidays": (),
        "rule_holidays": {},
        "country_holidays": tuple(sorted(rests)),
    }


@pytest.mark.parametrize(
    ("when", "is_sound"),
    [
        ({"all": [{"fact": "business_buyer", "is": True}, {"fact": "country", "in": ["GB", "CN"]}]}, True),
        ({"fact": "business_buyer", "is": True}, False),  # Australia's guarantees are for businesses, too
        ({"fact": "business_buyer", "is": False}, False),
        ({"fact": "distance_sale", "is": True}, False),
        ({"fact": "second_hand", "is": True}, False),
        ({"fact": "unsealed", "is": True}, False),
        ({"fact": "withdrawal_exception", "is": "custom_made"}, False),  # faulty goods know no exceptions
        ({"fact": "repairs_tried", "at_least": 1}, False),
    ],
)
def test_rules_that_ask_what_the_law_asks_are_held_to_it(when: dict[str, Any], is_sound: bool) -> None:
    """A denial of businesses takes nothing from consumers; what a right does not look at, or asks for, does."""
    document = kind(rule(when, decide="deny", code="no"))
    proof = prove(document)
    assert proof.not_searched == []
    assert ("outcome" not in effects(proof)) is is_sound
    assert is_real(document, proof)


def test_a_sale_in_a_shop_can_be_denied_a_change_of_mind() -> None:
    """Withdrawal is for sales at a distance alone."""
    when = {"all": [{"fact": "distance_sale", "is": False}, {"fact": "reason", "is": "changed_mind"}]}
    proof = prove(kind(rule(when, decide="deny", code="no")))
    assert (proof.shortfalls, proof.not_searched) == ([], [])
