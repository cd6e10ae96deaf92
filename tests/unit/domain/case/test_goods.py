"""Goods on their way, at the dock, and out again: what arrives is a fact, whoever expected it."""

from __future__ import annotations

from typing import Any
from uuid import UUID

import pytest

from domain.fact import Fact
from domain.rma import Rma
from domain.rma.parts import LineSerials
from tests.support.refusals import refused, states, unchanged, unit_statuses
from tests.support.shop import RMA_ID, Shop, names
from tests.support.stories import ORDER, POLICY, day, inspect, on_return, open_shop, receive, request

OTHER = UUID(int=2)
LABEL: dict[str, Any] = {"label_id": "LB", "carrier": "DHL", "tracking_number": "T", "ship_to": "WH-1"}
DENYING = {**POLICY, "rules": [
    {"name": "no", "when": {"fact": "reason", "is": "gift"}, "then": {"decide": "deny", "code": "no"}},
    {"name": "look", "when": {"fact": "reason", "is": "other"}, "then": {"decide": "review", "code": "look"}},
]}  # fmt: skip


def a_return(quantity: int = 3, policy: dict[str, Any] | None = None, **line: Any) -> Shop:
    """Return a shop in which units of L1 are asked for."""
    shop = open_shop(policy)
    request(shop, {"line_id": "L1", "quantity": quantity, **line})
    return shop


def scan(status: str, scan_id: str = "S-1", **more: Any) -> dict[str, Any]:
    return on_return(tracking_number="T", scan_id=scan_id, status=status, **more)


def receipt(*items: tuple[int, int], name: str = "R-1", complete: bool = True, **more: Any) -> dict[str, Any]:
    told = [{"line": line, "quantity": quantity} for line, quantity in items]
    return on_return(receipt_id=name, site="WH-1", items=told, complete=complete, **more)


def discrepancies(facts: list[Fact]) -> list[tuple[str, int | None, int]]:
    found = [fact for fact in facts if type(fact).__name__ == "DiscrepancyFound"]
    return [(fact.kind, fact.line, fact.quantity) for fact in found]  # type: ignore[attr-defined]


# labels, hand-over, scans


def test_a_label_is_issued_once_for_what_is_authorized() -> None:
    """The same label again is nothing new; another under its id, or for a denied return, is refused."""
    shop = a_return()
    assert names(shop.send("IssueLabel", on_return(**LABEL), actor="system:labels")) == ["LabelIssued"]
    unchanged(shop, "IssueLabel", on_return(**LABEL))
    refused(shop, "label_id_reused", "IssueLabel", on_return(**{**LABEL, "carrier": "UPS"}))
    refused(a_return(policy=DENYING, reason="gift"), "wrong_state", "IssueLabel", on_return(**LABEL))


def test_a_hand_over_moves_what_is_to_be_sent_once() -> None:
    """Handed over, units are in transit; told again, nothing is new; with nothing to send it is refused."""
    shop = a_return(2)
    facts = shop.send("RecordHandover", on_return(drop_off="shop 7"), actor="carrier:DHL", at=day(4))
    assert names(facts) == ["HandedOver", "DeadlinesMoved"]
    assert shop.rma().status == "in_transit"
    unchanged(shop, "RecordHandover", on_return(drop_off="shop 7"), at=day(5))
    refused(a_return(policy=DENYING, reason="gift"), "wrong_state", "RecordHandover", on_return())


def test_a_scan_three_times_and_out_of_order_moves_goods_once() -> None:
    """The same scan is one fact; an older one never moves goods back; another under its id is refused."""
    shop = a_return(1)
    shop.send("RecordScan", scan("delivered", "S-3"), actor="carrier:DHL", at=day(6))
    for at in (6, 7, 6):
        unchanged(shop, "RecordScan", scan("delivered", "S-3"), at=day(at))
    shop.send("RecordScan", scan("in_transit", "S-2"), at=day(5))
    shop.send("RecordScan", scan("accepted", "S-1"), at=day(4))
    shop.send("RecordScan", scan("lost", "S-0"), at=day(5))

    assert states(shop, "logistics") == [(1, "delivered")]
    refused(shop, "scan_id_reused", "RecordScan", scan("lost", "S-3"), at=day(6))


