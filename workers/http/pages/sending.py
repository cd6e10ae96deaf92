"""Commands that pages send: at the server's own time, under the id of the form, as whoever visits."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Final, Literal

import orjson

from infra.kafka.command_client import OutgoingCommand
from infra.log.answers import stored_outcome
from workers.http.commands import ask
from workers.http.door import Door
from workers.http.incoming import incoming_of

CustomersCommand = Literal[
    "RequestReturn",
    "CorrectRequest",
    "WithdrawReturn",
    "GiveFeedback",
    "AddEvidence",
    "AppealDenial",
    "AnswerRemedy",
    "CorrectContact",
]
"""What customers may send from their pages."""
SOURCE: Final = "/doors/customer"
WAIT_S: Final = 10


@dataclass(frozen=True, slots=True)
class Answer:
    """What came of a command: ``accepted``, ``refused``, ``malformed`` or ``pending``; how far the log is with it.

    ``message`` and ``details`` are a refusal's own words.
    """

    status: str
    code: str = ""
    position: int = 0
    message: str = ""
    details: Mapping[str, Any] = field(default_factory=dict)


def was_sent(door: Door, command_id: str) -> bool:
    """Tell whether a form's command was accepted before."""
    with door.views.connection() as connection:
        stored = stored_outcome(connection, SOURCE, command_id)
    return stored is not None and orjson.loads(stored[1])["status"] == "accepted"


async def send(door: Door, name: CustomersCommand, command_id: str, customer_id: str, data: dict[str, Any]) -> Answer:
    """Send a command as a customer, and return what came of it; as ``send_as``."""
    return await send_as(
        door, OutgoingCommand(name, command_id, SOURCE, None, door.clock(), f"customer:{customer_id}", data)
    )


async def send_as(door: Door, command: OutgoingCommand) -> Answer:
    """Send a command and return what came of it, or that it is on its way: it is not lost then.

    Raises:
        UnavailableError: Kafka did not take it in time; sent again under the same id, it takes effect once.
    """
    [answer] = await ask(door, [incoming_of(command)], WAIT_S)
    if answer is None:
        return Answer("pending")
    said = orjson.loads(answer)
    position = max((event["position"] for event in said["events"]), default=0)
    return Answer(
        said["status"], said.get("code") or "", position, said.get("message") or "", said.get("details") or {}
    )
