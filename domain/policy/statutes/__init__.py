"""Statutory rights: a second layer above every policy, as data with citations, that can only widen."""

from __future__ import annotations

from datetime import UTC, date, datetime
from functools import lru_cache
from importlib import resources
from typing import Annotated, Final, Literal, Self

from pydantic import BaseModel, ConfigDict, Field, TypeAdapter, model_validator

from domain.vocabularies import Reason, RefundDue, Wish, WithdrawalException

FILES: Final = ("eu.json", "gb.json", "cn.json")


class Statute(BaseModel):
    """One right in one jurisdiction, for orders placed from ``valid_from`` to ``valid_to``, both days included.

    It holds from purchase until ``days`` or ``years`` after the ``anchor``'s day, for claims of its ``reasons`` (null:
    no reason is asked), unless the line has one of its ``exceptions``. ``grants`` are resolutions that count as
    offered. ``fee_free``: no fee of any kind, unless the inspection finds no fault or the customer liable.
    ``repair_or_replacement_first``: the right is to what it grants; another wish is for a person to answer.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    id: str
    title: str
    jurisdiction: str
    countries: frozenset[str]
    valid_from: date
    valid_to: date | None
    citations: Annotated[tuple[str, ...], Field(min_length=1)]
    note: str | None = None
    anchor: Literal["delivered", "order_delivered"]
    days: int | None = None
    years: int | None = None
    reasons: frozenset[Reason] | None
    exceptions: frozenset[WithdrawalException]
    grants: tuple[Wish, ...]
    repair_or_replacement_first: bool
    fee_free: bool
    restocking_bps_max: int | None
    refunds_outward_shipping: bool
    refund_due: RefundDue | None
    refund_within_days: int | None

    @model_validator(mode="after")
    def _has_one_length(self) -> Self:
        if (self.days is None) == (self.years is None):
            raise ValueError("a right lasts either days or years")
        return self

    def __hash__(self) -> int:
        return hash(self.id)  # a key of what is kept for a set of rights: all fields would take longer than the work

    def in_force(self, ordered_on: date) -> bool:
        """Tell whether the right is in force for an order placed on this day (UTC)."""
        return self.valid_from <= ordered_on and (self.valid_to is None or ordered_on <= self.valid_to)


@lru_cache(maxsize=1)
def all_statutes() -> tuple[Statute, ...]:
    """Return every right that is encoded, in the order of the files."""
    read = TypeAdapter(tuple[Statute, ...]).validate_json
    return tuple(right for name in FILES for right in read(resources.files(__package__).joinpath(name).read_bytes()))


@lru_cache(maxsize=8_192)
def _in_force(country: str, ordered_on: date) -> tuple[Statute, ...]:
    return tuple(right for right in all_statutes() if country in right.countries and right.in_force(ordered_on))


def statutes_for(country: str, ordered_at: datetime) -> tuple[Statute, ...]:
    """Return the rights in force in a country (ISO 3166-1 alpha-2) for an order placed at this time."""
    return _in_force(country, ordered_at.astimezone(UTC).date())