@pytest.mark.parametrize(
    ("status", "logistics"),
    [
        ("accepted", "in_transit"),
        ("in_transit", "in_transit"),
        ("out_for_delivery", "in_transit"),
        ("delivered", "delivered"),
        ("exception", "with_customer"),
        ("lost", "lost"),
    ],
)
def test_what_each_scan_says_of_the_goods(status: str, logistics: str) -> None:
    """The first four are a first scan; an exception moves nothing; lost goods stay in transit for the return."""
    shop = a_return(1)
    shop.send("RecordScan", scan(status), at=day(4))
    assert states(shop, "logistics") == [(1, logistics)]
    assert shop.rma().status == ("authorized" if status == "exception" else "in_transit")


@pytest.mark.parametrize("first", ["accepted", "in_transit", "out_for_delivery", "delivered"])
def test_a_refund_due_at_the_first_scan_follows_it(first: str) -> None:
    """The first scan pays, a lost one does not, and no scan pays twice."""
    shop = a_return(1, {**POLICY, "refund_due": "first_scan"})
    shop.send("RecordScan", scan("exception", "S-0"), at=day(4))
    assert not shop.order().refunds
    for index, status in enumerate([first, "delivered"], start=1):
        shop.send("RecordScan", scan(status, f"S-{index}"), at=day(4 + index))
    assert len(shop.order().refunds) == 1


def test_lost_goods_turn_up_again() -> None:
    """A later sighting finds what was lost, and so does the dock."""
    shop = a_return(1)
    shop.send("RecordScan", scan("lost", "S-1"), at=day(5))
    shop.send("RecordScan", scan("in_transit", "S-2"), at=day(6))
    assert states(shop, "logistics") == [(1, "in_transit")]
    shop.send("RecordScan", scan("lost", "S-3"), at=day(7))
    shop.send("ReceiveGoods", receipt((1, 1)), at=day(8))
    assert states(shop, "logistics") == [(1, "received")]


@pytest.mark.parametrize(
    ("resolution", "leaves"), [("refund", "returned"), ("replacement", "returned"), ("none", "free")]
)
def test_lost_units_stay_in_the_return_until_someone_resolves_them(resolution: str, leaves: str) -> None:
    """Made good they count as returned, else they are free again; either way the books are even."""
    shop = a_return(3)
    shop.send("RecordScan", scan("lost"), at=day(5))
    assert unit_statuses(shop, "L1") == [(3, "in_return")]
    shop.send("DecideResolution", on_return(line=1, quantity=3, resolution=resolution), at=day(6))
    assert unit_statuses(shop, "L1") == [(3, leaves)]


# receipts


def test_a_receipt_is_recorded_once() -> None:
    """The same receipt is one fact; another under its id, or for a line that is not there, is refused."""
    shop = a_return(2)
    facts = shop.send("ReceiveGoods", receipt((1, 2)), actor="warehouse:W", at=day(5))
    assert names(facts) == ["Received", "UnitsReturned", "DeadlinesMoved"]
    unchanged(shop, "ReceiveGoods", receipt((1, 2)), at=day(6))
    refused(shop, "receipt_id_reused", "ReceiveGoods", receipt((1, 1)), at=day(6))
    refused(shop, "unknown_line", "ReceiveGoods", receipt((2, 1), name="R-2"), line=2)
    other = [{"sku": "HAT", "quantity": 1, "instead_of": 9}]
    refused(shop, "unknown_line", "ReceiveGoods", receipt(name="R-2", unexpected=other), line=9)
    assert unit_statuses(shop, "L1") == [(2, "returned"), (1, "free")]


def test_fewer_than_announced_are_short_and_free_again() -> None:
    """What is missing from a complete delivery is short; from one of several it is still awaited."""
    shop = a_return(3)
    facts = shop.send("ReceiveGoods", receipt((1, 1), complete=False), at=day(5))
    assert discrepancies(facts) == []
    facts = shop.send("ReceiveGoods", receipt((1, 1), name="R-2"), at=day(6))

    assert discrepancies(facts) == [("short", 1, 1)]
    assert states(shop, "logistics") == [(2, "received"), (1, "short")]
    assert unit_statuses(shop, "L1") == [(2, "returned"), (1, "free")]
    assert shop.rma().status == "received"


