"""Where goods are sent: a file that names each site's address, as it stands on labels."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field, TypeAdapter

from domain.errors import UnusableInputError
from infra.json_files import read_json

ADDRESS_LINES_MAX = 6
DROP_OFF_MAX = 50

Line = Annotated[str, Field(min_length=1, max_length=80)]


class Site(BaseModel):
    """A site as it stands on labels, its country in the last line."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    name: Line
    address: Annotated[tuple[Line, ...], Field(min_length=1, max_length=ADDRESS_LINES_MAX)]
    drop_off: Annotated[tuple[Line, ...], Field(max_length=DROP_OFF_MAX)] = ()
    """Where parcels for it may be handed in, each as one line."""

    @property
    def lines(self) -> tuple[str, ...]:
        """Name and address below each other."""
        return (self.name, *self.address)


class SitesFileError(UnusableInputError):
    """The file of sites cannot be read."""

    code = "unusable_sites_file"


_SITES: TypeAdapter[dict[str, Site]] = TypeAdapter(dict[str, Site])


def read_sites(file: Path | None) -> dict[str, Site]:
    """Return the sites by the names that policies' ``return_to`` has for them; None: none are known.

    Args:
        file: JSON: ``{"default": {"name": "Returns", "address": ["1 Dock Road", "Dublin", "Ireland"]}, …}``.
    Raises:
        SitesFileError: The file is missing or is not like that.
    """
    if file is None:
        return {}
    return read_json(file, _SITES, "RMA_SITES_FILE", SitesFileError)


def lines_of(sites: Mapping[str, Site], return_to: str) -> tuple[str, ...]:
    """Return what is written on a parcel to a site: its name and address; its name alone, where nobody knows more."""
    site = sites.get(return_to)
    return (return_to,) if site is None else site.lines
