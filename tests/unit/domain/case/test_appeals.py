"""Appeals: against a denial, or against what followed from an inspection; answered by another person than decided."""

from __future__ import annotations

from typing import Any

import pytest

from tests.support.conservation import check
from tests.support.refusals import refused, states, unit_statuses
from tests.support.shop import Shop, names
from tests.support.stories import POLICY, day, inspect, on_return, open_shop, receive, request

CUSTOMER = "customer:C-1"
DENYING = {
    **POLICY,
    "rules": [{"name": "no", "when": {"fact": "reason", "is": "gift"}, "then": {"decide": "deny", "code": "no_gifts"}}],
}
FEES = {**POLICY, "fees": {"restocking_bps": 1000}}
APPEAL = on_return(line=1, grounds="it came like that")


def refused_goods(policy: dict[str, Any] | None = None, quantity: int = 3, **line: Any) -> Shop:
    """Return a shop in which units of L1 (3 for 1000) were inspected against the customer."""
    shop = open_shop(policy)
    request(shop, {"line_id": "L1", "quantity": quantity, **line})
    receive(shop, (1, quantity))
    inspect(shop, 1, quantity, grade="D", cause="wear", liable_party="customer")
    return shop


def decided(resolution: str, quantity: int = 3, *, actor: str = "agent:A1", **more: Any) -> Shop:
    shop = refused_goods(quantity=quantity)
    told = on_return(line=1, quantity=quantity, resolution=resolution, **more)
    shop.send("DecideResolution", told, actor=actor, at=day(8))
    return shop


def answer(decision: str, quantity: int = 3, **more: Any) -> dict[str, Any]:
    return on_return(lines=[{"line": 1, "quantity": quantity, "decision": decision, **more}])


def refunded(shop: Shop) -> list[int]:
    return [refund.amount_minor for refund in shop.order().refunds.values()]


def appeal_deadlines(shop: Shop) -> list[tuple[str, str]]:
    found = [deadline for deadline in shop.rma().deadlines.values() if deadline.kind == "appeal"]
    return [(f"{deadline.due_at:%Y-%m-%d}", deadline.status) for deadline in found]


@pytest.mark.parametrize("resolution", [None, "none", "send_back"])
def test_an_inspection_may_be_appealed_against(resolution: str | None) -> None:
    """Whether a person decided since or not: it needs review again, and approved all goes back that policy grants."""
    shop = refused_goods() if resolution is None else decided(resolution)
    facts = shop.send("AppealDenial", APPEAL, actor=CUSTOMER, at=day(9))
    assert names(facts) == ["DenialAppealed", "DeadlinesMoved"]
    assert shop.rma().status == "needs_review"
    refused(shop, "wrong_state", "AppealDenial", APPEAL, actor=CUSTOMER, at=day(9))
    refused(shop, "quantity_exceeded", "SendBack", on_return(line=1, quantity=3), actor="warehouse:W", at=day(9))
    shop.send("DecideRequest", answer("approve"), actor="agent:B2", at=day(10))
    assert refunded(shop) == [1000]
    assert states(shop, "authorization", "resolution") == [(3, "authorized", "refund")]
    assert unit_statuses(shop, "L1") == [(3, "returned")]
    check(shop)


def test_what_was_deducted_may_be_appealed_against() -> None:
    """600 of 1000 were paid: approved, the other 400 follow; then nothing is left to appeal for."""
    shop = decided("refund", amount_minor=600)
    shop.send("AppealDenial", APPEAL, actor=CUSTOMER, at=day(9))
    shop.send("DecideRequest", answer("approve"), actor="agent:B2", at=day(10))
    assert refunded(shop) == [600, 400]
    refused(shop, "wrong_state", "AppealDenial", APPEAL, actor=CUSTOMER, at=day(11))
    check(shop)


def test_policys_fees_are_taken_of_what_is_granted() -> None:
    """10 % restocking on what an appeal gives."""
    shop = refused_goods(FEES)
    shop.send("AppealDenial", APPEAL, actor=CUSTOMER, at=day(9))
    shop.send("DecideRequest", answer("approve"), actor="agent:B2", at=day(10))
    assert refunded(shop) == [900]
    check(shop)


def test_what_was_paid_in_full_is_not_against_anybody() -> None:
    """A refund by policy's own figures after the inspection leaves nothing to appeal against."""
    refused(decided("refund"), "wrong_state", "AppealDenial", APPEAL, actor=CUSTOMER, at=day(9))


def test_an_accepted_inspection_is_not_against_anybody() -> None:
    """Nothing of the line was refused."""
    shop = open_shop()
    request(shop, {"line_id": "L1", "quantity": 1})
    refused(shop, "wrong_state", "AppealDenial", APPEAL, actor=CUSTOMER, at=day(4))


