"""One rule for fees on exchanges: where the policy takes them, they come off what the units are worth; else none is."""

from __future__ import annotations

from typing import Any

import pytest

from domain.ledger import balance
from domain.order import Order
from tests.support.conservation import check
from tests.support.shop import Shop
from tests.support.stories import day, inspect, on_return, open_shop, receive, request

LABEL: dict[str, Any] = {
    "window": {"days": 30},
    "offers": ["refund", "exchange"],
    "method": "label",
    "refund_due": "receipt",
}


def policy(*, on_exchange: bool | None, **more: Any) -> dict[str, Any]:
    """Return a policy of 10 % restocking and 0.90 for the label."""
    fees = {"restocking_bps": 1_000, "return_shipping_minor": 90, "waived_for": ["defective"], **more}
    return {**LABEL, "fees": fees if on_exchange is None else {**fees, "on_exchange": on_exchange}}


def exchanged(
    terms: dict[str, Any], quote: int | None, *, quantity: int = 3, come: int | None = None, **line: Any
) -> Shop:
    """Return a shop in which units of L1 (3 for 1000) are set off against an article quoted so (None: evenly)."""
    shop = open_shop(terms)
    wanted = {"exchange_for": {"sku": "SHOE-43", "quantity": quantity, "amount_minor": quote}} if quote else {}
    request(shop, {"line_id": "L1", "quantity": quantity, "wish": "exchange", **wanted, **line})
    receive(shop, (1, quantity if come is None else come), complete=False)
    return shop


def account(shop: Shop, name: str) -> int:
    return sum(balance(getattr(fact, "postings", ()), name) for fact in shop.history)


def refunds(shop: Shop) -> list[int]:
    return [refund.amount_minor for refund in shop.order().refunds.values()]


@pytest.mark.parametrize(
    ("on_exchange", "quote", "owed", "back", "fees"),
    [
        # 1000 less 100 restocking and 90 for the label: 810
        (True, 1_500, 690, [], 190),
        (True, 900, 90, [], 190),
        (True, 810, 0, [], 190),
        (True, 600, 0, [210], 190),
        (True, None, 0, [], 190),
        (False, 1_500, 500, [], 0),
        (False, 900, 0, [100], 0),
        (False, 600, 0, [400], 0),
        (None, 1_500, 500, [], 0),
        (None, 600, 0, [400], 0),
    ],
)
def test_fees_come_off_the_worth_on_dearer_and_cheaper_exchanges_alike(
    on_exchange: bool | None, quote: int | None, owed: int, back: list[int], fees: int
) -> None:
    """The article's price is set against what is left, and what is over goes back whole; none by default."""
    shop = exchanged(policy(on_exchange=on_exchange), quote)

    assert account(shop, "customer_receivable") == owed
    assert refunds(shop) == back
    assert account(shop, "fee_income") == -fees
    assert account(shop, "exchange_clearing") == -(1_000 - fees - sum(back) + owed)
    check(shop)


def test_an_order_given_in_exchange_carries_the_worth_after_fees() -> None:
    """810 were put into the new article, whatever it costs."""
    shop = exchanged(policy(on_exchange=True), 1_500)

    put_in = shop.order().exchange_of_line(shop.rma().rma_id, 1)
    assert (put_in.carried_minor, put_in.difference_minor) == (810, 690)


def test_the_label_is_paid_once_by_refund_and_exchange_together() -> None:
    """The exchange of the first line bears it, the refund of the second does not."""
    shop = open_shop(policy(on_exchange=True))
    request(shop, {"line_id": "L1", "quantity": 3, "wish": "exchange"}, {"line_id": "L2", "quantity": 2})
    receive(shop, (1, 3), (2, 2))

    assert shop.order().account(shop.rma().rma_id).return_shipping == {1: 90, 2: 0}
    assert refunds(shop) == [450]
    check(shop)


