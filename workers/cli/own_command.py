"""How the command line sends a command of its own: what the system could not read is said before it is sent."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any
from uuid import uuid4

import typer

from workers.cli.arguments import print_result
from workers.cli.errors import WrongUsageError
from workers.cli.exit_codes import SAID_NO
from workers.pictures.terminal import print_json


def tell(
    kind: str,
    body: Mapping[str, Any],
    *,
    source: str,
    key: str,
    actor: str,
    arguments: Mapping[str, str],
    as_json: bool,
) -> None:
    """Check a command as the system would, send it, wait for its answer and print it.

    Args:
        kind: The command's short name, such as ``DecideRequest``.
        body: Its fields; those that are None are left out.
        source: The CloudEvents source.
        key: The Kafka key.
        actor: Who sends it.
        arguments: By a place in the body, such as ``$.effective_from``, the argument that it came from.
        as_json: Whether the answer is printed as JSON.
    Raises:
        WrongUsageError: A field is malformed; names the argument, and nothing was sent.
        typer.Exit: The answer is not accepted; exit code 1.
    """
    from infra.kafka.command_client import OutgoingCommand, conversation
    from infra.settings import Settings

    told = {name: value for name, value in body.items() if value is not None}
    check(kind, told, arguments)
    command = OutgoingCommand(kind, uuid4().hex, source, key, datetime.now(UTC), actor, told)
    with conversation(Settings()) as talk:
        result = talk.ask(command.to_record())
    print_json(result) if as_json else print_result(result)
    if result["status"] != "accepted":
        raise typer.Exit(SAID_NO)


def check(kind: str, body: Mapping[str, Any], arguments: Mapping[str, str]) -> None:
    """Read a command as the system would; raises ``WrongUsageError`` with every fault, by the argument it is of."""
    from workers.desk.checking import faults_of

    if faults := [_by_argument(fault.path, fault.message, arguments) for fault in faults_of(kind, body)]:
        raise WrongUsageError("; ".join(faults))


def _by_argument(path: str, message: str, arguments: Mapping[str, str]) -> str:
    """Return a fault by the argument it came from, and by its place inside that."""
    for place, argument in arguments.items():
        if path == place or path.startswith((f"{place}.", f"{place}[")):
            inside = f" at ${path.removeprefix(place)}" if path != place else ""
            return f"{argument}{inside}: {message}"
    return f"{path}: {message}"
