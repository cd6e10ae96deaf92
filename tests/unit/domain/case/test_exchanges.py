"""Exchanges that cannot be served: decided anew, withdrawn or expired, as long as nothing of them has left."""

from __future__ import annotations

from typing import Any

import pytest

from domain.ledger import balance
from tests.support.conservation import check
from tests.support.refusals import refused, states, unit_statuses
from tests.support.shop import Shop, names
from tests.support.stories import POLICY, day, inspect, on_return, open_shop, receive, request

WISHES = {**POLICY, "offers": ["refund", "store_credit", "exchange", "replacement", "repair"]}
AT_ONCE = {**WISHES, "refund_due": "approval"}
FEES = {**WISHES, "fees": {"restocking_bps": 1000, "on_exchange": True}}


def quoted(amount_minor: int, quantity: int = 3) -> dict[str, Any]:
    return {"exchange_for": {"sku": "SHOE-43", "quantity": quantity, "amount_minor": amount_minor}}


def exchanged(policy: dict[str, Any] | None = None, *, quantity: int = 3, **line: Any) -> Shop:
    """Return a shop in which units of L1 (3 for 1000) came in, were accepted and set off; nothing has left."""
    shop = open_shop(policy or WISHES)
    request(shop, {"line_id": "L1", "quantity": quantity, "wish": "exchange", **line})
    receive(shop, (1, quantity))
    inspect(shop, 1, quantity)
    return shop


def resolve(resolution: str, quantity: int = 3, **more: Any) -> dict[str, Any]:
    return on_return(line=1, quantity=quantity, resolution=resolution, **more)


def account(shop: Shop, name: str) -> int:
    return sum(balance(getattr(fact, "postings", ()), name) for fact in shop.history)


def refunded(shop: Shop) -> list[int]:
    return [refund.amount_minor for refund in shop.order().refunds.values()]


CALLED_OFF = ["ResolutionDecided", "ExchangeCalledOff", "RefundRequested", "RefundStarted", "DeadlinesMoved"]


@pytest.mark.parametrize("line", [{}, quoted(1000), quoted(1500)])
def test_a_sold_out_exchange_is_paid_instead(line: dict[str, Any]) -> None:
    """All that was paid goes back, the quote and what it left to pay are off, and the books of the exchange close."""
    shop = exchanged(**line)
    assert names(shop.send("DecideResolution", resolve("refund"), at=day(8))) == CALLED_OFF
    assert refunded(shop) == [1000]
    assert states(shop, "resolution", "settlement") == [(3, "refund", "pending")]
    assert (account(shop, "exchange_clearing"), account(shop, "customer_receivable")) == (0, 0)
    assert account(shop, "sales_returns") == 1000
    check(shop)
    refused(shop, "quantity_exceeded", "DecideResolution", resolve("refund"), at=day(9), available=0)


def test_what_a_cheaper_article_left_over_is_not_paid_twice() -> None:
    """Quoted 700 for 1000: 300 went back at once, so 700 are left when the article is sold out."""
    shop = exchanged(**quoted(700))
    assert refunded(shop) == [300]
    shop.send("DecideResolution", resolve("refund"), at=day(8))
    assert refunded(shop) == [300, 700]
    check(shop)


def test_a_superseding_inspection_changes_nothing_of_that() -> None:
    """Found D afterwards: a person may still decide that the money goes back, by that inspection or without it."""
    shop = exchanged()
    inspect(shop, 1, 3, "I-2", supersedes="I-1", grade="D", cause="wear", liable_party="customer")
    shop.send("DecideResolution", resolve("refund", inspection_id="I-2"), at=day(8))
    assert refunded(shop) == [1000]


