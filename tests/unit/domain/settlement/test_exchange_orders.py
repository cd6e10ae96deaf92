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


def exchanged(quote_minor: int, quantity: int = 1, sold: dict[str, Any] = COAT) -> Shop:
    """Return a shop in which coats at 6000 came back in exchange for articles quoted at this sum."""
    shop = open_shop(POLICY, sold)
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


def pay(shop: Shop, order_id: str, tender_id: str, amount_minor: int) -> None:
    payment = {"order_id": order_id, "payment_id": f"PM-{len(shop.history)}", "tender_id": tender_id}
    shop.send("RecordPayment", payment | {"amount_minor": amount_minor}, at=day(11))


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


def test_an_order_in_another_currency_closes_no_exchange() -> None:
    """60.00 EUR are not 60.00 USD: with an exchange tender or without one, neither order's books move."""
    shop = exchanged(7500)
    for paid in ((("exchange", 6000), ("card", 1500)), (("card", 7500),)):
        asked = given_in_exchange(*paid, currency="USD")
        refused(shop, "currency_differs", "RegisterOrder", asked, expected="EUR", found="USD")


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


# books that close: what comes back unpaid, is called off, or came too early


def exchanged_again(shop: Shop, resolution: str = "refund", **more: Any) -> None:
    """Decide something else for the unit whose new article cannot come."""
    shop.send("DecideResolution", on_return(line=1, quantity=1, resolution=resolution, **more), at=day(10))


def cancel(shop: Shop, order_id: str = "O-2", quantity: int = 1) -> None:
    lines = [{"line_id": "L1", "quantity": quantity}]
    shop.send("CancelUnits", {"order_id": order_id, "cancellation_id": "C", "lines": lines, "reason": "x"}, at=day(11))


def paid_out(shop: Shop, order_id: str = "O-1") -> list[tuple[str, int]]:
    """Return kind and amount of what goes back from an order to whom it came from; what is set off is not paid."""
    payouts = shop.order(order_id).payouts.values()
    return [(payout.tender_kind, payout.amount_minor) for payout in payouts if not payout.set_off]


def test_a_difference_on_account_closes_when_the_new_article_comes_back_unpaid() -> None:
    """The invoice of 1500 is set off, so that nobody pays it: 6000 go back, and the exchange is closed."""
    shop = exchanged(7500)
    shop.send("RegisterOrder", given_in_exchange(("exchange", 6000), ("on_account", 1500)), at=day(8))
    cancel(shop)
    settle_all(shop, order_id="O-2")

    assert paid_out(shop, "O-2") == [("gift_card", 2000), ("card", 4000)]
    assert settled(shop)
    [debt] = shop.order().receivables.values()
    assert (debt.amount_minor, debt.paid_minor, debt.open_minor) == (1500, 0, 0)


def test_an_invoice_half_paid_closes_by_payment_and_set_off() -> None:
    """1000 were paid, 500 are set off; the 1000 go back."""
    shop = exchanged(7500)
    shop.send("RegisterOrder", given_in_exchange(("exchange", 6000), ("on_account", 1500)), at=day(8))
    payment = {"order_id": "O-2", "payment_id": "PM-1", "tender_id": "N2", "amount_minor": 1000}
    shop.send("RecordPayment", payment, at=day(9))
    cancel(shop)
    settle_all(shop, order_id="O-2")

    assert paid_out(shop, "O-2") == [("gift_card", 2000), ("card", 4000), ("on_account", 1000)]
    assert settled(shop)


def test_a_difference_that_was_paid_goes_back_when_the_exchange_is_called_off() -> None:
    """Sold out before its order was registered: 6000 for the coat, and the 1500 to where they came from."""
    shop = exchanged(7500)
    paid = on_return(payment_id="PM-1", amount_minor=1500, tender_kind="bank_transfer", reference="SEPA 7")
    shop.send("RecordCustomerPayment", paid, at=day(8))
    exchanged_again(shop)
    [back, *_] = [payout for payout in shop.order().payouts.values() if payout.tender_kind == "bank_transfer"]
    settle_all(shop)

    assert (back.tender_id, back.amount_minor, back.tender_reference) == ("PM-1", 1500, "SEPA 7")
    assert sorted(paid_out(shop)) == [("bank_transfer", 1500), ("card", 4000), ("gift_card", 2000)]
    assert settled(shop)
    [debt] = shop.order().receivables.values()
    assert (debt.paid_minor, debt.open_minor) == (0, 0)


