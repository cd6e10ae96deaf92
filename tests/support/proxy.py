"""A way to a service that can be cut and mended, so that the service is away for some and stays for others."""

from __future__ import annotations

import socket
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from threading import Event, Thread
from typing import Final

CHUNK_BYTES: Final = 65_536
POLL_S: Final = 0.1


class Proxy:
    """Hands bytes on between whoever connects and an address, unless it is cut."""

    def __init__(self, host: str, port: int) -> None:
        self._to = (host, port)
        self._listener = socket.create_server(("127.0.0.1", 0))
        self._listener.settimeout(POLL_S)
        self._open: list[socket.socket] = []
        self._cut, self._stop = Event(), Event()
        self._thread = Thread(target=self._accept)

    @property
    def port(self) -> int:
        return int(self._listener.getsockname()[1])

    def cut(self) -> None:
        """Break what is open, and close at once whatever is opened."""
        self._cut.set()
        self._break()

    def mend(self) -> None:
        self._cut.clear()

    def _accept(self) -> None:
        while not self._stop.is_set():
            try:
                near, _ = self._listener.accept()
            except TimeoutError:
                continue
            if self._cut.is_set():
                near.close()
                continue
            far = socket.create_connection(self._to)
            self._open += [near, far]
            for source, target in ((near, far), (far, near)):
                Thread(target=_hand_on, args=(source, target), daemon=True).start()

    def _break(self) -> None:
        for opened in self._open:
            with suppress(OSError):
                opened.shutdown(socket.SHUT_RDWR)
        self._open.clear()

    @classmethod
    @contextmanager
    def to(cls, host: str, port: int) -> Iterator[Proxy]:
        """Open a way while the block lasts."""
        made = cls(host, port)
        made._thread.start()
        try:
            yield made
        finally:
            made._stop.set()
            made._thread.join()
            made._break()
            made._listener.close()


def _hand_on(source: socket.socket, target: socket.socket) -> None:
    with suppress(OSError), source, target:
        while part := source.recv(CHUNK_BYTES):
            target.sendall(part)
