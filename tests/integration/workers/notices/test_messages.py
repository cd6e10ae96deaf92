"""Customers are told what became of their returns: once an event, in order, each message a fact of its return."""

from __future__ import annotations

import json
from base64 import b64decode
from collections.abc import Iterator
from contextlib import closing, contextmanager
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID, uuid4

import pytest
from pydantic import SecretStr

from infra.addresses import postgres_address
from infra.sessions import connect
from infra.settings import Settings
from tests.support.mail_server import Answer, MailServer, html_of, links_in, mail_server, text_of
from tests.support.pipeline import wait_for
from tests.support.worker_threads import Counter, running, system
from workers.notices import table
from workers.registry import worker_named

ANNA = {"email": "anna@mail.example", "language": "en"}
FINAL = {"name": "final", "when": {"fact": "final_sale", "is": True}, "then": {"decide": "deny", "code": "final_sale"}}
LOOK = {
    "name": "look",
    "when": {"fact": "reason", "in": ["changed_mind"]},
    "then": {"decide": "review", "code": "look"},
}
LABEL = {"window": {"days": 30}, "rules": [FINAL], "method": "label", "return_to": "WH-1", "ship_back_days": 14}
PUBLIC_URL = "https://returns.example"


@pytest.fixture
def counter(settings: Settings) -> Iterator[Counter]:
    """A shop whose commands are at work, and the view of messages."""
    with system(settings) as counter, running(settings, worker_named("tracking").run):
        yield counter


@contextmanager
def writing(counter: Counter, answer: Answer = lambda _: "250 taken", **more: Any) -> Iterator[MailServer]:
    """Run the notices worker, and a mail server, until the block ends."""
    with mail_server(answer) as server:
        given = {
            "smtp_url": SecretStr(server.url),
            "notices_sender": "Shop <returns@shop.example>",
            "http_public_url": PUBLIC_URL,
            "notices_since": datetime(2020, 1, 1, tzinfo=UTC),
            **more,
        }
        with running(counter.settings.model_copy(update=given), worker_named("notices").run):
            yield server


def sell(
    counter: Counter, order_id: str, *, contact: Any = ANNA, quantity: int = 3, ago: timedelta = timedelta()
) -> None:
    at = datetime.now(UTC) - ago
    lines = [
        {"line_id": "L1", "sku": "MUG", "title": "Mug <b>blue</b>", "quantity": quantity, "amount_minor": 3000},
        {"line_id": "L2", "sku": "HAT", "title": "Hat", "quantity": 1, "amount_minor": 1000, "final_sale": True},
    ]
    order = {
        "order_id": order_id, "customer_id": f"C-{order_id}", "country": "US", "channel": "web", "currency": "EUR",
        "lines": lines, "tenders": [{"tender_id": "T1", "kind": "card", "amount_minor": 4000}],
        **({"contact": contact} if contact else {}),
    }  # fmt: skip
    counter.accepted("RegisterOrder", order, actor="system:shop", at=at)
    units = [{"line_id": "L1", "quantity": quantity}, {"line_id": "L2", "quantity": 1}]
    delivery = {"order_id": order_id, "delivery_id": "D1", "lines": units}
    counter.accepted("RecordDelivery", delivery, actor="carrier:UPS", at=at)


def ask(counter: Counter, order_id: str, *lines: str, at: datetime | None = None, **request: Any) -> UUID:
    """Ask for a unit of each of these lines."""
    rma_id = uuid4()
    wanted = [{"line_id": line, "quantity": 1, "reason": "changed_mind", "wish": "refund"} for line in lines or ["L1"]]
    data = {"rma_id": str(rma_id), "order_id": order_id, "lines": wanted, **request}
    actor = "agent:A1" if request.get("gift") else f"customer:C-{order_id}"
    counter.accepted("RequestReturn", data, actor=actor, at=at)
    return rma_id


def on(order_id: str, rma_id: UUID, **more: Any) -> dict[str, Any]:
    return {"order_id": order_id, "rma_id": str(rma_id), **more}


def notices(counter: Counter, rma_id: UUID) -> list[tuple[str, str, str]]:
    """Return the messages of a return as the view has them, in order: kind, channel, outcome."""
    query = "SELECT kind, channel, outcome FROM rma_read.notices WHERE rma_id = %s ORDER BY position"
    return [(row["kind"], row["channel"], row["outcome"]) for row in counter.rows(query, rma_id)]