def test_a_difference_that_was_written_off_is_owed_by_nobody() -> None:
    """Of 1500, 500 were paid and 1000 given up: the 500 go back, the loss is none."""
    shop = exchanged(7500)
    paid = on_return(payment_id="PM-1", amount_minor=500, tender_kind="card")
    shop.send("RecordCustomerPayment", paid, at=day(8))
    lost = on_return(amount_minor=1000, reason="gone", approved_by="boss")
    shop.send("WriteOffReceivable", lost, at=day(9))
    exchanged_again(shop)
    settle_all(shop)

    assert settled(shop)
    assert "bad_debt" not in balances(shop)
    assert sum(amount for _, amount in paid_out(shop)) == 6500


def test_an_exchange_called_off_leaves_its_order_unpaid() -> None:
    """The order for 7500 stands: its 6000 are owed, and set off when it is cancelled; its own 1500 go back."""
    shop = exchanged(7500)
    shop.send("RegisterOrder", given_in_exchange(("exchange", 6000), ("card", 1500)), at=day(8))
    exchanged_again(shop)
    assert (balances(shop)["accounts_receivable"], "exchange_clearing" in balances(shop)) == (6000, False)
    cancel(shop)
    for order_id in ("O-1", "O-2"):
        settle_all(shop, order_id=order_id)

    assert paid_out(shop) == [("gift_card", 2000), ("card", 4000)]
    assert paid_out(shop, "O-2") == [("card", 1500)]
    assert settled(shop)


def test_the_customer_may_pay_for_that_order_instead() -> None:
    """He keeps the new article after all: what the exchange carried he pays as any invoice."""
    shop = exchanged(7500)
    shop.send("RegisterOrder", given_in_exchange(("exchange", 6000), ("card", 1500)), at=day(8))
    exchanged_again(shop)
    for tender_id, amount in (("N1/1", 2000), ("N1/2", 4000)):
        payment = {"order_id": "O-2", "payment_id": tender_id, "tender_id": tender_id, "amount_minor": amount}
        shop.send("RecordPayment", payment, at=day(11))
    settle_all(shop)

    assert settled(shop)


def test_a_cent_that_was_refunded_for_the_line_leaves_no_hole_in_its_other_unit() -> None:
    """Two units of 1 and 2 cents for articles of 1 each: the cent over came back, and the first is sold out."""
    cents = {"line_id": "L1", "sku": "PIN", "quantity": 2, "amount_minor": 3}
    shop = open_shop(POLICY, {"lines": [cents], "tenders": [{"tender_id": "T1", "kind": "card", "amount_minor": 3}]})
    wanted = {"sku": "PIN-2", "quantity": 2, "amount_minor": 2}
    request(shop, {"line_id": "L1", "quantity": 2, "wish": "exchange", "exchange_for": wanted})
    receive(shop, (1, 2))
    inspect(shop, 1, 2)
    exchanged_again(shop)
    account = shop.order().exchange_of_line(RMA_ID, 1)

    assert (account.carried_minor, account.difference_minor) == (2, 0)
    shop.send("RegisterOrder", given_in_exchange(("exchange", 2)), at=day(12))
    settle_all(shop)
    assert settled(shop)


def test_what_was_carried_and_never_paid_is_owed_by_that_order_too() -> None:
    """Of an invoice over 12000 only 2000 were paid when 6000 were carried: called off, the new order owes 6000."""
    shop = exchanged(6000, sold=COAT | {"tenders": [{"tender_id": "T1", "kind": "on_account", "amount_minor": 12_000}]})
    pay(shop, "O-1", "T1", 2000)
    shop.send("RegisterOrder", given_in_exchange(("exchange", 6000)), at=day(8))
    exchanged_again(shop)
    assert balances(shop)["accounts_receivable"] == 4000 + 6000  # the old invoice's rest, less what came back of it
    pay(shop, "O-1", "T1", 4000)
    pay(shop, "O-2", "N1", 6000)

    assert settled(shop)


