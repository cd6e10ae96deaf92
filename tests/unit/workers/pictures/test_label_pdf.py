"""A label is read back off its picture: the barcode, the code beside it, and the letters of both languages."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Final

import pypdfium2
import pytest
import zxingcpp

from workers.pictures import pdf_fonts
from workers.pictures.label_pdf import PAGES, SIZES, LabelSheet, Size, drawn

SHEET: Final = LabelSheet(
    tracking_number="RL7K3M9QXF2ADC4T",
    rma_number="RMA-7K3M-9QXF-2ADC-P",
    title="Return",
    carrier="Returns",
    to="To",
    ship_to=("Aurora Goods, Returns", "12 Harbour Road", "Dublin D01 X2Y3", "Ireland"),
    send_by="Please send the goods by 5 March 2026.",
    hints_title="How to send it",
    hints=("Put a note with RMA-7K3M-9QXF-2ADC-P into the parcel.", "Cut out the label and stick it on top."),
)
CHINESE: Final = replace(
    SHEET, ship_to=("极光商店 退货部", "上海市浦东新区世纪大道100号", "中国"), title="退货", to="收件人"
)
DPI: Final = 203
"""Of an ordinary label printer."""


def codes(pdf: bytes, *, dpi: int = DPI) -> dict[str, str]:
    """Return what a scanner reads off a printed page, by the kind of code."""
    document = pypdfium2.PdfDocument(pdf)
    assert len(document) == 1
    image = document[0].render(scale=dpi / 72).to_pil()
    return {str(found.format).rpartition(".")[2]: found.text for found in zxingcpp.read_barcodes(image)}


def text(pdf: bytes) -> str:
    """Return the letters of a page, in their order, with one space where a line ends."""
    return " ".join(pypdfium2.PdfDocument(pdf)[0].get_textpage().get_text_range().split())


@pytest.mark.parametrize("size", SIZES)
@pytest.mark.parametrize("number", ["RL7K3M9QXF2ADC4T", "JJD000390007000123456", "1Z", "X" * 24])
def test_both_codes_are_read_back(size: Size, number: str) -> None:
    """Off a print of 203 dots an inch: the parcel's number for carriers, the return's for the dock."""
    found = codes(drawn(replace(SHEET, tracking_number=number), size))

    assert set(found.values()) == {number, SHEET.rma_number}
    assert any("128" in kind for kind in found)
    assert any("QR" in kind for kind in found)


@pytest.mark.parametrize("size", SIZES)
def test_what_people_read_is_there(size: Size) -> None:
    """Where it goes, both numbers, and until when; on A4 what to do, too."""
    said = text(drawn(SHEET, size))

    for part in (*SHEET.ship_to, SHEET.tracking_number, SHEET.rma_number, "5 March 2026"):
        assert part in said
    assert ("Cut out the label" in said) == (size == "a4")


@pytest.mark.parametrize("size", SIZES)
@pytest.mark.parametrize(
    "sheet", [SHEET, CHINESE, replace(SHEET, ship_to=("W" * 90,) * 6)], ids=["short", "zh", "long"]
)
def test_a_label_is_the_paper_it_is_printed_on(size: Size, sheet: LabelSheet) -> None:
    """One page of that size, upright, and no letter beyond its edge."""
    [page] = pypdfium2.PdfDocument(drawn(sheet, size))
    letters = page.get_textpage()
    boxes = [letters.get_charbox(index) for index in range(letters.count_chars())]

    assert page.get_size() == pytest.approx(PAGES[size], abs=0.1)
    assert min(min(left, bottom) for left, bottom, _, _ in boxes) > 0
    assert max(right for _, _, right, _ in boxes) < PAGES[size][0]
    assert max(top for *_, top in boxes) < PAGES[size][1]


@pytest.mark.parametrize("number", ["JJD–7", "包裹7", "X" * 60])
def test_a_number_that_no_scanner_would_read_is_no_barcode(number: str) -> None:
    """It would be another number's: people read its letters."""
    made = drawn(replace(SHEET, tracking_number=number), "a6")

    assert set(codes(made).values()) == {SHEET.rma_number}
    assert number in text(made).replace(" ", "")


def test_chinese_letters_are_in_the_file() -> None:
    """So that a printer has them, whatever it brings along."""
    if pdf_fonts.chinese_font() is None:
        pytest.skip("neither fonts-droid-fallback nor fonts-wqy-zenhei is installed")
    made = drawn(CHINESE, "a6")

    assert "上海市浦东新区世纪大道100号" in text(made)
    assert b"STSong" not in made
    assert b"FontFile2" in made


def test_without_the_font_the_reader_brings_it(monkeypatch: pytest.MonkeyPatch) -> None:
    """The letters are named in the file, and nothing breaks."""
    monkeypatch.setattr(pdf_fonts, "OF_DEBIAN", (Path("/nowhere.ttf"),))
    pdf_fonts._fonts.cache_clear()
    try:
        assert b"STSong" in drawn(CHINESE, "a6")
    finally:
        pdf_fonts._fonts.cache_clear()


def test_nothing_in_a_name_is_markup_and_the_same_label_is_the_same_file() -> None:
    """A site may be called as it likes."""
    named = replace(SHEET, ship_to=('<b>& "Söhne" </para>', *("W" * 80 for _ in range(6))))

    assert '<b>& "Söhne" </para>' in text(drawn(named, "a6"))
    assert drawn(named, "a4") == drawn(named, "a4")
    assert set(codes(drawn(named, "a6")).values()) == {SHEET.tracking_number, SHEET.rma_number}
