"""Waits, within bounds, until the system has nothing left to do."""

from __future__ import annotations

import time
from collections.abc import Callable, Collection, Sequence
from contextlib import closing
from typing import Final

import psycopg
from kafka.errors import KafkaError

from domain.errors import RmaError
from infra.addresses import postgres_address
from infra.sessions import connect
from infra.settings import Settings
from workers.operating.status import SystemStatus, read_status
from workers.trials.chaos.sending import Sender
from workers.trials.chaos.worker_processes import Workers
from workers.webhooks import subscriptions

AT_WORK_WITHIN_S: Final = 40.0
"""A woken process has noticed that its session is gone, and begun anew, by then: twice the bound of a take-over."""

SENT_WITHIN_S: Final = 120.0
SETTLED_WITHIN_S: Final = 120.0
"""How long what is left to do may not become less: after hundreds of faults there is more of it than a busy machine
does in any fixed time, and a system that stands still shows sooner than one that has much to do."""
SETTLED_AT_LAST: Final = 10
"""So many times that long is the end, however much becomes less."""
LOOK_EVERY_S: Final = 0.3
QUIET_LOOKS: Final = 3
WEBHOOKS: Final = "webhooks to be sent"
OPEN: Final = {
    "payments": ("payouts without an outcome", "SELECT count(*) FROM rma_payments.questions WHERE open"),
    "credit_notes": ("credit notes not asked for", "SELECT count(*) FROM rma_credit_notes.due WHERE NOT sent"),
    "deadlines": (
        "deadlines not passed",
        "SELECT count(*) FROM rma_deadlines.deadlines WHERE open AND NOT overdue"
        " AND fired_for IS DISTINCT FROM due_at AND due_at <= now()",
    ),
    "labels": ("returns to be looked at for labels", "SELECT count(*) FROM rma_labels.returns WHERE looked < decided"),
    "webhooks": (WEBHOOKS, "SELECT count(*) FROM rma_webhooks.deliveries WHERE state = 'waiting'"),
    "notices": ("letters to be sent", "SELECT count(*) FROM rma_notices.messages WHERE NOT done"),
}
"""What a kind of worker may have left to do beside what it has to read: what that is, and how many."""


def settle(settings: Settings, workers: Workers, sender: Sender, *, within_s: float = SETTLED_WITHIN_S) -> list[str]:
    """Wait until everything is sent, every worker works and nothing is left to do; return what did not come about."""
    missing = not_at_work(workers)
    if not _within(SENT_WITHIN_S, sender.done.is_set):
        missing.append(f"the load was not sent within {SENT_WITHIN_S:.0f} s")
    quiet = _Quiet(settings, {worker.kind for worker in workers.all})
    if not _while_less_is_left(within_s, quiet):
        missing.append(f"not settled, and no less left to do for {within_s:.0f} s: {', '.join(quiet.why)}")
    return missing


def _while_less_is_left(within_s: float, quiet: _Quiet) -> bool:
    """Wait until all is quiet; False where what is left to do has not become less for so long."""
    began = since = time.monotonic()
    least: int | None = None
    while not quiet.is_so():
        now = time.monotonic()
        if quiet.left is not None and (least is None or quiet.left < least):
            least, since = quiet.left, now
        if now - since > within_s or now - began > SETTLED_AT_LAST * within_s:
            return False
        time.sleep(LOOK_EVERY_S)
    return True


def not_at_work(workers: Workers, *, within_s: float = AT_WORK_WITHIN_S) -> list[str]:
    """Wait until every worker works; return, and say of each, which do not within the bound."""
    left = list(workers.all)

    def all_work() -> bool:
        left[:] = [worker for worker in left if not worker.is_at_work()]
        return not left

    _within(within_s, all_work)
    return [f"{one.name} is not at work again within {within_s:.0f} s: {one.what_it_said()}" for one in left]


def _within(bound_s: float, holds: Callable[[], bool]) -> bool:
    deadline = time.monotonic() + bound_s
    while not holds():
        if time.monotonic() > deadline:
            return False
        time.sleep(LOOK_EVERY_S)
    return True


class _Quiet:
    """Tells whether nothing has been left to do for a few looks in a row."""

    def __init__(self, settings: Settings, kinds: Collection[str]) -> None:
        self.why: Sequence[str] = ()
        self.left: int | None = None
        """How much is left to do, each kind in its own unit; None: not known yet."""
        self._settings = settings
        self._open_of = [asked for kind, asked in OPEN.items() if kind in kinds]
        self._looks = 0
        self._position: int | None = None

    def is_so(self) -> bool:
        try:
            status = read_status(self._settings)
            left = _behind(status) | self._open()
            if WEBHOOKS in left:
                _resume_webhooks(self._settings)
        except (psycopg.Error, KafkaError, RmaError) as away:
            self.why = [repr(away)]
            return False
        self.why, self.left = [f"{number} {what}" for what, number in left.items()], sum(left.values())
        self._looks = self._looks + 1 if not self.why and self._position == status.log_position else 0
        self._position = status.log_position
        return self._looks >= QUIET_LOOKS

    def _open(self) -> dict[str, int]:
        found: dict[str, int] = {}
        with psycopg.connect(postgres_address(self._settings)) as connection:
            for what, query in self._open_of:
                [(number,)] = connection.execute(query.encode()).fetchall()
                found |= {what: number} if number else {}
        return found


def _resume_webhooks(settings: Settings) -> None:
    """Let what waits for another try be sent at once, as who runs the system does when a receiver is back.

    A try that was frozen fails, too: after four, the next is further away than a trial waits.
    """
    with closing(connect(postgres_address(settings))) as connection:
        for one in subscriptions.listed(connection):
            subscriptions.pause(connection, one["subscription_id"], paused=False)


def _behind(status: SystemStatus) -> dict[str, int]:
    """Return how much each worker has still to read, but for the auditor, who signs now and then."""
    behind = {f"{one.unit} for {one.worker}": one.behind for one in status.workers if one.behind}
    waiting = {"answers to be published": status.outbox_waiting} if status.outbox_waiting else {}
    return {what: number for what, number in behind.items() if not what.endswith(" auditor")} | waiting
