"""Somebody who is told of events: a real web server that keeps what it got, and answers as a test wants."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Lock, Thread
from typing import Any, Final

import orjson

TAKEN: Final = 200


@dataclass(frozen=True, slots=True)
class Got:
    """A request as it came, and what was answered."""

    headers: Mapping[str, str]
    body: bytes
    status: int

    @property
    def event_id(self) -> str:
        return self.headers["webhook-id"]

    @property
    def event(self) -> dict[str, Any]:
        said: dict[str, Any] = orjson.loads(self.body)
        return said


@dataclass(slots=True)
class Receiver:
    """What somebody was told.

    ``answer`` returns the status for an event, by its id and how often it came before; it may take its time.
    """

    url: str = ""
    answer: Callable[[str, int], int] = lambda *_: TAKEN
    got: list[Got] = field(default_factory=list)
    came: dict[str, int] = field(default_factory=dict)
    lock: Lock = field(default_factory=Lock)

    @property
    def taken(self) -> list[Got]:
        """What was taken, in its order."""
        return [one for one in self.got if one.status == TAKEN]

    def take(self, headers: Mapping[str, str], body: bytes) -> int:
        event_id = headers["webhook-id"]
        with self.lock:
            before = self.came.get(event_id, 0)
            self.came[event_id] = before + 1
        status = self.answer(event_id, before)
        with self.lock:
            self.got.append(Got(headers, body, status))
        return status


class _Server(ThreadingHTTPServer):
    request_queue_size = 128

    def handle_error(self, request: object, client_address: object) -> None:
        """Say nothing of connections that were broken off."""


@contextmanager
def receiving(**given: Any) -> Iterator[Receiver]:
    """Run a receiver at a port of its own until the block ends."""
    receiver = Receiver(**given)

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_POST(self) -> None:
            length = int(self.headers["content-length"])
            body = self.rfile.read(length)
            if len(body) < length:
                return  # whoever sent it was killed before its end: nothing was said
            status = receiver.take({name.lower(): value for name, value in self.headers.items()}, body)
            self.send_response_only(status)
            if status // 100 == 3:
                self.send_header("Location", "/elsewhere")
            self.send_header("Content-Length", "0")
            self.end_headers()

        def log_message(self, *_: object) -> None:
            """Keep the test's output for the test."""

    server = _Server(("127.0.0.1", 0), Handler)
    server.daemon_threads = True
    receiver.url = f"http://127.0.0.1:{server.server_port}/hooks?shop=1"
    thread = Thread(target=server.serve_forever, args=(0.05,))
    thread.start()
    try:
        yield receiver
    finally:
        server.shutdown()
        thread.join()
        server.server_close()
