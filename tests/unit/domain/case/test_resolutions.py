"""What units get: by policy as soon as its terms are met, else by a person; exchanges; goods that are kept."""

from __future__ import annotations

from typing import Any
from uuid import UUID

import pytest

from domain.ledger import balance
from tests.support.refusals import refused, states, unit_statuses
from tests.support.shop import Shop, names
from tests.support.stories import ORDER, POLICY, day, inspect, on_return, open_shop, receive, request, settle_all

OTHER = UUID(int=2)
ALL_WISHES = {**POLICY, "offers": ["refund", "store_credit", "exchange", "replacement", "repair"]}


def received(quantity: int = 3, policy: dict[str, Any] | None = None, grade: str = "D", **line: Any) -> Shop:
    """Return a shop in which units of L1 (3 for 1000) were received and found to be of a grade."""
    shop = open_shop(policy or ALL_WISHES)
    request(shop, {"line_id": "L1", "quantity": quantity, **line})
    receive(shop, (1, quantity))
    inspect(shop, 1, quantity, grade=grade, liable_party="customer", cause="wear")
    return shop


def resolve(resolution: str, quantity: int = 1, **more: Any) -> dict[str, Any]:
    return on_return(line=1, quantity=quantity, resolution=resolution, **more)


def account(shop: Shop, name: str) -> int:
    """Return the balance of a ledger account over the whole history."""
    return sum(balance(getattr(fact, "postings", ()), name) for fact in shop.history)


def refunded(shop: Shop) -> list[int]:
    return [refund.amount_minor for refund in shop.order().refunds.values()]


# by a person


def test_a_person_decides_on_what_was_not_accepted() -> None:
    """Units of one line go several ways; what is left of the cents goes with each."""
    shop = received(3)
    facts = shop.send("DecideResolution", resolve("refund"), at=day(8))
    assert names(facts)[:3] == ["ResolutionDecided", "RefundRequested", "RefundStarted"]
    assert names(facts)[3:] == ["DispositionDecided", "StockInstructed", "DeadlinesMoved"]
    shop.send("DecideResolution", resolve("store_credit"), at=day(8))
    shop.send("DecideResolution", resolve("send_back"), at=day(8))

    assert states(shop, "resolution", "settlement") == [
        (1, "refund", "pending"),
        (1, "store_credit", "settled"),
        (1, "send_back", "none"),
    ]
    assert refunded(shop) == [333, 333]


@pytest.mark.parametrize(
    ("told", "code", "details"),
    [
        (resolve("refund", 4), "quantity_exceeded", {"asked": 4, "available": 3}),
        (resolve("refund", 3, amount_minor=1001), "amount_exceeds_entitlement", {"asked": 1001, "available": 1000}),
        (resolve("refund", 1, amount_minor=334), "amount_exceeds_entitlement", {"asked": 334, "available": 333}),
        (resolve("send_back", amount_minor=1), "wrong_state", {"resolution": "send_back"}),
        (resolve("exchange", amount_minor=1), "wrong_state", {"resolution": "exchange"}),
        (resolve("refund", inspection_id="I-9"), "quantity_exceeded", {"available": 0}),
        ({**resolve("refund"), "line": 2}, "unknown_line", {"line": 2}),
    ],
)
def test_a_resolution_beyond_what_there_is_is_refused(told: dict[str, Any], code: str, details: dict[str, Any]) -> None:
    """More units, more money, an amount where none is paid: refused with the figures."""
    refused(received(3), code, "DecideResolution", told, at=day(8), **details)


def test_what_is_not_authorized_is_not_paid() -> None:
    """Units that wait for a person, or were denied, get nothing until someone authorizes."""
    rules = [{"name": "no", "when": {"fact": "reason", "is": "gift"}, "then": {"decide": "deny", "code": "no"}}]
    shop = open_shop({**POLICY, "rules": rules})
    request(shop, {"line_id": "L1", "quantity": 1, "reason": "gift"})
    for resolution in ("refund", "store_credit", "replacement", "none"):
        refused(shop, "quantity_exceeded", "DecideResolution", resolve(resolution), available=0)


