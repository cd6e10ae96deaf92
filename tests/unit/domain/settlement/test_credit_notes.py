"""Every refund has one note; numbers of a series and year follow each other without a gap."""

from __future__ import annotations

from datetime import UTC, date, datetime
from typing import Any
from uuid import UUID

import pytest

from domain.settlement.credit_note import note_of_refund
from domain.settlement.credit_note_series import CreditNoteSeries, business_date, series_of
from tests.support.refusals import refused, unchanged
from tests.support.shop import RMA_ID, Shop, names
from tests.support.stories import ORDER, POLICY, day, inspect, on_return, open_shop, receive, request
from tests.unit.domain.case.test_claims import come_in, grade, replaced_shop

CLOCK = "clock:credit-notes"
OTHER = UUID(int=2)


def refunded(policy: dict[str, Any] | None = None, order: dict[str, Any] | None = None, quantity: int = 1) -> Shop:
    """Return a shop in which units of L1 were paid back."""
    shop = open_shop(policy, order)
    request(shop, {"line_id": "L1", "quantity": quantity})
    receive(shop, (1, quantity))
    inspect(shop, 1, quantity)
    return shop


def told(shop: Shop, which: int = 0, **more: Any) -> dict[str, Any]:
    refund = list(shop.order().refunds.values())[which]
    return {
        "series_id": "default",
        "refund_id": str(refund.refund_id),
        "order_id": "O-1",
        "rma_id": str(refund.rma_id),
        **more,
    }


def issue(shop: Shop, which: int = 0, **more: Any) -> CreditNoteSeries.Issued:
    fact = shop.send("IssueCreditNote", told(shop, which, **more), actor=CLOCK, at=day(7))[-1]
    assert isinstance(fact, CreditNoteSeries.Issued)
    return fact


def test_the_first_note_of_a_year_opens_its_series() -> None:
    """The number names series, year and place; the gross is what goes back."""
    shop = refunded()
    facts = shop.send("IssueCreditNote", told(shop), actor=CLOCK, at=day(7))

    assert names(facts) == ["Opened", "Issued"]
    note = facts[-1]
    assert isinstance(note, CreditNoteSeries.Issued)
    assert (note.number, note.kind, note.issued_on) == ("CN-default-2026-000001", "credit", date(2026, 3, 8))
    refund = next(iter(shop.order().refunds.values()))
    assert (note.net_minor, note.tax_minor, note.gross_minor) == (333, 0, refund.amount_minor)
    assert note.timestamp == refund.at


def test_a_refund_has_one_note_however_often_it_is_asked() -> None:
    """The second time nothing is said; the next refund gets the next number."""
    shop = refunded()
    issue(shop)
    unchanged(shop, "IssueCreditNote", told(shop), actor=CLOCK, at=day(7))
    request(shop, {"line_id": "L1", "quantity": 1}, rma_id=OTHER, on=8)
    receive(shop, (1, 1), rma_id=OTHER, on=9)
    inspect(shop, 1, 1, "I-2", rma_id=OTHER)

    assert issue(shop, 1).number == "CN-default-2026-000002"


def test_fees_are_lines_of_their_own_without_tax() -> None:
    """10.00 less 10 % restocking and 2.00 for the label: 7.00 = 10.00 - 1.00 - 2.00."""
    fees = {**POLICY, "method": "label", "fees": {"restocking_bps": 1_000, "return_shipping_minor": 200}}
    note = issue(refunded(fees, quantity=3))

    assert [(line.kind, line.net_minor, line.gross_minor) for line in note.lines] == [
        ("goods", 1_000, 1_000),
        ("restocking", -100, -100),
        ("return_shipping", -200, -200),
    ]
    assert (note.net_minor, note.tax_minor, note.gross_minor) == (700, 0, 700)


def test_a_price_with_tax_inside_is_net_and_tax() -> None:
    """90.00 paid with 19 % inside, returned whole: 75.63 net and 14.37 tax."""
    taxes = [{"code": "DE-19", "rate_bps": 1_900, "amount_minor": 1_437}]
    line = {"line_id": "L1", "sku": "LAMP", "quantity": 1, "amount_minor": 9_000, "taxes": taxes}
    tenders = [{"tender_id": "T1", "kind": "card", "amount_minor": 9_000}]
    note = issue(refunded(order={"lines": [line], "tenders": tenders}))

    assert (note.net_minor, note.tax_minor, note.gross_minor) == (7_563, 1_437, 9_000)
    assert [(tax.code, tax.rate_bps, tax.amount_minor) for tax in note.taxes] == [("DE-19", 1_900, 1_437)]