@pytest.mark.parametrize("decided_by", ["policy", "person"])
@pytest.mark.parametrize("instead", ["replacement", "repair", "send_back", "none"])
def test_an_exchange_becomes_whatever_a_person_decides(decided_by: str, instead: str) -> None:
    """Until its article left it changes as a replacement does, whoever decided it; the units' worth is free again."""
    shop = open_shop(WISHES)
    request(shop, {"line_id": "L1", "quantity": 3, "wish": "exchange"})
    receive(shop, (1, 3))
    inspect(shop, 1, 3, grade="A" if decided_by == "policy" else "D", liable_party="customer")
    if decided_by == "person":
        shop.send("DecideResolution", resolve("exchange"), at=day(8))
    facts = shop.send("DecideResolution", resolve(instead), at=day(8))
    assert names(facts)[:2] == ["ResolutionDecided", "ExchangeCalledOff"]
    assert account(shop, "sales_returns") == 0
    check(shop)


def test_only_what_has_not_left_is_decided_anew() -> None:
    """One of three was sent: two are open, the third is not; the same exchange again is no decision."""
    shop = exchanged(**quoted(1000))
    shop.send("ShipReplacement", on_return(line=1, quantity=1), at=day(8))
    refused(shop, "quantity_exceeded", "DecideResolution", resolve("refund"), at=day(9), available=2)
    refused(shop, "quantity_exceeded", "DecideResolution", resolve("exchange", 2), at=day(9), available=0)
    shop.send("DecideResolution", resolve("refund", 1), at=day(9))
    assert refunded(shop) == [333]
    assert account(shop, "exchange_clearing") == -667
    check(shop)


def test_exchanged_again_takes_up_the_quote_once() -> None:
    """Called off and exchanged again, in parts: the whole quote is taken up, and no cent more."""
    shop = exchanged(**quoted(1100))
    shop.send("DecideResolution", resolve("none", 1), at=day(8))
    assert account(shop, "exchange_clearing") == -734  # 1100 less what falls to the first of three: 366
    shop.send("DecideResolution", resolve("exchange", 1), at=day(9))
    assert (account(shop, "exchange_clearing"), account(shop, "customer_receivable")) == (-1100, 100)
    check(shop)


def test_the_fee_of_a_called_off_exchange_is_given_back_first() -> None:
    """10 % on 1000, once: the exchange bore 100, the refund in its place bears 100, and nothing bears it twice."""
    shop = exchanged(FEES)
    assert account(shop, "fee_income") == -100
    shop.send("DecideResolution", resolve("refund"), at=day(8))
    assert (account(shop, "fee_income"), refunded(shop)) == (-100, [900])
    assert account(shop, "exchange_clearing") == 0
    check(shop)


def test_figures_are_checked_against_what_the_exchange_gives_back() -> None:
    """Nothing is recorded of a decision whose amount or tenders do not fit; then one that fits is carried out."""
    shop = exchanged(FEES)
    told = resolve("refund", amount_minor=1001)
    refused(shop, "amount_exceeds_entitlement", "DecideResolution", told, at=day(8), asked=1001, available=1000)
    tenders = [{"tender_id": "T2", "amount_minor": 901}]
    told = resolve("refund", tenders=tenders)
    refused(shop, "tenders_do_not_sum", "DecideResolution", told, at=day(8), expected_minor=900, given_minor=901)
    shop.send("DecideResolution", resolve("refund", tenders=[{"tender_id": "T2", "amount_minor": 900}]), at=day(8))
    assert [(p.tender_id, p.amount_minor) for p in shop.order().payouts.values()] == [("T2", 900)]
    check(shop)


def test_a_fee_given_back_in_money_is_not_given_back_again() -> None:
    """The bench finds the supplier liable later: 100 go back, so 900 are left once the exchange is called off."""
    shop = exchanged(FEES)
    inspect(shop, 1, 3, "I-2", supersedes="I-1", cause="manufacturing", liable_party="supplier")
    assert refunded(shop) == [100]
    shop.send("DecideResolution", resolve("refund"), at=day(8))
    assert refunded(shop) == [100, 900]
    assert (account(shop, "exchange_clearing"), account(shop, "fee_income")) == (0, 0)
    check(shop)


# promised in advance


