"""A service that makes labels, over HTTP: JSON, and the label's id as ``Idempotency-Key``.

``POST`` with ``label_id rma_id rma_number order_id method ship_to`` (lines) is answered ``label_id carrier
tracking_number``. Whatever else comes back, or nothing, is no label: it is asked for again under the same key.
"""

from __future__ import annotations

from typing import Annotated, Final
from uuid import UUID

import httpx
from pydantic import BaseModel, Field, ValidationError

from infra.labels.port import LabelRequest, MadeLabel, NoLabelError

TIMEOUT_S: Final = 10.0
ANSWER_BYTES_MAX: Final = 64 * 1024

Word = Annotated[str, Field(min_length=1, max_length=64, pattern=r"^[!-~]+( [!-~]+)*$")]


class LabelStatement(BaseModel):
    """The body of an answer; fields beyond these are ignored."""

    label_id: UUID
    carrier: Word
    tracking_number: Annotated[str, Field(min_length=1, max_length=40, pattern=r"^[A-Za-z0-9-]+$")]


class HttpLabels:
    """Ask a service for labels.

    Args:
        url: Where to; a user and a password in it are sent along.
        timeout_s: Longest wait for a connection, and for each part of an answer.
    """

    def __init__(self, url: str, *, timeout_s: float = TIMEOUT_S) -> None:
        self._url = url
        self._client = httpx.Client(timeout=timeout_s, follow_redirects=False)

    def close(self) -> None:
        self._client.close()

    def make(self, request: LabelRequest) -> MadeLabel:
        """Return the label of a parcel; raises ``NoLabelError`` where there is none for now."""
        body = {
            "label_id": str(request.label_id),
            "rma_id": str(request.rma_id),
            "rma_number": request.rma_number,
            "order_id": request.order_id,
            "method": request.method,
            "ship_to": request.site.lines,
        }
        headers = {"Idempotency-Key": str(request.label_id)}
        try:
            with self._client.stream("POST", self._url, json=body, headers=headers) as answer:
                said = _bounded(answer) if answer.status_code in {httpx.codes.OK, httpx.codes.CREATED} else b""
        except httpx.HTTPError as error:
            raise NoLabelError(type(error).__name__) from error
        if not said:
            raise NoLabelError(f"status_{answer.status_code}")
        try:
            statement = LabelStatement.model_validate_json(said)
        except ValidationError as error:
            raise NoLabelError("unreadable") from error
        if statement.label_id != request.label_id:
            raise NoLabelError("about_another_label")
        return MadeLabel(statement.carrier, statement.tracking_number)


def _bounded(answer: httpx.Response) -> bytes:
    body = b""
    for part in answer.iter_bytes():
        body += part
        if len(body) > ANSWER_BYTES_MAX:
            raise NoLabelError("too_long")
    return body
