"""Those outside a chaos run keep what they took, whatever they say of it, and what they were not told is found."""

from __future__ import annotations

import smtplib
import socket
from collections.abc import Iterator, Sequence
from contextlib import suppress
from dataclasses import replace
from datetime import UTC, datetime
from email.message import EmailMessage
from typing import Any, Final
from uuid import UUID, uuid5

import httpx
import orjson
import pytest

from infra.records import StoredEvent
from infra.stack.ports import LOOPBACK
from workers.trials.chaos.evidence import Evidence
from workers.trials.chaos.outside import Call, Letter, Made, Outside, outside
from workers.trials.chaos.outside_checks import (
    LABELS,
    NOTICES,
    labels_are_made_once,
    letters_tell_of_returns,
    webhooks_tell_the_log,
)

AT: Final = datetime(2026, 3, 1, tzinfo=UTC)
RMA: Final = "rma/00000000-0000-0000-0000-000000000001"
THINGS: Final = 40


@pytest.fixture
def those() -> Iterator[Outside]:
    with outside(seed=1) as found:
        yield found


def hand_over(those: Outside, name: str) -> bool:
    """Hand a letter over until it is taken; tell whether that took more than once."""
    letter = EmailMessage()
    letter["Message-ID"], letter["To"] = f"<{name}@shop.example>", "a@mail.example"
    letter.set_content("hello\n.\nyou")
    tries = 0
    while True:
        tries += 1
        with suppress(smtplib.SMTPException), smtplib.SMTP(LOOPBACK, those.smtp_port) as server:
            server.send_message(letter, "returns@shop.example", ["a@mail.example"])
            return tries > 1


def test_letters_are_kept_though_some_are_refused_or_not_answered(those: Outside) -> None:
    """Each came; one whose answer was lost came twice, one that was refused once."""
    again = [hand_over(those, f"L-{number}") for number in range(THINGS)]

    names = [letter.message_id for letter in those.letters]
    assert set(names) == {f"L-{number}@shop.example" for number in range(THINGS)}
    assert any(again)
    assert len(names) > THINGS, "no answer was lost"
    those.behave()
    assert not any(hand_over(those, f"M-{number}") for number in range(THINGS))


def test_a_call_whose_sender_was_killed_before_its_end_is_not_taken(those: Outside) -> None:
    """Half a body is not told as if it were another."""
    head = b"POST /webhooks HTTP/1.1\r\nHost: shop\r\nwebhook-id: E-1\r\nContent-Length: 10\r\n\r\n"
    with socket.create_connection((LOOPBACK, those.http_port)) as connection:
        connection.sendall(head + b"half")
        connection.shutdown(socket.SHUT_WR)
        assert connection.recv(1) == b""

    assert not those.calls


def test_webhooks_are_kept_and_labels_have_one_number_each(those: Outside) -> None:
    """However often it is asked."""
    failed = 0
    for number in range(THINGS):
        for url, body in (
            (those.webhooks_url, {"id": f"E-{number}"}),
            (those.labels_url, {"label_id": f"L-{number % 20}", "rma_id": "R", "order_id": f"O-{number % 10}"}),
        ):
            while True:
                with suppress(httpx.HTTPError):
                    headers = {"webhook-id": f"E-{number}"}
                    if httpx.post(url, content=orjson.dumps(body), headers=headers).is_success:
                        break
                failed += 1
    assert failed
    assert {call.headers["webhook-id"] for call in those.calls} == {f"E-{number}" for number in range(THINGS)}
    assert len(set(those.labels.values())) == len(those.labels) == 20
    assert those.labels["L-0"] == Made("R", "T-O-0")


def event(position: int, name: str, body: dict[str, Any] | None = None, **changes: Any) -> StoredEvent:
    """Return an event of one return."""
    told = StoredEvent(
        position, RMA, position, uuid5(UUID(int=0), str(position)), f"rma.Rma.{name}.v1", AT, AT, "agent:A", "c-1",
        "/shop", "c-1", "c-1", "O-1", b"", b"", None, orjson.dumps(body or {}),
    )  # fmt: skip
    return told._replace(**changes)


def noted(position: int, told: StoredEvent, kind: str, outcome: str = "sent") -> StoredEvent:
    body = {"notice_id": f"{told.event_id}.{kind}.0f", "outcome": outcome}
    return event(position, "CustomerNotified", body, command_source=NOTICES)


