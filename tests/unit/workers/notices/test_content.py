"""What a message says: one letter for all that one command decided, nothing of what is over, to whom it belongs."""

from __future__ import annotations

import re
from collections.abc import Mapping
from datetime import timedelta
from typing import Any
from uuid import UUID, uuid5

import pytest

from domain.recorded import RecordedEvent
from domain.rma import Rma
from infra.records import EVENT_NAMESPACE, StoredEvent
from infra.sites import Site
from tests.support.shop import RMA_ID, Shop
from tests.support.stories import day, on_return, open_shop, receive, request
from workers.http.branding import Branding
from workers.notices.addressing import addressee_of
from workers.notices.case import Case, Recorded
from workers.notices.content import headers_of, is_past, kind_of, parts_of
from workers.notices.look import Drawn, Look
from workers.notices.messages import Prepared
from workers.notices.table import KINDS, Message, news_of
from workers.runtime.every_event import make_codec

LINK = "https://returns.example/r/abc"
DENY = {"name": "no", "when": {"fact": "reason", "in": ["other"]}, "then": {"decide": "deny", "code": "final_sale"}}
ASK = {"name": "ask", "when": {"fact": "reason", "in": ["quality"]}, "then": {"decide": "review", "code": "look"}}
NOWHERE: Mapping[str, Site] = {}
POLICY = {"window": {"days": 30}, "rules": [DENY, ASK], "method": "label", "return_to": "WH-1", "ship_back_days": 14}
"""What is asked for as ``other`` is denied, as ``quality`` looked at by a person."""
LINES = [
    {"line_id": f"L{number}", "sku": f"SKU-{number}", "title": f"Art {number}", "quantity": 2, "amount_minor": 1_000}
    for number in (1, 2, 3)
]
ANNA = {"email": "anna@mail.example", "language": "de"}
CODEC = make_codec()
LOOK = Look(None, Branding(None).named)


def shop_with(policy: Mapping[str, Any] = POLICY, **order: Any) -> Shop:
    tenders = [{"tender_id": "T1", "kind": "card", "amount_minor": 3_000}]
    return open_shop(policy=dict(policy), order={"lines": LINES, "tenders": tenders, **order})


def cases(shop: Shop) -> list[tuple[Case, Message]]:
    """Return every message that a shop's history calls for, with its case, before it is known whether it is its own."""
    streams: dict[str, list[Recorded]] = {}
    events = []
    for position, (fact, (actor, command)) in enumerate(zip(shop.history, shop.senders, strict=True), start=1):
        body, stream, version = CODEC.encode(fact), fact.originator_id, fact.originator_version
        event_id = uuid5(EVENT_NAMESPACE, f"{stream}/{version}")
        key = shop.aggregates[stream].partition_key
        type_name, at = type(fact).TOPIC, fact.timestamp  # type: ignore[attr-defined]
        stored = StoredEvent(
            position, stream, version, event_id, type_name, at, at, actor, command, "/test", "c", "c", key, b"", b"",
            None, body,
        )  # fmt: skip
        streams.setdefault(stream, []).append(Recorded(stored, fact, stored))
        events.append(
            RecordedEvent(
                event_id, stream, version, position, type_name, at, at, actor, command, "c", "c", key, body, CODEC
            )
        )
    found = []
    for event in events:
        if event.kind in KINDS and (news := news_of(event, {})):
            kind, rma_id, order_id = news
            message = Message(event.position, event.event_id, event.stream, kind, rma_id, order_id)
            case = Case.of(message, streams)
            assert case is not None
            found.append((case, message))
    return found


def letters(shop: Shop, language: Any = "en", sites: Mapping[str, Site] = NOWHERE) -> list[tuple[str, Drawn]]:
    """Return the letters that a shop's history leads to: kind and text."""
    made = list[tuple[str, Drawn]]()
    for case, message in cases(shop):
        kind = kind_of(case, message.kind)
        if kind is not None:
            made.append((kind, LOOK.draw(kind, language, parts_of(case, kind, LINK, sites))))
    return made