def test_a_return_is_told_of_from_approval_to_its_end(counter: Counter) -> None:
    """Each step that matters is one mail, in order, with what he needs for the next; each is a fact of the return."""
    counter.publish(LABEL)
    with writing(counter) as server:
        sell(counter, "O-1")
        rma_id = ask(counter, "O-1", "L1", "L2")
        wait_for(lambda: len(server.mails) == 1, "the decision")
        counter.accepted("RecordHandover", on("O-1", rma_id), actor="carrier:UPS")
        receipt = on("O-1", rma_id, receipt_id="R-1", site="WH-1", items=[{"line": 1, "quantity": 1}], complete=True)
        counter.accepted("ReceiveGoods", receipt, actor="warehouse:W")
        found = {"line": 1, "quantity": 1, "grade": "A", "cause": "none_found", "liable_party": "none"}
        counter.accepted("RecordInspection", on("O-1", rma_id, inspection_id="I-1", **found), actor="warehouse:W")
        [payout] = counter.rows("SELECT payout_id FROM rma_read.payouts WHERE rma_id = %s", rma_id) or wait_for(
            lambda: counter.rows("SELECT payout_id FROM rma_read.payouts WHERE rma_id = %s", rma_id), "the payout"
        )
        told = on("O-1", rma_id, payout_id=str(payout["payout_id"]), outcome="settled", reference="gw")
        counter.accepted("RecordPayoutOutcome", told, actor="gateway:g")
        counter.accepted("CloseReturn", on("O-1", rma_id, reason="done"))
        wait_for(lambda: len(notices(counter, rma_id)) == 4, "the view of messages")

    kinds = ["approved", "received", "refunded", "closed"]
    assert notices(counter, rma_id) == [(kind, "email", "sent") for kind in kinds]
    assert server.recipients == ["anna@mail.example"] * 4
    approved, _, refunded, _ = server.mails
    [row] = counter.rows("SELECT rma_number FROM rma_read.returns WHERE rma_id = %s", rma_id)
    text = text_of(approved)
    assert row["rma_number"] in str(approved["Subject"])
    assert all(part in text for part in (row["rma_number"], "To: WH-1", "Please send it by: ", "Mug <b>blue</b> × 1"))
    assert "Hat × 1: It was sold as final sale and cannot come back." in text  # one letter tells of both
    assert "Mug &lt;b&gt;blue&lt;/b&gt; × 1" in html_of(approved)
    assert "€10.00 to your card" in text_of(refunded)
    ids = [str(mail["Message-ID"]) for mail in server.mails]
    assert ids[0].split(".")[1] == "approved"
    assert {one.removeprefix("<").removesuffix("@shop.example>") for one in ids} == {
        row["notice_id"] for row in counter.rows("SELECT notice_id FROM rma_read.notices WHERE rma_id = %s", rma_id)
    }
    assert {link.partition("?")[0] for mail in server.mails for link in links_in(mail)} == {links_in(approved)[0]}
    assert links_in(approved)[0].startswith(f"{PUBLIC_URL}/r/")


@pytest.mark.parametrize(("line", "kind"), [("L1", "approved"), ("L2", "denied")])
def test_a_withdrawal_is_acknowledged_with_a_receipt(counter: Counter, line: str, kind: str) -> None:
    """Whatever is decided: the record with what he wrote, as the log has it; later letters have none."""
    counter.publish(LABEL)
    with writing(counter) as server:
        sell(counter, "O-1")
        contact = {"email": "anna@mail.example", "name": "Anna"}
        rma_id = ask(counter, "O-1", line, withdrawal=True, contact=contact)
        wait_for(lambda: len(server.mails) == 1, "the decision")
        if kind == "approved":
            counter.accepted("RecordHandover", on("O-1", rma_id), actor="carrier:UPS")
            came = on("O-1", rma_id, receipt_id="R-1", site="WH-1", items=[{"line": 1, "quantity": 1}], complete=True)
            counter.accepted("ReceiveGoods", came, actor="warehouse:W")
            wait_for(lambda: len(server.mails) == 2, "its arrival")

    first, *later = server.mails
    [record] = counter.rows("SELECT event_id, body FROM rma_log.events WHERE type = 'rma.Rma.Requested.v1'")
    assert notices(counter, rma_id)[0] == (kind, "email", "sent")
    assert f"Record: {record['event_id']}" in text_of(first)
    [file] = first.iter_attachments()
    told = json.loads(file.get_content())
    assert told["event"]["headers"]["ce_id"] == str(record["event_id"])
    assert b64decode(told["event"]["body"]) == bytes(record["body"])
    assert {path: one["text"] for path, one in told["opened"].items()} == {"contact": contact}
    assert [file for mail in later for file in mail.iter_attachments()] == []


