"""A dispute that is won takes back all that the chargeback did; one that is lost changes nothing."""

from __future__ import annotations

from typing import Any
from uuid import UUID

from domain.order.external_facts import ChargebackDecided
from tests.support.refusals import refused, states, unchanged
from tests.support.shop import Shop, names
from tests.support.stories import ORDER, POLICY, day, inspect, on_return, open_shop, receive, request, settle_all
from tests.unit.domain.settlement.test_external_refunds import CARD, debts, payouts, posted, returned, tell


def ended(outcome: str = "won", name: str = "X-1") -> dict[str, Any]:
    return {"order_id": "O-1", "external_id": name, "outcome": outcome}


def decide(shop: Shop, outcome: str = "won") -> ChargebackDecided:
    fact, *_ = shop.send("RecordChargebackOutcome", ended(outcome), actor="gateway:g", at=day(20))
    assert isinstance(fact, ChargebackDecided)
    return fact


def test_won_gives_room_and_cents_back() -> None:
    """300 came back: the tender has its room, every unit its cents, and the refund has failed."""
    shop = open_shop(order=CARD)
    tell(shop, 300, kind="chargeback")
    fact = decide(shop)

    assert posted(fact) == {"sales_returns": -300, "clearing:card": 300}
    assert payouts(shop) == [(300, "failed")]
    assert [(line.line_id, line.units, line.amount_minor) for line in fact.by_line] == [
        ("L1", -3, -200),
        ("L2", -2, -100),
    ]
    tell(shop, 1500, "X-2")
    assert debts(shop) == {}


def test_lost_changes_nothing() -> None:
    """The money stays with the customer, as it was recorded at once."""
    shop = open_shop(order=CARD)
    tell(shop, 300, kind="chargeback")
    assert decide(shop, "lost").postings == ()
    assert payouts(shop) == [(300, "settled")]


def test_an_outcome_told_again_is_no_second_one() -> None:
    """The outcome is its own name: the same says nothing new; lost may turn to won, won is the end."""
    shop = open_shop(order=CARD)
    tell(shop, 300, kind="chargeback")
    decide(shop, "lost")
    unchanged(shop, "RecordChargebackOutcome", ended("lost"), at=day(21))
    decide(shop)
    unchanged(shop, "RecordChargebackOutcome", ended(), at=day(21))
    refused(shop, "wrong_state", "RecordChargebackOutcome", ended("lost"), at=day(21), outcome="won")


def test_only_a_chargeback_has_an_outcome() -> None:
    """A refund by hand is not disputed, and what nobody told of has no outcome."""
    shop = open_shop(order=CARD)
    tell(shop, 300)
    refused(shop, "wrong_state", "RecordChargebackOutcome", ended(), kind="console")
    refused(shop, "unknown_refund", "RecordChargebackOutcome", ended(name="X-9"), external_id="X-9")
    refused(shop, "not_permitted", "RecordChargebackOutcome", ended(), actor="customer:C-1")


def test_a_payout_that_gave_way_is_requested_after_all() -> None:
    """1500 came back: the 1000 that the return is for are due again, and under way."""
    shop = returned(3)
    tell(shop, 1500, kind="chargeback")
    facts = shop.send("RecordChargebackOutcome", ended(), actor="gateway:g", at=day(20))

    assert names(facts)[:3] == ["ChargebackDecided", "PayoutRetried", "SettlementMoved"]
    assert posted(facts[0]) == {"sales_returns": -500, "refunds_owed": -1000, "clearing:card": 1500}
    assert payouts(shop) == [(1000, "failed"), (1500, "failed"), (1000, "requested")]
    assert states(shop, "settlement") == [(3, "pending")]
    settle_all(shop)
    assert states(shop, "settlement") == [(3, "settled")]


def test_what_was_requested_in_part_is_made_whole() -> None:
    """600 were under way beside 400 that went back elsewhere: 400 more are requested."""
    shop = returned(3)
    tell(shop, 900, kind="chargeback")
    decide(shop)
    assert payouts(shop)[2:] == [(600, "requested"), (400, "requested")]


