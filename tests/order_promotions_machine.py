"""The whole orders at random, with more that a policy may say: promotions, kits, shares by grade, questions."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, get_args

from hypothesis import strategies as st

from domain.vocabularies import GradeOfWear
from tests.order_machine import OrderMachine

ASKED: list[dict[str, Any]] = [
    {"name": "worn", "text": "Was it worn?", "kind": "truth", "required": True},
    {
        "name": "where", "text": "Where?", "kind": "choice", "choices": ["in", "out"], "required": True,
        "when": {"all": [{"fact": "answers.worn", "is": True}, {"fact": "bundle_complete", "is": False}]},
    },
]  # fmt: skip
WHOLE: dict[str, Any] = {
    "name": "whole",
    "when": {"all": [{"fact": "bundle_complete", "is": False}, {"fact": "answers.where", "is": "out"}]},
    "then": {"decide": "deny", "code": "kit_incomplete"},
}
ANSWERS: tuple[dict[str, Any], ...] = (
    {"worn": False},
    {"worn": True, "where": "in"},
    {"worn": True, "where": "in", "color": "red"},
    {"worn": True, "where": "out"},
    {"worn": False},
    {"worn": True},
    {"worn": True, "where": "in"},
    {"worn": "yes"},
    {"worn": False},
    {},
)
"""What customers answer, one after the other: mostly what is asked for."""
some_skus = st.lists(st.sampled_from(("S1", "S2", "S3")), min_size=1, max_size=2, unique=True)
parts_bps = st.sampled_from((3_000, 7_000, 9_000, 10_000, 10_000))
"""How much of what is sold a promotion hangs on: mostly all of it, so that whatever comes back breaks it."""
shares = st.dictionaries(st.sampled_from(get_args(GradeOfWear)), st.integers(1, 10_000), max_size=3)
kits = st.lists(st.sampled_from((None, "K", "K2")), min_size=3, max_size=3)


class OrderPromotionsMachine(OrderMachine):
    """An order with promotions and kits, under a policy that asks, shares by grade and may take fees on exchanges."""

    def further_terms(self, data: st.DataObject, document: dict[str, Any]) -> dict[str, Any]:
        document = super().further_terms(data, document)
        return {
            **document,
            "promotions": data.draw(st.sampled_from(("recompute", "recompute", "keep")), "promotions"),
            "grade_share_bps": data.draw(shares, "shares"),
            "fees": {**document["fees"], "on_exchange": data.draw(st.booleans(), "on exchange")},
            "questions": data.draw(st.sampled_from(([], [], [], ASKED)), "questions"),
            "rules": [*document["rules"], WHOLE],
        }

    def further_sold(self, data: st.DataObject, order: dict[str, Any]) -> dict[str, Any]:
        order = super().further_sold(data, order)
        of_kits = zip(order["lines"], data.draw(kits, "kits"), strict=False)
        lines = [{**line, "bundle_id": kit} if kit else line for line, kit in of_kits]
        return {**order, "lines": lines, "promotions": list(_promotions(data, order))}

    def further_asked(self) -> dict[str, Any]:
        told = super().further_asked()
        return {**told, "answers": ANSWERS[len(self.shop.sent) % len(ANSWERS)]}


def _promotions(data: st.DataObject, order: dict[str, Any]) -> Iterator[dict[str, Any]]:
    """Yield promotions, over all lines or some, that are inside the discounts given."""
    left = sum(line["discount_minor"] for line in order["lines"]) + order["discount_minor"]
    for number in range(data.draw(st.integers(0, 2), "promotions")):
        over = data.draw(st.lists(st.sampled_from(order["lines"]), max_size=2, unique_by=lambda line: line["line_id"]))
        within = order["discount_minor"] + sum(line["discount_minor"] for line in over or order["lines"])
        most = min(left, within)
        amount = data.draw(st.sampled_from((most, most * 2 // 3, most // 2, most // 7)), "amount")
        left -= amount
        narrowed = {"lines": [{"line_id": line["line_id"]} for line in over]} if over else {}
        requires = data.draw(_requires(over or order["lines"]), "requires")
        yield {"promotion_id": f"P{number}", "amount_minor": amount, "requires": requires, **narrowed}


def _requires(over: list[dict[str, Any]]) -> st.SearchStrategy[dict[str, Any]]:
    """Return what a promotion over lines may hang on."""
    amount = sum(line["amount_minor"] - line["discount_minor"] for line in over)
    quantity = sum(line["quantity"] for line in over)
    return st.fixed_dictionaries(
        {},
        optional={
            "at_least_minor": parts_bps.map(lambda bps: amount * bps // 10_000),
            "at_least_quantity": parts_bps.map(lambda bps: max(quantity * bps // 10_000, 1)),
            "skus": some_skus,
        },
    )
