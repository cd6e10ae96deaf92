"""Refunds to the tenders, payouts and what gateways say of them, fees, goodwill and claims."""

from __future__ import annotations

from itertools import permutations
from typing import Any
from uuid import UUID

import pytest

from domain.ledger import balance
from domain.order.payout import Payout
from domain.settlement.payouts import refund_status
from tests.support.refusals import refused, states, unchanged
from tests.support.shop import Shop, names
from tests.support.stories import POLICY, day, inspect, on_return, open_shop, receive, request, settle_all

FEES: dict[str, Any] = {
    **POLICY,
    "method": "label",
    "fees": {"restocking_bps": 1000, "return_shipping_minor": 100, "waived_for": ["defective"]},
}


def paid_back(*lines: dict[str, Any], policy: dict[str, Any] | None = None, **found: Any) -> Shop:
    """Return a shop in which everything asked for has come in and was inspected, each line on its own."""
    shop = open_shop(policy)
    request(shop, *lines)
    receive(shop, *((number, line["quantity"]) for number, line in enumerate(lines, start=1)))
    for number, line in enumerate(lines, start=1):
        inspect(shop, number, line["quantity"], f"I-{number}", **found)
    return shop


def refunded(shop: Shop) -> list[int]:
    return [refund.amount_minor for refund in shop.order().refunds.values()]


def payouts(shop: Shop) -> list[Payout]:
    return list(shop.order().payouts.values())


def balances(shop: Shop) -> dict[str, int]:
    """Return every account's balance over the whole history, those of zero left out."""
    postings = [posting for fact in shop.history for posting in getattr(fact, "postings", ())]
    accounts = {posting.account for posting in postings}
    found = {account: balance(postings, account) for account in accounts}
    return {account: amount for account, amount in found.items() if amount}


def outcome(payout: Payout, word: str, **more: Any) -> dict[str, Any]:
    return on_return(payout.rma_id, payout_id=str(payout.payout_id), outcome=word, **more)


def tell(shop: Shop, payout: Payout, *words: str) -> None:
    for word in words:
        shop.send("RecordPayoutOutcome", outcome(payout, word), actor="gateway:g", at=day(9))


# tenders


def test_money_goes_back_to_the_tenders_in_their_order() -> None:
    """Each up to what it paid and has not got back; the first partial refund fills the first tender."""
    shop = paid_back({"line_id": "L1", "quantity": 1}, {"line_id": "L1", "quantity": 2, "reason": "fit"})
    assert [(p.tender_id, p.amount_minor) for p in payouts(shop)] == [("T1", 333), ("T1", 67), ("T2", 600)]
    assert len({payout.idempotency_key for payout in payouts(shop)}) == 3
    assert all(payout.status == "requested" for payout in payouts(shop))


def test_a_retry_to_another_tender_leaves_room_at_the_first() -> None:
    """Every cent of the order finds a tender, and none takes more than it paid."""
    shop = paid_back({"line_id": "L2", "quantity": 1})
    (first,) = payouts(shop)
    tell(shop, first, "failed")
    shop.send("RetryPayout", on_return(payout_id=str(first.payout_id), tender_id="T2"))
    request(shop, {"line_id": "L1", "quantity": 3}, {"line_id": "L2", "quantity": 1}, rma_id=UUID(int=2))
    receive(shop, (1, 3), (2, 1), rma_id=UUID(int=2))
    inspect(shop, 1, 3, "I-1", rma_id=UUID(int=2))
    inspect(shop, 2, 1, "I-2", rma_id=UUID(int=2))
    assert sum(refunded(shop)) == 1500
    per_tender = {
        t: sum(p.amount_minor for p in payouts(shop) if p.tender_id == t and not p.retried) for t in ("T1", "T2")
    }
    assert per_tender == {"T1": 400, "T2": 1100}


# payouts


