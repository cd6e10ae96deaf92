"""Promotions that no longer hold: what is lost of one comes off the refund that breaks it, and never more than that."""

from __future__ import annotations

from typing import Any
from uuid import UUID

import pytest

from domain.ledger import balance
from domain.order import Order
from tests.support.conservation import check
from tests.support.refusals import refused, states
from tests.support.shop import RMA_ID, Shop
from tests.support.stories import POLICY, day, inspect, on_return, open_shop, receive, request

RECOMPUTE: dict[str, Any] = {**POLICY, "refund_due": "receipt", "promotions": "recompute"}
SHIRTS: dict[str, Any] = {"line_id": "L1", "sku": "SHIRT", "quantity": 3, "amount_minor": 12_000}
FROM_100: dict[str, Any] = {"promotion_id": "SPRING", "amount_minor": 1_200, "requires": {"at_least_minor": 10_000}}


def an_order(
    *lines: dict[str, Any], promotions: list[dict[str, Any]] | None = None, discount: int = 1_200, **more: Any
) -> dict[str, Any]:
    """Return an order of these lines (three shirts of 40.00), paid by card less its discounts."""
    sold = list(lines or (SHIRTS,))
    charged = sum(line["amount_minor"] - line.get("discount_minor", 0) for line in sold) - discount
    tenders = [{"tender_id": "T", "kind": "card", "amount_minor": charged + more.get("shipping_minor", 0)}]
    granted = [FROM_100] if promotions is None else promotions
    return {"lines": sold, "discount_minor": discount, "tenders": tenders, "promotions": granted, **more}


def give_back(shop: Shop, *units: tuple[str, int], number: int = 1, **asked: Any) -> list[int]:
    """Let units come back in a return of their own, due at receipt; return the refunds that it led to."""
    before = len(shop.order().refunds)
    rma_id = UUID(int=number)
    lines = [{"line_id": line_id, "quantity": quantity, **asked} for line_id, quantity in units]
    request(shop, *lines, rma_id=rma_id)
    receive(shop, *((place, quantity) for place, (_, quantity) in enumerate(units, start=1)), rma_id=rma_id)
    check(shop)
    return [refund.amount_minor for refund in list(shop.order().refunds.values())[before:]]


def taken(shop: Shop) -> list[int]:
    """Return what each refund took off for promotions."""
    return [refund.promotion_minor for refund in shop.order().refunds.values()]


@pytest.mark.parametrize(
    ("goes", "back", "off"),
    [
        ([3], [10_800], [0]),
        ([1, 2], [2_800, 8_000], [800, -800]),
        ([2, 1], [6_800, 4_000], [400, -400]),
        ([1, 1, 1], [2_800, 4_000, 4_000], [800, -400, -400]),
    ],
)
def test_everything_sums_to_what_was_paid_in_however_many_goes(
    goes: list[int], back: list[int], off: list[int]
) -> None:
    """108.00 in all: the first shirt gives 36.00 less the 8.00 that two alone cost more; later ones give it back."""
    shop = open_shop(RECOMPUTE, an_order())
    found = [give_back(shop, ("L1", units), number=number) for number, units in enumerate(goes, start=1)]

    assert [amount for amounts in found for amount in amounts] == back
    assert taken(shop) == off


def test_a_policy_that_keeps_promotions_takes_nothing_off() -> None:
    """What is said of a promotion at the sale changes nothing by itself."""
    shop = open_shop({**RECOMPUTE, "promotions": "keep"}, an_order())

    assert give_back(shop, ("L1", 1)) == [3_600]
    terms = shop.rma(UUID(int=1)).lines[1].terms
    assert terms is not None
    assert "promotions" not in terms.model_dump_json()


def test_the_books_say_that_less_of_the_sale_goes_back() -> None:
    """28.00 are owed of 36.00: no fee is income, for the two shirts kept cost 8.00 more."""
    shop = open_shop(RECOMPUTE, an_order())
    give_back(shop, ("L1", 1))

    books = {
        name: sum(balance(getattr(fact, "postings", ()), name) for fact in shop.history)
        for name in ("sales_returns", "refunds_owed", "fee_income")
    }
    assert books == {"sales_returns": 2_800, "refunds_owed": -2_800, "fee_income": 0}
    [refund] = [fact for fact in shop.history if isinstance(fact, Order.RefundRequested)]
    assert [(change.promotion_id, change.amount_minor) for change in refund.promotions] == [("SPRING", 800)]
    assert (refund.promotion_minor, refund.by_line[0].amount_minor) == (800, 2_800)


