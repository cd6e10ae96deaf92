"""Orders given in exchange: they carry what the returned units were worth, and close the exchange's accounts."""

from __future__ import annotations

from collections import Counter
from typing import Any

from tests.support.refusals import refused, unchanged
from tests.support.shop import RMA_ID, Shop, names
from tests.support.stories import day, inspect, on_return, open_shop, receive, request, settle_all

POLICY: dict[str, Any] = {"window": {"days": 30}, "offers": ["refund", "exchange"]}
COAT: dict[str, Any] = {
    "lines": [{"line_id": "L1", "sku": "COAT-S", "quantity": 2, "amount_minor": 12_000}],
    "tenders": [
        {"tender_id": "T1", "kind": "gift_card", "amount_minor": 2000, "reference": "gift-1"},
        {"tender_id": "T2", "kind": "card", "amount_minor": 10_000, "reference": "auth-1"},
    ],
}
Paid = tuple[str, int]


def exchanged(quote_minor: int, quantity: int = 1) -> Shop:
    """Return a shop in which coats at 6000 came back in exchange for articles quoted at this sum."""
    shop = open_shop(POLICY, COAT)
    wanted = {"sku": "COAT-L", "quantity": quantity, "amount_minor": quote_minor}
    request(shop, {"line_id": "L1", "quantity": quantity, "wish": "exchange", "exchange_for": wanted})
    receive(shop, (1, quantity))
    inspect(shop, 1, quantity)
    return shop


def given_in_exchange(*paid: Paid, order_id: str = "O-2", **more: Any) -> dict[str, Any]:
    tenders = [{"tender_id": f"N{n}", "kind": kind, "amount_minor": amount} for n, (kind, amount) in enumerate(paid, 1)]
    lines = [{"line_id": "L1", "sku": "COAT-L", "quantity": 1, "amount_minor": sum(amount for _, amount in paid)}]
    return {
        "order_id": order_id, "customer_id": "C-1", "country": "US", "channel": "web", "currency": "EUR",
        "lines": lines, "tenders": tenders,
        "exchange_of": {"order_id": "O-1", "rma_id": str(RMA_ID), "line": 1}, **more,
    }  # fmt: skip


def balances(shop: Shop) -> dict[str, int]:
    found: Counter[str] = Counter()
    for fact in shop.history:
        for posting in getattr(fact, "postings", ()):
            found[posting.account] += posting.amount_minor
    return {account: amount for account, amount in found.items() if amount}


def settled(shop: Shop) -> bool:
    """Tell whether nobody owes anybody anything any more."""
    open_accounts = {"exchange_clearing", "accounts_receivable", "customer_receivable", "refunds_owed"}
    return not open_accounts & balances(shop).keys()


def test_the_order_of_a_dearer_article_closes_the_exchange() -> None:
    """6000 carried and 1500 by card pay 7500: nothing is left on the exchange's accounts."""
    shop = exchanged(7500)
    assert balances(shop)["customer_receivable"] == 1500
    facts = shop.send("RegisterOrder", given_in_exchange(("exchange", 6000), ("card", 1500)), at=day(8))

    assert names(facts) == ["Registered", "ExchangeClosed"]
    assert settled(shop)
    assert balances(shop) == {"sales_returns": 6000, "sales": -6000}
    unchanged(shop, "RegisterOrder", given_in_exchange(("exchange", 6000), ("card", 1500)))


def test_the_order_of_a_cheaper_article_carries_its_price() -> None:
    """4500 of 6000 go into it, 1500 went back to the customer."""
    shop = exchanged(4500)
    shop.send("RegisterOrder", given_in_exchange(("exchange", 4500)), at=day(8))
    settle_all(shop)
    assert settled(shop)


def test_another_figure_than_what_the_exchange_put_in_is_refused_with_the_right_one() -> None:
    """More or less than 6000, and anything where nothing was exchanged."""
    shop = exchanged(7500)
    for wrong in (5999, 6001):
        asked = given_in_exchange(("exchange", wrong), ("card", 7500 - wrong))
        refused(shop, "amount_differs", "RegisterOrder", asked, expected_minor=6000, given_minor=wrong)
    shop.send("RegisterOrder", given_in_exchange(("exchange", 6000), ("card", 1500)), at=day(8))
    again = given_in_exchange(("exchange", 6000), ("card", 1500), order_id="O-3")
    refused(shop, "amount_differs", "RegisterOrder", again, expected_minor=0, given_minor=6000)


