"""Files of evidence: what they are by their content, without what a camera adds, in a folder; their rows beside it."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from typing import Final
from uuid import UUID, uuid4

import filetype
import pillow_heif
from PIL import Image, ImageOps, UnidentifiedImageError
from psycopg import Connection

from domain.vocabularies import EvidenceKind
from workers.http.errors import EvidenceTypeError

URI: Final = "/v1/evidence/{}"
"""What a command names a file by; an address of this door, whatever its host."""
ORPHANED_AFTER: Final = timedelta(days=7)
ORPHANS_MAX: Final = 1_000
PIXELS_MAX: Final = 60_000_000
"""More than any camera in a hand takes; a small file may claim to be larger than memory."""
QUALITY: Final = 92
UNFINISHED: Final = ".part"

EXTENSIONS: Final = {
    "image/jpeg": "jpg", "image/png": "png", "image/webp": "webp", "video/mp4": "mp4", "video/webm": "webm",
    "video/quicktime": "mov", "application/pdf": "pdf",
}  # fmt: skip
"""What is kept; HEIC comes in, too, and is kept as JPEG, which every browser shows."""
FORMATS: Final = {"image/jpeg": "JPEG", "image/png": "PNG", "image/webp": "WEBP", "image/heic": "HEIF"}
TABLES: Final = """
CREATE TABLE IF NOT EXISTS rma_http.evidence (
    evidence_id uuid        PRIMARY KEY,
    media_type  text        NOT NULL,
    bytes       bigint      NOT NULL,
    sha256      text        NOT NULL,
    source      text        NOT NULL,
    stored_at   timestamptz NOT NULL,
    attached    boolean     NOT NULL DEFAULT false  -- a return names it
);
CREATE INDEX IF NOT EXISTS evidence_loose ON rma_http.evidence (stored_at) WHERE NOT attached;
"""
KEEP: Final = """
    INSERT INTO rma_http.evidence (evidence_id, media_type, bytes, sha256, source, stored_at)
    VALUES (%s, %s, %s, %s, %s, now())
"""
FIND: Final = "SELECT evidence_id, media_type, bytes, sha256, source FROM rma_http.evidence WHERE evidence_id = %s"
SELLERS: Final = """
    SELECT sold.seller_id FROM rma_read.evidence AS told JOIN rma_read.orders AS sold USING (order_id)
    WHERE told.uri = %s
"""
LOOSE: Final = """
    SELECT kept.evidence_id, EXISTS (SELECT FROM rma_read.evidence WHERE uri = %s || kept.evidence_id::text)
    FROM rma_http.evidence AS kept WHERE NOT attached AND stored_at < now() - %s ORDER BY stored_at LIMIT %s
