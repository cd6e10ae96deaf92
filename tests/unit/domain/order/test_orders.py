"""What the shop and the merchant tell: orders, shipments, deliveries, policies."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID

import pytest

from domain.order.accounts import RmaAccount
from tests.support.refusals import refused, unchanged
from tests.support.shop import ORDERED, Shop, names
from tests.support.stories import ORDER, POLICY, day, on_return, open_shop, request


def order(**changes: Any) -> dict[str, Any]:
    return {**ORDER, **changes}


def lines(*amounts: int, **fields: Any) -> list[dict[str, Any]]:
    return [
        {"line_id": f"L{index}", "sku": f"S{index}", "quantity": 1, "amount_minor": amount, **fields}
        for index, amount in enumerate(amounts, start=1)
    ]


def paid(amount_minor: int) -> list[dict[str, Any]]:
    return [{"tender_id": "T1", "kind": "card", "amount_minor": amount_minor}]


def test_an_order_is_registered_once() -> None:
    """The same order again is no second one, whatever its time; another order under its id is refused."""
    shop = Shop()
    assert names(shop.send("RegisterOrder", ORDER, actor="system:shop")) == ["Registered"]

    unchanged(shop, "RegisterOrder", ORDER, at=day(1))
    unchanged(shop, "RegisterOrder", {**ORDER, "tax_included": True, "policy_id": "standard"})
    refused(shop, "order_exists", "RegisterOrder", order(customer_id="C-2"))


@pytest.mark.parametrize(
    ("changes", "code", "details"),
    [
        ({"tenders": paid(1499)}, "tenders_do_not_sum", {"charged": 1500, "tendered": 1499}),
        ({"tenders": []}, "tenders_do_not_sum", {"charged": 1500, "tendered": 0}),
        (
            {"tenders": paid(1500), "shipping_minor": 1},
            "tenders_do_not_sum",
            {"expected_minor": 1501, "given_minor": 1500},
        ),
        ({"tenders": paid(1500), "discount_minor": 1}, "tenders_do_not_sum", {"charged": 1499}),
        ({"tenders": paid(1500) + paid(0)}, "duplicate_tender", {"tender_id": "T1"}),
        ({"lines": lines(750) + lines(750)}, "duplicate_line", {"line_id": "L1"}),
        ({"discount_minor": 1501}, "discount_exceeds_amount", {"path": "$.discount_minor"}),
        ({"lines": lines(1500, discount_minor=1501)}, "discount_exceeds_amount", {"path": "$.lines[0].discount_minor"}),
    ],
)
def test_an_order_that_does_not_add_up_is_refused(changes: dict[str, Any], code: str, details: dict[str, Any]) -> None:
    """Sums and duplicates need more than one field: they are refused with figures, never recorded."""
    refused(Shop(), code, "RegisterOrder", order(**changes), **details)


def test_every_cent_is_allocated_once() -> None:
    """Discount by amounts after own discounts, shipping with its tax by goods after all discounts, tax on top."""
    shop = Shop()
    shop.send(
        "RegisterOrder",
        order(
            lines=[
                {
                    "line_id": "A",
                    "sku": "A",
                    "quantity": 3,
                    "amount_minor": 1000,
                    "discount_minor": 1,
                    "tax_minor": 190,
                },
                {"line_id": "B", "sku": "B", "quantity": 1, "amount_minor": 1000, "tax_minor": 70},
                {"line_id": "C", "sku": "C", "quantity": 2, "amount_minor": 0},
            ],
            tax_included=False,
            discount_minor=101,
            shipping_minor=400,
            shipping_tax_minor=99,
            tenders=paid(1999 - 101 + 260 + 499),
        ),
    )

    facts = [account.fact for account in shop.order().lines.values()]

    # 101 by 999 : 1000 is 50.47 : 50.53; 499 by 949 : 949 is a tie, and the odd cent goes to the earlier line
    assert [(f.goods_minor, f.tax_minor, f.shipping_minor) for f in facts] == [
        (949, 190, 250),
        (949, 70, 249),
        (0, 0, 0),
    ]


def test_tax_inside_the_price_is_not_charged_again() -> None:
    """Where prices include tax, neither the lines' tax nor the shipping's is charged on top."""
    shop = Shop()
    given = lines(1000, tax_minor=160)
    shop.send("RegisterOrder", order(lines=given, shipping_minor=50, shipping_tax_minor=8, tenders=paid(1050)))
    assert shop.order().lines["L1"].fact.tax_minor == 0


def test_shipping_of_an_order_of_free_goods_goes_by_quantity() -> None:
    """Where all weights are zero, the quantity bears the shipping."""
    shop = Shop()
    given = [
        {"line_id": "A", "sku": "A", "quantity": 1, "amount_minor": 0},
        {"line_id": "B", "sku": "B", "quantity": 3, "amount_minor": 0},
    ]
    shop.send("RegisterOrder", order(lines=given, shipping_minor=400, tenders=paid(400)))
    assert [account.fact.shipping_minor for account in shop.order().lines.values()] == [100, 300]


KEYS = {"RecordShipment": "shipment_id", "RecordDelivery": "delivery_id"}


def moved(name: str, move: str, *given: tuple[str, int], order_id: str = "O-1") -> dict[str, Any]:
    told = [{"line_id": line_id, "quantity": quantity} for line_id, quantity in given]
    return {"order_id": order_id, KEYS[name]: move, "lines": told}


@pytest.mark.parametrize("name", KEYS)
def test_what_moves_is_recorded_once(name: str) -> None:
    """A shipment or delivery told again is no second one."""
    shop = Shop()
    shop.send("RegisterOrder", ORDER)

    assert len(shop.send(name, moved(name, "M-1", ("L1", 2)), actor="system:shop")) == 1
    unchanged(shop, name, moved(name, "M-1", ("L1", 2)), at=day(5))
    refused(shop, f"{KEYS[name]}_reused", name, moved(name, "M-1", ("L1", 1)))


@pytest.mark.parametrize("name", KEYS)
@pytest.mark.parametrize(
    ("order_id", "given", "code", "details"),
    [
        ("O-1", [("L1", 2)], "quantity_exceeded", {"asked": 2, "available": 1}),
        ("O-1", [("L2", 2), ("L1", 1), ("L1", 1)], "quantity_exceeded", {"line_id": "L1"}),
        ("O-1", [("L9", 1)], "unknown_line", {"line_id": "L9"}),
        ("O-9", [("L1", 1)], "unknown_order", {"order_id": "O-9"}),
    ],
)
def test_no_more_moves_than_was_sold(
    name: str, order_id: str, given: list[tuple[str, int]], code: str, details: dict[str, Any]
) -> None:
    """More than sold, or an unknown line, is refused whole."""
    shop = Shop()
    shop.send("RegisterOrder", ORDER)
    shop.send(name, moved(name, "M-1", ("L1", 2)), actor="system:shop")

    refused(shop, code, name, moved(name, "M-2", *given, order_id=order_id), **details)


def published(effective_from: str, **document: Any) -> dict[str, Any]:
    return {"policy_id": "standard", "effective_from": effective_from, "document": {**POLICY, **document}}


def test_versions_take_effect_one_after_the_other() -> None:
    """A version at or before the instant of an earlier one is refused; each has a number and a hash of its own."""
    shop = Shop()
    first = shop.send("PublishPolicy", published("2026-01-01T00:00:00Z"), actor="system:merchant")
    second = shop.send("PublishPolicy", published("2026-02-01T00:00:00Z", ship_back_days=7))

    assert (names(first), names(second)) == (["Published"], ["Revised"])
    refused(shop, "policy_effective_date", "PublishPolicy", published("2026-02-01T00:00:00Z"))
    refused(shop, "policy_effective_date", "PublishPolicy", published("2026-02-01T00:59:00+01:00"))


def test_a_rule_that_cannot_match_or_matter_is_refused() -> None:
    """Impossible and unreachable rules are refused with their path."""
    impossible = {"all": [{"fact": "quantity", "at_least": 5}, {"fact": "quantity", "at_most": 4}]}
    always = {"name": "all", "when": {"fact": "quantity", "at_least": 1}, "then": {"decide": "approve"}}
    never = {"name": "shadowed", "when": {"fact": "quantity", "at_least": 2}, "then": {"decide": "approve"}}
    for code, rules in (
        ("policy_rule_impossible", [{"name": "no", "when": impossible, "then": {"decide": "approve"}}]),
        ("policy_rule_unreachable", [always, never]),
    ):
        refused(Shop(), code, "PublishPolicy", published("2026-01-01T00:00:00Z", rules=rules))


@pytest.mark.parametrize(
    ("ordered", "version"),
    [
        ("2025-12-31T23:59:59Z", 1),
        ("2026-01-01T00:00:00Z", 1),
        ("2026-02-01T00:00:00Z", 2),
        ("2030-01-01T00:00:00Z", 2),
    ],
)
def test_the_version_is_fixed_when_the_order_is_registered(ordered: str, version: int) -> None:
    """The newest version in force at the order's time holds, or the first; publishing changes no order that exists."""
    shop = Shop()
    shop.send("PublishPolicy", published("2026-01-01T00:00:00Z"))
    shop.send("PublishPolicy", published("2026-02-01T00:00:00Z", ship_back_days=7))
    shop.send("RegisterOrder", ORDER, at=datetime.fromisoformat(ordered).astimezone(UTC))
    shop.send("PublishPolicy", published("2026-02-02T00:00:00Z", ship_back_days=8))

    pin = shop.order().policy
    assert pin is not None
    assert pin.number == version


