"""Answers to commands, on their way back: read from the topic by one thread, handed to the requests that wait."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import closing, contextmanager
from datetime import datetime
from threading import Event, Lock, Thread
from typing import Final, NamedTuple

import orjson
import structlog
from kafka.structs import TopicPartition

from infra.addresses import addresses, postgres_address
from infra.envelope.cloudevents import COMMAND_PLACE
from infra.kafka.record import Offsets, Record
from infra.kafka.topic_reader import TopicReader
from infra.kafka.topics import TopicNames
from infra.metrics import WorkerMetrics
from infra.sessions import Session
from infra.settings import Settings
from workers.http.errors import UnavailableError
from workers.http.tables import MalformedAnswer, keep, offsets_read
from workers.runtime.patience import patiently

WAITING_MAX: Final = 2_000
"""Requests that may wait for an answer at once."""
POLL_MS: Final = 200
MALFORMED: Final = b'"status":"malformed"'
"""What an answer holds that is one; others may hold it, too, in what they quote."""
NOTE_EVERY_S: Final = 5.0
JOIN_TIMEOUT_S: Final = 15.0

LOG = structlog.get_logger()
CommandId = tuple[str, str]
"""Source and id."""


class Answer(NamedTuple):
    """An answer as it was published, and the place of the command's record that it answers.

    None: a version answered that does not say which.
    """

    body: bytes
    place: str | None


class Waiting:
    """Requests that wait for answers, by what they wait for. ``tell`` may be called from any thread."""

    def __init__(self) -> None:
        self._queues: dict[CommandId, list[tuple[asyncio.AbstractEventLoop, asyncio.Queue[Answer]]]] = {}
        self._lock = Lock()

    @contextmanager
    def for_answers(self, command: CommandId) -> Iterator[asyncio.Queue[Answer]]:
        """Yield a queue that gets every answer under a command's id while the block lasts.

        Raises:
            UnavailableError: Too many wait already.
        """
        entry = (asyncio.get_running_loop(), asyncio.Queue[Answer]())
        with self._lock:
            if len(self._queues) >= WAITING_MAX:
                raise UnavailableError("too many requests wait for answers")
            self._queues.setdefault(command, []).append(entry)
        try:
            yield entry[1]
        finally:
            with self._lock:
                self._queues[command].remove(entry)
                if not self._queues[command]:
                    del self._queues[command]

    def tell(self, command: CommandId, answer: Answer) -> None:
        """Hand an answer to whoever waits for it."""
        with self._lock:
            for loop, queue in self._queues.get(command, ()):
                loop.call_soon_threadsafe(queue.put_nowait, answer)


class AnswerReader:
    """Reads the topic of answers from where a door last stood: tells those who wait, keeps what is malformed.

    Every door reads all of it: an answer is wanted where its request is. Malformed answers are kept because the log
    keeps none; two doors keep the same.
    """

    def __init__(self, reader: TopicReader, session: Session, waiting: Waiting) -> None:
        self._reader, self._session, self._waiting = reader, session, waiting
        self._fresh: list[tuple[CommandId, Answer]] = []
        self._malformed: list[MalformedAnswer] = []
        self._read_to: dict[int, int] = {}
        self._noted_at, self._moved = 0.0, False

    def begin(self) -> None:
        """Stand where the topic was last read, or at its end where no door ever read it."""
        known, begins, ends = offsets_read(self._session.connection), self._reader.begins(), self._reader.ends()
        start: Offsets = {at: max(known.get(at.partition, ends[at]), begins[at]) for at in ends}
        self._reader.seek(start)
        self._read_to = {at.partition: offset for at, offset in start.items()}
        keep(self._session.connection, [], self._read_to)

    def turn(self) -> None:
        """Take what comes next, keep what has to be kept, and only then hand it on: who was told finds it again.

        Raises:
            kafka.errors.KafkaError, psycopg.Error: A service is away; the turn can be taken again.
        """
        if not self._fresh:
            self._take(self._reader.poll(POLL_MS))
        self._note()
        for command, answer in self._fresh:
            self._waiting.tell(command, answer)
        self._fresh.clear()

    def _take(self, batch: Mapping[TopicPartition, Sequence[Record]]) -> None:
        for at, records in batch.items():
            for record in records:
                headers, answer = dict(record.headers), record.value or b""
                command = _text(headers, "ce_commandsource"), _text(headers, "ce_commandid")
                place = _text(headers, COMMAND_PLACE) or None
                self._fresh.append((command, Answer(answer, place)))
                if MALFORMED in answer and orjson.loads(answer)["status"] == "malformed":
                    told_at = datetime.fromisoformat(_text(headers, "ce_time"))
                    self._malformed.append(MalformedAnswer(*command, answer, told_at))
            self._read_to[at.partition] = records[-1].offset + 1
            self._moved = True

    def _note(self) -> None:
        """Keep what is malformed, and from time to time how far the topic was read."""
        if self._malformed or (self._moved and time.monotonic() - self._noted_at >= NOTE_EVERY_S):
            keep(self._session.connection, self._malformed, self._read_to)
            self._malformed.clear()
            self._noted_at, self._moved = time.monotonic(), False


def _text(headers: Mapping[str, bytes | None], name: str) -> str:
    return (headers.get(name) or b"").decode()


@contextmanager
def answers(settings: Settings, stop: Event) -> Iterator[Waiting]:
    """Read answers in a thread while the block lasts, and yield who waits for them; the thread's end sets ``stop``.

    That this thread lives says nothing of the one that answers requests, so its signs of life are its own.

    Raises:
        Exception: What ended the thread, once the block has ended.
    """
    waiting, failures, metrics = Waiting(), list[BaseException](), WorkerMetrics("http-answers")
    topic = TopicNames(settings.topic_prefix).results
    begun = Event()

    def read() -> None:
        try:
            with (
                closing(Session(postgres_address(settings))) as session,
                closing(TopicReader(addresses(settings).kafka_bootstrap, topic)) as topic_reader,
            ):
                reader = AnswerReader(topic_reader, session, waiting)
                patiently(reader.begin, stop, metrics)
                begun.set()
                while not stop.is_set():
                    patiently(reader.turn, stop, metrics)
        except BaseException as failure:
            failures.append(failure)
            stop.set()
        finally:
            begun.set()

    thread = Thread(target=read, name="http-answers")
    thread.start()
    try:
        begun.wait()
        yield waiting
    finally:
        stop.set()
        thread.join(JOIN_TIMEOUT_S)
    if failures:
        raise failures[0]
