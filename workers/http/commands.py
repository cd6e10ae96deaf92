"""``POST /v1/commands`` and ``GET /v1/results``: a command is published, and its answer waited for."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from contextlib import ExitStack
from typing import Annotated, Final
from urllib.parse import urlencode

import orjson
from fastapi import APIRouter, Query, Request, Response
from fastapi.concurrency import run_in_threadpool
from pydantic import BaseModel, ConfigDict, Field

from commands.fields import NO_NUL
from domain.identity import order_stream
from domain.order import Order
from infra.envelope.results import CommandResult
from infra.log.answers import stored_outcome
from workers.http import permission
from workers.http.access import TheCaller
from workers.http.answers import Answer
from workers.http.callers import Caller
from workers.http.declared import COMMANDS_BODY, COMMANDS_RESPONSES, RESULTS_RESPONSES
from workers.http.door import Door, TheDoor
from workers.http.errors import MediaTypeError, NotFoundError
from workers.http.incoming import Incoming, is_batch, read_commands
from workers.http.preferences import WAIT_DEFAULT_S, wanted_wait_s
from workers.http.problems import PROBLEM_CONTENT, problem
from workers.http.tables import malformed_answer

STATUS: Final = {"accepted": 200, "refused": 409, "malformed": 422}
PENDING: Final = 202
REUSED: Final = "command_id_reused"
POSITION: Final = "Rma-Position"

router = APIRouter(tags=["commands"])


class WhichResult(BaseModel):
    """Which command's answer is wanted."""

    model_config = ConfigDict(extra="forbid")

    id: Annotated[str, Field(min_length=1, max_length=256, pattern=NO_NUL, description="The command's id.")]
    source: Annotated[
        str | None, Field(max_length=256, pattern=NO_NUL, description="Its source; default: the caller's own.")
    ] = None


@router.post("/v1/commands", openapi_extra=COMMANDS_BODY, responses=COMMANDS_RESPONSES, response_class=Response)
async def send_commands(request: Request, door: TheDoor, caller: TheCaller) -> Response:
    """Send a command, or a batch of up to 100, and wait for the answers.

    A command is a CloudEvent, in structured, binary or batch mode. Its id is the idempotency key: the same command
    again gets the same answer. `Prefer: wait=SECONDS` says how long to wait, 5 s by default, 30 s at most; what is not
    answered by then is answered 202, with the address of the answer to come.
    """
    preferred_s = wanted_wait_s(request.headers.getlist("prefer"))
    content_type = request.headers.get("content-type", "")
    if "content-encoding" in request.headers:
        raise MediaTypeError("bodies come as they are, not packed")
    commands = read_commands(content_type, request.headers.items(), await request.body(), caller.source)
    await run_in_threadpool(_check, door, caller, commands)
    answers = await ask(door, commands, WAIT_DEFAULT_S if preferred_s is None else preferred_s)
    answered = [_answered(command, answer) for command, answer in zip(commands, answers, strict=True)]
    response = _of_batch(answered) if is_batch(content_type) else answered[0].response()
    if preferred_s is not None:
        response.headers["Preference-Applied"] = f"wait={preferred_s}"
    return response


@router.get("/v1/results", responses=RESULTS_RESPONSES, response_class=Response)
def result(door: TheDoor, caller: TheCaller, which: Annotated[WhichResult, Query()]) -> Response:
    """Get the answer to a command of one's own, as `POST /v1/commands` would have given it."""
    source = which.source or caller.source
    if source != caller.source:
        raise NotFoundError("no answer is known to this command")
    with door.views.connection() as connection:
        stored = stored_outcome(connection, source, which.id)
        answer = stored[1] if stored else malformed_answer(connection, source, which.id)
    if answer is None:
        raise NotFoundError("no answer is known to this command, or not yet")
    return _Answered.of(answer).response()


def _check(door: Door, caller: Caller, commands: Sequence[Incoming]) -> None:
    """Raise where the caller may not send one of them; then none is sent."""

    def answered(command: Incoming) -> bool:
        with door.views.connection() as connection:
            return stored_outcome(connection, command.source, command.id) is not None

    def seller_of(order_id: str) -> str | None:
        with door.logs.streams() as streams:
            order = streams.get(order_stream(order_id))
            return order.seller_id if isinstance(order, Order) else None

    for command in commands:
        permission.check(caller, command, door.clock(), answered)
    permission.check_sellers(caller, commands, seller_of)


async def ask(door: Door, commands: Sequence[Incoming], wait_s: int) -> list[bytes | None]:
    """Publish commands and return the answers that come in time."""
    with ExitStack() as waiting:
        queues = [waiting.enter_context(door.waiting.for_answers((one.source, one.id))) for one in commands]
        places = await door.outbound.publish(commands)
        asked = [asyncio.create_task(_answer(place, queue)) for place, queue in zip(places, queues, strict=True)]
        _, late = await asyncio.wait(asked, timeout=wait_s)
        for task in late:
            task.cancel()
        return [task.result() if task not in late else None for task in asked]


async def _answer(place: str | None, queue: asyncio.Queue[Answer]) -> bytes:
    """Return the answer to the record at a place: another command may have come under the same id."""
    while True:
        answer = await queue.get()
        if place is None or answer.place in {None, place}:
            return answer.body


class _Answered:
    """An answer as HTTP says it: its status, its body as JSON, and how far the log is with it."""

    def __init__(self, status: int, body: bytes, *, position: int = 0, location: str | None = None) -> None:
        self.status, self.body, self.position, self._location = status, body, position, location

    @classmethod
    def of(cls, answer: bytes) -> _Answered:
        said: CommandResult = orjson.loads(answer)
        status = STATUS[said["status"]]
        position = max((event["position"] for event in said["events"]), default=0)
        if status == STATUS["accepted"]:
            return cls(status, answer, position=position)
        told = problem(status, said["code"], said["message"], said["details"], said)
        return cls(status, orjson.dumps(told), position=position)

    def response(self) -> Response:
        media = "application/json" if self.status in {STATUS["accepted"], PENDING} else PROBLEM_CONTENT
        response = Response(self.body, self.status, media_type=media)
        if self._location:
            response.headers["Location"] = self._location
        return _told(response, self.position)


def _answered(command: Incoming, answer: bytes | None) -> _Answered:
    if answer is not None:
        return _Answered.of(answer)
    where = f"/v1/results?{urlencode({'source': command.source, 'id': command.id})}"
    body = {"command_id": command.id, "source": command.source, "status": "pending", "location": where}
    return _Answered(PENDING, orjson.dumps(body), location=where)


def _of_batch(answered: Sequence[_Answered]) -> Response:
    body = [{"status": one.status, "body": orjson.Fragment(one.body)} for one in answered]
    return _told(Response(orjson.dumps(body), media_type="application/json"), max(one.position for one in answered))


def _told(response: Response, position: int) -> Response:
    """Say in an answer how far the views have to be to show what it tells."""
    if position:
        response.headers[POSITION] = str(position)
    return response