def test_a_refund_and_its_settlement_in_the_books() -> None:
    """Requested: sales returns against refunds owed; settled: refunds owed against the tender's clearing account."""
    shop = paid_back({"line_id": "L1", "quantity": 3})
    assert balances(shop) == {"sales_returns": 1000, "refunds_owed": -1000}
    settle_all(shop)
    assert balances(shop) == {"sales_returns": 1000, "clearing:gift_card": -400, "clearing:card": -600}
    assert states(shop, "settlement") == [(3, "settled")]


def test_an_outcome_is_recorded_once_and_only_for_what_was_asked() -> None:
    """The same outcome again is a repeat; another payout, sum or currency is refused with the figures."""
    shop = paid_back({"line_id": "L2", "quantity": 1})
    (payout,) = payouts(shop)
    told = outcome(payout, "settled", reference="gw-1", amount_minor=250, currency="EUR")
    refused(shop, "not_permitted", "RecordPayoutOutcome", told)
    who = {"actor": "gateway:g"}
    refused(shop, "amount_differs", "RecordPayoutOutcome", {**told, "amount_minor": 249}, **who, expected=250)  # type: ignore[arg-type]
    refused(shop, "currency_differs", "RecordPayoutOutcome", {**told, "currency": "USD"}, **who, expected="EUR")  # type: ignore[arg-type]
    refused(shop, "unknown_payout", "RecordPayoutOutcome", {**told, "payout_id": str(UUID(int=5))}, **who)  # type: ignore[arg-type]

    facts = shop.send("RecordPayoutOutcome", told, actor="gateway:g", at=day(9))
    assert names(facts) == ["PayoutSettled", "SettlementMoved", "DeadlinesMoved"]
    unchanged(shop, "RecordPayoutOutcome", told, actor="gateway:g", at=day(10))


def test_a_payout_belongs_to_its_return() -> None:
    """An outcome under another return of the same order is refused."""
    shop = paid_back({"line_id": "L2", "quantity": 1})
    request(shop, {"line_id": "L1", "quantity": 1}, rma_id=UUID(int=2))
    told = {**outcome(payouts(shop)[0], "settled"), "rma_id": str(UUID(int=2))}
    refused(shop, "unknown_payout", "RecordPayoutOutcome", told, actor="gateway:g")


@pytest.mark.parametrize("words", [*permutations(["settled", "failed", "unknown"]), ("settled", "failed", "settled")])
def test_outcomes_in_every_order_leave_the_books_with_the_last(words: tuple[str, ...]) -> None:
    """Each other outcome than the last is a fact; what is owed is always what has not settled."""
    shop = paid_back({"line_id": "L2", "quantity": 1})
    (payout,) = payouts(shop)
    for word in words:
        tell(shop, payout, word)
        assert balances(shop).get("refunds_owed", 0) == (0 if word == "settled" else -250)
        assert states(shop, "settlement") == [(1, word)]
    assert [p.status for p in payouts(shop)] == [words[-1]]


def test_a_settled_payout_that_fails_later_is_owed_again() -> None:
    """The return that was resolved has its money open again."""
    shop = paid_back({"line_id": "L2", "quantity": 1})
    tell(shop, payouts(shop)[0], "settled")
    assert shop.rma().status == "resolved"
    tell(shop, payouts(shop)[0], "failed")
    assert shop.rma().status == "inspected"


def test_a_failed_payout_is_retried_once_under_a_key_of_its_own() -> None:
    """The same amount, to the same tender or another with room; then the old one no longer counts."""
    shop = paid_back({"line_id": "L2", "quantity": 1})
    (old,) = payouts(shop)
    again = on_return(payout_id=str(old.payout_id))
    refused(shop, "wrong_state", "RetryPayout", again, status="requested")
    tell(shop, old, "unknown")
    refused(shop, "wrong_state", "RetryPayout", again, status="unknown")
    tell(shop, old, "failed")
    refused(shop, "unknown_tender", "RetryPayout", {**again, "tender_id": "T9"}, tender_id="T9")
    refused(shop, "unknown_payout", "RetryPayout", on_return(payout_id=str(UUID(int=5))))

    facts = shop.send("RetryPayout", again, at=day(9))

    assert names(facts) == ["PayoutRetried", "SettlementMoved"]
    new = payouts(shop)[-1]
    assert (new.tender_id, new.amount_minor, new.status) == (old.tender_id, old.amount_minor, "requested")
    assert new.idempotency_key != old.idempotency_key
    assert states(shop, "settlement") == [(1, "pending")]
    refused(shop, "wrong_state", "RetryPayout", again, retried=True)
    tell(shop, new, "settled")
    assert states(shop, "settlement") == [(1, "settled")]


