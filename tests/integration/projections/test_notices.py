"""What people see of the messages to a customer: one row each, with what became of it and how often that was told."""

from __future__ import annotations

from typing import Final

import pytest

from tests.integration.projections.test_projections import play, rows
from tests.support.recorded_facts import recorded_of
from tests.support.shop import Shop
from tests.support.stories import day, on_return, open_shop, request

SHOWN: Final = ("notice_id", "kind", "channel", "outcome", "reason", "attempts", "at")


def told() -> Shop:
    """Return a shop whose customer got two messages, of which one went out at the second try and then came back."""
    shop = open_shop()
    request(shop, {"line_id": "L1", "quantity": 2})
    for name, kind, outcome in (("N-1", "approved", "failed"), ("N-2", "received", "sent")):
        message = on_return(notice_id=name, kind=kind, channel="email", outcome=outcome)
        shop.send("RecordNotice", message, actor="system:notices", at=day(4))
    for outcome, reason, at in (("sent", None, 5), ("bounced", "mailbox full", 6)):
        later = on_return(notice_id="N-1", outcome=outcome, reason=reason)
        shop.send("RecordNoticeOutcome", later, actor="system:notices", at=day(at))
    return shop


@pytest.mark.parametrize("batch", [1, 1_000])
def test_a_message_shows_what_became_of_it_last(postgres_dsn: str, batch: int) -> None:
    """Whether its outcomes are heard with it or later, each counts once."""
    play(postgres_dsn, recorded_of(told()), batch=batch)
    found = sorted(tuple(row[name] for name in SHOWN) for row in rows(postgres_dsn, "notices"))
    assert found == [
        ("N-1", "approved", "email", "bounced", "mailbox full", 3, day(6)),
        ("N-2", "received", "email", "sent", None, 1, day(4)),
    ]
