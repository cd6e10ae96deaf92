"""Photos that come along with a form: kept as evidence is, and bound to the visit that brought them."""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

from fastapi.concurrency import run_in_threadpool
from psycopg import Connection
from starlette.datastructures import UploadFile

from workers.http.door import Door
from workers.http.errors import EvidenceTypeError
from workers.http.evidence_store import Stored, finish
from workers.http.pages.drafts import Draft
from workers.http.pages.sending import SOURCE
from workers.http.pages.visits import Visit
from workers.http.visitors import Session, may_upload, note_upload

PART_BYTES: Final = 64 * 1024


async def take_photos(visit: Visit, session: Session, draft: Draft) -> str | None:
    """Keep the files of a form and add them to a draft; return what is the matter with one, or None."""
    said = visit.words
    for file in visit.form.files:
        if not await run_in_threadpool(_may, visit.door, session):
            return said.gettext("You have added as many files as we can take. Please remove one first.")
        try:
            async with visit.door.redrawing:
                await _take(visit.door, session, draft, file)
        except EvidenceTypeError:
            return said.gettext(
                "We could not read this file. Please choose a photo (JPEG, PNG, WebP or HEIC), a video (MP4, WebM or "
                "MOV) or a PDF."
            )
    return None


def _may(door: Door, session: Session) -> bool:
    with door.views.connection() as connection:
        return may_upload(connection, session.key)


async def _take(door: Door, session: Session, draft: Draft, file: UploadFile) -> None:
    def note(connection: Connection, stored: Stored) -> None:
        note_upload(connection, session.key, stored.evidence_id, stored.bytes)

    draft.photos.append((await keep_file(door, file, SOURCE, note)).evidence_id)


async def keep_file(
    door: Door, file: UploadFile, source: str, note: Callable[[Connection, Stored], None] | None = None
) -> Stored:
    """Keep a file that came with a form; ``note`` is done together with it.

    Raises:
        EvidenceTypeError: It is none that evidence may be.
    """
    evidence_id, unfinished = await run_in_threadpool(door.evidence.new)

    def keep() -> Stored:
        with door.views.connection() as connection, connection.transaction():
            stored = finish(door.evidence, evidence_id, unfinished, source, connection)
            if note is not None:
                note(connection, stored)
            return stored

    try:
        with unfinished.open("wb") as opened:
            while part := await file.read(PART_BYTES):
                await run_in_threadpool(opened.write, part)
        return await run_in_threadpool(keep)
    except BaseException:
        door.evidence.remove(evidence_id)
        raise
