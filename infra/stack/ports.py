"""Free TCP ports of this machine, and those that a data folder's services had before."""

from __future__ import annotations

import json
import socket
from collections.abc import Sequence
from contextlib import ExitStack, closing
from dataclasses import asdict
from pathlib import Path
from typing import Final

from domain.values import dataclass
from infra.stack.errors import StackStartError

LOOPBACK: Final = "127.0.0.1"
FILE_NAME: Final = "ports.json"
ANY: Final = 0


@dataclass(frozen=True)
class Ports:
    """The ports of the two services that others connect to; 0: any."""

    postgres: int = ANY
    kafka: int = ANY


def free_ports(count: int) -> list[int]:
    """Return ``count`` different ports that nobody listens on at the moment.

    Somebody may take one before it is used: who starts a service on it tries again with another.
    """
    return _held([ANY] * count)


def chosen_ports(asked: Ports, before: Ports) -> Ports:
    """Return the ports asked for; where none is, those of before if they are free, else any that are.

    Raises:
        StackStartError: One that was asked for cannot be had; names its variable.
    """
    for name, port in asdict(asked).items():
        if port and (why := _refusal(port)):
            what = f"port {port} cannot be had ({why}): free it, or set RMA_{name.upper()}_PORT to another"
            raise StackStartError(what)
    return Ports(*_held([asked.postgres or before.postgres, asked.kafka or before.kafka]))


def _refusal(port: int) -> str | None:
    with closing(_socket()) as probe:
        try:
            probe.bind((LOOPBACK, port))
        except OSError as error:
            return error.strerror
    return None


def _held(wanted: Sequence[int]) -> list[int]:
    """Return a port for each one wanted: that one if it is free, else any. All are held until the last is found."""
    with ExitStack() as held:
        found = [held.enter_context(closing(_socket())) for _ in wanted]
        for one, port in zip(found, wanted, strict=True):
            try:
                one.bind((LOOPBACK, port))
            except OSError:
                one.bind((LOOPBACK, ANY))
        return [int(one.getsockname()[1]) for one in found]


def _socket() -> socket.socket:
    """Return a socket that takes a port as services do: at once after whoever had it last."""
    made = socket.socket()
    made.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    return made


def ports_of(folder: Path) -> Ports:
    """Return the ports that the services of a data folder had last, where that is known."""
    try:
        found = json.loads((folder / FILE_NAME).read_text())
        return Ports(int(found["postgres"]), int(found["kafka"]))
    except (OSError, ValueError, KeyError, TypeError):
        return Ports()


def remember(folder: Path, ports: Ports) -> None:
    """Write down which ports the services of a data folder have."""
    (folder / FILE_NAME).write_text(json.dumps(asdict(ports)))
