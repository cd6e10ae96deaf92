"""From the customer's request to the decision, and its revisions."""

from __future__ import annotations

from typing import Any
from uuid import UUID

import pytest

from tests.support.refusals import refused, states, unchanged, unit_statuses
from tests.support.shop import Shop, names
from tests.support.stories import ORDER, POLICY, day, on_return, open_shop, receive, request

OTHER = UUID(int=2)
REVIEW = {**POLICY, "rules": [
    {"name": "look", "when": {"fact": "reason", "is": "other"}, "then": {"decide": "review", "code": "look"}},
    {"name": "never", "when": {"fact": "reason", "is": "gift"}, "then": {"decide": "deny", "code": "no_gifts"}},
]}  # fmt: skip


def wanted(line_id: str = "L1", quantity: int = 1, **more: Any) -> dict[str, Any]:
    return {"line_id": line_id, "quantity": quantity, "reason": "too_small", "wish": "refund", **more}


def decision(word: str, line: int = 1, quantity: int = 1, **more: Any) -> dict[str, Any]:
    return {"line": line, "quantity": quantity, "decision": word, **more}


def override(*lines: dict[str, Any], **more: Any) -> dict[str, Any]:
    return on_return(lines=list(lines), approved_by="boss", reason="kindness", **more)


def reviewed(quantity: int = 3) -> Shop:
    """Return a shop in which units of line 1 wait for a person."""
    shop = open_shop(REVIEW)
    request(shop, wanted(quantity=quantity, reason="other"))
    return shop


def denied(quantity: int = 2) -> Shop:
    """Return a shop in which units of line 1 are denied by policy."""
    shop = open_shop(REVIEW)
    request(shop, wanted(quantity=quantity, reason="gift"))
    return shop


# requests


def test_a_request_is_made_once() -> None:
    """The same request again is no second one; another under the same rma_id is refused."""
    shop = open_shop()
    asked = on_return(lines=[wanted(quantity=2)])
    assert names(shop.send("RequestReturn", asked, actor="customer:C-1", at=day(3))) == [
        "Requested", "UnitsTaken", "Authorized", "DeadlinesMoved",
    ]  # fmt: skip
    unchanged(shop, "RequestReturn", asked, at=day(4))
    refused(shop, "return_exists", "RequestReturn", on_return(lines=[wanted(quantity=1)]))
    assert unit_statuses(shop, "L1") == [(2, "in_return"), (1, "free")]


@pytest.mark.parametrize(
    ("lines", "code", "details"),
    [
        ([wanted(quantity=4)], "units_not_available", {"line_id": "L1", "asked": 4, "available": 3}),
        ([wanted(quantity=2), wanted(quantity=2, reason="fit")], "units_not_available", {"asked": 2, "available": 1}),
        ([wanted("L9")], "unknown_line", {"line_id": "L9"}),
        (
            [wanted(wish="exchange", exchange_for={"sku": "N", "quantity": 2, "amount_minor": 1})],
            "quantity_exceeded",
            {"asked": 2, "available": 1},
        ),
        ([wanted(exchange_for={"sku": "N", "quantity": 1, "amount_minor": 1})], "wrong_state", {"wish": "refund"}),
    ],
)
def test_a_request_for_what_is_not_there_is_refused(
    lines: list[dict[str, Any]], code: str, details: dict[str, Any]
) -> None:
    """More than is free, over all lines of the request, or of no such line: refused whole, with figures."""
    refused(open_shop(), code, "RequestReturn", on_return(lines=lines), at=day(3), **details)


def test_a_request_needs_its_order_and_lines_for_its_evidence() -> None:
    """An unknown order, evidence on a line that is not asked for, and one id for two things are refused."""
    shop = open_shop()
    photo = {"evidence_id": "E", "kind": "photo", "uri": "https://example.org/1"}
    refused(shop, "unknown_order", "RequestReturn", on_return(order_id="O-9", lines=[wanted()]))
    refused(shop, "unknown_line", "RequestReturn", on_return(lines=[wanted()], evidence=[{**photo, "line": 2}]))
    refused(
        shop,
        "evidence_id_reused",
        "RequestReturn",
        on_return(lines=[wanted()], evidence=[photo, {**photo, "kind": "video"}]),
    )


