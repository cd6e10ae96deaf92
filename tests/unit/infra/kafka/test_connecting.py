"""An attempt to connect that comes to nothing leaves no socket open, however it ends."""

from __future__ import annotations

import gc
import socket
from collections.abc import Coroutine, Generator, Iterator
from contextlib import closing
from types import coroutine
from typing import Any

import pytest
from kafka.net.inet import KafkaNetSocket

from infra.kafka.connecting import install

install()


class Net:
    """The client's loop, as far as connecting asks of it: a wait that somebody else ends."""

    @coroutine
    def wait_write(self, _sock: object, **_until: object) -> Generator[str, None, None]:
        yield "connecting"


@pytest.fixture
def busy() -> Iterator[tuple[str, int]]:
    """A place where somebody listens, to whom a connection is made only after a while."""
    with closing(socket.socket()) as listening:
        listening.bind(("127.0.0.1", 0))
        listening.listen()
        yield listening.getsockname()


def attempt(where: tuple[str, int]) -> Coroutine[Any, Any, Any]:
    """Begin to connect, and return the attempt while it waits."""
    address = (socket.AF_INET, socket.SOCK_STREAM, 0, "", where)
    begun: Coroutine[Any, Any, Any] = KafkaNetSocket().connect(Net(), address)
    assert begun.send(None) == "connecting"
    return begun


def open_sockets() -> list[socket.socket]:
    gc.collect()
    return [one for one in gc.get_objects() if isinstance(one, socket.socket) and one.fileno() >= 0]


def test_a_client_closed_while_it_connects_leaves_no_socket(busy: tuple[str, int]) -> None:
    """The attempt is called off, and with it goes its socket."""
    before = open_sockets()
    begun = attempt(busy)
    assert len(open_sockets()) == len(before) + 1

    begun.close()

    assert open_sockets() == before


def test_a_refused_attempt_leaves_no_socket() -> None:
    """Nobody listens: the error is told, and the socket is gone."""
    with closing(socket.socket()) as taken:
        taken.bind(("127.0.0.1", 0))
        nobody = taken.getsockname()
        before = open_sockets()
        with pytest.raises(Exception, match="REFUSED") as refused:  # noqa: PT012 - the attempt is begun first
            begun = attempt(nobody)
            begun.send(None)

        assert open_sockets() == before
        assert refused.value.__traceback__ is not None


def test_a_connection_that_was_made_stays_open(busy: tuple[str, int]) -> None:
    """What comes to something is handed over as it is."""
    begun = attempt(busy)
    with pytest.raises(StopIteration) as made:
        begun.send(None)

    with closing(made.value.value) as connected:
        assert connected.getpeername() == busy