"""

pillow_heif.register_heif_opener()


@dataclass(frozen=True, slots=True)
class Stored:
    """A file that is kept: its name, what it is, its size in bytes, its hash, and who brought it."""

    evidence_id: UUID
    media_type: str
    bytes: int
    sha256: str
    source: str

    @property
    def uri(self) -> str:
        return URI.format(self.evidence_id)

    @property
    def kind(self) -> EvidenceKind:
        """What a command calls it."""
        match self.media_type.partition("/")[0]:
            case "image":
                return "photo"
            case "video":
                return "video"
        return "document"

    @property
    def file_name(self) -> str:
        return f"{self.evidence_id}.{EXTENSIONS[self.media_type]}"


class Folder:
    """Where files are kept, each under its own name and in one of 256 folders."""

    def __init__(self, path: Path) -> None:
        self._path = path

    def new(self) -> tuple[UUID, Path]:
        """Return a new name, and the file that is written until it is finished."""
        evidence_id = uuid4()
        path = self.path_of(evidence_id)
        path.parent.mkdir(parents=True, exist_ok=True)
        return evidence_id, path.with_suffix(UNFINISHED)

    def path_of(self, evidence_id: UUID) -> Path:
        return self._path / evidence_id.hex[:2] / str(evidence_id)

    def remove(self, evidence_id: UUID) -> None:
        """Remove a file, finished or not; one that is not there is no error."""
        path = self.path_of(evidence_id)
        path.unlink(missing_ok=True)
        path.with_suffix(UNFINISHED).unlink(missing_ok=True)


def finish(folder: Folder, evidence_id: UUID, unfinished: Path, source: str, connection: Connection) -> Stored:
    """Keep a file that was received: checked, stripped, on disk before anybody is told.

    Raises:
        EvidenceTypeError: It is none that evidence may be.
    """
    media_type = strip(unfinished)
    content = unfinished.read_bytes()
    stored = Stored(evidence_id, media_type, len(content), hashlib.sha256(content).hexdigest(), source)
    with unfinished.open("rb+") as file:
        os.fsync(file.fileno())
    connection.execute(KEEP, (evidence_id, media_type, stored.bytes, stored.sha256, source))
    unfinished.rename(folder.path_of(evidence_id))
    return stored


def strip(path: Path) -> str:
    """Take out of an image what it says beside its picture, such as where it was taken; return what a file is.

    Images are written anew, upright: whatever else was hidden in the file is gone. Raises ``EvidenceTypeError``.
    """
    media_type: str = filetype.guess_mime(str(path)) or ""
    if media_type in FORMATS:
        return _redraw(path, media_type)
    if media_type not in EXTENSIONS:
        raise EvidenceTypeError(
            "evidence is a JPEG, PNG, WebP or HEIC image, an MP4, WebM or QuickTime video, or a PDF"
        )
    return media_type


def _redraw(path: Path, media_type: str) -> str:
    try:
        with Image.open(path, formats=[FORMATS[media_type]]) as image:
            if image.width * image.height > PIXELS_MAX:
                raise EvidenceTypeError(f"an image has at most {PIXELS_MAX:,} pixels")
            upright = ImageOps.exif_transpose(image)
            kept = {name: upright.info[name] for name in ("icc_profile", "transparency") if name in upright.info}
            upright.info = {}
            if media_type in {"image/jpeg", "image/heic"}:
                kept.pop("transparency", None)
                upright.convert("RGB").save(path, "JPEG", quality=QUALITY, **kept)
                return "image/jpeg"
            upright.save(path, FORMATS[media_type], **kept)
            return media_type
    except (UnidentifiedImageError, OSError, ValueError, SyntaxError, Image.DecompressionBombError) as bad:
        raise EvidenceTypeError("the image is damaged, or no image after all") from bad


def find(connection: Connection, evidence_id: UUID) -> Stored | None:
    """Return what is kept under a name, or None."""
    row = connection.execute(FIND, (evidence_id,)).fetchone()
    return None if row is None else Stored(*row)


def sellers_that_see(connection: Connection, uri: str) -> set[str | None]:
    """Return the sellers of the orders on whose returns a file was put forward."""
    return {seller for (seller,) in connection.execute(SELLERS, (uri,))}


def forget_orphans(connection: Connection, folder: Folder) -> int:
    """Remove files that no return has named for a week; return how many there were."""
    loose = connection.execute(LOOSE, (URI.format(""), ORPHANED_AFTER, ORPHANS_MAX)).fetchall()
    attached = [evidence_id for evidence_id, is_named in loose if is_named]
    connection.execute("UPDATE rma_http.evidence SET attached = true WHERE evidence_id = ANY(%s)", (attached,))
    orphans = [evidence_id for evidence_id, is_named in loose if not is_named]
    remove(connection, folder, orphans)
    return len(orphans)


def remove(connection: Connection, folder: Folder, evidence_ids: Sequence[UUID]) -> None:
    """Remove files and their rows."""
    for evidence_id in evidence_ids:
        folder.remove(evidence_id)
    connection.execute("DELETE FROM rma_http.evidence WHERE evidence_id = ANY(%s)", (list(evidence_ids),))