def test_a_message_names_the_event_that_it_tells_of(counter: Counter) -> None:
    """Its id begins with the event's, and its command has it as its cause."""
    counter.publish(LABEL)
    with writing(counter):
        sell(counter, "O-1")
        rma_id = ask(counter, "O-1")
        wait_for(lambda: notices(counter, rma_id), "the message")

    [told] = counter.rows("SELECT * FROM rma_log.events WHERE type = 'rma.Rma.CustomerNotified.v1'")
    [cause] = counter.rows("SELECT * FROM rma_log.events WHERE type = 'rma.Rma.Authorized.v1'")
    assert told["actor"] == "system:notices"
    assert told["causation_id"] != told["correlation_id"] == cause["correlation_id"]


def test_who_no_longer_leads_does_not_take_back_what_was_sent(counter: Counter) -> None:
    """A worker that was frozen notes that a mail was not taken when another has long sent it: it is not sent again."""
    counter.publish(LABEL)
    with writing(counter):
        sell(counter, "O-1")
        rma_id = ask(counter, "O-1")
        wait_for(lambda: notices(counter, rma_id), "the message")

    with closing(connect(postgres_address(counter.settings))) as connection:
        asked = "SELECT position, event_id, stream, kind, rma_id, order_id FROM rma_notices.messages WHERE done"
        [sent, *_] = connection.execute(asked).fetchall()
        before = table.waiting(connection)
        table.mark_not_taken(connection, table.Message(*sent), datetime.now(UTC))
        assert table.waiting(connection) == before


def test_a_request_that_waits_for_a_person_is_told_of_and_so_is_his_decision(counter: Counter) -> None:
    """First that we have it, then both what may come back and what may not, in the customer's language."""
    counter.publish(LABEL | {"rules": [LOOK]})
    with writing(counter) as server:
        sell(counter, "O-1", contact={"email": "li@mail.example", "language": "zh-CN"})
        rma_id = ask(counter, "O-1")
        wait_for(lambda: len(server.mails) == 1, "the request's mail")
        no = {"line": 1, "quantity": 1, "decision": "deny", "code": "final_sale"}
        decided = on("O-1", rma_id, lines=[no], note="no")
        counter.accepted("DecideRequest", decided)
        wait_for(lambda: len(notices(counter, rma_id)) == 2, "both messages")

    assert notices(counter, rma_id) == [("requested", "email", "sent"), ("denied", "email", "sent")]
    assert str(server.mails[0]["Subject"]) == "我们已收到您的退货申请"
    assert "很抱歉" in text_of(server.mails[1])
    assert "提出申诉" in text_of(server.mails[1])


def test_who_cannot_be_reached_is_skipped(counter: Counter) -> None:
    """No contact, a gift without one of its own, one who was forgotten: the fact says so, and nobody gets a mail."""
    counter.publish(LABEL)
    sell(counter, "O-none", contact=None)
    sell(counter, "O-gift")
    sell(counter, "O-forgotten")
    silent = [
        ask(counter, "O-none"),
        ask(counter, "O-gift", gift=True, recipient_id="C-other"),
        ask(counter, "O-forgotten"),
    ]
    counter.accepted("EraseCustomer", {"customer_id": "C-O-forgotten", "reason": "request"})
    own = ask(counter, "O-gift", gift=True, recipient_id="C-else", contact={"email": "friend@mail.example"})
    with writing(counter) as server:
        wait_for(lambda: all(notices(counter, one) for one in (*silent, own)), "all to be told")

    assert [notices(counter, one)[0][1:] for one in silent] == [("email", "skipped")] * 3
    assert server.recipients == ["friend@mail.example"]


def started(counter: Counter) -> bool:
    [found] = counter.rows("SELECT to_regclass('rma_notices.started') AS name")
    return bool(found["name"] and counter.rows("SELECT FROM rma_notices.started"))