def line(number: int, reason: str = "too_small") -> dict[str, Any]:
    return {"line_id": f"L{number}", "quantity": 1, "reason": reason}


def test_goods_are_addressed_to_the_site_that_policy_names() -> None:
    """With name and address where the file of sites knows it; by its name where it does not."""
    shop = shop_with()
    request(shop, line(1))
    site = Site(name="Aurora, Returns", address=("12 Harbour Road", "Ireland"))

    [(_, known)], [(_, unknown)] = letters(shop, sites={"WH-1": site}), letters(shop, sites={"WH-2": site})

    assert "To: Aurora, Returns, 12 Harbour Road, Ireland\n" in known.text
    assert "Aurora, Returns, 12 Harbour Road, Ireland" in known.html
    assert "To: WH-1\n" in unknown.text


def test_one_letter_tells_of_all_that_was_decided_at_once() -> None:
    """Asked for, approved, denied and looked at in one command: one letter, with what may come back and what not."""
    shop = shop_with()
    request(shop, line(1), line(2, "other"), line(3, "quality"))

    [(kind, drawn)] = letters(shop)
    assert kind == "approved"
    assert "Art 1 × 1" in drawn.text
    assert "Art 2 × 1: It was sold as final sale and cannot come back." in drawn.text
    assert "Art 3" not in drawn.text
    assert "Please send it by: March 18, 2026" in drawn.text  # asked for on the 4th: 14 days, to the end of the last
    assert "you can object until" in drawn.text


def test_a_request_that_is_denied_says_why_and_what_can_be_done() -> None:
    shop = shop_with()
    request(shop, line(2, "other"))

    [(kind, drawn)] = letters(shop)
    assert kind == "denied"
    assert "It was sold as final sale and cannot come back." in drawn.text
    assert "Please send" not in drawn.text
    assert "you can object until April 3, 2026" in drawn.text


@pytest.mark.parametrize(("reason", "kind"), [("too_small", "approved"), ("other", "denied"), ("quality", "requested")])
def test_a_withdrawal_is_acknowledged_whatever_is_decided(reason: str, kind: str) -> None:
    """With what was declared and when, and the id of its record, by which that is proved; later letters have none."""
    shop = shop_with()
    request(shop, line(1, reason), withdrawal=True)
    [record] = [message.event_id for case, message in cases(shop) if isinstance(case.told.fact, Rma.Requested)]
    if kind == "requested":
        yes = [{"line": 1, "quantity": 1, "decision": "approve"}]
        shop.send("DecideRequest", on_return(lines=yes), at=day(5))

    (first, drawn), *later = letters(shop)
    assert first == kind
    for text in (drawn.text, " ".join(re.sub("<[^>]+>", "", drawn.html).split())):
        assert "We have received your withdrawal from the contract." in text
        assert f"Received: {day(3):%B %-d, %Y}, 9:00:00" in text
        assert f"Record: {record}" in text
        assert "Art 1 × 1" in text
    assert [one.text for _, one in later if "withdrawal" in one.text or "Record:" in one.text] == []
    assert len(later) == (kind == "requested")


def test_what_is_no_withdrawal_is_not_called_one() -> None:
    shop = shop_with()
    request(shop, line(1))

    [(_, drawn)] = letters(shop)
    assert "withdrawal" not in drawn.text
    assert "Record:" not in drawn.text


def test_a_person_answers_what_waits_for_one() -> None:
    """First that the request is there, then what the person decided on both lines, in one letter."""
    shop = shop_with()
    request(shop, line(1, "quality"), line(2, "quality"))
    decided = [
        {"line": 1, "quantity": 1, "decision": "approve"},
        {"line": 2, "quantity": 1, "decision": "deny", "code": "a-rule-of-ours"},
    ]
    shop.send("DecideRequest", on_return(lines=decided), at=day(5))

    (first, asked), (second, answered) = letters(shop)
    assert (first, second) == ("requested", "approved")
    assert "Please send nothing yet" in asked.text
    assert "Art 1 × 1" in answered.text
    assert "Art 2 × 1: The rules of the shop do not allow it." in answered.text


