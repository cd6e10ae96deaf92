"""A receipt that was typed wrong is put right by another; and goods that go to another site."""

from __future__ import annotations

from typing import Any
from uuid import UUID

from domain.fact import Fact
from domain.rma import Rma
from tests.support.refusals import refused, states, unchanged, unit_statuses
from tests.support.shop import Shop
from tests.support.stories import ORDER, POLICY, day, inspect, on_return, open_shop, request

OTHER = UUID(int=2)


def a_return(quantity: int = 2, policy: dict[str, Any] | None = None) -> Shop:
    """Return a shop in which units of L1 are on their way."""
    lines = [{**ORDER["lines"][0], "serials": ["A", "B", "C"]}, ORDER["lines"][1]]
    shop = open_shop(policy, {"lines": lines})
    request(shop, {"line_id": "L1", "quantity": quantity})
    shop.send("RecordHandover", on_return(), at=day(4))
    return shop


def receipt(name: str, quantity: int, *, complete: bool = False, **more: Any) -> dict[str, Any]:
    serials = more.pop("serials", [])
    items = [{"line": 1, "quantity": quantity, "serials": serials}] if quantity else []
    return on_return(receipt_id=name, site="WH-1", items=items, complete=complete, **more)


def kinds(facts: list[Fact]) -> list[str]:
    return [fact.kind for fact in facts if isinstance(fact, Rma.DiscrepancyFound)]


def test_the_right_receipt_takes_the_place_of_the_wrong_one() -> None:
    """One was typed instead of two, and the other called short: both are here, and nothing is short."""
    shop = a_return()
    shop.send("ReceiveGoods", receipt("R-1", 1, complete=True), at=day(5))
    assert states(shop, "logistics") == [(1, "received"), (1, "short")]
    assert unit_statuses(shop, "L1") == [(1, "returned"), (2, "free")]

    right = receipt("R-2", 2, complete=True, supersedes="R-1")
    facts = shop.send("ReceiveGoods", right, actor="warehouse:W", at=day(6))
    assert kinds(facts) == []
    assert states(shop, "logistics") == [(2, "received")]
    assert unit_statuses(shop, "L1") == [(2, "returned"), (1, "free")]
    unchanged(shop, "ReceiveGoods", right, at=day(7))


def test_what_did_not_come_after_all_is_on_its_way_again() -> None:
    """Two were typed instead of none: their numbers may be read another time, and they are not inspected."""
    shop = a_return()
    shop.send("ReceiveGoods", receipt("R-1", 2, serials=["A", "B"]), at=day(5))
    shop.send("ReceiveGoods", receipt("R-2", 0, supersedes="R-1"), at=day(6))
    assert states(shop, "logistics", "site") == [(2, "in_transit", None)]
    assert unit_statuses(shop, "L1") == [(2, "in_return"), (1, "free")]
    assert shop.rma().lines[1].serials == {}
    assert kinds(shop.send("ReceiveGoods", receipt("R-3", 2, serials=["B", "A"]), at=day(7))) == []
    assert shop.rma().lines[1].serials == {1: "A", 2: "B"}


def test_a_wrong_number_and_another_article_are_taken_back_too() -> None:
    """Typed wrong, they hold nobody's money any longer."""
    shop = a_return(policy={**POLICY, "refund_due": "receipt"})
    hat = [{"sku": "HAT", "quantity": 1, "instead_of": 1}]
    wrong = receipt("R-1", 1, serials=["Z"], unexpected=hat)
    assert kinds(shop.send("ReceiveGoods", wrong, at=day(5))) == ["wrong_serial", "wrong_item"]
    shop.send("ReceiveGoods", receipt("R-2", 2, serials=["A", "B"], supersedes="R-1"), at=day(6))
    assert states(shop, "logistics", "wrong_serial", "found_sku", "resolution") == [
        (2, "received", False, None, "refund")
    ]


def test_a_receipt_is_superseded_once_and_only_while_nothing_followed() -> None:
    """Unknown, superseded before, inspected or paid: refused, and everything stands as it was."""
    shop = a_return()
    refused(shop, "unknown_receipt", "ReceiveGoods", receipt("R-2", 1, supersedes="R-9"), receipt_id="R-9")
    shop.send("ReceiveGoods", receipt("R-1", 2), at=day(5))
    shop.send("ReceiveGoods", receipt("R-2", 1, supersedes="R-1"), at=day(6))
    again = receipt("R-3", 2, supersedes="R-1")
    refused(shop, "wrong_state", "ReceiveGoods", again, at=day(7), superseded_by="R-2")
    inspect(shop, 1, 1)
    refused(shop, "wrong_state", "ReceiveGoods", receipt("R-3", 2, supersedes="R-2"), at=day(8), receipt_id="R-2")

    paid = a_return(policy={**POLICY, "refund_due": "receipt"})
    paid.send("ReceiveGoods", receipt("R-1", 2), at=day(5))
    refused(paid, "wrong_state", "ReceiveGoods", receipt("R-2", 1, supersedes="R-1"), at=day(6))


