"""What a customer paid of a debt that is owed no more goes back to him; what was given up of it is no loss."""

from __future__ import annotations

from typing import Any

from domain.order.owed_facts import PaymentReturned
from tests.support.refusals import refused
from tests.support.shop import RMA_ID, Shop
from tests.support.stories import day, on_return, settle_all
from tests.unit.domain.case.test_claims import come_in, grade, receivable, refunded_shop
from tests.unit.domain.settlement.test_chargebacks import ended
from tests.unit.domain.settlement.test_external_refunds import returned, tell


def pay(shop: Shop, amount_minor: int, name: str = "PM-1", kind: str = "card", *, rma_id: Any = RMA_ID) -> None:
    told = on_return(rma_id, payment_id=name, amount_minor=amount_minor, tender_kind=kind, reference=f"auth-{name}")
    shop.send("RecordCustomerPayment", told, actor="gateway:g", at=day(35))


def give_up(shop: Shop, amount_minor: int) -> None:
    told = on_return(amount_minor=amount_minor, reason="not worth it", approved_by="boss")
    shop.send("WriteOffReceivable", told, at=day(36))


def given_back(shop: Shop) -> list[tuple[str | None, str, int, str | None, str]]:
    return [
        (p.tender_id, p.tender_kind, p.amount_minor, p.tender_reference, p.status)
        for p in shop.order().payouts.values()
        if p.returns_payment
    ]


def debt(shop: Shop) -> tuple[int, int, int, int]:
    [found] = shop.order().receivables.values()
    return found.amount_minor, found.paid_minor, found.written_off_minor, found.open_minor


def come(shop: Shop, quantity: int) -> None:
    come_in(shop, quantity)
    grade(shop, quantity)


def test_a_claim_that_was_paid_is_given_back() -> None:
    """1000 claimed and paid by card; all three units come after all: 1000 go back to that payment."""
    shop = refunded_shop()
    pay(shop, 1000)
    come(shop, 3)

    assert given_back(shop) == [("PM-1", "card", 1000, "auth-PM-1", "requested")]
    [fact] = [fact for fact in shop.history if isinstance(fact, PaymentReturned)]
    assert [(p.account, p.amount_minor) for p in fact.postings] == [
        ("customer_receivable", 1000),
        ("refunds_owed", -1000),
    ]
    assert debt(shop) == (1000, 0, 0, 0)
    assert receivable(shop) == 0
    assert shop.order().refunds[fact.refund_id].rma_id == RMA_ID


def test_only_what_is_no_longer_owed_is_given_back() -> None:
    """One unit of three comes: 333 go back, the other 667 were paid for good."""
    shop = refunded_shop()
    pay(shop, 1000)
    come(shop, 1)
    assert given_back(shop) == [("PM-1", "card", 333, "auth-PM-1", "requested")]
    come(shop, 2)
    assert [amount for _, _, amount, *_ in given_back(shop)] == [333, 667]


def test_the_last_payment_is_given_back_first() -> None:
    """600 by card, 300 by bank transfer, 100 open; two units come, 666 are owed no more, of which 566 were paid."""
    shop = refunded_shop()
    pay(shop, 600)
    pay(shop, 300, "PM-2", "bank_transfer")
    come(shop, 2)
    assert given_back(shop) == [
        ("PM-2", "bank_transfer", 300, "auth-PM-2", "requested"),
        ("PM-1", "card", 266, "auth-PM-1", "requested"),
    ]
    assert debt(shop) == (1000, 334, 0, 0)


def test_what_was_given_up_is_taken_back_first() -> None:
    """500 paid, 500 given up; two units come: of 666 the 500 are no loss, and 166 go back."""
    shop = refunded_shop()
    pay(shop, 500)
    give_up(shop, 500)
    come(shop, 2)
    assert [amount for _, _, amount, *_ in given_back(shop)] == [166]
    assert debt(shop) == (1000, 334, 0, 0)
    assert receivable(shop) == 0


def test_what_was_paid_with_store_credit_is_store_credit_again() -> None:
    """It is given at once, to the customer."""
    shop = refunded_shop()
    pay(shop, 1000, kind="store_credit")
    come(shop, 3)
    assert given_back(shop) == [(None, "store_credit", 1000, "auth-PM-1", "settled")]
    [credit] = shop.order().store_credit.values()
    assert credit.balance_minor == 1000


def test_a_claim_that_nobody_paid_gives_nothing_back() -> None:
    """It is only owed no more."""
    shop = refunded_shop()
    come(shop, 3)
    assert given_back(shop) == []
    assert debt(shop) == (1000, 0, 0, 0)


def test_it_fails_and_is_retried_like_any_payout() -> None:
    """To the same payment, or as store credit; it takes no room of a tender that happens to have its name."""
    for way, expected in (({}, ("T1", "card")), ({"as_store_credit": True}, (None, "store_credit"))):
        shop = refunded_shop()
        pay(shop, 1000, "T1")
        come(shop, 3)
        (payout,) = (p for p in shop.order().payouts.values() if p.returns_payment)
        told = on_return(payout_id=str(payout.payout_id))
        shop.send("RecordPayoutOutcome", {**told, "outcome": "failed"}, actor="gateway:g", at=day(45))
        refused(shop, "amount_exceeds_entitlement", "RetryPayout", {**told, "tender_id": "T2"}, at=day(46))
        shop.send("RetryPayout", told | way, at=day(46))
        *_, new = shop.order().payouts.values()
        assert (new.tender_id, new.tender_kind) == expected


def test_a_surplus_that_was_none_is_given_back() -> None:
    """400 too much went back by a chargeback, the customer paid them, the dispute is won: they are his again."""
    shop = returned(3)
    settle_all(shop)
    tell(shop, 900, kind="chargeback")
    pay(shop, 400, rma_id=None)
    shop.send("RecordChargebackOutcome", ended(), actor="gateway:g", at=day(40))
    assert given_back(shop) == [("PM-1", "card", 400, "auth-PM-1", "requested")]
    assert receivable(shop) == 0


def test_a_surplus_that_the_gateway_took_back_is_given_back() -> None:
    """Paid twice by the gateway, paid back by the customer, and then taken back by the gateway after all."""
    shop = returned(3)
    tell(shop, 1500)
    (payout, _) = shop.order().payouts.values()
    told = on_return(payout_id=str(payout.payout_id))
    shop.send("RecordPayoutOutcome", {**told, "outcome": "settled"}, actor="gateway:g", at=day(10))
    pay(shop, 1000)
    shop.send("RecordPayoutOutcome", {**told, "outcome": "failed"}, actor="gateway:g", at=day(50))
    assert given_back(shop) == [("PM-1", "card", 1000, "auth-PM-1", "requested")]
