"""What the customer is told and asked: each thing once, and never of a return that came to nothing."""

from __future__ import annotations

from typing import Any
from uuid import UUID

import pytest

from domain.rma import Rma
from tests.support.refusals import refused, unchanged
from tests.support.shop import Shop, names
from tests.support.stories import day, on_return, open_shop, request

SYSTEM = "system:notices"
CLOCK = "clock:deadlines"


def noticed(**more: Any) -> dict[str, Any]:
    return on_return() | {"notice_id": "N-1", "kind": "approved", "channel": "email", "outcome": "sent"} | more


def asked_for() -> Shop:
    shop = open_shop()
    request(shop, {"line_id": "L1", "quantity": 1})
    return shop


def over() -> Shop:
    shop = asked_for()
    shop.send("RecordHandover", on_return(), actor="carrier:DHL", at=day(4))
    receipt = on_return(receipt_id="R-1", site="WH-1", items=[{"line": 1, "quantity": 1}], complete=True)
    shop.send("ReceiveGoods", receipt, actor="warehouse:W", at=day(6))
    found = {"line": 1, "quantity": 1, "grade": "A", "cause": "none_found", "liable_party": "none"}
    shop.send("RecordInspection", on_return() | {"inspection_id": "I-1"} | found, actor="warehouse:W", at=day(7))
    for payout in list(shop.order().payouts):
        told = on_return(payout_id=str(payout), outcome="settled", reference="gw")
        shop.send("RecordPayoutOutcome", told, actor="gateway:g", at=day(8))
    assert shop.rma().status == "resolved"
    return shop


def test_a_message_is_recorded_once() -> None:
    """The same id is the same message; of another kind or channel it is refused."""
    shop = asked_for()

    assert names(shop.send("RecordNotice", noticed(), actor=SYSTEM, at=day(4))) == ["CustomerNotified"]
    unchanged(shop, "RecordNotice", noticed(), actor=SYSTEM, at=day(5))
    refused(shop, "notice_id_reused", "RecordNotice", noticed(kind="denied"), actor=SYSTEM)
    refused(shop, "notice_id_reused", "RecordNotice", noticed(channel="sms"), actor=SYSTEM)


def test_a_message_that_went_out_at_a_later_try_is_one_message() -> None:
    """Each try is told under the same id; only another outcome is news."""
    shop = asked_for()
    failed = noticed(outcome="failed", reason="451 busy")

    assert names(shop.send("RecordNotice", failed, actor=SYSTEM, at=day(4))) == ["CustomerNotified"]
    unchanged(shop, "RecordNotice", failed, actor=SYSTEM, at=day(5))
    assert names(shop.send("RecordNotice", noticed(), actor=SYSTEM, at=day(6))) == ["NoticeOutcomeRecorded"]
    assert shop.rma().notices["N-1"].outcome == "sent"


@pytest.mark.parametrize("outcome", ["failed", "skipped"])
def test_what_went_out_stays_sent(outcome: str) -> None:
    """A sender that was killed before it noted so tries once more; that this fails takes nothing back."""
    shop = asked_for()
    shop.send("RecordNotice", noticed(), actor=SYSTEM, at=day(4))

    unchanged(shop, "RecordNotice", noticed(outcome=outcome, reason="451 busy"), actor=SYSTEM, at=day(5))

    assert shop.rma().notices["N-1"].outcome == "sent"


def test_a_message_that_came_back_is_told_of_later() -> None:
    """An outcome is news where it differs from what is known; an unknown message has none."""
    shop = asked_for()
    bounced = on_return(notice_id="N-1", outcome="bounced", reason="mailbox full")
    refused(shop, "unknown_notice", "RecordNoticeOutcome", bounced, actor=SYSTEM)
    shop.send("RecordNotice", noticed(), actor=SYSTEM, at=day(4))

    unchanged(shop, "RecordNoticeOutcome", on_return(notice_id="N-1", outcome="sent"), actor=SYSTEM, at=day(4))
    assert names(shop.send("RecordNoticeOutcome", bounced, actor=SYSTEM, at=day(5))) == ["NoticeOutcomeRecorded"]
    unchanged(shop, "RecordNoticeOutcome", bounced, actor=SYSTEM, at=day(6))
    assert shop.rma().notices["N-1"].outcome == "bounced"


def test_evidence_is_asked_for_of_a_line_that_there_is() -> None:
    shop = asked_for()
    assert names(shop.send("RequestEvidence", on_return(line=1, note="a photo"), at=day(4))) == ["EvidenceRequested"]
    refused(shop, "unknown_line", "RequestEvidence", on_return(line=9, note="a photo"))


def test_the_customer_is_reminded_once_for_each_instant() -> None:
    """A deadline that was extended may be told of again; one that is over may not."""
    shop = asked_for()
    [near] = [one for one in shop.rma().deadlines.values() if one.kind == "ship_back"]
    told = on_return(deadline_id=str(near.deadline_id))

    assert names(shop.send("Remind", told, actor=CLOCK, at=day(10))) == ["Reminded"]
    unchanged(shop, "Remind", told, actor=CLOCK, at=day(11))
    extended = {**told, "due_at": day(60).isoformat(), "reason": "on holiday"}
    shop.send("ExtendDeadline", extended, at=day(12))
    assert names(shop.send("Remind", told, actor=CLOCK, at=day(55))) == ["Reminded"]

    refused(shop, "unknown_deadline", "Remind", on_return(deadline_id=str(UUID(int=9))), actor=CLOCK)
    [close] = [one for one in over().rma().deadlines.values() if one.kind == "close"]
    refused(over(), "wrong_state", "Remind", on_return(deadline_id=str(close.deadline_id)), actor=CLOCK)


def test_feedback_is_asked_for_once_when_a_return_is_over() -> None:
    """Not before, not of one who gave it, not of a return that was called off."""
    refused(asked_for(), "wrong_state", "AskFeedback", on_return(), actor=CLOCK)
    withdrawn = asked_for()
    withdrawn.send("WithdrawReturn", on_return(), actor="customer:C-1", at=day(4))
    refused(withdrawn, "wrong_state", "AskFeedback", on_return(), actor=CLOCK)

    shop = over()
    [asked] = shop.send("AskFeedback", on_return(), actor=CLOCK, at=day(11))
    assert isinstance(asked, Rma.FeedbackAsked)
    assert asked.lapses_at == day(41)
    unchanged(shop, "AskFeedback", on_return(), actor=CLOCK, at=day(12))

    answered = over()
    answered.send("GiveFeedback", on_return(score=5), actor="customer:C-1", at=day(10))
    unchanged(answered, "AskFeedback", on_return(), actor=CLOCK, at=day(11))