def test_a_denied_appeal_stands_until_something_new_is_decided() -> None:
    """What was decided stays as it was; a superseding inspection may be appealed against again."""
    shop = decided("none")
    shop.send("AppealDenial", APPEAL, actor=CUSTOMER, at=day(9))
    shop.send("DecideRequest", answer("deny", code="worn"), actor="agent:B2", at=day(10))
    assert states(shop, "authorization", "resolution") == [(3, "authorized", "none")]
    assert unit_statuses(shop, "L1") == [(3, "returned")]
    refused(shop, "wrong_state", "AppealDenial", APPEAL, actor=CUSTOMER, at=day(11))
    inspect(shop, 1, 3, "I-2", supersedes="I-1", grade="C", cause="wear", liable_party="customer")
    shop.send("AppealDenial", APPEAL, actor=CUSTOMER, at=day(12))
    assert shop.rma().status == "needs_review"
    check(shop)


def test_a_denial_is_appealed_once() -> None:
    """The answer to an appeal is the last word, until a person denies anew."""
    shop = open_shop(DENYING)
    request(shop, {"line_id": "L1", "quantity": 1, "reason": "gift"})
    assert shop.rma().denial_code == "no_gifts"
    shop.send("AppealDenial", APPEAL, actor=CUSTOMER, at=day(4))
    assert shop.rma().denial_code is None
    shop.send("DecideRequest", answer("deny", 1, code="still_no"), at=day(5))
    assert (shop.rma().status, shop.rma().denial_code) == ("denied", "still_no")
    refused(shop, "wrong_state", "AppealDenial", APPEAL, actor=CUSTOMER, at=day(6))
    override = {"approved_by": "boss", "reason": "x"}
    shop.send("OverrideDecision", {**answer("approve", 1), **override}, at=day(7))
    shop.send("OverrideDecision", {**answer("deny", 1), **override}, at=day(8))
    shop.send("AppealDenial", APPEAL, actor=CUSTOMER, at=day(9))
    assert shop.rma().status == "needs_review"


# who answers


def test_who_decided_does_not_answer_the_appeal() -> None:
    """Another agent does; a warehouse's inspection or policy's denial any agent may answer."""
    shop = decided("none", actor="agent:A1")
    shop.send("AppealDenial", APPEAL, actor=CUSTOMER, at=day(9))
    refused(shop, "second_person_needed", "DecideRequest", answer("approve"), at=day(10), agent_id="A1")
    shop.send("DecideRequest", answer("approve"), actor="agent:B2", at=day(10))

    by_policy = open_shop(DENYING)
    request(by_policy, {"line_id": "L1", "quantity": 1, "reason": "gift"})
    by_policy.send("AppealDenial", APPEAL, actor=CUSTOMER, at=day(4))
    by_policy.send("DecideRequest", answer("approve", 1), at=day(5))


def test_who_denied_does_not_answer_the_appeal() -> None:
    """Neither after a review nor after an override."""
    look = {"name": "look", "when": {"fact": "reason", "is": "other"}, "then": {"decide": "review", "code": "look"}}
    shop = open_shop({**POLICY, "rules": [look]})
    request(shop, {"line_id": "L1", "quantity": 1, "reason": "other"})
    shop.send("DecideRequest", answer("deny", 1), at=day(4))
    shop.send("AppealDenial", APPEAL, actor=CUSTOMER, at=day(5))
    refused(shop, "second_person_needed", "DecideRequest", answer("deny", 1), at=day(6), agent_id="A1")
    shop.send("DecideRequest", answer("approve", 1), actor="agent:B2", at=day(6))
    assert shop.rma().status == "authorized"


def test_an_appeal_is_not_overridden() -> None:
    """It is answered: the refusal says by what."""
    shop = open_shop(DENYING)
    request(shop, {"line_id": "L1", "quantity": 1, "reason": "gift"})
    shop.send("AppealDenial", APPEAL, actor=CUSTOMER, at=day(4))
    told = {**answer("approve", 1), "approved_by": "boss", "reason": "x"}
    with pytest.raises(Exception, match="the line is appealed: DecideRequest answers it"):
        shop.send("OverrideDecision", told, at=day(5))


# in time


def test_the_time_to_appeal_runs_from_the_last_decision() -> None:
    """30 days from the inspection, of 8 March; from the decision of 9 March anew; then it is over."""
    shop = refused_goods()
    assert appeal_deadlines(shop) == [("2026-04-08", "open")]
    shop.send("DecideResolution", on_return(line=1, quantity=3, resolution="none"), at=day(8))
    assert appeal_deadlines(shop) == [("2026-04-08", "cancelled"), ("2026-04-09", "open")]
    deadline = next(d for d in shop.rma().deadlines.values() if d.kind == "appeal" and d.is_open)
    passed = on_return(deadline_id=str(deadline.deadline_id))
    shop.send("PassDeadline", passed, actor="clock:deadlines", at=deadline.due_at)
    refused(shop, "wrong_state", "AppealDenial", APPEAL, actor=CUSTOMER, at=deadline.due_at)


def test_an_appeal_ends_the_deadline() -> None:
    """It came in time."""
    shop = refused_goods()
    shop.send("AppealDenial", APPEAL, actor=CUSTOMER, at=day(9))
    assert appeal_deadlines(shop) == [("2026-04-08", "met")]
