"""The webhook worker: tells receivers of events, signed, in the log's order for each Kafka key, at least once.

It may be killed at any instant: what was sent and not noted is sent again, under the same id. A receiver that fails is
tried again with growing pauses, for three days; then the event is parked, and those behind it go on. Each has senders
of its own, so that one that is slow or dead holds up nobody else.
"""

from __future__ import annotations

import time
from collections import Counter as Tally
from collections.abc import Callable, Collection, Sequence
from concurrent.futures import FIRST_COMPLETED, Future, ThreadPoolExecutor, wait
from contextlib import ExitStack, closing
from dataclasses import dataclass
from datetime import timedelta
from functools import partial
from threading import Event
from typing import Final
from uuid import UUID

import structlog
from prometheus_client import Counter

from infra.addresses import postgres_address
from infra.metrics import WorkerMetrics
from infra.sealing.master_keys import MasterKeys, read_master_keys
from infra.sessions import Lead, Session
from infra.settings import Settings
from workers.projector.inbox import act_until, inbox
from workers.runtime.clock import utc_now
from workers.runtime.patience import patiently
from workers.runtime.pauses import growing_s
from workers.webhooks.lanes import Lane, LaneOutcome, Letter, Tried, due, forget, settle
from workers.webhooks.sending import Sending
from workers.webhooks.subscriptions import SUBSCRIPTIONS_MAX, Receiver, receivers
from workers.webhooks.table import WebhookTable

WEBHOOKS_LOCK: Final = 0x524D5702
SENDERS_EACH: Final = 8
"""Lanes of one receiver that are sent at the same time; 1 after he let a try take too long."""
LANE_MAX_S: Final = 10.0
"""After so long a lane lets others have their turn."""
TURN_MAX_S: Final = 1.0
POLL_S: Final = 0.05
FORGET_EVERY_S: Final = 60.0
TOO_SLOW: Final = frozenset({"ConnectTimeout", "ReadTimeout", "WriteTimeout", "PoolTimeout"})

LOG = structlog.get_logger()


@dataclass(frozen=True, slots=True)
class Patience:
    """How a receiver that fails is tried again: after ``first_s``, then ever later, for ``give_up`` in all."""

    first_s: float = 5.0
    factor: float = 3.0
    longest_s: float = 6 * 3_600.0
    give_up: timedelta = timedelta(days=3)

    def pause_s(self, tries: int) -> float:
        """Return how long to wait after so many tries that failed, with jitter."""
        return growing_s(tries - 1, first_s=self.first_s, factor=self.factor, longest_s=self.longest_s)


def run(
    settings: Settings,
    stop: Event,
    metrics: WorkerMetrics,
    *,
    patience: Patience = Patience(),
) -> None:
    """Deliver events to receivers until ``stop`` is set.

    One worker sends at a time; others read along and take over when its session at PostgreSQL ends.

    Raises:
        VaultKeyMissingError, VaultKeyWrongError: The secrets of receivers cannot be opened.
        psycopg.OperationalError, kafka.errors.KafkaError: A service stayed away.
    """
    masters = read_master_keys(settings)
    with inbox(settings, WebhookTable(), stop, metrics) as news, ExitStack() as opened:
        session = opened.enter_context(closing(Session(postgres_address(settings))))
        pool = opened.enter_context(ThreadPoolExecutor(SUBSCRIPTIONS_MAX * SENDERS_EACH, thread_name_prefix="webhook"))
        send = partial(send_lane, stop=stop, allow_private=settings.webhooks_allow_private, patience=patience)
        webhooks = Webhooks(session, masters, pool, send, metrics)
        act_until(stop, webhooks.turn, metrics, news=news)
        webhooks.finish(metrics)


