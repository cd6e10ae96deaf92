"""``POST /v1/evidence`` and back: files that customers put forward, for commands to name."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any, Final
from uuid import UUID

import orjson
from fastapi import APIRouter, Query, Request, Response
from fastapi.concurrency import run_in_threadpool
from fastapi.responses import FileResponse

from workers.http.access import TheCaller
from workers.http.callers import Caller
from workers.http.declared import ALWAYS, Responses, json_of, problems
from workers.http.door import Door, Reading, TheDoor
from workers.http.errors import NotFoundError, ReadOnlyError
from workers.http.evidence_store import Stored, find, finish, sellers_that_see
from workers.http.reading import Asked, look

FILE_BODY: Final[dict[str, Any]] = {
    "requestBody": {
        "required": True,
        "content": {"application/octet-stream": {"schema": {"type": "string", "format": "binary"}}},
    }
}
STORED_RESPONSES: Final[Responses] = {
    201: json_of(
        "StoredEvidence",
        "Kept",
        headers={"Location": {"description": "Where it is", "schema": {"type": "string"}}},
    ),
    **problems(*ALWAYS, 408, 413, 415),
}
FILE_RESPONSES: Final[Responses] = {
    200: {"description": "The file", "content": {"*/*": {"schema": {"type": "string", "format": "binary"}}}},
    **problems(*ALWAYS, 404),
}

router = APIRouter(tags=["evidence"])


@router.post(
    "/v1/evidence", status_code=201, openapi_extra=FILE_BODY, responses=STORED_RESPONSES, response_class=Response
)
async def put_forward(request: Request, door: TheDoor, caller: TheCaller) -> Response:
    """Keep a file of up to 20 MB, which is the request's body, and get the `uri` by which a command names it.

    What it is, is seen by its content: JPEG, PNG, WebP and HEIC images, MP4, WebM and QuickTime videos, PDF. Images are
    drawn anew, without the place and time that cameras write into them. What no return names is removed after a week.
    """
    if caller.access != "write":
        raise ReadOnlyError("this caller may only read")
    evidence_id, unfinished = await run_in_threadpool(door.evidence.new)
    try:
        await _receive(request, unfinished)
        async with door.redrawing:
            stored = await run_in_threadpool(_finish, door, caller, evidence_id, unfinished)
    except BaseException:
        door.evidence.remove(evidence_id)
        raise
    told = {"uri": stored.uri, "kind": stored.kind, "media_type": stored.media_type, "bytes": stored.bytes}
    content = orjson.dumps(told | {"sha256": stored.sha256})
    return Response(content, 201, {"Location": stored.uri}, "application/json")


async def _receive(request: Request, file: Path) -> None:
    with file.open("wb") as opened:
        async for part in request.stream():
            await run_in_threadpool(opened.write, part)


def _finish(door: Door, caller: Caller, evidence_id: UUID, unfinished: Path) -> Stored:
    with door.views.connection() as connection:
        return finish(door.evidence, evidence_id, unfinished, caller.source, connection)


@router.get("/v1/evidence/{evidence_id}", responses=FILE_RESPONSES, response_class=Response)
async def file_of(door: TheDoor, caller: TheCaller, evidence_id: UUID, asked: Annotated[Asked, Query()]) -> Response:
    """Get a file back, to be kept: never to be shown as a page of this door."""

    def read(connection: Reading) -> Stored | None:
        stored = find(connection, evidence_id)
        return stored if stored and _sees(connection, caller, stored) else None

    stored = await look(door, asked.after, read)
    path = door.evidence.path_of(evidence_id)
    if stored is None or not path.is_file():
        raise NotFoundError("no such file is known")
    headers = {"Content-Security-Policy": "sandbox; default-src 'none'"}
    return FileResponse(path, 200, headers, stored.media_type, filename=stored.file_name)


def _sees(connection: Reading, caller: Caller, stored: Stored) -> bool:
    """Tell whether a file is the caller's own, or is on a return that he sees."""
    if caller.scope == "all" or stored.source == caller.source:
        return True
    return bool(sellers_that_see(connection, stored.uri) & caller.scope)
