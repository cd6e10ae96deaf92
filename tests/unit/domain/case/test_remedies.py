"""A remedy is offered before an authorization; only an accepted one changes what was decided."""

from __future__ import annotations

from typing import Any
from uuid import UUID

import pytest

from domain.order import Order
from domain.policy.return_policy import ReturnPolicy
from domain.rma import Rma
from infra.envelope.codec import Codec
from tests.support.refusals import refused, states, unit_statuses
from tests.support.shop import Shop, names
from tests.support.stories import POLICY, day, inspect, on_return, open_shop, receive, request

HINTS: dict[str, Any] = {"kind": "troubleshooting", "instructions": "Hold the button for ten seconds."}
SHARE: dict[str, Any] = {"kind": "partial_refund", "share_bps": 2_500}
BONUS: dict[str, Any] = {"kind": "exchange_bonus", "bonus_minor": 500}
CUSTOMER = "customer:C-1"
AGREED = ["RemedyAccepted", "Authorized", "KeptByCustomer", "ResolutionDecided"]


def offering(remedy: dict[str, Any], **asked: Any) -> Shop:
    """Return a shop in which a remedy is offered for units of line 1."""
    shop = open_shop({**POLICY, "rules": [{"name": "avoid", "when": {"all": []}, "then": {"remedy": remedy}}]})
    request(shop, {"line_id": "L1", "quantity": 1, "reason": "too_small", "wish": "refund", **asked})
    return shop


def answer(shop: Shop, accepted: bool, on: int = 4) -> list[str]:
    return names(shop.send("AnswerRemedy", on_return(line=1, accepted=accepted), actor=CUSTOMER, at=day(on)))


def rma_of(shop: Shop) -> Rma:
    return shop.rma()


def test_an_offer_comes_before_the_authorization() -> None:
    """Nothing is authorized while the customer may still take the offer, and a deadline runs for the answer."""
    shop = offering(HINTS)
    rma = rma_of(shop)
    assert rma.status == "requested"
    assert [deadline.kind for deadline in rma.deadlines.values()] == ["remedy"]
    assert unit_statuses(shop, "L1") == [(1, "in_return"), (2, "free")]


def test_troubleshooting_that_helps_ends_the_return() -> None:
    """Accepted: the units leave the return and may be asked for again."""
    shop = offering(HINTS)
    assert answer(shop, True) == ["RemedyAccepted", "Withdrawn", "UnitsFreed", "DeadlinesMoved"]
    assert rma_of(shop).status == "withdrawn"
    assert unit_statuses(shop, "L1") == [(3, "free")]


def test_a_partial_refund_leaves_the_goods_with_the_customer() -> None:
    """Accepted: the share of what was paid goes back, without fees, and the units count as returned."""
    shop = offering(SHARE)
    line = rma_of(shop).lines[1]
    paid = sum(line.asked.paid_of(run) for run in line.asked.runs)
    told = answer(shop, True)
    assert [name for name in told if name in AGREED] == AGREED
    rma = rma_of(shop)
    assert rma.refund_minor == round(paid / 4)
    assert [state.logistics for _, state in rma.units()] == ["kept"]
    assert unit_statuses(shop, "L1") == [(1, "returned"), (2, "free")]


def test_a_bonus_comes_with_the_exchange() -> None:
    """Accepted: the wish becomes an exchange, and the credit is given when it happens, not before."""
    shop = offering(BONUS)
    assert answer(shop, True) == ["RemedyAccepted", "Authorized", "DeadlinesMoved"]
    assert rma_of(shop).lines[1].asked.wish == "exchange"
    receive(shop, (1, 1))
    assert not [fact for fact in shop.history if isinstance(fact, Order.GoodwillGranted)]
    inspect(shop, 1, 1)
    (bonus,) = [fact for fact in shop.history if isinstance(fact, Order.GoodwillGranted)]
    assert (bonus.amount_minor, bonus.line, bonus.reason) == (500, 1, "exchange_bonus")


@pytest.mark.parametrize("remedy", [HINTS, SHARE, BONUS])
def test_a_declined_offer_changes_nothing(remedy: dict[str, Any]) -> None:
    """Declined: the stored decision is carried out as if nothing had been offered; it is answered once."""
    shop = offering(remedy)
    assert answer(shop, False) == ["RemedyDeclined", "Authorized", "DeadlinesMoved"]
    assert rma_of(shop).lines[1].asked.wish == "refund"
    refused(shop, "wrong_state", "AnswerRemedy", on_return(line=1, accepted=True), actor=CUSTOMER)


