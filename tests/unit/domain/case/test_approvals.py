"""Second persons: money of an agent's beyond policy's limit needs one, and nobody is one to himself."""

from __future__ import annotations

from typing import Any

import pytest

from domain.order import Order
from domain.rma import Rma
from tests.support.refusals import refused, unchanged
from tests.support.shop import Shop
from tests.support.stories import POLICY, day, inspect, on_return, open_shop, receive, request

LIMITED = {**POLICY, "limits": {"agent_minor": 200}, "refund_due": "inspection"}
RESOLVE = on_return(line=1, quantity=1, resolution="refund")


def waiting(policy: dict[str, Any] | None = None) -> Shop:
    """Return a shop in which units of L1 (3 for 1000) wait for a person."""
    shop = open_shop(policy or LIMITED)
    request(shop, {"line_id": "L1", "quantity": 3})
    receive(shop, (1, 3))
    inspect(shop, 1, 3, grade="D", cause="wear", liable_party="customer")
    return shop


def order_refund(amount_minor: int) -> dict[str, Any]:
    lines = [{"line_id": "L2", "quantity": 2, "amount_minor": amount_minor}]
    return {"order_id": "O-1", "refund_request_id": "Q-1", "lines": lines, "reason": "late"}


MONEY = [
    ("DecideResolution", RESOLVE),
    ("GrantGoodwill", on_return(reason="sorry", grant_id="G-1")),
    ("ClaimFromCustomer", on_return(reason="wear", claim_id="C-1")),
]


@pytest.mark.parametrize(("name", "data"), MONEY, ids=[name for name, _ in MONEY])
def test_money_above_the_limit_needs_approval(name: str, data: dict[str, Any]) -> None:
    """The limit itself is free, a cent more is not; approved by another, it is done and says by whom."""
    shop = waiting()
    told = {**data, "amount_minor": 201}
    refused(shop, "approval_needed", name, told, at=day(8), asked=201, limit_minor=200)
    for same in ("A1", "agent:A1"):
        refused(shop, "second_person_needed", name, {**told, "approved_by": same}, at=day(8), agent_id="A1")
    approved = {**told, "approved_by": "agent:B2"}
    first = shop.send(name, approved, at=day(8))[0]
    assert first.approved_by == "agent:B2"  # type: ignore[attr-defined]
    if name != "DecideResolution":
        unchanged(shop, name, approved, at=day(9))
    shop = waiting()
    assert shop.send(name, {**data, "amount_minor": 200}, at=day(8))


def test_a_refund_of_an_order_needs_approval_by_its_sum() -> None:
    """Lines and shipping together."""
    shop = waiting()
    refused(shop, "approval_needed", "RefundOrder", order_refund(201), at=day(8), limit_minor=200)
    same = {**order_refund(100), "approved_by": "A1"}
    refused(shop, "second_person_needed", "RefundOrder", same, at=day(8))
    assert shop.send("RefundOrder", {**order_refund(201), "approved_by": "B2"}, at=day(8))


def test_a_failed_payout_that_becomes_store_credit_needs_approval() -> None:
    """To tenders it goes back as it should have; as store credit above the limit a second person lets it."""
    shop = waiting()
    shop.send("DecideResolution", {**RESOLVE, "quantity": 3}, at=day(8))
    payout = next(p for p in shop.order().payouts.values() if p.tender_id == "T2")
    failed = on_return(payout_id=str(payout.payout_id), outcome="failed")
    shop.send("RecordPayoutOutcome", failed, actor="gateway:g", at=day(9))
    retry = on_return(payout_id=str(payout.payout_id))
    credit = {**retry, "as_store_credit": True}
    refused(shop, "approval_needed", "RetryPayout", credit, at=day(9), asked=600, limit_minor=200)
    (retried, *_) = shop.send("RetryPayout", {**credit, "approved_by": "B2"}, at=day(9))
    assert isinstance(retried, Order.PayoutRetried)
    assert retried.approved_by == "B2"


def test_policys_own_amount_is_nobodys() -> None:
    """Without an amount 1000 go back, and nobody need approve; without a limit nothing needs approval."""
    shop = waiting()
    (decided, *_) = shop.send("DecideResolution", {**RESOLVE, "quantity": 3}, at=day(8))
    assert isinstance(decided, Rma.ResolutionDecided)
    assert decided.approved_by is None
    assert waiting(POLICY).send("GrantGoodwill", on_return(amount_minor=10**6, reason="x"), at=day(8))


def test_the_version_that_the_order_is_held_to_says_the_limit() -> None:
    """A stricter version of later changes nothing."""
    shop = waiting()
    later = {"policy_id": "standard", "effective_from": "2027-01-01T00:00:00Z"}
    shop.send("PublishPolicy", {**later, "document": {**POLICY, "limits": {"agent_minor": 1}}}, at=day(8))
    assert shop.send("DecideResolution", {**RESOLVE, "amount_minor": 200}, at=day(8))


def test_nobody_overrides_with_his_own_approval() -> None:
    """An override always names a second person."""
    shop = open_shop()
    request(shop, {"line_id": "L1", "quantity": 1})
    told = on_return(lines=[{"line": 1, "quantity": 1, "decision": "deny"}], reason="x")
    refused(shop, "second_person_needed", "OverrideDecision", {**told, "approved_by": "agent:A1"}, at=day(4))
    assert shop.send("OverrideDecision", {**told, "approved_by": "boss"}, at=day(4))
