"""The status of a return, its next step, and its end."""

from __future__ import annotations

from typing import Any

import pytest

from domain.rma.run_state import RunState
from domain.rma.status import next_step, status_of
from tests.support.refusals import refused
from tests.support.shop import Shop, names
from tests.support.stories import POLICY, day, inspect, on_return, open_shop, receive, request, settle_all

AUTHORIZED: dict[str, Any] = {"authorization": "authorized"}
RECEIVED: dict[str, Any] = {**AUTHORIZED, "logistics": "received"}
INSPECTED: dict[str, Any] = {**RECEIVED, "inspection": "inspected"}
OPEN = ("pending", "failed", "unknown")
GOODS = ("exchange", "replacement", "repair", "send_back")


def state(**fields: Any) -> RunState:
    return RunState(**fields)


@pytest.mark.parametrize(
    ("fields", "status", "step"),
    [
        ({}, "requested", "decide"),
        ({"authorization": "needs_review"}, "needs_review", "decide"),
        ({"authorization": "needs_review", "logistics": "received"}, "needs_review", "decide"),
        (AUTHORIZED, "authorized", "ship"),
        ({**AUTHORIZED, "resolution": "refund", "settlement": "settled"}, "authorized", "ship"),
        ({**AUTHORIZED, "logistics": "in_transit"}, "in_transit", "receive"),
        ({**AUTHORIZED, "logistics": "delivered"}, "in_transit", "receive"),
        ({**AUTHORIZED, "logistics": "lost"}, "in_transit", "receive"),
        ({**AUTHORIZED, "logistics": "lost", "resolution": "refund", "settlement": "settled"}, "resolved", "close"),
        (RECEIVED, "received", "inspect"),
        ({**RECEIVED, "inspection": "held"}, "received", "inspect"),
        ({**RECEIVED, "resolution": "refund", "settlement": "settled"}, "received", "inspect"),
        (INSPECTED, "inspected", "resolve"),
        *(({**INSPECTED, "resolution": "refund", "settlement": s}, "inspected", "pay") for s in OPEN),
        ({**INSPECTED, "resolution": "refund", "settlement": "settled"}, "resolved", "close"),
        ({**INSPECTED, "resolution": "store_credit", "settlement": "settled"}, "resolved", "close"),
        ({**INSPECTED, "resolution": "none"}, "resolved", "close"),
        *(({**INSPECTED, "resolution": r}, "inspected", "resolve") for r in GOODS),
        *(({**INSPECTED, "resolution": r, "goods_sent": True}, "resolved", "close") for r in GOODS),
        ({**INSPECTED, "resolution": "exchange", "goods_sent": True, "settlement": "pending"}, "inspected", "pay"),
        ({**AUTHORIZED, "logistics": "kept", "resolution": "refund", "settlement": "pending"}, "inspected", "pay"),
        ({**AUTHORIZED, "logistics": "kept", "resolution": "refund", "settlement": "settled"}, "resolved", "close"),
        ({"authorization": "denied"}, "denied", "none"),
        ({"authorization": "denied", "logistics": "received"}, "denied", "none"),
        ({"authorization": "expired"}, "expired", "none"),
        ({"authorization": "withdrawn"}, "withdrawn", "none"),
    ],
)  # fmt: skip
def test_where_a_unit_stands_and_what_comes_next(fields: dict[str, Any], status: str, step: str) -> None:
    """The stages in their order, and the step that follows each."""
    found = status_of([state(**fields)], closed=False)
    assert (found, next_step(found, [state(**fields)])) == (status, step)


def test_a_return_shows_its_least_advanced_line() -> None:
    """The one that is furthest behind, of those that count."""
    stages = [
        {}, {"authorization": "needs_review"}, AUTHORIZED, {**AUTHORIZED, "logistics": "lost"}, RECEIVED, INSPECTED,
        {**INSPECTED, "resolution": "none"},
    ]  # fmt: skip
    expected = ["requested", "needs_review", "authorized", "in_transit", "received", "inspected", "resolved"]
    for index, status in enumerate(expected):
        assert status_of([state(**fields) for fields in reversed(stages[index:])], closed=False) == status


@pytest.mark.parametrize(
    ("dropped", "status"),
    [
        (["withdrawn", "expired", "denied"], "denied"),
        (["withdrawn", "expired"], "expired"),
        (["withdrawn"], "withdrawn"),
    ],
)
def test_given_up_units_count_only_where_all_are(dropped: list[str], status: str) -> None:
    """Denied before expired before withdrawn, unless any other line is left; short and strange ones do not count."""
    given_up = [state(authorization=word) for word in dropped]
    missing = [state(**AUTHORIZED, logistics=word) for word in ("short", "wrong_item")]
    assert status_of([*given_up, *missing], closed=False) == status
    assert status_of([*given_up, *missing, state(**RECEIVED)], closed=False) == "received"


def test_a_closed_return_is_closed() -> None:
    """Whatever its lines say; and nothing comes next."""
    assert status_of([state()], closed=True) == "closed"
    assert next_step("closed", [state()]) == "none"


def test_an_undecided_unit_asks_for_a_decision_before_money() -> None:
    """Where one unit waits for a decision and another for money, resolve comes first."""
    states = [state(**INSPECTED), state(**INSPECTED, resolution="refund", settlement="pending")]
    assert next_step("inspected", states) == "resolve"


