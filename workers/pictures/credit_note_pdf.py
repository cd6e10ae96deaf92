"""A credit note as a PDF on A4, to be sent or printed; the same note gives the same bytes."""

from __future__ import annotations

from io import BytesIO
from typing import TYPE_CHECKING, Final

from reportlab.lib import colors
from reportlab.lib.pagesizes import A4
from reportlab.lib.units import mm
from reportlab.platypus import Flowable, Paragraph, SimpleDocTemplate, Spacer, Table

from workers.pictures.credit_notes import COLUMNS, headings, line_cells, totals
from workers.pictures.pdf_fonts import marked, style

if TYPE_CHECKING:
    from infra.sellers import Seller
    from workers.pictures.terminal import Row

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
    plain, small, large = style(10), style(8.5), style(17)
    parts: list[Flowable] = [Paragraph(marked(seller.name), plain)]
    parts += [Paragraph(marked(line), small) for line in seller.address]
    parts += [Spacer(1, 14 * mm), Paragraph(marked(title), large), Spacer(1, 6 * mm)]
    parts += [Paragraph(marked(line), small) for line in rest if not line.startswith("Seller:")]
    parts += [Spacer(1, 8 * mm), _lines(note), Spacer(1, 6 * mm), _totals(note)]
    page.build(parts)
    return file.getvalue()


def _lines(note: Row) -> Table:
    left, right = style(9), style(9, align="right")
    styles = (left, right, right, right, right)
    heads = [column.removeprefix("#").capitalize() for column in COLUMNS]
    rows = [
        [Paragraph(marked(cell), look) for cell, look in zip(row, styles, strict=True)]
        for row in (heads, *line_cells(note))
    ]
    rules = [("LINEBELOW", (0, 0), (-1, 0), 0.6, RULE), ("LINEBELOW", (0, -1), (-1, -1), 0.6, RULE)]
    return Table(rows, colWidths=WIDTHS, repeatRows=1, style=[*rules, ("VALIGN", (0, 0), (-1, -1), "TOP")])


def _totals(note: Row) -> Table:
    look = style(10, align="right")
    rows = [[Paragraph(marked(cell), look) for cell in row] for row in totals(note)]
    return Table(
        rows, colWidths=(60 * mm, 40 * mm), hAlign="RIGHT", style=[("LINEABOVE", (0, -1), (-1, -1), 0.6, RULE)]
    )