def send_lane(
    receiver: Receiver, lane: Lane, letters: Sequence[Letter], *, stop: Event, allow_private: bool, patience: Patience
) -> LaneOutcome:
    """Send letters of a lane in their order, up to the first that is not taken."""
    began, tried = time.monotonic(), list[Tried]()
    with Sending(receiver, allow_private=allow_private) as sending:
        for letter in letters:
            if tried and (stop.is_set() or time.monotonic() - began > LANE_MAX_S):
                break
            at = utc_now()
            why = sending.send(letter, at)
            if why is None:
                tried.append(Tried(letter, at, "delivered"))
                continue
            is_over = at - (letter.first_tried_at or at) >= patience.give_up
            tried.append(Tried(letter, at, "parked" if is_over else "waiting", why))
            return LaneOutcome(lane, tried, 0.0 if is_over else patience.pause_s(letter.tries + 1))
    return LaneOutcome(lane, tried)


SendLane = Callable[[Receiver, Lane, Sequence[Letter]], LaneOutcome]


class Webhooks:
    """Lanes that are being sent, and what becomes of them."""

    def __init__(
        self, session: Session, masters: MasterKeys, pool: ThreadPoolExecutor, send: SendLane, metrics: WorkerMetrics
    ) -> None:
        self._session = session
        self._masters = masters
        self._pool = pool
        self._send = send
        self._sending: dict[Lane, Future[LaneOutcome]] = {}
        self._slow: set[UUID] = set()
        self._lead = Lead(session, WEBHOOKS_LOCK)
        self._forgot_at = time.monotonic()
        self._tries = Counter(
            "rma_webhook_tries",
            "Tries to deliver an event, by what became of them: delivered, waiting for another, parked.",
            ["worker", "subscription", "state"],
            registry=metrics.registry,
        )

    def turn(self) -> None:
        """Send what is due and note what was sent, again and again for a second; raises where PostgreSQL is away."""
        until = time.monotonic() + TURN_MAX_S
        while self._round() and time.monotonic() < until:
            pass

    def finish(self, metrics: WorkerMetrics) -> None:
        """Wait for what is being sent, and note what became of it."""
        while self._sending:
            patiently(lambda: self._note(wait_s=None), Event(), metrics)  # meanwhile its session may have been ended

    def _round(self) -> bool:
        """Send and note once; tell whether anything is being sent."""
        if self._lead.is_held():
            known = {one.subscription_id: one for one in receivers(self._session.connection, self._masters)}
            for lane, letters in due(self._session.connection, self._room(known), self._sending).items():
                self._sending[lane] = self._pool.submit(self._send, known[lane[0]], lane, letters)
            self._forget()
        self._note(wait_s=POLL_S)
        return bool(self._sending)

    def _room(self, known: Collection[UUID]) -> dict[UUID, int]:
        """Return how many lanes of each may be sent beside those that are."""
        busy = Tally(subscription_id for subscription_id, _ in self._sending)
        most = {one: 1 if one in self._slow else SENDERS_EACH for one in known}
        return {one: most[one] - busy[one] for one in known if busy[one] < most[one]}

    def _note(self, *, wait_s: float | None) -> None:
        if not self._sending:
            return
        wait(self._sending.values(), wait_s, FIRST_COMPLETED)
        outcomes = [future.result() for future in self._sending.values() if future.done()]
        if not outcomes:
            return
        settle(self._session.connection, outcomes)
        for outcome in outcomes:
            del self._sending[outcome.lane]
            self._tell(outcome)

    def _tell(self, outcome: LaneOutcome) -> None:
        """Say what became of a lane's letters, and remember who is slow."""
        subscription_id, key = outcome.lane
        for tried in outcome.tried:
            (self._slow.add if tried.why in TOO_SLOW else self._slow.discard)(subscription_id)
            self._tries.labels(WebhookTable.name, str(subscription_id), tried.state).inc()
            (LOG.info if tried.why is None else LOG.warning)(
                "webhook_sent",
                subscription_id=str(subscription_id),
                event_id=str(tried.letter.event.event_id),
                type=tried.letter.event.type,
                key=key,
                state=tried.state,
                why=tried.why,
                tries=tried.letter.tries + 1,
                redelivery=tried.letter.redelivery,
                correlation_id=tried.letter.event.correlation_id,
            )

    def _forget(self) -> None:
        """Forget from time to time what was delivered long ago."""
        if time.monotonic() - self._forgot_at >= FORGET_EVERY_S:
            forget(self._session.connection)
            self._forgot_at = time.monotonic()