def test_a_promise_in_advance_becomes_money_when_policy_would_pay() -> None:
    """Decided anew while the goods are with the customer: paid once they are inspected, not before."""
    shop = open_shop(WISHES)
    request(shop, {"line_id": "L1", "quantity": 3, "wish": "exchange"})
    shop.send("DecideResolution", resolve("exchange"), at=day(4))
    facts = shop.send("DecideResolution", resolve("refund"), at=day(4))
    assert names(facts) == ["ResolutionDecided", "ExchangeCalledOff"]
    assert states(shop, "resolution", "settlement") == [(3, "refund", "due")]
    assert refunded(shop) == []
    receive(shop, (1, 3))
    inspect(shop, 1, 3)
    assert refunded(shop) == [1000]
    assert states(shop, "resolution", "settlement") == [(3, "refund", "pending")]
    check(shop)


def test_a_promise_in_advance_is_paid_at_once_where_policy_pays_on_approval() -> None:
    """The terms' moment has come already."""
    shop = open_shop(AT_ONCE)
    request(shop, {"line_id": "L1", "quantity": 3, "wish": "exchange"})
    shop.send("DecideResolution", resolve("store_credit"), at=day(4))
    assert states(shop, "resolution", "settlement") == [(3, "store_credit", "settled")]


def test_money_that_waits_may_be_decided_anew() -> None:
    """The goods come damaged: what was to be paid once accepted waits for a person, who pays a part."""
    shop = open_shop(WISHES)
    request(shop, {"line_id": "L1", "quantity": 3, "wish": "exchange"})
    shop.send("DecideResolution", resolve("exchange"), at=day(4))
    shop.send("DecideResolution", resolve("refund"), at=day(4))
    receive(shop, (1, 3))
    inspect(shop, 1, 3, grade="D", cause="wear", liable_party="customer")
    assert refunded(shop) == []
    shop.send("DecideResolution", resolve("refund", amount_minor=400), at=day(8))
    assert refunded(shop) == [400]
    check(shop)


# withdrawn, expired


@pytest.mark.parametrize("wish", ["exchange", "replacement"])
def test_a_promised_article_is_called_off_by_a_withdrawal(wish: str) -> None:
    """Promised at once, nothing sent: the customer keeps the goods, and nobody owes anybody anything."""
    shop = open_shop(AT_ONCE)
    request(shop, {"line_id": "L1", "quantity": 2, "wish": wish, **(quoted(900, 2) if wish == "exchange" else {})})
    facts = shop.send("WithdrawReturn", on_return(), actor="customer:C-1", at=day(4))
    assert "Withdrawn" in names(facts)
    assert states(shop, "authorization", "resolution") == [(2, "withdrawn", "undecided")]
    assert unit_statuses(shop, "L1") == [(3, "free")]
    assert (account(shop, "exchange_clearing"), account(shop, "customer_receivable")) == (0, 0)
    refused(shop, "wrong_state", "WithdrawReturn", on_return(), actor="customer:C-1", at=day(5))
    check(shop)


def test_an_exchange_that_expires_before_anything_left_is_called_off() -> None:
    """The goods were never sent: the quote is off, the units are free, nothing is claimed."""
    shop = open_shop(AT_ONCE)
    request(shop, {"line_id": "L1", "quantity": 2, "wish": "exchange", **quoted(900, 2)})
    deadline = next(d for d in shop.rma().deadlines.values() if d.kind == "ship_back")
    passed = on_return(deadline_id=str(deadline.deadline_id))
    facts = shop.send("PassDeadline", passed, actor="clock:deadlines", at=day(40))
    assert names(facts)[:4] == ["DeadlinePassed", "Expired", "ExchangeCalledOff", "UnitsFreed"]
    assert (account(shop, "exchange_clearing"), account(shop, "customer_receivable")) == (0, 0)
    check(shop)


def test_an_exchange_decided_anew_stands_where_its_earlier_refund_does() -> None:
    """What a cheaper article left over is still on its way: an even exchange after it does not make that forgotten."""
    shop = exchanged(**quoted(700))
    settlement = states(shop, "settlement")
    assert {state for _, state in settlement} == {"pending"}
    shop.send("DecideResolution", resolve("replacement"), at=day(8))
    shop.send("DecideResolution", resolve("exchange"), at=day(9))
    assert states(shop, "settlement") == settlement
    check(shop)
