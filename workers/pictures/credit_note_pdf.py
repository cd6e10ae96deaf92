"""A credit note as a PDF on A4, to be sent or printed; the same sheet gives the same bytes."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from io import BytesIO
from typing import Final

from reportlab.lib import colors
from reportlab.lib.pagesizes import A4
from reportlab.lib.units import mm
from reportlab.platypus import Flowable, Paragraph, SimpleDocTemplate, Spacer, Table

from workers.pictures.pdf_fonts import marked, style

MARGIN: Final = 22 * mm
WIDTHS: Final = (76 * mm, 18 * mm, 24 * mm, 24 * mm, 24 * mm)
RULE: Final = colors.HexColor("#9aa3ad")


@dataclass(frozen=True, slots=True)
class NoteSheet:
    """What stands on a note, in the words of who reads it.

    ``seller`` is his name, then his address; ``columns`` and each of ``lines`` are what, how many, net, tax, gross.
    """

    title: str
    seller: Sequence[str]
    about: Sequence[str]
    columns: Sequence[str]
    lines: Sequence[Sequence[str]]
    totals: Sequence[tuple[str, str]]


def drawn(sheet: NoteSheet) -> bytes:
    """Return a note as the bytes of a PDF."""
    file = BytesIO()
    name, *address = sheet.seller
    page = SimpleDocTemplate(
        file,
        pagesize=A4,
        leftMargin=MARGIN,
        rightMargin=MARGIN,
        topMargin=MARGIN,
        bottomMargin=MARGIN,
        title=sheet.title,
        author=name,
        invariant=1,
    )
    plain, small, large = style(10), style(8.5), style(17)
    parts: list[Flowable] = [Paragraph(marked(name), plain)]
    parts += [Paragraph(marked(line), small) for line in address]
    parts += [Spacer(1, 14 * mm), Paragraph(marked(sheet.title), large), Spacer(1, 6 * mm)]
    parts += [Paragraph(marked(line), small) for line in sheet.about]
    parts += [Spacer(1, 8 * mm), _lines(sheet), Spacer(1, 6 * mm), _totals(sheet)]
    page.build(parts)
    return file.getvalue()


def _lines(sheet: NoteSheet) -> Table:
    left, right = style(9), style(9, align="right")
    styles = (left, right, right, right, right)
    rows = [
        [Paragraph(marked(cell), look) for cell, look in zip(row, styles, strict=True)]
        for row in (sheet.columns, *sheet.lines)
    ]
    rules = [("LINEBELOW", (0, 0), (-1, 0), 0.6, RULE), ("LINEBELOW", (0, -1), (-1, -1), 0.6, RULE)]
    return Table(rows, colWidths=WIDTHS, repeatRows=1, style=[*rules, ("VALIGN", (0, 0), (-1, -1), "TOP")])


def _totals(sheet: NoteSheet) -> Table:
    look = style(10, align="right")
    rows = [[Paragraph(marked(cell), look) for cell in row] for row in sheet.totals]
    return Table(
        rows, colWidths=(60 * mm, 40 * mm), hAlign="RIGHT", style=[("LINEABOVE", (0, -1), (-1, -1), 0.6, RULE)]
    )
