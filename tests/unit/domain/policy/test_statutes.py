"""Each right that is encoded holds where its article says, ends where it says, and widens what it says: no more."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from typing import Any, Final, get_args

import pytest

from domain.policy.decision import Decision
from domain.policy.document import PolicyDocument
from domain.policy.statutes import edition_numbered, law_for
from domain.vocabularies import FAULTY_REASONS, Wish
from tests.support.policy_cases import DELIVERED, a_document, decided, facts_of, record, rule

EU: Final = "AT BE BG CY CZ DE DK EE ES FI FR GR HR HU IE IT LT LU LV MT NL PL PT RO SE SI SK".split()
MEAN: Final = a_document(
    rule({"all": []}, decide="deny", code="never"),
    offers=["store_credit"],
    fees={"restocking_bps": 2_500, "return_shipping_minor": 700},
)
KIND: Final = a_document(offers=list(get_args(Wish)), window={"days": 3650})
SECOND: Final = timedelta(seconds=1)


def days_after(days: int, at: datetime = DELIVERED) -> datetime:
    """Return the last second of the n-th day (UTC) after a day."""
    return datetime(at.year, at.month, at.day, tzinfo=UTC) + timedelta(days=days + 1) - SECOND


def asked(country: str, document: PolicyDocument = MEAN, **given_facts: Any) -> Decision:
    """Return the decision on a line of an order from this country."""
    return decided(document, facts_of(country=country, **given_facts))


def test_every_right_has_a_citation_and_a_beginning() -> None:
    """A right without its source is none; ids are unique, for they are stored."""
    rights = edition_numbered(1).rights
    assert all(right.citations and right.valid_from for right in rights)
    assert len({right.id for right in rights}) == len(rights)
    assert {right.id for right in rights} == {
        "eu.withdrawal",
        "eu.conformity.1999",
        "eu.conformity",
        "gb.cancellation",
        "gb.rejection",
        "gb.repair",
        "cn.seven_days",
    }


@pytest.mark.parametrize("country", EU)
def test_all_27_member_states(country: str) -> None:
    """Withdrawal and conformity are law in every member state."""
    now = datetime(2026, 1, 1, tzinfo=UTC)
    assert [right.id for right in law_for(country, now).rights] == ["eu.withdrawal", "eu.conformity"]
    assert len(EU) == 27


@pytest.mark.parametrize(
    ("country", "first_day", "right"),
    [
        ("DE", date(2014, 6, 13), "eu.withdrawal"),
        ("DE", date(2022, 1, 1), "eu.conformity"),
        ("DE", date(2002, 1, 1), "eu.conformity.1999"),
        ("GB", date(2014, 6, 13), "gb.cancellation"),
        ("GB", date(2015, 10, 1), "gb.rejection"),
        ("GB", date(2015, 10, 1), "gb.repair"),
        ("CN", date(2014, 3, 15), "cn.seven_days"),
    ],
)
def test_a_right_begins_with_its_law(country: str, first_day: date, right: str) -> None:
    """Orders placed before the law was in force do not have the right (Dir. 2011/83 art. 28(2), and the others)."""
    midnight = datetime(first_day.year, first_day.month, first_day.day, tzinfo=UTC)
    assert right in {statute.id for statute in law_for(country, midnight).rights}
    assert right not in {statute.id for statute in law_for(country, midnight - SECOND).rights}


def test_one_directive_takes_over_from_the_other() -> None:
    """Dir. 2019/771 art. 24(2): contracts from 2022 on; those before keep Dir. 1999/44."""
    last = datetime(2021, 12, 31, 23, 59, tzinfo=UTC)
    assert [right.id for right in law_for("FR", last).rights] == ["eu.withdrawal", "eu.conformity.1999"]


def test_elsewhere_there_is_no_right() -> None:
    """Where nothing is encoded the merchant's policy is alone."""
    decision = asked("US")
    assert (decision.outcome, decision.codes, decision.statutes) == ("deny", ("never",), ())
    assert law_for("", datetime(2026, 1, 1, tzinfo=UTC)).rights == ()


@pytest.mark.parametrize(
    ("country", "right", "days"),
    [("DE", "eu.withdrawal", 14), ("GB", "gb.cancellation", 14), ("CN", "cn.seven_days", 7)],
)
def test_withdrawal_lasts_its_days_without_a_reason(country: str, right: str, days: int) -> None:
    """Dir. 2011/83 art. 9(1); SI 2013/3134 reg. 30(3); CN consumer law art. 25(1): the last day included."""
    in_time, late = (
        asked(country, requested_at=days_after(days)),
        asked(country, requested_at=days_after(days) + SECOND),
    )
    assert (in_time.outcome, in_time.codes) == ("approve", ())
    assert right in in_time.statutes
    assert record(in_time, "statute", right)["decided"][:1] == ["outcome"]
    assert record(in_time, "outcome")["merchant_codes"] == ["never"]
    assert (late.outcome, late.codes, late.statutes) == ("deny", ("never",), ())
    assert record(late, "statute", right)["why"] == "window_expired"


