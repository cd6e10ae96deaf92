"""A way that is blocked: it stands still, is slow, or loses an answer and breaks off; then it is as it was."""

from __future__ import annotations

import socket
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from threading import Thread
from typing import Final

import pytest

from workers.trials.chaos import wrong_clock
from workers.trials.chaos.ways import DELAY_S, UNHEARD_S, Way, Ways, ways

ASKED: Final = b"pay 12.00"
WAIT_S: Final = 10.0


class Echo:
    """A service that says what it is told, and remembers it."""

    def __init__(self) -> None:
        self.heard: list[bytes] = []
        self.listener = socket.create_server(("127.0.0.1", 0))

    @property
    def port(self) -> int:
        return int(self.listener.getsockname()[1])

    def serve(self) -> None:
        with suppress(OSError):
            while True:
                Thread(target=self._answer, args=(self.listener.accept()[0],), daemon=True).start()

    def _answer(self, client: socket.socket) -> None:
        with suppress(OSError), client:
            while said := client.recv(1_000):
                self.heard.append(said)
                client.sendall(said)


@contextmanager
def asking(way: Way) -> Iterator[socket.socket]:
    with socket.create_connection(("127.0.0.1", way.port), WAIT_S) as client:
        yield client


@contextmanager
def blocked(opened: Ways, way: Way, how: str, seconds: float) -> Iterator[None]:
    """Block a way while the block lasts, and until it is mended."""
    blocking = Thread(target=opened.block, args=(way, getattr(Way, how), seconds))
    blocking.start()
    time.sleep(UNHEARD_S / 2)
    yield
    blocking.join()


@pytest.fixture
def echo() -> Iterator[Echo]:
    made = Echo()
    thread = Thread(target=made.serve, daemon=True)
    thread.start()
    yield made
    made.listener.shutdown(socket.SHUT_RDWR)
    made.listener.close()
    thread.join()


def took_s(client: socket.socket) -> float:
    began = time.monotonic()
    client.sendall(ASKED)
    assert client.recv(1_000) == ASKED
    return time.monotonic() - began


def hears_nothing(client: socket.socket) -> bool:
    """Tell whether a connection is broken off before anything is heard."""
    try:
        return client.recv(1_000) == b""
    except ConnectionResetError:
        return True


def test_a_way_that_stands_still_lets_all_through_afterwards(echo: Echo) -> None:
    """The connection stays open, and nothing of what was said is lost."""
    with ways() as opened:
        way = opened.to(echo.port)
        with asking(way) as client:
            assert took_s(client) < WAIT_S
            with blocked(opened, way, "stall", 0.6):
                assert took_s(client) > 0.3
            assert echo.heard == [ASKED, ASKED]


def test_a_slow_way_is_slow_there_and_back(echo: Echo) -> None:
    """Each part comes late."""
    with ways() as opened:
        way = opened.to(echo.port)
        with asking(way) as client, blocked(opened, way, "delay", 1.0):
            assert took_s(client) >= 2 * DELAY_S


def test_a_way_that_breaks_off_loses_the_answer_to_what_was_heard(echo: Echo) -> None:
    """Whoever asked cannot know whether it was done: it was. Nobody comes through until the way is mended."""
    with ways() as opened:
        way = opened.to(echo.port)
        with asking(way) as client, blocked(opened, way, "drop", 0.6):
            client.sendall(ASKED)
            assert hears_nothing(client)
            assert echo.heard == [ASKED]
            with asking(way) as another:
                assert hears_nothing(another)
        with asking(way) as client:
            assert took_s(client) < WAIT_S


def test_a_way_to_nobody_breaks_off() -> None:
    """As where a service is away: the way is there before it and after it."""
    with ways() as opened, asking(opened.to(1)) as client:
        assert hears_nothing(client)


def test_a_clock_is_wrong_by_what_its_file_says(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Without a file it is right."""
    monkeypatch.setenv(wrong_clock.CLOCK, str(tmp_path / "clock"))
    right = wrong_clock.wrong_now()
    (tmp_path / "clock").write_text("-3600")

    assert -3_601 < (wrong_clock.wrong_now() - right).total_seconds() < -3_500
