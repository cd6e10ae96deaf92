"""The payments worker: hands payouts to the gateway under their keys, and tells the log what came of them.

It may be killed at any instant. Questions stay open until the log has the outcome; what was asked is asked again under
the same key, and what was published is published again under the same command id.
"""

from __future__ import annotations

from concurrent.futures import FIRST_COMPLETED, Future, ThreadPoolExecutor, wait
from contextlib import ExitStack, closing
from dataclasses import replace
from datetime import UTC, datetime
from threading import Event
from typing import Final
from uuid import UUID

import structlog

from domain.identity import order_stream
from domain.names import name_in
from domain.settlement import payout_saga
from domain.settlement.payout_saga import PayoutQuestion
from infra.addresses import postgres_address
from infra.gateways.http import HttpGateway
from infra.gateways.port import Answer, Gateway, PayoutRequest
from infra.kafka.command_client import OutgoingCommand
from infra.log.event_log import EventLog
from infra.log.queries import EventIds, ids_at
from infra.log.texts import TextReader, as_written
from infra.metrics import WorkerMetrics
from infra.sealing.fields import CODE
from infra.sealing.vault import open_vault
from infra.sessions import Lead, Session
from infra.settings import Settings
from workers.payments.questions import PaymentQuestions, due, heard
from workers.projector.inbox import Outlet, act_until, inbox
from workers.runtime.patience import patiently
from workers.runtime.pauses import varied_s

SOURCE: Final = "/rma/payments"
ACTOR: Final = "gateway:payments"
ASKED_AT_ONCE_MAX: Final = 16
TRIES_MAX: Final = 2
"""Tries in a row of one ask: the questions themselves are put again and again, with growing pauses."""
ANSWER_POLL_S: Final = 0.05
PAYMENTS_LOCK: Final = 0x524D4105
ASKS_BEFORE_ALARM: Final = 10

LOG = structlog.get_logger()


def run(settings: Settings, stop: Event, metrics: WorkerMetrics) -> None:
    """Ask the gateway about open payouts until ``stop`` is set.

    One worker asks at a time; others read along and take over when its session at PostgreSQL ends.

    Raises:
        ValueError: ``gateway_url`` is not set.
        psycopg.OperationalError, kafka.errors.KafkaError: A service stayed away.
    """
    if settings.gateway_url is None:
        raise ValueError("no payment gateway is set")
    gateway = HttpGateway(settings.gateway_url.get_secret_value(), tries_max=TRIES_MAX)
    with closing(gateway), inbox(settings, PaymentQuestions(), stop, metrics):
        ask_until(settings, gateway, stop, metrics)


def ask_until(settings: Settings, gateway: Gateway, stop: Event, metrics: WorkerMetrics) -> None:
    """Ask any gateway what its inbox calls for, until ``stop`` is set; answers under way are still told."""
    with ExitStack() as opened:
        vault = patiently(lambda: open_vault(settings), stop, metrics)
        if vault is None:
            return
        opened.enter_context(closing(vault))
        log = opened.enter_context(closing(EventLog(postgres_address(settings))))
        outlet = opened.enter_context(closing(Outlet(settings)))
        session = opened.enter_context(closing(Session(postgres_address(settings))))
        pool = opened.enter_context(ThreadPoolExecutor(ASKED_AT_ONCE_MAX, thread_name_prefix="asking"))
        payments = Payments(gateway, outlet, session, pool, TextReader(log, vault))
        act_until(stop, payments.turn, metrics)
        payments.finish(metrics)


