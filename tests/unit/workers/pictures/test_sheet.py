"""Tables: no id is ever cut, whatever the width; what is piped has a row on a line."""

from __future__ import annotations

from io import StringIO
from typing import Any

import pytest

from workers.pictures.sheet import Page, Screen
from workers.pictures.terminal import table

IDS = ("da30954e-6a33-5e99-823a-394da596e3d5", "RMA-7K3M-9QXF-2ADC-A", "O-" + "9" * 62)
WORDS = "a note of several words that may well be wrapped"
COLUMNS = ("id", "number", "order", "#amount", "note")
ROWS: list[list[Any]] = [[*IDS, "1,234.50 EUR", WORDS], [*IDS, "−3.00 EUR", None]]


def drawn(width: int) -> list[str]:
    file = StringIO()
    Screen(file=file, width=width, force_terminal=True, color_system=None).print(table("Title", COLUMNS, ROWS))
    return [line.rstrip() for line in file.getvalue().splitlines()]


@pytest.mark.parametrize("width", [80, 100, 120, 160, 170, 200, 240])
def test_no_word_is_cut_at_any_width(width: int) -> None:
    """Ids can be copied from a terminal however narrow; nothing is wider than it, and nothing ends in dots."""
    lines = drawn(width)

    assert max(map(len, lines)) <= width
    for word in (*IDS, "1,234.50", *WORDS.split()):
        assert any(word in line for line in lines), word
    assert "…" not in "".join(lines)


def test_where_a_word_would_be_cut_each_row_is_a_block() -> None:
    """Name and value side by side, what is empty left out, a blank line between rows."""
    lines = drawn(80)

    assert lines[0] == "Title"
    assert lines[1] == f"id      {IDS[0]}"
    assert lines[4] == "amount  1,234.50 EUR"
    assert lines.count("") == 1
    assert sum(line.startswith("note") for line in lines) == 1


def test_texts_are_wrapped_before_blocks_are_drawn() -> None:
    """Between the widest and the narrowest table the note gives way, never the ids or the figures."""
    lines = drawn(170)

    assert lines[1].split() == ["id", "number", "order", "amount", "note"]
    assert "1,234.50 EUR" in lines[2]
    assert len(lines) > 4


def test_what_is_piped_has_a_row_on_a_line() -> None:
    """A page has no edge at which anything would be cut or wrapped in a table."""
    file = StringIO()
    Page(file=file, width=60).print(table(None, COLUMNS, ROWS))

    lines = file.getvalue().splitlines()
    assert len(lines) == 3
    assert WORDS in lines[1]
    assert all(word in lines[1] for word in IDS)


def test_an_empty_table_has_its_headings() -> None:
    file = StringIO()
    Page(file=file, width=60).print(table("Title", COLUMNS, []))
    assert file.getvalue().split() == ["Title", "id", "number", "order", "amount", "note"]


def test_words_beyond_all_measure_are_folded() -> None:
    """A word of a thousand characters is broken rather than cut off."""
    file = StringIO()
    made = table(None, ("uri",), [["x" * 1_000]])
    Screen(file=file, width=80, force_terminal=True, color_system=None).print(made)
    assert file.getvalue().count("x") == 1_000
