"""The newest edition: every right holds until its last day in its country's zone, grants what it says, and no less."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from itertools import pairwise, product
from typing import Any, Final, get_args

import pytest
from hypothesis import assume, given, settings

from domain.policy.changes import with_fact
from domain.policy.decision import Decision
from domain.policy.document import PolicyDocument
from domain.policy.evaluate import decide, decide_without_reasons
from domain.policy.facts import Facts
from domain.policy.other_laws import may_be_granted_elsewhere
from domain.policy.proof.floor import right_holds, shortfalls
from domain.policy.statutes import Statute, law_for
from domain.vocabularies import Wish
from tests.support.law_cases import LAST_EDITION, RIGHTS, SECOND, last_instant, line_with, lines_anywhere
from tests.support.policy_cases import a_document, apply_flip, documents, record, rule

MEAN: Final = a_document(
    rule({"all": []}, decide="deny", code="never"),
    offers=["store_credit"],
    fees={"restocking_bps": 2_500, "return_shipping_minor": 700},
    ship_back_days=2,
)
ENDING: Final = [right for right in RIGHTS if not right.endless]


def of(right: Statute) -> str:
    return f"{right.id}-{right.valid_from}"


def decided(line: Facts, document: PolicyDocument = MEAN) -> Decision:
    """Return the decision under the newest edition."""
    return decide(document, law_for(line.country or "", line.ordered_at, LAST_EDITION), line)


def holds(decision: Decision, right: str) -> bool:
    """Tell whether a right holds, as the trace has it."""
    return any(entry["kind"] == "statute" and entry["id"] == right and entry["holds"] for entry in decision.trace)


def the_right(name: str) -> Statute:
    """Return the newest right of a name."""
    return [right for right in RIGHTS if right.id == name][-1]


@pytest.mark.parametrize("right", ENDING, ids=of)
def test_the_last_day_is_in_and_the_next_is_out(right: Statute) -> None:
    """In every country that has the right, counted there, with its holidays: once by us, once by the engine."""
    for country in sorted(right.countries):
        line = line_with(right, country)
        last = last_instant(right, line)
        inside, outside = (line.model_copy(update={"requested_at": at}) for at in (last, last + SECOND))
        assert holds(decided(inside), right.id), country
        assert not holds(decided(outside), right.id), country


@pytest.mark.parametrize("right", RIGHTS, ids=of)
def test_a_right_is_cited_and_told(right: Statute) -> None:
    """Article, sentence, how sure, and since when."""
    assert right.article
    assert right.sentence.endswith(".")
    assert right.sure in {"read", "agreed"}
    line = line_with(right, min(right.countries))
    assert record(decided(line), "statute", right.id)["article"] == right.article


@pytest.mark.parametrize("right", RIGHTS, ids=of)
def test_a_right_gives_what_it_says(right: Statute) -> None:
    """Whatever a mean merchant says: every effect of the right, and of those beside it."""
    for wish in get_args(Wish):
        line = line_with(right, min(right.countries), wish=wish)
        decision = decided(line)
        assert right_holds(right, line, "UTC")
        assert [*shortfalls(right, line, decision)] == []
        assert right.asks_person or wish not in right.grants or decision.outcome == "approve"


@settings(max_examples=400)
@given(document=documents, line=lines_anywhere())
def test_nobody_gets_less_than_the_law_grants(document: PolicyDocument, line: Facts) -> None:
    """Every effect of every right over all countries, held to an oracle that counts by itself; total and the same."""
    law = law_for(line.country or "", line.ordered_at, LAST_EDITION)
    decision = decide(document, law, line)
    for right in law.rights:
        assert right_holds(right, line, decision.zone) == holds(decision, right.id)
        assert [*shortfalls(right, line, decision)] == []
    assert decide(document, law, line).model_dump_json() == decision.model_dump_json()
    brief = decide_without_reasons(document, law, line)
    assert brief == decision.model_copy(update={"trace": (), "flips": ()})


@settings(max_examples=150)
@given(document=documents, line=lines_anywhere())
def test_flips_are_real_and_can_happen(document: PolicyDocument, line: Facts) -> None:
    """Each leads to approval when it is decided again, alone or as a pair; none moves a delivery before its order."""
    decision = decided(line, document)
    for flip in decision.flips:
        changed = apply_flip(line, flip)
        for other in flip.get("also", []):
            changed = apply_flip(changed, other)
        assert decided(changed, document).outcome == "approve"
        if line.delivered_at is not None and line.delivered_at >= line.ordered_at and changed.delivered_at is not None:
            assert changed.delivered_at >= changed.ordered_at


def test_a_country_without_law_says_so() -> None:
    """The document alone decides, and the trace says that no law was asked."""
    decision = decided(line_with(RIGHTS[0], "US"))
    assert (decision.outcome, decision.codes, decision.statutes) == ("deny", ("never",), ())
    assert record(decision, "statute")["why"] == "no_law"
    assert decision.law is not None
    assert decision.law.edition == LAST_EDITION


@pytest.mark.parametrize(
    ("country", "delivered", "last", "why"),
    [
        ("DE", "2026-03-06T11:00:00Z", "2026-03-20T22:59:59Z", "a Friday, in Berlin's winter"),
        ("DE", "2026-03-07T11:00:00Z", "2026-03-23T22:59:59Z", "a Saturday rolls on to Monday"),
        ("DE", "2026-03-16T11:00:00Z", "2026-03-30T21:59:59Z", "over the change of clocks of 29 March"),
        ("DE", "2026-03-20T11:00:00Z", "2026-04-07T21:59:59Z", "Good Friday rolls on past Easter Monday"),
        ("DE", "2026-03-06T23:30:00Z", "2026-03-23T22:59:59Z", "the 7th in Berlin already: a Saturday, to Monday"),
        ("ES", "2026-03-03T11:00:00Z", "2026-03-17T23:59:59Z", "of Madrid and the Canaries the later end"),
        ("GB", "2026-03-07T11:00:00Z", "2026-03-21T23:59:59Z", "no roll in the United Kingdom"),
        ("GB", "2026-03-20T11:00:00Z", "2026-04-03T22:59:59Z", "over the change of clocks, on Good Friday"),
        ("CN", "2026-03-09T11:00:00Z", "2026-03-16T15:59:59Z", "seven days in Beijing"),
        ("RE", "2026-03-03T11:00:00Z", "2026-03-17T19:59:59Z", "Réunion is ahead of Paris"),
        (
            "MX",
            "2026-03-11T18:00:00Z",
            "2026-03-20T06:59:59Z",
            "five business days past the holiday of the 16th, Tijuana",
        ),
        ("KR", "2026-03-04T15:30:00Z", "2026-03-12T14:59:59Z", "the 5th in Seoul already"),
    ],
)
def test_last_instants_by_hand(country: str, delivered: str, last: str, why: str) -> None:
    """Worked out on a calendar: the last second in, the next one out."""
    delivered_at, last_at = datetime.fromisoformat(delivered), datetime.fromisoformat(last)
    name = {"GB": "gb.cancellation", "CN": "cn.seven_days", "KR": "kr.withdrawal", "MX": "mx.revocation"}
    right = next(one for one in RIGHTS if one.id == name.get(country, "eu.withdrawal"))
    line = line_with(
        right,
        country,
        ordered_at=delivered_at - timedelta(days=2),
        shipped_at=delivered_at,
        delivered_at=delivered_at,
        order_delivered_at=delivered_at,
    )
    for at, is_in in ((last_at, True), (last_at + SECOND, False)):
        asked = line.model_copy(update={"requested_at": at})
        assert holds(decided(asked), right.id) is is_in, why


def test_conditions_nobody_knows_do_not_stand_against_the_customer() -> None:
    """Known to be a shop sale, a business buyer's or unsealed the right is gone; unknown it holds."""
    right = the_right("eu.withdrawal")
    for known, holding in (
        ({}, True),
        ({"distance_sale": None}, True),
        ({"distance_sale": False}, False),
        ({"business_buyer": True}, False),
        ({"business_buyer": False}, True),
        ({"withdrawal_exception": "sealed_hygiene"}, True),
        ({"withdrawal_exception": "sealed_hygiene", "unsealed": True}, False),
        ({"withdrawal_exception": "digital"}, True),
        ({"withdrawal_exception": "digital", "digital_consent": True}, False),
        ({"withdrawal_exception": "newspaper"}, False),
    ):
        assert holds(decided(line_with(right, "DE", **known)), right.id) is holding, known


