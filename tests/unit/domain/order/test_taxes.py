"""Taxes by code: what an order may say of them, and how they fall to its lines."""

from __future__ import annotations

import json
from typing import Any

import pytest

from commands.dispatch import parse
from commands.faults import MalformedError
from commands.registry import content_hash
from domain.order import taxes
from domain.order.parts import OrderLine, TaxShare
from tests.support.refusals import refused, unchanged
from tests.support.shop import Shop
from tests.support.stories import ORDER


def tax(code: str, rate_bps: int, amount_minor: int) -> dict[str, Any]:
    return {"code": code, "rate_bps": rate_bps, "amount_minor": amount_minor}


def order(*lines: dict[str, Any], paid: int, **more: Any) -> dict[str, Any]:
    """Return an order of lines, each completed by an id of its own, paid by card."""
    told = [{"line_id": f"L{n}", "sku": "S", "quantity": 1, **line} for n, line in enumerate(lines, start=1)]
    tenders = [{"tender_id": "T1", "kind": "card", "amount_minor": paid}]
    return {**ORDER, "lines": told, "tenders": tenders, **more}


def registered(given: dict[str, Any]) -> list[OrderLine]:
    shop = Shop()
    shop.send("RegisterOrder", given, actor="system:shop")
    return [account.fact for account in shop.order().lines.values()]


def shares(found: tuple[TaxShare, ...]) -> list[tuple[str, int | None, int]]:
    return [(share.code, share.rate_bps, share.amount_minor) for share in found]


def test_taxes_inside_a_price_change_nothing_of_it() -> None:
    """What was paid stays what it was; the line knows what of it is tax."""
    (line,) = registered(order({"amount_minor": 9000, "taxes": [tax("DE-19", 1_900, 1437)]}, paid=9000))

    assert (line.goods_minor, line.tax_minor) == (9000, 0)
    assert shares(line.taxes) == [("DE-19", 1_900, 1437)]


def test_taxes_on_top_are_charged() -> None:
    """Their sum is the line's tax, whether that is given beside them or not."""
    line = {"amount_minor": 1000, "taxes": [tax("GST", 500, 50), tax("QST", 998, 100)]}

    for given in (line, {**line, "tax_minor": 150}):
        (found,) = registered(order(given, paid=1150, tax_included=False))
        assert (found.goods_minor, found.tax_minor) == (1000, 150)
        assert shares(found.taxes) == [("GST", 500, 50), ("QST", 998, 100)]


@pytest.mark.parametrize(("tax_included", "paid"), [(True, 1050), (False, 1218)])
def test_a_total_alone_is_one_code(*, tax_included: bool, paid: int) -> None:
    """A tax that no code is named for is the standard one, at a rate that nobody told, on goods and on shipping."""
    given = order(
        {"amount_minor": 1000, "tax_minor": 160}, paid=paid, tax_included=tax_included, shipping_minor=50,
        shipping_tax_minor=8,
    )  # fmt: skip
    (line,) = registered(given)

    assert shares(line.taxes) == [(taxes.STANDARD, None, 160)]
    assert shares(line.shipping_taxes) == [(taxes.STANDARD, None, 8)]


def test_an_order_that_says_nothing_of_tax_has_none() -> None:
    """Nothing is made up."""
    (line,) = registered(order({"amount_minor": 1000}, paid=1000))
    assert not line.names_taxes


