"""Editions of the law: numbered, hashed, kept for ever; a decision names the one that it was made under.

An edition is a folder ``edition_N`` of this package with one file a jurisdiction. The first is what was law here before
there were editions: decisions without one were made under it.
"""

from __future__ import annotations

import hashlib
import json
from bisect import bisect_right
from collections.abc import Mapping
from dataclasses import field
from datetime import UTC, date, datetime, timedelta
from functools import cached_property, lru_cache
from importlib import resources
from typing import Final

from pydantic import BaseModel, ConfigDict

from domain.policy.statutes.checks import checked
from domain.policy.statutes.right import JurisdictionFile, RightEntry, Statute
from domain.values import dataclass

FIRST: Final = 1
EDITIONS: Final = (FIRST, 2, 3, 4, 5, 6, 7)
"""The numbers of all editions there are, the newest last."""
NEWEST: Final = EDITIONS[-1]


class LawPin(BaseModel):
    """The edition of the statutes that a decision was made under: its number, and the SHA-256 of its content."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    edition: int
    hash: str


@dataclass(frozen=True, eq=False)
class Law:
    """The rights that are in force for an order, and the edition they stand in (None: nobody's law is asked).

    An edition holds each once, whatever days and countries it is law of: one is equal to itself alone, and quick to
    look up what is kept for it.
    """

    rights: tuple[Statute, ...]
    pin: LawPin | None = None

    @cached_property
    def is_first(self) -> bool:
        """Tell whether this is the first edition, or no law: decisions look then as they always did."""
        return self.pin is None or self.pin.edition == FIRST


NO_LAW: Final = Law(())
DAY: Final = timedelta(days=1)


@dataclass(frozen=True)
class Edition:
    """One edition with all its rights, in the order of the files."""

    number: int
    hash: str
    files: tuple[JurisdictionFile, ...]
    rights: tuple[Statute, ...]
    _in_force: dict[tuple[str, int], Law] = field(default_factory=dict, compare=False, repr=False)
    """The law by country and by how many of the ``turns`` are past."""
    _laws: dict[tuple[Statute, ...], Law] = field(default_factory=dict, compare=False, repr=False)

    @property
    def pin(self) -> LawPin:
        """Return what a decision made under this edition keeps of it."""
        return LawPin(edition=self.number, hash=self.hash)

    @cached_property
    def countries(self) -> tuple[str, ...]:
        """Return the countries of which a right is encoded, sorted."""
        return tuple(sorted({country for right in self.rights for country in right.countries}))

    @cached_property
    def turns(self) -> tuple[date, ...]:
        """Return the days from which on another law holds somewhere than the day before, sorted."""
        firsts = {right.valid_from for right in self.rights}
        return tuple(sorted(firsts | {right.valid_to + DAY for right in self.rights if right.valid_to is not None}))

    def turns_past(self, ordered_at: datetime) -> int:
        """Return how many of the turns are past for an order placed at this time: with as many the law is the same."""
        return bisect_right(self.turns, ordered_at.astimezone(UTC).date())

    def law(self, country: str, ordered_at: datetime) -> Law:
        """Return the rights in force in a country (ISO 3166-1 alpha-2) for an order placed at this time."""
        key = (country, self.turns_past(ordered_at))
        known = self._in_force.get(key)
        if known is None:
            ordered_on = ordered_at.astimezone(UTC).date()
            rights = tuple(right for right in self.rights if country in right.countries and right.in_force(ordered_on))
            known = self._laws.setdefault(rights, Law(rights, self.pin))
            if country in self.countries:  # there is no end of those of which nothing is encoded
                self._in_force[key] = known
        return known


@lru_cache
def edition_numbered(number: int) -> Edition:
    """Return an edition; raises ``LookupError`` where there is none of this number."""
    if number not in EDITIONS:
        raise LookupError(f"there is no edition {number} of the statutes")
    folder = resources.files(__package__).joinpath(f"edition_{number}")
    named = sorted(file.name for file in folder.iterdir() if file.name.endswith(".json"))
    return edition_of(number, {name: json.loads(folder.joinpath(name).read_bytes()) for name in named})


def edition_of(number: int, files: Mapping[str, object]) -> Edition:
    """Return an edition from the content of its files, by name.

    Raises:
        StatutesRefusedError: Something in it cannot be law; ``path`` says what.
    """
    read = checked(files)
    canonical = json.dumps(dict(files), sort_keys=True, separators=(",", ":"), ensure_ascii=False)
    rights = tuple(Statute.model_validate(_completed(entry, file)) for file in read for entry in file.rights)
    return Edition(number, hashlib.sha256(canonical.encode()).hexdigest(), read, rights)


def _completed(entry: RightEntry, file: JurisdictionFile) -> dict[str, object]:
    """Return a right's fields with what its file says for all of them."""
    countries = entry.countries or frozenset(file.zones)
    zones = {country: file.zones[country] for country in sorted(countries)} if file.counted_in == "own_zones" else {}
    return {**entry.model_dump(), "countries": countries, "zones": zones, "jurisdiction": file.jurisdiction}


def law_for(country: str, ordered_at: datetime, edition: int = FIRST) -> Law:
    """Return the rights of an edition in force in a country for an order placed at this time."""
    return edition_numbered(edition).law(country, ordered_at)


@lru_cache
def articles_of(number: int) -> dict[str, str]:
    """Return the deciding article of each right of an edition by its id; where none is named, the first citation."""
    return {right.id: right.article or right.citations[0] for right in edition_numbered(number).rights}


@lru_cache
def titles_of(number: int) -> dict[str, str]:
    """Return what each right of an edition is called, by its id."""
    return {right.id: right.title for right in edition_numbered(number).rights}
