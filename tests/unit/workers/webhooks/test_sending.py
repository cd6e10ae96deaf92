"""What a receiver gets: the event as it was published, under its id, signed by every secret that holds."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from typing import Final
from uuid import UUID

import pytest
from standardwebhooks import Webhook, WebhookVerificationError

from infra.envelope.cloudevents import event_headers
from infra.records import StoredEvent
from workers.webhooks.lanes import Letter
from workers.webhooks.sending import Sending, body_of, headers_of
from workers.webhooks.subscriptions import Receiver

AT: Final = datetime(2026, 3, 1, 12, tzinfo=UTC)
OLD, NEW = b"o" * 32, b"n" * 32
EVENT: Final = StoredEvent(
    position=7,
    stream="rma/6f1c1a52-6a1e-4c52-9d39-0a3a2f1f6c11",
    version=2,
    event_id=UUID(int=9),
    type="rma.Rma.Closed.v1",
    occurred_at=AT,
    recorded_at=AT,
    actor="agent:ann",
    command_id="c-1",
    command_source="/shop",
    correlation_id="k",
    causation_id="c-1",
    partition_key="O/1",
    prev_hash=bytes(32),
    hash=bytes(32),
    sealed_key_id=None,
    body='{"reason":"fertig – 完成"}'.encode(),
)


def letter(**changes: bool) -> Letter:
    return Letter(EVENT, tries=0, first_tried_at=None, redelivery=changes.get("redelivery", False))


def test_the_body_is_the_event_as_it_was_published() -> None:
    """Every header of the topic is an attribute, the key is there, too, and the data are the very bytes."""
    told = json.loads(body_of(EVENT))
    published = {name.removeprefix("ce_"): value.decode() for name, value in event_headers(EVENT) if name[:3] == "ce_"}

    data, key, kind = told.pop("data"), told.pop("partitionkey"), told.pop("datacontenttype")
    assert told == published
    assert (data, key, kind) == (json.loads(EVENT.body), "O/1", "application/json")
    assert EVENT.body in body_of(EVENT)


def test_while_secrets_overlap_both_sign() -> None:
    """So a receiver takes the new one when it suits him; nobody else's secret fits."""
    at = datetime.now(UTC)
    body = body_of(EVENT)
    headers = {str(name): str(value) for name, value in headers_of(letter(), body, [NEW, OLD], at).items()}

    for secret in (NEW, OLD):
        Webhook(secret).verify(body, headers)
    with pytest.raises(WebhookVerificationError):
        Webhook(b"x" * 32).verify(body, headers)
    assert headers["webhook-id"] == str(EVENT.event_id)
    assert headers["content-type"] == "application/cloudevents+json"


def test_only_what_is_sent_once_more_is_marked() -> None:
    """A receiver that keeps ids can tell it from a repeat of a try."""
    assert "rma-redelivery" not in headers_of(letter(), b"{}", [NEW], AT)
    assert headers_of(letter(redelivery=True), b"{}", [NEW], AT)["rma-redelivery"] == "true"


@pytest.mark.parametrize(
    ("url", "why"),
    [
        ("http://receiver.example/", "not_encrypted"),
        ("https://127.0.0.1/", "address_not_public"),
        ("https://[::ffff:169.254.169.254]/", "address_not_public"),
        ("https://localhost:5432/", "address_not_public"),
    ],
)
def test_each_try_looks_where_it_goes(url: str, why: str) -> None:
    """Also where the address was allowed, or led elsewhere, when it was added."""
    with Sending(Receiver(UUID(int=1), url, (NEW,)), allow_private=False) as sending:
        assert sending.send(letter(), AT) == why
