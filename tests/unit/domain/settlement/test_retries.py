"""A failed payout replaced by new ones: another tender, several, or store credit, one way at a time."""

from __future__ import annotations

from typing import Any
from uuid import UUID

import pytest

from domain.ledger import balance
from domain.order.payout import Payout
from tests.support.refusals import refused, states
from tests.support.shop import Shop, names
from tests.support.stories import day, inspect, on_return, open_shop, receive, request

OTHER = UUID(int=2)
TENDERS = [
    {"tender_id": "T1", "kind": "gift_card", "amount_minor": 600},
    {"tender_id": "T2", "kind": "card", "amount_minor": 500},
    {"tender_id": "T3", "kind": "wallet", "amount_minor": 400},
]


def failed_shop(**order: Any) -> tuple[Shop, Payout]:
    """Return a shop in which 250, to the first of three tenders, failed."""
    shop = open_shop(order={"tenders": TENDERS, **order})
    request(shop, {"line_id": "L2", "quantity": 1})
    receive(shop, (1, 1))
    inspect(shop, 1, 1)
    (payout,) = shop.order().payouts.values()
    tell(shop, payout, "failed")
    return shop, payout


def tell(shop: Shop, payout: Payout, word: str, on: int = 9) -> None:
    told = on_return(payout_id=str(payout.payout_id), outcome=word)
    shop.send("RecordPayoutOutcome", told, actor="gateway:g", at=day(on))


def again(payout: Payout, **where: Any) -> dict[str, Any]:
    return on_return(payout_id=str(payout.payout_id), **where)


def made(shop: Shop) -> list[tuple[str | None, int, str]]:
    """Return the payouts that count: to whom, how much, how far."""
    payouts = shop.order().payouts.values()
    return [(p.tender_id, p.amount_minor, p.status) for p in payouts if not p.retried]


def on_account(shop: Shop, account: str) -> int:
    return balance([p for fact in shop.history for p in getattr(fact, "postings", ())], account)


def test_store_credit_is_given_at_once() -> None:
    """It is ours to give: settled in the same append, its holder the customer, the units settled."""
    shop, payout = failed_shop()
    facts = shop.send("RetryPayout", again(payout, as_store_credit=True), at=day(10))
    assert names(facts) == ["PayoutRetried", "PayoutSettled", "SettlementMoved", "DeadlinesMoved"]
    assert made(shop) == [(None, 250, "settled")]
    assert states(shop, "settlement") == [(1, "settled")]
    assert (on_account(shop, "refunds_owed"), on_account(shop, "store_credit_liability")) == (0, -250)
    (credit,) = (p for p in shop.order().payouts.values() if not p.retried)
    assert credit.holder_id == "C-1"


def test_store_credit_needs_no_room() -> None:
    """Its room is that of the failed payout, though all tenders have given back what they paid."""
    shop, payout = failed_shop()
    request(shop, {"line_id": "L1", "quantity": 3}, {"line_id": "L2", "quantity": 1}, rma_id=OTHER)
    receive(shop, (1, 3), (2, 1), rma_id=OTHER)
    inspect(shop, 1, 3, "I-2", rma_id=OTHER)
    inspect(shop, 2, 1, "I-3", rma_id=OTHER)
    shop.send("RetryPayout", again(payout, as_store_credit=True), at=day(10))
    assert sum(amount for _, amount, _ in made(shop)) == 1500


def test_a_payout_goes_to_several_tenders() -> None:
    """Each takes its share under a key of its own; the refund is settled when all have."""
    shop, payout = failed_shop()
    shares = [{"tender_id": "T2", "amount_minor": 100}, {"tender_id": "T3", "amount_minor": 150}]
    shop.send("RetryPayout", again(payout, tenders=shares), at=day(10))
    assert made(shop) == [("T2", 100, "requested"), ("T3", 150, "requested")]
    assert len({p.idempotency_key for p in shop.order().payouts.values()}) == 3
    first, second = [p for p in shop.order().payouts.values() if not p.retried]
    tell(shop, first, "settled", 11)
    assert states(shop, "settlement") == [(1, "pending")]
    tell(shop, second, "settled", 12)
    assert states(shop, "settlement") == [(1, "settled")]
    assert on_account(shop, "refunds_owed") == 0


def test_the_failed_tender_may_take_a_part() -> None:
    """The same tender again counts as another attempt."""
    shop, payout = failed_shop()
    shares = [{"tender_id": "T1", "amount_minor": 100}, {"tender_id": "T2", "amount_minor": 150}]
    shop.send("RetryPayout", again(payout, tenders=shares), at=day(10))
    assert [p.attempt for p in shop.order().payouts.values()] == [1, 2, 1]


@pytest.mark.parametrize(
    ("where", "code", "details"),
    [
        ({"tender_id": "T2", "as_store_credit": True}, "several_ways", {"fields": ["tender_id", "as_store_credit"]}),
        (
            {"tenders": [{"tender_id": "T2", "amount_minor": 250}], "as_store_credit": True},
            "several_ways",
            {"fields": ["as_store_credit", "tenders"]},
        ),
        (
            {"tenders": [{"tender_id": "T2", "amount_minor": 249}]},
            "tenders_do_not_sum",
            {"expected_minor": 250, "given_minor": 249},
        ),
        (
            {"tenders": [{"tender_id": "T2", "amount_minor": 125}, {"tender_id": "T2", "amount_minor": 125}]},
            "duplicate_tender",
            {"tender_id": "T2"},
        ),
        ({"tenders": [{"tender_id": "T9", "amount_minor": 250}]}, "unknown_tender", {"tender_id": "T9"}),
    ],
)
def test_what_does_not_add_up_is_refused(where: dict[str, Any], code: str, details: dict[str, Any]) -> None:
    """One way at a time, each tender once, to the last cent; nothing is recorded."""
    shop, payout = failed_shop()
    refused(shop, code, "RetryPayout", again(payout, **where), at=day(10), **details)


def test_no_tender_takes_more_than_it_has_room_for() -> None:
    """The wallet paid 400: it does not take 401."""
    shop, _ = failed_shop()
    request(shop, {"line_id": "L1", "quantity": 3}, rma_id=OTHER)
    receive(shop, (1, 3), rma_id=OTHER)
    inspect(shop, 1, 3, "I-2", rma_id=OTHER)
    big = next(p for p in shop.order().payouts.values() if p.rma_id == OTHER and p.amount_minor == 600)
    told = on_return(OTHER, payout_id=str(big.payout_id))
    shop.send("RecordPayoutOutcome", {**told, "outcome": "failed"}, actor="gateway:g", at=day(11))
    shares = [{"tender_id": "T1", "amount_minor": 199}, {"tender_id": "T3", "amount_minor": 401}]
    refused(
        shop,
        "amount_exceeds_entitlement",
        "RetryPayout",
        {**told, "tenders": shares},
        at=day(12),
        asked=401,
        tender_id="T3",
    )


def test_a_payout_is_retried_once() -> None:
    """A second retry of the same payout is refused, whatever way it goes."""
    shop, payout = failed_shop()
    shop.send("RetryPayout", again(payout, as_store_credit=True), at=day(10))
    refused(shop, "wrong_state", "RetryPayout", again(payout, as_store_credit=True), at=day(10), retried=True)
