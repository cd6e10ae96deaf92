"""A command of ours is read as the system would read it before it is sent: what is malformed never leaves."""

from __future__ import annotations

from collections.abc import Mapping
from typing import ClassVar

import orjson

from commands import dispatch
from commands.faults import MalformedError
from domain.errors import Fault, UnusableInputError
from infra.kafka.command_client import OutgoingCommand


class UnsendableError(UnusableInputError):
    """A command that was made of what somebody gave could not be read; nothing was sent."""

    code: ClassVar[str] = "unsendable"

    def __init__(self, about: str, faults: list[Fault]) -> None:
        said = "; ".join(f"{fault.path}: {fault.message}" for fault in faults)
        super().__init__(f"{about}: {said}; nothing was sent")


def faults_of(kind: str, body: Mapping[str, object]) -> list[Fault]:
    """Return what the system would find wrong with a command's body; ``kind`` is its short name."""
    try:
        dispatch.parse(f"rma.{kind}.v1", orjson.dumps(body))
    except MalformedError as malformed:
        return malformed.faults
    return []


def checked(command: OutgoingCommand, about: str) -> OutgoingCommand:
    """Return a command that the system can read; raises ``UnsendableError``, which names what it is ``about``."""
    if faults := faults_of(command.type, command.data):
        raise UnsendableError(about, faults)
    return command