def test_who_was_not_told_has_twelve_months_more() -> None:
    """CRD art. 10: twelve months after the fourteen days, or fourteen days from the telling."""
    line = line_with(the_right("eu.withdrawal"), "DE", informed=False)
    ends = {
        told: decided(line.model_copy(update={"informed_at": told})).window_ends_at
        for told in (None, datetime(2026, 6, 1, 9, tzinfo=UTC), datetime(2028, 1, 1, 9, tzinfo=UTC))
    }
    # delivered on 10 March: the 24th, a Tuesday; a year on, a Wednesday; 14 days from 1 June: Monday the 15th
    assert [end and end.isoformat()[:16] for end in ends.values()] == [
        "2027-03-24T23:00",
        "2026-06-15T22:00",
        "2027-03-24T23:00",
    ]


def test_two_years_run_until_the_fault_appears() -> None:
    """SGD art. 10(1), (5); BGB § 475e(3): in Germany four months from then at least."""
    delivered = date(2026, 3, 10)
    for country, fault, requested, holding in (
        ("FR", None, date(2028, 3, 11), False),
        ("FR", date(2028, 3, 10), date(2029, 1, 1), True),
        ("FR", date(2028, 3, 11), date(2028, 3, 12), False),
        ("DE", date(2028, 3, 10), date(2028, 7, 10), True),
        ("DE", date(2028, 3, 10), date(2028, 7, 11), False),
    ):
        at = datetime(requested.year, requested.month, requested.day, 12, tzinfo=UTC)
        right = RIGHTS[[one.id for one in RIGHTS].index("de.conformity" if country == "DE" else "eu.conformity")]
        line = line_with(right, country, fault_appeared_on=fault, requested_at=at)
        assert line.delivered_at is not None
        assert line.delivered_at.date() == delivered
        assert holds(decided(line), right.id) is holding, (country, fault, requested)


