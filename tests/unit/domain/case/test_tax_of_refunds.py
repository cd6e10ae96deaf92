"""A refund knows its net and its tax by code, and naming taxes changes no refund."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any
from uuid import UUID

from hypothesis import given, settings
from hypothesis import strategies as st

from domain.order.accounts import FREE, LineAccount
from domain.order.claim_facts import ClaimRaised
from domain.order.money_facts import Exchanged, RefundRequested
from domain.order.parts import Credit, OrderLine, TaxShare
from domain.settlement.credit_note import note_of_claim
from domain.settlement.entitlement import left_of_all, limit
from domain.settlement.sales_returns import sales_return
from domain.units import UnitRun, UnitStates
from tests.support.refusals import unit_statuses
from tests.support.shop import Shop
from tests.support.stories import POLICY, day, inspect, on_return, open_shop, receive, request
from tests.unit.domain.case.test_claims import expire

WITH_SHIPPING: dict[str, Any] = {**POLICY, "refunds_outward_shipping": True}
Posted = list[tuple[str, int, str | None]]


def tax(code: str, rate_bps: int, amount_minor: int) -> dict[str, Any]:
    return {"code": code, "rate_bps": rate_bps, "amount_minor": amount_minor}


def sold(quantity: int, amount_minor: int, *taxes: dict[str, Any], paid: int, **more: Any) -> dict[str, Any]:
    """Return an order of one line paid by card."""
    line = {"line_id": "L1", "sku": "S", "quantity": quantity, "amount_minor": amount_minor, "taxes": list(taxes)}
    return {"lines": [line], "tenders": [{"tender_id": "T1", "kind": "card", "amount_minor": paid}], **more}


def returned(shop: Shop, quantity: int, number: int = 1) -> None:
    """Let units go through a return of their own, accepted at inspection."""
    rma_id = UUID(int=number)
    request(shop, {"line_id": "L1", "quantity": quantity}, rma_id=rma_id)
    receive(shop, (1, quantity), rma_id=rma_id)
    inspect(shop, 1, quantity, rma_id=rma_id)


def posted(shop: Shop, kind: type[Any] = RefundRequested) -> list[Posted]:
    """Return what each refund, or exchange, posted to sales, with the tax codes."""
    return [
        [
            (posting.account, posting.amount_minor, posting.tax_code)
            for posting in fact.postings
            if posting.account.startswith("sales_")
        ]
        for fact in shop.history
        if isinstance(fact, kind)
    ]


def test_a_price_with_tax_inside_goes_back_net_and_tax() -> None:
    """90.00 paid with 19 % inside, returned whole: 75.63 net and 14.37 tax, 90.00 in all."""
    shop = open_shop(order=sold(1, 9000, tax("DE-19", 1_900, 1437), paid=9000))
    returned(shop, 1)

    assert posted(shop) == [[("sales_returns", 7563, None), ("sales_tax", 1437, "DE-19")]]
    assert [refund.amount_minor for refund in shop.order().refunds.values()] == [9000]


def test_each_code_is_spread_over_the_units() -> None:
    """17 of 100 over three units: 5, 6, 6 of tax beside 33, 33, 34 of price; what is not tax is net."""
    shop = open_shop(order=sold(3, 100, tax("A", 2_048, 17), paid=100))
    for number in (1, 2, 3):
        returned(shop, 1, number)

    assert posted(shop) == [
        [("sales_returns", 28, None), ("sales_tax", 5, "A")],
        [("sales_returns", 27, None), ("sales_tax", 6, "A")],
        [("sales_returns", 28, None), ("sales_tax", 6, "A")],
    ]


def test_two_codes_on_top_change_no_refund() -> None:
    """Taxes of 50 and 100 on three units: 50 a unit as a total, and each code by its own cents: 16 17 17, 33 33 34."""
    named = open_shop(order=sold(3, 1000, tax("GST", 500, 50), tax("QST", 998, 100), paid=1150, tax_included=False))
    plain = sold(3, 1000, paid=1150, tax_included=False)
    plain["lines"][0]["tax_minor"] = 150
    unnamed = open_shop(order=plain)
    for number in (1, 2, 3):
        returned(named, 1, number)
        returned(unnamed, 1, number)

    assert posted(named) == [
        [("sales_returns", 334, None), ("sales_tax", 16, "GST"), ("sales_tax", 33, "QST")],
        [("sales_returns", 333, None), ("sales_tax", 17, "GST"), ("sales_tax", 33, "QST")],
        [("sales_returns", 333, None), ("sales_tax", 17, "GST"), ("sales_tax", 34, "QST")],
    ]
    amounts = [[refund.amount_minor for refund in shop.order().refunds.values()] for shop in (named, unnamed)]
    assert amounts == [[383, 383, 384]] * 2
    assert posted(unnamed)[0] == [("sales_returns", 333, None), ("sales_tax", 50, "standard")]


def test_shipping_brings_its_taxes() -> None:
    """Shipping of 476 with 76 inside goes back with one of two units: 238 with 38, under a code that goods have too."""
    order = sold(
        2, 2000, tax("A", 1_900, 320), paid=2476, shipping_minor=476,
        shipping_taxes=[tax("A", 1_900, 70), tax("B", 700, 6)],
    )  # fmt: skip
    shop = open_shop(WITH_SHIPPING, order)
    returned(shop, 1)

    # unit 1: 1000 with 160 inside, shipping 238 with 35 and 3 inside
    assert posted(shop) == [[("sales_returns", 1040, None), ("sales_tax", 195, "A"), ("sales_tax", 3, "B")]]
    kept = open_shop(order=order)
    returned(kept, 1)
    assert posted(kept) == [[("sales_returns", 840, None), ("sales_tax", 160, "A")]]


def test_a_part_amount_is_net_and_tax_in_proportion() -> None:
    """Half of 90.00: 37.815 net and 7.185 tax, the cent that is left to the net; the rest is the rest of both."""
    shop = open_shop(order=sold(1, 9000, tax("A", 1_900, 1437), paid=9000))
    request(shop, {"line_id": "L1", "quantity": 1})
    receive(shop, (1, 1))
    for amount in (4500, None):
        told = on_return(line=1, quantity=1, resolution="refund")
        shop.send("DecideResolution", told | ({"amount_minor": amount} if amount else {}), at=day(8))

    assert posted(shop) == [
        [("sales_returns", 3782, None), ("sales_tax", 718, "A")],
        [("sales_returns", 3781, None), ("sales_tax", 719, "A")],
    ]


def test_a_part_of_a_price_with_tax_on_top_is_shared_as_before() -> None:
    """100.00 and 19.00 on top, 60.00 back: 50.42 and 9.58, under the code as under none."""
    shop = open_shop(order=sold(1, 10_000, tax("A", 1_900, 1900), paid=11_900, tax_included=False))
    request(shop, {"line_id": "L1", "quantity": 1})
    receive(shop, (1, 1))
    shop.send(
        "DecideResolution", on_return(line=1, quantity=1, resolution="store_credit", amount_minor=6000), at=day(8)
    )

    assert posted(shop) == [[("sales_returns", 5042, None), ("sales_tax", 958, "A")]]


def test_a_fee_is_kept_from_what_goes_back_with_its_tax() -> None:
    """10 % of 90.00 is kept: sales and tax are corrected whole, the fee of 9.00 is income."""
    policy = {**POLICY, "fees": {"restocking_bps": 1000, "return_shipping_minor": 0}}
    shop = open_shop(policy, sold(1, 9000, tax("A", 1_900, 1437), paid=9000))
    returned(shop, 1)

    (fact,) = [fact for fact in shop.history if isinstance(fact, RefundRequested)]
    assert [(posting.account, posting.amount_minor) for posting in fact.postings] == [
        ("sales_returns", 7563), ("sales_tax", 1437), ("refunds_owed", -8100), ("fee_income", -900),
    ]  # fmt: skip


def test_an_exchange_takes_sales_back_net_and_tax() -> None:
    """90.00 for a cheaper article of 60.00: 60.00 is set off with 9.58 of tax, 30.00 refunded with 4.79."""
    policy = {**POLICY, "offers": ["refund", "exchange"]}
    shop = open_shop(policy, sold(1, 9000, tax("A", 1_900, 1437), paid=9000))
    wanted = {"sku": "N", "quantity": 1, "amount_minor": 6000}
    request(shop, {"line_id": "L1", "quantity": 1, "wish": "exchange", "exchange_for": wanted})
    receive(shop, (1, 1))
    inspect(shop, 1, 1)

    assert posted(shop, Exchanged) == [[("sales_returns", 5042, None), ("sales_tax", 958, "A")]]
    assert posted(shop) == [[("sales_returns", 2521, None), ("sales_tax", 479, "A")]]


def test_an_instant_refund_brings_its_tax() -> None:
    """Money that goes back on approval is net and tax like any other."""
    shop = open_shop({**POLICY, "refund_due": "approval"}, sold(2, 9000, tax("A", 1_900, 1437), paid=9000))
    request(shop, {"line_id": "L1", "quantity": 1})

    assert posted(shop) == [[("sales_returns", 3782, None), ("sales_tax", 718, "A")]]


def test_a_claim_takes_no_tax_back() -> None:
    """Asked back as the goods never came, 45.00 are compensation and no sale: its tax went back once, and stays so."""
    policy = {**POLICY, "refund_due": "approval", "method": "own_carrier"}
    shop = open_shop(policy, sold(2, 9000, tax("A", 1_900, 1437), paid=9000))
    request(shop, {"line_id": "L1", "quantity": 1})
    expire(shop)

    [raised] = [fact for fact in shop.history if isinstance(fact, ClaimRaised)]
    assert [(posting.account, posting.amount_minor, posting.tax_code) for posting in raised.postings] == [
        ("customer_receivable", 4500, None), ("sales_returns", -4500, None),
    ]  # fmt: skip
    note = note_of_claim(shop.order(), next(iter(shop.order().claims.values())))
    assert (note.gross_minor, note.taxes) == (4500, ())
    assert unit_statuses(shop, "L1") == [(1, "returned"), (1, "free")]


UNITS = 7
refunds = st.lists(
    st.tuples(st.integers(1, UNITS), st.integers(1, UNITS), st.integers(0, 100), st.booleans()), max_size=10
)  # first unit, how many, per cent of what is left, with shipping


def check_whole(line: OrderLine, asked: Sequence[tuple[int, int, int, bool]]) -> None:
    """Give parts back, then all that is left: every cent of every tax has gone back, none twice."""
    account = LineAccount(line, UnitStates([(UnitRun(1, UNITS), FREE)]))
    for first, count, percent, with_shipping in [*asked, (1, UNITS, 100, True)]:
        runs = [UnitRun(first, min(count, UNITS + 1 - first))]
        credits = left_of_all(account, runs, with_shipping=with_shipping)
        credits = limit(credits, sum(credit.gross_minor for credit in credits) * percent // 100)
        assert min([share.amount_minor for credit in credits for share in credit.taxes], default=0) >= 0
        account.credits += credits
    gone = {code: amount for _, amount, code in sales_return(account.credits) if code}
    assert gone == {
        "A": sum(share.amount_minor for share in (*line.taxes, *line.shipping_taxes) if share.code == "A"),
        "B": sum(share.amount_minor for share in line.taxes if share.code == "B"),
    }


@settings(max_examples=200, deadline=None)
@given(
    price=st.integers(0, 300), inside=st.tuples(st.integers(0, 100), st.integers(0, 100)), on_top=st.booleans(),
    shipping=st.integers(0, 50), asked=refunds,
)  # fmt: skip
def test_what_goes_back_in_parts_brings_every_cent_of_tax(
    *, price: int, inside: tuple[int, int], on_top: bool, shipping: int, asked: list[tuple[int, int, int, bool]]
) -> None:
    """However a line goes back, its taxes by code sum to those it was sold with."""
    a, b = inside
    goods = price if on_top else price + a + b
    line = OrderLine(
        "L1", "S", UNITS, goods, a + b if on_top else 0, shipping,
        taxes=(TaxShare("A", 1_900, a), TaxShare("B", 700, b)), shipping_taxes=(TaxShare("A", 1_900, shipping // 3),),
    )  # fmt: skip
    check_whole(line, asked)


def test_credits_stored_before_taxes_were_named_are_posted_as_they_were() -> None:
    """An old order has its tax on top, and no code."""
    old = Credit(1, "L1", 1, 1, 100, 19, 5)
    assert sales_return([old]) == [("sales_returns", 105, None), ("sales_tax", 19, None)]
