"""Who issues credit notes: a file that names each series' seller as he stands on paper."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field, TypeAdapter, ValidationError

from domain.errors import UnusableInputError

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
    try:
        known = _SELLERS.validate_json(file.read_bytes())
    except OSError as error:
        raise SellersFileError(f"RMA_SELLERS_FILE: {file} cannot be read: {error.strerror}") from error
    except ValidationError as error:
        first = error.errors()[0]
        where = ".".join(str(part) for part in first["loc"]) or "it"
        raise SellersFileError(f"RMA_SELLERS_FILE: {file}: {where}: {first['msg']}") from error
    return known.get(series_id, Seller(name=series_id))