def test_the_same_unit_is_in_one_return_only() -> None:
    """A unit asked for from two channels at once goes to the first; the other is told what is left."""
    shop = open_shop()
    request(shop, wanted(quantity=2))
    second = on_return(OTHER, lines=[wanted(quantity=2)])
    refused(shop, "units_not_available", "RequestReturn", second, at=day(3), line_id="L1", asked=2, available=1)

    receive(shop, (1, 2))
    refused(shop, "units_not_available", "RequestReturn", second, at=day(9), available=1)


def test_units_of_one_order_line_may_come_back_for_different_reasons() -> None:
    """Two lines of a request on one order line take different units, lowest-numbered first, decided apart."""
    shop = open_shop(REVIEW)
    request(shop, wanted(quantity=1, reason="gift"), wanted(quantity=2, reason="defective"))
    assert states(shop, "authorization", line=1) == [(1, "denied")]
    assert states(shop, "authorization", line=2) == [(2, "authorized")]
    assert unit_statuses(shop, "L1") == [(1, "free"), (2, "in_return")]


def test_what_units_are_worth_comes_from_the_order() -> None:
    """A request has no field for a price: a quote is for the new article alone."""
    shop = open_shop({**POLICY, "offers": ["exchange"]})
    request(shop, wanted(wish="exchange", exchange_for={"sku": "N", "quantity": 1, "amount_minor": 999_999}))
    assert shop.rma().lines[1].asked.goods_minor == 1000


def test_an_order_that_is_not_delivered_can_be_returned() -> None:
    """While units are not delivered the window is open."""
    shop = Shop()
    shop.send("PublishPolicy", {"policy_id": "standard", "effective_from": "2020-01-01T00:00:00Z", "document": POLICY})
    shop.send("RegisterOrder", ORDER)
    request(shop, wanted(quantity=3), on=400)
    assert shop.rma().status == "authorized"


# corrections


def test_a_correction_drops_units_and_is_decided_anew() -> None:
    """Fewer units, another reason or wish: the dropped units are free, and policy decides again on its facts then."""
    shop = open_shop(REVIEW)
    request(shop, wanted(quantity=3), on=30)
    facts = shop.send("CorrectRequest", on_return(line=1, quantity=1, reason="other"), actor="customer:C-1", at=day(90))

    assert names(facts) == ["RequestCorrected", "UnitsFreed", "ReviewAsked", "DeadlinesMoved"]
    assert states(shop, "authorization") == [(1, "needs_review"), (2, "withdrawn")]
    assert unit_statuses(shop, "L1") == [(1, "in_return"), (2, "free")]


def test_a_correction_that_policy_denies_frees_the_units() -> None:
    """A corrected line may be denied; then it holds nothing."""
    shop = open_shop(REVIEW)
    request(shop, wanted(quantity=2))
    shop.send("CorrectRequest", on_return(line=1, reason="gift"), at=day(4))
    assert states(shop, "authorization") == [(2, "denied")]
    assert unit_statuses(shop, "L1") == [(3, "free")]


def test_a_correction_in_vain_is_refused() -> None:
    """More units, an unknown line, goods already sent, and a line given up can't be corrected."""
    shop = open_shop(REVIEW)
    request(shop, wanted(quantity=2), wanted("L2", reason="gift"))
    refused(shop, "quantity_exceeded", "CorrectRequest", on_return(line=1, quantity=3), asked=3, available=2)
    refused(shop, "unknown_line", "CorrectRequest", on_return(line=3, quantity=1), line=3)
    refused(shop, "wrong_state", "CorrectRequest", on_return(line=2, quantity=1), line=2)
    shop.send("RecordHandover", on_return(), at=day(4))
    refused(shop, "already_shipped", "CorrectRequest", on_return(line=1, quantity=1), line=1)


