"""What becomes of goods follows a decision, and the merchant's stock is told of it."""

from __future__ import annotations

from typing import Any

import pytest

from domain.fact import Fact
from domain.rma import Rma
from tests.support.refusals import refused, states, unit_statuses
from tests.support.shop import Shop, names
from tests.support.stories import POLICY, day, inspect, on_return, open_shop, receive, request

WORN: dict[str, Any] = {"grade": "D", "cause": "misuse", "liable_party": "customer"}


def received(quantity: int = 2, policy: dict[str, Any] | None = None, **line: Any) -> Shop:
    """Return a shop in which units of L1 have arrived."""
    shop = open_shop(policy)
    request(shop, {"line_id": "L1", "quantity": quantity, **line})
    receive(shop, (1, quantity))
    return shop


def decide(shop: Shop, resolution: str, quantity: int = 1, **more: Any) -> list[Fact]:
    told = on_return(line=1, quantity=quantity, resolution=resolution, **more)
    return shop.send("DecideResolution", told, at=day(8))


def told(facts: list[Fact]) -> list[tuple[str, int, str, str | None]]:
    """Return what the stock was told: article, quantity, disposition, site."""
    return [(f.sku, f.quantity, f.disposition, f.site) for f in facts if isinstance(f, Rma.StockInstructed)]


# it follows a decision


def test_goods_that_were_not_accepted_are_held_and_then_sent_back() -> None:
    """Graded D, they are not for recycling: they are the customer's, and go out as such."""
    shop = received(1)
    inspect(shop, 1, 1, **WORN)
    assert states(shop, "disposition") == [(1, "hold")]
    decide(shop, "send_back")
    assert states(shop, "disposition") == [(1, "hold")]
    facts = shop.send("SendBack", on_return(line=1, quantity=1), at=day(9))
    assert states(shop, "disposition") == [(1, "send_back")]
    assert told(facts) == [("SHOE-42", 1, "send_back", "WH-1")]


@pytest.mark.parametrize("resolution", ["refund", "store_credit", "exchange", "replacement", "none"])
def test_once_a_person_decided_the_grade_says_where_goods_go(resolution: str) -> None:
    """Whether the customer gets something or nothing, the goods are not held any longer."""
    shop = received(1)
    inspect(shop, 1, 1, **WORN)
    assert told(decide(shop, resolution)) == [("SHOE-42", 1, "recycle", "WH-1")]
    assert states(shop, "disposition") == [(1, "recycle")]


def test_what_a_person_said_of_the_goods_stands() -> None:
    """A disposition decided before the money is not overruled by the grade."""
    shop = received(1)
    inspect(shop, 1, 1, **WORN)
    shop.send("DecideDisposition", on_return(line=1, quantity=1, disposition="donate"), at=day(8))
    assert told(decide(shop, "refund")) == []
    assert states(shop, "disposition") == [(1, "donate")]


def test_goods_refunded_early_are_the_merchants_whatever_the_bench_finds() -> None:
    """The money was decided at receipt; the grade says where the goods go at once."""
    shop = received(1, {**POLICY, "refund_due": "receipt"})
    inspect(shop, 1, 1, **WORN)
    assert states(shop, "resolution", "disposition") == [(1, "refund", "recycle")]


def test_goods_that_nobody_authorized_are_held_until_somebody_does() -> None:
    """Found as new on a denied line they are the customer's; an override makes them stock."""
    no = {"name": "no", "when": {"fact": "reason", "is": "gift"}, "then": {"decide": "deny", "code": "no"}}
    shop = open_shop({**POLICY, "rules": [no]})
    request(shop, {"line_id": "L1", "quantity": 1, "reason": "gift"})
    arrived = [{"line": 1, "quantity": 1}]
    shop.send("ReceiveGoods", on_return(receipt_id="R", site="W", items=arrived, complete=True), at=day(5))
    inspect(shop, 1, 1)
    assert states(shop, "accepted", "disposition") == [(1, True, "hold")]

    approval = [{"line": 1, "quantity": 1, "decision": "approve"}]
    facts = shop.send("OverrideDecision", on_return(lines=approval, approved_by="boss", reason="kind"), at=day(8))
    assert told(facts) == [("SHOE-42", 1, "restock", "W")]


def test_goods_to_be_repaired_are_no_stock() -> None:
    """They go back to the customer, whatever their grade."""
    shop = received(1, {**POLICY, "offers": ["repair"]}, wish="repair", reason="defective")
    inspect(shop, 1, 1)
    assert states(shop, "resolution", "disposition") == [(1, "repair", "hold")]


# the stock is told


