"""Tables for spreadsheets: a cell that a spreadsheet would run as a formula is a text there."""

from __future__ import annotations

import csv
import re
from collections.abc import Iterable, Mapping, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Final

FORMULA: Final = re.compile(r"\s*[=+\-@＝＋－＠]|[\t\r\n]")
"""With these a spreadsheet begins to calculate, or to fetch; the last four are full-width twins."""

NUMBER: Final = re.compile(r"-?[0-9]+(\.[0-9]+)?")
TEXT_MARK: Final = "'"
"""In front of a cell it says that what follows is text."""


def cell(text: str) -> str:
    """Return what stands in a cell for a text: what would be a formula is marked as text, numbers are as they are."""
    return TEXT_MARK + text if FORMULA.match(text) and not NUMBER.fullmatch(text) else text


def write_spreadsheet(table: Path, file: Path) -> None:
    """Write a CSV again for a spreadsheet, which then shows all that it holds and runs none of it."""
    with table.open(encoding="utf-8", newline="") as read, file.open("w", encoding="utf-8", newline="") as written:
        csv.writer(written, lineterminator="\n").writerows(map(cell, row) for row in csv.reader(read))


def write_rows(file: Path, columns: Sequence[str], rows: Iterable[Mapping[str, object]]) -> int:
    """Write rows under columns as CSV for a spreadsheet, instants in UTC; return how many rows there were."""
    written = 0
    with file.open("w", encoding="utf-8", newline="") as out:
        writer = csv.writer(out, lineterminator="\n")
        writer.writerow(columns)
        for row in rows:
            writer.writerow(cell(_text(row[name])) for name in columns)
            written += 1
    return written


def _text(value: object) -> str:
    if isinstance(value, datetime):
        return value.astimezone(UTC).isoformat().replace("+00:00", "Z")
    return "" if value is None else str(value)
