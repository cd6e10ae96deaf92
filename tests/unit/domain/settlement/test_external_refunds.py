"""Money that went back elsewhere is a fact: it takes the place of what was about to be paid, and never pays twice."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from domain.order import Order
from domain.order.external_facts import ExternalRefundRecorded
from domain.settlement.payouts import refund_status
from tests.support.refusals import refused, states, unchanged
from tests.support.shop import Shop, names
from tests.support.stories import day, inspect, on_return, open_shop, receive, request, settle_all

CARD = {"tenders": [{"tender_id": "T1", "kind": "card", "amount_minor": 1500, "reference": "auth-1"}]}


def went_back(amount_minor: int, name: str = "X-1", **more: Any) -> dict[str, Any]:
    told = {"order_id": "O-1", "external_id": name, "tender_id": "T1", "amount_minor": amount_minor, "kind": "console"}
    return {**told, **more}


def tell(shop: Shop, amount_minor: int, name: str = "X-1", *, at: int = 9, **more: Any) -> ExternalRefundRecorded:
    fact, *_ = shop.send("RecordExternalRefund", went_back(amount_minor, name, **more), actor="gateway:g", at=day(at))
    assert isinstance(fact, ExternalRefundRecorded)
    return fact


def returned(units: int, tenders: Sequence[Mapping[str, Any]] = CARD["tenders"]) -> Shop:
    """Return a shop of 3 shoes at 1000 and 2 socks at 500, on one card; a refund of some shoes is under way."""
    shop = open_shop(order={"tenders": list(tenders)})
    request(shop, {"line_id": "L1", "quantity": units})
    receive(shop, (1, units))
    inspect(shop, 1, units)
    return shop


def posted(fact: Any) -> dict[str, int]:
    return {posting.account: posting.amount_minor for posting in fact.postings}


def payouts(shop: Shop) -> list[tuple[int, str]]:
    return [(payout.amount_minor, payout.status) for payout in shop.order().payouts.values()]


def debts(shop: Shop) -> dict[object, int]:
    return {key: debt.open_minor for key, debt in shop.order().receivables.items() if debt.open_minor}


def test_it_is_a_refund_that_is_settled() -> None:
    """300 of 1500: two thirds fall to the shoes, which are two thirds of all; nobody is asked to pay it."""
    shop = open_shop(order=CARD)
    fact = tell(shop, 300, reference="re_1")

    assert [(c.line_id, c.count, c.gross_minor) for c in fact.credits] == [("L1", 3, 200), ("L2", 2, 100)]
    assert posted(fact) == {"sales_returns": 300, "clearing:card": -300}
    assert payouts(shop) == [(300, "settled")]
    [refund] = shop.order().refunds.values()
    assert (refund.rma_id, refund.amount_minor) == (None, 300)
    assert [(line.line_id, line.units, line.amount_minor) for line in fact.by_line] == [("L1", 3, 200), ("L2", 2, 100)]


def test_the_lines_named_give_it() -> None:
    """Of the units of which anything is left the lowest-numbered; price and tax first, then shipping."""
    shop = open_shop(order={**CARD, "shipping_minor": 150, "tenders": [{**CARD["tenders"][0], "amount_minor": 1650}]})
    tell(shop, 333, lines=[{"line_id": "L1", "quantity": 1, "amount_minor": 333}])
    fact = tell(shop, 350, "X-2", lines=[{"line_id": "L1", "quantity": 1, "amount_minor": 350}])

    assert [(c.first, c.count, c.goods_minor, c.shipping_minor) for c in fact.credits] == [
        (2, 1, 333, 0),
        (2, 1, 0, 17),
    ]
    fact = tell(shop, 400, "X-3", lines=[{"line_id": "L1", "quantity": 2, "amount_minor": 400}])
    assert [(c.first, c.count, c.goods_minor, c.shipping_minor) for c in fact.credits] == [
        (3, 1, 334, 0),
        (3, 1, 0, 33),
        (1, 1, 0, 33),
    ]
    assert debts(shop) == {}


def test_who_says_so() -> None:
    """The gateway, the shop or an agent; a customer does not say what he got."""
    for actor in ("gateway:g", "system:shop", "agent:ann"):
        assert open_shop(order=CARD).send("RecordExternalRefund", went_back(1), actor=actor, at=day(9))
    refused(open_shop(order=CARD), "not_permitted", "RecordExternalRefund", went_back(1), actor="customer:C-1")


def test_what_cannot_be_is_refused() -> None:
    """Another order's tender, more than a tender ever paid, lines that do not fit, and sums that do not."""
    shop = open_shop()
    line = {"line_id": "L1", "quantity": 1, "amount_minor": 400}
    for code, change, details in (
        ("unknown_tender", {"tender_id": "T9"}, {"tender_id": "T9"}),
        ("amount_exceeds_entitlement", {"amount_minor": 401}, {"available_minor": 400}),
        ("unknown_line", {"lines": [{**line, "line_id": "L9"}]}, {"line_id": "L9"}),
        ("duplicate_line", {"lines": [line, line]}, {"line_id": "L1"}),
        ("quantity_exceeded", {"lines": [{**line, "quantity": 4}]}, {"available": 3}),
        ("amount_differs", {"lines": [{**line, "amount_minor": 399}]}, {"expected_minor": 400, "given_minor": 399}),
    ):
        refused(shop, code, "RecordExternalRefund", went_back(400) | change, **details)