def paid_back(shop: Shop, *told: tuple[str, int]) -> None:
    """Have one article returned, and the gateway tell of its payout so, each on its day."""
    request(shop, line(1))
    receive(shop, (1, 1))
    found = {"line": 1, "quantity": 1, "grade": "A", "cause": "none_found", "liable_party": "none"}
    shop.send("RecordInspection", on_return() | {"inspection_id": "I-1"} | found, actor="warehouse:W", at=day(7))
    for outcome, on in told:
        for payout in list(shop.order().payouts):
            body = on_return(payout_id=str(payout), outcome=outcome, reference="gw", reason="x")
            shop.send("RecordPayoutOutcome", body, actor="gateway:g", at=day(on))


def test_a_try_that_fails_again_for_another_reason_is_another_command() -> None:
    """A worker killed between telling and remembering tries once more: the same news is one command."""
    shop = shop_with(contact=ANNA)
    request(shop, line(1))
    [(case, message), *_] = cases(shop)
    tried = Prepared(message, "approved", addressee_of(case, by_sms=False), case)
    busy, again, broken = (
        tried.command("failed", reason, day(number)) for number, reason in enumerate(("451 busy", "451 busy", "broken"))
    )

    assert (busy.id, busy.data) == (again.id, again.data)
    assert broken.id != busy.id
    assert tried.command("sent", None, day(3)).id == f"{tried.notice_id}/0/sent"


@pytest.mark.parametrize(("newest", "older"), [("failed", "settled"), ("settled", "failed")])
def test_old_news_of_money_are_told_to_nobody(newest: str, older: str) -> None:
    """What the gateway said before, and is heard of later, holds no longer."""
    shop = shop_with()
    paid_back(shop, (newest, 9), (older, 8))

    told = {"failed": "refund_failed", "settled": "refunded"}[newest]
    assert [kind for kind, _ in letters(shop)] == ["approved", "received", told]


def test_steps_are_told_in_their_order_and_in_two_languages() -> None:
    """Arrival, money, the end: each once, and nothing of what only the warehouse cares about."""
    shop = shop_with()
    paid_back(shop, ("failed", 8), ("settled", 9))
    shop.send("AskFeedback", on_return(), actor="clock:deadlines", at=day(12))
    shop.send("CloseReturn", on_return(reason="done"), at=day(13))

    told_of = letters(shop)
    kinds = [kind for kind, _ in told_of]
    assert kinds == ["approved", "received", "refund_failed", "refunded", "survey", "closed"]
    drawn = dict(told_of)
    assert "€5.00 to your card" in drawn["refunded"].text
    assert [f"{LINK}?score={score}" in drawn["survey"].text for score in range(1, 6)] == [True] * 5
    chinese = dict(letters(shop, "zh"))
    texts = "".join(chinese[kind].text for kind in kinds).replace(LINK, "")
    assert not any(word in texts for word in ("return", "Please", "money"))


def test_a_reminder_says_until_when_and_is_of_no_use_once_it_was_done() -> None:
    """The day is the last one; who has sent the goods meanwhile is not reminded."""
    shop = shop_with()
    request(shop, line(1))
    [deadline] = shop.rma().deadlines
    shop.send("Remind", on_return(deadline_id=str(deadline)), actor="clock:deadlines", at=day(14))
    case, message = cases(shop)[-1]
    assert message.kind == "deadline_near"
    assert letters(shop)[-1][1].subject == "Please send your return by March 18, 2026"
    assert not is_past(case, day(15))
    assert is_past(case, day(40))

    shop.send("RecordHandover", on_return(), actor="carrier:DHL", at=day(15))
    again, _ = next(one for one in cases(shop) if one[1].kind == "deadline_near")
    assert is_past(again, day(15))


