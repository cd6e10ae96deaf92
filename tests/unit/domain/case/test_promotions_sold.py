"""Promotions as an order is registered with them: inside the discounts given, on lines of the order, each once."""

from __future__ import annotations

from typing import Any

import pytest

from tests.support.refusals import refused
from tests.support.shop import Shop
from tests.unit.domain.case.test_promotions import FROM_100, SHIRTS, an_order


@pytest.mark.parametrize(
    ("promotions", "code", "details"),
    [
        ([{**FROM_100, "lines": [{"line_id": "L9"}]}], "unknown_line", {"line_id": "L9", "promotion_id": "SPRING"}),
        (
            [{**FROM_100, "amount_minor": 1_201}],
            "promotion_exceeds_discounts",
            {"asked": 1_201, "available_minor": 1_200},
        ),
        (
            [FROM_100, {**FROM_100, "promotion_id": "MORE", "amount_minor": 1}],
            "promotion_exceeds_discounts",
            {"promotion_id": "MORE", "asked": 1_201, "available_minor": 1_200},
        ),
        ([{**FROM_100, "amount_minor": 1}] * 2, "duplicate_promotion", {"promotion_id": "SPRING"}),
        ([{**FROM_100, "lines": [{"line_id": "L1"}, {"line_id": "L1"}]}], "duplicate_line", {"line_id": "L1"}),
    ],
)
def test_a_promotion_that_cannot_be_is_refused(
    promotions: list[dict[str, Any]], code: str, details: dict[str, Any]
) -> None:
    """With its name, and what there is of discounts; nothing of the order is recorded."""
    shop = Shop()
    order = {"order_id": "O-1", "customer_id": "C-1", "country": "US", "channel": "web", "currency": "EUR"}
    refused(shop, code, "RegisterOrder", order | an_order(promotions=promotions), actor="system:shop", **details)


def test_a_promotion_over_lines_may_be_in_their_own_discounts_and_the_order_s() -> None:
    """Not in those of other lines."""
    lines = [
        {**SHIRTS, "discount_minor": 300},
        {"line_id": "L2", "sku": "TIE", "quantity": 1, "amount_minor": 500, "discount_minor": 400},
    ]
    over = {**FROM_100, "lines": [{"line_id": "L1"}]}
    order = {"order_id": "O-1", "customer_id": "C-1", "country": "US", "channel": "web", "currency": "EUR"}
    told = order | an_order(*lines, promotions=[{**over, "amount_minor": 501}], discount=200)
    refused(Shop(), "promotion_exceeds_discounts", "RegisterOrder", told, available_minor=500)

    Shop().send("RegisterOrder", order | an_order(*lines, promotions=[{**over, "amount_minor": 500}], discount=200))
