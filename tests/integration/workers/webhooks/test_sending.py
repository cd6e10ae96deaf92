"""One try against real receivers: what counts as taken, what everything else is called, and how long it may take."""

from __future__ import annotations

import socket
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from datetime import UTC, datetime
from threading import Thread
from typing import Final
from uuid import UUID

import pytest

from tests.support.receiver import receiving
from tests.unit.workers.webhooks.test_sending import NEW, letter
from workers.webhooks import sending
from workers.webhooks.sending import ANSWER_BYTES_MAX, Sending
from workers.webhooks.subscriptions import Receiver

AT: Final = datetime(2026, 3, 1, tzinfo=UTC)
SHORT_S: Final = 0.5


def tried(url: str, *, times: int = 1) -> list[str | None]:
    """Send a letter so often, over what one lane is sent over."""
    with Sending(Receiver(UUID(int=1), url, (NEW,)), allow_private=True) as way:
        return [way.send(letter(), AT) for _ in range(times)]


@contextmanager
def answering(answer: Callable[[socket.socket], object]) -> Iterator[str]:
    """Run somebody who takes one connection and does with it what a test wants; yield his address."""
    with socket.create_server(("127.0.0.1", 0)) as server:

        def serve() -> None:
            with suppress(OSError):
                connection, _ = server.accept()
                with connection:
                    connection.recv(65_536)
                    answer(connection)

        thread = Thread(target=serve)
        thread.start()
        yield f"http://127.0.0.1:{server.getsockname()[1]}/"
        server.close()
        thread.join()


@pytest.mark.parametrize(
    ("status", "why"),
    [(200, None), (204, None), (301, "status_301"), (307, "status_307"), (410, "status_410"), (500, "status_500")],
)
def test_only_2xx_is_taken(status: int, why: str | None) -> None:
    """A redirect is a failure, and is not followed."""
    with receiving(answer=lambda *_: status) as receiver:
        assert tried(receiver.url) == [why]
        assert len(receiver.got) == 1


def test_a_lane_goes_over_one_connection() -> None:
    """Also where its receiver says more than anybody reads."""
    with receiving() as receiver:
        assert tried(receiver.url, times=5) == [None] * 5
        assert len(receiver.got) == 5


def test_nobody_there_is_a_failure() -> None:
    """With a name that says so."""
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
    assert tried(f"http://127.0.0.1:{port}/") == ["ConnectError"]
    assert tried("http://nobody.invalid/") == ["gaierror"]


def test_a_flood_is_not_read_to_its_end() -> None:
    """The status counts, and what comes after some thousand bytes is nobody's concern."""
    flood = b"HTTP/1.1 200 OK\r\nContent-Length: 100000000\r\n\r\n" + b"x" * (2 * ANSWER_BYTES_MAX)
    with answering(lambda connection: connection.sendall(flood)) as url:
        assert tried(url) == [None]


def test_no_answer_is_a_failure() -> None:
    """Whoever breaks off, or speaks something else, did not take it."""
    for said in (b"", b"SMTP ready\r\n\r\n", b"HTTP/1.1 200 OK"):
        with answering(lambda connection, said=said: connection.sendall(said)) as url:  # type: ignore[misc]
            assert tried(url) == ["RemoteProtocolError"]


def test_whoever_drips_is_given_up(monkeypatch: pytest.MonkeyPatch) -> None:
    """Each byte comes in time, the answer does not: a try has an end of its own."""
    monkeypatch.setattr(sending, "TRY_MAX_S", SHORT_S)

    def drip(connection: socket.socket) -> None:
        for byte in b"HTTP/1.1 200 OK\r\nX-Slow: " + b"x" * 100:
            connection.sendall(bytes([byte]))
            time.sleep(SHORT_S / 10)

    began = time.monotonic()
    with answering(drip) as url:
        assert tried(url) == ["ReadTimeout"]
        assert time.monotonic() - began < SHORT_S * 6
