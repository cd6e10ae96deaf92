"""What a worker counts and times, and the signs of life that it gives."""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import contextmanager
from threading import get_ident
from typing import Final

from kafka.structs import TopicPartition
from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram

BATCH_BUCKETS: Final = (1, 5, 10, 50, 100, 250, 500, 1_000, 2_000, 5_000)
STAGE_BUCKETS_S: Final = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30)


class WorkerMetrics:
    """The figures of one worker, in a registry of its own.

    Args:
        worker: Its name, the label ``worker`` of every figure.
    """

    def __init__(self, worker: str) -> None:
        self.registry = CollectorRegistry()
        self.beat_at = time.monotonic()
        self._handled = self._counter("handled", "Records handled.", worker)
        self._refused = self._counter("refused", "Commands refused by a rule.", worker)
        self._messages = self._counter("messages_published", "Answers and dead letters published.", worker)
        self._dead = self._counter("dead", "Records that became dead letters.", worker)
        self._gaps = self._counter("gaps", "Partitions stopped at a gap, or at an event that cannot be read.", worker)
        self._misplaced = Counter(
            "rma_misplaced",
            "Commands under another key, or in another partition, than the contract's.",
            ["worker", "why"],
            registry=self.registry,
        )
        self._address_ids = self._counter(
            "address_ids", "Commands that name a customer by an e-mail address, which no erasure reaches.", worker
        )
        names = ["worker", "topic", "partition"]
        lag = Gauge("rma_lag_records", "Records not yet read, by partition.", names, registry=self.registry)
        self._lag = lag
        self._worker = worker
        batch = Histogram(
            "rma_batch_records", "Records in one batch.", ["worker"], registry=self.registry, buckets=BATCH_BUCKETS
        )
        self._batch = batch.labels(worker)
        waiting = Gauge("rma_waiting", "1 while a service is away, else 0.", ["worker"], registry=self.registry)
        self._waiting = waiting.labels(worker)
        self._waits_for: dict[int, str] = {}
        self._stage = Histogram(
            "rma_stage_seconds",
            "Seconds spent in one stage of one batch.",
            ["worker", "stage"],
            registry=self.registry,
            buckets=STAGE_BUCKETS_S,
        )

    def _counter(self, name: str, says: str, worker: str) -> Counter:
        return Counter(f"rma_{name}", says, ["worker"], registry=self.registry).labels(worker)

    def handled(self, records: int) -> None:
        """Count one batch and its records."""
        self._handled.inc(records)
        self._batch.observe(records)
        self.beat()

    def refused(self, commands: int) -> None:
        """Count refusals."""
        self._refused.inc(commands)

    def dead(self, records: int) -> None:
        """Count dead letters."""
        self._dead.inc(records)

    def published(self, messages: int) -> None:
        """Count answers and dead letters that were published beside events."""
        self._messages.inc(messages)

    def misplaced(self, why: str, commands: int) -> None:
        """Count commands whose order nothing keeps, by what is wrong: ``no_key other_key other_partition``."""
        self._misplaced.labels(self._worker, why).inc(commands)

    def address_ids(self, commands: int) -> None:
        """Count commands that name a customer by what looks like an e-mail address."""
        self._address_ids.inc(commands)

    def gap(self) -> None:
        """Count a partition that was stopped at a gap, or at an event that cannot be read."""
        self._gaps.inc()

    def lag(self, partition: TopicPartition, records: int) -> None:
        """Say how many records of a partition are not yet read."""
        self._lag.labels(self._worker, partition.topic, str(partition.partition)).set(records)
        self.beat()

    @contextmanager
    def stage(self, name: str) -> Iterator[None]:
        """Time a stage (``load``, ``decide``, ``append``, …); one that raises is not counted."""
        began = time.perf_counter()
        yield
        self._stage.labels(self._worker, name).observe(time.perf_counter() - began)

    def beat(self) -> None:
        """Say that the worker's loop still turns."""
        self.beat_at = time.monotonic()

    def waits(self, error: str | None) -> None:
        """Say what this thread waits for, or with None that it goes on; either way it lives."""
        if error is None:
            self._waits_for.pop(get_ident(), None)
        else:
            self._waits_for[get_ident()] = error
        self._waiting.set(bool(self._waits_for))
        self.beat()

    @property
    def waits_for(self) -> list[str]:
        """The errors for whose end the worker waits; empty while it works."""
        return list(self._waits_for.values())

    def silent_s(self) -> float:
        """Return the seconds since the worker last gave a sign of life."""
        return time.monotonic() - self.beat_at
