"""A credit note is read back off its pages: on A4, with nothing cut off, however much stands on it."""

from __future__ import annotations

from dataclasses import replace
from typing import Final

import pypdfium2
import pytest
from reportlab.lib.pagesizes import A4

from workers.pictures.credit_note_pdf import MARGIN, NoteSheet, drawn

SHEET: Final = NoteSheet(
    title="Credit note CN-default-2026-000001",
    seller=("Aurora Goods", "12 Harbour Road", "Dublin"),
    about=("March 5, 2026", "Order O-1"),
    columns=("Article", "How many", "Without tax", "Tax", "With tax"),
    lines=(("Walking shoe", "1", "€84.03", "€15.97", "€100.00"),),
    totals=(("Without tax", "€84.03"), ("Tax A 19 %", "€15.97"), ("Total", "€100.00")),
)
MUCH: Final = replace(
    SHEET,
    seller=("Söhne & <Partner> " * 10, *("W" * 90 for _ in range(8))),
    lines=tuple((f"Article{number} " + "M" * 150, "100000", *["-€12,345,678.90"] * 3) for number in range(60)),
)
CHINESE: Final = replace(SHEET, title="贷记单 CN-1", columns=("商品", "数量", "不含税", "税额", "含税"))


def text(pdf: bytes) -> str:
    """Return the letters of all pages, without what is between them."""
    return "".join("".join(page.get_textpage().get_text_range().split()) for page in pypdfium2.PdfDocument(pdf))


@pytest.mark.parametrize("sheet", [SHEET, MUCH, CHINESE], ids=["short", "long", "Chinese"])
def test_every_letter_is_on_the_paper(sheet: NoteSheet) -> None:
    """A4, upright, and inside the margins that printers leave white."""
    document = pypdfium2.PdfDocument(drawn(sheet))

    for page in document:
        assert page.get_size() == pytest.approx(A4, abs=0.1)
        letters = page.get_textpage()
        boxes = [letters.get_charbox(index) for index in range(letters.count_chars())]
        assert min(left for left, *_ in boxes) >= MARGIN - 1
        assert min(bottom for _, bottom, _, _ in boxes) >= MARGIN - 1
        assert max(right for _, _, right, _ in boxes) <= A4[0] - MARGIN + 1
        assert max(top for *_, top in boxes) <= A4[1] - MARGIN + 1


def test_nothing_is_left_out_of_a_long_note() -> None:
    """Every row, on as many pages as it takes, each under its columns' names."""
    pdf = drawn(MUCH)

    assert len(pypdfium2.PdfDocument(pdf)) > 1
    assert all(f"Article{number}M" in text(pdf) for number in range(60))
    assert text(pdf).count("Withouttax") == len(pypdfium2.PdfDocument(pdf)) + 1
    assert "Söhne&<Partner>" in text(pdf)
    assert drawn(MUCH) == pdf