@pytest.mark.parametrize("country", ["DE", "GB"])
def test_withdrawal_counts_from_the_last_unit_of_the_order(country: str) -> None:
    """Dir. 2011/83 art. 9(2)(b)(i), SI 2013/3134 reg. 30(4): possession of the last good."""
    last_unit = DELIVERED + timedelta(days=20)
    assert asked(country, order_delivered_at=last_unit, requested_at=days_after(14, last_unit)).outcome == "approve"
    assert asked(country, order_delivered_at=None, requested_at=days_after(300)).outcome == "approve"


def test_seven_days_count_from_the_units_asked_for() -> None:
    """CN consumer law art. 25(1): from receipt of the goods."""
    last_unit = DELIVERED + timedelta(days=20)
    assert asked("CN", order_delivered_at=last_unit, requested_at=days_after(8)).outcome == "deny"
    assert asked("CN", delivered_at=None, requested_at=days_after(300)).outcome == "approve"


@pytest.mark.parametrize("country", ["DE", "GB", "CN"])
@pytest.mark.parametrize("exception", ["custom_made", "sealed_hygiene", "perishable", "digital"])
def test_exceptions_end_withdrawal(country: str, exception: str) -> None:
    """Dir. 2011/83 art. 16(c)-(e), (m); SI 2013/3134 reg. 28; CN consumer law art. 25(1)(1)-(3)."""
    decision = asked(country, withdrawal_exception=exception)
    assert (decision.outcome, decision.codes) == ("deny", ("never",))
    assert f"excepted:{exception}" in {entry["why"] for entry in decision.trace if entry["kind"] == "statute"}


@pytest.mark.parametrize("country", ["DE", "GB", "CN"])
def test_final_sale_is_no_exception(country: str) -> None:
    """A sale does not become final by being called so."""
    assert asked(country, final_sale=True, requested_at=days_after(3)).outcome == "approve"


@pytest.mark.parametrize(
    ("country", "outward", "refund_due", "within"),
    [("DE", True, "first_scan", 14), ("GB", True, "first_scan", 14), ("CN", False, "inspection", 7)],
)
def test_terms_of_a_withdrawal(country: str, outward: bool, refund_due: str, within: int) -> None:
    """Dir. 2011/83 art. 13, 14(1); SI 2013/3134 reg. 34, 35(5); CN art. 25(3): no restocking fee, but freight."""
    decision = asked(country, requested_at=days_after(3))
    assert (decision.fees.restocking_bps, decision.fees.merchant_restocking_bps) == (0, 2_500)
    assert (decision.fees.return_shipping_minor, decision.fees.fee_free) == (700, False)
    assert decision.refunds_outward_shipping is outward
    assert (decision.refund_due, decision.refund_within_days) == (refund_due, within)
    assert decision.offers == ("store_credit", "refund")


def test_a_better_merchant_stays_better() -> None:
    """A refund due at approval is not put off, and shipping that goes back anyway is not the statute's doing."""
    document = a_document(refund_due="approval", refunds_outward_shipping=True)
    decision = asked("DE", document)
    assert (decision.refund_due, decision.refunds_outward_shipping) == ("approval", True)
    assert record(decision, "statute", "eu.withdrawal")["decided"] == ["refund_within_days"]
    assert record(decision, "outcome")["decided_by"] == "window"


def test_review_gives_way_to_a_right_that_holds() -> None:
    """What the law grants needs nobody's second look."""
    document = a_document(rule({"all": []}, decide="review", code="high_value"))
    assert (asked("DE", document).outcome, asked("DE", document).codes) == ("approve", ())
    later = {"requested_at": days_after(20), "reason": "defective"}
    assert (asked("DE", document, **later).outcome, asked("DE", document, **later).codes) == ("review", ("high_value",))
    assert asked("DE", document, **later, wish="repair").outcome == "approve"


def test_another_wish_than_granted_needs_an_offer() -> None:
    """Withdrawal grants money; an exchange that nobody offers is for a person to answer."""
    decision = asked("DE", wish="exchange")
    assert (decision.outcome, decision.codes) == ("review", ("wish_not_offered",))


