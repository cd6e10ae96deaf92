"""What a deadline asks back by itself, and asks no longer once the goods come and are accepted."""

from __future__ import annotations

from datetime import datetime
from typing import Any

import pytest

from domain.ledger import balance
from domain.order import Order
from tests.support.refusals import states, unit_statuses
from tests.support.shop import Shop, names
from tests.support.stories import POLICY, day, on_return, open_shop, request

AT_APPROVAL: dict[str, Any] = {
    **POLICY,
    "offers": ["refund", "store_credit", "exchange", "replacement"],
    "refund_due": "approval",
    "method": "own_carrier",
    "accept_grades": ["A", "B"],
}
LATE = 40


def receivable(shop: Shop) -> int:
    postings = [posting for fact in shop.history for posting in getattr(fact, "postings", ())]
    return balance(postings, "customer_receivable")


def expire(shop: Shop, line: int = 1) -> datetime:
    """Let the ship-back deadline of a line pass."""
    (deadline,) = (
        one for one in shop.rma().deadlines.values() if (one.kind, one.line, one.status) == ("ship_back", line, "open")
    )
    told = on_return(deadline_id=str(deadline.deadline_id))
    shop.send("PassDeadline", told, actor="clock:deadlines", at=deadline.due_at)
    return deadline.due_at


def come_in(shop: Shop, quantity: int) -> None:
    """Let units arrive after all, long after the deadline."""
    items = [{"line": 1, "quantity": quantity}]
    told = on_return(receipt_id=f"R-{len(shop.history)}", site="WH-1", items=items, complete=False)
    shop.send("ReceiveGoods", told, actor="warehouse:W", at=day(LATE))


def grade(shop: Shop, quantity: int, grade: str = "A", **more: Any) -> list[str]:
    findings = {"grade": grade, "cause": "none_found", "liable_party": "none", "line": 1, "quantity": quantity}
    told = on_return(inspection_id=f"I-{len(shop.history)}", **more) | findings
    return names(shop.send("RecordInspection", told, actor="warehouse:W", at=day(LATE + 1)))


def replaced_shop(units: int = 3) -> Shop:
    """Return a shop in which units of a line of 3 for 1000 were replaced in advance and never came back in time."""
    shop = open_shop(AT_APPROVAL)
    request(shop, {"line_id": "L1", "quantity": units, "reason": "defective", "wish": "replacement"})
    shop.send("ShipReplacement", on_return(line=1, quantity=units), at=day(4))
    expire(shop)
    return shop


def refunded_shop() -> Shop:
    """Return a shop in which all 3 units, 1000, were refunded on approval and never came back in time."""
    shop = open_shop(AT_APPROVAL)
    request(shop, {"line_id": "L1", "quantity": 3})
    expire(shop)
    return shop


def test_goods_replaced_in_advance_that_come_after_all_are_claimed_no_longer() -> None:
    """Claimed because they did not come; they come, an override approves, grade A: the customer owes nothing."""
    shop = replaced_shop()
    assert receivable(shop) == 1000
    come_in(shop, 3)
    approval = [{"line": 1, "quantity": 3, "decision": "approve"}]
    shop.send("OverrideDecision", on_return(lines=approval, approved_by="boss", reason="post strike"), at=day(LATE))
    assert receivable(shop) == 1000
    grade(shop, 3)
    assert receivable(shop) == 0


def test_acceptance_suffices_without_anybody_who_authorizes() -> None:
    """On an expired return, too: no new money moves."""
    shop = replaced_shop()
    come_in(shop, 3)
    facts = grade(shop, 3)
    assert (facts[0], facts[-1]) == ("Inspected", "ClaimReversed")
    assert "RefundRequested" not in facts
    assert receivable(shop) == 0
    assert states(shop, "authorization") == [(3, "expired")]


