"""A credit note as a PDF on A4, to be sent or printed; the same note gives the same bytes."""

from __future__ import annotations

from functools import cache
from io import BytesIO
from itertools import groupby
from typing import TYPE_CHECKING, Final
from xml.sax.saxutils import escape

from reportlab.lib import colors
from reportlab.lib.enums import TA_RIGHT
from reportlab.lib.pagesizes import A4
from reportlab.lib.styles import ParagraphStyle
from reportlab.lib.units import mm
from reportlab.pdfbase import pdfmetrics
from reportlab.pdfbase.cidfonts import UnicodeCIDFont
from reportlab.pdfbase.ttfonts import TTFont
from reportlab.platypus import Flowable, Paragraph, SimpleDocTemplate, Spacer, Table

from workers.pictures.credit_notes import COLUMNS, headings, line_cells, totals

if TYPE_CHECKING:
    from infra.sellers import Seller
    from workers.pictures.terminal import Row

LATIN: Final = "Vera"
EAST_ASIAN: Final = "STSong-Light"
"""For what the first font has no letters: readers of PDF bring it along, so that it need not be in the file."""
MARGIN: Final = 22 * mm
WIDTHS: Final = (76 * mm, 18 * mm, 24 * mm, 24 * mm, 24 * mm)
RULE: Final = colors.HexColor("#9aa3ad")


def drawn(note: Row, seller: Seller) -> bytes:
    """Return a note as the bytes of a PDF."""
    file = BytesIO()
    title, *rest = headings(note, seller)
    page = SimpleDocTemplate(
        file,
        pagesize=A4,
        leftMargin=MARGIN,
        rightMargin=MARGIN,
        topMargin=MARGIN,
        bottomMargin=MARGIN,
        title=title,
        author=seller.name,
        invariant=1,
    )
    plain, small, large = _style(10), _style(8.5), _style(17)
    parts: list[Flowable] = [Paragraph(_marked(seller.name), plain)]
    parts += [Paragraph(_marked(line), small) for line in seller.address]
    parts += [Spacer(1, 14 * mm), Paragraph(_marked(title), large), Spacer(1, 6 * mm)]
    parts += [Paragraph(_marked(line), small) for line in rest if not line.startswith("Seller:")]
    parts += [Spacer(1, 8 * mm), _lines(note), Spacer(1, 6 * mm), _totals(note)]
    page.build(parts)
    return file.getvalue()


def _lines(note: Row) -> Table:
    left, right = _style(9), _style(9, right=True)
    styles = (left, right, right, right, right)
    heads = [column.removeprefix("#").capitalize() for column in COLUMNS]
    rows = [
        [Paragraph(_marked(cell), style) for cell, style in zip(row, styles, strict=True)]
        for row in (heads, *line_cells(note))
    ]
    rules = [("LINEBELOW", (0, 0), (-1, 0), 0.6, RULE), ("LINEBELOW", (0, -1), (-1, -1), 0.6, RULE)]
    return Table(rows, colWidths=WIDTHS, repeatRows=1, style=[*rules, ("VALIGN", (0, 0), (-1, -1), "TOP")])


def _totals(note: Row) -> Table:
    style = _style(10, right=True)
    rows = [[Paragraph(_marked(cell), style) for cell in row] for row in totals(note)]
    return Table(
        rows, colWidths=(60 * mm, 40 * mm), hAlign="RIGHT", style=[("LINEABOVE", (0, -1), (-1, -1), 0.6, RULE)]
    )


def _style(size: float, *, right: bool = False) -> ParagraphStyle:
    _fonts()
    style = ParagraphStyle(f"{size}{right}", fontName=LATIN, fontSize=size, leading=size * 1.4, splitLongWords=1)
    if right:
        style.alignment = TA_RIGHT
    return style


@cache
def _fonts() -> TTFont:
    latin = TTFont(LATIN, "Vera.ttf")
    pdfmetrics.registerFont(latin)
    pdfmetrics.registerFont(UnicodeCIDFont(EAST_ASIAN))
    return latin


def _marked(text: str) -> str:
    """Return a text as a paragraph takes it: nothing in it is markup, and each letter is in a font that has it."""
    known = _fonts().face.charToGlyph
    text = text.replace("−", "\N{EN DASH}") if ord("−") not in known else text
    parts = []
    for has, letters in groupby(text, key=lambda letter: ord(letter) in known):
        part = escape("".join(letters))
        parts.append(part if has else f'<font name="{EAST_ASIAN}">{part}</font>')
    return "".join(parts)