def test_history_that_is_loaded_is_not_told(counter: Counter) -> None:
    """Nothing that was before the worker's first start, whenever it is recorded."""
    counter.publish(LABEL)
    sell(counter, "O-old", ago=timedelta(days=9))
    before = ask(counter, "O-old", at=datetime.now(UTC) - timedelta(days=8))
    with writing(counter, notices_since=None) as server:
        wait_for(lambda: started(counter), "the worker's first start")
        sell(counter, "O-new")
        after = ask(counter, "O-new")
        loaded = ask(counter, "O-old", at=datetime.now(UTC) - timedelta(days=7))
        last = ask(counter, "O-new")
        wait_for(lambda: notices(counter, after) and notices(counter, last), "today's messages")

    assert len(server.mails) == 2
    assert notices(counter, before) == notices(counter, loaded) == []


def test_what_the_server_does_not_take_is_tried_again_and_refused_for_good_is_not(counter: Counter) -> None:
    """Under one id; the log knows of the first failure, of the mail that went out after all, and of the address."""
    busy = iter(["451 busy"])

    def answer(mail: Any) -> str:
        return "550 no such user" if "nobody@" in str(mail["To"]) else next(busy, "250 taken")

    counter.publish(LABEL)
    with writing(counter, answer) as server:
        sell(counter, "O-1")
        sell(counter, "O-2", contact={"email": "nobody@mail.example"})
        late, lost = ask(counter, "O-1"), ask(counter, "O-2")
        wait_for(lambda: notices(counter, late) == [("approved", "email", "sent")], "the second try")
        wait_for(lambda: notices(counter, lost) == [("approved", "email", "failed")], "the refusal")

    assert len({str(mail["Message-ID"]) for mail in server.tried if "anna" in str(mail["To"])}) == 1
    attempts = "SELECT rma_id, attempts FROM rma_read.notices"
    assert {row["rma_id"]: row["attempts"] for row in counter.rows(attempts)} == {late: 2, lost: 1}


def test_later_news_wait_for_those_before_them(counter: Counter) -> None:
    """A message that is not taken holds up those of its return, and of no other."""
    busy = iter(["451 busy"])

    def answer(mail: Any) -> str:
        return next(busy, "250 taken") if "anna@" in str(mail["To"]) else "250 taken"

    counter.publish(LABEL)
    with writing(counter, answer) as server:
        sell(counter, "O-1")
        sell(counter, "O-2", contact={"email": "other@mail.example"})
        rma_id, other = ask(counter, "O-1"), ask(counter, "O-2")
        receipt = on("O-1", rma_id, receipt_id="R-1", site="WH-1", items=[{"line": 1, "quantity": 1}], complete=True)
        counter.accepted("ReceiveGoods", receipt, actor="warehouse:W")
        wait_for(lambda: len(notices(counter, rma_id)) == 2 and notices(counter, other), "three messages")

    assert notices(counter, rma_id) == [("approved", "email", "sent"), ("received", "email", "sent")]
    assert server.recipients == ["other@mail.example", "anna@mail.example", "anna@mail.example"]


def test_sums_that_fail_and_letters_that_ask(counter: Counter) -> None:
    """A photo that is asked for says what for; a payout that failed is no alarm for the customer."""
    counter.publish()
    with writing(counter) as server:
        sell(counter, "O-1")
        rma_id = ask(counter, "O-1")
        counter.accepted("RequestEvidence", on("O-1", rma_id, line=1, note="A photo of <the> sole"))
        [payout] = wait_for(lambda: counter.rows("SELECT payout_id FROM rma_read.payouts"), "the payout")
        told = on("O-1", rma_id, payout_id=str(payout["payout_id"]), outcome="failed", reason="card_closed")
        counter.accepted("RecordPayoutOutcome", told, actor="gateway:g")
        wait_for(lambda: len(notices(counter, rma_id)) == 3, "three messages")

    assert [kind for kind, _, _ in notices(counter, rma_id)] == ["approved", "evidence_asked", "refund_failed"]
    assert "A photo of <the> sole" in text_of(server.mails[1])
    assert "A photo of &lt;the&gt; sole" in html_of(server.mails[1])
    assert "€10.00" in text_of(server.mails[2])
