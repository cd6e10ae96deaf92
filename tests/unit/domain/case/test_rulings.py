"""What persons decide of a refund: where its money goes, what label fee it bears, whether the goods come at all."""

from __future__ import annotations

from typing import Any

import pytest

from tests.support.conservation import check
from tests.support.refusals import refused, states, unit_statuses
from tests.support.shop import Shop, names
from tests.support.stories import POLICY, day, inspect, on_return, open_shop, receive, request, settle_all

LABELS = {**POLICY, "method": "label", "fees": {"return_shipping_minor": 95}}


def waiting(policy: dict[str, Any] | None = None, quantity: int = 3) -> Shop:
    """Return a shop in which units of L1 (3 for 1000; paid 400 by T1, 1100 by T2) wait for a person at the bench."""
    shop = open_shop(policy)
    request(shop, {"line_id": "L1", "quantity": quantity})
    receive(shop, (1, quantity))
    inspect(shop, 1, quantity, grade="D", cause="wear", liable_party="customer")
    return shop


def resolve(resolution: str = "refund", quantity: int = 3, **more: Any) -> dict[str, Any]:
    return on_return(line=1, quantity=quantity, resolution=resolution, **more)


def to(**amounts: int) -> list[dict[str, Any]]:
    return [{"tender_id": tender, "amount_minor": amount} for tender, amount in amounts.items()]


def paid(shop: Shop) -> list[tuple[str | None, int]]:
    return [(payout.tender_id, payout.amount_minor) for payout in shop.order().payouts.values()]


# tenders


def test_a_person_says_which_tenders_take_the_money() -> None:
    """Against the order of the tenders; later refunds have the room that is left."""
    shop = waiting()
    shop.send("DecideResolution", resolve(quantity=2, amount_minor=500, tenders=to(T2=400, T1=100)), at=day(8))
    assert paid(shop) == [("T2", 400), ("T1", 100)]
    shop.send("DecideResolution", resolve(quantity=1), at=day(9))
    assert paid(shop)[2:] == [("T1", 300), ("T2", 34)]
    check(shop)


@pytest.mark.parametrize(
    ("told", "code", "details"),
    [
        ({"tenders": to(T2=999)}, "tenders_do_not_sum", {"expected_minor": 1000, "given_minor": 999}),
        ({"amount_minor": 10, "tenders": to(T2=5, T1=6)}, "tenders_do_not_sum", {"expected_minor": 10}),
        ({"tenders": to(T1=500, T2=500)}, "amount_exceeds_entitlement", {"asked": 500, "available": 400}),
        ({"tenders": to(T9=1000)}, "unknown_tender", {"tender_id": "T9"}),
        ({"tenders": [*to(T2=500), *to(T2=500)]}, "duplicate_tender", {"tender_id": "T2"}),
        ({"resolution": "store_credit", "tenders": to(T2=1000)}, "wrong_state", {"resolution": "store_credit"}),
        ({"resolution": "none", "return_shipping_minor": 1}, "wrong_state", {"resolution": "none"}),
        ({"resolution": "send_back", "keep": True}, "wrong_state", {"resolution": "send_back"}),
        ({"keep": True}, "quantity_exceeded", {"available": 0}),
        ({"return_shipping_minor": 1001}, "amount_exceeds_entitlement", {"asked": 1001, "available": 1000}),
    ],
)
def test_figures_that_do_not_fit_are_refused(told: dict[str, Any], code: str, details: dict[str, Any]) -> None:
    """Each with its figure; nothing is recorded."""
    refused(waiting(), code, "DecideResolution", {**resolve(), **told}, at=day(8), **details)


def test_a_gift_goes_to_no_tender() -> None:
    """Its refund is the recipient's store credit."""
    shop = open_shop()
    request(shop, {"line_id": "L1", "quantity": 1}, gift=True, recipient_id="C-1")
    refused(shop, "wrong_state", "DecideResolution", resolve(quantity=1, tenders=to(T2=333)), at=day(8))


# label fee


@pytest.mark.parametrize(
    ("told", "amount"),
    [
        ({}, 905),
        ({"return_shipping_minor": 0}, 1000),
        ({"return_shipping_minor": 40}, 960),
        ({"amount_minor": 600}, 600),
        ({"amount_minor": 600, "return_shipping_minor": 95}, 505),
    ],
)
def test_a_persons_label_fee_takes_the_place_of_policys(told: dict[str, Any], amount: int) -> None:
    """Policy takes 95 of a whole refund, and nothing of a person's amount."""
    shop = waiting(LABELS)
    (decided, requested, *_) = shop.send("DecideResolution", resolve(**told), at=day(8))
    assert decided.return_shipping_minor == told.get("return_shipping_minor")  # type: ignore[attr-defined]
    assert requested.amount_minor == amount  # type: ignore[attr-defined]
    check(shop)


