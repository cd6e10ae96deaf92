"""What the door does by itself: news tried again; loose files go, and what the erased left."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass, field
from datetime import timedelta
from threading import Event, Thread
from typing import Final

import structlog
from psycopg import Connection

from infra.addresses import postgres_address
from infra.metrics import WorkerMetrics
from infra.sessions import Session
from workers.http.approvals import forget_pending
from workers.http.carrier_news import commands_of, due, lapse, mark_told, parcels_of
from workers.http.door import Door
from workers.http.evidence_store import forget_orphans
from workers.http.forgetting import forget_erased
from workers.http.incoming import incoming_of
from workers.http.staff import forget_staff
from workers.http.visitors import forget_visitors
from workers.runtime.patience import patiently

NEWS_EVERY_S: Final = 60.0
LOOK_EVERY_S: Final = 1.0
FILES_EVERY_S: Final = 3_600.0
ERASED_EVERY_S: Final = 60.0
ERASED_LATELY: Final = timedelta(days=2)
JOIN_TIMEOUT_S: Final = 15.0

LOG = structlog.get_logger()


@dataclass
class _Duty:
    """Something to do again and again; first after a pause."""

    every_s: float
    do: Callable[[], object]
    done_at: float = field(default_factory=time.monotonic)

    def is_due(self) -> bool:
        """Tell whether it is time; then it counts as done."""
        if (now := time.monotonic()) - self.done_at < self.every_s:
            return False
        self.done_at = now
        return True


def _duties(door: Door, session: Session) -> list[_Duty]:
    return [
        _Duty(NEWS_EVERY_S, lambda: try_again(door, session.connection)),
        _Duty(FILES_EVERY_S, lambda: forget_orphans(session.connection, door.evidence)),
        _Duty(FILES_EVERY_S, lambda: forget_visitors(session.connection)),
        _Duty(FILES_EVERY_S, lambda: forget_staff(session.connection)),
        _Duty(FILES_EVERY_S, lambda: forget_pending(session.connection)),
        _Duty(ERASED_EVERY_S, lambda: forget_erased(session.connection, door.evidence, ERASED_LATELY)),
        _Duty(FILES_EVERY_S, lambda: forget_erased(session.connection, door.evidence)),
    ]


@contextmanager
def upkeep(door: Door, stop: Event) -> Iterator[None]:
    """Do it in a thread while the block lasts; what ends the thread sets ``stop``, and is raised in the end."""
    failures, metrics = list[BaseException](), WorkerMetrics("http-upkeep")

    def work() -> None:
        try:
            with closing(Session(postgres_address(door.settings))) as session:
                duties = _duties(door, session)
                while not stop.wait(LOOK_EVERY_S):
                    for duty in duties:
                        if duty.is_due():
                            patiently(duty.do, stop, metrics)
        except BaseException as failure:
            failures.append(failure)
            stop.set()

    thread = Thread(target=work, name="http-upkeep")
    thread.start()
    try:
        yield
    finally:
        stop.set()
        thread.join(JOIN_TIMEOUT_S)
    if failures:
        raise failures[0]


def try_again(door: Door, connection: Connection, **how: str) -> int:
    """Tell the news of parcels that are known by now, and give up on those two weeks old; return how many were told.

    Published first and noted afterwards: what is told twice is one command.
    """
    told = 0
    for carrier, news in due(connection, **how):
        known = door.carriers.named(carrier)
        parcels = [one for one in parcels_of(connection, news) if known and known.carries(carrier, one.carrier)]
        if parcels:
            door.outbound.publish_now([incoming_of(command) for command in commands_of(carrier, news, parcels)])
            mark_told(connection, carrier, news.event_id)
            LOG.info("carrier_news_told", carrier=carrier, event_id=news.event_id)
            told += 1
    lapse(connection)
    return told