def test_short_units_may_still_turn_up_unless_another_return_asked_for_them() -> None:
    """A short unit that arrives later is received; one that another return holds by then is over."""
    shop = a_return(3)
    shop.send("ReceiveGoods", receipt((1, 1)), at=day(5))
    request(shop, {"line_id": "L1", "quantity": 1}, rma_id=OTHER, on=6)
    facts = shop.send("ReceiveGoods", receipt((1, 2), name="R-2"), at=day(7))

    assert discrepancies(facts) == [("over", 1, 1)]
    assert unit_statuses(shop, "L1") == [(1, "returned"), (1, "in_return"), (1, "returned")]


def test_more_than_announced_is_over() -> None:
    """Units beyond those of the line are recorded as over and belong to no return."""
    shop = a_return(1)
    facts = shop.send("ReceiveGoods", receipt((1, 3)), at=day(5))
    assert discrepancies(facts) == [("over", 1, 2)]
    assert unit_statuses(shop, "L1") == [(1, "returned"), (2, "free")]

    shop = a_return(2)
    facts = shop.send("ReceiveGoods", receipt((1, 1), (1, 2)), at=day(5))
    assert discrepancies(facts) == [("over", 1, 1)]


def test_an_empty_box_is_named() -> None:
    """Nothing in a complete delivery is an empty box, and everything is short."""
    shop = a_return(2)
    facts = shop.send("ReceiveGoods", receipt(), at=day(5))
    assert discrepancies(facts) == [("empty_box", None, 0), ("short", 1, 2)]
    assert unit_statuses(shop, "L1") == [(3, "free")]
    unchanged(shop, "ReceiveGoods", receipt(), at=day(6))


def test_another_article_takes_the_place_of_announced_units() -> None:
    """Units that turned out to be something else are free again; the stranger is recorded either way."""
    shop = a_return(2)
    unexpected = [{"sku": "HAT", "quantity": 1, "instead_of": 1, "note": "a hat"}, {"sku": "GLOVE", "quantity": 4}]
    facts = shop.send("ReceiveGoods", receipt((1, 1), unexpected=unexpected), at=day(5))

    assert discrepancies(facts) == [("wrong_item", 1, 1), ("wrong_item", None, 4)]
    assert states(shop, "logistics") == [(1, "received"), (1, "wrong_item")]
    assert unit_statuses(shop, "L1") == [(1, "returned"), (2, "free")]


def test_only_another_article_is_no_empty_box() -> None:
    """A box with a stranger is not empty; a return of nothing but strangers owes nobody anything."""
    shop = a_return(1)
    facts = shop.send("ReceiveGoods", receipt(unexpected=[{"sku": "HAT", "quantity": 1, "instead_of": 1}]), at=day(5))
    assert discrepancies(facts) == [("wrong_item", 1, 1)]
    assert not shop.order().refunds


def test_serial_numbers_are_recorded_and_one_that_was_not_sold_is_named() -> None:
    """What was read off the units is part of the receipt, by line; the number that does not fit is a discrepancy."""
    lines = [{**ORDER["lines"][0], "serials": ["A", "B", "C"]}, ORDER["lines"][1]]
    shop = open_shop(order={"lines": lines})
    request(shop, {"line_id": "L1", "quantity": 2})
    told = on_return(receipt_id="R", site="W", items=[{"line": 1, "quantity": 2, "serials": ["B", "Z"]}], complete=True)
    facts = shop.send("ReceiveGoods", told, at=day(5))
    assert discrepancies(facts) == [("wrong_serial", 1, 1)]
    [found] = [fact for fact in facts if isinstance(fact, Rma.Received)]
    assert found.serials == (LineSerials(1, ("B", "Z")),)