def test_told_again_it_is_no_second_one() -> None:
    """The same content under its name says nothing new; another is refused."""
    shop = open_shop(order=CARD)
    tell(shop, 300)
    unchanged(shop, "RecordExternalRefund", went_back(300), actor="system:shop", at=day(10))
    refused(shop, "external_id_reused", "RecordExternalRefund", went_back(301), external_id="X-1")


def test_a_payout_that_no_longer_fits_fails() -> None:
    """All 1500 go back while 1000 are under way: what was owed is paid by it, and the return is through."""
    shop = returned(3)
    facts = shop.send("RecordExternalRefund", went_back(1500), actor="gateway:g", at=day(9))

    told, failed, moved, *_ = facts
    assert names([failed, moved]) == ["PayoutFailed", "SettlementMoved"]
    assert (failed.reason, failed.gave_way, failed.postings) == ("refunded_elsewhere", True, ())  # type: ignore[attr-defined]
    assert posted(told) == {"sales_returns": 500, "refunds_owed": 1000, "clearing:card": -1500}
    assert payouts(shop) == [(1000, "failed"), (1500, "settled")]
    assert states(shop, "settlement") == [(3, "settled")]
    assert shop.rma().status == "resolved"
    assert debts(shop) == {}


def test_what_still_fits_of_it_is_requested_anew() -> None:
    """900 of 1500 while 1000 are under way: 600 still fit, under a key of their own."""
    shop = returned(3)
    facts = shop.send("RecordExternalRefund", went_back(900), actor="gateway:g", at=day(9))

    assert names(facts)[:3] == ["ExternalRefundRecorded", "PayoutFailed", "PayoutRetried"]
    assert payouts(shop) == [(1000, "failed"), (900, "settled"), (600, "requested")]
    assert posted(facts[0]) == {"sales_returns": 500, "refunds_owed": 400, "clearing:card": -900}
    keys = {payout.idempotency_key for payout in shop.order().payouts.values()}
    assert len(keys) == 3
    assert states(shop, "settlement") == [(3, "pending")]
    settle_all(shop)
    assert states(shop, "settlement") == [(3, "settled")]


def test_a_payout_that_still_fits_stays() -> None:
    """500 of 1500 while 1000 are under way: there is room for both."""
    shop = returned(3)
    tell(shop, 500)
    assert payouts(shop) == [(1000, "requested"), (500, "settled")]


def test_the_lines_named_may_be_paid_for_already() -> None:
    """333 for the one shoe whose refund is under way: the tender has room, the shoe has nothing left."""
    shop = returned(1)
    fact = tell(shop, 333, lines=[{"line_id": "L1", "quantity": 1, "amount_minor": 333}])
    assert [(c.first, c.gross_minor) for c in fact.credits] == [(2, 333)]
    fact = tell(shop, 334, "X-2", lines=[{"line_id": "L1", "quantity": 3, "amount_minor": 334}])
    assert [(c.first, c.gross_minor) for c in fact.credits] == [(3, 334)]
    fact = tell(shop, 333, "X-3", lines=[{"line_id": "L1", "quantity": 3, "amount_minor": 333}])
    assert fact.credits == ()
    assert payouts(shop)[0] == (333, "failed")


def test_a_payout_that_gave_way_is_not_asked_for_again() -> None:
    """Nobody can retry it, news that nobody can tell yet do not bring it back, and its refund is settled."""
    shop = returned(3)
    tell(shop, 1500)
    (payout, _) = shop.order().payouts.values()
    told = on_return(payout_id=str(payout.payout_id))
    refused(shop, "wrong_state", "RetryPayout", told, at=day(10))
    for outcome in ("pending", "unknown"):
        unchanged(shop, "RecordPayoutOutcome", {**told, "outcome": outcome}, actor="gateway:g", at=day(10))
    assert names(shop.send("RecordPayoutOutcome", {**told, "outcome": "failed"}, actor="gateway:g", at=day(10))) == [
        "PayoutFailed"
    ]
    refund = shop.order().refunds[payout.refund_id]
    assert refund_status(shop.order().payouts[p] for p in refund.payouts) == "settled"