def test_an_exchange_tender_needs_an_exchange() -> None:
    """Without ``exchange_of``, and of an order that is not known."""
    shop = exchanged(7500)
    alone = given_in_exchange(("exchange", 6000))
    refused(shop, "exchange_of_missing", "RegisterOrder", {**alone, "exchange_of": None}, tender_id="N1")
    elsewhere = {**alone["exchange_of"], "order_id": "O-9"}
    refused(shop, "unknown_order", "RegisterOrder", {**alone, "exchange_of": elsewhere}, order_id="O-9")


def test_what_is_returned_of_it_goes_to_the_tenders_that_paid_in_the_end() -> None:
    """6000 were 2000 of the gift card's and 4000 of the card's: so they go back, and the card's 1500 beside."""
    shop = exchanged(7500)
    shop.send("RegisterOrder", given_in_exchange(("exchange", 6000), ("card", 1500)), at=day(8))
    tenders = [(t.tender_id, t.kind, t.amount_minor, t.reference) for t in shop.order("O-2").tenders]
    assert tenders == [
        ("N1/1", "gift_card", 2000, "gift-1"),
        ("N1/2", "card", 4000, "auth-1"),
        ("N2", "card", 1500, None),
    ]
    given = {"order_id": "O-2", "refund_request_id": "RR", "reason": "x"}
    shop.send("RefundOrder", {**given, "lines": [{"line_id": "L1", "quantity": 1, "amount_minor": 7500}]}, at=day(9))
    assert [p.amount_minor for p in shop.order("O-2").payouts.values()] == [2000, 4000, 1500]


def test_the_first_orders_tenders_give_the_same_cents_once() -> None:
    """The other coat's 6000 are all that is left of the first order's tenders: the card's."""
    shop = exchanged(6000)
    shop.send("RegisterOrder", given_in_exchange(("exchange", 6000)), at=day(8))
    given = {"order_id": "O-1", "refund_request_id": "RR", "reason": "x"}
    shop.send("RefundOrder", {**given, "lines": [{"line_id": "L1", "quantity": 1, "amount_minor": 6000}]}, at=day(9))
    assert [(p.tender_id, p.amount_minor) for p in shop.order().payouts.values()] == [("T2", 6000)]


def test_a_difference_on_account_closes_when_it_is_paid() -> None:
    """Until then both the invoice and the exchange are open; each payment lowers both."""
    shop = exchanged(7500)
    shop.send("RegisterOrder", given_in_exchange(("exchange", 6000), ("on_account", 1500)), at=day(8))
    assert (balances(shop)["accounts_receivable"], balances(shop)["customer_receivable"]) == (1500, 1500)
    payment = {"order_id": "O-2", "payment_id": "PM-1", "tender_id": "N2", "amount_minor": 1500}
    assert names(shop.send("RecordPayment", payment, at=day(9))) == ["PaymentReceived", "ExchangeClosed"]
    assert settled(shop)
    unchanged(shop, "RecordPayment", payment)


def test_a_difference_that_was_paid_before_is_not_lowered_again() -> None:
    """The order's card is that same payment: it counts once, and the clearing account is closed all the same."""
    shop = exchanged(7500)
    paid = on_return(payment_id="PM-1", amount_minor=1500, tender_kind="card")
    shop.send("RecordCustomerPayment", paid, at=day(8))
    shop.send("RegisterOrder", given_in_exchange(("exchange", 6000), ("card", 1500)), at=day(9))
    assert settled(shop)


def test_several_orders_of_one_exchange_carry_it_in_turn() -> None:
    """Two coats at 12000 for two at 8000 each: the first order carries 8000, the second the 4000 that are left."""
    shop = exchanged(16_000, quantity=2)
    shop.send("RegisterOrder", given_in_exchange(("exchange", 8000)), at=day(8))
    wrong = given_in_exchange(("exchange", 8000), order_id="O-3")
    refused(shop, "amount_differs", "RegisterOrder", wrong, expected_minor=4000)
    shop.send("RegisterOrder", given_in_exchange(("exchange", 4000), ("card", 4000), order_id="O-3"), at=day(8))
    assert settled(shop)


def test_an_order_that_names_the_tenders_of_the_end_itself_closes_the_exchange_too() -> None:
    """As shops did before there was a tender for it: what they name paid for the article, whoever's money it was."""
    shop = exchanged(7500)
    shop.send("RegisterOrder", given_in_exchange(("card", 7500)), at=day(8))
    assert settled(shop)
