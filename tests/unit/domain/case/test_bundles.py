"""Lines sold as one kit: whether all of it comes back is a fact that rules may look at."""

from __future__ import annotations

from typing import Any
from uuid import UUID

import pytest

from tests.support.refusals import refused, states, unchanged
from tests.support.shop import RMA_ID, Shop, names
from tests.support.stories import ORDER, POLICY, day, on_return, open_shop, receive, request

AGAIN = UUID("00000000-0000-4000-8000-000000000002")
ONLY_WHOLE: dict[str, Any] = {
    **POLICY,
    "rules": [
        {
            "name": "whole",
            "when": {"all": [{"fact": "bundle_complete", "is": False}, {"not": {"fact": "reason", "is": "defective"}}]},
            "then": {"decide": "deny", "code": "kit_incomplete"},
        }
    ],
}
BODY: dict[str, Any] = {"line_id": "L1", "sku": "BODY", "quantity": 2, "amount_minor": 1000, "bundle_id": "K"}
LENS: dict[str, Any] = {"line_id": "L2", "sku": "LENS", "quantity": 1, "amount_minor": 400, "bundle_id": "K"}
FEE: dict[str, Any] = {"line_id": "L3", "sku": "GIFT-WRAP", "quantity": 1, "amount_minor": 100, "kind": "fee"}


def a_kit(*lines: dict[str, Any]) -> Shop:
    return open_shop(ONLY_WHOLE, {"lines": list(lines or (BODY, LENS, {**FEE, "bundle_id": "K"}))})


def outcomes(shop: Shop, rma_id: UUID = RMA_ID) -> list[str]:
    return [state.authorization for line in shop.rma(rma_id).lines.values() for _, state in line.states]


def known(shop: Shop, rma_id: UUID = RMA_ID) -> list[bool | None]:
    return [line.terms.facts.bundle_complete for line in shop.rma(rma_id).lines.values() if line.terms]


@pytest.mark.parametrize(
    ("asked", "complete"),
    [
        ([("L1", 2), ("L2", 1)], True),
        ([("L1", 1), ("L2", 1)], False),
        ([("L1", 2)], False),
        ([("L1", 1), ("L1", 1), ("L2", 1)], True),
    ],
)
def test_a_kit_is_complete_when_every_unit_of_it_is_asked_for(asked: list[tuple[str, int]], complete: bool) -> None:
    """However many lines of the request they are on; a fee in it can never come back, and is not waited for."""
    shop = a_kit()
    request(shop, *({"line_id": line_id, "quantity": quantity} for line_id, quantity in asked))

    assert set(known(shop)) == {complete}
    assert set(outcomes(shop)) == {"authorized" if complete else "denied"}


def test_what_came_back_before_counts() -> None:
    """A body that went back broken, and one on its way: with the lens the kit is complete."""
    shop = a_kit()
    request(shop, {"line_id": "L1", "quantity": 2, "reason": "defective"})
    receive(shop, (1, 1), complete=False)
    request(shop, {"line_id": "L2", "quantity": 1}, rma_id=AGAIN, on=8)

    assert known(shop) == [False]
    assert known(shop, AGAIN) == [True]
    assert outcomes(shop, AGAIN) == ["authorized"]


def test_a_return_that_ended_without_its_units_does_not_count() -> None:
    """They are the customer's again."""
    shop = a_kit()
    request(shop, {"line_id": "L1", "quantity": 2, "reason": "defective"})
    shop.send("WithdrawReturn", on_return(), at=day(4))
    request(shop, {"line_id": "L2", "quantity": 1}, rma_id=AGAIN, on=5)

    assert outcomes(shop, AGAIN) == ["denied"]