@pytest.mark.parametrize("reason", ["gift", "other"])
def test_goods_that_arrive_before_authorization_are_received_and_not_paid(reason: str) -> None:
    """On a denied or undecided line goods are a fact, and money waits."""
    shop = a_return(1, {**DENYING, "refund_due": "receipt"}, reason=reason)
    shop.send("ReceiveGoods", receipt((1, 1)), at=day(5))
    assert states(shop, "logistics", "resolution") == [(1, "received", "undecided")]
    assert unit_statuses(shop, "L1") == [(1, "returned"), (2, "free")]
    assert not shop.order().refunds
    assert shop.rma().status == {"gift": "denied", "other": "needs_review"}[reason]


def test_goods_that_arrive_after_expiry_are_received_unless_they_went_elsewhere() -> None:
    """An expired line's units come in under it while they are free; those another return took are over."""
    shop = a_return(3)
    (deadline,) = shop.rma().deadlines
    shop.send("PassDeadline", on_return(deadline_id=str(deadline)), actor="clock:1", at=day(18))
    request(shop, {"line_id": "L1", "quantity": 1}, rma_id=OTHER, on=19)
    facts = shop.send("ReceiveGoods", receipt((1, 3)), at=day(20))

    assert discrepancies(facts) == [("over", 1, 1)]
    assert unit_statuses(shop, "L1") == [(1, "in_return"), (2, "returned")]
    assert shop.rma().status == "expired"


def test_units_still_expected_arrive_before_those_given_up() -> None:
    """Where a person denied some units of a line, what arrives are the authorized ones."""
    shop = a_return(2, DENYING, reason="other")
    lines = [{"line": 1, "quantity": 1, "decision": word} for word in ("deny", "approve")]
    shop.send("DecideRequest", on_return(lines=lines), at=day(4))
    shop.send("ReceiveGoods", receipt((1, 1)), at=day(5))
    assert states(shop, "authorization", "logistics") == [
        (1, "denied", "with_customer"),
        (1, "authorized", "received"),
    ]


def test_units_of_two_lines_on_one_order_line_arrive_apart() -> None:
    """Each line of the return receives its own units."""
    shop = open_shop()
    request(shop, {"line_id": "L1", "quantity": 1}, {"line_id": "L1", "quantity": 2, "reason": "defective"})
    shop.send("ReceiveGoods", receipt((2, 2), complete=False), at=day(5))
    assert states(shop, "logistics", line=1) == [(1, "with_customer")]
    assert states(shop, "logistics", line=2) == [(2, "received")]


# holding, and goods going out


def held_in_part() -> Shop:
    """Return a shop in which one of two units that arrived is held."""
    shop = a_return(2)
    receive(shop, (1, 2))
    shop.send("HoldGoods", on_return(line=1, quantity=1, reason="customs"), actor="warehouse:W", at=day(7))
    return shop


def test_held_units_wait_until_they_are_released() -> None:
    """Held goods can't be inspected; released, they wait for it as before."""
    shop = held_in_part()
    assert shop.rma().status == "received"
    found = on_return(inspection_id="I", line=1, quantity=2, grade="A", cause="none_found", liable_party="none")
    refused(shop, "quantity_exceeded", "RecordInspection", found, at=day(7), asked=2, available=1)

    assert names(shop.send("ReleaseGoods", on_return(line=1, quantity=1, reason="ok"))) == ["Released"]
    assert states(shop, "inspection") == [(2, "awaiting")]


@pytest.mark.parametrize("name", ["HoldGoods", "ReleaseGoods"])
def test_only_what_waits_is_held_and_only_what_is_held_released(name: str) -> None:
    """More units than there are, or an unknown line, is refused."""
    shop = held_in_part()
    refused(shop, "quantity_exceeded", name, on_return(line=1, quantity=2, reason="x"), asked=2, available=1)
    refused(shop, "unknown_line", name, on_return(line=2, quantity=1, reason="x"))


def test_what_is_not_here_is_not_held() -> None:
    """Goods on their way can't be held."""
    told = on_return(line=1, quantity=1, reason="customs")
    refused(a_return(2), "quantity_exceeded", "HoldGoods", told, asked=1, available=0)