def test_an_order_older_than_every_policy_takes_the_first_at_its_first_request() -> None:
    """Where none was published yet, version 1 takes the order at the first request; without any, it is refused."""
    shop = Shop()
    shop.send("RegisterOrder", ORDER)
    asked = on_return(lines=[{"line_id": "L1", "quantity": 1, "reason": "fit", "wish": "refund"}])
    refused(shop, "no_policy", "RequestReturn", asked, policy_id="standard")
    shop.send("PublishPolicy", published("2026-06-01T00:00:00Z"))
    shop.send("PublishPolicy", published("2026-07-01T00:00:00Z", ship_back_days=1))

    facts = shop.send("RequestReturn", asked, at=day(3))

    assert "PolicyPinned" in names(facts)
    assert shop.rma().policy.number == 1


def test_an_article_given_in_exchange_is_an_order_that_can_come_back_in_turn() -> None:
    """An order with exchange_of is worth what was paid for it in the end, and returnable like any other."""
    shop = open_shop()
    request(shop, {"line_id": "L1", "quantity": 1, "wish": "refund"})
    shop.send(
        "RegisterOrder",
        order(
            order_id="O-2",
            lines=[{"line_id": "N1", "sku": "SHOE-43", "quantity": 1, "amount_minor": 400}],
            tenders=paid(400),
            exchange_of={"order_id": "O-1", "rma_id": str(shop.rma().rma_id), "line": 1},
        ),
        at=day(4),
    )
    other = UUID(int=9)
    request(shop, {"line_id": "N1", "quantity": 1}, rma_id=other, order_id="O-2", on=5)
    assert shop.rma(other).status == "authorized"


def test_asking_what_a_return_has_moved_changes_nothing() -> None:
    """A return that moved nothing has an empty account, and none is begun for the question."""
    order = open_shop().order()

    assert order.account(UUID(int=9)) == RmaAccount()
    assert order.accounts == {}


@pytest.mark.parametrize(("name", "key"), [("RecordShipment", "shipment_id"), ("RecordDelivery", "delivery_id")])
def test_nothing_leaves_or_arrives_before_it_was_ordered(name: str, key: str) -> None:
    """An earlier time is refused with that of the order, the same instant is not; told again, time does not matter."""
    shop = Shop()
    shop.send("RegisterOrder", ORDER)
    moved = {"order_id": "O-1", key: "M-1", "lines": [{"line_id": "L1", "quantity": 1}]}
    early = ORDERED - timedelta(microseconds=1)

    refused(shop, "before_order", name, moved, at=early, ordered_at=ORDERED.isoformat())
    shop.send(name, moved, at=ORDERED)
    unchanged(shop, name, moved, at=early)