def test_the_stock_is_told_again_what_changed_and_of_nothing_held() -> None:
    """Restock, then nothing while held, then nothing new, then scrap: each told once."""
    shop = received(2)
    inspect(shop, 1, 2)
    said = [told(shop.sent[-1][1])]
    for disposition in ("hold", "restock", "scrap", "scrap"):
        body = on_return(line=1, quantity=2, disposition=disposition)
        said.append(told(shop.send("DecideDisposition", body, at=day(8))))
    assert said == [[("SHOE-42", 2, "restock", "WH-1")], [], [], [("SHOE-42", 2, "scrap", "WH-1")], []]


def test_a_superseding_inspection_tells_what_it_changes() -> None:
    """One of two units turns out better: only that one's disposition changes."""
    shop = received(2)
    inspect(shop, 1, 2, "I-1", grade="B")
    inspect(shop, 1, 1, "I-2", grade="A", supersedes="I-1")
    assert told(shop.sent[-1][1]) == [("SHOE-42", 1, "restock", "WH-1")]
    assert states(shop, "disposition") == [(1, "restock"), (1, "open_box")]


# another article in the place of the one announced


def swapped(quantity: int = 1) -> Shop:
    """Return a shop in which hats came in the place of shoes."""
    shop = open_shop()
    request(shop, {"line_id": "L1", "quantity": 2})
    hats = [{"sku": "HAT", "quantity": quantity, "instead_of": 1}]
    body = on_return(receipt_id="R", site="WH-2", items=[], unexpected=hats, complete=False)
    shop.send("ReceiveGoods", body, at=day(5))
    return shop


def test_another_article_is_inspected_graded_and_disposed_of_under_its_own_name() -> None:
    """It is never accepted by policy; a person settles it, and the unit is no more free than a returned one."""
    shop = swapped()
    assert unit_statuses(shop, "L1") == [(1, "free"), (1, "in_return"), (1, "free")]
    inspect(shop, 1, 1, sku="HAT")
    assert states(shop, "logistics", "grade", "accepted", "disposition") == [
        (1, "wrong_item", "A", False, "hold"),
        (1, "with_customer", None, False, None),
    ]
    assert told(decide(shop, "refund", sku="HAT")) == [("HAT", 1, "restock", "WH-2")]
    assert [refund.amount_minor for refund in shop.order().refunds.values()] == [333]
    assert unit_statuses(shop, "L1") == [(1, "returned"), (1, "in_return"), (1, "free")]
    refused(shop, "quantity_exceeded", "DecideResolution", on_return(line=1, quantity=1, resolution="none", sku="HAT"))


def test_another_article_that_is_sent_back_is_the_customers_again() -> None:
    """Nothing is paid; the unit, which never came, may be returned another time."""
    shop = swapped()
    inspect(shop, 1, 1, sku="HAT")
    decide(shop, "send_back", sku="HAT")
    assert unit_statuses(shop, "L1") == [(1, "returned"), (1, "in_return"), (1, "free")]
    facts = shop.send("SendBack", on_return(line=1, quantity=1), at=day(9))
    assert told(facts) == [("HAT", 1, "send_back", "WH-2")]
    assert unit_statuses(shop, "L1") == [(1, "free"), (1, "in_return"), (1, "free")]


def test_without_its_name_another_article_is_not_meant() -> None:
    """The bench, the disposition and the decision are about the announced article unless they say otherwise."""
    shop = swapped()
    found = on_return(line=1, quantity=1, inspection_id="I-1", grade="A", cause="unknown", liable_party="none")
    refused(shop, "quantity_exceeded", "RecordInspection", found, at=day(6), available=0)
    refused(shop, "quantity_exceeded", "RecordInspection", {**found, "sku": "CAP"}, at=day(6), available=0)
    dispose = on_return(line=1, quantity=1, disposition="scrap")
    refused(shop, "quantity_exceeded", "DecideDisposition", dispose, at=day(6), available=0)
    assert names(shop.send("DecideDisposition", {**dispose, "sku": "HAT"}, at=day(6)))[0] == "DispositionDecided"
    refused(
        shop, "quantity_exceeded", "DecideResolution", on_return(line=1, quantity=2, resolution="none"), available=1
    )


def test_a_return_of_another_article_that_was_settled_counts() -> None:
    """Alone it makes no open return; once a person decided on it, its money is waited for."""
    shop = open_shop()
    request(shop, {"line_id": "L1", "quantity": 1})
    hats = [{"sku": "HAT", "quantity": 1, "instead_of": 1}]
    body = on_return(receipt_id="R", site="WH-2", items=[], unexpected=hats, complete=True)
    shop.send("ReceiveGoods", body, at=day(5))
    assert shop.rma().status == "resolved"
    decide(shop, "refund", sku="HAT")
    assert shop.rma().status == "inspected"
