"""The facts of one line of a request: everything a decision may look at, so that nothing else need be kept."""

from __future__ import annotations

from datetime import UTC, date, datetime
from functools import partial
from operator import eq, is_
from typing import Annotated, Final

from pydantic import AfterValidator, AwareDatetime, BaseModel, ConfigDict, Field

from domain.vocabularies import Reason, TenderKind, Wish, WithdrawalException

YEAR_MIN: Final = 1900
YEAR_MAX: Final = 9000
HOLIDAYS_MAX: Final = 4_000


def _in_utc(instant: datetime) -> datetime:
    if not YEAR_MIN <= instant.year <= YEAR_MAX:
        raise ValueError(f"the year must be between {YEAR_MIN} and {YEAR_MAX}")
    return instant.astimezone(UTC)


_is_unknown: Final = partial(is_, None)
"""A fact that came later leaves no trace in decisions that did not know it."""
_is_empty: Final = partial(eq, ())


Instant = Annotated[AwareDatetime, AfterValidator(_in_utc)]
"""A time with an offset, kept in UTC so that equal instants give equal bytes."""
FromTo = Annotated[tuple[date, ...], Field(min_length=2, max_length=2)]
"""The first and the last of some days."""
Holidays = Annotated[tuple[date, ...], Field(max_length=HOLIDAYS_MAX)]
Answer = str | bool | int | float


class Facts(BaseModel):
    """The inputs of one decision; a fact that is not known is ``None`` and makes every comparison of it false.

    ``shipped_at`` and ``delivered_at`` are the latest among the units asked for, ``None`` while any of them is not
    shipped or delivered; ``order_delivered_at`` is when the last unit of the whole order was delivered. Amounts are
    goods and tax of the units asked for. ``in_warranty`` is known for lines with a warranty,
    ``bundle_complete`` for those of a kit: whether all of it comes back, with what came before.
    ``gift_unproved``: a stranger asks for a gift without its code; no rule sees it, a person decides. ``holidays``
    belong to the calendar of the document's window, ``rule_holidays`` to the calendars that rules name, by name.

    What the law looks at: ``distance_sale``, ``business_buyer``, ``informed`` of the order, and ``informed_at``
    where the customer was told of the right later; ``second_hand`` and ``digital_consent`` of the line; ``unsealed``
    and ``fault_appeared_on`` of the request; ``repairs_tried``, how often a repair was tried on any of the units;
    ``repair_waits``, from which day to which they were away for it, as days are called in the country;
    ``country_holidays`` on which days of the country's law roll on. Rules see ``LAW_FACTS`` of
    them, and under the first edition only where they ask.
    """

    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False)

    ordered_at: Instant
    requested_at: Instant
    shipped_at: Instant | None = None
    delivered_at: Instant | None = None
    order_delivered_at: Instant | None = None
    channel: str | None = None
    seller_id: str | None = None
    country: str | None = None
    customer_tier: str | None = None
    tender_kinds: tuple[TenderKind, ...] | None = None
    category: str | None = None
    sku: str | None = None
    final_sale: bool | None = None
    withdrawal_exception: WithdrawalException | None = None
    reason: Reason | None = None
    wish: Wish | None = None
    quantity: int | None = None
    line_paid_minor: int | None = None
    unit_paid_minor: int | None = None
    gift: bool | None = None
    distance_sale: Annotated[bool | None, Field(exclude_if=_is_unknown)] = None
    business_buyer: Annotated[bool | None, Field(exclude_if=_is_unknown)] = None
    second_hand: Annotated[bool | None, Field(exclude_if=_is_unknown)] = None
    informed: Annotated[bool | None, Field(exclude_if=_is_unknown)] = None
    informed_at: Annotated[Instant | None, Field(exclude_if=_is_unknown)] = None
    unsealed: Annotated[bool | None, Field(exclude_if=_is_unknown)] = None
    digital_consent: Annotated[bool | None, Field(exclude_if=_is_unknown)] = None
    fault_appeared_on: Annotated[date | None, Field(exclude_if=_is_unknown)] = None
    repairs_tried: Annotated[int | None, Field(exclude_if=_is_unknown)] = None
    repair_waits: Annotated[tuple[FromTo, ...], Field(exclude_if=_is_empty)] = ()
    in_warranty: Annotated[bool | None, Field(exclude_if=_is_unknown)] = None
    gift_unproved: Annotated[bool | None, Field(exclude_if=_is_unknown)] = None
    bundle_complete: Annotated[bool | None, Field(exclude_if=_is_unknown)] = None
    answers: dict[str, Answer] = Field(default_factory=dict)
    holidays: Holidays = ()
    rule_holidays: dict[str, Holidays] = Field(default_factory=dict)
    country_holidays: Annotated[Holidays, Field(exclude_if=_is_empty)] = ()