def test_a_second_partial_refund_goes_up_to_what_is_left() -> None:
    """Partial refunds of one unit add up to its cents and no further; without an amount, all that is left."""
    shop = received(1)
    shop.send("DecideResolution", resolve("refund", amount_minor=100), at=day(8))
    shop.send("DecideResolution", resolve("refund", amount_minor=133), at=day(9))
    refused(shop, "amount_exceeds_entitlement", "DecideResolution", resolve("refund", amount_minor=101), available=100)
    shop.send("DecideResolution", resolve("refund"), at=day(10))

    assert refunded(shop) == [100, 133, 100]
    refused(shop, "quantity_exceeded", "DecideResolution", resolve("refund"), available=0)
    refused(shop, "amount_exceeds_entitlement", "DecideResolution", resolve("refund", amount_minor=1), available=0)


def test_a_partial_refund_of_many_units_leaves_the_rest_to_each_run() -> None:
    """An amount for three units is shared by their cents; a later refund of one of them gets its own rest."""
    shop = received(3)
    shop.send("DecideResolution", resolve("refund", 3, amount_minor=500), at=day(8))
    shop.send("DecideResolution", resolve("refund", 1), at=day(9))
    shop.send("DecideResolution", resolve("refund", 2), at=day(10))
    assert sum(refunded(shop)) == 1000
    assert refunded(shop)[0] == 500


def test_a_further_refund_prefers_units_that_have_something_left() -> None:
    """A unit that was paid in full does not stand in the way of one that was not."""
    shop = received(2)
    shop.send("DecideResolution", resolve("refund"), at=day(8))
    shop.send("DecideResolution", resolve("refund", amount_minor=100), at=day(8))
    shop.send("DecideResolution", resolve("refund", amount_minor=50), at=day(9))
    assert refunded(shop) == [333, 100, 50]


def test_a_refund_of_nothing_is_through_at_once_but_hides_no_open_one() -> None:
    """A deduction may take everything; a refund of zero after an open one leaves the unit pending."""
    shop = received(1)
    shop.send("DecideResolution", resolve("refund", amount_minor=0), at=day(8))
    assert states(shop, "settlement") == [(1, "settled")]
    assert shop.rma().status == "resolved"

    shop = received(1)
    shop.send("DecideResolution", resolve("refund", amount_minor=100), at=day(8))
    shop.send("DecideResolution", resolve("refund", amount_minor=0), at=day(9))
    assert states(shop, "settlement") == [(1, "pending")]


def test_a_decision_that_moved_nothing_may_be_changed() -> None:
    """A replacement that was not sent may become a refund; one that was sent may not."""
    shop = received(2)
    shop.send("DecideResolution", resolve("replacement", 2), at=day(8))
    shop.send("ShipReplacement", on_return(line=1, quantity=1), at=day(9))
    shop.send("DecideResolution", resolve("refund"), at=day(10))
    assert states(shop, "resolution") == [(1, "replacement"), (1, "refund")]
    refused(shop, "quantity_exceeded", "DecideResolution", resolve("refund"), available=0)


def test_a_resolution_may_name_the_inspection_it_rests_on() -> None:
    """Then only units of that inspection are meant."""
    shop = open_shop(ALL_WISHES)
    request(shop, {"line_id": "L1", "quantity": 2})
    receive(shop, (1, 2))
    for name in ("I-1", "I-2"):
        inspect(shop, 1, 1, name, grade="D", liable_party="customer")
    shop.send("DecideResolution", resolve("none", inspection_id="I-2"), at=day(8))
    assert states(shop, "resolution") == [(1, "undecided"), (1, "none")]


# by policy


