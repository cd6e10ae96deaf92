"""Which ports the local stack takes: those it had, those it was told, never one that somebody listens on."""

from __future__ import annotations

import socket
from collections.abc import Iterator
from pathlib import Path

import pytest

from infra.stack.errors import StackStartError
from infra.stack.ports import LOOPBACK, Ports, chosen_ports, free_ports, ports_of, remember


@pytest.fixture
def taken() -> Iterator[int]:
    """A port that somebody listens on."""
    with socket.socket() as listener:
        listener.bind((LOOPBACK, 0))
        listener.listen()
        yield int(listener.getsockname()[1])


def test_ports_of_before_are_taken_again() -> None:
    """Where nothing was asked for, the services answer where they did."""
    before = Ports(*free_ports(2))

    assert chosen_ports(Ports(), before) == before


def test_a_port_of_before_that_is_taken_makes_way(taken: int) -> None:
    """Somebody else's service is no reason not to start: that port alone is another."""
    [kafka] = free_ports(1)

    chosen = chosen_ports(Ports(), Ports(postgres=taken, kafka=kafka))

    assert chosen.kafka == kafka
    assert chosen.postgres not in {taken, kafka}


def test_a_port_that_was_asked_for_is_had_or_refused(taken: int) -> None:
    """What was asked for is never replaced in silence; the variable to change is named."""
    [free] = free_ports(1)

    assert chosen_ports(Ports(postgres=free), Ports(*free_ports(2))).postgres == free
    with pytest.raises(StackStartError, match=rf"^port {taken} cannot be had \(.*\): free it, or set RMA_KAFKA_PORT"):
        chosen_ports(Ports(kafka=taken), Ports())


def test_ports_are_remembered_beside_the_data(tmp_path: Path) -> None:
    """A file that is missing or broken is as if nothing were known."""
    assert ports_of(tmp_path) == Ports()
    remember(tmp_path, Ports(5432, 9092))
    assert ports_of(tmp_path) == Ports(5432, 9092)
    (tmp_path / "ports.json").write_text("{")
    assert ports_of(tmp_path) == Ports()