@pytest.mark.parametrize(
    ("requires", "goes", "off"),
    [
        ({"at_least_minor": 8_000}, [1, 1, 1], [0, 400, -400]),
        ({"at_least_quantity": 3}, [1, 1, 1], [800, -400, -400]),
        ({"at_least_quantity": 2}, [1, 1, 1], [0, 400, -400]),
        ({"skus": ["SHIRT"]}, [2, 1], [0, 0]),
        ({"at_least_minor": 8_000, "at_least_quantity": 3}, [1, 1, 1], [800, -400, -400]),
        ({"at_least_minor": 12_001}, [1, 2], [0, 0]),
        ({"skus": ["SHIRT", "TIE"]}, [1, 2], [0, 0]),
        ({}, [1, 2], [0, 0]),
    ],
)
def test_what_a_promotion_may_hang_on(requires: dict[str, Any], goes: list[int], off: list[int]) -> None:
    """Each threshold that is named has to be met; what never was met is not broken, nor what hangs on nothing."""
    shop = open_shop(RECOMPUTE, an_order(promotions=[{**FROM_100, "requires": requires}]))
    for number, units in enumerate(goes, start=1):
        give_back(shop, ("L1", units), number=number)

    assert taken(shop) == off


SUIT: list[dict[str, Any]] = [
    {"line_id": "L1", "sku": "JACKET", "quantity": 1, "amount_minor": 20_000},
    {"line_id": "L2", "sku": "TROUSERS", "quantity": 1, "amount_minor": 10_000},
    {"line_id": "L3", "sku": "SOCKS", "quantity": 4, "amount_minor": 2_000, "discount_minor": 400},
]
SUIT_OFF: dict[str, Any] = {
    "promotion_id": "SUIT", "amount_minor": 3_000, "lines": [{"line_id": "L1"}, {"line_id": "L2"}],
    "requires": {"skus": ["JACKET", "TROUSERS"]},
}  # fmt: skip


def test_articles_that_belong_together() -> None:
    """30.00 off a suit, 20.00 of it on the jacket: without the trousers, which carried 10.00, the 20.00 are lost."""
    sold = [{**SUIT[0], "discount_minor": 2_000}, {**SUIT[1], "discount_minor": 1_000}, SUIT[2]]
    shop = open_shop(RECOMPUTE, an_order(*sold, promotions=[SUIT_OFF], discount=0))

    assert give_back(shop, ("L3", 4), number=1) == [1_600]
    assert give_back(shop, ("L2", 1), number=2) == [7_000]
    assert give_back(shop, ("L1", 1), number=3) == [20_000]
    assert taken(shop) == [0, 2_000, -2_000]


def test_a_promotion_narrowed_to_lines_hangs_on_them_alone() -> None:
    """4 socks of 4.00 after their own discount: from 3 on, over that line; the jacket has nothing to do with it."""
    needs = {"at_least_quantity": 3}
    socks = {"promotion_id": "SOCKS", "amount_minor": 400, "lines": [{"line_id": "L3"}], "requires": needs}
    shop = open_shop(RECOMPUTE, an_order(*SUIT, promotions=[socks], discount=0))

    assert give_back(shop, ("L1", 1), number=1) == [20_000]
    assert give_back(shop, ("L3", 1), number=2) == [400]
    assert give_back(shop, ("L3", 1), number=3) == [200]
    assert taken(shop) == [0, 0, 200]


def test_amounts_count_after_the_lines_own_discounts() -> None:
    """16.00 of socks, not 20.00: with a jacket of 200.00, 210.00 are kept as long as one of them is not returned."""
    over_all = {
        "promotion_id": "P",
        "amount_minor": 400,
        "requires": {"at_least_minor": 21_600, "skus": ["JACKET", "SOCKS"]},
    }
    shop = open_shop(RECOMPUTE, an_order(*SUIT, promotions=[over_all], discount=0))

    # over all lines, weighed 20000 : 10000 : 1600: 253.16, 126.58 and 20.25 of 400 are 253, 127 and 20
    assert give_back(shop, ("L2", 1), number=1) == [10_000]
    assert give_back(shop, ("L3", 1), number=2) == [400 - (400 - 127 - 5)]
    assert taken(shop) == [0, 268]