@pytest.mark.parametrize("due", ["approval", "first_scan", "receipt", "inspection"])
def test_a_refund_falls_due_when_the_terms_say(due: str) -> None:
    """Once, at its moment, and nothing more at the later ones."""
    shop = open_shop({**POLICY, "refund_due": due})
    reached = []
    request(shop, {"line_id": "L1", "quantity": 1})
    reached.append(("approval", len(refunded(shop))))
    shop.send("RecordHandover", on_return(), at=day(4))
    reached.append(("first_scan", len(refunded(shop))))
    told = on_return(receipt_id="R", site="W", items=[{"line": 1, "quantity": 1}], complete=True)
    shop.send("ReceiveGoods", told, at=day(5))
    reached.append(("receipt", len(refunded(shop))))
    inspect(shop, 1, 1)
    reached.append(("inspection", len(refunded(shop))))

    moments = [moment for moment, _ in reached]
    assert [count for _, count in reached] == [int(moments.index(due) <= index) for index in range(4)]


def test_a_refund_due_at_the_first_scan_comes_at_receipt_where_nothing_was_scanned() -> None:
    """Goods that nobody scanned are paid for when they arrive."""
    shop = open_shop({**POLICY, "refund_due": "first_scan"})
    request(shop, {"line_id": "L1", "quantity": 1})
    told = on_return(receipt_id="R", site="W", items=[{"line": 1, "quantity": 1}], complete=True)
    shop.send("ReceiveGoods", told, at=day(5))
    assert refunded(shop) == [333]


def test_a_repair_waits_for_the_goods_whatever_the_terms() -> None:
    """Nothing is repaired before it was inspected."""
    shop = open_shop({**ALL_WISHES, "refund_due": "approval"})
    request(shop, {"line_id": "L1", "quantity": 1, "wish": "repair"})
    assert states(shop, "resolution") == [(1, "undecided")]


def test_a_wish_that_is_not_offered_waits_for_a_person() -> None:
    """An approved line with such a wish is reviewed; approving it grants the wish."""
    shop = open_shop({**POLICY, "offers": ["refund"]})
    request(shop, {"line_id": "L1", "quantity": 1, "wish": "replacement"})
    terms = shop.rma().lines[1].terms
    assert terms is not None
    assert terms.codes == ("wish_not_offered",)
    assert shop.rma().status == "needs_review"


# kept by the customer


def test_goods_that_need_not_come_back_are_returned_when_refunded_and_kept() -> None:
    """Returnless: approved, kept and refunded in one append; the units can't be asked for again."""
    shop = open_shop({**POLICY, "method": "keep"})
    told = on_return(lines=[{"line_id": "L1", "quantity": 2, "reason": "defective", "wish": "refund"}])
    facts = shop.send("RequestReturn", told, at=day(3))

    assert names(facts) == [
        "Requested", "UnitsTaken", "Authorized", "KeptByCustomer",
        "ResolutionDecided", "UnitsReturned", "RefundRequested", "RefundStarted", "DeadlinesMoved",
    ]  # fmt: skip
    assert states(shop, "logistics", "disposition", "settlement") == [(2, "kept", "not_returned", "pending")]
    assert unit_statuses(shop, "L1") == [(2, "returned"), (1, "free")]
    assert {deadline.kind for deadline in shop.rma().deadlines.values()} == {"refund"}
    refused(
        shop,
        "units_not_available",
        "RequestReturn",
        on_return(OTHER, lines=[{"line_id": "L1", "quantity": 2, "reason": "fit", "wish": "refund"}]),
        available=1,
    )
    settle_all(shop)
    assert shop.rma().status == "resolved"


# gifts and store credit


def test_store_credit_is_a_refund_settled_as_it_is_issued() -> None:
    """One payout of kind store_credit, without tender, settled in the append that issues it."""
    shop = open_shop()
    request(shop, {"line_id": "L1", "quantity": 3, "wish": "store_credit"})
    receive(shop, (1, 3))
    inspect(shop, 1, 3)
    (payout,) = shop.order().payouts.values()
    assert (payout.tender_id, payout.tender_kind, payout.amount_minor, payout.status) == (
        None, "store_credit", 1000, "settled",
    )  # fmt: skip
    assert account(shop, "store_credit_liability") == -1000
    assert account(shop, "refunds_owed") == 0
    assert shop.rma().status == "resolved"


