"""A payment gateway for demos and tests: real HTTP, a book of its own, and misbehaviour on demand.

``POST /payouts`` and ``GET /payouts/<key>`` are what the platform uses. For people and tests: ``GET /book``,
``GET /settlements.csv``, ``POST /payouts/<key>/reverse``, ``PUT /misbehaviour``. It listens on this machine only.
"""

from __future__ import annotations

import random
from collections import deque
from collections.abc import Callable
from dataclasses import asdict, dataclass, field
from http import HTTPStatus
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Event, Lock, Thread
from typing import Annotated, Final, Literal
from urllib.parse import unquote

import orjson
import structlog
from pydantic import BaseModel, ConfigDict, Field, ValidationError

from infra.services import PortTakenError
from workers.trials.gateway_simulator.payouts import KeyReusedError, PayoutBody, PayoutStore, StoredPayout

HOST: Final = "127.0.0.1"
BODY_BYTES_MAX: Final = 64 * 1024
PLANNED_MAX: Final = 10_000
SLOW_S: Final = 10.0
IDLE_S: Final = 5.0
STOP_POLL_S: Final = 0.05

Misbehaviour = Literal["fail", "hang", "twice", "late", "lose"]
"""``fail``: refuse for good. ``hang``: do nothing, then break off. ``twice``: pay, and send the answer twice.
``late``: wait, then pay and answer. ``lose``: pay, then break off without an answer."""

log = structlog.get_logger()


class MisbehaviourPlan(BaseModel):
    """What to do wrong: the next payouts one by one, then at random by these rates (their sum is at most 1)."""

    model_config = ConfigDict(frozen=True, extra="forbid", strict=True)
    next: Annotated[list[Misbehaviour | Literal["none"]], Field(max_length=PLANNED_MAX)] = []
    rates: dict[Misbehaviour, Annotated[float, Field(ge=0, le=1)]] = {}
    seed: int = 0
    slow_s: Annotated[float, Field(ge=0, le=600)] = SLOW_S


@dataclass(slots=True)
class Mischief:
    """Draws what to do wrong next; the same plan draws the same."""

    plan: MisbehaviourPlan
    drawn: int = 0
    """How many payouts were asked for."""
    _queue: deque[str] = field(init=False)
    _random: random.Random = field(init=False)
    _lock: Lock = field(init=False, default_factory=Lock)

    def __post_init__(self) -> None:
        self._queue = deque(self.plan.next)
        self._random = random.Random(self.plan.seed)  # noqa: S311 - repeatable on purpose

    def draw(self) -> str:
        """Return the next misbehaviour, or ``none``."""
        with self._lock:
            self.drawn += 1
            if self._queue:
                return self._queue.popleft()
            kinds = [*self.plan.rates, "none"]
            rates = [*self.plan.rates.values(), max(0.0, 1 - sum(self.plan.rates.values()))]
            return self._random.choices(kinds, rates)[0]


class GatewayServer:
    """The gateway as a server in threads of its own; use it as a context manager.

    Args:
        book: The SQLite file of its book; made where it does not exist.
        port: TCP port; 0 takes a free one.
        plan: What to do wrong.
    Raises:
        BookUnusableError: The file cannot be its book.
        PortTakenError: Somebody else listens there.
    """

    def __init__(self, book: Path, *, port: int = 0, plan: MisbehaviourPlan | None = None) -> None:
        self.payouts = PayoutStore(book)
        self.mischief = Mischief(plan or MisbehaviourPlan())
        self.stopping = Event()
        try:
            self._server = _Server(self, port)
        except OSError as error:
            self.payouts.close()
            raise PortTakenError(HOST, port, error, "choose another with --port") from error
        self._thread = Thread(target=self._server.serve_forever, args=(STOP_POLL_S,), name="gateway", daemon=True)

    @property
    def url(self) -> str:
        return f"http://{HOST}:{self._server.server_address[1]}"

    def misbehave(self, plan: MisbehaviourPlan) -> None:
        """Change what to do wrong from now on."""
        self.mischief = Mischief(plan)

    def __enter__(self) -> GatewayServer:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.stopping.set()
        self._server.shutdown()
        self._server.server_close()
        self._thread.join()
        self.payouts.close()


def serve(
    book: Path, *, port: int, plan: MisbehaviourPlan, stop: Event, announce: Callable[[str], None] = print
) -> None:
    """Run the gateway until ``stop`` is set; ``announce`` gets its URL once it answers.

    Raises:
        BookUnusableError, PortTakenError: As ``GatewayServer``.
    """
    with GatewayServer(book, port=port, plan=plan) as server:
        announce(server.url)
        stop.wait()