def test_shipping_that_goes_back_alone_is_no_unit() -> None:
    """3.00 of shipping over two lines, 2.00 and 1.00: no unit comes back, so no quantity stands there."""
    tenders = [{"tender_id": "T", "kind": "card", "amount_minor": 1_800}]
    shop = open_shop(None, {"shipping_minor": 300, "tenders": tenders})
    asked = {"order_id": "O-1", "refund_request_id": "R", "shipping_minor": 300, "reason": "late"}
    shop.send("RefundOrder", asked, at=day(2))
    note = issue(shop, rma_id=None)

    assert [(line.line_id, line.quantity, line.gross_minor) for line in note.lines] == [
        ("L1", None, 200),
        ("L2", None, 100),
    ]


def test_what_is_lost_of_a_promotion_is_a_line_of_its_own_without_tax() -> None:
    """4.26 for two of three that cost 6.40, less the 1.20 that the third carries; then its 2.14, and the 1.20."""
    policy = {**POLICY, "promotions": "recompute"}
    over = {"lines": [{"line_id": "L1"}], "requires": {"at_least_quantity": 3}}
    promotion = {"promotion_id": "P", "amount_minor": 360, **over}
    tenders = [{"tender_id": "T", "kind": "card", "amount_minor": 1_140}]
    lines = [{**ORDER["lines"][0], "discount_minor": 360}, ORDER["lines"][1]]
    shop = open_shop(policy, {"lines": lines, "tenders": tenders, "promotions": [promotion]})
    for number, quantity in ((1, 2), (2, 1)):
        rma_id = UUID(int=number)
        request(shop, {"line_id": "L1", "quantity": quantity}, rma_id=rma_id)
        receive(shop, (1, quantity), rma_id=rma_id)
        inspect(shop, 1, quantity, rma_id=rma_id)
    notes = [note_of_refund(shop.order(), refund) for refund in shop.order().refunds.values()]

    assert [[(line.kind, line.gross_minor) for line in note.lines] for note in notes] == [
        [("goods", 426), ("promotion", -120)],
        [("goods", 214), ("promotion", 120)],
    ]
    assert [note.gross_minor for note in notes] == [306, 334]


def test_a_claim_has_a_debit_note_in_the_same_series() -> None:
    """What the customer is asked for is numbered as refunds are, without tax: it is no sale."""
    shop = refunded()
    issue(shop)
    shop.send("ClaimFromCustomer", on_return(amount_minor=250, reason="worn", claim_id="CL-1"), at=day(8))
    asked = {"series_id": "default", "claim_id": "CL-1", "order_id": "O-1", "rma_id": str(RMA_ID)}
    [note] = shop.send("IssueCreditNote", asked, actor=CLOCK, at=day(8))

    assert isinstance(note, CreditNoteSeries.Issued)
    assert (note.number, note.kind, note.refund_id, note.claim_id) == ("CN-default-2026-000002", "debit", None, "CL-1")
    assert (note.net_minor, note.tax_minor, note.gross_minor) == (250, 0, 250)
    unchanged(shop, "IssueCreditNote", asked, actor=CLOCK, at=day(9))
    refused(shop, "unknown_claim", "IssueCreditNote", {**asked, "claim_id": "CL-2"}, actor=CLOCK)
    refused(shop, "note_subject", "IssueCreditNote", told(shop, claim_id="CL-1"), actor=CLOCK)


def test_a_series_is_that_of_the_seller() -> None:
    """A seller's id that could not stand in a file's name is told apart from its like."""
    assert series_of(None) == series_of("") == "default"
    assert series_of("shop-7.eu") == "shop-7.eu"
    assert series_of("../x") != series_of("./x")
    assert all(letter.isalnum() or letter in "._-" for letter in series_of("../x"))


@pytest.mark.parametrize("series", ["other", "../x"])
def test_a_note_in_another_series_is_refused(series: str) -> None:
    """The refusal says which series it is."""
    shop = refunded()
    refused(shop, "wrong_series", "IssueCreditNote", told(shop, series_id=series), actor=CLOCK, series_id="default")


def test_a_refund_that_is_not_the_orders_is_refused() -> None:
    """Neither an unknown one, nor one of another return."""
    shop = refunded()
    refused(shop, "unknown_refund", "IssueCreditNote", told(shop, refund_id=str(RMA_ID)), actor=CLOCK)
    refused(shop, "unknown_refund", "IssueCreditNote", told(shop, rma_id=str(OTHER)), actor=CLOCK)


def test_the_year_is_that_of_the_merchants_day() -> None:
    """Half past eleven in the evening of 31 December in UTC is next year in Shanghai."""
    at = datetime(2025, 12, 31, 23, 30, tzinfo=UTC)
    assert business_date(at, None) == date(2025, 12, 31)
    assert business_date(at, "Asia/Shanghai") == date(2026, 1, 1)


def about(shop: Shop, **which: Any) -> list[Any]:
    told = {"series_id": "default", "order_id": "O-1", **which}
    return [f for f in shop.send("IssueCreditNote", told, actor=CLOCK, at=day(30)) if hasattr(f, "number")]