def test_no_exchange_bears_more_of_the_label_than_it_is_worth() -> None:
    """500 less 50 are 450: a label of 9.00 takes all of it and no more, and the article is to be paid in full."""
    shop = open_shop(policy(on_exchange=True, return_shipping_minor=900))
    wanted = {"sku": "N", "quantity": 2, "amount_minor": 700}
    request(shop, {"line_id": "L2", "quantity": 2, "wish": "exchange", "exchange_for": wanted})
    receive(shop, (1, 2))

    assert (account(shop, "fee_income"), account(shop, "customer_receivable")) == (-500, 700)
    check(shop)


def test_waived_fees_are_waived_on_exchanges() -> None:
    """A reason that excuses from fees excuses here, too."""
    shop = exchanged(policy(on_exchange=True), 1_500, reason="defective")

    assert (account(shop, "fee_income"), account(shop, "customer_receivable")) == (0, 500)


def test_fees_whose_ground_is_gone_are_given_back_in_money() -> None:
    """The bench finds the supplier liable after the exchange: 100 restocking and 90 for the label go back."""
    shop = exchanged(policy(on_exchange=True), None)
    inspect(shop, 1, 3, cause="manufacturing", liable_party="supplier")

    assert refunds(shop) == [190]
    assert account(shop, "fee_income") == 0
    check(shop)


def test_an_exchange_that_is_called_off_bears_no_label_any_more() -> None:
    """The refund in its place bears it: 1000 − 100 − 90, once, and nothing is left with the customer."""
    shop = exchanged(policy(on_exchange=True), 1_500)
    shop.send("DecideResolution", on_return(line=1, quantity=3, resolution="refund"), at=day(8))

    assert refunds(shop) == [810]
    assert (account(shop, "fee_income"), account(shop, "customer_receivable")) == (-190, 0)
    assert account(shop, "exchange_clearing") == 0
    check(shop)


@pytest.mark.parametrize("amount", [None, 500])
def test_tenders_are_held_to_the_figures_after_the_exchange_is_called_off(amount: int | None) -> None:
    """The label that the exchange bore is free again: 810 are paid by policy, a person's amount as it is."""
    shop = exchanged(policy(on_exchange=True), 1_500)
    paid = amount or 810
    tenders = [{"tender_id": "T2", "amount_minor": paid}]
    told = on_return(line=1, quantity=3, resolution="refund", tenders=tenders)
    shop.send("DecideResolution", told if amount is None else {**told, "amount_minor": amount}, at=day(8))

    assert refunds(shop) == [paid]
    check(shop)


def test_the_label_stays_with_what_is_still_exchanged() -> None:
    """One of three units is decided anew: the other two bear the label, and the refund bears none."""
    shop = exchanged(policy(on_exchange=True), None)
    shop.send("DecideResolution", on_return(line=1, quantity=1, resolution="refund"), at=day(8))

    assert refunds(shop) == [300]
    assert account(shop, "fee_income") == -190
    check(shop)


def test_the_label_goes_back_as_far_as_the_rest_is_not_worth_it() -> None:
    """A label of 700 on 900: what stays, 334 less 33, bears 301 of it, and the refund of the others bears 399."""
    shop = exchanged(policy(on_exchange=True, return_shipping_minor=700), None)
    shop.send("DecideResolution", on_return(line=1, quantity=2, resolution="refund"), at=day(8))

    [called_off] = [fact for fact in shop.history if isinstance(fact, Order.ExchangeCalledOff)]
    assert called_off.return_shipping_minor == 399
    assert account(shop, "fee_income") == -800
    check(shop)


def test_a_withdrawal_sets_the_label_free() -> None:
    """Promised in advance and withdrawn: nothing is worth anything, nothing is owed, no fee is left."""
    shop = open_shop({**policy(on_exchange=True), "refund_due": "approval"})
    request(shop, {"line_id": "L1", "quantity": 3, "wish": "exchange"})
    assert account(shop, "fee_income") == -190

    shop.send("WithdrawReturn", on_return(), at=day(4))

    assert (account(shop, "fee_income"), account(shop, "customer_receivable")) == (0, 0)
    check(shop)