def test_units_that_come_one_by_one_give_up_their_share_to_the_cent() -> None:
    """1000 over three: 333, 333 and 334."""
    shop = replaced_shop()
    left = []
    for _ in range(3):
        come_in(shop, 1)
        grade(shop, 1)
        left.append(receivable(shop))
    assert left == [667, 334, 0]


def test_what_is_not_accepted_stays_claimed() -> None:
    """Goods that are worn out are not what was asked for."""
    shop = replaced_shop()
    come_in(shop, 3)
    grade(shop, 3, "D")
    assert receivable(shop) == 1000


def test_an_inspection_that_takes_the_place_of_another_gives_the_claim_up_once() -> None:
    """Accepted, refused, accepted again: the claim is gone since the first time."""
    shop = replaced_shop()
    come_in(shop, 3)
    grade(shop, 3)
    first = next(value for name, value in shop.rma().recorded if name == "inspection_id")
    grade(shop, 3, "D", supersedes=first)
    second = [value for name, value in shop.rma().recorded if name == "inspection_id"][-1]
    assert "ClaimReversed" not in grade(shop, 3, supersedes=second)
    assert receivable(shop) == 0


def test_a_claim_that_an_agent_raised_is_an_agents_to_settle() -> None:
    """Only what happened by itself is undone by itself."""
    shop = replaced_shop()
    shop.send("ClaimFromCustomer", on_return(amount_minor=70, reason="not_returned_in_the_box", line=1), at=day(20))
    come_in(shop, 3)
    grade(shop, 3)
    assert receivable(shop) == 70


def test_an_instant_refund_whose_goods_never_come_is_claimed() -> None:
    """What was refunded is owed back when the deadline passes; the units count as returned all the same."""
    shop = refunded_shop()
    assert receivable(shop) == 1000
    (claim,) = shop.order().claims.values()
    assert (claim.reason, claim.line) == ("not_returned_after_refund", 1)
    assert unit_statuses(shop, "L1") == [(3, "returned")]


def test_an_instant_refund_is_claimed_net_of_its_fees() -> None:
    """10 % restocking: 900 went out, 900 are owed."""
    shop = open_shop({**AT_APPROVAL, "fees": {"restocking_bps": 1000}})
    request(shop, {"line_id": "L1", "quantity": 3})
    expire(shop)
    assert receivable(shop) == 900


def test_an_instant_refund_is_claimed_no_longer_when_the_goods_come() -> None:
    """The refund stays the customer's, and is not paid a second time."""
    shop = refunded_shop()
    come_in(shop, 2)
    grade(shop, 2)
    assert receivable(shop) == 334
    come_in(shop, 1)
    grade(shop, 1)
    assert receivable(shop) == 0
    assert sum(refund.amount_minor for refund in shop.order().refunds.values()) == 1000


def test_goods_that_need_not_come_back_are_never_claimed() -> None:
    """Kept by policy: there is no deadline to miss."""
    shop = open_shop({**AT_APPROVAL, "method": "keep"})
    request(shop, {"line_id": "L1", "quantity": 3})
    assert [d for d in shop.rma().deadlines.values() if d.kind == "ship_back"] == []
    assert receivable(shop) == 0


@pytest.mark.parametrize("sent", [1, 2])
def test_only_what_is_still_with_the_customer_is_claimed(sent: int) -> None:
    """Units that came in before the deadline are not asked for."""
    shop = open_shop(AT_APPROVAL)
    request(shop, {"line_id": "L1", "quantity": 3})
    items = [{"line": 1, "quantity": sent}]
    shop.send("ReceiveGoods", on_return(receipt_id="R", site="W", items=items, complete=False), at=day(6))
    expire(shop)
    assert receivable(shop) == 1000 - 1000 * sent // 3


def test_the_claim_says_which_units_it_is_for() -> None:
    """By them it is found when they come."""
    shop = replaced_shop(2)
    (raised,) = (fact for fact in shop.history if isinstance(fact, Order.ClaimRaised))
    assert [(run.line_id, run.first, run.count) for run in raised.units] == [("L1", 1, 2)]
