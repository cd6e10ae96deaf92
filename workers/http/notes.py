"""Credit notes: as their rows tell them, and as PDF."""

from __future__ import annotations

from typing import Annotated, Any

from fastapi import APIRouter, Query, Response

from projections.refund_ledger.credit_notes import find_credit_note
from workers.http.access import TheCaller
from workers.http.callers import Caller
from workers.http.declared_reads import PDF_RESPONSES, read_responses
from workers.http.door import Door, Reading, TheDoor
from workers.http.errors import NotFoundError
from workers.http.pages.notes import note_of
from workers.http.pages.words import Language
from workers.http.reading import Asked, EncodedName, Name, as_json, decoded, look

router = APIRouter(tags=["credit notes"])


class AskedNote(Asked):
    """Which note is wanted."""

    number: Name


class AskedSheet(Asked):
    """In which language a note is wanted."""

    lang: Language = "en"


class AskedNoteSheet(AskedNote, AskedSheet):
    """Which note is wanted, in which language."""


@router.get("/v1/credit-notes", responses=read_responses("CreditNote"), response_class=Response)
async def credit_note(door: TheDoor, caller: TheCaller, asked: Annotated[AskedNote, Query()]) -> Response:
    """Get a credit note by its number, as view `credit_notes` has it, with its order's customer and seller."""
    return as_json(await _note(door, caller, asked.number, asked.after))


@router.get("/v1/credit-notes.pdf", responses=PDF_RESPONSES, response_class=Response)
async def pdf_by_number(door: TheDoor, caller: TheCaller, asked: Annotated[AskedNoteSheet, Query()]) -> Response:
    """Get a credit note as PDF, by its number."""
    return await note_of(door, await _note(door, caller, asked.number, asked.after), asked.lang)


@router.get("/v1/credit-notes/{name}.pdf", responses=PDF_RESPONSES, response_class=Response)
async def pdf(door: TheDoor, caller: TheCaller, name: EncodedName, asked: Annotated[AskedSheet, Query()]) -> Response:
    """Get a credit note as PDF, by its number."""
    return await note_of(door, await _note(door, caller, decoded(name), asked.after), asked.lang)


async def _note(door: Door, caller: Caller, number: str, after: int | None) -> dict[str, Any]:
    def read(connection: Reading) -> dict[str, Any] | None:
        return find_credit_note(connection, number)

    found = await look(door, after, read)
    if found is None or (caller.scope != "all" and found["seller_id"] not in caller.scope):
        raise NotFoundError("no such credit note is known")
    return found