def test_a_repair_gives_twelve_months_more_for_goods_sold_since_august_2026() -> None:
    """Directive 2024/1799: once, and only for contracts from 31 July 2026."""
    for ordered, holding in (
        (datetime(2026, 7, 30, 12, tzinfo=UTC), False),
        (datetime(2026, 7, 31, 12, tzinfo=UTC), True),
    ):
        delivered = ordered + timedelta(days=2)
        line = line_with(
            the_right("eu.conformity"),
            "FR",
            ordered_at=ordered,
            delivered_at=delivered,
            order_delivered_at=delivered,
            requested_at=delivered + timedelta(days=1_000),
            repairs_tried=1,
        )
        assert holds(decided(line), "eu.conformity") is holding


def test_after_a_repair_that_did_not_help_the_money_goes_back() -> None:
    """SGD art. 13(4), CRA s. 24(5): before, repair or replacement comes first."""
    for country in ("FR", "DE", "ES", "PT", "SE"):
        line = line_with(the_right("eu.conformity"), country, wish="refund", requested_at=AFTER_A_YEAR)
        first, then = (decided(line.model_copy(update={"repairs_tried": tried})) for tried in (None, 1))
        assert (first.outcome, first.codes) == ("review", ("repair_or_replacement_first",)), country
        assert (then.outcome, then.codes) == ("approve", ()), country


AFTER_A_YEAR: Final = datetime(2027, 5, 4, 12, tzinfo=UTC)


def test_a_wish_that_no_right_grants_does_not_lift_a_denial() -> None:
    """The customer is offered what the right grants, and learns that the wish is not among it."""
    line = line_with(the_right("eu.withdrawal"), "DE", wish="exchange")
    decision = decided(line)
    assert (decision.outcome, decision.codes, decision.offers) == ("review", ("wish_not_offered",), ("refund",))
    assert record(decision, "outcome")["decided_by"] == "statute:eu.withdrawal"
    kind = decided(line, a_document(offers=["exchange"]))
    assert (kind.outcome, kind.offers) == ("approve", ("exchange", "refund"))


def test_where_the_law_asks_a_person_policy_cannot_deny() -> None:
    """Whether a failure is major is nothing that a policy can tell."""
    decision = decided(line_with(the_right("au.guarantees"), "AU", wish="refund"))
    assert (decision.outcome, decision.codes) == ("review", ("law_asks_person",))


