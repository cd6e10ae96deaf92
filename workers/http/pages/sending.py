"""Commands that pages send: at the server's own time, under the id of the form, as whoever visits."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any, Final, Literal
from uuid import NAMESPACE_OID, uuid5

import orjson
from fastapi.concurrency import run_in_threadpool

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
TRIES_MAX: Final = 20
"""So often one form may be sent anew, having been refused, or saying something else than before."""
REUSED: Final = "command_id_reused"


@dataclass(frozen=True, slots=True)
class Answer:
    """What came of a command: ``accepted``, ``refused``, ``malformed`` or ``pending``; how far the log is with it.

    ``message`` and ``details`` are a refusal's own words, ``command_id`` is the id that it was sent under.
    """

    status: str
    code: str = ""
    position: int = 0
    message: str = ""
    details: Mapping[str, Any] = field(default_factory=dict)
    command_id: str = ""


def was_accepted(door: Door, source: str, form_id: str) -> bool:
    """Tell whether a form was sent before and taken: sent twice it counts once."""
    return _last_try(door, source, form_id)[1]


def _last_try(door: Door, source: str, form_id: str) -> tuple[str, bool]:
    """Return the id of a form's last try, or of the next where all were refused, and whether it was accepted."""
    command_id = form_id
    with door.views.connection() as connection:
        for _ in range(TRIES_MAX):
            stored = stored_outcome(connection, source, command_id)
            if stored is None:
                break
            if orjson.loads(stored[1])["status"] == "accepted":
                return command_id, True
            command_id = _next_try(command_id)
    return command_id, False


def _next_try(command_id: str) -> str:
    return str(uuid5(NAMESPACE_OID, f"{command_id}\nagain"))


async def send(door: Door, name: CustomersCommand, command_id: str, customer_id: str, data: dict[str, Any]) -> Answer:
    """Send a command as a customer, and return what came of it; as ``send_as``."""
    return await send_as(
        door, OutgoingCommand(name, command_id, SOURCE, None, door.clock(), f"customer:{customer_id}", data)
    )


async def send_as(door: Door, command: OutgoingCommand) -> Answer:
    """Send a form's command and return what came of it, or that it is on its way: it is not lost then.

    The same form sent twice takes effect once. Sent once more after a refusal, or with other words, by who went back to
    it, it is another try: under an id that follows from the form's.

    Raises:
        UnavailableError: Kafka did not take it in time; sent again under the same id, it takes effect once.
    """
    command_id, _ = await run_in_threadpool(_last_try, door, command.source, command.id)
    for _ in range(TRIES_MAX):
        answer = await _answered(door, replace(command, id=command_id))
        if answer.code != REUSED:
            break
        command_id = _next_try(command_id)
    return answer


async def _answered(door: Door, command: OutgoingCommand) -> Answer:
    [answer] = await ask(door, [incoming_of(command)], WAIT_S)
    if answer is None:
        return Answer("pending", command_id=command.id)
    said = orjson.loads(answer)
    position = max((event["position"] for event in said["events"]), default=0)
    return Answer(
        said["status"],
        said.get("code") or "",
        position,
        said.get("message") or "",
        said.get("details") or {},
        command.id,
    )
