"""Goods of a grade that is worth a share are accepted, and that share of what was paid for them goes back."""

from __future__ import annotations

from typing import Any
from uuid import UUID

import pytest

from domain.ledger import balance
from domain.order import Order
from domain.order.parts import Credit
from tests.support.conservation import check
from tests.support.refusals import refused, states
from tests.support.shop import RMA_ID, Shop
from tests.support.stories import POLICY, day, inspect, on_return, open_shop, receive, request

SHARED: dict[str, Any] = {
    **POLICY,
    "offers": ["refund", "store_credit", "exchange"],
    "grade_share_bps": {"C": 7_000, "D": 3_333},
}
WORN: dict[str, Any] = {"grade": "C", "cause": "wear", "liable_party": "customer"}
ONE: dict[str, Any] = {"line_id": "L1", "sku": "COAT", "quantity": 1}


def an_order(*lines: dict[str, Any], **more: Any) -> dict[str, Any]:
    """Return an order paid by card for its lines, taxes on top and shipping included."""
    charged = sum(line["amount_minor"] for line in lines) + more.get("shipping_minor", 0)
    if more.get("tax_included") is False:
        charged += sum(tax["amount_minor"] for line in lines for tax in line.get("taxes", ()))
    return {"lines": list(lines), "tenders": [{"tender_id": "T", "kind": "card", "amount_minor": charged}], **more}


def came_back(policy: dict[str, Any], order: dict[str, Any] | None = None, *, units: int = 3, **line: Any) -> Shop:
    shop = open_shop(policy, order)
    request(shop, {"line_id": "L1", "quantity": units, **line})
    receive(shop, (1, units))
    return shop


def refunds(shop: Shop) -> list[int]:
    return [refund.amount_minor for refund in shop.order().refunds.values()]


def credits(shop: Shop, line_id: str = "L1") -> list[Credit]:
    return shop.order().lines[line_id].credits


def fees(shop: Shop) -> int:
    return -sum(balance(getattr(fact, "postings", ()), "fee_income") for fact in shop.history)


@pytest.mark.parametrize(
    ("grade", "back"),
    [("A", [1_000]), ("B", [1_000]), ("C", [700]), ("D", [333]), ("E", [])],
)
def test_goods_of_such_a_grade_are_accepted_at_their_share(grade: str, back: list[int]) -> None:
    """3333 bps of 1000 are 333.3; what is accepted beside them goes back whole, and what is not waits for a person."""
    shop = came_back(SHARED)
    inspect(shop, 1, 3, **{**WORN, "grade": grade})

    assert refunds(shop) == back
    check(shop)


@pytest.mark.parametrize(("price", "back"), [(1_005, 704), (1_015, 710), (1_025, 718)])
def test_a_share_is_rounded_half_to_even(price: int, back: int) -> None:
    """70 % of 10.05 is 7.035 and of 10.15 7.105: rounded to the nearest even cent."""
    shop = came_back(SHARED, an_order({**ONE, "amount_minor": price}), units=1)
    inspect(shop, 1, 1, **WORN)

    assert refunds(shop) == [back]


def test_goods_and_tax_bear_it_as_one_sum_and_every_code_in_proportion() -> None:
    """70 % of 119.01 on top are 83.307, one sum of 83.31: 70.00 of goods and 13.31 of tax, 9.31 and 4.00 by code."""
    taxes = [
        {"code": "STANDARD", "rate_bps": 1_330, "amount_minor": 1_330},
        {"code": "CITY", "rate_bps": 571, "amount_minor": 571},
    ]
    order = an_order({**ONE, "amount_minor": 10_000, "taxes": taxes}, tax_included=False)
    shop = came_back(SHARED, order, units=1)
    inspect(shop, 1, 1, **WORN)

    [credit] = credits(shop)
    assert (credit.goods_minor, credit.tax_minor) == (7_000, 1_331)
    assert [(tax.code, tax.amount_minor) for tax in credit.taxes] == [("STANDARD", 931), ("CITY", 400)]
    assert refunds(shop) == [8_331]
    check(shop)


