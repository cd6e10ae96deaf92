"""Store credit: issued by returns, spent by its holder, never more than there is."""

from __future__ import annotations

from typing import Any
from uuid import UUID

from domain.order.accounts import StoreCredit
from tests.support.conservation import check
from tests.support.refusals import refused, unchanged
from tests.support.shop import Shop, names
from tests.support.stories import POLICY, day, inspect, on_return, open_shop, receive, request

OTHER = UUID("00000000-0000-4000-8000-000000000002")


def credited(**asked: Any) -> Shop:
    """Return a shop in which one unit of L2 (250 cents) was given back as store credit."""
    shop = open_shop()
    request(shop, {"line_id": "L2", "quantity": 1, "wish": "store_credit"}, **asked)
    receive(shop, (1, 1))
    inspect(shop, 1, 1)
    return shop


def credit_of(shop: Shop, number: int = 0) -> tuple[UUID, StoreCredit]:
    return list(shop.order().store_credit.items())[number]


def spending(shop: Shop, amount_minor: int, spend_id: str = "P-1") -> dict[str, Any]:
    credit_id, _ = credit_of(shop)
    return on_return(credit_id=str(credit_id), spend_id=spend_id, amount_minor=amount_minor, spent_on="O-2")


def holder(shop: Shop) -> str | None:
    [payout] = shop.order().payouts.values()
    return payout.holder_id


def test_what_is_issued_can_be_spent_down_to_nothing_and_no_further() -> None:
    """Capped by what is left, whichever orders it pays; the refusal says how much that is, and records nothing."""
    shop = credited()
    assert names(shop.send("SpendStoreCredit", spending(shop, 200))) == ["StoreCreditSpent"]
    more = spending(shop, 51, "P-2")
    refused(shop, "amount_exceeds_entitlement", "SpendStoreCredit", more, asked=51, available=50)
    shop.send("SpendStoreCredit", spending(shop, 50, "P-3"))
    assert credit_of(shop)[1].balance_minor == 0


def test_the_same_spending_told_again_is_no_second_one() -> None:
    """A repeat is accepted without events; another amount under the same name is refused."""
    shop = credited()
    shop.send("SpendStoreCredit", spending(shop, 100))
    unchanged(shop, "SpendStoreCredit", spending(shop, 100))
    refused(shop, "spend_id_reused", "SpendStoreCredit", spending(shop, 101), spend_id="P-1")
    assert credit_of(shop)[1].balance_minor == 150


def test_only_credit_that_was_given_can_be_spent() -> None:
    """An id that stands for no store credit is refused, a refund to a card's among them."""
    shop = credited()
    told = {**spending(shop, 1), "credit_id": str(UUID(int=9))}
    refused(shop, "unknown_store_credit", "SpendStoreCredit", told, credit_id=str(UUID(int=9)))


def test_credit_is_spent_under_the_return_that_gave_it() -> None:
    """Another return of the same order gave none of it: its timeline would tell of money it never moved."""
    shop = credited()
    request(shop, {"line_id": "L2", "quantity": 1}, rma_id=OTHER, on=9)
    credit_id, _ = credit_of(shop)
    told = {**spending(shop, 100), "rma_id": str(OTHER)}
    refused(shop, "unknown_store_credit", "SpendStoreCredit", told, credit_id=str(credit_id))
    assert names(shop.send("SpendStoreCredit", spending(shop, 100))) == ["StoreCreditSpent"]


def test_a_gift_is_credited_to_who_asks_for_it() -> None:
    """To the recipient by name; to the bearer of the return's number where none is named; never to the giver."""
    assert holder(credited()) == "C-1"
    assert holder(credited(gift=True, recipient_id="C-9")) == "C-9"
    bearer = credited(gift=True)
    assert holder(bearer) == bearer.rma().rma_number


def test_goodwill_is_spendable_too() -> None:
    """Each grant is a store credit of its own."""
    shop = credited()
    for _ in range(2):
        shop.send("GrantGoodwill", on_return(amount_minor=40, reason="late"), at=day(9))
    assert [credit.balance_minor for credit in shop.order().store_credit.values()] == [250, 40, 40]


def test_credit_that_was_taken_back_is_owed_where_it_was_spent() -> None:
    """A payout reported failed after all: what was spent is below zero, nothing more can be; a retry issues anew."""
    shop = credited()
    shop.send("SpendStoreCredit", spending(shop, 200))
    [payout] = shop.order().payouts.values()
    told = on_return(payout_id=str(payout.payout_id))
    shop.send("RecordPayoutOutcome", {**told, "outcome": "failed"}, actor="gateway:g", at=day(9))
    assert credit_of(shop)[1].balance_minor == -200
    more = spending(shop, 1, "P-2")
    refused(shop, "amount_exceeds_entitlement", "SpendStoreCredit", more, asked=1, available=0)

    assert names(shop.send("RetryPayout", told, at=day(10)))[:2] == ["PayoutRetried", "PayoutSettled"]
    assert [credit.balance_minor for credit in shop.order().store_credit.values()] == [-200, 250]


def decided_together(*wishes: str) -> Shop:
    """Return a shop in which one command let two lines go back, as they were wished for."""
    rules = [
        {"name": "look", "when": {"fact": "quantity", "at_least": 1}, "then": {"decide": "review", "code": "look"}}
    ]
    shop = open_shop({**POLICY, "refund_due": "approval", "rules": rules})
    request(shop, *({"line_id": f"L{n}", "quantity": 1, "wish": wish} for n, wish in enumerate(wishes, start=1)))
    lines = [{"line": n, "quantity": 1, "decision": "approve"} for n in (1, 2)]
    shop.send("DecideRequest", on_return(lines=lines), at=day(4))
    check(shop)
    return shop


def test_lines_that_are_decided_together_give_one_store_credit() -> None:
    """Two refunds, one credit of 3.33 and 2.50, spent as one."""
    shop = decided_together("store_credit", "store_credit")
    [(credit_id, credit)] = shop.order().store_credit.items()

    assert (credit.issued_minor, len(shop.order().refunds)) == (333 + 250, 2)
    spent = on_return(credit_id=str(credit_id), spend_id="S-1", amount_minor=500)
    shop.send("SpendStoreCredit", spent, actor="system:shop", at=day(5))
    assert credit.balance_minor == 83
    check(shop)


def test_a_line_that_is_paid_out_gives_none() -> None:
    """Only what was wished for as store credit is in it."""
    [credit] = decided_together("refund", "store_credit").order().store_credit.values()

    assert credit.issued_minor == 250


def test_a_later_command_gives_another_store_credit() -> None:
    """What was issued once is not added to later: who holds it has seen its amount."""
    shop = open_shop({**POLICY, "refund_due": "approval"})
    for number, line_id in enumerate(("L1", "L2"), start=1):
        request(shop, {"line_id": line_id, "quantity": 1, "wish": "store_credit"}, rma_id=UUID(int=number))

    assert sorted(credit.issued_minor for credit in shop.order().store_credit.values()) == [250, 333]


def test_a_part_that_is_taken_back_leaves_the_rest() -> None:
    """One of the two payouts is reported failed: the credit holds what the other gave."""
    shop = decided_together("store_credit", "store_credit")
    _, second = shop.order().payouts.values()
    told = on_return(payout_id=str(second.payout_id), outcome="failed")
    shop.send("RecordPayoutOutcome", told, actor="gateway:g", at=day(5))
    [credit] = shop.order().store_credit.values()

    assert credit.issued_minor == 333
    check(shop)
