"""The values that policy documents are made of, and what is said of one that does not fit."""

from __future__ import annotations

from functools import lru_cache
from typing import Annotated, Any, Final
from zoneinfo import available_timezones

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, WithJsonSchema
from pydantic_core import PydanticCustomError

DAYS_MAX: Final = 3_650
AMOUNT_MAX_MINOR: Final = 10**12
NUMBER_MAX: Final = 10**15

_DAY: Final = r"\d{4}-\d{2}-\d{2}"
_TIME_PATTERN: Final = rf"^{_DAY}(T\d{{2}}:\d{{2}}(:\d{{2}}(\.\d{{1,6}})?)?(Z|[+-]\d{{2}}:\d{{2}}))?$"
_NO_NUL: Final = r"^[^\x00]*$"
_CALENDAR: Final = r"^[A-Z]{2}(-[A-Z0-9]{1,3})?$"
_COUNTRY: Final = r"^[A-Z]{2}$"
_CODE: Final = r"^[!-~]{1,64}$"
VALUES_IN_WORDS: Final = {
    _TIME_PATTERN: "must be a day such as 2026-03-01, or a time with an offset such as 2026-03-01T10:00+01:00",
    _NO_NUL: "must not hold the character U+0000",
    _CALENDAR: "must be a country of two capital letters, or one with its region, such as GB or US-CA",
    _COUNTRY: "must be a country code of ISO 3166-1, two capital letters, such as DE",
    _CODE: "must be 1 to 64 ASCII characters from ! to ~, without a space",
}
"""What is said of a value that does not fit a pattern, which itself says nothing to people."""


@lru_cache(maxsize=1)
def _zones() -> frozenset[str]:
    return frozenset(available_timezones()) - {"localtime"}  # this machine's, which may be another tomorrow


def _known_zone(zone: str) -> str:
    if zone not in _zones():
        raise PydanticCustomError("zone", "not the name of an IANA time zone")
    return zone


def _number(value: object) -> object:
    if isinstance(value, int | float) and not isinstance(value, bool) and -NUMBER_MAX <= value <= NUMBER_MAX:
        return value
    raise PydanticCustomError("number", "must be a number up to 10^15")


def _scalar(value: object) -> object:
    if isinstance(value, str) and len(value) <= 256 and "\x00" not in value:
        return value
    if isinstance(value, bool) or (isinstance(value, int | float) and -NUMBER_MAX <= value <= NUMBER_MAX):
        return value
    raise PydanticCustomError(
        "scalar", "must be text up to 256 characters without U+0000, a number up to 10^15 or a truth value"
    )


Text = Annotated[str, Field(min_length=1, max_length=128, pattern=_NO_NUL)]
LongText = Annotated[str, Field(min_length=1, max_length=4_000, pattern=_NO_NUL)]
Days = Annotated[int, Field(ge=0, le=DAYS_MAX)]
BasisPoints = Annotated[int, Field(ge=0, le=10_000)]
ShareBasisPoints = Annotated[int, Field(ge=1, le=10_000)]
AmountMinor = Annotated[int, Field(ge=0, le=AMOUNT_MAX_MINOR)]
Zone = Annotated[str, Field(min_length=1, max_length=64), AfterValidator(_known_zone)]
Country = Annotated[str, Field(pattern=_COUNTRY)]
Calendar = Annotated[str, Field(pattern=_CALENDAR)]
Number = Annotated[Any, AfterValidator(_number), WithJsonSchema({"type": "number"})]
Scalar = Annotated[Any, AfterValidator(_scalar), WithJsonSchema({"type": ["string", "number", "boolean"]})]
TimeText = Annotated[str, Field(pattern=_TIME_PATTERN)]
Code = Annotated[str, Field(pattern=_CODE)]


Plain = str | bool | int | float
"""What a fact is compared with."""
Expected = Plain | tuple[Plain, ...]
"""The same, or for ``in`` one of several."""


def plain_values(expected: Expected) -> tuple[Plain, ...]:
    """Return the values that a comparison names."""
    return expected if isinstance(expected, tuple) else (expected,)


class Part(BaseModel):
    """A JSON object of a document: unknown fields and wrong types are malformed, nothing is coerced."""

    model_config = ConfigDict(
        frozen=True,
        extra="forbid",
        strict=True,
        allow_inf_nan=False,
        hide_input_in_errors=True,  # a fault's text stays small, however deep or long the input is
        populate_by_name=True,
    )