def test_each_run_that_is_refunded_is_one_sum() -> None:
    """Units of 333, 333 and 334: apart 233, 233 and 234 go back, two at once 466, all at once 700."""
    apart, two, once = (came_back(SHARED) for _ in range(3))
    for number in (1, 2, 3):
        inspect(apart, 1, 1, f"I-{number}", **WORN)
    inspect(two, 1, 2, **WORN)
    inspect(once, 1, 3, **WORN)

    assert refunds(apart) == [233, 233, 234]
    assert refunds(two) == [466]
    assert refunds(once) == [700]
    check(apart)


def test_outward_shipping_is_no_part_of_what_is_shared() -> None:
    """70 % of 1000 and all of the 300 for the parcel."""
    order = an_order({**ONE, "amount_minor": 1_000}, shipping_minor=300)
    shop = came_back({**SHARED, "refunds_outward_shipping": True}, order, units=1)
    inspect(shop, 1, 1, **WORN)

    assert refunds(shop) == [1_000]
    assert (credits(shop)[0].goods_minor, credits(shop)[0].shipping_minor) == (700, 300)


def test_restocking_is_taken_on_what_is_given_back() -> None:
    """10 % of 700, and of the whole line once: 233 and 467 bear 23 and 47."""
    policy = {**SHARED, "fees": {"restocking_bps": 1_000}}
    once, apart = came_back(policy), came_back(policy)
    inspect(once, 1, 3, **WORN)
    inspect(apart, 1, 1, "I-1", **WORN)
    inspect(apart, 1, 2, "I-2", **WORN)

    assert (refunds(once), fees(once)) == ([630], 70)
    assert (refunds(apart), fees(apart)) == ([210, 420], 70)
    check(apart)


@pytest.mark.parametrize("party", ["carrier", "warehouse", "supplier"])
def test_what_the_merchant_s_side_did_goes_back_whole(party: str) -> None:
    """A grade says how the goods are, not that the customer has to bear it."""
    shop = came_back(SHARED)
    inspect(shop, 1, 3, grade="D", cause="carrier_damage", liable_party=party)

    assert refunds(shop) == [1_000]


@pytest.mark.parametrize(
    ("found", "back"),
    [
        ({"cause": "unknown", "liable_party": "unknown"}, [1_000]),
        ({"cause": "manufacturing", "liable_party": "none"}, [1_000]),
        ({"cause": "none_found", "liable_party": "none"}, [700]),
        ({"cause": "misuse", "liable_party": "customer"}, [700]),
    ],
)
def test_faulty_goods_under_a_statute_go_back_whole(found: dict[str, Any], back: list[int]) -> None:
    """As fees are: until the inspection finds no fault, or the customer liable."""
    shop = open_shop(SHARED, {"country": "GB"})
    request(shop, {"line_id": "L1", "quantity": 3, "reason": "defective"}, on=20)  # too late to cancel without a reason
    receive(shop, (1, 3), on=24)
    assert refunds(shop) == []
    seen = on_return(inspection_id="I", line=1, quantity=3, grade="C", **found)
    shop.send("RecordInspection", seen, actor="warehouse:W", at=day(25))

    assert refunds(shop) == back
    terms = shop.rma().lines[1].terms
    assert terms is not None
    assert terms.fees.fee_free


def test_a_withdrawal_in_the_union_keeps_the_share() -> None:
    """Art. 14(2) lets the merchant deduct for wear. The goods came after the line had expired, a person took it up."""
    shop = open_shop(SHARED, {"country": "DE"})
    request(shop, {"line_id": "L1", "quantity": 3, "reason": "changed_mind"})
    [ship_back] = [one for one in shop.rma().deadlines.values() if one.kind == "ship_back"]
    told = on_return(deadline_id=str(ship_back.deadline_id))
    shop.send("PassDeadline", told, actor="clock:1", at=ship_back.due_at)
    came = on_return(receipt_id="R", site="W", items=[{"line": 1, "quantity": 3}], complete=True)
    shop.send("ReceiveGoods", came, actor="warehouse:W", at=day(30))
    seen = on_return(inspection_id="I", line=1, quantity=3, **WORN)
    shop.send("RecordInspection", seen, actor="warehouse:W", at=day(31))
    assert refunds(shop) == []

    decided = [{"line": 1, "quantity": 3, "decision": "approve"}]
    shop.send("OverrideDecision", on_return(lines=decided, approved_by="A2", reason="kind"), at=day(32))

    assert refunds(shop) == [700]
    terms = shop.rma().lines[1].terms
    assert terms is not None
    assert terms.statutes == ("eu.withdrawal",)


