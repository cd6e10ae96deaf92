"""Rules may ask what the law asks: how an order was sold and to whom, what its lines and the request say."""

from __future__ import annotations

from typing import Any

import pytest

from domain.policy.when import LAW_FACTS
from tests.support.stories import POLICY, open_shop, request

LINE: dict[str, Any] = {"line_id": "L1", "sku": "LAMP", "quantity": 2, "amount_minor": 1500}


def denying(fact: str, value: object) -> dict[str, Any]:
    """Return a policy that denies where a fact is so, in every edition of the law."""
    when = {"fact": fact, "is": value}
    return {**POLICY, "rules": [{"name": "asks", "when": when, "then": {"decide": "deny", "code": "asked"}}]}


@pytest.mark.parametrize(
    ("fact", "value", "order", "line", "asked"),
    [
        ("distance_sale", False, {"channel": "store"}, {}, {}),
        ("distance_sale", False, {"distance_sale": False}, {}, {}),
        ("distance_sale", True, {}, {}, {}),
        ("business_buyer", True, {"business_buyer": True}, {}, {}),
        ("informed", False, {"informed": False}, {}, {}),
        ("second_hand", True, {}, {"second_hand": True}, {}),
        ("digital_consent", True, {}, {"digital_consent": True}, {}),
        ("withdrawal_exception", "custom_made", {}, {"withdrawal_exception": "custom_made"}, {}),
        ("unsealed", True, {}, {}, {"unsealed": True}),
        ("repairs_tried", 2, {}, {}, {"repairs_tried": 2}),
    ],
)
def test_a_rule_sees_what_the_law_sees(
    fact: str, value: object, order: dict[str, Any], line: dict[str, Any], asked: dict[str, Any]
) -> None:
    """Under the first edition of the law, too, which does not look at them itself."""
    shop = open_shop(denying(fact, value), {**order, "lines": [{**LINE, **line}]})
    request(shop, {"line_id": "L1", "quantity": 1, **asked})

    (terms,) = [line.terms for line in shop.rma().lines.values()]
    assert terms is not None
    assert (terms.codes, getattr(terms.facts, fact)) == (("asked",), value)
    assert terms.law is None


@pytest.mark.parametrize("fact", sorted({*LAW_FACTS} - {"distance_sale"}))
def test_what_nobody_said_is_missing(fact: str) -> None:
    """A comparison with it is false, as with every fact that is missing."""
    shop = open_shop(denying(fact, 0 if fact == "repairs_tried" else False), {"lines": [LINE]})
    request(shop, {"line_id": "L1", "quantity": 1})

    (terms,) = [line.terms for line in shop.rma().lines.values()]
    assert terms is not None
    assert getattr(terms.facts, fact) is None
    assert terms.codes == ()


def test_a_policy_that_does_not_ask_leaves_no_trace_of_them() -> None:
    """What was decided before rules could ask comes out byte for byte."""
    shop = open_shop(POLICY, {"business_buyer": True, "lines": [LINE]})
    request(shop, {"line_id": "L1", "quantity": 1, "unsealed": True})

    (terms,) = [line.terms for line in shop.rma().lines.values()]
    assert terms is not None
    assert not LAW_FACTS & {*terms.facts.model_dump(mode="json")}
