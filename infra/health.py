"""What a worker answers over HTTP: its figures, whether it lives, and whether it can work."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from http import HTTPStatus
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Lock, Thread
from typing import Final

from prometheus_client.exposition import CONTENT_TYPE_LATEST, generate_latest

from infra.metrics import WorkerMetrics
from infra.services import PortTakenError

HEARTBEAT_AGE_MAX_S: Final = 60.0
"""A worker that was silent for longer counts as unhealthy: longer than its longest pause and a slow batch."""

READY_KEPT_S: Final = 1.0
"""How long an answer about the services is given again: they are not asked more often than that."""

REQUEST_TIMEOUT_S: Final = 5.0
SHUTDOWN_POLL_S: Final = 0.1
PLAIN: Final = "text/plain; charset=utf-8"

Answer = tuple[HTTPStatus, bytes, str]


class Health:
    """Answers for one worker.

    Args:
        metrics: Its figures and signs of life.
        services_away: Names the services that do not answer, within seconds.
        heartbeat_age_max_s: Longest silence of a healthy worker, in seconds.
    """

    def __init__(
        self,
        metrics: WorkerMetrics,
        services_away: Callable[[], list[str]],
        *,
        heartbeat_age_max_s: float = HEARTBEAT_AGE_MAX_S,
    ) -> None:
        self._metrics = metrics
        self._services_away = services_away
        self._heartbeat_age_max_s = heartbeat_age_max_s
        self._asking = Lock()
        self._away: list[str] = []
        self._asked_at = float("-inf")

    def answer(self, path: str) -> Answer:
        """Return status, body and content type of what is asked for."""
        match path.partition("?")[0]:
            case "/metrics":
                return HTTPStatus.OK, generate_latest(self._metrics.registry), CONTENT_TYPE_LATEST
            case "/healthz":
                return _plain("unhealthy" if self._is_silent() else None)
            case "/readyz":
                return _plain(self._not_ready())
            case _:
                return HTTPStatus.NOT_FOUND, b"not found: try /metrics, /healthz or /readyz\n", PLAIN

    def _is_silent(self) -> bool:
        return self._metrics.silent_s() > self._heartbeat_age_max_s

    def _not_ready(self) -> str | None:
        if self._is_silent():
            return "unhealthy"
        if self._metrics.waits_for:
            return "waiting for a service"
        with self._asking:
            if time.monotonic() - self._asked_at > READY_KEPT_S:
                self._away = self._services_away()
                self._asked_at = time.monotonic()
            return f"no answer from {' and '.join(self._away)}" if self._away else None


def _plain(fault: str | None) -> Answer:
    if fault is None:
        return HTTPStatus.OK, b"ok\n", PLAIN
    return HTTPStatus.SERVICE_UNAVAILABLE, f"{fault}\n".encode(), PLAIN


@contextmanager
def serve(health: Health, host: str, port: int) -> Iterator[int]:
    """Answer ``/metrics``, ``/healthz`` and ``/readyz`` for as long as the block lasts; yield the port.

    ``/healthz`` answers 503 once the worker was silent for too long: start it anew. ``/readyz`` answers 503 while it
    cannot work, above all while PostgreSQL or Kafka is away: wait.

    Args:
        health: Answers for the worker.
        host: Address to listen on.
        port: Port to listen on; 0: any that is free.
    Raises:
        PortTakenError: Somebody else listens there.
    """
    try:
        server = ThreadingHTTPServer((host, port), _handler(health))
    except OSError as error:
        raise PortTakenError(host, port, error, "free it, or set RMA_METRICS_PORT to another") from error
    server.daemon_threads = True
    thread = Thread(target=server.serve_forever, args=(SHUTDOWN_POLL_S,), name="health", daemon=True)
    thread.start()
    try:
        yield int(server.server_address[1])
    finally:
        server.shutdown()
        server.server_close()
        thread.join()


def _handler(health: Health) -> type[BaseHTTPRequestHandler]:
    class Handler(BaseHTTPRequestHandler):
        timeout = REQUEST_TIMEOUT_S

        def do_GET(self) -> None:
            self.wfile.write(self._begin())

        def do_HEAD(self) -> None:
            self._begin()

        def _begin(self) -> bytes:
            status, body, content_type = health.answer(self.path)
            self.send_response(status)
            self.send_header("Content-Type", content_type)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            return body

        def log_message(self, format: str, *args: object) -> None:  # noqa: A002  # the name is the library's
            """Requests are not facts worth a line."""

    return Handler