def test_cancelled_units_need_not_come() -> None:
    """They never went out: the kit is what is left of it."""
    shop = Shop()
    published = {"policy_id": "standard", "effective_from": "2020-01-01T00:00:00Z", "document": ONLY_WHOLE}
    shop.send("PublishPolicy", published)
    order = {
        "order_id": "O-1", "customer_id": "C-1", "country": "US", "channel": "web", "currency": "EUR",
        "lines": [BODY, LENS], "tenders": [{"tender_id": "T", "kind": "card", "amount_minor": 1400}],
    }  # fmt: skip
    shop.send("RegisterOrder", order)
    sent = {"order_id": "O-1", "delivery_id": "D", "lines": [{"line_id": "L1", "quantity": 2}]}
    shop.send("RecordDelivery", sent, at=day(1))
    gone = {"cancellation_id": "C", "lines": [{"line_id": "L2", "quantity": 1}], "reason": "sold out"}
    shop.send("CancelUnits", {"order_id": "O-1", **gone}, at=day(2))
    request(shop, {"line_id": "L1", "quantity": 2})

    assert outcomes(shop) == ["authorized"]


def test_a_line_of_no_kit_has_no_such_fact() -> None:
    """Missing, so that a comparison with it is false whatever it asks; nothing of it is stored."""
    shop = a_kit(BODY, {**LENS, "bundle_id": "OTHER"}, {**FEE, "kind": "goods"})
    request(shop, {"line_id": "L3", "quantity": 1})

    terms = shop.rma().lines[1].terms
    assert terms is not None
    assert (terms.outcome, terms.facts.bundle_complete) == ("approve", None)
    assert "bundle_complete" not in terms.facts.model_dump_json()


def test_each_kit_counts_for_itself() -> None:
    """Two kits in one order have names of their own; one of them comes back whole."""
    other = [{**BODY, "line_id": "L5", "amount_minor": 100, "bundle_id": "K2"}]
    shop = a_kit(BODY, LENS, *other)
    request(shop, {"line_id": "L5", "quantity": 2}, {"line_id": "L2", "quantity": 1})

    assert known(shop) == [True, False]


def test_a_correction_that_leaves_a_part_with_the_customer_is_decided_anew() -> None:
    """One body fewer: the kit stays incomplete, and what is decided anew is denied."""
    shop = a_kit()
    request(shop, {"line_id": "L1", "quantity": 2}, {"line_id": "L2", "quantity": 1})
    shop.send("CorrectRequest", on_return(line=1, quantity=1), at=day(4))

    assert states(shop, "authorization", line=1) == [(1, "denied"), (1, "withdrawn")]
    assert states(shop, "authorization", line=2) == [(1, "authorized")]


def sold_as(order_id: str, *kits: str | None, **more: Any) -> dict[str, Any]:
    """Return an order of a line for each kit."""
    lines = [
        {"line_id": f"L{number}", "sku": "LENS", "quantity": 1, "amount_minor": 500, "bundle_id": kit}
        for number, kit in enumerate(kits, start=1)
    ]
    tenders = [{"tender_id": "T1", "kind": "card", "amount_minor": 500 * len(lines)}]
    return {**ORDER, "order_id": order_id, "lines": lines, "tenders": tenders, **more}


def test_a_kit_is_one_orders() -> None:
    """An order that names a kit of another is refused with that other; told again, the first says nothing new."""
    shop = Shop()
    first = sold_as("O-1", "K", "K", None, "K-2")
    assert names(shop.send("RegisterOrder", first)) == ["Registered", "Sold", "Sold"]
    unchanged(shop, "RegisterOrder", first)

    for kits in (["K"], ["K-3", "K-2"]):
        told = sold_as("O-2", *kits)
        refused(shop, "bundle_in_other_order", "RegisterOrder", told, bundle_id=kits[-1], order_id="O-1")
    assert names(shop.send("RegisterOrder", sold_as("O-2", "K-3"))) == ["Registered", "Sold"]


def test_each_seller_names_his_own_kits() -> None:
    """Two sellers of a marketplace know nothing of each other's names; one seller's two orders share none."""
    shop = Shop()
    shop.send("RegisterOrder", sold_as("O-1", "K", seller_id="a/b"))
    shop.send("RegisterOrder", sold_as("O-2", "K", seller_id="a"))
    shop.send("RegisterOrder", sold_as("O-3", "b/K", seller_id="a"))
    refused(
        shop, "bundle_in_other_order", "RegisterOrder", sold_as("O-4", "b/K", seller_id="a"), bundle_id="b/K",
        order_id="O-3",
    )  # fmt: skip