def test_what_went_back_elsewhere_has_a_note_over_what_it_corrects() -> None:
    """1200 of 1500: 333 are paid in a payout's place, whose refund has its note; the other 867 correct the sale."""
    shop = refunded(order={"tenders": [{"tender_id": "T1", "kind": "card", "amount_minor": 1500}]})
    gone = {"external_id": "dp-1", "tender_id": "T1", "amount_minor": 1200, "kind": "chargeback"}
    shop.send("RecordExternalRefund", {"order_id": "O-1", **gone}, actor="gateway:g", at=day(9))
    _, elsewhere = shop.order().refunds
    [note] = about(shop, refund_id=str(elsewhere))
    assert (note.kind, note.gross_minor) == ("credit", 1167)

    refused(shop, "unknown_refund", "IssueCreditNote", told_won(), actor=CLOCK)
    won = {"order_id": "O-1", "external_id": "dp-1", "outcome": "won"}
    shop.send("RecordChargebackOutcome", won, actor="gateway:g", at=day(20))
    [note] = about(shop, external_id="dp-1")
    assert (note.kind, note.refund_id, note.external_id, note.gross_minor) == ("debit", None, "dp-1", 1167)
    assert note.timestamp == day(20)
    unchanged(shop, "IssueCreditNote", told_won(), actor=CLOCK, at=day(31))


def told_won() -> dict[str, Any]:
    return {"series_id": "default", "order_id": "O-1", "external_id": "dp-1"}


def test_what_corrects_no_sale_has_no_note() -> None:
    """All 1500 are under way when they go back elsewhere: the return's refund has the note."""
    shop = refunded(
        order={
            "lines": [{"line_id": "L1", "sku": "A", "quantity": 1, "amount_minor": 1500}],
            "tenders": [{"tender_id": "T1", "kind": "card", "amount_minor": 1500}],
        }
    )
    gone = {"external_id": "dp-1", "tender_id": "T1", "amount_minor": 1500, "kind": "chargeback"}
    shop.send("RecordExternalRefund", {"order_id": "O-1", **gone}, actor="gateway:g", at=day(9))
    _, elsewhere = shop.order().refunds
    refused(
        shop,
        "note_subject",
        "IssueCreditNote",
        {**told_won(), "external_id": None, "refund_id": str(elsewhere)},
        actor=CLOCK,
    )
    won = {"order_id": "O-1", "external_id": "dp-1", "outcome": "won"}
    shop.send("RecordChargebackOutcome", won, actor="gateway:g", at=day(20))
    refused(shop, "note_subject", "IssueCreditNote", told_won(), actor=CLOCK)


def reversed_claim(units: int) -> Shop:
    """Return a shop in which a deadline claimed 1000 for 3 units, and so many came one by one after all."""
    shop = replaced_shop()
    for _ in range(units):
        come_in(shop, 1)
        grade(shop, 1)
    return shop


def of_claim(shop: Shop, **more: Any) -> dict[str, Any]:
    (claim,) = shop.order().claims.values()
    named = {"claim_id": claim.claim_id, "rma_id": str(RMA_ID)}
    return {"series_id": "default", "order_id": "O-1", **named, **more}


def test_what_is_given_up_of_a_claim_has_a_credit_note() -> None:
    """1000 claimed for three that did not come; 333 and 333 are given up as two come: each corrects the debit note."""
    shop = reversed_claim(2)
    (claim,) = shop.order().claims.values()
    notes = [about(shop, **of_claim(shop, **which))[0] for which in ({}, {"reversal": 1}, {"reversal": 2})]

    assert [(note.kind, note.gross_minor, note.reversal) for note in notes] == [
        ("debit", 1000, None),
        ("credit", 333, 1),
        ("credit", 333, 2),
    ]
    assert [(line.kind, line.net_minor, line.gross_minor) for line in notes[1].lines] == [("claim", 333, 333)]
    assert {(note.claim_id, note.refund_id, note.tax_minor) for note in notes} == {(claim.claim_id, None, 0)}
    assert [note.timestamp for note in notes[1:]] == [reversal.at for reversal in claim.reversals]


def test_a_reversal_has_one_note_however_often_it_is_asked() -> None:
    """Told again it keeps its number; what was not given up, and what is no claim, has none."""
    shop = reversed_claim(1)
    about(shop, **of_claim(shop, reversal=1))
    unchanged(shop, "IssueCreditNote", of_claim(shop, reversal=1), actor=CLOCK, at=day(31))
    refused(shop, "unknown_claim", "IssueCreditNote", of_claim(shop, reversal=2), actor=CLOCK, reversal=2)
    refused(shop, "unknown_claim", "IssueCreditNote", of_claim(shop, reversal=1, claim_id="CL-9"), actor=CLOCK)
    nothing_claimed = {"series_id": "default", "order_id": "O-1", "refund_id": str(RMA_ID), "reversal": 1}
    refused(shop, "note_subject", "IssueCreditNote", nothing_claimed, actor=CLOCK)