def test_a_retry_needs_room_at_its_tender() -> None:
    """Another tender takes a failed payout only up to what it paid and has not got back."""
    shop = paid_back({"line_id": "L1", "quantity": 3})
    _, card = payouts(shop)
    tell(shop, card, "failed")
    told = on_return(payout_id=str(card.payout_id), tender_id="T1")
    refused(shop, "amount_exceeds_entitlement", "RetryPayout", told, asked=600, available=0, tender_id="T1")


def test_a_payout_that_settles_after_its_successor_stands_in_the_receivable() -> None:
    """Paid twice by the gateway: nothing more is owed, and the overpayment is the customer's to give back."""
    shop = paid_back({"line_id": "L2", "quantity": 1})
    (old,) = payouts(shop)
    tell(shop, old, "failed")
    shop.send("RetryPayout", on_return(payout_id=str(old.payout_id)))
    tell(shop, payouts(shop)[-1], "settled")
    tell(shop, old, "settled")
    assert balances(shop) == {"sales_returns": 250, "customer_receivable": 250, "clearing:gift_card": -500}
    tell(shop, old, "failed")
    assert balances(shop) == {"sales_returns": 250, "clearing:gift_card": -250}


@pytest.mark.parametrize(
    ("statuses", "status"),
    [
        (["settled", "unknown", "requested", "failed"], "unknown"),
        (["settled", "requested", "failed"], "requested"),
        (["settled", "failed"], "failed"),
        (["settled", "settled"], "settled"),
        ([], "settled"),
    ],
)
def test_a_refund_is_as_far_as_its_worst_payout(statuses: list[str], status: str) -> None:
    """Unknown before requested before failed before settled; payouts that were retried do not count."""
    shop = paid_back({"line_id": "L2", "quantity": 1})
    made = [Payout(**{**_fields(payouts(shop)[0]), "status": word}) for word in statuses]
    retried = Payout(**{**_fields(payouts(shop)[0]), "status": "unknown", "retried": True})
    assert refund_status([*made, retried]) == status


def _fields(payout: Payout) -> dict[str, Any]:
    return {name: getattr(payout, name) for name in Payout.__dataclass_fields__}


# fees


def test_fees_are_taken_from_the_first_refunds() -> None:
    """Restocking in basis points of goods and tax, return shipping once for the whole return."""
    shop = paid_back({"line_id": "L1", "quantity": 3}, {"line_id": "L2", "quantity": 2}, policy=FEES)
    assert refunded(shop) == [1000 - 100 - 100, 500 - 50]
    assert balances(shop) == {"sales_returns": 1500, "refunds_owed": -1250, "fee_income": -250}


def test_parts_of_a_line_bear_in_sum_the_fee_of_the_whole() -> None:
    """Rounded once over all cents so far, half to even; however the units are split."""
    fees = {"restocking_bps": 1250}
    shop = open_shop({**POLICY, "fees": fees})
    request(shop, {"line_id": "L1", "quantity": 3})
    receive(shop, (1, 3))
    for index in range(3):
        inspect(shop, 1, 1, f"I-{index}")
    taken = [fact.restocking_minor for fact in shop.history if type(fact).__name__ == "RefundRequested"]  # type: ignore[attr-defined]
    assert sum(taken) == 125
    assert taken == [42, 41, 42]  # 41.625 is 42, 83.25 is 83, 125


