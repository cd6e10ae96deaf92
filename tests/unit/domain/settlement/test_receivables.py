"""What customers owe beside the order: paid or given up, the oldest first, never beyond zero."""

from __future__ import annotations

from typing import Any
from uuid import UUID

from domain.order.parts import OwedShare
from tests.support.refusals import refused, unchanged
from tests.support.shop import RMA_ID, Shop, names
from tests.support.stories import day, on_return, open_shop, request

SECOND = UUID(int=2)


def owing() -> Shop:
    """Return a shop whose customer owes 800 on one return since day 4, and 300 on another since day 5."""
    shop = open_shop()
    request(shop, {"line_id": "L1", "quantity": 1})
    request(shop, {"line_id": "L1", "quantity": 1}, rma_id=SECOND)
    shop.send("ClaimFromCustomer", on_return(amount_minor=800, reason="torn"), at=day(4))
    shop.send("ClaimFromCustomer", on_return(SECOND, amount_minor=300, reason="stained"), at=day(5))
    return shop


def paying(amount_minor: int, name: str = "PM-1", rma_id: UUID | None = None) -> dict[str, Any]:
    return on_return(rma_id, payment_id=name, amount_minor=amount_minor, tender_kind="card", reference="auth-2")


def giving_up(amount_minor: int, name: str | None = "WO-1", rma_id: UUID | None = None) -> dict[str, Any]:
    told = on_return(rma_id, amount_minor=amount_minor, reason="not worth it", approved_by="boss")
    return {**told, "write_off_id": name} if name else told


def open_minor(shop: Shop) -> dict[UUID | None, int]:
    return {debt.rma_id: debt.open_minor for debt in shop.order().receivables.values()}


def test_a_payment_goes_to_the_oldest_debt_first() -> None:
    """900 of 1100: all 800 of the first return, 100 of the second."""
    shop = owing()
    [paid] = shop.send("RecordCustomerPayment", paying(900), actor="gateway:g", at=day(6))

    assert paid.shares == (OwedShare(RMA_ID, "claim", 800), OwedShare(SECOND, "claim", 100))  # type: ignore[attr-defined]
    assert open_minor(shop) == {RMA_ID: 0, SECOND: 200}
    assert [(p.account, p.amount_minor) for p in paid.postings] == [  # type: ignore[attr-defined]
        ("clearing:card", 900),
        ("customer_receivable", -900),
    ]


def test_a_payment_on_a_return_leaves_the_others_alone() -> None:
    """300 on the second, though the first is older; one cent more is refused."""
    shop = owing()
    refused(shop, "amount_exceeds_owed", "RecordCustomerPayment", paying(301, rma_id=SECOND), owed_minor=300)
    shop.send("RecordCustomerPayment", paying(300, rma_id=SECOND), at=day(6))
    assert open_minor(shop) == {RMA_ID: 800, SECOND: 0}


def test_no_more_is_paid_than_is_owed() -> None:
    """On the whole order, and where nothing is."""
    shop = owing()
    refused(shop, "amount_exceeds_owed", "RecordCustomerPayment", paying(1101), owed_minor=1100)
    refused(open_shop(), "amount_exceeds_owed", "RecordCustomerPayment", paying(1), owed_minor=0)


def test_what_will_not_come_is_given_up() -> None:
    """In the books it is bad debt; under its own name told again it is no second time, without one it is."""
    shop = owing()
    [lost] = shop.send("WriteOffReceivable", giving_up(200), at=day(6))
    assert [(p.account, p.amount_minor) for p in lost.postings] == [  # type: ignore[attr-defined]
        ("bad_debt", 200),
        ("customer_receivable", -200),
    ]
    unchanged(shop, "WriteOffReceivable", giving_up(200))
    refused(shop, "write_off_id_reused", "WriteOffReceivable", giving_up(201), write_off_id="WO-1")
    assert names(shop.send("WriteOffReceivable", giving_up(200, None), at=day(7))) == ["ReceivableWrittenOff"]
    refused(shop, "amount_exceeds_owed", "WriteOffReceivable", giving_up(701, "WO-2"), owed_minor=700)


def test_who_gives_up_what_is_owed_does_not_approve_of_it_himself() -> None:
    """``agent:A1`` sends it, so it takes another one to approve."""
    refused(owing(), "second_person_needed", "WriteOffReceivable", {**giving_up(1), "approved_by": "A1"})


def test_the_same_payment_told_again_is_no_second_one() -> None:
    """The gateway's own name of it tells; of another amount it is refused, and so is another kind of payment's."""
    shop = owing()
    shop.send("RecordCustomerPayment", paying(100))
    unchanged(shop, "RecordCustomerPayment", paying(100))
    refused(shop, "payment_id_reused", "RecordCustomerPayment", paying(101), payment_id="PM-1")
    other = {"order_id": "O-1", "payment_id": "PM-1", "tender_id": "T1", "amount_minor": 100}
    refused(shop, "payment_id_reused", "RecordPayment", other, payment_id="PM-1")


def test_a_return_that_is_named_is_the_orders() -> None:
    """A return that nobody asked for owes nothing."""
    refused(owing(), "unknown_return", "RecordCustomerPayment", paying(1, rma_id=UUID(int=9)))
    refused(owing(), "unknown_return", "WriteOffReceivable", giving_up(1, rma_id=UUID(int=9)))


def test_money_settled_beyond_a_refund_is_owed_until_it_is_taken_back() -> None:
    """A payout that had failed and was replaced settles after all: 100 too much, then the bank takes them back."""
    shop = open_shop()
    lines = [{"line_id": "L1", "quantity": 1, "amount_minor": 100}]
    shop.send("RefundOrder", {"order_id": "O-1", "refund_request_id": "RR", "lines": lines, "reason": "x"}, at=day(2))
    [first] = shop.order().payouts.values()
    told = {"order_id": "O-1", "payout_id": str(first.payout_id)}
    shop.send("RecordPayoutOutcome", {**told, "outcome": "failed"}, actor="gateway:g", at=day(3))
    shop.send("RetryPayout", told, at=day(4))
    second = list(shop.order().payouts.values())[-1]
    settled = {"order_id": "O-1", "payout_id": str(second.payout_id), "outcome": "settled"}
    shop.send("RecordPayoutOutcome", settled, actor="gateway:g", at=day(5))
    assert open_minor(shop) == {}
    shop.send("RecordPayoutOutcome", {**told, "outcome": "settled"}, actor="gateway:g", at=day(6))
    [debt] = shop.order().receivables.values()
    assert (debt.because, debt.rma_id, debt.open_minor) == ("surplus", None, 100)
    shop.send("RecordPayoutOutcome", {**told, "outcome": "failed"}, actor="gateway:g", at=day(7))
    assert (debt.amount_minor, debt.called_off_minor, debt.open_minor) == (100, 100, 0)
