"""News that goods were sent in time, told after they expired: what is still to be had is taken up again."""

from __future__ import annotations

from datetime import timedelta
from typing import Any
from uuid import UUID

import pytest

from domain.fact import Fact
from tests.support.refusals import refused, states, unchanged, unit_statuses
from tests.support.shop import Shop, names
from tests.support.stories import POLICY, day, on_return, open_shop, request
from tests.unit.domain.case.test_claims import AT_APPROVAL, expire, receivable

OTHER = UUID(int=2)
FIRST_SCANS = ("accepted", "in_transit", "out_for_delivery", "delivered")
EARLY = timedelta(hours=-1)


def expired_shop(policy: dict[str, Any] | None = None, units: int = 3) -> tuple[Shop, Any]:
    """Return a shop in which units of a line of 3 expired, and when they had been due."""
    shop = open_shop(policy or {**POLICY, "refund_due": "first_scan", "method": "own_carrier"})
    request(shop, {"line_id": "L1", "quantity": units})
    return shop, expire(shop)


def hand_over(shop: Shop, at: Any, **more: Any) -> list[Fact]:
    return shop.send("RecordHandover", on_return(**more), actor="carrier:DHL", at=at)


def scan(status: str, number: int = 1) -> dict[str, Any]:
    return on_return(tracking_number="JJD-1", scan_id=f"S-{number}", status=status)


@pytest.mark.parametrize("late", [EARLY, timedelta(0)])
def test_a_hand_over_by_the_deadline_revives(late: timedelta) -> None:
    """At its very instant, too: authorized again, on their way, and paid at the first scan, in one append."""
    shop, due_at = expired_shop()
    facts = names(hand_over(shop, due_at + late))
    assert facts[:3] == ["Revived", "UnitsTaken", "HandedOver"]
    assert "RefundRequested" in facts
    assert states(shop, "authorization", "logistics") == [(3, "authorized", "in_transit")]
    assert unit_statuses(shop, "L1") == [(3, "in_return")]


def test_a_hand_over_after_the_deadline_does_not() -> None:
    """One second later nothing waits to be handed over."""
    shop, due_at = expired_shop()
    refused(shop, "wrong_state", "RecordHandover", on_return(), actor="carrier:DHL", at=due_at + timedelta(seconds=1))
    assert states(shop, "authorization") == [(3, "expired")]


@pytest.mark.parametrize("status", FIRST_SCANS)
def test_a_first_scan_by_the_deadline_revives(status: str) -> None:
    """The carrier saw the parcel in time, whatever was told first."""
    shop, due_at = expired_shop()
    facts = shop.send("RecordScan", scan(status), actor="carrier:DHL", at=due_at + EARLY)
    assert names(facts)[:3] == ["Revived", "UnitsTaken", "Scanned"]
    assert states(shop, "authorization") == [(3, "authorized")]


@pytest.mark.parametrize(("status", "late"), [("exception", EARLY), ("lost", EARLY), ("accepted", timedelta(hours=1))])
def test_other_scans_revive_nothing(status: str, late: timedelta) -> None:
    """They do not say that the goods left in time; they are recorded."""
    shop, due_at = expired_shop()
    assert names(shop.send("RecordScan", scan(status), actor="carrier:DHL", at=due_at + late)) == ["Scanned"]
    assert states(shop, "authorization") == [(3, "expired")]


def test_units_that_another_return_asked_for_stay_there() -> None:
    """Two of three went elsewhere: the third is revived."""
    shop, due_at = expired_shop()
    request(shop, {"line_id": "L1", "quantity": 2}, rma_id=OTHER, on=25)
    hand_over(shop, due_at + EARLY)
    assert states(shop, "authorization", "logistics") == [
        (2, "expired", "with_customer"),
        (1, "authorized", "in_transit"),
    ]
    assert states(shop, "authorization", rma_id=OTHER) == [(2, "authorized")]


def test_a_hand_over_of_what_went_elsewhere_is_recorded_and_moves_nothing() -> None:
    """It is a fact, though nothing is left to revive; told again, it is no second one."""
    shop, due_at = expired_shop()
    request(shop, {"line_id": "L1", "quantity": 3}, rma_id=OTHER, on=25)
    assert names(hand_over(shop, due_at + EARLY)) == ["HandedOver"]
    assert states(shop, "authorization") == [(3, "expired")]
    unchanged(shop, "RecordHandover", on_return(), actor="carrier:DHL", at=due_at + EARLY)


def test_what_was_claimed_is_claimed_no_longer() -> None:
    """An early refund of 1000, claimed when the deadline passed: it had been sent in time."""
    shop, due_at = expired_shop({**AT_APPROVAL})
    assert receivable(shop) == 1000
    hand_over(shop, due_at + EARLY)
    assert receivable(shop) == 0
    assert sum(refund.amount_minor for refund in shop.order().refunds.values()) == 1000


def test_a_return_that_was_closed_since_is_open_again() -> None:
    """Somebody closed it as expired; there is something to do after all."""
    shop, due_at = expired_shop()
    shop.send("CloseReturn", on_return(reason="expired"), at=due_at + timedelta(days=1))
    assert "Reopened" in names(hand_over(shop, due_at + EARLY))
    assert shop.rma().status == "in_transit"


def test_only_the_units_of_the_parcel_are_revived() -> None:
    """A label for one unit: its hand-over says nothing of the others."""
    shop = open_shop({**POLICY, "method": "label"})
    request(shop, {"line_id": "L1", "quantity": 3})
    label = {"label_id": "LB", "carrier": "DHL", "tracking_number": "JJD-1", "ship_to": "WH-1"}
    shop.send("IssueLabel", on_return(lines=[{"line": 1, "quantity": 1}]) | label, at=day(4))
    due_at = expire(shop)
    hand_over(shop, due_at + EARLY, tracking_number="JJD-1")
    assert states(shop, "authorization") == [(1, "authorized"), (2, "expired")]