def test_nothing_is_taken_below_zero_and_the_rest_is_caught_up() -> None:
    """A pair of socks for 4.00 breaks a promotion of 50.00: 4.00 of it now, the rest off the next refund."""
    sold = [SUIT[0], {**SUIT[2], "discount_minor": 400}]
    big = {"promotion_id": "BIG", "amount_minor": 5_000, "requires": {"at_least_quantity": 5}}
    shop = open_shop(RECOMPUTE, an_order(*sold, promotions=[big], discount=5_000))

    first = give_back(shop, ("L3", 1), number=1)
    assert (first, taken(shop)) == ([0], [307])
    second = give_back(shop, ("L1", 1), number=2)
    # what is left of the promotion is what the three pairs still kept carry of it
    assert sum(taken(shop)) == 278
    assert first + second == [0, 15_370 + 29]


def test_fees_come_off_first() -> None:
    """10 % of 36.00 and 5.00 for the label leave 27.40, of which 8.00 are taken."""
    fees = {"restocking_bps": 1_000, "return_shipping_minor": 500}
    shop = open_shop({**RECOMPUTE, "method": "label", "fees": fees}, an_order())

    assert give_back(shop, ("L1", 1)) == [1_940]
    assert taken(shop) == [800]


def test_units_of_open_returns_are_kept_until_they_are_refunded() -> None:
    """Both are asked for and here; the one that is refunded alone breaks nothing that the other would."""
    terms = {**RECOMPUTE, "refund_due": "inspection"}
    shop = open_shop(terms, an_order(promotions=[{**FROM_100, "requires": {"at_least_quantity": 2}}]))
    request(shop, {"line_id": "L1", "quantity": 2})
    receive(shop, (1, 2))
    inspect(shop, 1, 1, "I-1")
    assert taken(shop) == [0]
    inspect(shop, 1, 1, "I-2")
    assert taken(shop) == [0, 400]
    check(shop)


def test_a_unit_accepted_on_appeal_carries_its_share_back() -> None:
    """28.00 for the first; the second was refused at the bench, and given its 36.00 and 4.00 once it was granted."""
    shop = open_shop({**RECOMPUTE, "refund_due": "inspection"}, an_order())
    request(shop, {"line_id": "L1", "quantity": 2})
    receive(shop, (1, 2))
    inspect(shop, 1, 1, "I-1")
    inspect(shop, 1, 1, "I-2", grade="D", cause="misuse", liable_party="customer")
    assert taken(shop) == [800]
    shop.send("AppealDenial", on_return(line=1, grounds="it came so"), actor="customer:C-1", at=day(8))
    decided = [{"line": 1, "quantity": 1, "decision": "approve"}]
    shop.send("DecideRequest", on_return(lines=decided), actor="agent:A2", at=day(9))

    assert [refund.amount_minor for refund in shop.order().refunds.values()] == [2_800, 4_000]
    assert taken(shop) == [800, -400]
    check(shop)


def test_a_unit_refunded_early_counts_as_returned_whatever_is_found() -> None:
    """The bench refuses it, and nothing changes: what follows is a claim."""
    shop = open_shop(RECOMPUTE, an_order())
    request(shop, {"line_id": "L1", "quantity": 1})
    receive(shop, (1, 1))
    inspect(shop, 1, 1, grade="D", cause="misuse", liable_party="customer")

    assert taken(shop) == [800]
    assert give_back(shop, ("L1", 1), number=2) == [4_000]


