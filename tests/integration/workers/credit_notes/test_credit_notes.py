"""The credit-note worker on real Kafka and PostgreSQL: every refund gets its note, in its seller's series, once."""

from __future__ import annotations

from datetime import timedelta
from functools import partial
from pathlib import Path
from typing import Any

from domain.identity import deadline_id
from infra.addresses import postgres_address
from infra.metrics import WorkerMetrics
from infra.sessions import connect
from infra.settings import Settings
from projections.refund_ledger.credit_notes import find_credit_note
from tests.support.pipeline import wait_for
from tests.support.worker_threads import Counter, running, system
from workers.credit_notes.worker import run


def notes(counter: Counter) -> list[dict[str, Any]]:
    return counter.rows("SELECT * FROM rma_read.credit_notes ORDER BY number")


def test_every_refund_gets_its_note_once(settings: Settings) -> None:
    """Those from before the worker first ran as well; started twice, it issues nothing twice."""
    worker = partial(run, metrics=WorkerMetrics("credit_notes"))
    with system(settings) as counter:
        counter.publish()
        for number in range(3):
            counter.order_and_return(f"O-{number}", {"card": 1_000 + number})
        with running(settings, worker):
            wait_for(lambda: len(notes(counter)) == 3, "three notes")
            counter.order_and_return("O-9", {"card": 50, "wallet": 49})
            wait_for(lambda: len(notes(counter)) == 4, "the fourth note")
        with running(settings, worker, worker):
            counter.order_and_return("O-10", {"card": 7})
            wait_for(lambda: len(notes(counter)) == 5, "the fifth note")

        found = notes(counter)
        assert [note["number"][-6:] for note in found] == [f"{number:06}" for number in range(1, 6)]
        refunds = counter.rows("SELECT refund_id, rma_id, order_id, amount_minor FROM rma_read.refunds")
        told = {(note["refund_id"], note["rma_id"], note["order_id"], note["gross_minor"]) for note in found}
        assert told == {tuple(refund.values()) for refund in refunds}


def test_a_note_is_caused_by_its_refund_and_can_be_looked_up(settings: Settings, tmp_path: Path) -> None:
    """The log tells the refund as its cause; the view gives what the page and the PDF show."""
    with system(settings) as counter, running(settings, partial(run, metrics=WorkerMetrics("credit_notes"))):
        counter.publish()
        counter.order_and_return("O-1", {"card": 1_000})
        [note] = wait_for(lambda: notes(counter), "the note")
        [event] = counter.rows(
            "SELECT cause.type FROM rma_log.events AS note JOIN rma_log.events AS cause"
            " ON cause.event_id::text = note.causation_id WHERE note.type = 'rma.CreditNoteSeries.Opened.v1'"
        )
        assert event["type"] == "rma.Order.RefundRequested.v1"
        with connect(postgres_address(settings)) as connection:
            found = find_credit_note(connection, note["number"])
        assert found is not None
        assert (found["customer_id"], found["gross_minor"]) == ("C1", 1_000)


def test_money_that_went_back_elsewhere_gets_its_notes(settings: Settings) -> None:
    """A chargeback has a credit note at once, and a debit note once it is won."""
    with system(settings) as counter, running(settings, partial(run, metrics=WorkerMetrics("credit_notes"))):
        counter.publish()
        line = {"line_id": "L1", "sku": "MUG", "quantity": 1, "amount_minor": 400}
        order = {"order_id": "O-1", "customer_id": "C1", "country": "US", "channel": "web", "currency": "EUR"}
        tender = {"tender_id": "T1", "kind": "card", "amount_minor": 400}
        counter.accepted("RegisterOrder", {**order, "lines": [line], "tenders": [tender]}, actor="system:shop")
        gone = {"external_id": "dp-1", "tender_id": "T1", "amount_minor": 400, "kind": "chargeback"}
        counter.accepted("RecordExternalRefund", {"order_id": "O-1", **gone}, actor="gateway:g")
        wait_for(lambda: len(notes(counter)) == 1, "the credit note")
        won = {"order_id": "O-1", "external_id": "dp-1", "outcome": "won"}
        counter.accepted("RecordChargebackOutcome", won, actor="gateway:g")
        wait_for(lambda: len(notes(counter)) == 2, "the debit note")

        found = [(note["kind"], note["gross_minor"], note["external_id"]) for note in notes(counter)]
        assert found == [("credit", 400, None), ("debit", 400, "dp-1")]


def test_what_is_given_up_of_a_claim_corrects_its_debit_note(settings: Settings) -> None:
    """A refund on approval, claimed as the goods did not come, claimed no longer as they do: credit, debit, credit."""
    with system(settings) as counter, running(settings, partial(run, metrics=WorkerMetrics("credit_notes"))):
        counter.publish({"window": {"days": 30}, "method": "own_carrier", "refund_due": "approval"})
        rma_id = counter.order_and_return("O-1", {"card": 400}, ago=timedelta(days=40))
        about = {"rma_id": str(rma_id), "order_id": "O-1"}
        deadline = str(deadline_id(rma_id, "ship_back", 1, 1))
        counter.accepted("PassDeadline", {**about, "deadline_id": deadline}, actor="clock:c")
        came = {"receipt_id": "R-1", "site": "W", "items": [{"line": 1, "quantity": 1}], "complete": True}
        counter.accepted("ReceiveGoods", about | came)
        found = {"line": 1, "quantity": 1, "grade": "A", "cause": "none_found", "liable_party": "none"}
        counter.accepted("RecordInspection", {**about, **found, "inspection_id": "I-1"})
        wait_for(lambda: len(notes(counter)) == 3, "the credit note of what was given up")

        issued = [(note["kind"], note["gross_minor"], note["claim_id"] is not None) for note in notes(counter)]
        assert issued == [("credit", 400, False), ("debit", 400, True), ("credit", 400, True)]