def test_a_survey_that_was_answered_is_not_sent() -> None:
    """Nor one whose time is over."""
    shop = shop_with()
    request(shop, line(1))
    receive(shop, (1, 1))
    found = {"line": 1, "quantity": 1, "grade": "A", "cause": "none_found", "liable_party": "none"}
    shop.send("RecordInspection", on_return() | {"inspection_id": "I-1"} | found, actor="warehouse:W", at=day(7))
    for payout in list(shop.order().payouts):
        told = on_return(payout_id=str(payout), outcome="settled", reference="gw")
        shop.send("RecordPayoutOutcome", told, actor="gateway:g", at=day(8))
    shop.send("AskFeedback", on_return(), actor="clock:deadlines", at=day(11))
    asked = next(case for case, message in cases(shop) if message.kind == "survey")
    assert not is_past(asked, day(12))
    assert is_past(asked, day(11) + timedelta(days=30))

    shop.send("GiveFeedback", on_return(score=5), actor="customer:C-1", at=day(12))
    asked = next(case for case, message in cases(shop) if message.kind == "survey")
    assert is_past(asked, day(12))


def test_a_receipt_that_was_put_right_is_no_second_arrival() -> None:
    """The customer's parcel came once."""
    shop = shop_with()
    request(shop, line(1))
    receive(shop, (1, 1))
    right = on_return(
        receipt_id="R-right", site="WH-1", items=[{"line": 1, "quantity": 1}], complete=True, supersedes="R-6"
    )
    shop.send("ReceiveGoods", right, actor="warehouse:W", at=day(7))

    assert [kind for kind, _ in letters(shop)] == ["approved", "received"]


@pytest.mark.parametrize(
    ("order", "asked", "by_sms", "told"),
    [
        ({"contact": ANNA}, {}, False, ("customer", "email", "anna@mail.example")),
        ({"contact": ANNA}, {"contact": {"email": "b@mail.example"}}, False, ("requester", "email", "b@mail.example")),
        ({}, {}, False, ("customer", "email", None)),
        ({"contact": {"phone": "+49301234567"}}, {}, False, ("customer", "email", None)),
        ({"contact": {"phone": "+49301234567"}}, {}, True, ("customer", "sms", "+49301234567")),
        ({"contact": ANNA | {"phone": "+49301234567"}}, {}, True, ("customer", "email", "anna@mail.example")),
        ({"contact": ANNA}, {"gift": True, "recipient_id": "C-2"}, False, ("requester", "email", None)),
    ],
)
def test_a_message_goes_to_whoever_it_belongs_to(
    order: dict[str, Any], asked: dict[str, Any], by_sms: bool, told: tuple[str, str, str | None]
) -> None:
    """Whoever asked, else the order's customer, but for gifts: a giver is told nothing; mail before the phone."""
    shop = shop_with(**order)
    actor = "customer:C-2" if asked.get("gift") else "agent:A1"
    data = on_return(lines=[{**line(1), "wish": "refund"}], **asked)
    shop.send("RequestReturn", data, actor=actor, at=day(3))
    case, message = cases(shop)[0]

    found = addressee_of(case, by_sms=by_sms)
    assert (found.role, found.channel, found.address) == told
    assert found.notice_id(message, "approved").startswith(f"{message.event_id}.approved.")
    assert len(found.notice_id(message, "exchange_shipped")) <= 64


def test_a_corrected_contact_counts_from_then_on() -> None:
    """What was told of before goes where he is now."""
    shop = shop_with(contact=ANNA)
    request(shop, line(1))
    shop.send("CorrectContact", {"order_id": "O-1", "contact": {"email": "new@mail.example"}}, at=day(5))

    assert addressee_of(cases(shop)[0][0], by_sms=False).address == "new@mail.example"


def test_only_the_survey_may_be_ended_by_a_click() -> None:
    """What he has to know comes whether or not he likes mail (RFC 8058)."""
    assert headers_of("approved", LINK) == {}
    assert headers_of("survey", LINK) == {
        "List-Unsubscribe": f"<{LINK}/unsubscribe>",
        "List-Unsubscribe-Post": "List-Unsubscribe=One-Click",
    }


def test_another_returns_sums_are_none_of_this_ones() -> None:
    """A message about money names the return's own payouts."""
    shop = shop_with()
    other = UUID(int=2)
    for rma_id, number in ((RMA_ID, 1), (other, 2)):
        request(shop, line(number), rma_id=rma_id)
    assert {case.rma.rma_id for case, _ in cases(shop)} == {RMA_ID, other}