@pytest.mark.parametrize(
    ("right", "country", "given", "document", "effects"),
    [
        ("eu.conformity", "FR", {}, {"method": "own_carrier"}, {"method": "label"}),
        ("eu.conformity", "FR", {"wish": "repair"}, {"method": "keep"}, {"method": "label"}),
        ("eu.conformity", "FR", {"wish": "replacement"}, {"method": "keep"}, {"method": "keep"}),
        ("tw.withdrawal", "TW", {}, {"method": "own_carrier"}, {"method": "label"}),
        ("eu.withdrawal", "FR", {}, {"method": "own_carrier"}, {"method": "own_carrier"}),
        ("eu.withdrawal", "FR", {"line_paid_minor": 700}, {"method": "label"}, {"method": "own_carrier"}),
        ("eu.withdrawal", "FR", {"line_paid_minor": 701}, {"method": "label"}, {"method": "label"}),
        ("eu.withdrawal", "FR", {}, {}, {"ship_back_days": 14, "refund_from": "request", "refund_within_days": 14}),
        ("gb.cancellation", "GB", {}, {}, {"ship_back_days": 14, "refund_from": None, "refund_within_days": 14}),
        ("cn.seven_days", "CN", {}, {}, {"ship_back_days": 2, "refund_due": "receipt", "refund_within_days": 7}),
    ],
)
def test_effects_by_hand(
    right: str, country: str, given: dict[str, Any], document: dict[str, Any], effects: dict[str, Any]
) -> None:
    """What the way back costs, how long it may take, when the money comes."""
    merchant = a_document(fees={"return_shipping_minor": 700}, ship_back_days=2, **document)
    decision = decided(line_with(the_right(right), country, **given), merchant)
    assert {name: getattr(decision, name) for name in effects} == effects


def test_return_shipping_that_the_law_makes_free_is_not_charged() -> None:
    """Taiwan and Brazil: no cost of any kind, whatever the inspection finds."""
    for right, country in (("tw.withdrawal", "TW"), ("br.regret", "BR")):
        decision = decided(line_with(the_right(right), country))
        assert (decision.fees.return_shipping_minor, decision.fees.merchant_return_shipping_minor) == (0, 700)


def test_what_was_sold_in_a_shop_was_taken_along() -> None:
    """Without a delivery the days of faulty goods run from the sale; there is no withdrawal."""
    line = line_with(the_right("gb.rejection"), "GB", channel="store", distance_sale=False)
    line = line.model_copy(update={"delivered_at": None, "order_delivered_at": None, "shipped_at": None})
    late = line.model_copy(update={"requested_at": line.ordered_at + timedelta(days=40)})
    assert holds(decided(line), "gb.rejection")
    assert not holds(decided(late), "gb.rejection")
    assert holds(decided(late.model_copy(update={"channel": "web"})), "gb.rejection")


def test_denials_name_another_countrys_law_and_another_laws_days() -> None:
    """One country stands for all with the same law; the day before and the day of a law are tried."""
    right = the_right("kr.withdrawal")
    late = line_with(right, "KR", requested_at=datetime(2026, 3, 20, 12, tzinfo=UTC))
    assert [flip["to"] for flip in decided(late).flips if flip["fact"] == "country"][:2] == ["AR", "AT"]
    early = line_with(the_right("jp.return"), "JP", ordered_at=datetime(2009, 11, 30, 12, tzinfo=UTC))
    early = early.model_copy(update={"requested_at": datetime(2009, 12, 2, 12, tzinfo=UTC)})
    early = early.model_copy(update=dict.fromkeys(("shipped_at", "delivered_at", "order_delivered_at")))
    assert {flip["fact"]: flip["to"] for flip in decided(early).flips}["ordered_at"] == "2009-12-01T00:00:00Z"


def test_where_no_single_change_helps_the_smallest_pair_is_named() -> None:
    """A line that is both too dear and too late."""
    document = a_document(rule({"fact": "line_paid_minor", "at_least": 5_000}, decide="deny", code="dear"))
    line = line_with(
        RIGHTS[0], "US", reason="changed_mind", wish="refund", requested_at=datetime(2026, 6, 1, 12, tzinfo=UTC)
    )
    (flip,) = decided(line, document).flips
    assert {flip["fact"], *(other["fact"] for other in flip["also"])} >= {"line_paid_minor"}
    changed = apply_flip(line, flip)
    for other in flip["also"]:
        changed = apply_flip(changed, other)
    assert decided(changed, document).outcome == "approve"


