"""The proof of the floor finds every planted violation, passes every sound policy, and is no empty ceremony."""

from __future__ import annotations

from itertools import islice, product
from typing import Any, Final

import pytest

from domain.policy.decision import Decision
from domain.policy.document import PolicyDocument
from domain.policy.facts import Facts
from domain.policy.proof import prove
from domain.policy.proof.prove import Ground, alone, fallen_short, merged, search, search_alone, search_merged
from domain.vocabularies import FAULTY_REASONS
from tests.support.policy_cases import a_document, rule

pytestmark = pytest.mark.proof

OFFERS: Final = ["refund", "repair", "replacement"]
FAULTY: Final = rule({"fact": "reason", "in": sorted(FAULTY_REASONS)}, decide="approve")
KIND: Final[dict[str, Any]] = {
    "offers": OFFERS,
    "refund_due": "first_scan",
    "refunds_outward_shipping": True,
    "fees": {"return_shipping_minor": 495, "waived_for": sorted(FAULTY_REASONS)},
    "method": "label",
}
WHEN: Final[list[dict[str, Any]]] = [
    {"all": []},
    {"fact": "category", "is": "shoes"},
    {"fact": "customer_tier", "in": ["bronze", "new"]},
    {"fact": "line_paid_minor", "at_most": 500},
    {"fact": "country", "is": "DE"},
    {"all": [{"fact": "unit_paid_minor", "at_least": 900}, {"fact": "quantity", "is": 3}]},
    {"fact": "answers.opened", "is": True},
    {"not": {"fact": "tender_kinds", "in": ["card"]}},
    {"all": [{"fact": "days_since_delivered", "at_least": 7}, {"fact": "channel", "is": "store"}]},
    {"fact": "days_since_ordered", "is": 9},
]
"""Where rules apply: everywhere, by one fact or several, and by time."""
WRONGS: Final[list[tuple[str, dict[str, Any]]]] = [
    ("outcome", {"decide": "deny", "code": "no"}),
    ("outcome", {"decide": "review", "code": "look"}),
    ("offers", {"offers": ["store_credit"]}),
    ("fees.restocking_bps", {"fees": {"restocking_bps": 1}}),
    ("refund_due", {"refund_due": "receipt"}),
]
"""Each of them gives less than some right grants, with the effect it does that in."""
RIGHTS_KEPT: Final[list[dict[str, Any]]] = [
    {"window": {"days": 60}},
    {"decide": "approve"},
    {"offers": [*OFFERS, "exchange"]},
    {"refund_due": "approval"},
    {"method": "keep", "return_to": "WH-2", "ship_back_days": 3},
]
"""None of them takes anything away."""


def kind(*rules: dict[str, Any], days: int = 14, **given: Any) -> PolicyDocument:
    """Return a document that by itself keeps to every right, with these rules above."""
    return a_document(*rules, FAULTY, window={"days": days}, **{**KIND, **given})


@pytest.mark.parametrize(("when", "wrong"), list(product(WHEN, WRONGS)))
def test_planted_violations_are_found(when: dict[str, Any], wrong: tuple[str, dict[str, Any]]) -> None:
    """Fifty policies that take something away somewhere: each is found, and its facts show it when they are run."""
    effect, then = wrong
    document = kind(rule(when, **then))
    result = search_alone(Ground(document))
    found = [shortfall for shortfall in result.shortfalls if shortfall.demand.effect == effect]
    assert found
    for shortfall in found:
        facts = Facts.model_validate_json(shortfall.facts.model_dump_json())
        again = fallen_short(facts, alone(document, facts))
        assert (shortfall.right, shortfall.demand) in {(one.right, one.demand) for one in again}


@pytest.mark.parametrize(("when", "then"), list(product(WHEN, RIGHTS_KEPT)))
def test_sound_policies_pass(when: dict[str, Any], then: dict[str, Any]) -> None:
    """Fifty policies that only ever add to what the rights grant pass, everything having been looked at."""
    assert search_alone(Ground(kind(rule(when, **then)))).proved


