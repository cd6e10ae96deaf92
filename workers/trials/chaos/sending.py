"""Whoever sends the load: at a steady pace, and again where Kafka did not say that it has it."""

from __future__ import annotations

import time
from collections.abc import Iterable, Iterator
from contextlib import closing, contextmanager
from itertools import islice
from threading import Event, Thread
from typing import Final

import psycopg
from kafka.errors import KafkaError

from infra.kafka.publisher import publisher_of
from infra.kafka.topics import TopicNames
from infra.services import ServiceUnreachableError
from infra.settings import Settings
from workers.trials.chaos.load import Sent

TURN_S: Final = 0.1
AGAIN_AFTER_S: Final = 0.5
AWAY: Final = (KafkaError, psycopg.Error, ServiceUnreachableError, OSError)


class Sender:
    """Sends a load; a batch of which anything failed is sent whole again, so that some of it comes twice."""

    def __init__(self, settings: Settings, load: Iterable[Sent], per_second: float) -> None:
        self.acknowledged = 0
        self.done = Event()
        self._settings = settings
        self._load = iter(load)
        self._per_second = per_second
        self._stop = Event()

    def run(self) -> None:
        """Send until all is sent, or until told to stop."""
        began, batch = time.monotonic(), list[Sent]()
        while not self._stop.is_set():
            try:
                with closing(publisher_of(self._settings)) as publisher:
                    while not self._stop.is_set():
                        due = int((time.monotonic() - began) * self._per_second) - self.acknowledged
                        batch = batch or list(islice(self._load, max(due, 1)))
                        if not batch:
                            self.done.set()
                            return
                        records = ((sent.key, sent.value, sent.marked) for sent in batch)
                        publisher.deliver(TopicNames(self._settings.topic_prefix).commands, records)
                        self.acknowledged += len(batch)
                        batch = []
                        self._stop.wait(TURN_S)
            except AWAY:
                self._stop.wait(AGAIN_AFTER_S)

    def stop(self) -> None:
        self._stop.set()


@contextmanager
def sending(settings: Settings, load: Iterable[Sent], per_second: float) -> Iterator[Sender]:
    """Send a load in a thread while the block lasts."""
    sender = Sender(settings, load, per_second)
    thread = Thread(target=sender.run, name="load")
    thread.start()
    try:
        yield sender
    finally:
        sender.stop()
        thread.join()
