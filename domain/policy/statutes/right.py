"""A right as a lawyer writes it down: one entry of the file of its jurisdiction, and what the engine makes of it."""

from __future__ import annotations

from datetime import date
from functools import cached_property
from typing import Annotated, Final, Literal, Self, get_args

from pydantic import BaseModel, ConfigDict, Field, model_validator

from domain.policy.values import Country, Zone
from domain.vocabularies import Reason, RefundDue, RefundFrom, Wish, WithdrawalException

TruthFact = Literal["distance_sale", "business_buyer", "second_hand", "informed", "unsealed", "digital_consent"]
"""What is known of an order, a line or a request beside what it always says."""
Lengths = Literal["days", "months", "years", "endless"]
LENGTHS: Final = get_args(Lengths)
Months = Annotated[int, Field(ge=1, le=1_200)]
CountedIn = Literal["merchant_zone", "own_zones"]


class RightEntry(BaseModel):
    """One right in one jurisdiction, for orders placed from ``valid_from`` to ``valid_to``, both days included.

    It holds from purchase until ``days``, ``months`` or ``years`` after the ``anchor``'s day (``endless``: for ever),
    for claims of its ``reasons`` (null: no reason is asked). ``grants`` are resolutions that count as offered.
    ``fee_free``: no fee of any kind, unless the inspection finds no fault or the customer liable.
    ``repair_or_replacement_first``: the right is to what it grants; another wish is for a person to answer.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    id: Annotated[str, Field(pattern=r"^[a-z]{2}(\.[a-z0-9_]+)+$")]
    title: Annotated[str, Field(min_length=1)]
    countries: Annotated[
        frozenset[Country], Field(description="Where it is law, ISO 3166-1; left out: wherever the file's are.")
    ] = frozenset()
    valid_from: Annotated[date, Field(description="The first day on which an order that has the right was placed.")]
    valid_to: Annotated[date | None, Field(description="The last such day; null: still in force.")] = None
    citations: Annotated[tuple[Annotated[str, Field(min_length=1)], ...], Field(min_length=1)]
    article: Annotated[str, Field(description="The article that decides, as it is told to the customer.")] = ""
    sentence: Annotated[str, Field(description="What the law grants, in words of our own.")] = ""
    sure: Annotated[
        Literal["read", "agreed"] | None,
        Field(description="read: the text of the law was read; agreed: further sources agree on what it says."),
    ] = None
    note: str | None = None

    anchor: Literal["ordered", "delivered", "order_delivered"]
    days: Annotated[int, Field(ge=0, le=36_500)] | None = None
    months: Months | None = None
    years: Annotated[int, Field(ge=1, le=100)] | None = None
    endless: bool = False
    count: Literal["calendar", "business"] = "calendar"
    roll: Annotated[
        Literal["none", "next_business_day"],
        Field(description="Whether a last day at a weekend or on a holiday of the country moves to the next weekday."),
    ] = "none"
    without_notice_months: Annotated[
        Months | None, Field(description="So much longer where the customer was not told of the right.")
    ] = None
    without_notice_endless: Annotated[
        bool,
        Field(description="Where the customer was not told of the right it has no end; told later, it runs from then."),
    ] = False
    until_fault: Annotated[bool, Field(description="The time runs until the fault appears, not until it is told.")] = (
        False
    )
    after_fault_months: Annotated[
        Months | None,
        Field(description="With until_fault: how long a fault in time may be told; null: no end encoded."),
    ] = None
    after_fault_days: Annotated[int | None, Field(ge=1, description="The same in days; one of both.")] = None
    after_repair_months: Annotated[Months | None, Field(description="So much longer, once, after a repair.")] = None
    after_repair_days_min: Annotated[
        int | None,
        Field(ge=1, description="The time stands still while goods are away for a repair; so many days are left then."),
    ] = None

    reasons: frozenset[Reason] | None
    exceptions: frozenset[WithdrawalException] = frozenset()
    exceptions_if: Annotated[
        dict[WithdrawalException, dict[TruthFact, bool]],
        Field(description="Exceptions that count only where these facts are known."),
    ] = Field(default_factory=dict)
    only_if: Annotated[dict[TruthFact, bool], Field(description="It holds only where these facts are known.")] = Field(
        default_factory=dict
    )
    not_if: Annotated[dict[TruthFact, bool], Field(description="It does not hold where any of these is known.")] = (
        Field(default_factory=dict)
    )
    repairs_tried_min: Annotated[
        int | None, Field(ge=1, description="It holds only after so many repairs or replacements.")
    ] = None

    grants: Annotated[tuple[Wish, ...], Field(min_length=1)]
    repair_or_replacement_first: bool = False
    asks_person: Annotated[
        bool, Field(description="What follows is for a person: a policy alone cannot deny, and need not grant.")
    ] = False
    fee_free: bool = False
    restocking_bps_max: Annotated[int, Field(ge=0, le=10_000)] | None = None
    return_shipping: Annotated[
        Literal["free", "direct_cost"] | None,
        Field(description="The most that the way back may cost the customer; null: the law does not say."),
    ] = None
    ship_back_days_min: Annotated[int, Field(ge=1)] | None = None
    refunds_outward_shipping: bool = False
    refund_due: RefundDue | None = None
    refund_within_days: Annotated[int, Field(ge=0)] | None = None
    refund_from: Annotated[
        RefundFrom | None,
        Field(description="From when the days of the refund run; null: from when it is due, as refund_due says."),
    ] = None

    @model_validator(mode="after")
    def _has_one_length(self) -> Self:
        given = [name for name in LENGTHS if getattr(self, name)] or (["days"] if self.days == 0 else [])
        if len(given) != 1:
            raise ValueError("a right lasts days, months or years, or is endless: one of them")
        if self.count == "business" and self.days is None:
            raise ValueError("business days are days")
        if self.without_notice_months and self.without_notice_endless:
            raise ValueError("without notice a right lasts some months more, or has no end: one of them")
        if self.after_fault_months and self.after_fault_days:
            raise ValueError("a fault may be told for months or for days after it appeared: one of them")
        return self

    @model_validator(mode="after")
    def _is_in_order(self) -> Self:
        if self.valid_to is not None and self.valid_to < self.valid_from:
            raise ValueError("valid_to lies before valid_from")
        return self

    def in_force(self, ordered_on: date) -> bool:
        """Tell whether the right is in force for an order placed on this day (UTC)."""
        return self.valid_from <= ordered_on and (self.valid_to is None or ordered_on <= self.valid_to)


class Statute(RightEntry):
    """A right with what the file of its jurisdiction says for all of them.

    ``zones`` are those of each country, in which its days are counted, the latest end deciding; none: the days are
    counted in the zone of the merchant's window.
    """

    jurisdiction: str
    zones: dict[Country, tuple[Zone, ...]] = Field(default_factory=dict)

    def __hash__(self) -> int:
        return hash(self.id)  # a key of what is kept for a set of rights: all fields would take longer than the work

    @cached_property
    def conditions(self) -> tuple[tuple[str, bool, bool, str], ...]:
        """Return what it asks of truths: fact, value, whether it is wanted or ruled out, what to say where it fails."""
        wanted = [(fact, value, True, f"needs:{fact}") for fact, value in self.only_if.items()]
        return (*wanted, *((fact, value, False, f"not_for:{fact}") for fact, value in self.not_if.items()))

    @cached_property
    def has_further_conditions(self) -> bool:
        """Tell whether it asks more than truths, country, reason, exception and time."""
        return bool(self.exceptions_if or self.repairs_tried_min)

    @cached_property
    def granted(self) -> frozenset[Wish]:
        """Return what it grants, to be compared with what is offered."""
        return frozenset(self.grants)

    @cached_property
    def asks_notice(self) -> bool:
        """Tell whether it lasts longer where the customer was not told of it."""
        return self.without_notice_endless or self.without_notice_months is not None

    @cached_property
    def rolls(self) -> bool:
        """Tell whether its end hangs on weekends and holidays."""
        return self.roll != "none" or self.count == "business"

    @cached_property
    def is_counted_plainly(self) -> bool:
        """Tell whether its time is days or years after the anchor in the merchant's zone, and nothing else."""
        longer = (self.without_notice_months, self.until_fault, self.after_repair_months, self.after_repair_days_min)
        return (
            not (self.zones or any(longer) or self.without_notice_endless or self.months or self.endless)
            and self.count == "calendar"
            and self.roll == "none"
        )


class JurisdictionFile(BaseModel):
    """The rights of one jurisdiction, as one file of an edition holds them.

    ``zones`` are the IANA time zones of each country; needed where days are counted in ``own_zones``. ``checked_on`` is
    the day on which the sources were looked at.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    jurisdiction: Annotated[str, Field(pattern=r"^[A-Z]{2}$")]
    name: Annotated[str, Field(min_length=1)]
    counted_in: CountedIn
    checked_on: date | None = None
    zones: dict[Country, Annotated[tuple[Zone, ...], Field(min_length=1)]] = Field(default_factory=dict)
    rights: Annotated[tuple[RightEntry, ...], Field(min_length=1)]