@pytest.mark.parametrize(("when", "wrong"), list(islice(product(WHEN, WRONGS), 0, None, 6)))
def test_the_floor_holds_under_every_document(when: dict[str, Any], wrong: tuple[str, dict[str, Any]]) -> None:
    """Whatever a merchant writes, the decision under the statutes gives what they grant."""
    result = search_merged(Ground(kind(rule(when, **wrong[1]), days=0)))
    assert result.proved
    assert result.cases > 100


@pytest.mark.parametrize(
    ("days", "zone", "is_sound"),
    [(13, "UTC", False), (14, "UTC", True), (14, "Asia/Tokyo", True), (13, "Pacific/Apia", False)],
)
def test_a_window_is_held_to_its_last_day(days: int, zone: str, is_sound: bool) -> None:
    """A window one day short of the law's is found at that day; one as long passes."""
    assert search_alone(Ground(kind(window_zone(days, zone)))).proved is is_sound


def window_zone(days: int, zone: str) -> dict[str, Any]:
    """Return a rule that sets the window for everyone."""
    return rule({"all": []}, window={"days": days, "zone": zone})


@pytest.mark.parametrize(("anchor", "is_sound"), [("delivered", True), ("shipped", False), ("ordered", False)])
def test_a_window_from_another_day_is_found(anchor: str, is_sound: bool) -> None:
    """A window counted from the order or the dispatch is over too soon for parcels that take long."""
    assert search_alone(Ground(kind(rule({"all": []}, window={"anchor": anchor})))).proved is is_sound


@pytest.mark.parametrize(
    "taken",
    [
        {"outcome": "deny"},
        {"offers": ("exchange",)},
        {"refund_due": "inspection"},
        {"refund_within_days": None},
        {"refunds_outward_shipping": False},
    ],
)
def test_a_faulty_engine_is_found(taken: dict[str, Any]) -> None:
    """The floor is searched for and not taken for granted: an engine that forgets one effect does not pass."""
    document = a_document(refund_due="inspection")
    (effect,) = taken

    def forgetful(facts: Facts) -> Decision:
        return merged(document, facts).model_copy(update=taken)

    result = search(Ground(document), forgetful)
    assert effect in {shortfall.demand.effect for shortfall in result.shortfalls}


def test_fees_of_faulty_goods_are_found() -> None:
    """A fee that is not waived for a fault is found, with the reason for which it is taken."""
    document = kind(fees={"return_shipping_minor": 495, "waived_for": ["defective"]})
    found = {shortfall.demand.effect: shortfall for shortfall in search_alone(Ground(document)).shortfalls}
    assert set(found) == {"fees"}
    assert found["fees"].facts.reason in FAULTY_REASONS - {"defective"}


@pytest.mark.parametrize(("share_bps", "is_sound"), [(10_000, True), (9_999, False)])
def test_shares_of_faulty_goods_are_found(share_bps: int, is_sound: bool) -> None:
    """By itself a share takes from goods that a right lets go back whole; under the law it does not."""
    ground = Ground(kind(grade_share_bps={"C": share_bps}))
    found = {one.right for one in search_alone(ground).shortfalls if one.demand.effect == "grade_share_bps"}

    assert (not found) is is_sound
    assert "eu.withdrawal" not in found
    assert search_merged(ground).shortfalls == ()


def test_amounts_that_no_line_can_have_are_no_counterexample() -> None:
    """A unit's amount is the line's divided by their number: a rule for others never takes anything away."""
    impossible = {"all": [{"fact": "unit_paid_minor", "at_least": 900}, {"fact": "line_paid_minor", "at_most": 899}]}
    assert search_alone(Ground(kind(rule(impossible, decide="deny", code="no")))).proved


def test_what_is_too_much_is_not_called_proved() -> None:
    """A document too tangled to be looked into is neither proved nor refuted, and the answer says for which rights."""
    tangled = [
        rule({"fact": f"answers.q{index}", "is": True}, **{effect: value})
        for index, (effect, value) in enumerate(product(["window"], [{"days": 20 + n} for n in range(140)]))
    ]
    result = prove.prove(kind(*tangled))
    assert not result.merged.proved
    assert "eu.withdrawal" in result.merged.not_searched