@pytest.mark.parametrize(
    ("line", "more", "paid", "details"),
    [
        # given beside the codes, and another sum
        ({"tax_minor": 191, "taxes": [tax("A", 1_900, 190)]}, {"tax_included": False}, 1191, (191, 190, "L1")),
        ({"tax_minor": 0, "taxes": [tax("A", 1_900, 190)]}, {}, 1000, (0, 190, "L1")),
        ({}, {"shipping_minor": 50, "shipping_tax_minor": 9, "shipping_taxes": [tax("A", 1_900, 8)]}, 1050, (9, 8)),
        # inside an amount that is less, after its own discount of 100 and the order's of 50
        ({"discount_minor": 100, "taxes": [tax("A", 1_900, 851)]}, {"discount_minor": 50}, 850, (850, 851, "L1")),
        ({"discount_minor": 100, "tax_minor": 851}, {"discount_minor": 50}, 850, (850, 851, "L1")),
        ({}, {"shipping_minor": 50, "shipping_taxes": [tax("A", 1_900, 51)]}, 1050, (50, 51)),
    ],
)
def test_taxes_that_do_not_sum_are_refused(
    line: dict[str, Any], more: dict[str, Any], paid: int, details: tuple[Any, ...]
) -> None:
    """The refusal says what they should have come to, and where."""
    names = ("expected_minor", "given_minor", "line_id")
    given = order({"amount_minor": 1000, **line}, paid=paid, **more)
    refused(Shop(), "taxes_do_not_sum", "RegisterOrder", given, **dict(zip(names, details, strict=False)))


def test_taxes_may_be_all_that_is_left_of_a_price() -> None:
    """Tax inside is at most the amount after all discounts, and may be just that."""
    given = {"amount_minor": 1000, "discount_minor": 100, "taxes": [tax("A", 1_900, 850)]}
    (line,) = registered(order(given, paid=850, discount_minor=50))
    assert (line.goods_minor, taxes.total_of(line.taxes)) == (850, 850)


def test_a_code_twice_is_refused() -> None:
    """Two taxes under one code would be one whose rate is unclear."""
    twice = [tax("A", 1_900, 10), tax("A", 700, 5)]
    refused(
        Shop(), "duplicate_tax", "RegisterOrder", order({"amount_minor": 100, "taxes": twice}, paid=100),
        tax_code="A", line_id="L1",
    )  # fmt: skip
    given = order({"amount_minor": 100}, paid=150, shipping_minor=50, shipping_taxes=twice)
    refused(Shop(), "duplicate_tax", "RegisterOrder", given, tax_code="A")


@pytest.mark.parametrize("rate_bps", [-1, 1_000_000])
def test_a_rate_that_is_none_is_malformed(rate_bps: int) -> None:
    """A rate is at least nothing and at most ten times the amount; the fault names its place."""
    given = order({"amount_minor": 100, "taxes": [tax("A", rate_bps, 10)]}, paid=100)
    with pytest.raises(MalformedError) as malformed:
        Shop().send("RegisterOrder", given)
    assert [fault.path for fault in malformed.value.faults] == ["$.lines[0].taxes[0].rate_bps"]


def test_each_tax_on_shipping_falls_to_the_lines_like_it() -> None:
    """Shipping of 400 goes 200 : 100 : 100 by goods, its taxes of 64 and 3 by largest remainder."""
    found = registered(
        order(
            {"amount_minor": 2000}, {"amount_minor": 1000}, {"amount_minor": 1000}, paid=4400, shipping_minor=400,
            shipping_taxes=[tax("A", 1_900, 64), tax("B", 100, 3)],
        )
    )  # fmt: skip

    assert [line.shipping_minor for line in found] == [200, 100, 100]
    # 3 falls 1.5, 0.75, 0.75: rounded down 1, 0, 0, and the two left over go to the larger remainders
    assert [[share.amount_minor for share in line.shipping_taxes] for line in found] == [[32, 1], [16, 1], [16, 1]]


def test_an_order_told_before_there_were_taxes_is_the_same_told_again() -> None:
    """Fields that a command has not always had do not count in its content while they are left out."""
    before_taxes = "9cd7cab9ef49cd68cf99da48947b7ee6ec806e77e23a6631114bd59f98378529"
    assert content_hash(parse("rma.RegisterOrder.v1", json.dumps(ORDER).encode())) == before_taxes

    shop = Shop()
    given = order({"amount_minor": 9000, "taxes": [tax("A", 1_900, 1437)]}, paid=9000)
    shop.send("RegisterOrder", given)
    unchanged(shop, "RegisterOrder", given)
    other = order({"amount_minor": 9000, "taxes": [tax("A", 1_900, 1436)]}, paid=9000)
    refused(shop, "order_exists", "RegisterOrder", other)
