"""Who issues credit notes: a file that names each series' seller as he stands on paper."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field, TypeAdapter

from domain.errors import UnusableInputError
from infra.json_files import read_json

ADDRESS_LINES_MAX = 8


class Seller(BaseModel):
    """A seller as he stands on his notes."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    name: Annotated[str, Field(min_length=1, max_length=200)]
    address: Annotated[tuple[str, ...], Field(max_length=ADDRESS_LINES_MAX)] = ()
    tax_id: str | None = None
    """His number with the tax office, as it is printed."""


class SellersFileError(UnusableInputError):
    """The file of sellers cannot be read."""

    code = "unusable_sellers_file"


_SELLERS: TypeAdapter[dict[str, Seller]] = TypeAdapter(dict[str, Seller])


def seller_of(file: Path | None, series_id: str) -> Seller:
    """Return the seller of a series; where the file does not name him, his series stands for his name.

    Args:
        file: JSON: ``{"default": {"name": …, "address": […], "tax_id": …}, …}``, by series; None: no such file.
        series_id: The series of his notes.
    Raises:
        SellersFileError: The file is missing or is not like that.
    """
    if file is None:
        return Seller(name=series_id)
    known = read_json(file, _SELLERS, "RMA_SELLERS_FILE", SellersFileError)
    return known.get(series_id, Seller(name=series_id))
