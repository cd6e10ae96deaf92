"""What the door does by itself: news of parcels that were not known are tried again, files that nobody names go."""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import closing, contextmanager
from threading import Event, Thread
from typing import Final

import structlog
from psycopg import Connection

from infra.addresses import postgres_address
from infra.metrics import WorkerMetrics
from infra.sessions import Session
from workers.http.carrier_news import commands_of, due, lapse, mark_told, parcels_of
from workers.http.door import Door
from workers.http.evidence_store import forget_orphans
from workers.http.incoming import incoming_of
from workers.http.visitors import forget_visitors
from workers.runtime.patience import patiently

NEWS_EVERY_S: Final = 60.0
FILES_EVERY_S: Final = 3_600.0
JOIN_TIMEOUT_S: Final = 15.0

LOG = structlog.get_logger()


@contextmanager
def upkeep(door: Door, stop: Event) -> Iterator[None]:
    """Do it in a thread while the block lasts; what ends the thread sets ``stop``, and is raised in the end."""
    failures, metrics = list[BaseException](), WorkerMetrics("http-upkeep")

    def work() -> None:
        cleaned_at = float("-inf")
        try:
            with closing(Session(postgres_address(door.settings))) as session:
                while not stop.wait(NEWS_EVERY_S):
                    patiently(lambda: try_again(door, session.connection), stop, metrics)
                    if time.monotonic() - cleaned_at >= FILES_EVERY_S:
                        cleaned_at = time.monotonic()
                        patiently(lambda: forget_orphans(session.connection, door.evidence), stop, metrics)
                        patiently(lambda: forget_visitors(session.connection), stop, metrics)
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
