"""The Online Retail file row by row: which columns it may have, and what one row says.

It is read as its CSV export comes from UCI, or as this project's sample has it; both tell the same rows.
Source of the data: Daqing Chen, Online Retail, UCI Machine Learning Repository, https://doi.org/10.24432/C5BW33.
"""

from __future__ import annotations

import codecs
import csv
import lzma
import re
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from decimal import ROUND_HALF_EVEN, Decimal, InvalidOperation
from pathlib import Path
from typing import IO, Final, Literal, cast
from zoneinfo import ZoneInfo

from domain.errors import RmaError

COLUMNS: Final = "invoice_no stock_code description quantity invoiced_at unit_price_gbp customer_id country".split()
"""Those of this project's sample."""
UCI_COLUMNS: Final = "InvoiceNo StockCode Description Quantity InvoiceDate UnitPrice CustomerID Country".split()
"""Those of UCI's workbook, saved as CSV: the same, in the same order."""

UCI_ENCODING: Final = "cp1252"
"""What a spreadsheet writes where it does not write UTF-8."""
UCI_TIME: Final = re.compile(r"(\d{1,2})/(\d{1,2})/((?:20)?\d{2}) (\d{1,2}):(\d{2})")
"""The month comes first, as in the workbook; some save the year with two digits."""
CENTURY: Final = 2000

GOODS: Final = re.compile(r"[0-9]{5}")
CANCELLATION_MARK: Final = "C"
LONDON: Final = ZoneInfo("Europe/London")
PENNY: Final = Decimal(1)
CHUNK_BYTES: Final = 1024 * 1024

LeftOut = Literal["not_goods", "no_customer", "no_price", "wrong_sign", "no_match"]

COUNTRIES: Final[dict[str, str]] = {
    "Australia": "AU", "Austria": "AT", "Bahrain": "BH", "Belgium": "BE", "Brazil": "BR", "Canada": "CA",
    "Channel Islands": "JE",  # one name for Jersey and Guernsey; Jersey is the larger
    "Cyprus": "CY", "Czech Republic": "CZ", "Denmark": "DK", "EIRE": "IE",
    "European Community": "EU",  # no country: exceptionally reserved in ISO 3166-1 for the Union
    "Finland": "FI", "France": "FR", "Germany": "DE", "Greece": "GR", "Hong Kong": "HK", "Iceland": "IS",
    "Israel": "IL", "Italy": "IT", "Japan": "JP", "Lebanon": "LB", "Lithuania": "LT", "Malta": "MT",
    "Netherlands": "NL", "Norway": "NO", "Poland": "PL", "Portugal": "PT", "RSA": "ZA", "Saudi Arabia": "SA",
    "Singapore": "SG", "Spain": "ES", "Sweden": "SE", "Switzerland": "CH", "USA": "US",
    "United Arab Emirates": "AE", "United Kingdom": "GB",
    "Unspecified": "ZZ",  # left to users by ISO 3166-1; Unicode CLDR's code for an unknown region
}  # fmt: skip
"""Every country name in the file, as ISO 3166-1 alpha-2."""


class FileContentError(RmaError):
    """The file is not what it should be; the message names the row and the column."""

    code = "file_unreadable"


@dataclass(frozen=True, slots=True)
class Row:
    """One row of the file; ``number`` counts from 1 after the header, ``invoiced_at`` is London local time as text."""

    number: int
    invoice_no: str
    stock_code: str
    description: str
    quantity: int
    invoiced_at: str
    unit_price_gbp: Decimal
    customer_id: str
    country: str

    @property
    def is_cancellation(self) -> bool:
        """Whether the invoice takes goods back."""
        return self.invoice_no.startswith(CANCELLATION_MARK)

    @property
    def amount_minor(self) -> int:
        """Quantity times price in pennies, rounded half to even."""
        return int((self.quantity * self.unit_price_gbp * 100).quantize(PENNY, ROUND_HALF_EVEN))

    @property
    def age(self) -> tuple[str, str, int]:
        """What rows are ordered by: time, invoice number as text, place in the file."""
        return (self.invoiced_at, self.invoice_no, self.number)

    def left_out(self) -> LeftOut | None:
        """Return why this row is no sale line and no cancellation, or None where it is one."""
        if not GOODS.match(self.stock_code):
            return "not_goods"
        if self.is_cancellation and not self.customer_id:
            return "no_customer"
        if self.unit_price_gbp <= 0:
            return "no_price"
        if self.quantity >= 0 if self.is_cancellation else self.quantity <= 0:
            return "wrong_sign"
        return None


