"""What an edition must be to be law here: every file by its schema, and nothing in it that contradicts the rest."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from datetime import date
from itertools import combinations
from typing import Final

import pycountry
from pydantic import ValidationError

from domain.policy.statutes.errors import StatutesRefusedError
from domain.policy.statutes.right import JurisdictionFile, RightEntry

BESIDE_ISO: Final = frozenset({"EU"})


def checked(files: Mapping[str, object]) -> tuple[JurisdictionFile, ...]:
    """Return the files of an edition, in the order of their names.

    Raises:
        StatutesRefusedError: A file does not fit the schema, names an unknown country or zone, or a right of it
            overlaps with itself; ``path`` is the file's name and the place in it.
    """
    read = []
    for name in sorted(files):
        try:
            file = JurisdictionFile.model_validate(files[name])
        except ValidationError as refused:
            fault = refused.errors(include_url=False, include_input=False, include_context=False)[0]
            raise StatutesRefusedError(_path(name, fault["loc"]), fault["msg"]) from refused
        for path, what in _faults(file):
            raise StatutesRefusedError(f"{name}:{path}", what)
        read.append(file)
    for path, what in _across(dict(zip(sorted(files), read, strict=True))):
        raise StatutesRefusedError(path, what)
    return tuple(read)


def _path(name: str, steps: Sequence[int | str]) -> str:
    path = "$" + "".join(f"[{step}]" if isinstance(step, int) else f".{step}" for step in steps)
    return f"{name}:{path}"


def _faults(file: JurisdictionFile) -> Iterator[tuple[str, str]]:
    known = {country.alpha_2 for country in pycountry.countries}
    for country in file.zones:
        if country not in known:
            yield f"$.zones.{country}", f"{country} is no country of ISO 3166-1"
    if file.jurisdiction not in known | BESIDE_ISO:
        yield "$.jurisdiction", f"{file.jurisdiction} is no country of ISO 3166-1"
    for index, right in enumerate(file.rights):
        path = f"$.rights[{index}]"
        countries = right.countries or frozenset(file.zones)
        if not countries:
            yield f"{path}.countries", "it is law nowhere"
        for country in sorted(countries):
            if country not in known:
                yield f"{path}.countries", f"{country} is no country of ISO 3166-1"
            if file.counted_in == "own_zones" and country not in file.zones:
                yield f"{path}.countries", f"the file names no zone of {country}"


def _across(files: Mapping[str, JurisdictionFile]) -> Iterator[tuple[str, str]]:
    """Yield each right that is in force twice at once somewhere under one id."""
    placed: dict[str, list[tuple[str, RightEntry, frozenset[str]]]] = {}
    for name, file in files.items():
        for index, right in enumerate(file.rights):
            countries = right.countries or frozenset(file.zones)
            placed.setdefault(right.id, []).append((f"{name}:$.rights[{index}]", right, countries))
    for entries in placed.values():
        for (_, one, here), (path, other, there) in combinations(entries, 2):
            if here & there and _overlap(one, other):
                yield f"{path}.valid_from", f"{other.id} is in force twice for orders from {other.valid_from} on"


def _overlap(one: RightEntry, other: RightEntry) -> bool:
    return one.valid_from <= (other.valid_to or date.max) and other.valid_from <= (one.valid_to or date.max)