# evidence


def test_evidence_is_added_once() -> None:
    """The same item again is nothing new; another under its id, or on no line of the return, is refused."""
    shop = open_shop()
    request(shop, wanted())
    item = {"evidence_id": "E-1", "kind": "photo", "uri": "https://example.org/1", "line": 1}
    facts = shop.send("AddEvidence", on_return(evidence=[item, item]), actor="customer:C-1")

    assert names(facts) == ["EvidenceAdded"]
    assert list(shop.rma().evidence) == ["E-1"]
    unchanged(shop, "AddEvidence", on_return(evidence=[item]))
    refused(shop, "evidence_id_reused", "AddEvidence", on_return(evidence=[{**item, "kind": "video"}]))
    refused(shop, "unknown_line", "AddEvidence", on_return(evidence=[{**item, "evidence_id": "E-2", "line": 2}]))


# withdrawal


def test_a_withdrawn_return_frees_its_units_once() -> None:
    """What was asked for is free again; there is nothing left to withdraw a second time."""
    shop = open_shop(REVIEW)
    request(shop, wanted(quantity=2), wanted("L2", reason="gift"))
    facts = shop.send("WithdrawReturn", on_return(), actor="customer:C-1", at=day(4))

    assert names(facts) == ["Withdrawn", "UnitsFreed", "DeadlinesMoved"]
    assert unit_statuses(shop, "L1") == [(3, "free")]
    assert shop.rma().status == "denied"  # denied before withdrawn
    refused(shop, "wrong_state", "WithdrawReturn", on_return(), at=day(5))


def test_goods_on_their_way_cannot_be_withdrawn() -> None:
    """After hand-over it is too late, also when only a scan tells of it; so is it once money moved."""
    shop = open_shop()
    request(shop, wanted())
    scan = on_return(tracking_number="T", scan_id="S", status="accepted")
    shop.send("RecordScan", scan, actor="carrier:DHL", at=day(4))
    refused(shop, "already_shipped", "WithdrawReturn", on_return(), at=day(5))

    early = open_shop({**POLICY, "refund_due": "approval"})
    request(early, wanted())
    refused(early, "wrong_state", "WithdrawReturn", on_return(), at=day(4))


# decisions by people


def test_a_person_answers_what_policy_left_open() -> None:
    """One line may go several ways, in one command or in several; what is denied is free again."""
    shop = reviewed(3)
    lines = [decision("deny", quantity=1, code="worn"), decision("approve", quantity=1)]
    facts = shop.send("DecideRequest", on_return(lines=lines, note="looked at it"), at=day(4))

    assert names(facts) == ["ReviewDecided", "UnitsFreed", "DeadlinesMoved"]
    assert states(shop, "authorization") == [(1, "denied"), (1, "authorized"), (1, "needs_review")]
    assert unit_statuses(shop, "L1") == [(1, "free"), (2, "in_return")]
    assert shop.rma().status == "needs_review"


def test_units_that_went_elsewhere_meanwhile_cannot_be_approved() -> None:
    """The parcel came without the unit that waited, which was then asked for under another return."""
    shop = open_shop(REVIEW)
    request(shop, {"line_id": "L1", "quantity": 1, "reason": "other"})
    receive(shop)
    request(shop, {"line_id": "L1", "quantity": 3}, rma_id=OTHER, on=7)
    told = on_return(lines=[{"line": 1, "quantity": 1, "decision": "approve"}])
    refused(shop, "units_not_available", "DecideRequest", told, at=day(8), available=0)
    told["lines"][0]["decision"] = "deny"
    assert names(shop.send("DecideRequest", told, at=day(8)))[0] == "ReviewDecided"