def read_rows(path: Path) -> Iterator[Row]:
    """Yield the rows of a CSV file, packed with xz or not; its columns are those of UCI's workbook, or the sample's.

    Raises:
        FileContentError: A column is missing, or a value is not of its kind; names row and column.
    """
    try:
        with _opened(path) as file:
            records = csv.reader(file, strict=True)
            header = [name.strip() for name in next(records, [])]
            if header not in (COLUMNS, UCI_COLUMNS):
                either = f"{','.join(UCI_COLUMNS)} or {','.join(COLUMNS)}"
                raise FileContentError(f"the first line of {path.name} is not {either}{_advice(path)}")
            for number, record in enumerate(records, start=1):
                yield _row(number, record, header)
    except (lzma.LZMAError, EOFError, UnicodeDecodeError, csv.Error) as error:
        raise FileContentError(f"{path.name} cannot be read: {error}{_advice(path)}") from error


def _opened(path: Path) -> IO[str]:
    opener = lzma.open if path.suffix == ".xz" else open
    with opener(path, "rb") as file:
        decoder = codecs.getincrementaldecoder("utf-8")()
        try:
            while chunk := file.read(CHUNK_BYTES):
                decoder.decode(chunk)
            encoding = "utf-8-sig"
        except UnicodeDecodeError:
            encoding = UCI_ENCODING
    return cast("IO[str]", opener(path, "rt", encoding=encoding, newline=""))


def _advice(path: Path) -> str:
    return "; save the workbook's sheet as CSV" if path.suffix.startswith(".xls") else ""


def _row(number: int, record: list[str], names: list[str]) -> Row:
    if len(record) != len(names):
        raise FileContentError(f"row {number} has {len(record)} columns, not {len(names)}")
    invoice_no, stock_code, description, quantity, invoiced_at, price, customer_id, country = record
    column, value = names[3], quantity
    try:
        units = int(quantity)
        column, value = names[5], price
        unit_price_gbp = _finite(price)
        column, value = names[4], invoiced_at
        at = _london_time(invoiced_at)
    except (ValueError, InvalidOperation) as error:
        raise FileContentError(f"row {number}: {column} cannot be {value!r}") from error
    if country not in COUNTRIES:
        raise FileContentError(f"row {number}: country {country!r} has no ISO 3166-1 code here")
    customer_id = customer_id.removesuffix(".0")  # a number with gaps in its column, as data frames write it
    return Row(number, invoice_no, stock_code, description, units, at, unit_price_gbp, customer_id, country)


def _london_time(text: str) -> str:
    """Return a time of either file as RFC 3339 has it, without an offset; raises ``ValueError``."""
    if in_workbook := UCI_TIME.fullmatch(text):
        month, day, year, hour, minute = map(int, in_workbook.groups())
        return datetime(year % 100 + CENTURY, month, day, hour, minute).isoformat()  # noqa: DTZ001 - London's
    at = datetime.fromisoformat(text)
    if at.tzinfo is not None:
        raise ValueError(text)
    return at.isoformat()


def _finite(text: str) -> Decimal:
    value = Decimal(text)
    if not value.is_finite():
        raise ValueError(text)
    return value


def at_london(invoiced_at: str) -> datetime:
    """Return a London local time as an instant with its offset."""
    return datetime.fromisoformat(invoiced_at).replace(tzinfo=LONDON)
