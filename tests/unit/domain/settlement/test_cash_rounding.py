"""What cash was rounded by goes back with the refund after which no unit can be refunded, and with no other."""

from __future__ import annotations

from typing import Any
from uuid import UUID

import pytest

from domain.order.money_facts import RefundRequested
from domain.settlement.credit_note import note_of_refund
from tests.support.conservation import check
from tests.support.refusals import refused
from tests.support.shop import RMA_ID, Shop
from tests.support.stories import POLICY, day, inspect, on_return, open_shop, receive, request

LINES: list[dict[str, Any]] = [{"line_id": "L1", "sku": "S", "quantity": 2, "amount_minor": 998}]
SECOND = UUID(int=2)


def sold(rounding_minor: int, lines: list[dict[str, Any]] | None = None, **policy: Any) -> Shop:
    """Return a shop with an order of two units at 4.99, or of these lines, paid in cash; refunds are due at receipt."""
    lines = lines or LINES
    paid = sum(int(line["amount_minor"]) for line in lines) + rounding_minor
    tender = {"tender_id": "T1", "kind": "cash", "amount_minor": paid}
    order = {"lines": lines, "tenders": [tender], "rounding_minor": rounding_minor}
    return open_shop({**POLICY, "refund_due": "receipt", **policy}, order)


def refunds(shop: Shop) -> list[tuple[int, int]]:
    """Return amount and rounding of each refund, in their order."""
    check(shop)
    return [(fact.amount_minor, fact.rounding_minor) for fact in shop.history if isinstance(fact, RefundRequested)]


@pytest.mark.parametrize(("rounding", "expected"), [(2, [(499, 0), (501, 2)]), (-3, [(499, 0), (496, -3)])])
def test_the_last_refund_carries_it(rounding: int, expected: list[tuple[int, int]]) -> None:
    """Rounded up or down: two returns of one unit each give back what was paid, to the cent."""
    shop = sold(rounding)
    for number, rma_id in enumerate((RMA_ID, SECOND)):
        request(shop, {"line_id": "L1", "quantity": 1}, rma_id=rma_id, on=3 + 5 * number)
        receive(shop, (1, 1), rma_id=rma_id, on=6 + 5 * number)

    assert refunds(shop) == expected
    assert sum(amount for amount, _ in refunds(shop)) == 998 + rounding


def test_units_refunded_at_once_carry_it_once() -> None:
    """Over two lines of one receipt it is in the refund of the second: after the first a unit was left."""
    shop = sold(2, [*LINES, {"line_id": "L2", "sku": "T", "quantity": 1, "amount_minor": 300}])
    request(shop, {"line_id": "L1", "quantity": 2}, {"line_id": "L2", "quantity": 1})
    receive(shop, (1, 2), (2, 1))

    assert refunds(shop) == [(998, 0), (302, 2)]


def test_a_cancellation_carries_it() -> None:
    """One unit came back, the other never left."""
    shop = Shop()
    document = {**POLICY, "refund_due": "receipt"}
    shop.send(
        "PublishPolicy", {"policy_id": "standard", "effective_from": "2020-01-01T00:00:00Z", "document": document}
    )
    tender = {"tender_id": "T1", "kind": "cash", "amount_minor": 1_000}
    order = {"order_id": "O-1", "customer_id": "C-1", "country": "US", "channel": "web", "currency": "EUR"}
    shop.send("RegisterOrder", {**order, "lines": LINES, "tenders": [tender], "rounding_minor": 2})
    one = [{"line_id": "L1", "quantity": 1}]
    shop.send("RecordDelivery", {"order_id": "O-1", "delivery_id": "D", "lines": one}, at=day(1))
    request(shop, one[0])
    receive(shop, (1, 1))
    shop.send("CancelUnits", {"order_id": "O-1", "cancellation_id": "C", "lines": one, "reason": "x"}, at=day(9))

    assert refunds(shop) == [(499, 0), (501, 2)]


def test_units_kept_and_paid_carry_it() -> None:
    """Money back while the goods stay: a part of the price leaves units that can be refunded further."""
    shop = sold(2)
    given = {"order_id": "O-1", "reason": "scratched"}
    for name, amount in (("A", 900), ("B", 98)):
        lines = [{"line_id": "L1", "quantity": 2, "amount_minor": amount}]
        shop.send("RefundOrder", {**given, "refund_request_id": name, "lines": lines}, at=day(9))

    assert refunds(shop) == [(900, 0), (100, 2)]


def test_what_came_back_worn_is_done_with() -> None:
    """A person gave a part of what was paid for the last unit: with it goes what cash was rounded by."""
    shop = sold(2, refund_due="inspection")
    request(shop, {"line_id": "L1", "quantity": 2})
    receive(shop, (1, 2))
    inspect(shop, 1, 2, grade="D", cause="wear", liable_party="customer")
    decided = on_return(line=1, quantity=1, resolution="refund", amount_minor=300)
    shop.send("DecideResolution", decided, at=day(9))
    shop.send("DecideResolution", decided, at=day(9))

    assert refunds(shop) == [(300, 0), (302, 2)]


def test_a_fee_need_not_come_back() -> None:
    """No return is asked for it, so that it would hold the cents for ever."""
    shop = sold(2, [*LINES, {"line_id": "L2", "sku": "GIFT-WRAP", "quantity": 1, "amount_minor": 300, "kind": "fee"}])
    request(shop, {"line_id": "L1", "quantity": 2})
    receive(shop, (1, 2))

    assert refunds(shop) == [(1_000, 2)]


def test_no_refund_falls_below_zero() -> None:
    """The last unit cost less than what cash was rounded down by: nothing is paid for it, and nothing asked."""
    shop = sold(-30, [*LINES, {"line_id": "L2", "sku": "T", "quantity": 1, "amount_minor": 20}])
    request(shop, {"line_id": "L1", "quantity": 2})
    receive(shop, (1, 2))
    request(shop, {"line_id": "L2", "quantity": 1}, rma_id=SECOND, on=8)
    receive(shop, (1, 1), rma_id=SECOND, on=11)

    assert refunds(shop) == [(998, 0), (0, -20)]
    assert [payout.amount_minor for payout in shop.order().payouts.values()] == [988, 10]  # the tender has no more


def test_tenders_that_are_named_take_it() -> None:
    """What they have to sum to is what is paid, with the rounding."""
    shop = sold(2, refund_due="inspection")
    request(shop, {"line_id": "L1", "quantity": 2})
    receive(shop, (1, 2))
    named = on_return(line=1, quantity=2, resolution="refund", tenders=[{"tender_id": "T1", "amount_minor": 998}])
    refused(shop, "tenders_do_not_sum", "DecideResolution", named, at=day(9), expected_minor=1_000, given_minor=998)

    named["tenders"] = [{"tender_id": "T1", "amount_minor": 1_000}]
    shop.send("DecideResolution", named, at=day(9))

    assert refunds(shop) == [(1_000, 2)]


def test_a_credit_note_says_it() -> None:
    """As a line of its own, without tax; its gross is the refund's amount."""
    shop = sold(2)
    request(shop, {"line_id": "L1", "quantity": 2})
    receive(shop, (1, 2))
    [refund] = shop.order().refunds.values()
    note = note_of_refund(shop.order(), refund)

    assert [(line.kind, line.net_minor, line.gross_minor) for line in note.lines] == [
        ("goods", 998, 998),
        ("rounding", 2, 2),
    ]
    assert note.gross_minor == refund.amount_minor == 1_000
