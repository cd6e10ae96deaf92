"""The one loop of every worker that consumes: poll, handle the batch, commit explicit next offsets last.

What is handled is durable before its offset is committed; a few batches may be handled before Kafka hears of them. It
hears before it shares partitions out anew, before the worker leaves, and as soon as nothing more comes.
"""

from __future__ import annotations

import ctypes
import signal
import time
from collections.abc import Callable, Mapping, Sequence
from functools import cache
from threading import Event
from types import FrameType
from typing import Any, Final, Protocol

import structlog
from kafka.errors import CommitFailedError, RebalanceInProgressError
from kafka.structs import OffsetAndMetadata, TopicPartition

from infra.kafka.record import Batch, Offsets
from infra.metrics import WorkerMetrics
from workers.runtime.garbage import Garbage
from workers.runtime.patience import patiently

POLL_MS: Final = 1_000
"""Longest wait for a record; whoever is asked to stop may have it before him."""
COMMIT_EVERY_S: Final = 0.2
"""While records come, Kafka hears no oftener how far they are handled: each time costs as much as deciding a few, and
what a crash repeats gets its first answer, or is dropped."""
GATHERED_RECORDS: Final = 200
"""A batch of fewer costs what a turn costs, whatever is in it: whoever may take his time waits for more to come."""
OBSERVE_EVERY_S: Final = 5.0
OBSERVE_TIMEOUT_MS: Final = 5_000
CLOSE_TIMEOUT_MS: Final = 10_000
STANDSTILL_LOOKS: Final = 3
"""So many looks in a row at which records waited and none had come since the last: the client is not waited for."""

LOG = structlog.get_logger()


class BatchHandler(Protocol):
    """What a worker does with what was polled."""

    def handle(self, batch: Batch) -> Offsets:
        """Handle records by partition and return, per partition, the next offset to read; all effects are durable.

        A partition that is left out is not to be read on: the loop pauses it.
        """

    def resume_offset(self, partition: TopicPartition) -> int | None:
        """Return where reading a newly assigned partition has to resume, or None to trust Kafka."""