def resolved_by(wish: str, quantity: int = 2) -> Shop:
    """Return a shop whose received and inspected units get what was wished for."""
    shop = a_return(quantity, {**POLICY, "offers": [wish]}, wish=wish)
    receive(shop, (1, quantity))
    inspect(shop, 1, quantity)
    return shop


@pytest.mark.parametrize(
    ("wish", "command", "fact"),
    [
        ("replacement", "ShipReplacement", "ReplacementShipped"),
        ("exchange", "ShipReplacement", "ReplacementShipped"),
        ("repair", "RecordRepair", "Repaired"),
    ],
)
def test_promised_goods_go_out_once(wish: str, command: str, fact: str) -> None:
    """A unit's goods go out once; then the unit is through. More than are promised are refused."""
    shop = resolved_by(wish)
    assert shop.rma().status == "inspected"
    gone = on_return(line=1, quantity=1, tracking_number="T-2")
    assert fact in names(shop.send(command, gone, actor="warehouse:W", at=day(9)))
    refused(shop, "quantity_exceeded", command, on_return(line=1, quantity=2), asked=2, available=1)
    refused(shop, "unknown_line", command, on_return(line=2, quantity=1))
    shop.send(command, gone, at=day(9))
    assert shop.rma().status == "resolved"
    wrong = "RecordRepair" if command == "ShipReplacement" else "ShipReplacement"
    refused(shop, "quantity_exceeded", wrong, gone, available=0)


def test_a_repaired_unit_can_be_returned_again() -> None:
    """Back with the customer it is free; the return that repaired it has no more say over it."""
    shop = resolved_by("repair")
    shop.send("RecordRepair", on_return(line=1, quantity=2), at=day(9))
    assert unit_statuses(shop, "L1") == [(3, "free")]
    request(shop, {"line_id": "L1", "quantity": 3, "wish": "repair"}, rma_id=OTHER, on=10)
    again = receipt((1, 2), name="R-9")
    assert discrepancies(shop.send("ReceiveGoods", again, at=day(11))) == [("over", 1, 2)]
    assert unit_statuses(shop, "L1") == [(3, "in_return")]


@pytest.mark.parametrize("authorized", [True, False])
def test_refused_goods_are_sent_back_and_free_again(authorized: bool) -> None:
    """Goods go back to the customer, also those of a denied line: no money moves, and they may be asked for anew."""
    shop = a_return(1, DENYING, reason="defective" if authorized else "gift")
    shop.send("ReceiveGoods", receipt((1, 1)), at=day(5))
    back = on_return(line=1, quantity=1, note="not ours")
    refused(shop, "quantity_exceeded", "SendBack", back, available=0)
    shop.send("DecideResolution", on_return(line=1, quantity=1, resolution="send_back"), at=day(6))
    facts = names(shop.send("SendBack", back, actor="warehouse:W", at=day(7)))
    assert facts[:4] == ["SentBack", "DispositionDecided", "StockInstructed", "UnitsFreed"]

    assert unit_statuses(shop, "L1") == [(3, "free")]
    refused(shop, "quantity_exceeded", "SendBack", back, available=0)
    request(shop, {"line_id": "L1", "quantity": 3}, rma_id=OTHER, on=8)
    assert shop.rma(RMA_ID).lines[1].asked.quantity == 1
    if not authorized:
        refused(shop, "wrong_state", "AppealDenial", on_return(line=1, grounds="mine"), at=day(9))


def test_a_replacement_may_go_out_in_advance_but_not_a_repair() -> None:
    """Only what came in can be repaired or sent back."""
    shop = a_return(1, {**POLICY, "offers": ["replacement"], "refund_due": "approval"}, wish="replacement")
    assert "ReplacementShipped" in names(shop.send("ShipReplacement", on_return(line=1, quantity=1), at=day(4)))

    shop = a_return(1)
    shop.send("DecideResolution", on_return(line=1, quantity=1, resolution="repair"), at=day(4))
    refused(shop, "quantity_exceeded", "RecordRepair", on_return(line=1, quantity=1), available=0)
