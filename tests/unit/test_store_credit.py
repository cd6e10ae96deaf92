"""Store credit: issued by returns, spent by its holder, never more than there is."""

from __future__ import annotations

from typing import Any

from domain.identity import store_credit_stream
from domain.store_credit import StoreCredit
from tests.expecting import refused, unchanged
from tests.shop import Shop, names
from tests.stories import day, inspect, on_return, open_shop, receive, request


def credited(**asked: Any) -> Shop:
    """Return a shop in which one unit of L2 (250 cents) was given back as store credit."""
    shop = open_shop()
    request(shop, {"line_id": "L2", "quantity": 1, "wish": "store_credit"}, **asked)
    receive(shop, (1, 1))
    inspect(shop, 1, 1)
    return shop


def balance(shop: Shop, holder_id: str = "C-1") -> int:
    account = shop.get(store_credit_stream(holder_id, "EUR"))
    assert isinstance(account, StoreCredit)
    return account.balance_minor


def spending(amount_minor: int, spend_id: str = "P-1", **more: str) -> dict[str, Any]:
    return {
        "holder_id": "C-1",
        "currency": "EUR",
        "spend_id": spend_id,
        "order_id": "O-2",
        "amount_minor": amount_minor,
        **more,
    }


def test_what_is_issued_can_be_spent_down_to_nothing_and_no_further() -> None:
    """Capped by the balance, whichever orders it pays; the refusal says what is left, and nothing is recorded."""
    shop = credited()
    assert balance(shop) == 250
    assert names(shop.send("SpendStoreCredit", spending(200))) == ["Spent"]
    refused(shop, "amount_exceeds_entitlement", "SpendStoreCredit", spending(51, "P-2"), asked=51, available=50)
    assert names(shop.send("SpendStoreCredit", spending(50, "P-3"))) == ["Spent"]
    assert balance(shop) == 0


def test_the_same_spending_told_again_is_no_second_one() -> None:
    """A repeat is accepted without events; another amount under the same name is refused."""
    shop = credited()
    shop.send("SpendStoreCredit", spending(100))
    unchanged(shop, "SpendStoreCredit", spending(100))
    refused(shop, "spend_id_reused", "SpendStoreCredit", spending(101), spend_id="P-1")
    assert balance(shop) == 150


def test_nobody_spends_what_another_holds_or_another_currency() -> None:
    """Each holder has an account of their own in each currency."""
    shop = credited()
    for other in ({"holder_id": "C-2"}, {"currency": "USD"}):
        told = spending(1, **other)
        refused(shop, "amount_exceeds_entitlement", "SpendStoreCredit", told, asked=1, available=0)


def test_a_gift_is_credited_to_who_asks_for_it() -> None:
    """To the recipient by name; to the bearer of the return's number where none is named; never to the giver."""
    named = credited(gift=True, recipient_id="C-9")
    assert balance(named, "C-9") == 250
    bearer = credited(gift=True)
    assert balance(bearer, bearer.rma().rma_number) == 250
    assert bearer.get(store_credit_stream("C-1", "EUR")) is None


def test_goodwill_is_spendable_too() -> None:
    """It is issued as store credit, in the same append."""
    shop = credited()
    assert names(shop.send("GrantGoodwill", on_return(amount_minor=40, reason="late"), at=day(9))) == [
        "GoodwillGranted", "Issued",
    ]  # fmt: skip
    assert balance(shop) == 290


def test_credit_that_was_taken_back_is_owed_where_it_was_spent() -> None:
    """A payout reported failed after all: the balance goes below zero, nothing can be spent, a retry makes it good."""
    shop = credited()
    shop.send("SpendStoreCredit", spending(200))
    [payout] = shop.order().payouts.values()
    told = on_return(payout_id=str(payout.payout_id))
    shop.send("RecordPayoutOutcome", {**told, "outcome": "failed"}, actor="gateway:g", at=day(9))
    assert balance(shop) == -200
    refused(shop, "amount_exceeds_entitlement", "SpendStoreCredit", spending(1, "P-2"), asked=1, available=0)

    assert names(shop.send("RetryPayout", told, at=day(10)))[:2] == ["PayoutRetried", "PayoutSettled"]
    assert balance(shop) == 50
