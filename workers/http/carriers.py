"""``POST /v1/carriers/{name}/events``: news of parcels, signed by their carriers, become commands."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any, Final, Protocol

import orjson
from fastapi import APIRouter, Request, Response
from fastapi.concurrency import run_in_threadpool

from workers.http import carrier_epcis, carrier_neutral
from workers.http.access import count_anonymous
from workers.http.carrier_file import Carrier
from workers.http.carrier_news import News, Unreadable, commands_of, keep, parcels_of
from workers.http.commands import ask
from workers.http.declared import Responses, json_of, problems
from workers.http.door import Door, TheDoor
from workers.http.errors import SignatureInvalidError
from workers.http.incoming import Incoming, incoming_of
from workers.http.reading import EncodedName, decoded

ADAPTERS: Final[dict[str, Callable[[bytes], Iterator[News | Unreadable]]]] = {
    "neutral": carrier_neutral.read,
    "epcis": carrier_epcis.read,
}
WAIT_S: Final = 5
TAKEN: Final = 202
NEWS_BODY: Final[dict[str, Any]] = {
    "requestBody": {
        "required": True,
        "content": {"application/json": {"schema": {"type": "object"}}},
    },
    "parameters": [
        {"name": name, "in": "header", "required": True, "schema": {"type": "string"}}
        for name in ("webhook-id", "webhook-timestamp", "webhook-signature")
    ],
}
NEWS_RESPONSES: Final[Responses] = {
    200: json_of("CarrierAnswer", "Every event was answered"),
    202: json_of("CarrierAnswer", "Some are kept, or not answered yet"),
    **problems(400, 401, 408, 413, 429, 500, 503),
}

router = APIRouter(tags=["carriers"])


class Told(Protocol):
    """An event that could be read."""

    @property
    def event_id(self) -> str: ...


@router.post("/v1/carriers/{name}/events", openapi_extra=NEWS_BODY, responses=NEWS_RESPONSES, response_class=Response)
async def news(request: Request, door: TheDoor, name: EncodedName) -> Response:
    """Tell what happened to parcels, signed as Standard Webhooks says.

    Each event is answered by a status of its own: `accepted`, `refused` with a code, `pending`, `malformed`, or `kept`:
    nobody knows the parcel yet, and it is tried again for two weeks. None of them is to be sent again.
    """
    body, carrier_name = await request.body(), decoded(name)
    try:
        carrier = door.carriers.signed_by(carrier_name, body, request.headers)
    except SignatureInvalidError:
        count_anonymous(request, door)
        raise
    request.state.caller = f"carrier {carrier_name}"
    door.rate.count(f"carrier {carrier_name}")
    told = list(ADAPTERS[carrier.adapter](body))
    plans = [await run_in_threadpool(_plan, door, carrier_name, carrier, one) for one in told]
    commands = [command for plan in plans for command in plan]
    answers = iter(await ask(door, commands, WAIT_S) if commands else [])
    events = [answered(one, [next(answers) for _ in plan]) for one, plan in zip(told, plans, strict=True)]
    return Response(orjson.dumps({"events": events}), status_of(events), media_type="application/json")


def status_of(events: Sequence[Mapping[str, Any]]) -> int:
    """Return the status of an answer in which each event has its own: 202 where the last word on one is to come."""
    return TAKEN if any(event["status"] in {"kept", "pending"} for event in events) else 200


def _plan(door: Door, name: str, carrier: Carrier, told: News | Unreadable) -> list[Incoming]:
    """Return the commands of one event; where there are none because nobody knows the parcel, it is kept."""
    if isinstance(told, Unreadable):
        return []
    with door.views.connection() as connection:
        parcels = [one for one in parcels_of(connection, told) if carrier.carries(name, one.carrier)]
        if not parcels:
            keep(connection, name, told)
    return [incoming_of(command) for command in commands_of(name, told, parcels)]


def answered(told: Told | Unreadable, answers: list[bytes | None]) -> dict[str, Any]:
    """Return what becomes of one event: of several returns in its parcel, the worst."""
    if isinstance(told, Unreadable):
        return {"event_id": told.event_id, "status": "malformed", "detail": told.why}
    if not answers:
        return {"event_id": told.event_id, "status": "kept"}
    said = [{"status": "pending"} if answer is None else orjson.loads(answer) for answer in answers]
    worst = min(said, key=lambda one: ("malformed", "refused", "pending", "accepted").index(one["status"]))
    code = {"code": worst["code"]} if "code" in worst else {}
    return {"event_id": told.event_id, "status": worst["status"], **code}
