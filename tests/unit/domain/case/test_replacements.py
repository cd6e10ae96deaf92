"""New articles in place of returned ones: one or several for a unit, sent, and lost on their way."""

from __future__ import annotations

from typing import Any

import pytest

from tests.support.conservation import check
from tests.support.refusals import refused, states, unchanged
from tests.support.shop import Shop, names
from tests.support.stories import POLICY, day, inspect, on_return, open_shop, receive, request

WISHES = {**POLICY, "offers": ["refund", "exchange", "replacement"]}
SHOE = {"sku": "SHOE-43", "quantity": 2, "amount_minor": 500}
LACE = {"sku": "LACE", "quantity": 4, "amount_minor": 100}
WAREHOUSE = "warehouse:W"


def exchanged(*articles: dict[str, Any], quantity: int = 2) -> Shop:
    """Return a shop in which units of L1 (3 for 1000) are exchanged for articles that wait to be sent."""
    shop = open_shop(WISHES)
    line = {"line_id": "L1", "quantity": quantity, "wish": "exchange"}
    request(shop, {**line, "exchange_for": list(articles)} if articles else line)
    receive(shop, (1, quantity))
    inspect(shop, 1, quantity)
    return shop


def ship(quantity: int, sku: str | None = None, **more: Any) -> dict[str, Any]:
    told = on_return(line=1, quantity=quantity, **more)
    return {**told, "sku": sku} if sku else told


def lost(quantity: int = 1, **more: Any) -> dict[str, Any]:
    return on_return(line=1, quantity=quantity, reason="never arrived", **more)


def test_the_quotes_of_several_articles_are_one() -> None:
    """2 units for 666 against 500 and 100: 66 go back."""
    shop = exchanged(SHOE, LACE)
    assert [refund.amount_minor for refund in shop.order().refunds.values()] == [66]
    assert sum(shop.order().accounts[shop.rma().rma_id].quotes.values()) == 600
    check(shop)


def test_a_unit_is_through_when_all_its_articles_left() -> None:
    """2 units stand for 2 shoes and 4 laces: shoe by shoe, lace by lace."""
    shop = exchanged(SHOE, LACE)
    steps: list[tuple[int, str, list[tuple[Any, ...]]]] = [
        (1, "SHOE-43", [(1, False, True), (1, False, False)]),
        (1, "LACE", [(1, False, True), (1, False, False)]),
        (1, "LACE", [(1, True, False), (1, False, False)]),
        (1, "SHOE-43", [(1, True, False), (1, False, True)]),
        (2, "LACE", [(2, True, False)]),
    ]
    for quantity, sku, found in steps:
        shop.send("ShipReplacement", ship(quantity, sku), actor=WAREHOUSE, at=day(8))
        assert states(shop, "goods_sent", "goods_begun") == found, (quantity, sku)
    refused(shop, "quantity_exceeded", "ShipReplacement", ship(1, "LACE"), actor=WAREHOUSE, available=0)
    check(shop)


@pytest.mark.parametrize(
    ("told", "code", "details"),
    [
        (ship(1, "HAT"), "unknown_article", {"sku": "HAT", "promised": ["SHOE-43", "LACE"]}),
        (ship(3, "SHOE-43"), "quantity_exceeded", {"asked": 3, "available": 2}),
        (ship(1, "LACE", serials=["S-1", "S-2"]), "quantity_exceeded", {"asked": 2, "available": 1}),
        (ship(3), "quantity_exceeded", {"asked": 3, "available": 2}),
    ],
)
def test_what_was_not_promised_is_not_sent(told: dict[str, Any], code: str, details: dict[str, Any]) -> None:
    """Another article, more of one, more serial numbers than articles, more units."""
    refused(exchanged(SHOE, LACE), code, "ShipReplacement", told, actor=WAREHOUSE, at=day(8), **details)