def test_a_person_s_amount_bears_no_promotion_but_gets_back_what_was_taken() -> None:
    """20.00 are 20.00; where 8.00 were taken before, 4.00 of them are due to whatever comes next."""
    terms = {**RECOMPUTE, "refund_due": "inspection", "accept_grades": []}
    decided = on_return(line=1, quantity=1, resolution="refund", amount_minor=2_000)
    shop = open_shop(terms, an_order())
    request(shop, {"line_id": "L1", "quantity": 2})
    receive(shop, (1, 2))
    inspect(shop, 1, 2)
    shop.send("DecideResolution", decided, at=day(8))
    assert taken(shop) == [0]
    shop.send("DecideResolution", on_return(line=1, quantity=1, resolution="refund"), at=day(8))
    assert taken(shop) == [0, 400]
    shop.send("DecideResolution", {**decided, "amount_minor": 1_600}, at=day(9))
    assert [refund.amount_minor for refund in shop.order().refunds.values()] == [2_000, 3_200, 1_600]
    check(shop)
    request(shop, {"line_id": "L1", "quantity": 1}, rma_id=UUID(int=2), on=10)
    receive(shop, (1, 1), rma_id=UUID(int=2), on=12)
    shop.send(
        "RecordInspection",
        on_return(
            UUID(int=2), inspection_id="I", line=1, quantity=1, grade="A", cause="none_found", liable_party="none"
        ),
        at=day(13),
    )
    last = on_return(UUID(int=2), line=1, quantity=1, resolution="refund", amount_minor=1_000)
    shop.send("DecideResolution", last, at=day(14))

    assert taken(shop) == [0, 400, 0, -400]
    assert [refund.amount_minor for refund in shop.order().refunds.values()][-1] == 1_400
    check(shop)


@pytest.mark.parametrize(("amount", "code"), [(2_800, None), (3_600, "tenders_do_not_sum")])
def test_tenders_sum_to_what_is_paid_after_promotions(amount: int, code: str | None) -> None:
    """28.00, and no other figure."""
    shop = open_shop({**RECOMPUTE, "refund_due": "inspection", "accept_grades": []}, an_order())
    request(shop, {"line_id": "L1", "quantity": 1})
    receive(shop, (1, 1))
    inspect(shop, 1, 1)
    told = on_return(line=1, quantity=1, resolution="refund", tenders=[{"tender_id": "T", "amount_minor": amount}])
    if code:
        refused(shop, code, "DecideResolution", told, at=day(8), expected_minor=2_800, given_minor=3_600)
    else:
        shop.send("DecideResolution", told, at=day(8))
        assert taken(shop) == [800]
    check(shop)


def test_goods_that_stay_for_a_part_of_their_price_break_nothing() -> None:
    """An offer to keep a shirt for less, or a person's: the customer keeps three."""
    share = {"kind": "partial_refund", "share_bps": 1_000}
    rules = [{"name": "less", "when": {"fact": "reason", "is": "quality"}, "then": {"remedy": share}}]
    shop = open_shop({**RECOMPUTE, "rules": rules}, an_order())
    request(shop, {"line_id": "L1", "quantity": 1, "reason": "quality"})
    shop.send("AnswerRemedy", on_return(line=1, accepted=True), actor="customer:C-1", at=day(4))
    request(shop, {"line_id": "L1", "quantity": 1}, rma_id=UUID(int=2), on=5)
    kept = on_return(UUID(int=2), line=1, quantity=1, resolution="refund", amount_minor=500, keep=True)
    shop.send("DecideResolution", kept, at=day(6))

    assert [(r.amount_minor, r.promotion_minor) for r in shop.order().refunds.values()] == [(360, 0), (500, 0)]
    check(shop)


def test_what_need_not_come_back_counts_as_returned() -> None:
    """All of its price goes back: it is no longer bought, wherever it is."""
    shop = open_shop({**RECOMPUTE, "method": "keep"}, an_order())
    request(shop, {"line_id": "L1", "quantity": 1})

    assert [(r.amount_minor, r.promotion_minor) for r in shop.order().refunds.values()] == [(2_800, 800)]
    check(shop)


def test_exchanges_break_nothing() -> None:
    """Another article comes in the shirt's place, at what was paid for it; a cheaper one gives its difference back."""
    shop = open_shop({**RECOMPUTE, "offers": ["refund", "exchange"]}, an_order())
    wanted = {"sku": "SHIRT-L", "quantity": 1, "amount_minor": 3_000}
    request(shop, {"line_id": "L1", "quantity": 1, "wish": "exchange", "exchange_for": wanted})
    receive(shop, (1, 1))

    assert [(r.amount_minor, r.promotion_minor) for r in shop.order().refunds.values()] == [(600, 0)]
    shop.send("DecideResolution", on_return(line=1, quantity=1, resolution="refund"), at=day(8))
    assert taken(shop) == [0, 800]
    check(shop)