class _Server(ThreadingHTTPServer):
    daemon_threads = False
    block_on_close = True

    def __init__(self, gateway: GatewayServer, port: int) -> None:
        self.gateway = gateway
        super().__init__((HOST, port), _Handler)


class _Handler(BaseHTTPRequestHandler):
    """One connection; the standard library calls ``do_<METHOD>`` for each request."""

    protocol_version = "HTTP/1.1"
    timeout = IDLE_S
    server: _Server

    def do_GET(self) -> None:
        gateway = self.server.gateway
        if self.path == "/health":
            self._json(HTTPStatus.OK, {"status": "ok"})
        elif self.path == "/book":
            self._json(HTTPStatus.OK, [asdict(entry) for entry in gateway.payouts.entries()])
        elif self.path == "/settlements.csv":
            self._send(HTTPStatus.OK, gateway.payouts.settlement_file().encode(), "text/csv; charset=utf-8")
        elif self.path.startswith("/payouts/"):
            self._entry(gateway.payouts.find(unquote(self.path.removeprefix("/payouts/"))))
        else:
            self._json(HTTPStatus.NOT_FOUND, {"error": "no such place"})

    def do_PUT(self) -> None:
        body = self._body()
        if self.path != "/misbehaviour" or body is None:
            self._json(HTTPStatus.NOT_FOUND, {"error": "no such place"})
            return
        try:
            self.server.gateway.misbehave(MisbehaviourPlan.model_validate_json(body))
        except ValidationError as error:
            self._json(HTTPStatus.BAD_REQUEST, {"error": str(error)})
        else:
            self._json(HTTPStatus.OK, {"status": "ok"})

    def do_POST(self) -> None:
        body = self._body()
        if body is None:
            self._json(HTTPStatus.BAD_REQUEST, {"error": f"a body of at most {BODY_BYTES_MAX} bytes is needed"})
        elif self.path == "/payouts":
            self._pay(body)
        elif self.path.startswith("/payouts/") and self.path.endswith("/reverse"):
            key = unquote(self.path.removeprefix("/payouts/").removesuffix("/reverse"))
            self._entry(self.server.gateway.payouts.reverse(key, "charged_back"))
        else:
            self._json(HTTPStatus.NOT_FOUND, {"error": "no such place"})

    def _pay(self, body: bytes) -> None:
        key = self.headers.get("Idempotency-Key")
        try:
            request = PayoutBody.model_validate_json(body)
        except ValidationError as error:
            self._json(HTTPStatus.BAD_REQUEST, {"error": str(error)})
            return
        if not key:
            self._json(HTTPStatus.BAD_REQUEST, {"error": "an Idempotency-Key is needed"})
            return
        try:
            self._pay_or_misbehave(key, request)
        except KeyReusedError:
            self._json(HTTPStatus.UNPROCESSABLE_ENTITY, {"error": "the key stands for another request"})

    def _pay_or_misbehave(self, key: str, request: PayoutBody) -> None:
        gateway = self.server.gateway
        trick = gateway.mischief.draw()
        log.info(
            "payout_asked",
            payout_id=request.payout_id,
            order_id=request.order_id,
            rma_id=request.rma_id,
            misbehaviour=trick,
        )
        slow_s = gateway.mischief.plan.slow_s
        if trick in {"hang", "late"}:
            gateway.stopping.wait(slow_s)
        if trick == "hang":
            self.close_connection = True
            return
        if trick == "fail":
            entry = gateway.payouts.enter(key, request, "failed", "refused_by_issuer")
        else:
            entry = gateway.payouts.enter(key, request, "settled")
        if trick == "lose":
            self.close_connection = True
            return
        for _ in range(2 if trick == "twice" else 1):
            self._entry(entry)

    def _body(self) -> bytes | None:
        length = self.headers.get("Content-Length", "")
        if not length.isdecimal() or int(length) > BODY_BYTES_MAX:
            self.close_connection = True
            return None
        return self.rfile.read(int(length))

    def _entry(self, entry: StoredPayout | None) -> None:
        if entry is None:
            self._json(HTTPStatus.NOT_FOUND, {"error": "nothing was asked under this key"})
        else:
            self._json(HTTPStatus.OK, asdict(entry))

    def _json(self, status: HTTPStatus, body: object) -> None:
        self._send(status, orjson.dumps(body), "application/json")

    def _send(self, status: HTTPStatus, body: bytes, content_type: str) -> None:
        try:
            self.send_response(status)
            self.send_header("Content-Type", content_type)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)
        except OSError:  # whoever asked is gone; what was done stands in the book
            self.close_connection = True

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - the standard library's name
        """Say nothing: each payout is logged once, where it is decided."""