def test_an_offer_lapses() -> None:
    """Nobody answers: after its days the decision is carried out, by the deadline."""
    shop = offering(SHARE)
    (deadline,) = rma_of(shop).deadlines.values()
    passed = shop.send(
        "PassDeadline", on_return(deadline_id=str(deadline.deadline_id)), actor="clock:deadlines", at=day(30)
    )
    assert names(passed) == ["DeadlinePassed", "RemedyLapsed", "Authorized", "DeadlinesMoved"]
    refused(shop, "wrong_state", "AnswerRemedy", on_return(line=1, accepted=True), actor=CUSTOMER)


def test_units_that_left_meanwhile_are_not_authorized_by_the_answer() -> None:
    """One of two is withdrawn while the offer stands: turning it down authorizes the other alone."""
    shop = offering(SHARE, quantity=2)
    shop.send("WithdrawReturn", on_return(lines=[{"line": 1, "quantity": 1}]), actor=CUSTOMER, at=day(4))
    answer(shop, False, on=5)
    assert sorted(states(shop, "authorization")) == [(1, "authorized"), (1, "withdrawn")]


def test_what_is_not_offered_cannot_be_answered() -> None:
    """An answer needs an offer, on a line that there is."""
    shop = open_shop()
    request(shop, {"line_id": "L1", "quantity": 1, "reason": "too_small", "wish": "refund"})
    refused(shop, "wrong_state", "AnswerRemedy", on_return(line=1, accepted=True), actor=CUSTOMER)
    refused(shop, "unknown_line", "AnswerRemedy", on_return(line=9, accepted=True), actor=CUSTOMER)


def test_a_denial_is_not_sweetened() -> None:
    """Only what would be authorized is avoided: a denied line gets no offer."""
    rules = [
        {"name": "avoid", "when": {"all": []}, "then": {"remedy": SHARE, "decide": "deny", "code": "no"}},
    ]
    shop = open_shop({**POLICY, "rules": rules})
    request(shop, {"line_id": "L1", "quantity": 1, "reason": "too_small", "wish": "refund"})
    assert rma_of(shop).status == "denied"


def test_a_corrected_request_is_not_offered_twice() -> None:
    """Who puts the request right instead of answering has answered: the line is decided."""
    shop = offering(SHARE)
    corrected = on_return(line=1, wish="store_credit")
    told = shop.send("CorrectRequest", corrected, actor=CUSTOMER, at=day(4))
    assert names(told) == ["RequestCorrected", "Authorized", "DeadlinesMoved"]
    refused(shop, "wrong_state", "AnswerRemedy", on_return(line=1, accepted=True), actor=CUSTOMER)


def test_goods_on_their_way_cannot_stay() -> None:
    """Once the goods have left, an offer to keep them cannot be taken; it can still be turned down."""
    shop = offering(SHARE)
    receive(shop, (1, 1), on=4)
    refused(shop, "already_shipped", "AnswerRemedy", on_return(line=1, accepted=True), actor=CUSTOMER)
    assert "Authorized" in answer(shop, False, on=5)


@pytest.mark.parametrize("remedy", [HINTS, SHARE, BONUS])
@pytest.mark.parametrize("accepted", [True, False])
def test_offers_and_answers_are_read_back_as_they_were(remedy: dict[str, Any], accepted: bool) -> None:
    """The new events survive their stored form, and replaying them gives the same return."""
    shop = offering(remedy)
    answer(shop, accepted)
    codec = Codec([Order, Rma, ReturnPolicy])
    read = [
        codec.decode(type(fact).TOPIC, fact.originator_id, fact.originator_version, fact.timestamp, codec.encode(fact))  # type: ignore[attr-defined]
        for fact in shop.history
    ]
    assert read == shop.history
    replayed = None
    for fact in read:
        if fact.originator_id == rma_of(shop).id:
            replayed = fact.mutate(replayed)
    assert replayed is not None
    replayed.share_uncommitted(shop.history)
    assert replayed.__dict__ == rma_of(shop).__dict__


def test_a_share_is_no_more_than_what_is_left_of_the_price() -> None:
    """Refunded at the first scan and never arrived, the units are asked for again: nothing is left to share."""
    remedy = {"kind": "partial_refund", "share_bps": 2_000}
    rule = {"name": "share", "when": {"fact": "reason", "is": "better_price"}, "then": {"remedy": remedy}}
    shop = open_shop({"window": {"days": 30}, "refund_due": "first_scan", "rules": [rule]})
    request(shop, {"line_id": "L1", "quantity": 3})
    receive(shop)
    again = UUID(int=2)
    request(shop, {"line_id": "L1", "quantity": 3, "reason": "better_price"}, rma_id=again, on=7)
    shop.send("AnswerRemedy", on_return(again, line=1, accepted=True), actor="customer:C-1", at=day(8))
    assert [refund.amount_minor for refund in shop.order().refunds.values()] == [1000]
    assert states(shop, "settlement", rma_id=again) == [(3, "settled")]