def test_a_person_can_only_answer_a_question() -> None:
    """More units than wait are refused, and so is a line that does not wait, or is not there."""
    shop = reviewed(2)
    both = [decision("approve", quantity=2), decision("deny")]
    refused(shop, "quantity_exceeded", "DecideRequest", on_return(lines=both), asked=1, available=0)
    refused(shop, "quantity_exceeded", "DecideRequest", on_return(lines=[decision("deny", quantity=3)]), available=2)
    refused(shop, "unknown_line", "DecideRequest", on_return(lines=[decision("deny", line=2)]), line=2)
    shop.send("DecideRequest", on_return(lines=[decision("approve", quantity=2)]))
    refused(shop, "wrong_state", "DecideRequest", on_return(lines=[decision("approve")]), line=1)


def test_an_override_goes_against_what_was_decided() -> None:
    """Authorized units are denied, denied ones authorized anew; an override of an open question is refused."""
    shop = open_shop(REVIEW)
    request(shop, wanted(quantity=2), wanted("L2", reason="gift"), wanted("L2", reason="other"))
    both = override(decision("deny", line=1, code="fraud"), decision("approve", line=2))
    facts = shop.send("OverrideDecision", both, at=day(4))

    assert names(facts) == ["DecisionOverridden", "UnitsFreed", "UnitsTaken", "DeadlinesMoved"]
    assert states(shop, "authorization", line=1) == [(1, "denied"), (1, "authorized")]
    assert states(shop, "authorization", line=2) == [(1, "authorized")]
    refused(shop, "wrong_state", "OverrideDecision", override(decision("approve", line=3)), line=3)
    refused(shop, "wrong_state", "OverrideDecision", override(decision("approve", line=2)), line=2)
    refused(shop, "quantity_exceeded", "OverrideDecision", override(decision("deny", quantity=2)), available=1)
    refused(shop, "unknown_line", "OverrideDecision", override(decision("deny", line=4)), line=4)


@pytest.mark.parametrize("how", ["denied", "expired", "withdrawn"])
def test_what_was_given_up_is_authorized_anew_only_while_its_units_are_free(how: str) -> None:
    """After a denial, an expiry or a withdrawal an override takes the units again, or says what is left."""
    shop = denied(2) if how == "denied" else open_shop(REVIEW)
    if how != "denied":
        request(shop, wanted(quantity=2))
    if how == "withdrawn":
        shop.send("WithdrawReturn", on_return(), at=day(4))
    if how == "expired":
        (deadline,) = shop.rma().deadlines
        shop.send("PassDeadline", on_return(deadline_id=str(deadline)), actor="clock:1", at=day(18))
    request(shop, wanted(quantity=2), rma_id=OTHER, on=19)
    again = override(decision("approve", quantity=2))

    refused(shop, "units_not_available", "OverrideDecision", again, at=day(20), line_id="L1", asked=2, available=1)
    shop.send("OverrideDecision", override(decision("approve")), at=day(20))

    assert unit_statuses(shop, "L1") == [(2, "in_return"), (1, "in_return")]
    assert states(shop, "authorization") == [(1, how), (1, "authorized")]


@pytest.mark.parametrize("at_once", [True, False])
def test_units_taken_in_place_of_others_are_no_more_than_were_asked_for(at_once: bool) -> None:
    """A line of two stays a line of two, however often it is decided: who took a place leaves nothing to approve."""
    shop = open_shop(REVIEW, {"lines": [{**ORDER["lines"][0], "quantity": 8, "amount_minor": 1500}]})
    request(shop, wanted(quantity=2, reason="gift"))
    request(shop, wanted(quantity=2), rma_id=OTHER, on=4)
    once = [decision("approve"), decision("approve")] if at_once else [decision("approve", quantity=2)]
    one_more = override(*once, decision("approve"))

    refused(shop, "quantity_exceeded", "OverrideDecision", one_more, at=day(5), asked=1, available=0)
    shop.send("OverrideDecision", override(*once), at=day(5))

    assert states(shop, "authorization") == [(2, "authorized")]
    assert unit_statuses(shop, "L1") == [(2, "in_return"), (2, "in_return"), (4, "free")]
    refused(shop, "wrong_state", "OverrideDecision", override(decision("approve")), line=1)
    refused(shop, "wrong_state", "AppealDenial", on_return(line=1, grounds="again"), line=1)


