"""Printing where the terminal cannot write every character: never a traceback, and columns stay where they are."""

from __future__ import annotations

import io
import sys

import pytest
from rich.cells import cell_len

from workers.pictures.plain import ALIKE, print_alike


def printed(text: str, encoding: str, monkeypatch: pytest.MonkeyPatch) -> str:
    """Return what a standard output of an encoding shows of a text."""
    written = io.BytesIO()
    monkeypatch.setattr(sys, "stdout", io.TextIOWrapper(written, encoding=encoding))
    print_alike()
    sys.stdout.write(text)
    sys.stdout.flush()
    return written.getvalue().decode(encoding)


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("✓ 3 × “Größe” → −1,50", '+ 3 x "Grosse" > -1,50'.replace("ss", "?")),
        ("█████▍", "#####="),
        ("货 é", "?? e"),
        ("\udcff", "?"),
    ],
)
def test_what_ascii_lacks_is_shown_by_what_looks_alike(text: str, shown: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Marks, bars, accents and quotation marks have a likeness; what has none is a question mark a cell."""
    assert printed(text, "ascii", monkeypatch) == shown


def test_what_an_encoding_has_is_printed_as_it_is(monkeypatch: pytest.MonkeyPatch) -> None:
    """Only what cannot be written is replaced."""
    assert printed("Größe ✓", "latin-1", monkeypatch) == "Größe +"
    assert printed("Größe ✓", "utf-8", monkeypatch) == "Größe ✓"


def test_likenesses_are_as_wide_as_what_they_stand_for() -> None:
    """A table's columns do not move."""
    assert [wide for wide, narrow in ALIKE.items() if cell_len(wide) != len(narrow)] == []
