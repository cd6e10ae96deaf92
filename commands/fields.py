"""The kinds of fields that commands are made of: what one field's JSON Schema can say is said here."""

from __future__ import annotations

from datetime import UTC, date, datetime
from functools import cache, partial
from operator import eq
from typing import Annotated, Any, Final
from uuid import UUID

import pycountry
from pydantic import AfterValidator, AwareDatetime, BaseModel, ConfigDict, Field

from domain.names import NAME, NAME_MAX
from domain.policy.countries import countries

LINES_MAX: Final = 10_000
QUANTITY_MAX: Final = 1_000_000
AMOUNT_MINOR_MAX: Final = 10**13
TENDERS_MAX: Final = 100
PROMOTIONS_MAX: Final = 50
ROUNDING_MINOR_MAX: Final = 99
TAXES_MAX: Final = 20
TAX_RATE_BPS_MAX: Final = 100_000
EVIDENCE_MAX: Final = 100
ARTICLES_MAX: Final = 100
ANSWERS_MAX: Final = 100
SERIALS_MAX: Final = 10_000
TEXT_MAX: Final = 4_000
ANSWER_NUMBER_MAX: Final = 2**53
YEAR_MIN: Final = 1970
YEAR_MAX: Final = 2199
"""Business times outside these years are malformed: they come from broken clocks, and days are added to them."""

IDENTIFIER: Final = r"^[!-~]{1,64}$"
NO_NUL: Final = r"^[^\x00]*$"
CURRENCY: Final = r"^[A-Z]{3}$"
COUNTRY: Final = r"^[A-Z]{2}$"
SHA_256: Final = r"^[0-9a-f]{64}$"
PATTERNS_IN_WORDS: Final = {
    IDENTIFIER: "must be 1 to 64 ASCII characters from ! to ~, without a space",
    NAME: f"must be 1 to {NAME_MAX} printable characters, without a space at either end",
    NO_NUL: "must not hold the character U+0000",
    CURRENCY: "must be a currency code of ISO 4217, three capital letters, such as EUR",
    COUNTRY: "must be a country code of ISO 3166-1, two capital letters, such as DE",
    SHA_256: "must be a SHA-256 in 64 hexadecimal digits, in small letters",
}
"""What is said of a value that does not fit a pattern, which itself says nothing to people."""


class Body(BaseModel):
    """A JSON object of the contract: unknown fields and wrong types are malformed, nothing is coerced."""

    model_config = ConfigDict(frozen=True, extra="forbid", strict=True, allow_inf_nan=False)

    def named(self, field: str) -> Any:
        """Return the value of a field, or None where this command has no such field.

        Like ``getattr`` with a default, which pydantic makes forty times as slow for a field that is not there.
        """
        return self.__dict__.get(field)


def added_later(default: Any) -> Any:
    """Return the default of a field that the command has not always had.

    It counts for nothing in the hash of a command's content while it says nothing, so that a fact that was recorded
    before the field existed is known when it is told again.
    """
    return Field(default=default, exclude_if=partial(eq, default))


def _sensible(at: datetime) -> datetime:
    if not YEAR_MIN <= at.year <= YEAR_MAX:
        raise ValueError(f"the year must be from {YEAR_MIN} to {YEAR_MAX}")
    return at.astimezone(UTC)


@cache
def _currencies() -> frozenset[str]:
    return frozenset(currency.alpha_3 for currency in pycountry.currencies)


def _is_currency(code: str) -> str:
    if code not in _currencies():
        raise ValueError(f"{code} is no currency of ISO 4217")
    return code


def _is_country(code: str) -> str:
    if code not in countries():
        raise ValueError(f"{code} is no country of ISO 3166-1; ZZ stands for one that is not known")
    return code


Day = Annotated[date, Field(strict=False, ge=date(YEAR_MIN, 1, 1), le=date(YEAR_MAX, 12, 31))]
Instant = Annotated[AwareDatetime, AfterValidator(_sensible)]
Identifier = Annotated[str, Field(pattern=IDENTIFIER)]
Name = Annotated[str, Field(max_length=NAME_MAX, pattern=NAME)]
"""What others have named and people read off things: article, serial and tracking numbers, references."""
Text = Annotated[str, Field(min_length=1, max_length=TEXT_MAX, pattern=NO_NUL)]
Quantity = Annotated[int, Field(ge=1, le=QUANTITY_MAX)]
LineNumber = Annotated[int, Field(ge=1, le=LINES_MAX)]
AmountMinor = Annotated[int, Field(ge=0, le=AMOUNT_MINOR_MAX)]
PositiveAmountMinor = Annotated[int, Field(ge=1, le=AMOUNT_MINOR_MAX)]
Currency = Annotated[str, Field(pattern=CURRENCY), AfterValidator(_is_currency)]
Country = Annotated[str, Field(pattern=COUNTRY), AfterValidator(_is_country)]
Sha256 = Annotated[str, Field(pattern=SHA_256)]
Score = Annotated[int, Field(ge=1, le=5)]
Number = Annotated[float, Field(ge=-ANSWER_NUMBER_MAX, le=ANSWER_NUMBER_MAX)]
WholeNumber = Annotated[int, Field(ge=-ANSWER_NUMBER_MAX, le=ANSWER_NUMBER_MAX)]
Answers = Annotated[dict[Identifier, bool | WholeNumber | Number | Text], Field(max_length=ANSWERS_MAX)]


class OnReturn(Body):
    """A command about one return of an order."""

    rma_id: UUID
    order_id: Identifier


class OnUnits(OnReturn):
    """A command about so many units of a line of a return."""

    line: LineNumber
    quantity: Quantity