def test_one_of_two_exchanges_called_off_takes_its_part_of_the_order() -> None:
    """Two coats for two at 7500 each, in one order: half of what it carries is owed."""
    shop = exchanged(15_000, quantity=2)
    shop.send("RegisterOrder", given_in_exchange(("exchange", 12_000), ("on_account", 3000)), at=day(8))
    exchanged_again(shop)
    assert balances(shop)["accounts_receivable"] == 3000 + 6000
    payment = {"order_id": "O-2", "payment_id": "PM-1", "tender_id": "N2", "amount_minor": 3000}
    shop.send("RecordPayment", payment, at=day(11))

    assert balances(shop).keys() & {"exchange_clearing", "customer_receivable"} == set()


def test_units_whose_worth_went_back_through_their_order_get_nothing_anew() -> None:
    """The new order was cancelled before: the 6000 are paid out by it, so that a refund finds nothing left to give."""
    shop = exchanged(7500)
    shop.send("RegisterOrder", given_in_exchange(("exchange", 6000), ("card", 1500)), at=day(8))
    cancel(shop)
    exchanged_again(shop)
    settle_all(shop, order_id="O-2")

    assert (paid_out(shop), settled(shop)) == ([], True)
    assert [state.settlement for _, state in shop.rma().lines[1].states] == ["settled"]


def ordered_early(*paid: Paid) -> Shop:
    """Return a shop in which the new article's order came before the old one was inspected, and then that was."""
    shop = open_shop(POLICY, COAT)
    wanted = {"sku": "COAT-L", "quantity": 1, "amount_minor": 7500}
    request(shop, {"line_id": "L1", "quantity": 1, "wish": "exchange", "exchange_for": wanted})
    shop.send("RegisterOrder", given_in_exchange(*paid), at=day(4))
    receive(shop, (1, 1))
    inspect(shop, 1, 1)
    return shop


def test_an_order_that_came_before_the_exchange_closes_it() -> None:
    """It names what paid in the end; as soon as the coat is accepted, 7500 are taken off."""
    shop = ordered_early(("card", 7500))

    assert settled(shop)
    assert [name for name in names(shop.history) if name.startswith("Exchange")] == [
        "ExchangePaidAhead",
        "Exchanged",
        "ExchangeClosed",
    ]


def test_an_early_order_on_account_closes_as_it_is_paid() -> None:
    """1500 on account: owed until they are paid, before or after the exchange."""
    shop = ordered_early(("card", 6000), ("on_account", 1500))
    assert balances(shop)["customer_receivable"] == balances(shop)["accounts_receivable"] == 1500
    payment = {"order_id": "O-2", "payment_id": "PM-1", "tender_id": "N2", "amount_minor": 1500}
    shop.send("RecordPayment", payment, at=day(9))

    assert settled(shop)


def test_a_claim_that_was_paid_goes_back_when_its_ground_goes() -> None:
    """An article went out in advance, its counterpart came late: what was asked for it and paid is given back."""
    shop = open_shop({"window": {"days": 30}, "offers": ["replacement"], "ship_back_days": 5}, COAT)
    request(shop, {"line_id": "L1", "quantity": 1, "wish": "replacement", "reason": "defective"})
    shop.send("DecideResolution", on_return(line=1, quantity=1, resolution="replacement"), at=day(4))
    shop.send("ShipReplacement", on_return(line=1, quantity=1), actor="warehouse:W", at=day(4))
    [deadline] = [d for d in shop.rma().deadlines.values() if d.kind == "ship_back"]
    passed = on_return(deadline_id=str(deadline.deadline_id))
    shop.send("PassDeadline", passed, actor="clock:c", at=day(12))
    assert balances(shop)["customer_receivable"] == 6000
    paid = on_return(payment_id="PM-1", amount_minor=6000, tender_kind="card", reference="auth-9")
    shop.send("RecordCustomerPayment", paid, at=day(13))
    arrived: dict[str, Any] = {
        "receipt_id": "R-1",
        "site": "WH-1",
        "items": [{"line": 1, "quantity": 1}],
        "complete": True,
    }
    shop.send("ReceiveGoods", on_return(**arrived), at=day(15))
    inspect(shop, 1, 1)
    settle_all(shop)

    assert paid_out(shop) == [("card", 6000)]
    assert settled(shop)
