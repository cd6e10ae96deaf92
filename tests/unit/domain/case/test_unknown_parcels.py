"""Parcels that nobody can place are kept, and received under a return once somebody knows whose they are."""

from __future__ import annotations

from typing import Any
from uuid import UUID

from domain.fact import Fact
from domain.rma import Rma
from tests.support.refusals import refused, states, unchanged
from tests.support.shop import Shop, names
from tests.support.stories import ORDER, POLICY, day, on_return, open_shop, request

OTHER = UUID(int=2)
PARCEL: dict[str, Any] = {
    "parcel_id": "UP-1",
    "site": "WH-2",
    "items": [{"sku": "SHOE-42", "quantity": 3, "serials": ["A", "Z"]}, {"sku": "HAT", "quantity": 1}],
}
ASSIGNED = on_return(parcel_id="UP-1")


def kept(policy: dict[str, Any] | None = None) -> Shop:
    """Return a shop with a return of two shoes and a sock, and a parcel with three shoes and a hat."""
    lines = [{**ORDER["lines"][0], "serials": ["A", "B", "C"]}, ORDER["lines"][1]]
    shop = open_shop(policy, {"lines": lines})
    request(shop, {"line_id": "L1", "quantity": 2}, {"line_id": "L2", "quantity": 1})
    shop.send("RecordUnknownParcel", PARCEL, actor="warehouse:W", at=day(5))
    return shop


def discrepancies(facts: list[Fact]) -> list[tuple[str, str | None, int, str | None]]:
    return [(f.kind, f.sku, f.quantity, f.serial) for f in facts if isinstance(f, Rma.DiscrepancyFound)]


def test_a_parcel_is_kept_once() -> None:
    """The same again is nothing new; another under its id is refused; so are numbers that cannot be."""
    shop = kept()
    unchanged(shop, "RecordUnknownParcel", PARCEL, at=day(6))
    refused(shop, "parcel_id_reused", "RecordUnknownParcel", {**PARCEL, "site": "WH-1"}, at=day(6), parcel_id="UP-1")
    other = {**PARCEL, "parcel_id": "UP-2"}
    twice = [{"sku": "HAT", "quantity": 2, "serials": ["A", "A"]}]
    refused(shop, "duplicate_serial", "RecordUnknownParcel", {**other, "items": twice}, serial="A")
    more = [{"sku": "HAT", "quantity": 1, "serials": ["A", "B"]}]
    refused(shop, "quantity_exceeded", "RecordUnknownParcel", {**other, "items": more}, sku="HAT", available=1)


def test_what_is_in_it_goes_to_the_lines_that_announced_it() -> None:
    """Two of three shoes are awaited: they arrive, one with a wrong number; the third and the hat are unexpected."""
    shop = kept()
    facts = shop.send("AssignParcel", ASSIGNED, at=day(6))
    assert names(facts)[:2] == ["Assigned", "Received"]
    assert states(shop, "logistics", "site", "wrong_serial") == [
        (1, "received", "WH-2", False),
        (1, "received", "WH-2", True),
    ]
    assert states(shop, "logistics", line=2) == [(1, "with_customer")]
    assert discrepancies(facts) == [
        ("wrong_serial", "SHOE-42", 1, "Z"),
        ("over", "SHOE-42", 1, None),
        ("wrong_item", "HAT", 1, None),
    ]


def test_money_that_waits_for_receipt_follows() -> None:
    """An assigned parcel is a receipt: the shoe whose number fits is paid, 333 of 1000."""
    shop = kept({**POLICY, "refund_due": "receipt"})
    shop.send("AssignParcel", ASSIGNED, at=day(6))
    assert [refund.amount_minor for refund in shop.order().refunds.values()] == [333]


def test_a_parcel_belongs_to_one_return() -> None:
    """Assigned again to the same return it is nothing new; to another it is refused, and so is one nobody keeps."""
    shop = kept()
    request(shop, {"line_id": "L1", "quantity": 1}, rma_id=OTHER)
    refused(shop, "unknown_parcel", "AssignParcel", on_return(parcel_id="UP-9"), parcel_id="UP-9")
    refused(shop, "unknown_return", "AssignParcel", on_return(UUID(int=3), parcel_id="UP-1"))
    shop.send("AssignParcel", ASSIGNED, at=day(6))
    unchanged(shop, "AssignParcel", ASSIGNED, at=day(7))
    refused(shop, "wrong_state", "AssignParcel", on_return(OTHER, parcel_id="UP-1"), at=day(7))


def test_a_parcel_with_the_name_of_a_receipt_stays_where_it_is() -> None:
    """The return has a receipt of its own under that id: nothing is assigned."""
    shop = kept()
    told = on_return(receipt_id="UP-1", site="WH-1", items=[], complete=False)
    shop.send("ReceiveGoods", told, at=day(5))
    refused(shop, "receipt_id_reused", "AssignParcel", ASSIGNED, at=day(6), receipt_id="UP-1")
