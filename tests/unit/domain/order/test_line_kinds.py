"""What an order line is about decides what it bears, and whether it can come back."""

from __future__ import annotations

from typing import Any

import pytest

from tests.support.refusals import refused
from tests.support.shop import Shop, names
from tests.support.stories import ORDER, POLICY, day, on_return, open_shop


def order(*kinds: str, discount: int = 0, shipping: int = 0, **more: Any) -> dict[str, Any]:
    """Return an order of one line of 10.00 a kind, L1 and so on, paid by card."""
    lines = [
        {"line_id": f"L{n}", "sku": f"S{n}", "quantity": 1, "amount_minor": 1000, "kind": kind}
        for n, kind in enumerate(kinds, start=1)
    ]
    paid = 1000 * len(kinds) - discount + shipping
    tenders = [{"tender_id": "T1", "kind": "card", "amount_minor": paid}]
    return {**ORDER, "lines": lines, "tenders": tenders, "discount_minor": discount, "shipping_minor": shipping, **more}


def shares(given: dict[str, Any]) -> list[tuple[int, int]]:
    """Return goods and shipping of each line of an order."""
    shop = Shop()
    shop.send("RegisterOrder", given)
    return [(account.fact.goods_minor, account.fact.shipping_minor) for account in shop.order().lines.values()]


def test_fees_and_deposits_bear_no_share_of_discount_and_shipping() -> None:
    """5.00 off and 3.00 of shipping over goods and a service, 10.00 each; the fee and the deposit stay 10.00."""
    assert shares(order("goods", "fee", "service", "deposit", discount=500, shipping=300)) == [
        (750, 150), (1000, 0), (750, 150), (1000, 0),
    ]  # fmt: skip


def test_a_discount_on_fees_alone_is_refused() -> None:
    """There is nothing that it could be taken from."""
    refused(Shop(), "discount_exceeds_amount", "RegisterOrder", order("fee", discount=1), path="$.discount_minor")
    given = order("goods", "fee", discount=1001)
    refused(Shop(), "discount_exceeds_amount", "RegisterOrder", given, path="$.discount_minor")


def test_shipping_of_fees_alone_goes_by_quantity() -> None:
    """Where nothing else is there, they bear it: no cent is lost."""
    assert shares(order("fee", "deposit", shipping=301)) == [(1000, 151), (1000, 150)]


def test_a_fee_cannot_be_returned() -> None:
    """There are no goods that could come back; nothing of the request is recorded."""
    shop = open_shop(order=order("goods", "fee"))
    asked = [{"line_id": line, "quantity": 1, "reason": "other", "wish": "refund"} for line in ("L1", "L2")]
    refused(shop, "not_returnable", "RequestReturn", on_return(lines=asked), at=day(3), line_id="L2")


@pytest.mark.parametrize("kind", ["service", "deposit"])
def test_services_and_deposits_are_returned_like_goods(kind: str) -> None:
    """They are asked for, received and inspected."""
    shop = open_shop(POLICY, order(kind))
    asked = [{"line_id": "L1", "quantity": 1, "reason": "other", "wish": "refund"}]
    assert "Authorized" in names(shop.send("RequestReturn", on_return(lines=asked), at=day(3)))
