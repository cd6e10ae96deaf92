"""`rma work http`: the door, open until it is told to close."""

from __future__ import annotations

import asyncio
import socket
from collections.abc import Iterator
from contextlib import contextmanager
from threading import Event, Thread
from typing import Any, Final

import structlog
import uvicorn
from uvicorn.protocols.http.h11_impl import H11Protocol

from infra.metrics import WorkerMetrics
from infra.services import PortTakenError
from infra.settings import Settings
from workers.http.app import make_app
from workers.http.door import Door, opened
from workers.http.upkeep import upkeep
from workers.pictures.pdf_fonts import EAST_ASIAN, OF_DEBIAN, chinese_font

HEADERS_MAX_S: Final = 10.0
"""How long a connection may take to send the headers of its next request, idle time included."""
CONNECTIONS_MAX: Final = 1_000
BACKLOG: Final = 256
BEAT_EVERY_S: Final = 1.0
CLOSE_MAX_S: Final = 10
JOIN_TIMEOUT_S: Final = 20.0

LOG = structlog.get_logger()


def run(settings: Settings, stop: Event, metrics: WorkerMetrics) -> None:
    """Answer requests until ``stop`` is set.

    Raises:
        CallersUnreadableError: The file of keys cannot be used.
        PortTakenError: Somebody else listens where this door should.
        psycopg.OperationalError, kafka.errors.KafkaError: A service stayed away.
    """
    if chinese_font() is None:
        LOG.warning("font_missing", fonts=[str(path) for path in OF_DEBIAN], instead=EAST_ASIAN)
    with opened(settings, stop, metrics) as door, upkeep(door, stop), serving(door):
        stop.wait()


class ImpatientProtocol(H11Protocol):
    """HTTP/1.1 for clients that come to the point: a request's headers are there in time, or the connection closes."""

    def connection_made(self, transport: Any) -> None:
        super().connection_made(transport)
        self._watch()

    def on_response_complete(self) -> None:
        super().on_response_complete()
        self._watch()

    def _watch(self) -> None:
        self.loop.call_later(HEADERS_MAX_S, self._give_up, self.cycle)

    def _give_up(self, before: object) -> None:
        """Close where since then no request has begun."""
        if self.cycle is before and not self.transport.is_closing():
            self.transport.close()


@contextmanager
def serving(door: Door) -> Iterator[int]:
    """Answer requests while the block lasts, and yield the port; requests at work are finished before it ends.

    Raises:
        PortTakenError: Somebody else listens there.
    """
    settings = door.settings
    with _listening(settings.http_host, settings.http_port) as listener:
        port = int(listener.getsockname()[1])
        server = uvicorn.Server(_config(door))

        async def serve() -> None:
            beating = asyncio.create_task(_beat(door.metrics))
            await server.serve([listener])
            beating.cancel()

        thread = Thread(target=asyncio.run, args=(serve(),), name="http")
        thread.start()
        LOG.info("door_opened", host=settings.http_host, port=port)
        if settings.http_demo_login:
            LOG.warning("anybody_may_sign_in_as_anyone", because="RMA_HTTP_DEMO_LOGIN is set: for a laptop alone")
        try:
            yield port
        finally:
            server.should_exit = True
            thread.join(JOIN_TIMEOUT_S)


def _config(door: Door) -> uvicorn.Config:
    proxies = door.settings.http_trusted_proxies
    return uvicorn.Config(
        make_app(door),
        http=ImpatientProtocol,
        ws="none",
        lifespan="off",
        loop="asyncio",
        log_config=None,
        access_log=False,
        server_header=False,
        proxy_headers=bool(proxies),
        forwarded_allow_ips=proxies or None,
        limit_concurrency=CONNECTIONS_MAX,
        timeout_graceful_shutdown=CLOSE_MAX_S,
    )


@contextmanager
def _listening(host: str, port: int) -> Iterator[socket.socket]:
    try:
        family = socket.AF_INET6 if ":" in host else socket.AF_INET
        listener = socket.create_server((host, port), family=family, backlog=BACKLOG)
        # connections inherit it; without it the second packet of an answer waits 40 ms for word of the first
        listener.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    except OSError as error:
        raise PortTakenError(host, port, error, "free it, or set RMA_HTTP_PORT to another") from error
    try:
        yield listener
    finally:
        listener.close()


async def _beat(metrics: WorkerMetrics) -> None:
    """Say that the door lives for as long as requests get their turns."""
    while True:
        metrics.beat()
        await asyncio.sleep(BEAT_EVERY_S)