def test_a_gift_is_refunded_to_who_received_it() -> None:
    """As store credit to the recipient, whatever the wish, never to the giver's tenders."""
    shop = open_shop()
    request(shop, {"line_id": "L1", "quantity": 3}, gift=True, recipient_id="C-9")
    receive(shop, (1, 3))
    inspect(shop, 1, 3)
    (payout,) = shop.order().payouts.values()
    (fact,) = [fact for fact in shop.history if type(fact).__name__ == "RefundRequested"]
    assert (payout.tender_id, payout.status) == (None, "settled")
    assert fact.recipient_id == "C-9"  # type: ignore[attr-defined]


# exchanges


@pytest.mark.parametrize(
    ("quote", "receivable", "refund"),
    [(None, 0, []), (1000, 0, []), (1250, 250, []), (800, 0, [200]), (0, 0, [1000])],
)
def test_an_exchange_sets_units_off_against_the_quote(quote: int | None, receivable: int, refund: list[int]) -> None:
    """A higher quote leaves the difference in the receivable, a lower one is refunded; the rest clears."""
    wanted = {} if quote is None else {"exchange_for": {"sku": "N", "quantity": 3, "amount_minor": quote}}
    shop = open_shop(ALL_WISHES)
    request(shop, {"line_id": "L1", "quantity": 3, "wish": "exchange", **wanted})
    receive(shop, (1, 3))
    inspect(shop, 1, 3)
    worth = 1000 if quote is None else quote

    assert account(shop, "customer_receivable") == receivable
    assert account(shop, "exchange_clearing") == -worth
    assert account(shop, "sales_returns") == 1000
    assert refunded(shop) == refund


def test_an_exchange_in_parts_comes_to_the_whole_quote() -> None:
    """Units exchanged one by one are set off against their part of the quote, to the cent."""
    shop = open_shop(ALL_WISHES)
    quote = {"sku": "N", "quantity": 3, "amount_minor": 1100}
    request(shop, {"line_id": "L1", "quantity": 3, "wish": "exchange", "exchange_for": quote})
    receive(shop, (1, 3))
    for index in range(3):
        inspect(shop, 1, 1, f"I-{index}")
    assert account(shop, "exchange_clearing") == -1100
    assert account(shop, "customer_receivable") == 100


def test_exchanged_units_are_worth_nothing_more() -> None:
    """What was set off can't be refunded as well, once the new article left."""
    shop = open_shop(ALL_WISHES)
    request(shop, {"line_id": "L1", "quantity": 3, "wish": "exchange"})
    receive(shop, (1, 3))
    inspect(shop, 1, 3)
    shop.send("ShipReplacement", on_return(line=1, quantity=3), at=day(8))
    refused(shop, "quantity_exceeded", "DecideResolution", resolve("refund"), available=0)


# outward shipping


@pytest.mark.parametrize(("goes_back", "amounts"), [(True, [433]), (False, [333])])
def test_outward_shipping_goes_back_only_where_the_terms_say(goes_back: bool, amounts: list[int]) -> None:
    """The returned units' share of it, never more."""
    order = {"lines": ORDER["lines"][:1], "shipping_minor": 300, "tenders": [
        {"tender_id": "T", "kind": "card", "amount_minor": 1300},
    ]}  # fmt: skip
    shop = open_shop({**POLICY, "refunds_outward_shipping": goes_back}, order)
    request(shop, {"line_id": "L1", "quantity": 1})
    receive(shop, (1, 1))
    inspect(shop, 1, 1)
    assert refunded(shop) == amounts


def test_tax_on_top_goes_back_with_the_goods() -> None:
    """A line's tax is spread over its units and posted to its own account."""
    line = {"line_id": "L1", "sku": "S", "quantity": 3, "amount_minor": 1000, "tax_minor": 200}
    order = {"lines": [line], "tax_included": False, "tenders": [
        {"tender_id": "T", "kind": "card", "amount_minor": 1200},
    ]}  # fmt: skip
    shop = open_shop(order=order)
    request(shop, {"line_id": "L1", "quantity": 2})
    receive(shop, (1, 2))
    inspect(shop, 1, 2)
    assert refunded(shop) == [666 + 133]
    assert (account(shop, "sales_returns"), account(shop, "sales_tax")) == (666, 133)