# the end of a return


def through(**policy: Any) -> Shop:
    """Return a shop with a return whose money is out."""
    shop = open_shop({**POLICY, **policy})
    request(shop, {"line_id": "L1", "quantity": 1})
    receive(shop, (1, 1))
    inspect(shop, 1, 1)
    settle_all(shop)
    return shop


def test_a_return_is_closed_when_nothing_is_open() -> None:
    """Open lines are refused; so is closing twice. Reopened, it shows its lines again."""
    shop = open_shop()
    request(shop, {"line_id": "L1", "quantity": 1})
    closing, reopening = on_return(reason="done"), on_return(reason="not done")
    refused(shop, "lines_open", "CloseReturn", closing, status="authorized")
    refused(shop, "wrong_state", "ReopenReturn", reopening)

    shop = through()
    assert names(shop.send("CloseReturn", closing, at=day(9))) == ["Closed", "DeadlinesMoved"]
    assert shop.rma().status == "closed"
    refused(shop, "wrong_state", "CloseReturn", closing, status="closed")
    assert names(shop.send("ReopenReturn", reopening, at=day(10)))[0] == "Reopened"
    assert shop.rma().status == "resolved"


@pytest.mark.parametrize("reason", ["gift", "other"])
def test_a_denied_return_may_be_closed_but_not_one_that_waits(reason: str) -> None:
    """What is denied is at its end; what waits for a person is open."""
    rules = [
        {"name": "no", "when": {"fact": "reason", "is": "gift"}, "then": {"decide": "deny", "code": "no"}},
        {"name": "look", "when": {"fact": "reason", "is": "other"}, "then": {"decide": "review", "code": "look"}},
    ]
    shop = open_shop({**POLICY, "rules": rules})
    request(shop, {"line_id": "L1", "quantity": 1, "reason": reason})
    if reason == "other":
        refused(shop, "lines_open", "CloseReturn", on_return(reason="x"), status="needs_review")
    else:
        shop.send("CloseReturn", on_return(reason="x"))
        assert shop.rma().status == "closed"


CLOSED = [
    ("CorrectRequest", {"line": 1, "quantity": 1}),
    ("WithdrawReturn", {}),
    ("DecideRequest", {"lines": [{"line": 1, "quantity": 1, "decision": "approve"}]}),
    (
        "OverrideDecision",
        {"lines": [{"line": 1, "quantity": 1, "decision": "deny"}], "approved_by": "boss", "reason": "x"},
    ),
    ("AppealDenial", {"line": 1, "grounds": "x"}),
    ("HoldGoods", {"line": 1, "quantity": 1, "reason": "x"}),
    ("ReleaseGoods", {"line": 1, "quantity": 1, "reason": "x"}),
    ("DecideDisposition", {"line": 1, "quantity": 1, "disposition": "scrap"}),
    ("DecideResolution", {"line": 1, "quantity": 1, "resolution": "refund"}),
    ("ShipReplacement", {"line": 1, "quantity": 1}),
    ("RecordRepair", {"line": 1, "quantity": 1}),
    ("SendBack", {"line": 1, "quantity": 1}),
]


@pytest.mark.parametrize(("name", "data"), CLOSED)
def test_a_closed_return_is_left_alone(name: str, data: dict[str, Any]) -> None:
    """Decisions on a closed return are refused until it is reopened."""
    shop = through()
    shop.send("CloseReturn", on_return(reason="done"), at=day(9))
    code = "already_shipped" if name == "CorrectRequest" else "wrong_state"
    refused(shop, code, name, on_return(**data), at=day(10))


def test_facts_of_the_world_reach_a_closed_return() -> None:
    """A settled payout that fails, a late scan, goods that turn up: closing does not undo the world."""
    shop = through()
    shop.send("CloseReturn", on_return(reason="done"), at=day(9))
    payout = next(iter(shop.order().payouts))
    failed = on_return(payout_id=str(payout), outcome="failed")
    assert names(shop.send("RecordPayoutOutcome", failed, actor="gateway:g", at=day(10))) == [
        "PayoutFailed", "SettlementMoved",
    ]  # fmt: skip
    scan = on_return(tracking_number="T", scan_id="S", status="delivered")
    assert names(shop.send("RecordScan", scan, at=day(10))) == ["Scanned"]
    found = on_return(receipt_id="R", site="W", items=[{"line": 1, "quantity": 1}], complete=True)
    assert names(shop.send("ReceiveGoods", found, at=day(10))) == ["Received", "DiscrepancyFound"]


def test_feedback_is_given_once_from_authorization_on() -> None:
    """Before authorization and a second time it is refused; after the close it is welcome."""
    rule = {"name": "look", "when": {"fact": "quantity", "at_least": 1}, "then": {"decide": "review", "code": "look"}}
    waiting = open_shop({**POLICY, "rules": [rule]})
    request(waiting, {"line_id": "L1", "quantity": 1})
    said = on_return(score=5, comment="fine")
    refused(waiting, "wrong_state", "GiveFeedback", said, actor="customer:C-1")

    shop = through()
    shop.send("CloseReturn", on_return(reason="done"), at=day(9))
    assert names(shop.send("GiveFeedback", said, actor="customer:C-1", at=day(10))) == ["FeedbackGiven"]
    refused(shop, "wrong_state", "GiveFeedback", said, actor="customer:C-1")