class Payments:
    """Questions that are being asked, and what follows from the answers."""

    def __init__(
        self, gateway: Gateway, outlet: Outlet, session: Session, pool: ThreadPoolExecutor, texts: TextReader
    ) -> None:
        self._texts = texts
        self._gateway = gateway
        self._outlet = outlet
        self._session = session
        self._pool = pool
        self._asking: dict[UUID, tuple[PayoutQuestion, Future[Answer]]] = {}
        self._lead = Lead(session, PAYMENTS_LOCK)

    def turn(self) -> None:
        """Ask what is due, and tell what was answered; raises where PostgreSQL or Kafka is away."""
        if self._lead.is_held():
            room = ASKED_AT_ONCE_MAX - len(self._asking)
            questions = due(self._session.connection, but=self._asking, limit=room)
            texts = self._texts.of_streams(order_stream(one.order_id) for one in questions if one.tender_reference)
            for question in questions:
                asked = replace(question, tender_reference=as_written(question.tender_reference, texts))
                self._asking[question.payout_id] = (question, self._pool.submit(ask, self._gateway, asked))
        self._tell(wait_s=ANSWER_POLL_S)

    def finish(self, metrics: WorkerMetrics) -> None:
        """Wait for the answers under way and tell them."""
        while self._asking:
            patiently(lambda: self._tell(wait_s=None), Event(), metrics)  # meanwhile its session may have been ended

    def _tell(self, *, wait_s: float | None) -> None:
        """Publish what the answers mean, then remember that they were heard: in this order, whatever happens."""
        if not self._asking:
            return
        wait([future for _, future in self._asking.values()], wait_s, FIRST_COMPLETED)
        answered = [(question, future.result()) for question, future in self._asking.values() if future.done()]
        raised_by = ids_at(self._session.connection, (question.opened_by for question, _ in answered))
        commands = (command_of(question, answer, raised_by[question.opened_by]) for question, answer in answered)
        self._outlet.publish([command for command in commands if command])
        for question, answer in answered:
            self._remember(question, answer)
            del self._asking[question.payout_id]

    def _remember(self, question: PayoutQuestion, answer: Answer) -> None:
        wait_s = varied_s(payout_saga.ask_again_after_s(question, answer.kind))
        heard(self._session.connection, question, answer.kind, wait_s=wait_s)
        log = LOG.warning if question.asks >= ASKS_BEFORE_ALARM else LOG.info
        log(
            "payout_asked",
            payout_id=str(question.payout_id),
            order_id=question.order_id,
            rma_id=str(question.rma_id) if question.rma_id else None,
            answer=answer.kind,
            reason=answer.reason if answer.reason and CODE.fullmatch(answer.reason) else None,
            may_pay=question.may_pay,
            asks=question.asks + 1,
            again_after_s=round(wait_s, 1),
        )


def ask(gateway: Gateway, question: PayoutQuestion) -> Answer:
    """Put a question: pay under its key, or, once any final outcome was recorded, only look the key up."""
    request = PayoutRequest(
        payout_id=question.payout_id,
        idempotency_key=question.idempotency_key,
        order_id=question.order_id,
        rma_id=question.rma_id,
        tender_id=question.tender_id,
        tender_kind=question.tender_kind,
        amount_minor=question.amount_minor,
        currency=question.currency,
        tender_reference=question.tender_reference,
    )
    return gateway.pay(request) if question.may_pay else gateway.look_up(request)


def command_of(question: PayoutQuestion, answer: Answer, raised_by: EventIds) -> OutgoingCommand | None:
    """Return what to tell the log of an answer, if anything; the same answer to the same question, the same command."""
    said = payout_saga.statement(question, answer.kind)
    if said is None:
        return None
    data = {
        "order_id": question.order_id,
        "payout_id": str(question.payout_id),
        "outcome": said.outcome,
    }
    if question.rma_id is not None:
        data["rma_id"] = str(question.rma_id)
    if said.outcome != "unknown":
        told = {"reference": name_in(answer.reference or ""), "reason": answer.reason}
        data |= {name: value for name, value in told.items() if value}
    return OutgoingCommand(
        type="RecordPayoutOutcome",
        id=said.command_id,
        source=SOURCE,
        key=question.order_id,
        time=_said_at(question, answer),
        actor=ACTOR,
        data=data,
        correlation_id=raised_by.correlation_id,
        causation_id=str(raised_by.event_id),
    )


def _said_at(question: PayoutQuestion, answer: Answer) -> datetime:
    """Return when an answer counts from: once the log holds a final outcome, from now on.

    What is looked up because two outcomes contradict each other says what holds. Dated when it happened, it would be
    older news than the wrong one and change nothing, and what was paid would be paid again.
    """
    return answer.at if answer.at is not None and question.final is None else datetime.now(UTC)
