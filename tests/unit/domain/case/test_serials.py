"""Serial numbers: each is one unit, is there once, comes back once, and a wrong one holds that unit's money."""

from __future__ import annotations

from typing import Any
from uuid import UUID

import pytest

from domain.fact import Fact
from domain.order import Order
from domain.order.parts import UnitSerial
from domain.order.serials import SerialNumbers
from domain.rma import Rma
from domain.units import UnitRun
from tests.support.refusals import refused, states, unit_statuses
from tests.support.shop import Shop, names
from tests.support.stories import ORDER, POLICY, day, inspect, on_return, open_shop, request

OTHER = UUID(int=2)
AT_RECEIPT = {**POLICY, "refund_due": "receipt"}


def shop_with(*serials: str, policy: dict[str, Any] | None = None) -> Shop:
    """Return a shop whose line L1, three units for 1000, was sold with these serial numbers: 333, 333 and 334."""
    lines = [{**ORDER["lines"][0], "serials": list(serials)}, ORDER["lines"][1]]
    return open_shop(policy, {"lines": lines})


def receipt(*serials: str, quantity: int | None = None, name: str = "R-1", **more: Any) -> dict[str, Any]:
    item = {"line": 1, "quantity": len(serials) if quantity is None else quantity, "serials": list(serials)}
    return on_return(**{"receipt_id": name, "site": "WH-1", "items": [item], "complete": False, **more})


def wrong(facts: list[Fact]) -> list[str | None]:
    return [fact.serial for fact in facts if isinstance(fact, Rma.DiscrepancyFound) and fact.kind == "wrong_serial"]


def paid(shop: Shop) -> list[int]:
    return [refund.amount_minor for refund in shop.order().refunds.values()]


# in an order


def test_a_serial_number_is_in_an_order_once() -> None:
    """Twice in one line or in two is refused, and so are more of them than units."""
    shop = open_shop()
    again = {**ORDER, "order_id": "O-2"}
    first, second = ORDER["lines"]
    for lines in (
        [{**first, "serials": ["A", "A"]}, second],
        [{**first, "serials": ["A"]}, {**second, "serials": ["A"]}],
    ):
        refused(shop, "duplicate_serial", "RegisterOrder", {**again, "lines": lines}, serial="A")
    lines = [first, {**second, "serials": ["A", "B", "C"]}]
    refused(shop, "quantity_exceeded", "RegisterOrder", {**again, "lines": lines}, line_id="L2", available=2)


# in a request


def test_a_request_may_name_exactly_which_units() -> None:
    """The i-th serial number is unit i, and brings that unit's cents: the third of 1000 over three is 334."""
    shop = shop_with("A", "B", "C", policy={**POLICY, "refund_due": "approval"})
    request(shop, {"line_id": "L1", "quantity": 1, "serials": ["C"]})
    assert unit_statuses(shop, "L1") == [(2, "free"), (1, "in_return")]
    assert paid(shop) == [334]
    assert shop.rma().lines[1].asked.serials == ("C",)


def test_units_asked_for_by_number_are_kept_for_whoever_named_them() -> None:
    """A line that takes any unit takes none that another line of the request names."""
    shop = shop_with("A", "B", "C")
    request(shop, {"line_id": "L1", "quantity": 2}, {"line_id": "L1", "quantity": 1, "serials": ["A"]})
    assert [line.asked.runs for line in shop.rma().lines.values()] == [(UnitRun(2, 2),), (UnitRun(1, 1),)]


@pytest.mark.parametrize(
    ("serials", "quantity", "code", "details"),
    [
        (["Z"], 1, "serial_not_available", {"serial": "Z", "line_id": "L1"}),
        (["B"], 1, "serial_not_available", {"serial": "B", "line_id": "L1"}),
        (["A", "A"], 2, "duplicate_serial", {"serial": "A"}),
        (["A", "C"], 1, "quantity_exceeded", {"asked": 2, "available": 1, "line_id": "L1"}),
        (["A"], 2, "quantity_exceeded", {"asked": 2, "available": 1, "line_id": "L1"}),
    ],
)
def test_serial_numbers_that_cannot_be_returned(
    serials: list[str], quantity: int, code: str, details: dict[str, Any]
) -> None:
    """One that was not sold, one in another return, the same twice, more or fewer than units: nothing is recorded."""
    shop = shop_with("A", "B", "C")
    request(shop, {"line_id": "L1", "quantity": 1, "serials": ["B"]}, rma_id=OTHER)
    line = {"line_id": "L1", "quantity": quantity, "reason": "fit", "wish": "refund", "serials": serials}
    refused(shop, code, "RequestReturn", on_return(lines=[line]), at=day(3), **details)


