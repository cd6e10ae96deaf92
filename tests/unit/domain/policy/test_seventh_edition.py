"""The seventh edition: Argentina, India, six years in Ireland, hidden defects in Brazil, what Uruguay excepts."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from typing import Any

import pytest

from domain.policy.decision import Decision
from domain.policy.evaluate import decide
from domain.policy.facts import Facts
from domain.policy.statutes import law_for
from domain.policy.statutes.editions import edition_of
from domain.policy.statutes.errors import StatutesRefusedError
from tests.support.law_cases import SECOND, last_instant, line_with
from tests.unit.domain.policy.test_editions import changed
from tests.unit.domain.policy.test_law import MEAN, decided, holds, the_right

YEARS_LATER = datetime(2031, 6, 2, 12, tzinfo=UTC)


def under(edition: int, line: Facts) -> Decision:
    return decide(MEAN, law_for(line.country or "", line.ordered_at, edition), line)


def test_argentina_takes_goods_back_at_no_cost_of_any_kind() -> None:
    """Civil and Commercial Code, art. 1110, 1113, 1115; up to the sixth edition nothing of it was law here."""
    line = line_with(the_right("ar.revocation"), "AR")
    decision = decided(line)
    assert (decision.outcome, decision.statutes) == ("approve", ("ar.revocation",))
    assert (decision.fees.restocking_bps, decision.fees.return_shipping_minor, decision.method) == (0, 0, "label")
    assert (decision.refunds_outward_shipping, decision.refund_due, decision.refund_within_days) == (True, "receipt", 0)
    assert under(6, line).statutes == ()


@pytest.mark.parametrize(
    ("exception", "known", "holding"),
    [
        ("custom_made", {}, False),
        ("perishable", {}, False),
        ("newspaper", {}, False),
        ("digital", {}, False),
        ("sealed_media", {}, True),
        ("sealed_media", {"unsealed": True}, False),
        ("sealed_hygiene", {"unsealed": True}, True),
    ],
)
def test_what_argentina_excepts(exception: str, known: dict[str, Any], holding: bool) -> None:
    """Art. 1116: recordings once decoded, files at once; of goods of hygiene it says nothing."""
    line = line_with(the_right("ar.revocation"), "AR", withdrawal_exception=exception, **known)
    assert holds(decided(line), "ar.revocation") is holding


@pytest.mark.parametrize(
    ("country", "right_id", "told_until"),
    [
        ("AR", "ar.revocation", datetime(2026, 6, 12, 3, tzinfo=UTC)),  # told on 1 June: the 11th, a Thursday
        ("UY", "uy.rescission", datetime(2026, 6, 9, 3, tzinfo=UTC)),  # five business days from Monday, 1 June
    ],
)
def test_who_was_not_told_of_the_right_keeps_it(country: str, right_id: str, told_until: datetime) -> None:
    """Without an end; told at last, for as long again. A denial says that this would have changed it."""
    told_at = datetime(2026, 6, 1, 15, tzinfo=UTC)
    late = line_with(the_right(right_id), country, requested_at=YEARS_LATER)
    untold = late.model_copy(update={"informed": False})
    told = untold.model_copy(update={"informed_at": told_at, "requested_at": told_until - SECOND})

    assert (decided(late).outcome, decided(untold).outcome) == ("deny", "approve")
    assert ("informed", False) in {(flip["fact"], flip["to"]) for flip in decided(late).flips}
    assert decided(untold).window_ends_at is None
    assert decided(told).outcome == "approve"
    assert decided(told.model_copy(update={"requested_at": told_until})).outcome == "deny"


@pytest.mark.parametrize(
    ("ordered_at", "known", "holding"),
    [
        (datetime(2020, 12, 31, 12, tzinfo=UTC), {"withdrawal_exception": "custom_made"}, True),
        (datetime(2021, 1, 1, 12, tzinfo=UTC), {"withdrawal_exception": "custom_made"}, False),
        (datetime(2021, 1, 1, 12, tzinfo=UTC), {"withdrawal_exception": "sealed_hygiene"}, True),
        (datetime(2021, 1, 1, 12, tzinfo=UTC), {"withdrawal_exception": "sealed_hygiene", "unsealed": True}, False),
        (datetime(2021, 1, 1, 12, tzinfo=UTC), {"withdrawal_exception": "digital"}, True),
        (datetime(2021, 1, 1, 12, tzinfo=UTC), {"withdrawal_exception": "digital", "digital_consent": True}, False),
        (datetime(2021, 1, 1, 12, tzinfo=UTC), {"withdrawal_exception": "price_fluctuation"}, True),
    ],
)
def test_uruguay_excepts_goods_since_2021(ordered_at: datetime, known: dict[str, Any], holding: bool) -> None:
    """Ley 17.250, art. 16-BIS: no order placed before it had these exceptions."""
    at = ordered_at + timedelta(days=3)
    times = dict.fromkeys(("shipped_at", "delivered_at", "order_delivered_at", "requested_at"), at)
    line = line_with(the_right("uy.rescission"), "UY", ordered_at=ordered_at, **times, **known)
    assert holds(decided(line), "uy.rescission") is holding
    assert holds(under(6, line), "uy.rescission")


@pytest.mark.parametrize(
    ("fault", "requested", "wish", "outcome", "code"),
    [
        (date(2026, 2, 1), date(2026, 5, 2), "repair", "approve", None),  # the 90th day: three months have 89
        (date(2026, 2, 1), date(2026, 5, 5), "repair", "review", "law_asks_person"),  # Monday the 4th is the last
        (None, date(2029, 1, 10), "repair", "review", "law_asks_person"),
        (date(2028, 12, 20), date(2029, 1, 10), "refund", "review", "repair_or_replacement_first"),
    ],
)
def test_brazil_gives_ninety_days_from_when_a_fault_shows(
    fault: date | None, requested: date, wish: str, outcome: str, code: str | None
) -> None:
    """CDC, art. 26, § 3: however late that is; then a person tells whether the goods should still have lasted."""
    delivered = datetime(2026, 1, 2, 12, tzinfo=UTC)
    times = dict.fromkeys(("shipped_at", "delivered_at", "order_delivered_at"), delivered)
    at = datetime(requested.year, requested.month, requested.day, 12, tzinfo=UTC)
    ordered_at = delivered - timedelta(days=2)
    line = line_with(
        the_right("br.defect"),
        "BR",
        ordered_at=ordered_at,
        **times,
        requested_at=at,
        fault_appeared_on=fault,
        wish=wish,
        repairs_tried=None,
    )
    decision = decided(line)
    assert (decision.outcome, decision.codes) == (outcome, () if code is None else (code,))


def test_ireland_answers_for_faults_for_six_years() -> None:
    """Consumer Rights Act 2022, s. 23 and 26, and the time for claims; under the sixth edition it was two."""
    for right_id, wish in (("ie.conformity", "repair"), ("ie.conformity.refund", "refund")):
        right = the_right(right_id)
        line = line_with(right, "IE", wish=wish, requested_at=YEARS_LATER)
        assert decided(line).outcome == "approve"
        assert right_id in decided(line).statutes
        assert under(6, line).outcome == "deny"
        late = line.model_copy(update={"requested_at": last_instant(right, line) + SECOND})
        assert decided(late).outcome == "deny"


def test_in_india_policy_alone_cannot_deny_faulty_goods() -> None:
    """E-Commerce Rules, rules 6(3), 7(4): they name no days; what was bought in a shop is none of theirs."""
    line = line_with(the_right("in.faulty"), "IN", wish="refund", requested_at=YEARS_LATER)
    decision = decided(line)
    assert (decision.outcome, decision.codes, decision.statutes) == ("review", ("law_asks_person",), ("in.faulty",))
    for known in ({"distance_sale": False}, {"business_buyer": True}, {"reason": "changed_mind"}):
        assert decided(line.model_copy(update=known)).outcome == "deny", known


@pytest.mark.parametrize(
    "both",
    [
        {"without_notice_months": 12, "without_notice_endless": True},
        {"until_fault": True, "after_fault_months": 3, "after_fault_days": 90},
    ],
)
def test_a_right_says_once_how_much_longer_it_lasts(both: dict[str, Any]) -> None:
    """Two answers to one question cannot be law."""
    right = {**changed(("rights", 0, "valid_to"), None)["rights"][0], **both}
    with pytest.raises(StatutesRefusedError) as refusal:
        edition_of(9, {"gb.json": changed(("rights",), [right])})
    assert refusal.value.path == "gb.json:$.rights[0]"
