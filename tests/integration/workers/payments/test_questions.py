"""When a question is asked again: an answer is confirmed late, and another outcome is looked into at once."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta

import psycopg
import pytest
from psycopg.rows import class_row

from domain.settlement.payout_saga import CONFIRM_AFTER_S, PayoutQuestion
from infra.migrate import migrate
from tests.support.recorded_facts import recorded_of
from tests.support.shop import Shop
from tests.support.stories import day, inspect, on_return, open_shop, receive, request
from workers.payments.questions import COLUMNS, PaymentQuestions, heard
from workers.projector.projector import prepare

ON_A_CARD = {"tenders": [{"tender_id": "T1", "kind": "card", "amount_minor": 1500}]}


def being_refunded() -> Shop:
    """Return a shop in which a refund is under way."""
    shop = open_shop(order=ON_A_CARD)
    request(shop, {"line_id": "L1", "quantity": 3})
    receive(shop, (1, 3))
    inspect(shop, 1, 3)
    return shop


def gives_way(shop: Shop) -> None:
    """All that was paid goes back elsewhere, so that the payout no longer fits."""
    gone = {"order_id": "O-1", "external_id": "X-1", "tender_id": "T1", "amount_minor": 1500, "kind": "console"}
    shop.send("RecordExternalRefund", gone, actor="gateway:g", at=day(9))


def is_unclear(shop: Shop) -> None:
    """Nobody can tell what became of the payout."""
    [payout] = shop.order().payouts
    told = on_return(payout_id=str(payout), outcome="unknown")
    shop.send("RecordPayoutOutcome", told, actor="gateway:g", at=day(9))


@pytest.mark.parametrize(("happens", "at_once"), [(gives_way, True), (is_unclear, False)])
def test_another_outcome_is_not_left_until_the_old_one_would_be_confirmed(
    postgres_dsn: str, happens: Callable[[Shop], None], at_once: bool
) -> None:
    """The gateway has answered; what is recorded meanwhile says otherwise, or only that nobody can tell."""
    shop, inbox = being_refunded(), PaymentQuestions()
    known = len(shop.history)
    happens(shop)
    events = recorded_of(shop)
    migrate(postgres_dsn)
    prepare(postgres_dsn, inbox)
    with psycopg.connect(postgres_dsn) as connection:
        inbox.fold(connection, events[:known])
        with connection.cursor(row_factory=class_row(PayoutQuestion)) as cursor:
            [asked] = cursor.execute(f"SELECT {', '.join(COLUMNS)} FROM rma_payments.questions".encode()).fetchall()
        heard(connection, asked, "settled", wait_s=CONFIRM_AFTER_S)
        inbox.fold(connection, events[known:])
        [(is_open, waits)] = connection.execute(
            "SELECT open, ask_at - clock_timestamp() FROM rma_payments.questions WHERE payout_id = %s",
            (asked.payout_id,),
        ).fetchall()

    assert is_open
    assert (waits < timedelta(0)) is at_once
