"""``POST /v1/notices/bounces``: what a mail service learnt of letters later, signed, becomes commands."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Annotated, Any, Final, Literal
from uuid import UUID

import orjson
from fastapi import APIRouter, Request, Response
from fastapi.concurrency import run_in_threadpool
from psycopg import Connection
from pydantic import BaseModel, ConfigDict, Field, ValidationError

from commands.fields import IDENTIFIER, NO_NUL, TEXT_MAX
from infra.kafka.command_client import OutgoingCommand
from workers.http.access import count_anonymous
from workers.http.callers import faults_of
from workers.http.carrier_file import NOBODYS, is_signed
from workers.http.carrier_neutral import events_in, id_of
from workers.http.carrier_news import Unreadable
from workers.http.carriers import NEWS_BODY, NEWS_RESPONSES, WAIT_S, answered, status_of
from workers.http.commands import ask
from workers.http.door import Door, TheDoor
from workers.http.errors import SignatureInvalidError
from workers.http.incoming import Incoming, incoming_of
from workers.http.instants import Instant

SOURCE: Final = "/rma/bounces"
ACTOR: Final = "system:bounces"
MESSAGE_ID: Final = re.compile(r"<?(([0-9a-f-]{36})\.[a-z_]{1,20}\.[0-9a-f]{8})(@[!-~]+)?")
"""A Message-ID of ours, or the id of a message that it begins with; that begins with an event's."""
KNOWN: Final = "SELECT to_regclass('rma_notices.messages') IS NOT NULL"
FIND: Final = "SELECT rma_id, order_id FROM rma_notices.messages WHERE event_id = %s"

router = APIRouter(tags=["notices"])


class Bounce(BaseModel):
    """What became of one letter."""

    model_config = ConfigDict(extra="forbid", strict=True)

    event_id: Annotated[str, Field(pattern=IDENTIFIER)]
    message_id: Annotated[str, Field(min_length=1, max_length=500)]
    outcome: Literal["bounced", "failed", "sent"]
    occurred_at: Instant
    reason: Annotated[str, Field(min_length=1, max_length=TEXT_MAX, pattern=NO_NUL)] | None = None


@router.post("/v1/notices/bounces", openapi_extra=NEWS_BODY, responses=NEWS_RESPONSES, response_class=Response)
async def bounces(request: Request, door: TheDoor) -> Response:
    """Tell what became of letters after they were sent, signed as Standard Webhooks says.

    Each event, `{"event_id", "message_id", "outcome": "bounced" | "failed" | "sent", "occurred_at", "reason"?}`, is
    answered by a status of its own: `accepted`, `refused` with a code, `pending`, `malformed`. Send none again.
    """
    body = await request.body()
    given = door.settings.notices_bounce_secret
    if not is_signed(given.get_secret_value() if given else NOBODYS, body, request.headers) or given is None:
        count_anonymous(request, door)
        raise SignatureInvalidError("the signature is not valid")
    request.state.caller = "mail service"
    door.rate.count("mail service")
    plans = await run_in_threadpool(_plans, door, list(_read(body)))
    commands = [command for _, plan in plans for command in plan]
    answers = iter(await ask(door, commands, WAIT_S) if commands else [])
    events = [_said(one, [next(answers) for _ in plan]) for one, plan in plans]
    return Response(orjson.dumps({"events": events}), status_of(events), media_type="application/json")


def _read(body: bytes) -> Iterator[Bounce | Unreadable]:
    """Yield the events of a body, each that cannot be read with why; raises as ``events_in`` does."""
    for event in events_in(body):
        try:
            yield Bounce.model_validate(event)
        except ValidationError as error:
            yield Unreadable(id_of(event, "event_id"), faults_of(error))


def _plans(door: Door, told: list[Bounce | Unreadable]) -> list[tuple[Bounce | Unreadable, list[Incoming]]]:
    """Return each event with its command; without one where it cannot be read, or we sent no such letter."""
    with door.views.connection() as connection:
        [(is_known,)] = connection.execute(KNOWN).fetchall()
        return [(one, _plan(connection, one) if is_known and isinstance(one, Bounce) else []) for one in told]


def _plan(connection: Connection[Any], told: Bounce) -> list[Incoming]:
    named = MESSAGE_ID.fullmatch(told.message_id.strip())
    try:
        row = connection.execute(FIND, (UUID(named[2]),)).fetchone() if named else None
    except ValueError:
        row = None
    return [] if named is None or row is None else [incoming_of(_command(told, named[1], *row))]


def _command(told: Bounce, notice_id: str, rma_id: UUID, order_id: str) -> OutgoingCommand:
    data = {"rma_id": str(rma_id), "order_id": order_id, "notice_id": notice_id, "outcome": told.outcome}
    data |= {"reason": told.reason} if told.reason else {}
    return OutgoingCommand("RecordNoticeOutcome", told.event_id, SOURCE, order_id, told.occurred_at, ACTOR, data)


def _said(told: Bounce | Unreadable, answers: list[bytes | None]) -> dict[str, Any]:
    if isinstance(told, Bounce) and not answers:
        return {"event_id": told.event_id, "status": "refused", "code": "unknown_notice"}
    return answered(told, answers)