def test_a_payout_made_all_the_same_has_paid_it() -> None:
    """The gateway paid the 1000 that gave way: that was a surplus, and is what is owed once the chargeback is won."""
    shop = returned(3)
    tell(shop, 1500, kind="chargeback")
    (payout, _) = shop.order().payouts.values()
    told = on_return(payout_id=str(payout.payout_id), outcome="settled")
    shop.send("RecordPayoutOutcome", told, actor="gateway:g", at=day(10))
    assert debts(shop) == {(payout.rma_id, "surplus"): 1000}

    fact = decide(shop)
    assert posted(fact) == {"sales_returns": -500, "customer_receivable": -1000, "clearing:card": 1500}
    assert payouts(shop) == [(1000, "settled"), (1500, "failed")]
    assert debts(shop) == {}


TWO = [
    {"tender_id": "T1", "kind": "card", "amount_minor": 1000, "reference": "auth-1"},
    {"tender_id": "T2", "kind": "wallet", "amount_minor": 500},
]
OF_SHOES = {"line_id": "L1", "quantity": 1, "amount_minor": 400}


def test_what_is_owed_again_goes_where_there_is_room() -> None:
    """Another refund has taken the room of the card meanwhile; the wallet has its 400 back, and pays them."""
    shop = returned(3, TWO)
    tell(shop, 400, kind="chargeback", tender_id="T2", lines=[OF_SHOES])
    assert payouts(shop) == [(1000, "failed"), (400, "settled"), (600, "requested")]
    other = UUID(int=2)
    request(shop, {"line_id": "L2", "quantity": 2}, rma_id=other)
    receive(shop, (1, 2), rma_id=other)
    inspect(shop, 1, 2, "I-2", rma_id=other)
    assert payouts(shop)[3:] == [(400, "requested"), (100, "requested")]

    decide(shop)
    assert payouts(shop)[5:] == [(400, "requested")]
    assert [p.tender_id for p in shop.order().payouts.values()][5:] == ["T2"]


def test_what_was_replaced_pays_for_nothing_that_is_owed_again() -> None:
    """A payout that was retried is pending after all: it gives way, and the 400 that came back are due."""
    shop = returned(3, TWO)
    settle_all(shop, "failed")
    (old,) = shop.order().payouts.values()
    shop.send("RetryPayout", on_return(payout_id=str(old.payout_id)), at=day(10))
    told = on_return(payout_id=str(old.payout_id), outcome="pending")
    shop.send("RecordPayoutOutcome", told, actor="gateway:g", at=day(15))
    tell(shop, 400, at=16, kind="chargeback", tender_id="T2", lines=[OF_SHOES])
    assert payouts(shop) == [(1000, "requested"), (1000, "failed"), (400, "settled"), (600, "requested")]

    decide(shop)
    assert payouts(shop)[0] == (1000, "failed")
    assert payouts(shop)[3:] == [(600, "requested"), (400, "requested")]
    assert [p.tender_id for p in shop.order().payouts.values()][4:] == ["T1"]


def test_a_surplus_is_called_off() -> None:
    """400 of 900 were too much; won, the customer owes nothing."""
    shop = returned(3)
    settle_all(shop)
    tell(shop, 900, kind="chargeback")
    fact = decide(shop)
    assert posted(fact) == {"sales_returns": -500, "customer_receivable": -400, "clearing:card": 900}
    assert debts(shop) == {}


def test_a_payout_that_had_failed_waits_for_an_agent_again() -> None:
    """Its money had gone back elsewhere in its place; now it has not."""
    shop = returned(3)
    settle_all(shop, "failed")
    tell(shop, 1500, kind="chargeback")
    assert states(shop, "settlement") == [(3, "settled")]
    decide(shop)
    assert states(shop, "settlement") == [(3, "failed")]
    (payout, _) = shop.order().payouts.values()
    shop.send("RetryPayout", on_return(payout_id=str(payout.payout_id)), at=day(21))
    assert payouts(shop)[-1] == (1000, "requested")


