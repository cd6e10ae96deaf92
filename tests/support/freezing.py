"""Workers that stand still at an instant which a test chooses: they run as always, and stop themselves there."""

from __future__ import annotations

import functools
import os
import signal
import time
from collections.abc import Callable
from datetime import datetime, timedelta
from multiprocessing.connection import Connection
from pathlib import Path
from pkgutil import resolve_name
from threading import Thread
from typing import Any, Final, Literal

import psutil

from infra import sessions
from infra.kafka import clients
from infra.settings import Settings
from tests.support.pipeline import wait_for
from tests.support.worker_processes import PROCESSES, WorkerProcess, work
from workers.deadlines import worker as deadlines
from workers.registry import READ_MODELS
from workers.runtime.clock import utc_now

Bounds = Literal["short", "production"]
SHORT_KAFKA_SESSION_MS: Final = 6_000
"""The least that a broker takes unless told otherwise."""

AHEAD: Final = timedelta(days=20)
"""How far the clock of a deadline worker is set ahead here: nobody wants to wait until a deadline passes."""

SHORT: Final[dict[Any, dict[str, int]]] = {
    sessions: {"SILENCE_MAX_MS": 2_000, "LEAD_SILENCE_MAX_MS": 3_000, "LOCK_TIMEOUT_MS": 1_000},
    clients: {"SESSION_TIMEOUT_MS": SHORT_KAFKA_SESSION_MS, "HEARTBEAT_INTERVAL_MS": 1_000},
}
OF_A_PROJECTOR: Final = {
    "polling": "infra.kafka.clients:GroupConsumer.poll",
    "holding its position": "workers.projector.projector:Projector._guard",
    "having written its rows": "workers.projector.projector:Projector._advance",
    "committing to Kafka": "workers.runtime.loop:Loop._commit",
}
OF_AN_INBOX: Final = {
    "holding its inbox": "workers.projector.projector:Projector._guard",
    "publishing": "workers.projector.inbox:Outlet.publish",
}
POINTS: Final[dict[str, dict[str, str]]] = {
    "commands": {
        "polling": "infra.kafka.clients:GroupConsumer.poll",
        "loading": "infra.log.event_log:EventLog.load",
        "waiting for the log's lock": "infra.log.event_log:_append",
        "holding the log's lock": "infra.log.event_log:_record",
        "writing under the log's lock": "infra.log.event_log:_write",
        "committing to Kafka": "workers.runtime.loop:Loop._commit",
    },
    "relay": {
        "reading": "workers.relay:events_after",
        "publishing": "infra.kafka.lane_producer:LaneProducer.send",
        "moving its position": "workers.relay:Relay._advance",
    },
    **dict.fromkeys(READ_MODELS, OF_A_PROJECTOR),
    "deadlines": {
        **OF_AN_INBOX,
        "looking for what is due": "workers.deadlines.worker:due",
        "remembering what it fired": "workers.deadlines.worker:mark_fired",
    },
    "payments": {
        **OF_AN_INBOX,
        "looking for what is due": "workers.payments.worker:due",
        "asking the gateway": "infra.gateways.http:HttpGateway.pay",
        "holding a question": "domain.settlement.payout_saga:heard",
    },
}
"""Where each kind of worker may be told to stand still: at a call of these functions, or soon after it began."""


class FreezableWorker(WorkerProcess):
    """A worker process that can be told where to stand still.

    Args:
        kind: One of ``POINTS``.
        name: Tells workers of one kind apart.
        settings: Of the system it works for.
        folder: Where its log goes.
        bounds: ``short`` bounds for its silence, or those of production.
    """

    def __init__(self, kind: str, name: str, settings: Settings, folder: Path, bounds: Bounds) -> None:
        super().__init__(kind, name, settings, folder)
        self._bounds: Bounds = bounds

    def start(self) -> None:
        self._orders, its = PROCESSES.Pipe()
        arguments = (self.kind, self.settings, self.log, self._bounds, its)
        self._process = PROCESSES.Process(target=_work, args=arguments)
        self._process.start()

    def freeze_at(self, point: str, delay_s: float) -> None:
        """Let it stand still so long after it has next come to a point; wait until it does."""
        self.will_freeze_at(point, delay_s)
        wait_for(self.stands_still, f"{self.name} to stand still {point}")

    def will_freeze_at(self, point: str, delay_s: float = 0) -> None:
        """Let it stand still so long after it has next come to a point, whenever that will be."""
        self._orders.send((point, delay_s))

    def goes_on(self) -> None:
        """Let it stand still nowhere, and go on if it does."""
        self._orders.send(None)
        self.thaw()

    def freeze_after(self, delay_s: float) -> None:
        """Let it stand still wherever it is after a while."""
        time.sleep(delay_s)
        self.freeze()
        wait_for(self.stands_still, f"{self.name} to stand still")

    def stands_still(self) -> bool:
        """Tell whether it does; it must not have ended."""
        assert self.runs, self.what_it_said()
        return psutil.Process(self.process.pid).status() == psutil.STATUS_STOPPED


def _work(kind: str, settings: Settings, log: Path, bounds: Bounds, orders: Connection) -> None:
    """Be a worker that stands still where it is told."""
    for module, shorter in SHORT.items() if bounds == "short" else ():
        for name, bound_ms in shorter.items():
            assert getattr(module, name) > bound_ms, f"{name} is as short already"
            setattr(module, name, bound_ms)
    freezer = _Freezer(orders)
    for point, where in POINTS[kind].items():
        freezer.watch(point, where)
    deadlines.run.__kwdefaults__ = {"wall": _ahead}
    work(kind, settings, log)


def _ahead() -> datetime:
    """Return a time at which deadlines of this moment have passed."""
    return utc_now() + AHEAD


class _Freezer:
    """Stops this process at the next call of the point it was told."""

    def __init__(self, orders: Connection) -> None:
        self._orders = orders
        self._next: tuple[str, float] | None = None
        Thread(target=self._listen, daemon=True).start()

    def watch(self, point: str, where: str) -> None:
        """Let calls of a function pass here first."""
        owner_name, _, name = where.replace(":", ".").rpartition(".")
        owner = resolve_name(owner_name)
        setattr(owner, name, self._passing(point, getattr(owner, name)))

    def _listen(self) -> None:
        while True:
            self._next = self._orders.recv()

    def _passing(self, point: str, call: Callable[..., Any]) -> Callable[..., Any]:
        @functools.wraps(call)
        def passes(*args: Any, **settings: Any) -> Any:
            if self._next is not None and self._next[0] == point:
                delay_s, self._next = self._next[1], None
                if delay_s:
                    Thread(target=_stand_still, args=(delay_s,), daemon=True).start()
                else:
                    _stand_still(0)
            return call(*args, **settings)

        return passes


def _stand_still(delay_s: float) -> None:
    time.sleep(delay_s)
    os.kill(os.getpid(), signal.SIGSTOP)