@pytest.mark.parametrize("reason", sorted(FAULTY_REASONS))
@pytest.mark.parametrize(("country", "last_day"), [("DE", date(2028, 3, 5)), ("GB", date(2032, 3, 5))])
def test_faulty_goods_are_repaired_or_replaced_for_years(country: str, last_day: date, reason: str) -> None:
    """Dir. 2019/771 art. 10(1), 13(2): two years; CRA 2015 s. 23, Limitation Act 1980 s. 5: six."""
    last = datetime(last_day.year, last_day.month, last_day.day, 23, 59, 59, tzinfo=UTC)
    for wish in ("repair", "replacement"):
        decision = asked(country, reason=reason, wish=wish, requested_at=last)
        assert (decision.outcome, decision.codes, decision.fees.fee_free) == ("approve", (), True)
        assert decision.window_ends_at == last + SECOND
        late = asked(country, reason=reason, wish=wish, requested_at=last + SECOND)
        assert (late.outcome, late.fees.fee_free) == ("deny", False)


@pytest.mark.parametrize(("country", "right"), [("DE", "eu.conformity"), ("GB", "gb.repair")])
@pytest.mark.parametrize("wish", ["refund", "store_credit", "exchange"])
def test_repair_or_replacement_comes_first(country: str, right: str, wish: str) -> None:
    """Dir. 2019/771 art. 13(2)-(4), CRA 2015 s. 24(5): another wish that the merchant denies goes to a person."""
    decision = asked(country, reason="defective", wish=wish, requested_at=days_after(60))
    assert (decision.outcome, decision.codes) == ("review", ("repair_or_replacement_first",))
    assert decision.statutes == (right,)
    assert asked(country, KIND, reason="defective", wish=wish, requested_at=days_after(60)).outcome == "approve"


def test_conformity_before_2022() -> None:
    """Dir. 1999/44 art. 3, 5(1): two years for older contracts too."""
    ordered = datetime(2021, 6, 1, tzinfo=UTC)
    decision = asked("IT", ordered_at=ordered, reason="defective", wish="repair", requested_at=days_after(60))
    assert decision.statutes == ("eu.conformity.1999",)


def test_britain_rejects_faulty_goods_for_thirty_days() -> None:
    """CRA 2015 s. 20, 22(3): a refund for 30 days, also of what could not be cancelled; then repair first."""
    custom: dict[str, Any] = {"reason": "defective", "withdrawal_exception": "custom_made"}
    decision = asked("GB", **custom, requested_at=days_after(30))
    assert (decision.outcome, decision.fees.fee_free, decision.refund_within_days) == ("approve", True, 14)
    assert decision.refunds_outward_shipping is False
    assert record(decision, "outcome")["decided_by"] == "statute:gb.rejection"
    late = asked("GB", **custom, requested_at=days_after(30) + SECOND)
    assert (late.outcome, late.codes) == ("review", ("repair_or_replacement_first",))


def test_faulty_goods_bear_no_fee_of_any_kind() -> None:
    """Dir. 2019/771 art. 14: free of charge; the merchant's fees are kept for goods in which no fault is found."""
    fees = asked("DE", reason="defective", wish="repair", requested_at=days_after(60)).fees
    assert fees.fee_free is True
    assert (fees.restocking_bps, fees.return_shipping_minor) == (2_500, 700)


def test_both_rights_at_once() -> None:
    """Faulty within 14 days: withdrawal gives the money and forbids restocking, even where no fault is found."""
    decision = asked("DE", reason="defective")
    assert (decision.outcome, decision.fees.fee_free, decision.fees.restocking_bps) == ("approve", True, 0)
    assert decision.statutes == ("eu.withdrawal", "eu.conformity")


def test_faults_claimed_for_other_reasons_do_not_count() -> None:
    """A right for faulty goods needs a reason that is a fault."""
    decision = asked("DE", reason="too_small", wish="repair", requested_at=days_after(60))
    assert decision.outcome == "deny"
    assert record(decision, "statute", "eu.conformity")["why"] == "reason_not_covered"


def test_a_right_ends_by_the_day_in_the_windows_zone() -> None:
    """Days are those of the window's zone."""
    document = a_document(window={"days": 0, "zone": "Asia/Tokyo"})
    ends = datetime(2026, 3, 19, 15, tzinfo=UTC)  # delivered on 5 March in Tokyo too; the 19th ends there
    assert asked("DE", document, requested_at=ends - SECOND).outcome == "approve"
    assert asked("DE", document, requested_at=ends).outcome == "deny"