def test_return_shipping_never_takes_more_than_there_is() -> None:
    """What the first refund can't bear is taken from the next ones, and no refund falls below zero."""
    fees = {"return_shipping_minor": 400}
    shop = open_shop({**POLICY, "method": "label", "fees": fees})
    request(shop, {"line_id": "L1", "quantity": 1}, {"line_id": "L2", "quantity": 2})
    receive(shop, (1, 1), (2, 2))
    inspect(shop, 1, 1)
    inspect(shop, 2, 2, "I-2")
    assert refunded(shop) == [0, 500 - 67]


@pytest.mark.parametrize("method", ["own_carrier", "drop_off", "store"])
def test_return_shipping_is_charged_with_a_label_only(method: str) -> None:
    """Whoever sends the goods alone pays the carrier alone."""
    shop = paid_back({"line_id": "L2", "quantity": 2}, policy={**FEES, "method": method})
    assert refunded(shop) == [450]


def test_a_line_without_a_label_gives_no_shipping_back() -> None:
    """Return shipping taken from one line stays where another line's terms know none: only a waiver gives it back."""
    rule = {"name": "socks", "when": {"fact": "sku", "is": "SOCK"}, "then": {"method": "own_carrier"}}
    shop = paid_back(
        {"line_id": "L1", "quantity": 3}, {"line_id": "L2", "quantity": 2}, policy={**FEES, "rules": [rule]}
    )
    assert refunded(shop) == [800, 450]


@pytest.mark.parametrize(
    ("reason", "cause", "liable", "waived"),
    [
        ("too_small", "none_found", "none", False),
        ("too_small", "manufacturing", "supplier", True),
        ("too_small", "carrier_damage", "carrier", True),
        ("defective", "none_found", "none", True),
        ("defective", "unknown", "unknown", True),
        ("defective", "wear", "customer", False),
        ("too_small", "unknown", "unknown", False),
    ],
)
def test_fees_are_waived_by_who_is_liable_or_by_the_claim(reason: str, cause: str, liable: str, waived: bool) -> None:
    """By the confirmed liable party; where none was found, by a claimed reason that the policy excuses."""
    shop = paid_back({"line_id": "L1", "quantity": 3, "reason": reason}, policy=FEES, cause=cause, liable_party=liable)
    assert refunded(shop) == [1000 if waived else 800]


def test_a_waived_line_waives_return_shipping_and_gives_back_what_was_taken() -> None:
    """The second line's waiver gives back the shipping that the first had borne, as a refund for the first."""
    shop = open_shop(FEES)
    request(shop, {"line_id": "L1", "quantity": 3}, {"line_id": "L2", "quantity": 2, "reason": "defective"})
    receive(shop, (1, 3), (2, 2))
    inspect(shop, 1, 3)
    inspect(shop, 2, 2, "I-2")
    assert refunded(shop) == [800, 500, 100]
    assert [refund.credits[0].line for refund in shop.order().refunds.values()] == [1, 2, 1]


def test_an_agents_amount_bears_no_fees() -> None:
    """What an agent names is what the customer gets."""
    shop = paid_back({"line_id": "L1", "quantity": 3}, policy=FEES, grade="D", liable_party="customer")
    shop.send("DecideResolution", on_return(line=1, quantity=3, resolution="refund", amount_minor=700))
    assert refunded(shop) == [700]


def test_an_inspection_superseded_after_a_fee_was_charged_gives_it_back() -> None:
    """In a refund of its own, with the return shipping; and only once."""
    shop = paid_back({"line_id": "L1", "quantity": 3}, policy=FEES)
    assert refunded(shop) == [800]
    inspect(shop, 1, 3, "I-2", supersedes="I-1", grade="D", cause="manufacturing", liable_party="supplier")
    inspect(shop, 1, 3, "I-3", supersedes="I-2", grade="D", cause="design", liable_party="supplier")
    assert refunded(shop) == [800, 200]
    assert balances(shop) == {"sales_returns": 1000, "refunds_owed": -1000}