def test_the_same_number_is_asked_for_twice_in_two_lines() -> None:
    """Within one request a serial number is there once."""
    line = {"line_id": "L1", "quantity": 1, "reason": "fit", "wish": "refund", "serials": ["A"]}
    refused(shop_with("A"), "duplicate_serial", "RequestReturn", on_return(lines=[line, line]), at=day(3), serial="A")


# at the dock


def test_numbers_that_fit_are_recorded_and_bring_their_units() -> None:
    """Two of three units are awaited, the second one's number comes: that unit is received, and the order knows it."""
    shop = shop_with("A", "B", "C", policy=AT_RECEIPT)
    request(shop, {"line_id": "L1", "quantity": 2})
    facts = shop.send("ReceiveGoods", receipt("B"), at=day(5))
    assert states(shop, "logistics") == [(1, "with_customer"), (1, "received")]
    [read] = [fact for fact in facts if isinstance(fact, Order.SerialsRead)]
    assert read.units == (UnitSerial("L1", 2, "B"),)
    assert wrong(facts) == []


def test_a_number_of_a_unit_that_nobody_asked_for_may_stand_for_another() -> None:
    """Any unit of the line was asked for: the one that comes is counted, and its number does not come again."""
    shop = shop_with("A", "B", "C", policy=AT_RECEIPT)
    request(shop, {"line_id": "L1", "quantity": 1})
    assert wrong(shop.send("ReceiveGoods", receipt("C"), at=day(5))) == []
    assert paid(shop) == [333]

    line = {"line_id": "L1", "quantity": 1, "reason": "fit", "wish": "refund"}
    refused(shop, "serial_not_available", "RequestReturn", on_return(OTHER, lines=[{**line, "serials": ["C"]}]))
    request(shop, {"line_id": "L1", "quantity": 1, "serials": ["A"]}, rma_id=OTHER, on=6)
    assert unit_statuses(shop, "L1") == [(1, "returned"), (1, "free"), (1, "in_return")]


@pytest.mark.parametrize("sold", [("A", "B", "C"), ()])
def test_a_number_that_came_back_already_is_wrong(sold: tuple[str, ...]) -> None:
    """Received twice, it is a discrepancy the second time, whether or not the shop told the numbers it sold."""
    shop = shop_with(*sold, policy=AT_RECEIPT)
    request(shop, {"line_id": "L1", "quantity": 2})
    assert wrong(shop.send("ReceiveGoods", receipt("A"), at=day(5))) == []
    assert wrong(shop.send("ReceiveGoods", receipt("A", name="R-2"), at=day(6))) == ["A"]
    assert states(shop, "logistics", "wrong_serial", "resolution") == [
        (1, "received", False, "refund"),
        (1, "received", True, "undecided"),
    ]


def test_a_number_that_was_sent_back_may_come_again() -> None:
    """Refused goods went out; the same unit may be asked for by its number, and come in, another time."""
    shop = shop_with("A", "B", "C")
    request(shop, {"line_id": "L1", "quantity": 1, "serials": ["A"]})
    shop.send("ReceiveGoods", receipt("A"), at=day(5))
    shop.send("DecideResolution", on_return(line=1, quantity=1, resolution="send_back"), at=day(6))
    shop.send("SendBack", on_return(line=1, quantity=1), at=day(7))
    request(shop, {"line_id": "L1", "quantity": 1, "serials": ["A"]}, rma_id=OTHER, on=8)
    again = {**receipt("A", name="R-2"), "rma_id": str(OTHER)}
    assert wrong(shop.send("ReceiveGoods", again, at=day(9))) == []


def test_only_the_numbers_that_were_asked_for_fit() -> None:
    """Where a request names units, another unit of the line is not what was announced."""
    shop = shop_with("A", "B", "C", policy=AT_RECEIPT)
    request(shop, {"line_id": "L1", "quantity": 1, "serials": ["A"]})
    assert wrong(shop.send("ReceiveGoods", receipt("B"), at=day(5))) == ["B"]
    assert paid(shop) == []


@pytest.mark.parametrize(
    ("told", "code", "details"),
    [
        (receipt("A", "A"), "duplicate_serial", {"serial": "A"}),
        (receipt("A", unexpected=[{"sku": "HAT", "quantity": 1, "serial": "A"}]), "duplicate_serial", {"serial": "A"}),
        (receipt("A", "B", quantity=1), "quantity_exceeded", {"asked": 2, "available": 1, "line": 1}),
    ],
)
def test_receipts_whose_numbers_cannot_be(told: dict[str, Any], code: str, details: dict[str, Any]) -> None:
    """The same number twice, or more of them than units, is refused and nothing is received."""
    shop = shop_with("A", "B", "C")
    request(shop, {"line_id": "L1", "quantity": 2})
    refused(shop, code, "ReceiveGoods", told, at=day(5), **details)


