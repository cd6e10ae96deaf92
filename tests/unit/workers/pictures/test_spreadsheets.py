"""What is written for a spreadsheet is shown by it and never run."""

from __future__ import annotations

import csv
from pathlib import Path

import pytest

from workers.pictures.spreadsheets import cell, write_spreadsheet

FORMULAS = (
    '=HYPERLINK("http://example.org","see")', "+1+cmd|' /C calc'!A0", "-2+3", "@SUM(A1)", "\t=1", "\r=1", "\n=1", " =1",
    "＝1", "-", "-1e5x",
)  # fmt: skip
PLAIN = ("SKU-1", "a=b", "", "'quoted", "-597", "-5.97", "0", "2026-03-01T00:00:00Z", "[/x]")


@pytest.mark.parametrize("text", FORMULAS)
def test_what_would_be_a_formula_is_marked_as_text(text: str) -> None:
    """Whichever sign it begins with; what it says stays whole behind the mark."""
    assert cell(text) == f"'{text}"


@pytest.mark.parametrize("text", PLAIN)
def test_all_else_stays(text: str) -> None:
    """Numbers below zero are numbers, and a sign in the middle begins nothing."""
    assert cell(text) == text


def test_a_table_is_written_cell_by_cell(tmp_path: Path) -> None:
    """Rows, columns and line breaks inside a cell are those of the table."""
    table, file = tmp_path / "table.csv", tmp_path / "sheet.csv"
    rows = [["sku", "note", "minor"], [FORMULAS[0], 'two\nlines, "quoted"', "-597"]]
    with table.open("w", newline="") as out:
        csv.writer(out).writerows(rows)

    write_spreadsheet(table, file)

    with file.open(newline="") as read:
        assert list(csv.reader(read)) == [rows[0], [f"'{FORMULAS[0]}", *rows[1][1:]]]
