"""The statutory declaration of withdrawal, and what orders and requests tell of what the law asks."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from typing import Any

from domain.policy.decision import Decision
from domain.rma import Rma
from tests.support.law_cases import ShopWithHolidays
from tests.support.refusals import refused
from tests.support.shop import Shop
from tests.support.stories import ORDER, POLICY, day

RMA = "00000000-0000-4000-8000-000000000001"


def opened(order: dict[str, Any] | None = None, line: dict[str, Any] | None = None, *, law: bool = True) -> Shop:
    """Return a shop with a delivered order from Germany, under the second edition or the first."""
    shop = ShopWithHolidays() if law else Shop()
    shop.send("PublishPolicy", {"policy_id": "standard", "effective_from": day(0).isoformat(), "document": POLICY})
    lines = [{**one, **(line or {})} for one in ORDER["lines"]]
    shop.send("RegisterOrder", {**ORDER, "country": "DE", "lines": lines, **(order or {})}, actor="system:shop")
    moved = [{"line_id": one["line_id"], "quantity": one["quantity"]} for one in lines]
    shop.send("RecordDelivery", {"order_id": "O-1", "delivery_id": "D", "lines": moved}, at=day(2), actor="system:shop")
    return shop


def request(shop: Shop, at: datetime, line: dict[str, Any] | None = None, **given: Any) -> Decision:
    """Ask for a unit of the first line; return what was decided."""
    asked = {"line_id": "L1", "quantity": 1, "wish": "refund", **(line or {})}
    facts = shop.send("RequestReturn", {"rma_id": RMA, "order_id": "O-1", "lines": [asked], **given}, at=at)
    return next(
        fact.lines[0].decision for fact in facts if isinstance(fact, Rma.Authorized | Rma.Denied | Rma.ReviewAsked)
    )


def test_a_withdrawal_needs_no_reason() -> None:
    """It is recorded as a change of mind, and as the declaration that it is, whatever law is in effect."""
    for law in (True, False):
        shop = opened(law=law)
        request(shop, day(5), withdrawal=True)
        (requested,) = [fact for fact in shop.history if isinstance(fact, Rma.Requested)]
        assert (requested.withdrawal, requested.lines[0].reason) == (True, "changed_mind")


def test_anything_else_does() -> None:
    """A request that is no withdrawal says why, or is refused."""
    line = {"line_id": "L1", "quantity": 1, "wish": "refund"}
    body = {"rma_id": RMA, "order_id": "O-1", "lines": [line]}
    refused(opened(), "reason_needed", "RequestReturn", body, at=day(5), line_id="L1")


def test_orders_and_requests_tell_what_the_law_asks() -> None:
    """Each fact comes from where it is known; under the first edition nobody asks."""
    told_at = day(4)
    order = {"distance_sale": True, "business_buyer": False, "informed": False}
    line = {"second_hand": True, "digital_consent": False}
    asked = {"reason": "defective", "unsealed": True, "fault_appeared_on": "2026-03-04", "repairs_tried": 1}
    facts = request(opened(order, line), day(5), asked, informed_at=told_at.isoformat()).facts
    assert (facts.distance_sale, facts.business_buyer, facts.informed, facts.informed_at) == (
        True,
        False,
        False,
        told_at,
    )
    assert (facts.second_hand, facts.digital_consent, facts.unsealed) == (True, False, True)
    assert (facts.fault_appeared_on, facts.repairs_tried) == (date(2026, 3, 4), 1)

    first = request(opened(order, line, law=False), day(5), asked).facts
    assert not {"distance_sale", "second_hand", "unsealed", "country_holidays"} & first.model_dump(mode="json").keys()


def test_a_shop_sale_is_none_at_a_distance() -> None:
    """Unless the order says otherwise, the channel tells."""
    assert [
        request(opened({"channel": channel, **given}), day(5), {"reason": "fit"}).facts.distance_sale
        for channel, given in (("web", {}), ("store", {}), ("store", {"distance_sale": True}))
    ] == [True, False, True]


def test_what_never_comes_is_not_waited_for() -> None:
    """Cancelled units do not keep the right open for ever; units on their way do."""
    shop = ShopWithHolidays()
    shop.send("PublishPolicy", {"policy_id": "standard", "effective_from": day(0).isoformat(), "document": POLICY})
    shop.send("RegisterOrder", {**ORDER, "country": "DE"}, actor="system:shop")
    some = [{"line_id": ORDER["lines"][0]["line_id"], "quantity": 1}]
    shop.send("RecordDelivery", {"order_id": "O-1", "delivery_id": "D", "lines": some}, at=day(2), actor="system:shop")
    assert request(shop, day(5), {"reason": "fit"}).facts.order_delivered_at is None


def test_holidays_reach_as_far_as_a_right_rolls() -> None:
    """Weekdays only, of the years in which one may end: two years after delivery a claim for faults does."""
    facts = request(opened(), day(5), {"reason": "fit"}).facts
    assert date(2026, 4, 3) in facts.country_holidays
    assert all(rest.weekday() < 5 for rest in facts.country_holidays)
    assert {rest.year for rest in facts.country_holidays} == {2026, 2027, 2028}


def test_the_money_of_a_withdrawal_is_due_fourteen_days_after_it() -> None:
    """Not before the goods are on their way; Directive 2011/83 art. 13(1), (3)."""
    asked = datetime(2026, 3, 5, 12, tzinfo=UTC)
    shop = opened()
    decision = request(shop, asked, {"reason": "fit"})
    assert (decision.refund_from, decision.refund_within_days) == ("request", 14)
    assert decision.refund_due == "first_scan"
    assert decision.window_ends_at is not None
    assert decision.window_ends_at > asked + timedelta(days=10)
