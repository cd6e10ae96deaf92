"""Those outside whom the system speaks to: a mail server, who is told by webhooks, and who makes labels.

Each keeps what it took. Now and then it takes nothing and says so, or takes it and breaks off before it has answered:
whoever sent it cannot know, and has to send it again.
"""

from __future__ import annotations

import random
from collections import Counter
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from email.parser import BytesHeaderParser
from http.server import BaseHTTPRequestHandler
from socketserver import StreamRequestHandler, ThreadingTCPServer
from threading import Lock, Thread
from typing import Final, Literal

import orjson

from infra.stack.ports import LOOPBACK

Whim = Literal["take", "refuse", "lose"]
WHIMS: Final[Mapping[Whim, float]] = {"take": 0.86, "refuse": 0.07, "lose": 0.07}
IN_A_ROW_MAX: Final = 2
"""So often in a row one thing is not answered well: pauses grow, and a run has an end."""
STOP_POLL_S: Final = 0.05
QUEUE: Final = 128


@dataclass(frozen=True, slots=True)
class Letter:
    """A mail that was taken: its ``Message-ID`` without brackets, and the address that it is to."""

    message_id: str
    to: str


@dataclass(frozen=True, slots=True)
class Call:
    """A webhook that was taken; names of headers are in small letters."""

    headers: Mapping[str, str]
    body: bytes


@dataclass(frozen=True, slots=True)
class Made:
    """A label: the return that it was made for, and the number that the parcel bears."""

    rma_id: str
    tracking_number: str


@dataclass(slots=True)
class Outside:
    """What those outside took, in its order; ports are where they answer.

    Args:
        seed: Of their whims.
    """

    seed: int
    smtp_port: int = 0
    http_port: int = 0
    letters: list[Letter] = field(default_factory=list)
    calls: list[Call] = field(default_factory=list)
    labels: dict[str, Made] = field(default_factory=dict)
    """The labels that were made, by their ids."""
    _behave: bool = False
    _failed: Counter[str] = field(default_factory=Counter)
    _lock: Lock = field(default_factory=Lock)
    _chance: random.Random = field(init=False)

    def __post_init__(self) -> None:
        self._chance = random.Random(f"outside {self.seed}")  # noqa: S311 - repeatable on purpose

    @property
    def smtp_url(self) -> str:
        return f"smtp://{LOOPBACK}:{self.smtp_port}"

    @property
    def webhooks_url(self) -> str:
        return f"http://{LOOPBACK}:{self.http_port}/webhooks"

    @property
    def labels_url(self) -> str:
        return f"http://{LOOPBACK}:{self.http_port}/labels"

    def behave(self) -> None:
        """Take everything at once from now on."""
        self._behave = True

    def take_letter(self, letter: Letter) -> Whim:
        with self._lock:
            whim = self._drawn(letter.message_id)
            if whim != "refuse":
                self.letters.append(letter)
            return whim

    def take_call(self, call: Call) -> Whim:
        with self._lock:
            whim = self._drawn(call.headers["webhook-id"])
            if whim != "refuse":
                self.calls.append(call)
            return whim

    def make_label(self, label_id: str, rma_id: str, order_id: str) -> tuple[Whim, str]:
        """Return the number of a label, always the same for the same one: that which carriers will speak of."""
        with self._lock:
            whim = self._drawn(label_id)
            if whim != "refuse" and label_id not in self.labels:
                wanted, given = f"T-{order_id}", {made.tracking_number for made in self.labels.values()}
                number = wanted if wanted not in given else f"{wanted}-{len(given)}"
                self.labels[label_id] = Made(rma_id, number)
            return whim, self.labels[label_id].tracking_number if whim == "take" else ""

    def _drawn(self, name: str) -> Whim:
        if self._behave or self._failed[name] >= IN_A_ROW_MAX:
            self._failed[name] = 0
            return "take"
        [whim] = self._chance.choices(list(WHIMS), list(WHIMS.values()))
        self._failed[name] += whim != "take"
        return whim


class _Server(ThreadingTCPServer):
    request_queue_size = QUEUE
    daemon_threads = True

    def __init__(self, outside: Outside, visit: type[_HttpRequest | _MailVisit]) -> None:
        self.outside = outside
        super().__init__((LOOPBACK, 0), visit)

    def handle_error(self, request: object, client_address: object) -> None:
        """Say nothing of connections that were broken off."""


class _HttpRequest(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    server: _Server

    def do_POST(self) -> None:
        length = int(self.headers["content-length"])
        body = self.rfile.read(length)
        if len(body) < length:
            return  # broken off before its end: nothing was said
        if self.path.startswith("/labels"):
            asked = orjson.loads(body)
            whim, number = self.server.outside.make_label(asked["label_id"], asked["rma_id"], asked["order_id"])
            said = {"label_id": asked["label_id"], "carrier": "POST", "tracking_number": number}
        else:
            headers = {name.lower(): value for name, value in self.headers.items()}
            whim, said = self.server.outside.take_call(Call(headers, body)), {}
        if whim == "lose":
            self.close_connection = True
            return
        answer = orjson.dumps(said) if whim == "take" else b""
        self.send_response_only(200 if whim == "take" else 503)
        self.send_header("Content-Length", str(len(answer)))
        self.end_headers()
        self.wfile.write(answer)

    def log_message(self, *_: object) -> None:
        """Say nothing of each request."""


class _MailVisit(StreamRequestHandler):
    """As much of SMTP as somebody needs who hands letters over (RFC 5321)."""

    server: _Server

    def handle(self) -> None:
        self._say("220 here")
        while line := self.rfile.readline():
            match line[:4].upper().strip():
                case b"DATA":
                    self._say("354 go on")
                    if not self._take():
                        return
                case b"QUIT":
                    self._say("221 farewell")
                    return
                case _:
                    self._say("250 well")

    def _take(self) -> bool:
        lines = []
        while (line := self.rfile.readline()) not in {b".\r\n", b""}:
            lines.append(line)
        if not line:
            return False  # broken off before its end: no letter
        head = BytesHeaderParser().parsebytes(b"".join(lines))
        whim = self.server.outside.take_letter(Letter(str(head["Message-ID"]).strip("<> "), str(head["To"])))
        if whim != "lose":
            self._say("250 taken" if whim == "take" else "451 not now")
        return whim != "lose"

    def _say(self, words: str) -> None:
        self.wfile.write(f"{words}\r\n".encode())


@contextmanager
def outside(seed: int) -> Iterator[Outside]:
    """Let those outside answer while the block lasts."""
    those = Outside(seed)
    mail, http = _Server(those, _MailVisit), _Server(those, _HttpRequest)
    those.smtp_port, those.http_port = mail.server_address[1], http.server_address[1]
    servers = (mail, http)
    threads = [Thread(target=server.serve_forever, args=(STOP_POLL_S,), daemon=True) for server in servers]
    for thread in threads:
        thread.start()
    try:
        yield those
    finally:
        for server, thread in zip(servers, threads, strict=True):
            server.shutdown()
            thread.join()
            server.server_close()