def test_an_order_s_own_refund_breaks_nothing() -> None:
    """5.00 off while the goods stay."""
    shop = open_shop(RECOMPUTE, an_order())
    lines = [{"line_id": "L1", "quantity": 1, "amount_minor": 500}]
    told = {"order_id": "O-1", "refund_request_id": "R", "lines": lines, "reason": "late"}
    shop.send("RefundOrder", told, at=day(2))

    assert taken(shop) == [0]
    check(shop)


GIFT: dict[str, Any] = {"line_id": "L2", "sku": "CAP", "quantity": 1, "amount_minor": 1_500, "discount_minor": 1_500}
FREE_CAP: dict[str, Any] = {
    "promotion_id": "CAP", "amount_minor": 1_500, "requires": {"at_least_minor": 10_000, "skus": ["SHIRT"]},
}  # fmt: skip


def test_a_free_article_that_comes_back_carries_its_share() -> None:
    """It cost nothing, and no money goes back for it; what the shirts took off for it does, once it is here.

    Over all lines the cap weighs nothing, so the shirts carry 5.00 each; over its own line it carries all of it.
    """
    own = {**FREE_CAP, "lines": [{"line_id": "L2"}], "requires": {"skus": ["CAP"]}}
    alone = open_shop(RECOMPUTE, an_order(SHIRTS, GIFT, promotions=[own], discount=0))
    assert give_back(alone, ("L2", 1)) == [0]
    assert (states(alone, "resolution", "settlement", rma_id=UUID(int=1)), taken(alone)) == (
        [(1, "refund", "settled")],
        [0],
    )

    shop = open_shop(RECOMPUTE, an_order(SHIRTS, GIFT, promotions=[FREE_CAP], discount=0))
    assert give_back(shop, ("L1", 1), number=1) == [3_000]
    assert give_back(shop, ("L1", 2), ("L2", 1), number=2)[0] == 9_000
    assert sum(refund.amount_minor for refund in shop.order().refunds.values()) == 12_000


def test_two_promotions_are_reckoned_each_for_itself() -> None:
    """One breaks, the other holds; then both are given back."""
    three = {"promotion_id": "THREE", "amount_minor": 600, "requires": {"at_least_quantity": 3}}
    pair = {"promotion_id": "PAIR", "amount_minor": 600, "requires": {"at_least_quantity": 2}}
    shop = open_shop(RECOMPUTE, an_order(promotions=[three, pair]))
    for number in (1, 2, 3):
        give_back(shop, ("L1", 1), number=number)

    facts = [fact for fact in shop.history if isinstance(fact, Order.RefundRequested)]
    assert [[(change.promotion_id, change.amount_minor) for change in fact.promotions] for fact in facts] == [
        [("THREE", 400)],
        [("THREE", -200), ("PAIR", 200)],
        [("THREE", -200), ("PAIR", -200)],
    ]


def test_fees_and_deposits_bear_no_share_and_count_for_nothing() -> None:
    """A deposit of 60.00 does not bring 80.00 of shirts to 100.00."""
    deposit = {"line_id": "L2", "sku": "CRATE", "quantity": 1, "amount_minor": 6_000, "kind": "deposit"}
    shop = open_shop(RECOMPUTE, an_order(SHIRTS, deposit))

    assert [(line.line_id, line.amount_minor) for line in shop.order().promotions[0].fact.lines] == [("L1", 1_200)]
    assert give_back(shop, ("L1", 1)) == [2_800]


def test_a_withdrawal_in_the_union_gives_no_less_than_the_kept_units_leave() -> None:
    """108.00 were paid, two shirts without the promotion cost 80.00: 28.00, which is what recomputing gives."""
    shop = open_shop(RECOMPUTE, an_order(country="DE"))
    assert give_back(shop, ("L1", 1), reason="changed_mind") == [2_800]


def test_a_line_of_many_units_costs_what_one_of_three_does() -> None:
    """100,000 units, and what is kept of them, are a few runs: one refund, and one number for what went."""
    many = {**SHIRTS, "quantity": 100_000, "amount_minor": 400_000_000}
    needs = {**FROM_100, "requires": {"at_least_quantity": 99_999}}
    shop = open_shop(RECOMPUTE, an_order(many, promotions=[needs]))
    give_back(shop, ("L1", 2))

    assert taken(shop) == [1_200]
    assert len(list(shop.order().lines["L1"].gone)) == 2
    assert shop.rma(UUID(int=1)).rma_id != RMA_ID
