"""Photos that come along with a form: kept as evidence is, and bound to the visit that brought them."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any, Final
from uuid import UUID

from fastapi.concurrency import run_in_threadpool
from psycopg import Connection
from starlette.datastructures import UploadFile

from workers.http.door import Door
from workers.http.errors import EvidenceTypeError, NotFoundError
from workers.http.evidence_store import Stored, find, finish
from workers.http.pages.drafts import Draft
from workers.http.pages.sending import SOURCE
from workers.http.pages.visits import Visit
from workers.http.visitors import Session, may_upload, note_upload

PART_BYTES: Final = 64 * 1024
PHOTO: Final = "photo."
PHOTOS_MAX: Final = 10
"""Of one form of somebody who works here."""


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


async def keep_photos(visit: Visit, source: str, texts: Mapping[str, str]) -> list[Mapping[str, Any]]:
    """Keep the files of a form of somebody who works here; return them as a command names evidence.

    Args:
        visit: His.
        source: The door that he came through.
        texts: Of the form: files that came through that door with an earlier page of it, by ``photo_fields``, go first.

    Raises:
        EvidenceTypeError: One is none that evidence may be.
    """
    earlier = [_uuid(text) for name, text in texts.items() if name.startswith(PHOTO)]

    def known() -> list[Stored]:
        with visit.door.views.connection() as connection:
            found = [find(connection, one) for one in earlier[:PHOTOS_MAX]]
        return [one for one in found if one is not None and one.source == source]

    kept = await run_in_threadpool(known) if earlier else []
    for file in visit.form.files[: PHOTOS_MAX - len(kept)]:
        async with visit.door.redrawing:
            kept.append(await keep_file(visit.door, file, source))
    return [
        {"evidence_id": str(one.evidence_id), "kind": one.kind, "uri": one.uri, "sha256": one.sha256} for one in kept
    ]


def photo_fields(evidence: Sequence[Mapping[str, Any]]) -> dict[str, str]:
    """Return the fields by which a form's next page names the files that came already."""
    return {f"{PHOTO}{number}": one["evidence_id"] for number, one in enumerate(evidence)}


def _uuid(text: str) -> UUID:
    try:
        return UUID(text)
    except ValueError as error:
        raise NotFoundError("no file of ours") from error
