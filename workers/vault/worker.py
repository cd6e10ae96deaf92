"""`rma work vault`: opens texts at a Unix socket, so that no process that strangers can reach holds the master key.

Who may connect is for the socket's file to say: its owner and its group may. Requests come one a connection.
"""

from __future__ import annotations

import os
import socket
import stat
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager, suppress
from pathlib import Path
from socketserver import StreamRequestHandler, ThreadingUnixStreamServer
from threading import BoundedSemaphore, Event, Thread
from typing import Any, Final

import structlog

from domain.errors import UnusableInputError
from infra.addresses import postgres_address
from infra.log.event_log import EventLog
from infra.metrics import WorkerMetrics
from infra.sealing.opener import LINE_BYTES_MAX, TIMEOUT_S
from infra.sealing.vault import open_vault
from infra.settings import Settings
from workers.runtime.patience import patiently
from workers.vault.answering import Answering

BEAT_EVERY_S: Final = 1.0
CONNECTIONS_MAX: Final = 32
JOIN_TIMEOUT_S: Final = 10.0
MODE: Final = 0o660

LOG = structlog.get_logger()


class VaultSocketError(UnusableInputError):
    """Nobody can be answered at the socket that is named."""

    code = "vault_socket"

    def __init__(self, path: Path, why: str) -> None:
        super().__init__(f"RMA_VAULT_SOCKET {path}: {why}")


def run(settings: Settings, stop: Event, metrics: WorkerMetrics) -> None:
    """Open texts until ``stop`` is set.

    Raises:
        VaultSocketError: The socket cannot be had.
        VaultKeyMissingError, VaultKeyUnreadableError, VaultKeyWrongError: There is no master key, or not the one.
    """
    assert settings.vault_socket is not None  # noqa: S101 - without it this worker is not run
    vault = patiently(lambda: open_vault(settings), stop, metrics)
    if vault is None:
        return  # asked to end while PostgreSQL was away
    with (
        closing(vault),
        closing(EventLog(postgres_address(settings))) as log,
        serving(settings.vault_socket, Answering(log, vault, metrics).answer),
    ):
        while not stop.wait(BEAT_EVERY_S):
            metrics.beat()


@contextmanager
def serving(path: Path, answer: Callable[[bytes], bytes]) -> Iterator[None]:
    """Answer at a socket while the block lasts.

    Raises:
        VaultSocketError: It cannot be had.
    """
    _clear(path)
    try:
        server = _Server(str(path), answer)
    except OSError as error:
        raise VaultSocketError(path, error.strerror or str(error)) from error
    path.chmod(MODE)
    thread = Thread(target=server.serve_forever, args=(0.1,), name="vault")
    thread.start()
    LOG.info("vault_opened", socket=str(path))
    try:
        yield
    finally:
        server.shutdown()
        thread.join(JOIN_TIMEOUT_S)
        server.server_close()
        path.unlink(missing_ok=True)


def _clear(path: Path) -> None:
    """Take away the socket of a worker that was killed; raises ``VaultSocketError`` where another answers at it."""
    try:
        if not stat.S_ISSOCK(path.lstat().st_mode):
            raise VaultSocketError(path, "there is a file that is no socket")
    except FileNotFoundError:
        return
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as other, suppress(ConnectionRefusedError):
        other.connect(str(path))
        raise VaultSocketError(path, "another vault answers there")
    path.unlink(missing_ok=True)


class _Server(ThreadingUnixStreamServer):
    """A thread a connection, a bounded number at once."""

    daemon_threads = True
    request_queue_size = CONNECTIONS_MAX

    def __init__(self, address: str, answer: Callable[[bytes], bytes]) -> None:
        self.answer = answer
        self._free = BoundedSemaphore(CONNECTIONS_MAX)
        before = os.umask(0o177)  # nobody else may connect before its mode is set
        try:
            super().__init__(address, _Handler)
        finally:
            os.umask(before)

    def process_request(self, request: Any, client_address: Any) -> None:
        self._free.acquire()
        super().process_request(request, client_address)

    def process_request_thread(self, request: Any, client_address: Any) -> None:
        try:
            super().process_request_thread(request, client_address)
        finally:
            self._free.release()

    def handle_error(self, request: Any, client_address: Any) -> None:  # noqa: ARG002 - a name of socketserver's
        LOG.exception("opening_failed")


class _Handler(StreamRequestHandler):
    timeout = TIMEOUT_S
    server: _Server

    def handle(self) -> None:
        with suppress(TimeoutError, ConnectionError):
            line = self.rfile.readline(LINE_BYTES_MAX)
            if line:
                self.wfile.write(self.server.answer(line) + b"\n")
