"""A gateway behind HTTP: JSON, an ``Idempotency-Key`` header, time-outs, a bounded number of tries.

``POST /payouts`` pays or repeats what it said before, ``GET /payouts/<key>`` only says. An answer counts when it names
the payout that was asked about; whatever else comes back, or nothing, leaves the outcome unknown.
"""

from __future__ import annotations

import random
import time
from datetime import datetime
from typing import Annotated, Final, Literal
from urllib.parse import quote
from uuid import UUID

import httpx
from pydantic import AfterValidator, AwareDatetime, BaseModel, Field, ValidationError

from infra.gateways.port import Answer, PayoutRequest

TIMEOUT_S: Final = 5.0
TRIES_MAX: Final = 3
BACKOFF_S: Final = 0.2
BACKOFF_MAX_S: Final = 2.0
CONNECTIONS_MAX: Final = 16
ANSWER_BYTES_MAX: Final = 64 * 1024
YEARS: Final = range(1970, 2200)

_NEVER_SENT: Final = (httpx.ConnectError, httpx.ConnectTimeout, httpx.PoolTimeout, httpx.UnsupportedProtocol)
_NOT_TAKEN_ON: Final = frozenset({401, 403, 404, 405, 429})
"""Statuses by which a gateway turns a request away before it looks at it."""


def _sensible(at: datetime) -> datetime:
    if at.year not in YEARS:
        raise ValueError("no sensible year")
    return at


class GatewayStatement(BaseModel):
    """The body of a gateway's answer; fields beyond these are ignored."""

    payout_id: UUID
    idempotency_key: str
    outcome: Literal["settled", "failed", "pending"]
    reference: Annotated[str | None, Field(min_length=1, max_length=200, pattern=r"^[^\x00]*$")] = None
    reason: Annotated[str | None, Field(min_length=1, max_length=1000, pattern=r"^[^\x00]*$")] = None
    at: Annotated[AwareDatetime, AfterValidator(_sensible)] | None = None


class HttpGateway:
    """Ask a gateway over HTTP. May be used by several threads at once.

    Args:
        url: Where the gateway answers, without ``/payouts``.
        timeout_s: Longest wait for a connection, and for each part of an answer.
        tries_max: How often one question is put in a row while there is no definite answer.
        backoff_s: Wait before the second try; doubles up to 2 s, with full jitter.
    """

    def __init__(
        self, url: str, *, timeout_s: float = TIMEOUT_S, tries_max: int = TRIES_MAX, backoff_s: float = BACKOFF_S
    ) -> None:
        limits = httpx.Limits(max_connections=CONNECTIONS_MAX)
        self._client = httpx.Client(base_url=url, timeout=timeout_s, limits=limits, follow_redirects=False)
        self._timeout_s = timeout_s
        self._tries_max = tries_max
        self._backoff_s = backoff_s

    def close(self) -> None:
        self._client.close()

    def pay(self, request: PayoutRequest) -> Answer:
        """Pay, unless this key was paid or refused before: then say what became of it."""
        body = {
            "payout_id": str(request.payout_id),
            "order_id": request.order_id,
            "tender_id": request.tender_id,
            "tender_kind": request.tender_kind,
            "amount_minor": request.amount_minor,
            "currency": request.currency,
        }
        if request.rma_id is not None:
            body["rma_id"] = str(request.rma_id)
        if request.tender_reference is not None:
            body["tender_reference"] = request.tender_reference
        headers = {"Idempotency-Key": request.idempotency_key}
        return self._ask(self._client.build_request("POST", "/payouts", json=body, headers=headers), request)

    def look_up(self, request: PayoutRequest) -> Answer:
        """Say what became of a payout; never pays."""
        path = f"/payouts/{quote(request.idempotency_key, safe='')}"
        return self._ask(self._client.build_request("GET", path), request)

    def _ask(self, question: httpx.Request, about: PayoutRequest) -> Answer:
        """Put a question until it is answered; once a try may have got through, silence means unknown."""
        answer = Answer("unreached", reason="never_tried")
        for number in range(self._tries_max):
            if number:
                time.sleep(random.uniform(0, min(self._backoff_s * 2 ** (number - 1), BACKOFF_MAX_S)))  # noqa: S311 - jitter
            latest = self._try(question, about)
            if latest.kind in {"settled", "failed", "not_found"}:
                return latest
            if answer.kind != "unknown":
                answer = latest
        return answer

    def _try(self, question: httpx.Request, about: PayoutRequest) -> Answer:
        try:
            response = self._client.send(question, stream=True)
            try:
                body = self._bounded_body(response)
            finally:
                response.close()
        except _NEVER_SENT as error:
            return Answer("unreached", reason=type(error).__name__)
        except httpx.HTTPError as error:
            return Answer("unknown", reason=type(error).__name__)
        return _read(response.status_code, body, about, looked_up=question.method == "GET")

    def _bounded_body(self, response: httpx.Response) -> bytes:
        """Return the body; a gateway that drips or floods is treated as one that broke off."""
        give_up_at = time.monotonic() + self._timeout_s
        body = b""
        for chunk in response.iter_bytes():
            body += chunk
            if len(body) > ANSWER_BYTES_MAX or time.monotonic() > give_up_at:
                raise httpx.ReadTimeout("the answer has no end", request=response.request)
        return body


def _read(status: int, body: bytes, about: PayoutRequest, *, looked_up: bool) -> Answer:
    if looked_up and status == httpx.codes.NOT_FOUND:
        return Answer("not_found")
    if status in _NOT_TAKEN_ON:
        return Answer("unreached", reason=f"status_{status}")
    if status != httpx.codes.OK:
        return Answer("unknown", reason=f"status_{status}")
    try:
        said = GatewayStatement.model_validate_json(body)
    except ValidationError:
        return Answer("unknown", reason="unreadable")
    if said.payout_id != about.payout_id or said.idempotency_key != about.idempotency_key:
        return Answer("unknown", reason="about_another_payout")
    if said.outcome == "pending":
        return Answer("unknown", reason="pending")
    return Answer(said.outcome, said.reference, said.reason, said.at)