def letter_of(told: StoredEvent) -> Letter:
    return Letter(f"{orjson.loads(told.body)['notice_id']}@shop.example", "a@mail.example")


def evidence(events: Sequence[StoredEvent]) -> Evidence:
    return Evidence(events, {}, [], [], [], [], [], [])


def call_of(told: StoredEvent) -> Call:
    said = {
        "id": str(told.event_id),
        "type": told.type,
        "subject": told.stream,
        "streamversion": str(told.version),
        "data": orjson.loads(told.body),
    }
    return Call({"webhook-id": str(told.event_id)}, orjson.dumps(said))


def test_webhooks_that_are_missing_or_came_in_another_order_are_found() -> None:
    """Told again is no difference, told otherwise is one."""
    events = [event(number, "Scanned", {"n": number}) for number in (1, 2, 3)]
    calls = [call_of(one) for one in events]

    def found(told: Sequence[Call]) -> list[str]:
        return list(webhooks_tell_the_log(evidence(events), told))

    assert found([*calls, calls[0]]) == []
    assert found(calls[:2]) == [f"webhooks of O-1: 2 of 3 events, {events[2].event_id} is missing"]
    assert found([calls[1], calls[0], calls[2]]) == ["webhooks of O-1: 3 of 3 events, they came in another order"]
    assert found([*calls, replace(calls[0], body=calls[1].body)]) == [
        f"webhook {events[0].event_id} was sent twice, differently"
    ]
    assert found([replace(calls[0], body=calls[1].body), *calls[1:]]) == [
        f"webhook {events[0].event_id} says something else than the log"
    ]
    assert len(found([*calls, call_of(event(9, "Scanned"))])) == 1


def test_letters_that_are_missing_or_came_in_another_order_are_found() -> None:
    """So is a message that nobody was told of, and one that the log knows nothing of."""
    authorized, closed = event(1, "Authorized"), event(2, "Closed")
    events = [authorized, closed, noted(3, authorized, "approved"), noted(4, closed, "closed")]
    letters = [letter_of(one) for one in events[2:]]

    def found(told: Sequence[Letter], log: Sequence[StoredEvent] = events) -> list[str]:
        return list(letters_tell_of_returns(evidence(log), told))

    assert found([*letters, letters[1]]) == []
    assert len(found(letters[:1])) == len(found([letters[1], letters[0]])) == 1
    assert [one.split(" ")[-3:] for one in found([], events[:2])] == [
        ["Closed,", "position", "2"],
        ["what", "c-1", "decided"],
    ]
    assert len(found([*letters, Letter("x.closed.0f@shop.example", "")])) == 1
    refused = [*events[:3], noted(4, closed, "closed", "skipped")]
    assert found(letters[:1], refused) == []
    assert len(found(letters, refused)) == 1
    sold = event(5, "", {"customer_id": "C-7"}, type="rma.Order.Registered.v1")
    erased = event(6, "", type="rma.Customer.Erased.v1", stream="customer/C-7")
    assert found(letters, [*refused, sold, erased]) == [], "he was forgotten before it was noted"


def test_labels_that_were_made_twice_or_are_told_otherwise_are_found() -> None:
    """And a return that waits for one in vain; not one whose goods went without."""
    asked, approved = event(1, "Requested"), event(2, "Authorized")
    issued = event(3, "LabelIssued", {"label_id": "L", "tracking_number": "T"}, command_source=LABELS)
    label = Made("R", "T")

    def found(log: Sequence[StoredEvent], made: dict[str, Made]) -> list[str]:
        return list(labels_are_made_once(evidence(log), made, {"O-1"}))

    assert found([asked, approved, issued], {"L": label}) == []
    assert found([asked, approved, issued], {"L": label, "K": Made("R", "U")}) == ["2 labels were made for return R"]
    assert len(found([asked, approved, issued], {"L": Made("R", "other")})) == 1
    assert len(found([asked, approved, issued, issued], {"L": label})) == 1
    assert len(found([asked, approved, issued], {})) == 1
    assert found([asked, approved], {}) == [f"{RMA} waits for a label, and has none"]
    assert found([asked, approved, event(3, "HandedOver")], {"L": label}) == []
