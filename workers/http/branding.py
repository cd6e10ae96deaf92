"""Whose pages they are: a merchant's name, address, colours, logo and sentences, in a folder of his."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Annotated, Final, Literal

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from domain.errors import UnusableInputError

FILE: Final = "brand.json"
FILES_BYTES_MAX: Final = 1_000_000
LANGUAGES: Final = ("en", "zh")
TEXTS: Final = "pages.{}.po"
"""A merchant's own sentences, by language: a catalogue of gettext."""
MEDIA: Final = {"brand.css": "text/css; charset=utf-8", "logo.svg": "image/svg+xml", "logo.png": "image/png"}
Line = Annotated[str, Field(min_length=1, max_length=200)]


class BrandUnusableError(UnusableInputError):
    """The folder of `RMA_HTTP_BRAND_DIR` is not as it should be."""

    code = "brand_unusable"


class Brand(BaseModel):
    """How a merchant is called in a language, and where he is."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    name: Line
    address: Annotated[tuple[Line, ...], Field(max_length=8)] = ()


class BrandFile(BaseModel):
    """``brand.json``: the brand, by language; in a language that is left out, it is as in English."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    en: Brand
    zh: Brand | None = None


PLAIN: Final = BrandFile(en=Brand(name="Returns"), zh=Brand(name="退货服务"))


class Branding:
    """The merchant's folder, read once.

    Args:
        folder: None: pages are plain.
    Raises:
        BrandUnusableError: It, or a file in it, cannot be used.
    """

    def __init__(self, folder: Path | None) -> None:
        self._said = PLAIN if folder is None else _read(folder)
        self.files = {} if folder is None else dict(_files(folder))
        self.texts = {} if folder is None else dict(_texts(folder))

    def named(self, language: Literal["en", "zh"]) -> Brand:
        """Return the brand as it is called in a language."""
        return (self._said.zh if language == "zh" else None) or self._said.en


def _read(folder: Path) -> BrandFile:
    try:
        return BrandFile.model_validate_json((folder / FILE).read_bytes())
    except OSError as error:
        raise BrandUnusableError(f"{folder / FILE} cannot be read: {error.strerror}") from error
    except ValidationError as error:
        first = error.errors()[0]
        where = ".".join(map(str, first["loc"]))
        raise BrandUnusableError(f"{folder / FILE}: {where}: {first['msg']}") from error


def _texts(folder: Path) -> Iterator[tuple[str, bytes]]:
    """Yield the merchant's own sentences, by language; whether they can be used is the pages' to say."""
    for language in LANGUAGES:
        path = folder / TEXTS.format(language)
        if path.is_file():
            if path.stat().st_size > FILES_BYTES_MAX:
                raise BrandUnusableError(f"{path} has more than {FILES_BYTES_MAX:,} bytes")
            yield language, path.read_bytes()


def _files(folder: Path) -> list[tuple[str, bytes]]:
    found = []
    for name in MEDIA:
        path = folder / name
        if path.is_file():
            if path.stat().st_size > FILES_BYTES_MAX:
                raise BrandUnusableError(f"{path} has more than {FILES_BYTES_MAX:,} bytes")
            found.append((name, path.read_bytes()))
    return found