DAYS_TRIED: Final = 40


@settings(max_examples=100, deadline=None)
@given(document=documents, line=lines_anywhere())
def test_no_smaller_change_in_time_would_have_done(document: PolicyDocument, line: Facts) -> None:
    """Every day is tried on its own: what approves is named, or something nearer in the same direction is."""
    zones = {document.window.zone, *(one.then.window.zone for one in document.rules if one.then.window)}
    assume(zones <= {"UTC", None})
    if line.delivered_at is None:
        return
    facts = line.model_copy(update={"shipped_at": line.delivered_at, "order_delivered_at": line.delivered_at})
    decision = decided(facts, document)
    if decision.outcome != "deny" or "changes_tried_max" in record(decision, "outcome"):
        return
    named: dict[tuple[str, bool], int] = {}
    for flip in decision.flips:
        if flip["days"] is not None and "also" not in flip:
            named[flip["fact"], flip["days"] > 0] = abs(flip["days"])
    for fact, direction in product(("delivered_at", "requested_at"), (1, -1)):
        nearest = nearest_that_does(facts, document, fact, direction)
        if nearest is not None:
            assert named.get((fact, direction > 0), DAYS_TRIED + 1) <= nearest, (
                fact,
                direction,
                nearest,
                decision.flips,
            )


def nearest_that_does(facts: Facts, document: PolicyDocument, fact: str, direction: int) -> int | None:
    """Return by how few days a time has to move for approval, as things can happen; None: not within those tried."""
    law = law_for(facts.country or "", facts.ordered_at, LAST_EDITION)
    for days in range(1, DAYS_TRIED):
        moved = with_fact(facts, fact, getattr(facts, fact) + direction * timedelta(days=days))
        times = (moved.ordered_at, moved.delivered_at, moved.order_delivered_at, moved.requested_at)
        if any(later is None or earlier is None or later < earlier for earlier, later in pairwise(times)):
            return None
        if decide_without_reasons(document, law, moved).outcome == "approve":
            return days
    return None


def test_a_fault_that_would_have_been_in_time_is_named() -> None:
    """Delivered on 4 August 2026 instead of the 3rd, the fault appeared on the last day of the two years."""
    line = line_with(
        the_right("eu.conformity"),
        "FR",
        fault_appeared_on=date(2028, 8, 4),
        requested_at=datetime(2029, 9, 1, 12, tzinfo=UTC),
    )
    assert {(flip["fact"], flip["days"]) for flip in decided(line).flips} >= {("delivered_at", 1)}


@pytest.mark.parametrize("right", ENDING, ids=of)
def test_another_countrys_law_is_only_passed_over_where_all_of_it_is_over(right: Statute) -> None:
    """Where a right still holds in a country, it is looked for from another one; years later it is not, for most."""
    wish, country = right.grants[0], min(right.countries)
    line = line_with(right, country, wish=wish)
    last = last_instant(right, line)
    for at in (line.requested_at, last):
        asked = line.model_copy(update={"requested_at": at, "country": "US"})
        law = law_for("US", asked.ordered_at, LAST_EDITION)
        assert right.asks_person or may_be_granted_elsewhere(law, asked)


def test_what_no_country_grants_any_more_is_not_looked_for() -> None:
    """Withdrawals end within weeks everywhere; of faults there are rights without an end, and who was told is asked."""
    line = line_with(the_right("eu.withdrawal"), "US", reason="changed_mind", wish="refund")
    law = law_for("US", line.ordered_at, LAST_EDITION)
    late = line.model_copy(update={"requested_at": line.requested_at + timedelta(days=120)})
    assert not may_be_granted_elsewhere(law, late)
    assert may_be_granted_elsewhere(law, late.model_copy(update={"reason": "recalled"}))
    assert may_be_granted_elsewhere(law, late.model_copy(update={"informed": False}))
    assert may_be_granted_elsewhere(law, late.model_copy(update={"order_delivered_at": None}))