def test_a_better_grade_found_later_gives_the_rest() -> None:
    """233 for one unit of grade C; as new after all, the other 100 follow in a refund of their own."""
    shop = came_back(SHARED)
    inspect(shop, 1, 1, "I-1", **WORN)
    inspect(shop, 1, 1, "I-2", supersedes="I-1")

    assert refunds(shop) == [233, 100]
    inspect(shop, 1, 1, "I-3", supersedes="I-2")
    assert refunds(shop) == [233, 100]
    check(shop)


def test_a_worse_grade_found_later_takes_nothing_back() -> None:
    """What was paid is paid; what follows is a claim, which a person raises."""
    shop = came_back(SHARED)
    inspect(shop, 1, 1, "I-1", **WORN)
    inspect(shop, 1, 1, "I-2", supersedes="I-1", **{**WORN, "grade": "D"})

    assert refunds(shop) == [233]
    check(shop)


def test_an_early_refund_is_paid_whole_and_stays() -> None:
    """Due at receipt, no grade is known: 1000; what the bench finds then changes nothing by itself."""
    shop = came_back({**SHARED, "refund_due": "receipt"})
    inspect(shop, 1, 3, **WORN)

    assert refunds(shop) == [1_000]


def test_a_person_may_give_the_rest() -> None:
    """Without an amount a person gives what policy grants, which is nothing more; with one, up to what was paid."""
    shop = came_back(SHARED)
    inspect(shop, 1, 3, **WORN)
    decided = on_return(line=1, quantity=3, resolution="refund")
    refused(shop, "quantity_exceeded", "DecideResolution", decided, at=day(8))
    refused(shop, "amount_exceeds_entitlement", "DecideResolution", {**decided, "amount_minor": 301}, at=day(8))

    shop.send("DecideResolution", {**decided, "amount_minor": 300}, at=day(8))

    assert refunds(shop) == [700, 300]
    check(shop)


def test_a_person_s_decision_without_an_amount_keeps_the_share() -> None:
    """Units of two grades decided at once, of which none was accepted by itself: each goes back at its share."""
    serials = {"serials": ["S1", "S2", "S3"]}
    order = an_order({**ONE, "quantity": 3, "amount_minor": 1_000, **serials})
    shop = open_shop(SHARED, order)
    request(shop, {"line_id": "L1", "quantity": 3})
    items = [{"line": 1, "quantity": 3, "serials": ["X1", "X2", "X3"]}]
    shop.send("ReceiveGoods", on_return(receipt_id="R", site="W", items=items, complete=True), at=day(6))
    inspect(shop, 1, 1, "I-1")
    inspect(shop, 1, 1, "I-2", **WORN)
    inspect(shop, 1, 1, "I-3", **WORN)
    assert refunds(shop) == []

    shop.send("DecideResolution", on_return(line=1, quantity=3, resolution="refund"), at=day(8))

    assert refunds(shop) == [800]  # 333, and 70 % of 333 and of 334, each found by an inspection of its own
    assert [(one.first, one.count, one.goods_minor) for one in credits(shop)] == [(1, 1, 333), (2, 1, 233), (3, 1, 234)]
    check(shop)


def test_what_the_order_gave_back_before_made_the_goods_cheaper() -> None:
    """100 off while the goods stayed: 70 % of 900."""
    order = an_order({**ONE, "amount_minor": 1_000})
    shop = open_shop(SHARED, order)
    given = {
        "refund_request_id": "R",
        "lines": [{"line_id": "L1", "quantity": 1, "amount_minor": 100}],
        "reason": "late",
    }
    shop.send("RefundOrder", {"order_id": "O-1", **given}, at=day(2))
    request(shop, {"line_id": "L1", "quantity": 1})
    receive(shop, (1, 1))
    inspect(shop, 1, 1, **WORN)

    assert refunds(shop) == [100, 630]
    check(shop)