# money


def test_a_wrong_number_holds_that_units_money_until_a_person_decides() -> None:
    """Two units arrive, one with a number nobody sold: the other is paid by policy, this one by a person."""
    shop = shop_with("A", "B", "C", policy=AT_RECEIPT)
    request(shop, {"line_id": "L1", "quantity": 2})
    assert wrong(shop.send("ReceiveGoods", receipt("Z", "B"), at=day(5))) == ["Z"]
    assert states(shop, "wrong_serial", "resolution") == [(1, True, "undecided"), (1, False, "refund")]
    assert paid(shop) == [333]

    inspect(shop, 1, 2)
    assert states(shop, "accepted", "resolution", "disposition") == [
        (1, False, "undecided", "hold"),
        (1, True, "refund", "restock"),
    ]
    shop.send("DecideResolution", on_return(line=1, quantity=1, resolution="refund"), at=day(8))
    assert paid(shop) == [333, 333]
    assert states(shop, "resolution", "disposition") == [(1, "refund", "restock")] * 2


def test_units_that_fit_are_inspected_first() -> None:
    """Of two units on the bench the one with its own number comes first, whatever its place in the order."""
    shop = shop_with("A", "B", "C")
    request(shop, {"line_id": "L1", "quantity": 2})
    shop.send("ReceiveGoods", receipt("Z", "B"), at=day(5))
    inspect(shop, 1, 1)
    assert states(shop, "inspection", "accepted") == [(1, "awaiting", False), (1, "inspected", True)]


def test_the_bench_names_the_unit_by_its_number() -> None:
    """Whether the dock had read it or not; a number for two units is refused."""
    shop = shop_with("A", "B", "C")
    request(shop, {"line_id": "L1", "quantity": 3})
    shop.send("ReceiveGoods", receipt("B", quantity=3), at=day(5))
    inspect(shop, 1, 1, "I-1", serial="C", grade="C")
    inspect(shop, 1, 1, "I-2", serial="B", grade="B")
    assert states(shop, "grade") == [(1, None), (1, "B"), (1, "C")]
    told = on_return(line=1, inspection_id="I-3", grade="A", cause="unknown", liable_party="none", serial="A")
    refused(shop, "quantity_exceeded", "RecordInspection", {**told, "quantity": 2}, available=1, line=1)


def test_a_number_that_the_bench_finds_wrong_holds_the_money() -> None:
    """Nobody had read it at the dock: accepted by its grade, the unit waits for a person all the same."""
    shop = shop_with("A", "B", "C")
    request(shop, {"line_id": "L1", "quantity": 1})
    shop.send("ReceiveGoods", receipt(quantity=1), at=day(5))
    told = on_return(
        line=1, quantity=1, inspection_id="I-1", grade="A", cause="none_found", liable_party="none", serial="Z"
    )
    facts = shop.send("RecordInspection", told, at=day(6))
    assert wrong(facts) == ["Z"]
    [found] = [fact for fact in facts if isinstance(fact, Rma.Inspected)]
    assert [(check.fact, check.expected, check.found, check.held) for check in found.checks][-1] == (
        "serial", ("A",), "Z", False,
    )  # fmt: skip
    assert states(shop, "accepted", "resolution") == [(1, False, "undecided")]

    right = {**told, "inspection_id": "I-2", "serial": "A", "supersedes": "I-1"}
    assert "RefundRequested" in names(shop.send("RecordInspection", right, at=day(7)))
    assert states(shop, "accepted", "resolution", "wrong_serial") == [(1, True, "refund", False)]


def test_who_stands_in_whose_place() -> None:
    """Numbers that came in as other units leave their own units to those others, in turn."""
    numbers = SerialNumbers(("A", "B", "C", "D"))
    assert [numbers.unit_of(serial) for serial in "ABCDZ"] == [1, 2, 3, 4, None]
    numbers.come_in(1, "C")
    numbers.come_in(3, "B")
    assert [numbers.unit_of(serial) for serial in "ABCD"] == [2, None, None, 4]
    assert [numbers.may_come(serial) for serial in "ABCDZ"] == [True, False, False, True, False]
    numbers.go_out(UnitRun(1, 4))
    assert [numbers.unit_of(serial) for serial in "ABCD"] == [1, 2, 3, 4]
    assert numbers == SerialNumbers(("A", "B", "C", "D"))
