"""Waits, within bounds, until the system has nothing left to do."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from typing import Final

import psycopg
from kafka.errors import KafkaError

from domain.errors import RmaError
from infra.addresses import postgres_address
from infra.settings import Settings
from workers.operating.status import SystemStatus, read_status
from workers.trials.chaos.sending import Sender
from workers.trials.chaos.worker_processes import Workers

AT_WORK_WITHIN_S: Final = 40.0
"""A woken process has noticed that its session is gone, and begun anew, by then: twice the bound of a take-over."""

SENT_WITHIN_S: Final = 120.0
SETTLED_WITHIN_S: Final = 120.0
LOOK_EVERY_S: Final = 0.3
QUIET_LOOKS: Final = 3
OPEN: Final = {
    "payouts without an outcome": "SELECT count(*) FROM rma_payments.questions WHERE open",
    "credit notes not asked for": "SELECT count(*) FROM rma_credit_notes.due WHERE NOT sent",
    "deadlines not passed": "SELECT count(*) FROM rma_deadlines.deadlines WHERE open AND NOT overdue"
    " AND fired_for IS DISTINCT FROM due_at AND due_at <= now() - interval '1 minute'",
}


def settle(settings: Settings, workers: Workers, sender: Sender, *, within_s: float = SETTLED_WITHIN_S) -> list[str]:
    """Wait until everything is sent, every worker works and nothing is left to do; return what did not come about."""
    missing = _at_work(workers)
    if not _within(SENT_WITHIN_S, sender.done.is_set):
        missing.append(f"the load was not sent within {SENT_WITHIN_S:.0f} s")
    quiet = _Quiet(settings)
    if not _within(within_s, quiet.is_so):
        missing.append(f"not settled within {within_s:.0f} s: {', '.join(quiet.why)}")
    return missing


def _at_work(workers: Workers) -> list[str]:
    left = list(workers.all)

    def all_work() -> bool:
        left[:] = [worker for worker in left if not worker.is_at_work()]
        return not left

    _within(AT_WORK_WITHIN_S, all_work)
    return [f"{one.name} is not at work again within {AT_WORK_WITHIN_S:.0f} s: {one.what_it_said()}" for one in left]


def _within(bound_s: float, holds: Callable[[], bool]) -> bool:
    deadline = time.monotonic() + bound_s
    while not holds():
        if time.monotonic() > deadline:
            return False
        time.sleep(LOOK_EVERY_S)
    return True


class _Quiet:
    """Tells whether nothing has been left to do for a few looks in a row."""

    def __init__(self, settings: Settings) -> None:
        self.why: Sequence[str] = ()
        self._settings = settings
        self._looks = 0
        self._position: int | None = None

    def is_so(self) -> bool:
        try:
            status = read_status(self._settings)
            self.why = [*_behind(status), *self._open()]
        except (psycopg.Error, KafkaError, RmaError) as away:
            self.why = [repr(away)]
            return False
        self._looks = self._looks + 1 if not self.why and self._position == status.log_position else 0
        self._position = status.log_position
        return self._looks >= QUIET_LOOKS

    def _open(self) -> list[str]:
        found = []
        with psycopg.connect(postgres_address(self._settings)) as connection:
            for what, query in OPEN.items():
                [(number,)] = connection.execute(query.encode()).fetchall()
                found += [f"{number} {what}"] if number else []
        return found


def _behind(status: SystemStatus) -> list[str]:
    behind = [f"{one.worker} {one.behind} {one.unit} behind" for one in status.workers if one.behind]
    waiting = [f"{status.outbox_waiting} answers not published"] if status.outbox_waiting else []
    return [*(said for said in behind if not said.startswith("auditor")), *waiting]
