"""What gateways say of a payout, in whatever order it comes: the newest by business time counts, the rest is kept."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any

import pytest

from domain.fact import Fact
from domain.ledger import balance
from domain.order.payout import Payout
from tests.support.refusals import states, unchanged
from tests.support.shop import Shop, names
from tests.support.stories import day, inspect, on_return, open_shop, receive, request

NOON = day(9)


def hours(number: float) -> datetime:
    return NOON + timedelta(hours=number)


def refunded_shop() -> Shop:
    """Return a shop in which 250 of a line of two for 500 are to go back to the first tender."""
    shop = open_shop()
    request(shop, {"line_id": "L2", "quantity": 1})
    receive(shop, (1, 1))
    inspect(shop, 1, 1)
    return shop


def the_payout(shop: Shop) -> Payout:
    (payout,) = shop.order().payouts.values()
    return payout


def said(shop: Shop, word: str) -> dict[str, Any]:
    payout = the_payout(shop)
    return on_return(payout.rma_id, payout_id=str(payout.payout_id), outcome=word, reference=f"gw-{word}")


def tell(shop: Shop, word: str, at: datetime) -> list[Fact]:
    return shop.send("RecordPayoutOutcome", said(shop, word), actor="gateway:g", at=at)


def owed(shop: Shop) -> int:
    postings = [posting for fact in shop.history for posting in getattr(fact, "postings", ())]
    return -balance(postings, "refunds_owed")


def test_pending_is_recorded_once_and_leaves_the_payout_requested() -> None:
    """The gateway took it on: nothing moves, and saying so again says nothing new."""
    shop = refunded_shop()
    assert names(tell(shop, "pending", hours(0))) == ["PayoutPending"]
    assert (the_payout(shop).status, owed(shop)) == ("requested", 250)
    assert states(shop, "settlement") == [(1, "pending")]
    unchanged(shop, "RecordPayoutOutcome", said(shop, "pending"), actor="gateway:g", at=hours(1))
    assert "PayoutSettled" in names(tell(shop, "settled", hours(2)))
    assert owed(shop) == 0


def test_a_settlement_that_becomes_pending_again_is_owed_again() -> None:
    """A transfer that comes back into the gateway's hands has not arrived."""
    shop = refunded_shop()
    tell(shop, "settled", hours(0))
    assert names(tell(shop, "pending", hours(1))) == ["PayoutPending", "SettlementMoved", "DeadlinesMoved"]
    assert (the_payout(shop).status, owed(shop)) == ("requested", 250)


@pytest.mark.parametrize("stale", ["failed", "unknown", "pending"])
def test_older_news_are_recorded_and_change_nothing(stale: str) -> None:
    """By business time the newest counts, in whatever order the news come."""
    shop = refunded_shop()
    tell(shop, "settled", hours(2))
    (fact,) = tell(shop, stale, hours(1))
    assert (getattr(fact, "superseded", None), getattr(fact, "postings", None)) == (True, ())
    assert (the_payout(shop).status, owed(shop)) == ("settled", 0)
    assert states(shop, "settlement") == [(1, "settled")]


def test_older_news_told_again_are_no_further_fact() -> None:
    """The same outcome of the same instant counts once, superseded or not; another instant is other news."""
    shop = refunded_shop()
    tell(shop, "settled", hours(5))
    tell(shop, "failed", hours(1))
    unchanged(shop, "RecordPayoutOutcome", said(shop, "failed"), actor="gateway:g", at=hours(1))
    unchanged(shop, "RecordPayoutOutcome", said(shop, "settled"), actor="gateway:g", at=hours(3))
    assert names(tell(shop, "failed", hours(2))) == ["PayoutFailed"]


def test_of_two_at_one_instant_the_later_to_arrive_is_newer() -> None:
    """Business times have no finer order than they say."""
    shop = refunded_shop()
    for word in ("settled", "failed", "settled", "failed"):
        (fact, *_) = tell(shop, word, hours(0))
        assert getattr(fact, "superseded", None) is False
    assert (the_payout(shop).status, owed(shop)) == ("failed", 250)


def test_not_to_know_makes_no_final_outcome_old() -> None:
    """At noon the gateway cannot tell; in the afternoon it says that it paid in the morning: it is paid."""
    shop = refunded_shop()
    tell(shop, "unknown", hours(2))
    facts = tell(shop, "settled", hours(1))
    assert names(facts) == ["PayoutSettled", "SettlementMoved", "DeadlinesMoved"]
    assert (the_payout(shop).status, owed(shop)) == ("settled", 0)


def test_a_failure_that_another_outcome_hides_still_counts() -> None:
    """Settled in the morning, taken back at noon, unclear since: the morning's settlement, told late, is old news."""
    shop = refunded_shop()
    tell(shop, "failed", hours(2))
    tell(shop, "unknown", hours(3))
    (fact,) = tell(shop, "settled", hours(1))
    assert getattr(fact, "superseded", None) is True
    assert (the_payout(shop).status, owed(shop)) == ("unknown", 250)
