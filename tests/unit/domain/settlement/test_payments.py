"""What was sold on account: paid in parts, lowered by refunds, and never paid back before it was paid."""

from __future__ import annotations

from collections import Counter
from typing import Any

from tests.support.refusals import refused, unchanged
from tests.support.shop import Shop, names
from tests.support.stories import open_shop, settle_all

ON_ACCOUNT: dict[str, Any] = {
    "tenders": [
        {"tender_id": "T1", "kind": "card", "amount_minor": 300},
        {"tender_id": "T2", "kind": "on_account", "amount_minor": 1200, "reference": "invoice-7"},
    ]
}


def paying(amount_minor: int, name: str = "PM-1", tender_id: str = "T2", **more: Any) -> dict[str, Any]:
    return {"order_id": "O-1", "payment_id": name, "tender_id": tender_id, "amount_minor": amount_minor, **more}


def giving_back(amount_minor: int, name: str = "RR-1") -> dict[str, Any]:
    lines = [{"line_id": "L1", "quantity": 3, "amount_minor": amount_minor}]
    return {"order_id": "O-1", "refund_request_id": name, "lines": lines, "reason": "scratched"}


def balances(shop: Shop) -> dict[str, int]:
    found: Counter[str] = Counter()
    for fact in shop.history:
        for posting in getattr(fact, "postings", ()):
            found[posting.account] += posting.amount_minor
    return {account: amount for account, amount in found.items() if amount}


def payouts(shop: Shop) -> list[tuple[str | None, int, bool, str, str | None]]:
    return [
        (p.tender_id, p.amount_minor, p.set_off, p.status, p.tender_reference) for p in shop.order().payouts.values()
    ]


def test_what_is_owed_stands_in_the_books_until_it_is_paid() -> None:
    """1200 of 1500 are owed: two payments of 700 and 500 pay it, one cent more is refused."""
    shop = open_shop(order=ON_ACCOUNT)
    assert balances(shop) == {"accounts_receivable": 1200, "sales": -1200}
    assert names(shop.send("RecordPayment", paying(700), actor="gateway:bank")) == ["PaymentReceived"]
    refused(shop, "amount_exceeds_owed", "RecordPayment", paying(501, "PM-2"), owed_minor=500)
    shop.send("RecordPayment", paying(500, "PM-2"), actor="system:shop")
    assert balances(shop) == {"clearing:on_account": 1200, "sales": -1200}


def test_nothing_is_owed_on_a_tender_that_was_paid_at_once() -> None:
    """A card was charged; a tender that the order has not is unknown."""
    shop = open_shop(order=ON_ACCOUNT)
    refused(shop, "amount_exceeds_owed", "RecordPayment", paying(1, tender_id="T1"), owed_minor=0)
    refused(shop, "unknown_tender", "RecordPayment", paying(1, tender_id="T9"), tender_id="T9")


def test_the_same_payment_told_again_is_no_second_one() -> None:
    """The bank's own name of it tells; of another amount it is refused."""
    shop = open_shop(order=ON_ACCOUNT)
    shop.send("RecordPayment", paying(700))
    unchanged(shop, "RecordPayment", paying(700))
    refused(shop, "payment_id_reused", "RecordPayment", paying(701), payment_id="PM-1")


def test_a_refund_lowers_what_is_owed_before_anything_is_paid_back() -> None:
    """800: 300 to the card that paid, then 500 less to pay; nobody is asked for those, and they are settled at once."""
    shop = open_shop(order=ON_ACCOUNT)
    facts = shop.send("RefundOrder", giving_back(800))

    assert names(facts) == ["RefundDecided", "RefundRequested", "PayoutSettled"]
    assert payouts(shop) == [("T1", 300, False, "requested", None), ("T2", 500, True, "settled", None)]
    assert balances(shop)["accounts_receivable"] == 700
    refused(shop, "amount_exceeds_owed", "RecordPayment", paying(701), owed_minor=700)


def test_what_was_paid_of_it_goes_back_to_the_last_payment() -> None:
    """1200 owed, 800 paid in two: of 1000 back 300 go to the card, 400 are off, 300 to the payment that came last."""
    shop = open_shop(order=ON_ACCOUNT)
    shop.send("RecordPayment", paying(500, reference="transfer-1"))
    shop.send("RecordPayment", paying(300, "PM-2", reference="transfer-2"))
    shop.send("RefundOrder", giving_back(1000))

    assert payouts(shop) == [
        ("T1", 300, False, "requested", None),
        ("T2", 400, True, "settled", None),
        ("T2", 300, False, "requested", "transfer-2"),
    ]
    assert len({payout.idempotency_key for payout in shop.order().payouts.values()}) == 3
    settle_all(shop)
    assert balances(shop) == {
        "sales_returns": 1000,
        "sales": -1200,
        "clearing:card": -300,
        "clearing:on_account": 500,
    }


def test_nobody_can_say_that_less_to_pay_has_failed() -> None:
    """No gateway was asked for it, so none has an answer."""
    shop = open_shop(order=ON_ACCOUNT)
    shop.send("RefundOrder", giving_back(800))
    off = next(payout for payout in shop.order().payouts.values() if payout.set_off)
    outcome = {"order_id": "O-1", "payout_id": str(off.payout_id), "outcome": "failed"}
    refused(shop, "wrong_state", "RecordPayoutOutcome", outcome, actor="gateway:g", status="settled")


def test_a_failed_payout_may_be_set_off_against_what_is_owed() -> None:
    """The card is closed: its 300 go to the invoice, of which 100 are still owed, and 200 to what paid it."""
    shop = open_shop(order=ON_ACCOUNT)
    shop.send("RecordPayment", paying(1100, reference="transfer-1"))
    shop.send("RefundOrder", giving_back(300))
    [card] = shop.order().payouts.values()
    told = {"order_id": "O-1", "payout_id": str(card.payout_id)}
    shop.send("RecordPayoutOutcome", {**told, "outcome": "failed"}, actor="gateway:g")
    shop.send("RetryPayout", {**told, "tender_id": "T2"})

    assert payouts(shop)[1:] == [
        ("T2", 100, True, "settled", None),
        ("T2", 200, False, "requested", "transfer-1"),
    ]