class Loop:
    """Run one consumer until ``stop`` is set.

    A service that is away is waited for, as ``patiently`` does; if it stays away its error is raised, nothing is
    committed, and the process should end with a non-zero code.

    Args:
        consumer: Subscribed; closed in the end.
        handler: What to do with what it brings.
        stop: Ends the loop after the batch at hand.
        metrics: Counts what was done.
        anew: Makes another consumer like it. kafka-python 3.0.12 may come out of a broker's restart with partitions
            that it never reads again, though it holds them and polls; where records wait and none come, it is replaced.
        gather_s: How long to wait after a batch of few records, so that the next has more; in seconds.
    """

    def __init__(
        self,
        consumer: Any,
        handler: BatchHandler,
        stop: Event,
        metrics: WorkerMetrics | None = None,
        anew: Callable[[], Any] | None = None,
        *,
        gather_s: float = 0.0,
    ) -> None:
        self._consumer = consumer
        self._gather_s = gather_s
        self._anew = anew
        self._has_read = False
        self._standstill = 0
        self._handler = handler
        self._stop = stop
        self._metrics = metrics or WorkerMetrics("loop")
        self._aligned: set[TopicPartition] = set()
        self._handled: dict[TopicPartition, int] = {}
        self._committed_at = -COMMIT_EVERY_S
        self._observed_at = time.monotonic()

    def run(self) -> None:
        """Handle every record at least once, until the stop event; then leave the group."""
        garbage = Garbage()
        try:
            while not self._stop.is_set():
                self._turn()
                garbage.end_turn()
            patiently(self._commit_handled, self._stop, self._metrics)
        finally:
            self._consumer.close(autocommit=False, timeout_ms=CLOSE_TIMEOUT_MS)

    def _turn(self) -> None:
        self._metrics.beat()
        if self._consumer.about_to_rejoin():
            patiently(self._commit_handled, self._stop, self._metrics)
        polled = patiently(lambda: self._consumer.poll(timeout_ms=self._poll_ms()), self._stop, self._metrics)
        self._has_read |= bool(polled)
        batch = patiently(lambda: self._align(polled or {}), self._stop, self._metrics) or {}
        if batch:
            next_offsets = patiently(lambda: self._handler.handle(batch), self._stop, self._metrics)
            if next_offsets is None:
                return  # asked to stop while a service was away: nothing is committed
            self._pause(set(batch) - set(next_offsets))
            self._handled |= next_offsets
        if not batch or self._commits_in_s() <= 0:
            patiently(self._commit_handled, self._stop, self._metrics)
        if time.monotonic() - self._observed_at >= OBSERVE_EVERY_S:
            self._observed_at = time.monotonic()
            if self._has_read:
                give_back_memory()
            patiently(self._observe, self._stop, self._metrics)
        if self._gather_s and 0 < sum(map(len, batch.values())) < GATHERED_RECORDS:
            self._stop.wait(self._gather_s)

    def _poll_ms(self) -> int:
        """Return how long to wait for a record: no longer than until Kafka is to hear what is handled."""
        return max(1, min(POLL_MS, round(self._commits_in_s() * 1000))) if self._handled else POLL_MS

    def _commits_in_s(self) -> float:
        return self._committed_at + COMMIT_EVERY_S - time.monotonic()

    def _align(self, polled: Batch) -> Batch:
        """Let each new partition be read where the handler stands, and drop what it delivered from elsewhere.

        Also where it delivered nothing: what Kafka takes for read may lie behind where the handler stands, and nothing
        new need ever come.
        """
        assigned = set(self._consumer.assignment())
        self._aligned &= assigned
        for gone in self._handled.keys() - assigned:
            del self._handled[gone]  # its next owner may have come further
        batch = dict(polled)
        for partition in assigned - self._aligned:
            resume_at = self._handler.resume_offset(partition)
            found = batch[partition][0].offset if partition in batch else None
            if resume_at is not None and resume_at != found:
                LOG.info("offset_sought", partition=partition.partition, found=found, stored=resume_at)
                self._consumer.seek(partition, resume_at)
                batch.pop(partition, None)
            self._aligned.add(partition)
        return batch

    def _pause(self, partitions: set[TopicPartition]) -> None:
        if partitions:
            self._consumer.pause(*partitions)

    def _commit_handled(self) -> None:
        self._commit(self._handled)
        self._handled = {}
        self._committed_at = time.monotonic()

    def _commit(self, next_offsets: Offsets) -> None:
        if not next_offsets:
            return
        try:
            self._consumer.commit(
                {partition: OffsetAndMetadata(offset, "", -1) for partition, offset in next_offsets.items()}
            )
        except (CommitFailedError, RebalanceInProgressError) as lost:
            LOG.info("commit_refused", why=str(lost))  # the partition moved on: its next owner repeats the batch

    def _observe(self) -> None:
        """Measure the lag; also the way to notice that Kafka went away while nothing was to be read."""
        known = [
            TopicPartition(topic, number)
            for topic in self._consumer.subscription()
            for number in self._consumer.partitions_for_topic(topic)
        ]
        lags = observe_lag(self._consumer, known, self._metrics)
        self._look_for_standstill(known, lags)

    def _look_for_standstill(self, known: Sequence[TopicPartition], lags: Mapping[TopicPartition, int]) -> None:
        """Replace the consumer where records have waited for a while and it brings none."""
        paused = self._consumer.paused() if lags else set()
        waits = any(lags[partition] for partition in lags.keys() - paused) if lags else self._is_left_out(known)
        self._standstill = self._standstill + 1 if waits and not self._has_read else 0
        self._has_read = False
        if self._anew is None or self._standstill < STANDSTILL_LOOKS:
            return
        LOG.warning("client_stands_still", lags={str(partition): lag for partition, lag in lags.items()})
        self._standstill = 0
        self._consumer.close(autocommit=False, timeout_ms=CLOSE_TIMEOUT_MS)
        consumer = patiently(self._anew, self._stop, self._metrics)
        if consumer is not None:
            self._consumer = consumer
            self._aligned.clear()

    def _is_left_out(self, known: Sequence[TopicPartition]) -> bool:
        """Tell whether this member of the group has no partition, though the group is behind in one."""
        ends = self._consumer.end_offsets(known, timeout_ms=OBSERVE_TIMEOUT_MS)
        return any((self._consumer.committed(partition) or 0) < end for partition, end in ends.items())


def observe_lag(
    consumer: Any, partitions: Sequence[TopicPartition], metrics: WorkerMetrics
) -> dict[TopicPartition, int]:
    """Tell how many records a consumer has not yet read, of those of these partitions that it reads; return it, too."""
    ends = consumer.end_offsets(partitions, timeout_ms=OBSERVE_TIMEOUT_MS)
    lags = {}
    for partition in consumer.assignment() & ends.keys():
        position = consumer.position(partition, timeout_ms=OBSERVE_TIMEOUT_MS)
        lags[partition] = max(0, ends[partition] - (position or 0))
        metrics.lag(partition, lags[partition])
    return lags


@cache
def _trim() -> Callable[[int], int] | None:
    """Return the C library's function that gives back free memory, where it has one."""
    return getattr(ctypes.CDLL(None), "malloc_trim", None)


def give_back_memory() -> None:
    """Let the system have what large batches needed: the C library keeps it, a third of what a worker takes."""
    if (trim := _trim()) is not None:
        trim(0)


def stop_on_signals() -> Event:
    """Return an event that SIGTERM and SIGINT set; a worker then finishes its batch and ends."""
    stop = Event()

    def ask_to_stop(signal_number: int, _frame: FrameType | None) -> None:
        LOG.info("stopping", signal=signal.Signals(signal_number).name)
        stop.set()

    signal.signal(signal.SIGTERM, ask_to_stop)
    signal.signal(signal.SIGINT, ask_to_stop)
    return stop