def test_a_payout_made_all_the_same_is_too_much() -> None:
    """The gateway had paid before it heard: the customer owes what he got twice, whatever the clocks say."""
    shop = returned(3)
    tell(shop, 1500)
    (payout, _) = shop.order().payouts.values()
    told = on_return(payout_id=str(payout.payout_id), outcome="settled")
    [settled] = shop.send("RecordPayoutOutcome", told, actor="gateway:g", at=day(8))

    assert posted(settled) == {"customer_receivable": 1000, "clearing:card": -1000}
    assert debts(shop) == {(payout.rma_id, "surplus"): 1000}
    shop.send("RecordPayoutOutcome", {**told, "outcome": "failed"}, actor="gateway:g", at=day(11))
    assert debts(shop) == {}


def test_what_settled_stays_and_the_rest_is_a_surplus() -> None:
    """1000 settled of 1500, then 900 more elsewhere: 500 fit, 400 are too much."""
    shop = returned(3)
    settle_all(shop)
    fact = tell(shop, 900)

    assert payouts(shop) == [(1000, "settled"), (900, "settled")]
    assert posted(fact) == {"sales_returns": 500, "customer_receivable": 400, "clearing:card": -900}
    assert debts(shop) == {(None, "surplus"): 400}
    paid = {"order_id": "O-1", "payment_id": "PM-1", "amount_minor": 400, "tender_kind": "card"}
    shop.send("RecordCustomerPayment", paid, actor="gateway:g", at=day(10))
    assert debts(shop) == {}


def test_a_payout_that_had_failed_is_paid_by_it() -> None:
    """A closed card, and a clerk who gives 1000 back by hand: nothing is left to retry; of 700, 300 are."""
    for amount, left in ((1500, 0), (1200, 300)):
        shop = returned(3)
        settle_all(shop, "failed")
        tell(shop, amount)
        (payout, *_) = shop.order().payouts.values()
        told = on_return(payout_id=str(payout.payout_id))
        if not left:
            refused(shop, "wrong_state", "RetryPayout", told, at=day(10))
            assert states(shop, "settlement") == [(3, "settled")]
            continue
        assert states(shop, "settlement") == [(3, "failed")]
        shop.send("RetryPayout", told, at=day(10))
        assert payouts(shop)[-1] == (left, "requested")


def test_nobody_was_asked_for_what_was_made_elsewhere() -> None:
    """A gateway says nothing of it, an agent cannot retry it."""
    shop = open_shop(order=CARD)
    tell(shop, 300)
    [payout] = shop.order().payouts
    told = {"order_id": "O-1", "payout_id": str(payout)}
    refused(shop, "wrong_state", "RecordPayoutOutcome", {**told, "outcome": "failed"}, actor="gateway:g")
    refused(shop, "wrong_state", "RetryPayout", told)


def test_the_newest_payout_gives_way_first() -> None:
    """Two refunds of one card are under way; of the lines named, that of the line."""
    shop = returned(1)
    (first,) = shop.order().payouts
    shop.send("RefundOrder", _refund("RR-1", 200), at=day(8))
    tell(shop, 1100)
    order = shop.order()
    assert [p.gave_way for p in order.payouts.values()][:2] == [False, True]
    assert order.payouts[first].is_under_way


def _refund(name: str, amount_minor: int) -> dict[str, Any]:
    lines = [{"line_id": "L2", "quantity": 1, "amount_minor": amount_minor}]
    return {"order_id": "O-1", "refund_request_id": name, "lines": lines, "reason": "scratched"}


def test_history_says_what_went_back() -> None:
    """The order folds to the same from its facts alone."""
    shop = returned(3)
    tell(shop, 900)
    folded: Any = None
    for fact in shop.history:
        if fact.originator_id == "order/O-1":
            folded = fact.mutate(folded)
    assert isinstance(folded, Order)
    assert folded.payouts == shop.order().payouts
    assert folded.refunds == shop.order().refunds


def test_what_cash_was_rounded_by_goes_with_all_that_is_left() -> None:
    """15.00 rounded to 15.02, or to 14.98: all that was paid went back, and nothing is too much, or left."""
    for rounding in (2, -2):
        tender = {**CARD["tenders"][0], "amount_minor": 1500 + rounding}
        shop = open_shop(order={"tenders": [tender], "rounding_minor": rounding})
        fact = tell(shop, 1500 + rounding, kind="chargeback")
        assert posted(fact) == {"sales_returns": 1500, "cash_rounding": rounding, "clearing:card": -1500 - rounding}
        assert (fact.surplus, shop.order().rounding_left_minor) == ((), 0)
        won = {"order_id": "O-1", "external_id": "X-1", "outcome": "won"}
        [back, *_] = shop.send("RecordChargebackOutcome", won, actor="gateway:g", at=day(20))
        assert posted(back) == {"sales_returns": -1500, "cash_rounding": -rounding, "clearing:card": 1500 + rounding}
        assert shop.order().rounding_left_minor == rounding