@pytest.mark.parametrize(("quote", "owed", "back"), [(900, 200, []), (500, 0, [200]), (None, 0, [])])
def test_an_exchange_takes_the_goods_at_their_share(quote: int | None, owed: int, back: list[int]) -> None:
    """Worth 700: a dearer article leaves a difference to pay, a cheaper one gives one back."""
    wanted = {"sku": "N", "quantity": 3, "amount_minor": quote} if quote else None
    shop = came_back(SHARED, wish="exchange", exchange_for=wanted)
    inspect(shop, 1, 3, **WORN)

    assert sum(balance(getattr(f, "postings", ()), "customer_receivable") for f in shop.history) == owed
    assert refunds(shop) == back
    check(shop)


def test_an_exchange_called_off_is_paid_at_its_share() -> None:
    """The article is sold out: 700 are paid, no more and no less."""
    shop = came_back(SHARED, wish="exchange")
    inspect(shop, 1, 3, **WORN)
    tenders = [{"tender_id": "T2", "amount_minor": 700}]
    decided = on_return(line=1, quantity=3, resolution="refund", tenders=tenders)
    shop.send("DecideResolution", decided, at=day(9))

    assert refunds(shop) == [700]
    check(shop)


def test_store_credit_grows_with_the_grade_in_kind() -> None:
    """The rest of a share is given as the share was."""
    shop = came_back(SHARED, wish="store_credit")
    inspect(shop, 1, 3, "I-1", **WORN)
    inspect(shop, 1, 3, "I-2", supersedes="I-1")

    assert sorted(credit.issued_minor for credit in shop.order().store_credit.values()) == [300, 700]
    assert states(shop, "settlement") == [(3, "settled")]


def test_the_inspection_says_which_share_there_is() -> None:
    """One more ground of acceptance, where the policy has shares; what was found is named with its share."""
    shop = came_back(SHARED)
    inspect(shop, 1, 3, **WORN)

    [found] = [fact for fact in shop.history if type(fact).__name__ == "Inspected"]
    checks = {one.fact: (one.expected, one.found, one.held) for one in found.checks}  # type: ignore[attr-defined]
    assert checks["grade"] == (("A", "B"), "C", False)
    assert checks["grade_share_bps"] == (("C 7000", "D 3333"), "C 7000", True)


def test_a_policy_without_shares_decides_as_ever() -> None:
    """Nothing of shares or of fees on exchanges is stored, so that what was decided before has the same bytes."""
    shop = came_back(POLICY)
    terms = shop.rma(RMA_ID).lines[1].terms
    assert terms is not None
    assert "grade_share" not in terms.model_dump_json()
    assert "on_exchange" not in terms.model_dump_json()


def test_a_line_of_many_units_costs_what_one_of_three_does() -> None:
    """100,000 units in one run: one credit, one sum."""
    order = an_order({**ONE, "quantity": 100_000, "amount_minor": 99_999_999})
    shop = came_back(SHARED, order, units=100_000)
    inspect(shop, 1, 100_000, **WORN)

    assert refunds(shop) == [69_999_999]  # 69,999,999.3
    assert len(credits(shop)) == 1


def test_units_of_two_returns_bear_their_own_shares() -> None:
    """One return of grade C, another as new: 233 and 667."""
    shop = open_shop(SHARED)
    again = UUID(int=2)
    request(shop, {"line_id": "L1", "quantity": 1})
    request(shop, {"line_id": "L1", "quantity": 2}, rma_id=again)
    receive(shop, (1, 1))
    receive(shop, (1, 2), rma_id=again)
    inspect(shop, 1, 1, **WORN)
    inspect(shop, 1, 2, rma_id=again)

    assert refunds(shop) == [233, 667]
    assert isinstance(shop.order(), Order)
    check(shop)
