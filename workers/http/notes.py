"""Credit notes: as their rows tell them, and as PDF."""

from __future__ import annotations

import re
from typing import Annotated, Any, Final

from fastapi import APIRouter, Query, Response
from fastapi.concurrency import run_in_threadpool

from infra.sellers import seller_of
from projections.refund_ledger.credit_notes import find_credit_note
from workers.http.access import TheCaller
from workers.http.callers import Caller
from workers.http.declared_reads import PDF_RESPONSES, read_responses
from workers.http.door import Door, Reading, TheDoor
from workers.http.errors import NotFoundError
from workers.http.reading import Asked, EncodedName, Name, as_json, decoded, look
from workers.pictures.credit_note_pdf import drawn

UNSAFE: Final = re.compile(r"[^A-Za-z0-9._-]+")
FILE_NAME_MAX: Final = 100

router = APIRouter(tags=["credit notes"])


class AskedNote(Asked):
    """Which note is wanted."""

    number: Name


@router.get("/v1/credit-notes", responses=read_responses("CreditNote"), response_class=Response)
async def credit_note(door: TheDoor, caller: TheCaller, asked: Annotated[AskedNote, Query()]) -> Response:
    """Get a credit note by its number, as view `credit_notes` has it, with its order's customer and seller."""
    return as_json(await _note(door, caller, asked.number, asked.after))


@router.get("/v1/credit-notes.pdf", responses=PDF_RESPONSES, response_class=Response)
async def pdf_by_number(door: TheDoor, caller: TheCaller, asked: Annotated[AskedNote, Query()]) -> Response:
    """Get a credit note as PDF, by its number."""
    return await _pdf(door, caller, asked.number, asked.after)


@router.get("/v1/credit-notes/{name}.pdf", responses=PDF_RESPONSES, response_class=Response)
async def pdf(door: TheDoor, caller: TheCaller, name: EncodedName, asked: Annotated[Asked, Query()]) -> Response:
    """Get a credit note as PDF, by its number."""
    return await _pdf(door, caller, decoded(name), asked.after)


async def _note(door: Door, caller: Caller, number: str, after: int | None) -> dict[str, Any]:
    def read(connection: Reading) -> dict[str, Any] | None:
        return find_credit_note(connection, number)

    found = await look(door, after, read)
    if found is None or (caller.scope != "all" and found["seller_id"] not in caller.scope):
        raise NotFoundError("no such credit note is known")
    return found


async def _pdf(door: Door, caller: Caller, number: str, after: int | None) -> Response:
    note = await _note(door, caller, number, after)
    seller = seller_of(door.settings.sellers_file, note["series_id"])
    content = await run_in_threadpool(drawn, note, seller)
    name = UNSAFE.sub("_", number).strip(".")[:FILE_NAME_MAX] or "credit-note"
    return Response(content, media_type="application/pdf", headers={
        "Content-Disposition": f'attachment; filename="{name}.pdf"',
        "Content-Security-Policy": "sandbox",
    })  # fmt: skip