def test_only_the_units_whose_ground_went_get_their_fee_back() -> None:
    """A supersession of one unit of three gives back its share; the fee of the other two stays, rounded once."""
    policy = {**POLICY, "fees": {"restocking_bps": 1000}}
    shop = paid_back({"line_id": "L1", "quantity": 3}, policy=policy)
    inspect(shop, 1, 1, "I-2", supersedes="I-1", cause="manufacturing", liable_party="supplier")
    assert refunded(shop) == [900, 33]  # 67 stays: a tenth of 667, rounded
    inspect(shop, 1, 2, "I-3", supersedes="I-1", cause="manufacturing", liable_party="supplier")
    assert sum(refunded(shop)) == 1000
    assert balances(shop).get("fee_income", 0) == 0


def test_a_fee_of_an_early_refund_is_given_back_by_the_inspection() -> None:
    """Paid at the first scan on the claim, corrected by what the bench found."""
    shop = open_shop({**FEES, "refund_due": "first_scan"})
    request(shop, {"line_id": "L1", "quantity": 3})
    receive(shop, (1, 3))
    assert refunded(shop) == [800]
    inspect(shop, 1, 3, grade="E", cause="carrier_damage", liable_party="carrier")
    assert refunded(shop) == [800, 200]


def test_a_fee_given_back_while_its_refund_is_open_does_not_hide_it() -> None:
    """The unit stands at the worst of all its refunds."""
    shop = paid_back({"line_id": "L2", "quantity": 2}, policy=FEES)
    first = payouts(shop)[0]
    tell(shop, first, "failed")
    inspect(shop, 1, 2, "I-2", supersedes="I-1", cause="manufacturing", liable_party="supplier")
    assert states(shop, "settlement") == [(2, "pending")]
    settle_all(shop)
    assert states(shop, "settlement") == [(2, "failed")]


def test_a_fee_given_back_for_one_unit_leaves_the_others_settled() -> None:
    """Refunded together at the first scan, inspected apart: each unit stands at the worst of its own refunds."""
    shop = open_shop({**FEES, "refund_due": "first_scan"})
    request(shop, {"line_id": "L1", "quantity": 3})
    receive(shop, (1, 3))
    inspect(shop, 1, 1, grade="E", cause="carrier_damage", liable_party="carrier")
    tell(shop, payouts(shop)[0], "settled")
    tell(shop, payouts(shop)[1], "settled")
    assert states(shop, "settlement") == [(1, "pending"), (2, "settled")]


# goodwill and claims


def test_goodwill_is_store_credit_beyond_the_entitlement() -> None:
    """A posting of its own, that leaves what is owed as it is; an unknown line is refused."""
    shop = paid_back({"line_id": "L2", "quantity": 2})
    told = on_return(amount_minor=5_000, reason="sorry", line=1)
    assert names(shop.send("GrantGoodwill", told, at=day(9))) == ["GoodwillGranted"]
    assert balances(shop) == {
        "sales_returns": 500, "refunds_owed": -500, "goodwill": 5_000, "store_credit_liability": -5_000,
    }  # fmt: skip
    assert refunded(shop) == [500]
    refused(shop, "unknown_line", "GrantGoodwill", {**told, "line": 2}, line=2)


def test_a_claim_stands_in_the_receivable() -> None:
    """Money asked back is a fact of its own, and never touches the refund."""
    shop = paid_back({"line_id": "L2", "quantity": 2})
    told = on_return(amount_minor=120, reason="wear")
    assert names(shop.send("ClaimFromCustomer", told, at=day(9))) == ["ClaimRaised"]
    assert balances(shop) == {"sales_returns": 380, "refunds_owed": -500, "customer_receivable": 120}
    refused(shop, "unknown_line", "ClaimFromCustomer", {**told, "line": 2}, line=2)
