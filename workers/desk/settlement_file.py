"""A gateway's settlement file: CSV with a row for each payout it paid. A broken row is named, and the rest goes on."""

from __future__ import annotations

import csv
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import datetime
from typing import Annotated, Any, Final
from uuid import UUID

from pydantic import AfterValidator, BaseModel, BeforeValidator, ConfigDict, Field, ValidationError

from commands.faults import faults_in
from commands.fields import Currency, Text
from domain.errors import RmaError
from domain.names import name_in
from infra.envelope.command_record import parse_time

COLUMNS: Final = ("payout_id", "amount", "currency", "settled_at", "reference")
ROWS_MAX: Final = 2_000_000
AMOUNT_DIGITS_MAX: Final = 13
FAULT_CHARACTERS_MAX: Final = 300


class NoSettlementFileError(RmaError):
    """A file as a whole is no settlement file."""

    code = "no_settlement_file"


def _whole_minor_units(text: Any) -> int:
    if not isinstance(text, str) or not text.isascii() or not text.isdecimal() or len(text) > AMOUNT_DIGITS_MAX:
        raise ValueError("must be a whole number of minor units, such as 1999 for 19.99")
    return int(text)


def _name_in(text: str) -> str:
    name = name_in(text)
    if not name:
        raise ValueError("holds nothing that can be read")
    return name


class Settlement(BaseModel):
    """One row: a payout that the gateway says it paid; ``amount`` in minor units. ``row`` counts from the header, 1."""

    model_config = ConfigDict(frozen=True, extra="forbid")
    row: int
    payout_id: UUID
    amount: Annotated[int, BeforeValidator(_whole_minor_units), Field(ge=1)]
    currency: Currency
    settled_at: Annotated[datetime, BeforeValidator(parse_time)]
    reference: Annotated[Text, Field(max_length=200), AfterValidator(_name_in)]


@dataclass(frozen=True, slots=True)
class BrokenRow:
    """A row that cannot be read, and why."""

    row: int
    fault: str


def read_settlements(lines: Iterable[str]) -> Iterator[Settlement | BrokenRow]:
    """Yield the rows of a settlement file, broken ones among them; a row is a line, so that a stray quote ends with it.

    Raises:
        NoSettlementFileError: The header lacks a column, or there are more than ``ROWS_MAX`` rows.
    """
    numbered = enumerate(lines, start=1)
    names = _header(next(numbered, (1, ""))[1])
    for row, line in numbered:
        if row > ROWS_MAX:
            raise NoSettlementFileError(f"the file has more than {ROWS_MAX:,} rows; split it")
        try:
            cells = next(csv.reader([line], strict=True))
        except csv.Error as error:
            yield BrokenRow(row, str(error))
        else:
            if cells:
                yield _read(row, names, cells)


def _header(line: str) -> list[str]:
    try:
        names = [name.strip() for name in next(csv.reader([line.removeprefix("\ufeff")], strict=True))]
    except csv.Error as error:
        raise NoSettlementFileError(f"the header cannot be read: {error}") from error
    missing = [column for column in COLUMNS if column not in names]
    if missing or len(set(names)) < len(names):
        raise NoSettlementFileError(
            f"the header must name {', '.join(COLUMNS)}, each once; missing: {', '.join(missing) or 'none'}"
        )
    return names


def _read(row: int, names: list[str], cells: list[str]) -> Settlement | BrokenRow:
    if len(cells) != len(names):
        return BrokenRow(row, f"has {len(cells)} cells where the header has {len(names)}")
    values = dict(zip(names, (cell.strip() for cell in cells), strict=True))
    if any("\udc80" <= character <= "\udcff" for cell in cells for character in cell):
        return BrokenRow(row, "is not UTF-8")
    try:
        return Settlement.model_validate({"row": row} | {column: values[column] for column in COLUMNS})
    except ValidationError as error:
        faults = (f"{fault.path.removeprefix('$.')} {fault.message}" for fault in faults_in(error, values))
        return BrokenRow(row, "; ".join(faults)[:FAULT_CHARACTERS_MAX])