def test_an_override_pays_for_goods_that_came_in_under_the_return() -> None:
    """Goods at the dock of a withdrawn return are facts; money moves once someone authorizes, without a new receipt."""
    shop = open_shop({**POLICY, "refund_due": "receipt"})
    request(shop, wanted(quantity=2))
    shop.send("WithdrawReturn", on_return(), at=day(4))
    receipt = on_return(receipt_id="R", site="W", items=[{"line": 1, "quantity": 2}], complete=True)
    shop.send("ReceiveGoods", receipt, at=day(5))
    assert unit_statuses(shop, "L1") == [(2, "returned"), (1, "free")]
    assert not shop.order().payouts

    shop.send("OverrideDecision", override(decision("approve", quantity=2)), at=day(6))

    assert states(shop, "authorization", "logistics", "resolution") == [(2, "authorized", "received", "refund")]
    assert sum(payout.amount_minor for payout in shop.order().payouts.values()) == 666


# appeals


def test_an_appeal_takes_the_units_again_and_waits_for_a_person() -> None:
    """A denied line needs review again; accepted, it goes its way."""
    shop = denied(2)
    facts = shop.send("AppealDenial", on_return(line=1, grounds="it was wrapped"), actor="customer:C-1", at=day(5))

    assert names(facts) == ["DenialAppealed", "UnitsTaken", "DeadlinesMoved"]
    assert shop.rma().status == "needs_review"
    assert unit_statuses(shop, "L1") == [(2, "in_return"), (1, "free")]
    shop.send("DecideRequest", on_return(lines=[decision("approve", quantity=2)]), at=day(6))
    assert shop.rma().status == "authorized"
    refused(shop, "wrong_state", "AppealDenial", on_return(line=1, grounds="again"), line=1)


def test_an_appeal_takes_free_units_of_the_line_or_is_refused() -> None:
    """Units that went to another return are replaced by free ones of the line; where too few are, it is refused."""
    shop = denied(2)
    request(shop, wanted(quantity=1), rma_id=OTHER)
    shop.send("AppealDenial", on_return(line=1, grounds="please"), at=day(5))
    assert states(shop, "authorization") == [(2, "needs_review")]

    shop = denied(3)
    request(shop, wanted(quantity=1), rma_id=OTHER)
    appeal = on_return(line=1, grounds="please")
    refused(shop, "units_not_available", "AppealDenial", appeal, at=day(5), line_id="L1", asked=3, available=2)
    refused(shop, "unknown_line", "AppealDenial", on_return(line=2, grounds="please"))


def test_an_appeal_forgets_nothing_of_the_goods() -> None:
    """Goods of a denied line that came in stay received while the appeal waits, and are paid for once accepted."""
    shop = open_shop({**REVIEW, "refund_due": "receipt"})
    request(shop, wanted(quantity=2, reason="gift"))
    receipt = on_return(receipt_id="R", site="W", items=[{"line": 1, "quantity": 2}], complete=False)
    shop.send("ReceiveGoods", receipt, at=day(4))
    shop.send("AppealDenial", on_return(line=1, grounds="it is there"), at=day(5))
    assert states(shop, "authorization", "logistics") == [(2, "needs_review", "received")]
    assert shop.rma().status == "needs_review"

    shop.send("DecideRequest", on_return(lines=[decision("approve", quantity=2)]), at=day(6))
    assert states(shop, "logistics", "resolution") == [(2, "received", "refund")]
