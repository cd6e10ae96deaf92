"""Files of evidence: known by what they hold, without what they should not tell."""

from __future__ import annotations

from pathlib import Path
from typing import Any, Final

import pytest
from PIL import Image

from workers.http import evidence_store
from workers.http.errors import EvidenceTypeError
from workers.http.evidence_store import strip

GPS_IFD, LATITUDE, ORIENTATION, MAKE = 0x8825, 2, 0x0112, 0x010F
SECRET: Final = b"Secret Street 7"
MP4: Final = b"\x00\x00\x00\x18ftypisom\x00\x00\x02\x00isomiso2" + bytes(64)
QUICKTIME: Final = b"\x00\x00\x00\x14ftypqt  \x00\x00\x02\x00qt  " + bytes(64)
WEBM: Final = (
    b"\x1a\x45\xdf\xa3\x9f\x42\x86\x81\x01\x42\xf7\x81\x01\x42\xf2\x81\x04\x42\xf3\x81\x08\x42\x82\x84webm" + bytes(64)
)


def photo(path: Path, kind: str, **more: Any) -> Path:
    """Write an image, 40 wide and 20 high, that lies on its side and says where it was taken."""
    image = Image.new("RGB", (40, 20), "red")
    exif = image.getexif()
    exif[ORIENTATION], exif[MAKE] = 6, SECRET.decode()
    exif.get_ifd(GPS_IFD)[LATITUDE] = (52.0, 31.0, 12.0)
    image.save(path, kind, exif=exif, **more)
    return path


@pytest.mark.parametrize(
    ("kind", "media_type", "more"),
    [
        ("JPEG", "image/jpeg", {"comment": SECRET}),
        ("PNG", "image/png", {}),
        ("WEBP", "image/webp", {"xmp": SECRET}),
        ("HEIF", "image/jpeg", {}),
    ],
)
def test_an_image_keeps_its_picture_alone(tmp_path: Path, kind: str, media_type: str, more: dict[str, Any]) -> None:
    """Place, time, maker and comments are gone; it stands upright, as no mark says any more how to turn it."""
    path = photo(tmp_path / "x", kind, **more)
    assert SECRET in path.read_bytes()

    assert strip(path) == media_type

    assert SECRET not in path.read_bytes()
    with Image.open(path) as kept:
        assert dict(kept.getexif()) == {}
        assert not {"comment", "xmp", "exif"} & set(kept.info)
        assert kept.size == (20, 40) or kind == "HEIF"  # its library turns it before


def test_what_was_hidden_behind_an_image_is_gone(tmp_path: Path) -> None:
    """A page or a program at its end is no part of the picture."""
    path = photo(tmp_path / "x", "PNG")
    path.write_bytes(path.read_bytes() + b"<script>alert(1)</script>")

    strip(path)

    assert b"<script>" not in path.read_bytes()


@pytest.mark.parametrize(
    ("content", "media_type"),
    [(MP4, "video/mp4"), (QUICKTIME, "video/quicktime"), (WEBM, "video/webm"), (b"%PDF-1.7\n", "application/pdf")],
)
def test_videos_and_documents_are_kept_as_they_are(tmp_path: Path, content: bytes, media_type: str) -> None:
    """Known by their first bytes, whatever their sender called them."""
    (path := tmp_path / "x.exe").write_bytes(content)

    assert strip(path) == media_type
    assert path.read_bytes() == content


REFUSED: Final = {
    "nothing": b"",
    "text": b"hello",
    "page": b"<!DOCTYPE html><script>alert(1)</script>",
    "drawing that may hold scripts": b'<svg xmlns="http://www.w3.org/2000/svg" onload="alert(1)"/>',
    "another image": b"GIF89a" + bytes(20),
    "program": b"\x7fELF" + bytes(60),
    "archive": b"PK\x03\x04" + bytes(60),
    "page that says it is an image": b"\xff\xd8\xff<script>alert(1)</script>",
    "image cut short": b"\x89PNG\r\n\x1a\n" + bytes(40),
}


@pytest.mark.parametrize("content", REFUSED.values(), ids=REFUSED)
def test_what_is_no_evidence_is_refused(tmp_path: Path, content: bytes) -> None:
    (path := tmp_path / "photo.jpg").write_bytes(content)

    with pytest.raises(EvidenceTypeError):
        strip(path)


def test_an_image_too_large_for_memory_is_not_opened(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """What it claims to hold is looked at before it is held."""
    monkeypatch.setattr(evidence_store, "PIXELS_MAX", 40 * 20 - 1)

    with pytest.raises(EvidenceTypeError, match="pixels"):
        strip(photo(tmp_path / "x", "JPEG"))