def test_cancelled_units_are_paid_back_after_all() -> None:
    """The bank took all 1500, so that nothing was left to pay back when the order was cancelled; won, all is due."""
    shop = Shop()
    shop.send("PublishPolicy", {"policy_id": "standard", "effective_from": "2020-01-01T00:00:00Z", "document": POLICY})
    shop.send("RegisterOrder", {**ORDER, **CARD})
    tell(shop, 1500, kind="chargeback")
    lines = [{"line_id": "L1", "quantity": 3}, {"line_id": "L2", "quantity": 2}]
    cancelled = {"order_id": "O-1", "cancellation_id": "CN-1", "lines": lines, "reason": "too late"}
    assert names(shop.send("CancelUnits", cancelled, at=day(10))) == ["UnitsCancelled"]

    facts = shop.send("RecordChargebackOutcome", ended(), actor="gateway:g", at=day(20))
    assert names(facts) == ["ChargebackDecided", "RefundRequested"]
    assert payouts(shop) == [(1500, "failed"), (1500, "requested")]


def test_a_return_that_got_less_gets_the_rest() -> None:
    """The bank took 1200 of 1500 first: the shoes got 200 of 1000; won, the 800 are due. The socks nobody returned."""
    shop = open_shop(order=CARD)
    tell(shop, 1200, at=2, kind="chargeback")
    request(shop, {"line_id": "L1", "quantity": 3})
    receive(shop, (1, 3))
    inspect(shop, 1, 3)
    settle_all(shop)
    assert payouts(shop) == [(1200, "settled"), (200, "settled")]

    facts = shop.send("RecordChargebackOutcome", ended(), actor="gateway:g", at=day(20))
    assert names(facts)[:3] == ["ChargebackDecided", "RefundRequested", "RefundStarted"]
    assert payouts(shop)[2:] == [(800, "requested")]
    assert states(shop, "resolution", "settlement") == [(3, "refund", "pending")]
    settle_all(shop)
    unchanged(shop, "RecordChargebackOutcome", ended(), at=day(21))
    assert sum(refund.amount_minor for refund in shop.order().refunds.values() if refund.rma_id) == 1000


def test_what_a_return_got_nothing_of_is_paid_after_fees() -> None:
    """All was gone, and the return resolved without money; won, 1000 less 10 % and the 50 of the label: 850."""
    fees = {"restocking_bps": 1000, "return_shipping_minor": 50}
    shop = open_shop({**POLICY, "method": "label", "fees": fees}, CARD)
    tell(shop, 1500, at=2, kind="chargeback")
    request(shop, {"line_id": "L1", "quantity": 3})
    receive(shop, (1, 3))
    inspect(shop, 1, 3)
    assert states(shop, "resolution", "settlement") == [(3, "refund", "settled")]

    decide(shop)
    assert payouts(shop) == [(1500, "failed"), (850, "requested")]


def test_what_a_person_named_stays() -> None:
    """100 for all three were a person's figure: no chargeback took the rest."""
    shop = open_shop(order=CARD)
    tell(shop, 1200, at=2, kind="chargeback")
    request(shop, {"line_id": "L1", "quantity": 3})
    receive(shop, (1, 3))
    inspect(shop, 1, 3, grade="D", liable_party="customer")
    named = on_return(line=1, quantity=3, resolution="refund", amount_minor=100)
    shop.send("DecideResolution", named, at=day(8))

    decide(shop)
    assert payouts(shop) == [(1200, "failed"), (100, "requested")]


def test_store_credit_that_was_less_is_made_whole_by_store_credit() -> None:
    """200 in store credit; won, 800 more, given at once."""
    shop = open_shop(order=CARD)
    tell(shop, 1200, at=2, kind="chargeback")
    request(shop, {"line_id": "L1", "quantity": 3, "wish": "store_credit"})
    receive(shop, (1, 3))
    inspect(shop, 1, 3)

    decide(shop)
    assert payouts(shop) == [(1200, "failed"), (200, "settled"), (800, "settled")]
    assert [payout.tender_id for payout in shop.order().payouts.values()][1:] == [None, None]
