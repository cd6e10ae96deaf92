"""Several parcels of one return: each label's number moves the units that are in its parcel, and no others."""

from __future__ import annotations

from typing import Any

import pytest

from domain.rma import Rma
from tests.support.refusals import refused, states, unchanged
from tests.support.shop import Shop, names
from tests.support.stories import POLICY, day, on_return, open_shop, receive, request

FIRST: dict[str, Any] = {"label_id": "LB-1", "carrier": "DHL", "tracking_number": "T-1", "ship_to": "WH-1"}
SECOND: dict[str, Any] = {**FIRST, "label_id": "LB-2", "tracking_number": "T-2"}


def packed(line: int, quantity: int) -> dict[str, Any]:
    return {"lines": [{"line": line, "quantity": quantity}]}


def two_parcels(policy: dict[str, Any] | None = None) -> Shop:
    """Return a shop in which line 1 goes back in a parcel of two units and line 2 in another of one."""
    shop = open_shop(policy)
    request(shop, {"line_id": "L1", "quantity": 2}, {"line_id": "L2", "quantity": 1})
    shop.send("IssueLabel", on_return(**FIRST, **packed(1, 2)), at=day(4))
    shop.send("IssueLabel", on_return(**SECOND, **packed(2, 1)), at=day(4))
    return shop


def scan(number: str, status: str, scan_id: str = "S-1") -> dict[str, Any]:
    return on_return(tracking_number=number, scan_id=scan_id, status=status)


def places(shop: Shop) -> list[tuple[int, str]]:
    """Return where the units of both lines are, run by run."""
    return [(run.count, state.logistics) for run, state in shop.rma().units()]


def parcels(shop: Shop) -> dict[str, str]:
    return {name: parcel.status for name, parcel in shop.rma().parcels.by_label.items()}


def test_a_scan_moves_and_pays_the_units_of_its_parcel_only() -> None:
    """Two labels, the first parcel delivered, money due at the first scan: the other parcel's unit gets nothing.

    L1 is 1000 for three units, so units 1 and 2 hold 666 of it.
    """
    shop = two_parcels({**POLICY, "refund_due": "first_scan"})
    shop.send("RecordScan", scan("T-1", "delivered"), actor="carrier:DHL", at=day(5))

    assert places(shop) == [(2, "delivered"), (1, "with_customer")]
    assert [refund.amount_minor for refund in shop.order().refunds.values()] == [666]
    assert parcels(shop) == {"LB-1": "delivered", "LB-2": "issued"}


def test_a_hand_over_moves_the_parcel_that_it_names() -> None:
    """Told again it is no second time; without a number it moves what is in no parcel that has left."""
    shop = two_parcels()
    shop.send("RecordHandover", on_return(tracking_number="T-2"), actor="carrier:DHL", at=day(5))
    assert places(shop) == [(2, "with_customer"), (1, "in_transit")]
    unchanged(shop, "RecordHandover", on_return(tracking_number="T-2"), at=day(6))

    shop.send("RecordHandover", on_return(), actor="carrier:DHL", at=day(6))
    assert places(shop) == [(2, "in_transit"), (1, "in_transit")]
    assert parcels(shop) == {"LB-1": "handed_over", "LB-2": "handed_over"}


def test_each_parcel_has_scans_of_its_own() -> None:
    """A scan of one parcel is not late because another was seen later, and the newest scan gives the status."""
    shop = two_parcels()
    shop.send("RecordScan", scan("T-1", "lost", "S-1"), at=day(6))
    shop.send("RecordScan", scan("T-2", "lost", "S-2"), at=day(5))
    assert places(shop) == [(2, "lost"), (1, "lost")]
    shop.send("RecordScan", scan("T-2", "accepted", "S-0"), at=day(4))
    assert parcels(shop) == {"LB-1": "lost", "LB-2": "lost"}
    shop.send("RecordScan", scan("T-2", "in_transit", "S-3"), at=day(7))
    assert parcels(shop) == {"LB-1": "lost", "LB-2": "in_transit"}


def test_labels_without_lines_all_stand_for_what_is_in_no_parcel() -> None:
    """A replaced label moves the same units as the one it replaces, and none that travel apart."""
    shop = open_shop()
    request(shop, {"line_id": "L1", "quantity": 2}, {"line_id": "L2", "quantity": 1})
    shop.send("IssueLabel", on_return(**FIRST, **packed(2, 1)), at=day(4))
    for name, number in (("LB-2", "T-2"), ("LB-3", "T-3")):
        shop.send("IssueLabel", on_return(**{**FIRST, "label_id": name, "tracking_number": number}), at=day(4))
    shop.send("RecordScan", scan("T-3", "accepted"), at=day(5))
    assert places(shop) == [(2, "in_transit"), (1, "with_customer")]
    shop.send("RecordScan", scan("T-2", "delivered", "S-2"), at=day(6))
    assert places(shop) == [(2, "delivered"), (1, "with_customer")]