def test_what_has_begun_to_leave_is_not_called_off() -> None:
    """One lace left: that unit's exchange stands, the other's may be decided anew."""
    shop = exchanged(SHOE, LACE)
    shop.send("ShipReplacement", ship(1, "LACE"), actor=WAREHOUSE, at=day(8))
    told = on_return(line=1, quantity=2, resolution="refund")
    refused(shop, "quantity_exceeded", "DecideResolution", told, at=day(9), available=1)
    shop.send("DecideResolution", {**told, "quantity": 1}, at=day(9))
    check(shop)


def test_a_single_article_by_name_is_a_unit_each() -> None:
    """With and without its name it comes to the same; serial numbers are kept with it."""
    shop = exchanged({**SHOE, "amount_minor": 666})
    (fact,) = shop.send("ShipReplacement", ship(1, "SHOE-43", serials=["S-1"]), actor=WAREHOUSE, at=day(8))[:1]
    assert (fact.sku, fact.serials) == ("SHOE-43", ("S-1",))  # type: ignore[attr-defined]
    assert states(shop, "goods_sent") == [(1, True), (1, False)]
    shop.send("ShipReplacement", ship(1), actor=WAREHOUSE, at=day(8))
    assert states(shop, "goods_sent") == [(2, True)]


def test_articles_are_wished_for_with_an_exchange_only() -> None:
    """One or several."""
    shop = open_shop(WISHES)
    wanted = {"line_id": "L1", "quantity": 1, "reason": "fit", "wish": "refund", "exchange_for": [SHOE, LACE]}
    refused(shop, "wrong_state", "RequestReturn", on_return(lines=[wanted]), at=day(3), wish="refund")


# lost


@pytest.mark.parametrize("wish", ["exchange", "replacement"])
def test_units_whose_new_article_got_lost_wait_again(wish: str) -> None:
    """It may be sent again, or something else be decided; told again under its own name it is no second loss."""
    shop = open_shop(WISHES)
    request(shop, {"line_id": "L1", "quantity": 2, "wish": wish})
    receive(shop, (1, 2))
    inspect(shop, 1, 2)
    refused(shop, "quantity_exceeded", "RecordReplacementLost", lost(), actor="carrier:DHL", at=day(8), available=0)
    shop.send("ShipReplacement", ship(2), actor=WAREHOUSE, at=day(8))
    assert shop.rma().status == "resolved"
    facts = shop.send("RecordReplacementLost", lost(loss_id="LO-1"), actor="carrier:DHL", at=day(12))
    assert names(facts) == ["ReplacementLost", "DeadlinesMoved"]
    assert shop.rma().status == "inspected"
    unchanged(shop, "RecordReplacementLost", lost(loss_id="LO-1"), actor="carrier:DHL", at=day(13))
    refused(shop, "loss_id_reused", "RecordReplacementLost", lost(2, loss_id="LO-1"), actor="carrier:DHL", at=day(13))
    refused(shop, "quantity_exceeded", "RecordReplacementLost", lost(2), actor="carrier:DHL", at=day(13), available=1)
    shop.send("DecideResolution", on_return(line=1, quantity=1, resolution="refund"), at=day(14))
    assert [refund.amount_minor for refund in shop.order().refunds.values()] == [333]
    refused(shop, "quantity_exceeded", "ShipReplacement", ship(1), actor=WAREHOUSE, at=day(15), available=0)
    check(shop)


def test_lost_articles_are_sent_again() -> None:
    """Both articles of the unit, counted anew."""
    shop = exchanged(SHOE, LACE)
    shop.send("ShipReplacement", ship(2), actor=WAREHOUSE, at=day(8))
    shop.send("RecordReplacementLost", lost(), actor=WAREHOUSE, at=day(9))
    refused(shop, "quantity_exceeded", "ShipReplacement", ship(2, "SHOE-43"), actor=WAREHOUSE, available=1)
    shop.send("ShipReplacement", ship(1, "SHOE-43"), actor=WAREHOUSE, at=day(10))
    shop.send("ShipReplacement", ship(2, "LACE"), actor=WAREHOUSE, at=day(10))
    assert states(shop, "goods_sent") == [(2, True)]
