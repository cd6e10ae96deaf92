"""One try: an event as a signed request to an address that was looked at just before.

A receiver may be slow, drip its answer, lead elsewhere, or be at an address that is not public: each is a failure with
a name of its own, and none lasts longer than a try may.
"""

from __future__ import annotations

import ssl
import time
from collections.abc import Iterable
from contextlib import suppress
from datetime import datetime
from functools import cache
from types import TracebackType
from typing import Final, Self
from urllib.parse import urlsplit

import httpcore
import orjson
from standardwebhooks import Webhook

from infra.envelope.cloudevents import STRUCTURED_CONTENT, event_attributes
from infra.public_addresses import AddressRefusedError, resolve
from infra.records import StoredEvent
from workers.webhooks.lanes import Letter
from workers.webhooks.subscriptions import Receiver

CONNECT_MAX_S: Final = 5.0
TRY_MAX_S: Final = 15.0
"""How long one try may take, from the look at the name to the end of the answer."""
ANSWER_BYTES_MAX: Final = 64 * 1024
TAKEN: Final = range(200, 300)
USER_AGENT: Final = "rma-webhooks"


def body_of(event: StoredEvent) -> bytes:
    """Return an event as a structured CloudEvent in JSON: the attributes that it is published with, its key, its body.

    Attributes are texts, as in the headers of the topic: a position has no room in CloudEvents' integers.
    """
    attributes: dict[str, object] = dict(event_attributes(event))
    attributes |= {"prevhash": event.prev_hash.hex(), "partitionkey": event.partition_key}
    return orjson.dumps(attributes | {"datacontenttype": "application/json", "data": orjson.Fragment(event.body)})


def headers_of(letter: Letter, body: bytes, secrets: Iterable[bytes], at: datetime) -> dict[bytes | str, bytes | str]:
    """Return what a request bears as Standard Webhooks says: the event's id on every try, a signature a secret."""
    event_id, text = str(letter.event.event_id), body.decode()
    marked: dict[bytes | str, bytes | str] = {"rma-redelivery": "true"} if letter.redelivery else {}
    return {
        "content-type": STRUCTURED_CONTENT,
        "user-agent": USER_AGENT,
        "webhook-id": event_id,
        "webhook-timestamp": str(int(at.timestamp())),
        "webhook-signature": " ".join(Webhook(secret).sign(event_id, at, text) for secret in secrets),
        **marked,
    }


class Sending:
    """A receiver that letters are sent to one after the other, over one connection while he keeps it.

    Args:
        receiver: Who.
        allow_private: Whether he may be at an address that is not public, and be spoken to in plain text.
    """

    def __init__(self, receiver: Receiver, *, allow_private: bool) -> None:
        self._receiver = receiver
        self._allow_private = allow_private
        parts = urlsplit(receiver.url)
        target = (parts.path or "/") + (f"?{parts.query}" if parts.query else "")
        host = (parts.hostname or "").encode()
        self._url = httpcore.URL(scheme=parts.scheme.encode(), host=host, port=parts.port, target=target.encode())
        self._network = _CheckedNetwork(allow_private=allow_private)
        self._pool = httpcore.ConnectionPool(
            ssl_context=_tls() if parts.scheme == "https" else None, max_connections=1, network_backend=self._network
        )

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._pool.close()

    def send(self, letter: Letter, at: datetime) -> str | None:
        """Send a letter; return None where it was taken, else why not: ``status_500``, or what went wrong."""
        if self._url.scheme != b"https" and not self._allow_private:
            return "not_encrypted"
        body = body_of(letter.event)
        headers = headers_of(letter, body, self._receiver.secrets, at)
        self._network.ends_at = time.monotonic() + TRY_MAX_S
        timeouts = dict.fromkeys(("connect", "read", "write", "pool"), TRY_MAX_S)
        try:
            with self._pool.stream(
                "POST", self._url, headers=headers, content=body, extensions={"timeout": timeouts}
            ) as answer:
                self._read(answer)
        except AddressRefusedError as refused:
            return refused.code
        except (httpcore.NetworkError, httpcore.TimeoutException, httpcore.ProtocolError, OSError) as error:
            return type(error).__name__
        return None if answer.status in TAKEN else f"status_{answer.status}"

    def _read(self, answer: httpcore.Response) -> None:
        """Read what is said beside the status, a little of it: the connection can be used again then."""
        read = 0
        with suppress(httpcore.NetworkError, httpcore.TimeoutException, httpcore.ProtocolError):
            for part in answer.iter_stream():
                read += len(part)
                if read > ANSWER_BYTES_MAX:
                    return


@cache
def _tls() -> ssl.SSLContext:
    return ssl.create_default_context()


class _CheckedNetwork(httpcore.NetworkBackend):
    """Connects to the very address that was looked at, and to none that nobody may reach; all within one try's time."""

    def __init__(self, *, allow_private: bool) -> None:
        self._allow_private = allow_private
        self._network = httpcore.SyncBackend()
        self.ends_at = 0.0

    def connect_tcp(
        self,
        host: str,
        port: int,
        timeout: float | None = None,
        local_address: str | None = None,
        socket_options: Iterable[httpcore.SOCKET_OPTION] | None = None,
    ) -> httpcore.NetworkStream:
        failure: Exception = httpcore.ConnectError("the name leads nowhere")
        for address in resolve(host, port, allow_private=self._allow_private):
            within_s = min(CONNECT_MAX_S, self.within_s(timeout))
            try:
                stream = self._network.connect_tcp(address, port, within_s, local_address, socket_options)
            except (httpcore.ConnectError, httpcore.ConnectTimeout) as error:
                failure = error
                continue
            return _TimedStream(stream, self)
        raise failure

    def within_s(self, asked_s: float | None) -> float:
        """Return how long to wait, at most as long as the try may still take.

        Raises:
            httpcore.ReadTimeout: It may take no longer.
        """
        left_s = self.ends_at - time.monotonic()
        if left_s <= 0:
            raise httpcore.ReadTimeout("the try took too long")
        return left_s if asked_s is None else min(left_s, asked_s)


class _TimedStream(httpcore.NetworkStream):
    """A connection of which each part is waited for no longer than the try may still take."""

    def __init__(self, stream: httpcore.NetworkStream, network: _CheckedNetwork) -> None:
        self._stream = stream
        self._network = network

    def read(self, max_bytes: int, timeout: float | None = None) -> bytes:
        return self._stream.read(max_bytes, self._network.within_s(timeout))

    def write(self, buffer: bytes, timeout: float | None = None) -> None:
        self._stream.write(buffer, self._network.within_s(timeout))

    def close(self) -> None:
        self._stream.close()

    def start_tls(
        self, ssl_context: ssl.SSLContext, server_hostname: str | None = None, timeout: float | None = None
    ) -> httpcore.NetworkStream:
        within_s = self._network.within_s(timeout)
        return _TimedStream(self._stream.start_tls(ssl_context, server_hostname, within_s), self._network)

    def get_extra_info(self, info: str) -> object:
        return self._stream.get_extra_info(info)