def test_a_number_that_nobody_issued_moves_nothing_and_is_told_once() -> None:
    """It is recorded, by hand-over or by scan, and once named as a discrepancy."""
    shop = two_parcels({**POLICY, "refund_due": "first_scan"})
    facts = shop.send("RecordScan", scan("T-9", "accepted"), actor="carrier:DHL", at=day(5))
    assert names(facts) == ["Scanned", "DiscrepancyFound"]
    [found] = [fact for fact in facts if isinstance(fact, Rma.DiscrepancyFound)]
    assert (found.kind, found.tracking_number, found.quantity) == ("unknown_parcel", "T-9", 0)
    assert names(shop.send("RecordScan", scan("T-9", "delivered", "S-2"), at=day(6))) == ["Scanned"]
    unchanged(shop, "RecordHandover", on_return(tracking_number="T-9"), at=day(6))
    facts = shop.send("RecordHandover", on_return(tracking_number="T-8"), at=day(6))
    assert names(facts) == ["HandedOver", "DiscrepancyFound"]
    assert places(shop) == [(2, "with_customer"), (1, "with_customer")]
    assert not shop.order().refunds
    assert shop.rma().tracking_number == "T-2"


@pytest.mark.parametrize("command", ["RecordHandover", "RecordScan"])
def test_without_labels_any_number_stands_for_all_units(command: str) -> None:
    """Who sends goods by a carrier of his own gets no label, and his parcel moves all the same."""
    shop = open_shop()
    request(shop, {"line_id": "L1", "quantity": 2}, {"line_id": "L2", "quantity": 1})
    told = scan("ANY", "in_transit") if command == "RecordScan" else on_return(tracking_number="ANY")
    shop.send(command, told, at=day(5))
    assert places(shop) == [(2, "in_transit"), (1, "in_transit")]


def test_no_unit_is_in_two_parcels() -> None:
    """More units than wait to be packed are refused with what is left, by line, and nothing is recorded."""
    shop = two_parcels()
    third = {**FIRST, "label_id": "LB-3", "tracking_number": "T-3"}
    refused(shop, "quantity_exceeded", "IssueLabel", on_return(**third, **packed(1, 1)), available=0, line=1)
    refused(shop, "unknown_line", "IssueLabel", on_return(**third, **packed(9, 1)), line=9)
    twice: dict[str, Any] = {"lines": [{"line": 1, "quantity": 2}, {"line": 1, "quantity": 2}]}
    fresh = open_shop()
    request(fresh, {"line_id": "L1", "quantity": 3})
    refused(fresh, "quantity_exceeded", "IssueLabel", on_return(**third, **twice), available=1, line=1)


def test_a_parcels_label_told_again_is_the_same() -> None:
    """The same lines under the same id are nothing new; others are refused."""
    shop = two_parcels()
    unchanged(shop, "IssueLabel", on_return(**FIRST, **packed(1, 2)))
    refused(shop, "label_id_reused", "IssueLabel", on_return(**FIRST, **packed(1, 1)))


def test_a_label_without_lines_has_the_content_that_it_had_before_there_were_lines() -> None:
    """A label recorded before parcels were told apart is known when it is told again."""
    shop = open_shop()
    request(shop, {"line_id": "L1", "quantity": 1})
    [fact] = shop.send("IssueLabel", on_return(**FIRST), at=day(4))
    assert isinstance(fact, Rma.LabelIssued)
    assert fact.content_hash.partition(".")[0] == "af568523dbc519356c5e16b25b4a88e0333cf90bae9f85cbb48f47030dc2b270"
    assert fact.runs == ()


def test_what_was_not_sent_expires_and_what_was_stays() -> None:
    """The day to send goods back is met by the line that left; the other line's units expire when it passes."""
    shop = open_shop()
    request(shop, {"line_id": "L1", "quantity": 3})
    shop.send("IssueLabel", on_return(**FIRST, **packed(1, 2)), at=day(4))
    shop.send("RecordScan", scan("T-1", "accepted"), at=day(5))
    [deadline] = [one for one in shop.rma().deadlines.values() if one.kind == "ship_back"]
    assert deadline.is_open
    shop.send("PassDeadline", on_return(deadline_id=str(deadline.deadline_id)), actor="clock:1", at=deadline.due_at)
    assert states(shop, "authorization", "logistics") == [
        (2, "authorized", "in_transit"),
        (1, "expired", "with_customer"),
    ]


def test_goods_of_an_unknown_parcel_are_received_all_the_same() -> None:
    """A number on the way says nothing of what the dock counts."""
    shop = two_parcels()
    shop.send("RecordScan", scan("T-9", "delivered"), at=day(5))
    receive(shop, (1, 2), (2, 1))
    assert places(shop) == [(2, "received"), (1, "received")]
