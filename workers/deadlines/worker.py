"""The deadline worker: when the clock passes a deadline's instant, it says so with a ``PassDeadline``.

A customer's deadline that is near becomes a ``Remind``, a return that has been over for some days an ``AskFeedback``.

Which deadlines there are, and when they are due, is read from the events alone. News that something was done in time
may come late, so it waits a while (``RMA_DEADLINE_GRACE``) past each instant. Firing twice is the same command, so the
worker publishes first and remembers afterwards.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from contextlib import ExitStack, closing
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from functools import partial
from threading import Event
from typing import Final

import structlog

from infra.addresses import postgres_address
from infra.kafka.command_client import OutgoingCommand
from infra.log.event_log import EventLog
from infra.log.queries import EventIds, ids_at
from infra.metrics import WorkerMetrics
from infra.sessions import Session
from infra.settings import Settings
from workers.deadlines.asking import ACTOR, SOURCE, ask, work_out
from workers.deadlines.table import DeadlineTable, DueDeadline, due, mark_fired, mark_reminded, near
from workers.projector.inbox import SELDOM_S, Outlet, act_until, inbox
from workers.runtime.clock import utc_now
from workers.runtime.every_event import make_codec

FIRED_AT_ONCE_MAX: Final = 500
JUMP_MAX_S: Final = 60.0
"""A wall clock that runs so far ahead of the steady one was set, not waited for."""
HOLD_S: Final = 60.0
"""How long nothing is fired after a jump: a clock that was set wrongly is usually set right soon."""

LOG = structlog.get_logger()


class Clock:
    """The wall clock, believed unless it has just jumped ahead.

    A jump back needs no care: what was fired stays fired, and the rest waits until its instant comes. A jump ahead is
    believed after ``HOLD_S``, when it still stands then.
    """

    def __init__(self, wall: Callable[[], datetime] = utc_now, steady_s: Callable[[], float] = time.monotonic) -> None:
        self._wall = wall
        self._steady_s = steady_s
        self._offset = wall() - timedelta(seconds=steady_s())
        self._hold_until_s: float | None = None

    def now(self) -> datetime | None:
        """Return the time, or None while a jump ahead is not yet believed."""
        wall, steady_s = self._wall(), self._steady_s()
        offset = wall - timedelta(seconds=steady_s)
        ahead_s = (offset - self._offset).total_seconds()
        if ahead_s <= JUMP_MAX_S:
            self._hold_until_s, self._offset = None, offset
            return wall
        if self._hold_until_s is None:
            self._hold_until_s = steady_s + HOLD_S
            LOG.warning("clock_jumped", ahead_s=round(ahead_s), hold_s=HOLD_S)
        if steady_s < self._hold_until_s:
            return None
        self._hold_until_s, self._offset = None, offset
        return wall


def run(settings: Settings, stop: Event, metrics: WorkerMetrics, *, wall: Callable[[], datetime] = utc_now) -> None:
    """Fire deadlines until ``stop`` is set.

    Raises:
        psycopg.OperationalError, kafka.errors.KafkaError: A service stayed away.
    """
    clock, codec = Clock(wall), make_codec()
    with inbox(settings, DeadlineTable(), stop, metrics) as news, ExitStack() as opened:
        outlet = opened.enter_context(closing(Outlet(settings)))
        session = opened.enter_context(closing(Session(postgres_address(settings))))
        log = opened.enter_context(closing(EventLog(postgres_address(settings))))

        def act() -> None:
            now = clock.now()
            if now is None:
                return
            fire(session, outlet, now, grace=settings.deadline_grace)
            remind(session, outlet, now, ahead=settings.remind_before)
            work_out(session.connection, log, codec)
            ask(session.connection, log, codec, outlet, now)

        act_until(stop, act, metrics, news=news, every_s=SELDOM_S)


def fire(session: Session, outlet: Outlet, now: datetime, *, grace: timedelta) -> int:
    """Publish a command for every deadline that has been due for so long, at most 500; return how many there were."""
    found = due(session.connection, now - grace, limit=FIRED_AT_ONCE_MAX)
    if found:
        _publish(session, outlet, found, partial(command_of, now=now))
        mark_fired(session.connection, found)
        _log("deadline_fired", found)
    return len(found)


def remind(session: Session, outlet: Outlet, now: datetime, *, ahead: timedelta) -> int:
    """Publish a command for every deadline of customers' that is so near, at most 500; return how many there were."""
    found = near(session.connection, now, ahead=ahead, limit=FIRED_AT_ONCE_MAX)
    if found:
        _publish(session, outlet, found, partial(reminder_of, now=now))
        mark_reminded(session.connection, found)
        _log("customer_reminded", found)
    return len(found)


def _publish(
    session: Session, outlet: Outlet, found: Sequence[DueDeadline], command: Callable[..., OutgoingCommand]
) -> None:
    set_by = ids_at(session.connection, (deadline.set_at for deadline in found))
    outlet.publish([command(deadline, set_by=set_by.get(deadline.set_at)) for deadline in found])


def _log(event: str, found: Sequence[DueDeadline]) -> None:
    for deadline in found:
        LOG.info(
            event,
            deadline_id=str(deadline.deadline_id),
            order_id=deadline.order_id,
            rma_id=deadline.rma_id,
            due_at=deadline.due_at.isoformat(),
        )


def reminder_of(deadline: DueDeadline, now: datetime, set_by: EventIds | None) -> OutgoingCommand:
    """Return the command that reminds of a deadline's instant: the same for the same instant."""
    command = command_of(deadline, now, set_by)
    return replace(command, type="Remind", id=f"{command.id}/reminder")


def command_of(deadline: DueDeadline, now: datetime, set_by: EventIds | None) -> OutgoingCommand:
    """Return the command for a deadline's instant: the same for the same instant, however often it is fired.

    ``set_by`` is the event that set the instant, None where the worker has not kept it.
    """
    return OutgoingCommand(
        type="PassDeadline",
        id=f"{deadline.deadline_id}/{deadline.due_at.astimezone(UTC).isoformat()}",
        source=SOURCE,
        key=deadline.order_id,
        time=now,
        actor=ACTOR,
        data={
            "order_id": deadline.order_id,
            "rma_id": deadline.rma_id,
            "deadline_id": str(deadline.deadline_id),
        },
        correlation_id=set_by and set_by.correlation_id,
        causation_id=set_by and str(set_by.event_id),
    )
