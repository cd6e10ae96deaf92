"""Photos that come along with a form: kept as evidence is, and bound to the visit that brought them."""

from __future__ import annotations

from typing import Final

from fastapi.concurrency import run_in_threadpool
from starlette.datastructures import UploadFile

from workers.http.door import Door
from workers.http.errors import EvidenceTypeError
from workers.http.evidence_store import finish
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
    evidence_id, unfinished = await run_in_threadpool(door.evidence.new)
    try:
        with unfinished.open("wb") as opened:
            while part := await file.read(PART_BYTES):
                await run_in_threadpool(opened.write, part)

        def keep() -> None:
            with door.views.connection() as connection, connection.transaction():
                stored = finish(door.evidence, evidence_id, unfinished, SOURCE, connection)
                note_upload(connection, session.key, evidence_id, stored.bytes)

        await run_in_threadpool(keep)
    except BaseException:
        door.evidence.remove(evidence_id)
        raise
    draft.photos.append(evidence_id)
