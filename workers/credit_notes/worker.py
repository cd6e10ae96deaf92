"""The credit-note worker: for every refund and claim in the log, it asks for a number in the seller's series.

The number itself is given where all decisions are taken. Asking twice is the same command, so the worker publishes
first and remembers afterwards; commands of one series share a key, so that numbers follow the log within an order.
"""

from __future__ import annotations

from contextlib import ExitStack, closing
from threading import Event
from typing import Final

import structlog

from domain.settlement.credit_note import subject
from infra.addresses import postgres_address
from infra.kafka.command_client import OutgoingCommand
from infra.log.queries import EventIds, ids_at
from infra.metrics import WorkerMetrics
from infra.sessions import Session
from infra.settings import Settings
from workers.credit_notes.table import CreditNoteTable, DueNote, due, mark_sent
from workers.projector.inbox import SELDOM_S, Outlet, act_until, inbox

SOURCE: Final = "/rma/credit-notes"
ACTOR: Final = "clock:credit-notes"
ASKED_AT_ONCE_MAX: Final = 500

LOG = structlog.get_logger()


def run(settings: Settings, stop: Event, metrics: WorkerMetrics) -> None:
    """Ask for credit notes until ``stop`` is set.

    Raises:
        psycopg.OperationalError, kafka.errors.KafkaError: A service stayed away.
    """
    with inbox(settings, CreditNoteTable(), stop, metrics) as news, ExitStack() as opened:
        outlet = opened.enter_context(closing(Outlet(settings)))
        session = opened.enter_context(closing(Session(postgres_address(settings))))
        act_until(stop, lambda: ask(session, outlet), metrics, news=news, every_s=SELDOM_S)


def ask(session: Session, outlet: Outlet) -> int:
    """Publish a command for every note that is due, at most 500, and return how many there were."""
    notes = due(session.connection, limit=ASKED_AT_ONCE_MAX)
    if notes:
        raised_by = ids_at(session.connection, (note.position for note in notes))
        outlet.publish([command_of(note, raised_by[note.position]) for note in notes])
        mark_sent(session.connection, notes)
        for note in notes:
            LOG.info(
                "credit_note_asked",
                refund_id=str(note.refund_id) if note.refund_id else None,
                claim_id=note.claim_id,
                external_id=note.external_id,
                reversal=note.reversal,
                order_id=note.order_id,
                rma_id=str(note.rma_id) if note.rma_id else None,
                series_id=note.series_id,
            )
    return len(notes)


def command_of(note: DueNote, raised_by: EventIds) -> OutgoingCommand:
    """Return the command for a note: the same for the same event, however often it is asked."""
    about = {
        name: str(value)
        for name in ("refund_id", "claim_id", "external_id")
        if (value := getattr(note, name)) is not None
    }
    data: dict[str, object] = {"series_id": note.series_id, "order_id": note.order_id, **about}
    if note.reversal is not None:
        data["reversal"] = note.reversal
    if note.rma_id is not None:
        data["rma_id"] = str(note.rma_id)
    named = subject(note.order_id, note.refund_id, note.claim_id, note.external_id, note.reversal)
    return OutgoingCommand(
        type="IssueCreditNote",
        id=f"credit-note/{named}",
        source=SOURCE,
        key=note.series_id,
        time=note.occurred_at,
        actor=ACTOR,
        data=data,
        correlation_id=raised_by.correlation_id,
        causation_id=str(raised_by.event_id),
    )
