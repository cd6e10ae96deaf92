"""What a worker counts and times, and the small HTTP server that tells it to Prometheus and to health checks."""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import contextmanager
from http import HTTPStatus
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Thread
from typing import Final

from kafka.structs import TopicPartition
from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram
from prometheus_client.exposition import CONTENT_TYPE_LATEST, generate_latest

from infra.services import PortTakenError

HEARTBEAT_AGE_MAX_S: Final = 60.0
"""A worker that was silent for longer counts as unhealthy: longer than its longest pause and a slow batch."""

REQUEST_TIMEOUT_S: Final = 5.0
SHUTDOWN_POLL_S: Final = 0.1
BATCH_BUCKETS: Final = (1, 5, 10, 50, 100, 250, 500, 1_000, 2_000, 5_000)
STAGE_BUCKETS_S: Final = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30)


class WorkerMetrics:
    """The figures of one worker, in a registry of its own.

    Args:
        worker: Its name, the label ``worker`` of every figure.
    """

    def __init__(self, worker: str) -> None:
        self.registry = CollectorRegistry()
        self._beat_at = time.monotonic()
        self._handled = self._counter("handled", "Records handled.", worker)
        self._refused = self._counter("refused", "Commands refused by a rule.", worker)
        self._dead = self._counter("dead", "Records that became dead letters.", worker)
        self._gaps = self._counter("gaps", "Partitions stopped because a stream had a gap.", worker)
        self._misplaced = Counter(
            "rma_misplaced",
            "Commands under another key, or in another partition, than the contract's.",
            ["worker", "why"],
            registry=self.registry,
        )
        names = ["worker", "topic", "partition"]
        lag = Gauge("rma_lag_records", "Records not yet read, by partition.", names, registry=self.registry)
        self._lag = lag
        self._worker = worker
        batch = Histogram(
            "rma_batch_records", "Records in one batch.", ["worker"], registry=self.registry, buckets=BATCH_BUCKETS
        )
        self._batch = batch.labels(worker)
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

    def misplaced(self, why: str, commands: int) -> None:
        """Count commands whose order nothing keeps, by what is wrong: ``no_key other_key other_partition``."""
        self._misplaced.labels(self._worker, why).inc(commands)

    def gap(self) -> None:
        """Count a partition that was stopped at a gap."""
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
        self._beat_at = time.monotonic()

    def silent_s(self) -> float:
        """Return the seconds since the worker last gave a sign of life."""
        return time.monotonic() - self._beat_at


@contextmanager
def serve(
    metrics: WorkerMetrics, host: str, port: int, *, heartbeat_age_max_s: float = HEARTBEAT_AGE_MAX_S
) -> Iterator[int]:
    """Answer ``/metrics`` and ``/healthz`` for as long as the block lasts; yield the port.

    ``/healthz`` answers 200 ``ok``, or 503 ``unhealthy`` once the worker was silent for too long.

    Args:
        metrics: Whose figures.
        host: Address to listen on.
        port: Port to listen on; 0: any that is free.
        heartbeat_age_max_s: Longest silence of a healthy worker, in seconds.
    Raises:
        PortTakenError: Somebody else listens there.
    """
    try:
        server = ThreadingHTTPServer((host, port), _handler(metrics, heartbeat_age_max_s))
    except OSError as error:
        raise PortTakenError(host, port, error, "free it, or set RMA_METRICS_PORT to another") from error
    server.daemon_threads = True
    thread = Thread(target=server.serve_forever, args=(SHUTDOWN_POLL_S,), name="metrics", daemon=True)
    thread.start()
    try:
        yield int(server.server_address[1])
    finally:
        server.shutdown()
        server.server_close()
        thread.join()


def _handler(metrics: WorkerMetrics, heartbeat_age_max_s: float) -> type[BaseHTTPRequestHandler]:
    class Handler(BaseHTTPRequestHandler):
        timeout = REQUEST_TIMEOUT_S

        def do_GET(self) -> None:
            match self.path.partition("?")[0]:
                case "/metrics":
                    self._answer(HTTPStatus.OK, generate_latest(metrics.registry), CONTENT_TYPE_LATEST)
                case "/healthz" if metrics.silent_s() > heartbeat_age_max_s:
                    self._answer(HTTPStatus.SERVICE_UNAVAILABLE, b"unhealthy\n")
                case "/healthz":
                    self._answer(HTTPStatus.OK, b"ok\n")
                case _:
                    self._answer(HTTPStatus.NOT_FOUND, b"not found: try /metrics or /healthz\n")

        def _answer(self, status: HTTPStatus, body: bytes, content_type: str = "text/plain; charset=utf-8") -> None:
            self.send_response(status)
            self.send_header("Content-Type", content_type)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, format: str, *args: object) -> None:  # noqa: A002  # the name is the library's
            """Requests are not facts worth a line."""

    return Handler
