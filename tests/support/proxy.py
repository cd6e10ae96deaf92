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

    def __init__(self, host: str, port: int, stands_still_after_bytes: int | None = None) -> None:
        self._to = (host, port)
        self._bytes_max = stands_still_after_bytes
        self.stands_still = Event()
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
            for source, target, bytes_max in ((near, far, self._bytes_max), (far, near, None)):
                Thread(target=self._hand_on, args=(source, target, bytes_max), daemon=True).start()

    def _hand_on(self, source: socket.socket, target: socket.socket, bytes_max: int | None) -> None:
        with suppress(OSError), source, target:
            handed_on = 0
            while part := source.recv(CHUNK_BYTES):
                handed_on += len(part)
                if bytes_max is not None and handed_on > bytes_max:
                    self.stands_still.set()
                    self._stop.wait()
                    return
                target.sendall(part)

    def _break(self) -> None:
        for opened in self._open:
            with suppress(OSError):
                opened.shutdown(socket.SHUT_RDWR)
        self._open.clear()

    @classmethod
    @contextmanager
    def to(cls, host: str, port: int, *, stands_still_after_bytes: int | None = None) -> Iterator[Proxy]:
        """Open a way while the block lasts; of each connection it may hand on so many bytes, and stand still then."""
        made = cls(host, port, stands_still_after_bytes)
        made._thread.start()
        try:
            yield made
        finally:
            made._stop.set()
            made._thread.join()
            made._break()
            made._listener.close()
