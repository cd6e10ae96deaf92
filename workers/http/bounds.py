"""Around every request: how large its body may be and how long it may take to come, and one line in the log."""

from __future__ import annotations

import asyncio
import re
import time
from typing import Any, Final

import structlog
from starlette.datastructures import Headers, MutableHeaders
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from infra.metrics import WorkerMetrics
from workers.http.errors import RequestTimeoutError, TooLargeError

BODY_BYTES_MAX: Final = 1024 * 1024
EVIDENCE_BYTES_MAX: Final = 20_000_000
DROPPED_MAX: Final = 8 * 1024 * 1024
"""How much beyond that is taken and dropped: who is still sending when the connection closes gets no answer."""
BODY_MAX_S: Final = 30.0
"""How long a body may take to come, whole."""
FORM_BYTES_MAX: Final = EVIDENCE_BYTES_MAX + BODY_BYTES_MAX
"""A form that files come along with."""
EVIDENCE: Final = "/v1/evidence"
FORM: Final = "/returns/order/details"
BENCH: Final = "/bench/"
BYTES_MAX: Final = {EVIDENCE: EVIDENCE_BYTES_MAX, FORM: FORM_BYTES_MAX}
"""Where more may come than elsewhere, and slower."""
EVIDENCE_MAX_S: Final = 120.0
FORMS_OF_RETURN: Final = re.compile(r"/r/[A-Za-z0-9_-]{20,100}/(evidence|appeal)")
"""Forms of a return's page that files come along with."""
ALWAYS: Final = {"X-Content-Type-Options": "nosniff", "Cache-Control": "no-store"}

LOG = structlog.get_logger()


class Bounds:
    """Bounds the requests of an app, logs each, and lets paths reach it as they were sent, percent signs and all.

    What a server decodes cannot be routed: ``A%2FB`` would be two parts of a path.
    """

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        scope = {**scope, "path": scope["raw_path"].decode("latin-1"), "state": {}}
        began, told = time.perf_counter(), {"status": 500}

        async def sending(message: Message) -> None:
            if message["type"] == "http.response.start":
                told["status"] = message["status"]
                headers = MutableHeaders(scope=message)
                for name, value in ALWAYS.items():
                    headers.setdefault(name, value)
            await send(message)

        metrics: WorkerMetrics = scope["app"].state.door.metrics
        try:
            with metrics.stage("request"):
                await self._app(scope, _Body(scope, receive).receive, sending)
        finally:
            metrics.handled(1)
            _log(scope, told["status"], time.perf_counter() - began)


def _bytes_max(path: str) -> int:
    takes_files = path.startswith(BENCH) or FORMS_OF_RETURN.fullmatch(path)
    return FORM_BYTES_MAX if takes_files else BYTES_MAX.get(path, BODY_BYTES_MAX)


class _Body:
    """A request's body on its way in, counted and timed."""

    def __init__(self, scope: Scope, receive: Receive) -> None:
        self._receive = receive
        path = scope["path"]
        self._left = self._limit = _bytes_max(path)
        self._within_s = BODY_MAX_S if self._limit == BODY_BYTES_MAX else EVIDENCE_MAX_S
        self._until = asyncio.get_running_loop().time() + self._within_s
        self._announced = Headers(scope=scope).get("content-length", "")
        self._is_whole = False

    async def receive(self) -> Message:
        """Return what comes next; raises ``TooLargeError`` and ``RequestTimeoutError``."""
        if self._is_whole:
            return await self._receive()  # the end of the connection, whenever that comes
        if self._announced.isdecimal() and int(self._announced) > self._limit + DROPPED_MAX:
            raise self._too_large()
        message = await self._next()
        while 0 > self._left >= -DROPPED_MAX and not self._is_whole:
            message = await self._next()
        if self._left < 0:
            raise self._too_large()
        return message

    async def _next(self) -> Message:
        try:
            async with asyncio.timeout_at(self._until):
                message = await self._receive()
        except TimeoutError as late:
            raise RequestTimeoutError(f"the body did not come within {self._within_s:.0f} s") from late
        self._left -= len(message.get("body", b""))
        self._is_whole = not message.get("more_body", False)
        return message

    def _too_large(self) -> TooLargeError:
        return TooLargeError(f"the body has more than {self._limit:,} bytes", limit=self._limit)


def _log(scope: Scope, status: int, took_s: float) -> None:
    """Log a request by the pattern of its address: what stands in an address may be personal."""
    route: Any = scope.get("route")
    LOG.info(
        "request_answered",
        method=scope["method"],
        route=getattr(route, "path", None),
        status=status,
        took_ms=round(took_s * 1000, 1),
        caller=scope["state"].get("caller"),
    )