def test_what_came_in_since_stays_here() -> None:
    """The unit that the first receipt called short came with the second: taking back the first does not lose it."""
    shop = a_return()
    shop.send("ReceiveGoods", receipt("R-1", 1, complete=True), at=day(5))
    shop.send("ReceiveGoods", receipt("R-2", 1), at=day(6))
    assert states(shop, "logistics") == [(2, "received")]
    shop.send("ReceiveGoods", receipt("R-3", 0, supersedes="R-1"), at=day(7))
    assert states(shop, "logistics") == [(1, "in_transit"), (1, "received")]


def test_short_units_that_another_return_took_are_not_awaited_again() -> None:
    """They were free, and are another return's now."""
    shop = a_return(3)
    shop.send("ReceiveGoods", receipt("R-1", 1, complete=True), at=day(5))
    request(shop, {"line_id": "L1", "quantity": 2}, rma_id=OTHER, on=6)
    facts = shop.send("ReceiveGoods", receipt("R-2", 3, supersedes="R-1"), at=day(7))
    assert kinds(facts) == ["over"]
    assert states(shop, "logistics") == [(1, "received"), (2, "short")]
    assert unit_statuses(shop, "L1") == [(1, "returned"), (2, "in_return")]


def test_a_short_unit_that_turned_up_by_a_slip_is_free_again() -> None:
    """Called short by one receipt, come with the next, which is taken back: short it is, and nobody's as before."""
    shop = a_return()
    shop.send("ReceiveGoods", receipt("R-1", 1, complete=True), at=day(5))
    shop.send("ReceiveGoods", receipt("R-2", 1), at=day(6))
    shop.send("ReceiveGoods", receipt("R-3", 0, supersedes="R-2"), at=day(7))
    assert states(shop, "logistics") == [(1, "received"), (1, "short")]
    assert unit_statuses(shop, "L1") == [(1, "returned"), (2, "free")]


def test_goods_of_a_return_that_was_given_up_are_free_again() -> None:
    """Received on a withdrawn return by a slip, they are the customer's to ask for."""
    shop = open_shop()
    request(shop, {"line_id": "L1", "quantity": 1})
    shop.send("WithdrawReturn", on_return(), actor="customer:C-1", at=day(4))
    shop.send("ReceiveGoods", receipt("R-1", 1), at=day(5))
    assert unit_statuses(shop, "L1") == [(1, "returned"), (2, "free")]
    shop.send("ReceiveGoods", receipt("R-2", 0, supersedes="R-1"), at=day(6))
    assert unit_statuses(shop, "L1") == [(3, "free")]


# other sites


def test_goods_go_to_another_site() -> None:
    """The lowest-numbered that are elsewhere; told again under its id it is the same; more than are here is refused."""
    shop = a_return(3)
    shop.send("ReceiveGoods", receipt("R-1", 2), at=day(5))
    told = on_return(line=1, quantity=1, to_site="WH-2", transfer_id="TR-1")
    shop.send("TransferGoods", told, actor="warehouse:W", at=day(6))
    assert states(shop, "site") == [(1, "WH-2"), (1, "WH-1"), (1, None)]
    unchanged(shop, "TransferGoods", told, at=day(7))
    refused(shop, "transfer_id_reused", "TransferGoods", {**told, "quantity": 2}, at=day(7), transfer_id="TR-1")
    more = on_return(line=1, quantity=2, to_site="WH-2")
    refused(shop, "quantity_exceeded", "TransferGoods", more, at=day(7), available=1, line=1)
    inspect(shop, 1, 1)
    [instructed] = [fact for fact in shop.sent[-1][1] if isinstance(fact, Rma.StockInstructed)]
    assert (instructed.site, instructed.disposition) == ("WH-2", "restock")


def test_goods_go_only_to_sites_that_the_policy_knows() -> None:
    """Where it names sites; goods that arrive elsewhere are received there all the same."""
    site = {"name": "Main", "address": "Main Street 1", "country": "DE"}
    shop = open_shop({"window": {"days": 30}, "sites": {"WH-1": site, "WH-2": site}, "return_to": "WH-1"})
    request(shop, {"line_id": "L1", "quantity": 1})
    shop.send("ReceiveGoods", {**receipt("R-1", 1), "site": "CORNER-SHOP"}, at=day(5))
    moved = on_return(line=1, quantity=1, to_site="WH-3")
    refused(shop, "unknown_site", "TransferGoods", moved, actor="warehouse:W", at=day(6), site="WH-3")
    shop.send("TransferGoods", {**moved, "to_site": "WH-2"}, actor="warehouse:W", at=day(6))
    assert states(shop, "site") == [(1, "WH-2")]


def test_goods_that_went_out_cannot_be_moved() -> None:
    """Sent back, they are at no site."""
    shop = a_return(1)
    shop.send("ReceiveGoods", receipt("R-1", 1), at=day(5))
    shop.send("DecideResolution", on_return(line=1, quantity=1, resolution="send_back"), at=day(6))
    shop.send("SendBack", on_return(line=1, quantity=1), at=day(7))
    refused(shop, "quantity_exceeded", "TransferGoods", on_return(line=1, quantity=1, to_site="WH-2"), available=0)
