"""How a customer is reached: sealed before anything is recorded."""

from __future__ import annotations

from typing import Annotated, Final

from pydantic import Field

from commands.fields import Body, Country

LINE_MAX: Final = 200
ADDRESS_LINES_MAX: Final = 10
EMAIL_MAX: Final = 254
NO_CONTROL: Final = r"^[^\x00-\x1f\x7f]*$"
_LABEL: Final = "[A-Za-z0-9]([A-Za-z0-9-]*[A-Za-z0-9])?"
EMAIL: Final = rf"^[^\s@<>,;:\x22\\()\[\]\x00-\x1f\x7f]{{1,64}}@({_LABEL}\.)+{_LABEL}$"
PHONE: Final = r"^\+[1-9][0-9]{3,14}$"
LANGUAGE: Final = r"^[A-Za-z]{2,3}(-[A-Za-z0-9]{2,8}){0,4}$"
PATTERNS_IN_WORDS: Final = {
    NO_CONTROL: "must not hold control characters",
    EMAIL: "must be one address such as anna@shop.example, at a domain in ASCII letters",
    PHONE: "must be a plus sign and 4 to 15 digits, the country's first",
    LANGUAGE: "must be a language of BCP 47, such as de or pt-BR",
}

Written = Annotated[str, Field(min_length=1, max_length=LINE_MAX, pattern=NO_CONTROL)]


class Address(Body):
    """A postal address: the lines above city and postal code, as they are written on a parcel."""

    lines: Annotated[tuple[Written, ...], Field(min_length=1, max_length=ADDRESS_LINES_MAX)]
    city: Written
    postal_code: Written | None = None
    region: Written | None = None
    country: Country


class Contact(Body):
    """How a customer is reached; ``language`` is that in which he is written to (BCP 47)."""

    name: Written | None = None
    email: Annotated[str, Field(max_length=EMAIL_MAX, pattern=EMAIL)] | None = None
    phone: Annotated[str, Field(pattern=PHONE)] | None = None
    language: Annotated[str, Field(pattern=LANGUAGE)] | None = None
    address: Address | None = None


def written(contact: Contact | None) -> str | None:
    """Return a contact as the text that is recorded, JSON without what was left out; None where there is none."""
    return None if contact is None else contact.model_dump_json(exclude_none=True)