def test_policy_takes_no_label_fee_once_a_person_named_one() -> None:
    """Waived for the first unit: the others do not bear it either."""
    shop = waiting(LABELS)
    shop.send("DecideResolution", resolve(quantity=1, return_shipping_minor=0), at=day(8))
    shop.send("DecideResolution", resolve(quantity=2), at=day(8))
    assert [refund.amount_minor for refund in shop.order().refunds.values()] == [333, 667]


def test_a_persons_label_fee_is_not_given_back_by_policy() -> None:
    """The supplier is liable, so policy would waive its own; what a person named stands."""
    shop = open_shop(LABELS)
    request(shop, {"line_id": "L1", "quantity": 1})
    receive(shop, (1, 1))
    inspect(shop, 1, 1, grade="X", cause="manufacturing", liable_party="supplier")
    shop.send("DecideResolution", resolve(quantity=1, return_shipping_minor=50), at=day(8))
    assert [refund.amount_minor for refund in shop.order().refunds.values()] == [283]
    check(shop)


# keep


@pytest.mark.parametrize("resolution", ["refund", "store_credit", "exchange", "replacement", "none"])
def test_goods_may_stay_with_the_customer(resolution: str) -> None:
    """No ship-back is waited for; made good, the units count as returned, else they are free."""
    shop = open_shop()
    request(shop, {"line_id": "L1", "quantity": 3})
    facts = shop.send("DecideResolution", resolve(resolution, 2, keep=True, reason="not worth the post"), at=day(4))
    assert names(facts)[:2] == ["ResolutionDecided", "KeptByCustomer"]
    assert states(shop, "logistics", "resolution")[0] == (2, "kept", resolution)
    assert unit_statuses(shop, "L1") == [(2, "free" if resolution == "none" else "returned"), (1, "in_return")]
    check(shop)


def test_no_deadline_waits_for_goods_that_are_kept() -> None:
    """Kept as a whole and paid: the return is resolved."""
    shop = open_shop()
    request(shop, {"line_id": "L1", "quantity": 3})
    shop.send("DecideResolution", resolve(keep=True, amount_minor=250), at=day(4))
    settle_all(shop)
    assert [d.status for d in shop.rma().deadlines.values() if d.kind == "ship_back"] == ["met"]
    assert shop.rma().status == "resolved"
    refused(shop, "quantity_exceeded", "DecideResolution", resolve("none", keep=True), at=day(9), available=0)


def test_a_promised_article_may_go_out_for_goods_that_are_kept() -> None:
    """A replacement promised in advance becomes money at once where the goods are to stay."""
    shop = open_shop({**POLICY, "offers": ["replacement"], "refund_due": "approval"})
    request(shop, {"line_id": "L1", "quantity": 1, "wish": "replacement"})
    shop.send("DecideResolution", resolve(quantity=1, keep=True), at=day(4))
    assert states(shop, "logistics", "resolution", "settlement") == [(1, "kept", "refund", "pending")]
    check(shop)


# lost, and the rest of a unit


def test_a_person_decides_on_lost_units() -> None:
    """The carrier lost them: the customer is paid, and they count as returned."""
    shop = open_shop()
    request(shop, {"line_id": "L1", "quantity": 2})
    shop.send("RecordHandover", on_return(), actor="carrier:DHL", at=day(4))
    scan = on_return(tracking_number="T", scan_id="S", status="lost")
    shop.send("RecordScan", scan, actor="carrier:DHL", at=day(5))
    shop.send("DecideResolution", resolve(quantity=2), at=day(9))
    assert states(shop, "logistics", "resolution") == [(2, "lost", "refund")]
    assert unit_statuses(shop, "L1") == [(2, "returned"), (1, "free")]
    check(shop)


def test_the_rest_of_a_unit_follows_its_part() -> None:
    """100 of 333 first, the other 233 later, no cent more."""
    shop = waiting(quantity=1)
    shop.send("DecideResolution", resolve(quantity=1, amount_minor=100), at=day(8))
    shop.send("DecideResolution", resolve(quantity=1), at=day(9))
    assert [refund.amount_minor for refund in shop.order().refunds.values()] == [100, 233]
    refused(shop, "quantity_exceeded", "DecideResolution", resolve(quantity=1), at=day(10), available=0)
    check(shop)
