"""The way out for short messages: an HTTP port, to which each is posted as ``{to, text, id}``, signed."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Final

import httpx
import orjson
from standardwebhooks import Webhook

from workers.notices.smtp import REASON_MAX, NotTakenError

TIMEOUT_S: Final = 10.0
WAIT_AND_ASK_AGAIN: Final = frozenset({408, 425, 429})
TEXT_MAX: Final = 480
"""Characters of a text: three short messages."""


@dataclass(frozen=True, slots=True)
class ShortMessage:
    """What goes to a phone; ``letter_id`` is the same on every try."""

    letter_id: str
    recipient: str
    text: str


class SmsPort:
    """Posts short messages, each signed by Standard Webhooks; for several threads.

    Args:
        url: Where to.
        secret: What both sides know (``whsec_…``).
    """

    def __init__(self, url: str, secret: str) -> None:
        self._url, self._signer = url, Webhook(secret)
        self._client = httpx.Client(timeout=TIMEOUT_S, follow_redirects=False)

    def send(self, message: ShortMessage, at: datetime) -> None:
        """Hand a message over; raises ``NotTakenError``."""
        told = {"to": message.recipient, "text": message.text[:TEXT_MAX], "id": message.letter_id}
        body = orjson.dumps(told).decode()
        headers = {
            "content-type": "application/json",
            "webhook-id": message.letter_id,
            "webhook-timestamp": str(int(at.timestamp())),
            "webhook-signature": self._signer.sign(message.letter_id, at, body),
        }
        try:
            answer = self._client.post(self._url, content=body, headers=headers)
        except httpx.HTTPError as error:
            raise NotTakenError(str(error) or type(error).__name__, for_good=False) from error
        if not answer.is_success:
            for_good = answer.is_client_error and answer.status_code not in WAIT_AND_ASK_AGAIN
            raise NotTakenError(f"{answer.status_code} {answer.text[:REASON_MAX]}".strip(), for_good=for_good)

    def close(self) -> None:
        self._client.close()
