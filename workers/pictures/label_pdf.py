"""A return label as a PDF, on A6 for a label printer or on A4 to be cut out; the same label gives the same bytes."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from io import BytesIO
from typing import Final, Literal

import segno
from reportlab.graphics.barcode.code128 import Code128
from reportlab.lib.pagesizes import A4, A6
from reportlab.lib.units import mm
from reportlab.pdfgen.canvas import Canvas
from reportlab.platypus import Paragraph

from workers.pictures.pdf_fonts import marked, style

Size = Literal["a6", "a4"]
SIZES: Final[tuple[Size, ...]] = ("a6", "a4")
PAGES: Final = {"a6": A6, "a4": A4}
MARGIN: Final = 7 * mm
CODED: Final = re.compile(r"[ -~]+")
BAR_HEIGHT: Final = 24 * mm
BAR_MODULE_MAX: Final = 0.5 * mm
BAR_MODULE_MIN: Final = 0.25 * mm
"""Narrower bars scanners do not read off an ordinary print."""
QUIET: Final = 5 * mm
"""What has to stay white on both sides of a barcode."""
ADDRESS_SIZES: Final = (13.0, 11.0, 9.0, 7.5, 6.0)
"""The largest one is taken at which an address has room."""
ADDRESS_HEIGHT: Final = 42 * mm
QR_SIDE: Final = 30 * mm
QR_BORDER: Final = 2
GAP: Final = 3 * mm


@dataclass(frozen=True, slots=True)
class LabelSheet:
    """What stands on a label, in the customer's language; ``hints`` are what he is to do, one after the other."""

    tracking_number: str
    rma_number: str
    title: str
    carrier: str
    to: str
    ship_to: Sequence[str]
    send_by: str | None
    hints_title: str
    hints: Sequence[str]


def drawn(sheet: LabelSheet, size: Size) -> bytes:
    """Return a label as the bytes of a PDF."""
    file = BytesIO()
    width, height = PAGES[size]
    canvas = Canvas(file, pagesize=PAGES[size], invariant=1)
    canvas.setTitle(f"{sheet.title} {sheet.rma_number}")
    label_width, label_height = A6
    left, bottom = (width - label_width) / 2, height - label_height
    if size == "a4":
        bottom -= 12 * mm
        _cut_line(canvas, left, bottom, label_width, label_height)
        _hints(canvas, sheet, left, bottom - 10 * mm, label_width)
    _label(canvas, sheet, left, bottom)
    canvas.showPage()
    canvas.save()
    return file.getvalue()


def _label(canvas: Canvas, sheet: LabelSheet, left: float, bottom: float) -> None:
    """Draw the label from above down: where to, the parcel's number, then what belongs to the return."""
    width, height = A6[0] - 2 * MARGIN, A6[1]
    x, y = left + MARGIN, bottom + height - MARGIN
    y = _text(canvas, sheet.carrier, x, y, width, size=9, bold=True)
    y = _rule(canvas, x, y, width)
    y = _text(canvas, sheet.to, x, y, width, size=8)
    size = next(
        (one for one in ADDRESS_SIZES if _height(canvas, sheet.ship_to, width, one) <= ADDRESS_HEIGHT),
        ADDRESS_SIZES[-1],
    )
    for line in sheet.ship_to:
        y = _text(canvas, line, x, y, width, size=size)
    y = _rule(canvas, x, y - GAP, width)
    y = _barcode(canvas, sheet.tracking_number, x, y, width)
    y = _rule(canvas, x, y - GAP, width)
    side = _qr(canvas, sheet.rma_number, x, y - QR_SIDE)
    beside, beside_width = x + side + GAP, width - side - GAP
    y = _text(canvas, sheet.title, beside, y, beside_width, size=9)
    y = _text(canvas, sheet.rma_number, beside, y, beside_width, size=10, bold=True)
    if sheet.send_by is not None:
        _text(canvas, sheet.send_by, beside, y - GAP, beside_width, size=9)


def _height(canvas: Canvas, texts: Sequence[str], width: float, size: float) -> float:
    """Return how much room texts take below each other."""
    return sum(Paragraph(marked(text), style(size)).wrapOn(canvas, width, A4[1])[1] for text in texts)


def _text(canvas: Canvas, text: str, x: float, y: float, width: float, *, size: float, bold: bool = False) -> float:
    """Draw a text below ``y``; return where it ends."""
    paragraph = Paragraph(marked(text), style(size, bold=bold))
    _, height = paragraph.wrapOn(canvas, width, A4[1])
    paragraph.drawOn(canvas, x, y - height)
    return y - height


def _rule(canvas: Canvas, x: float, y: float, width: float) -> float:
    canvas.setLineWidth(0.8)
    canvas.line(x, y - GAP / 2, x + width, y - GAP / 2)
    return y - GAP * 1.5


def _barcode(canvas: Canvas, number: str, x: float, y: float, width: float) -> float:
    """Draw a number as Code 128, as wide as there is room, with its letters below; return where it ends.

    A number that has no room, or letters that the code has not, stands there in letters alone.
    """
    module = min(BAR_MODULE_MAX, (width - 2 * QUIET) / Code128(number, barWidth=1, quiet=0).width)
    if CODED.fullmatch(number) and module >= BAR_MODULE_MIN:
        bars = Code128(number, barWidth=module, barHeight=BAR_HEIGHT, quiet=0)
        bars.drawOn(canvas, x + (width - bars.width) / 2, y - BAR_HEIGHT)
    paragraph = Paragraph(marked(number), style(11, align="center"))
    _, height = paragraph.wrapOn(canvas, width, A4[1])
    paragraph.drawOn(canvas, x, y - BAR_HEIGHT - height - GAP / 2)
    return y - BAR_HEIGHT - height - GAP / 2


def _qr(canvas: Canvas, text: str, x: float, y: float) -> float:
    """Draw a text as a QR code with its lower left corner there; return how wide it is."""
    code = segno.make_qr(text, error="m")
    rows = list(code.matrix_iter(border=QR_BORDER))
    module = QR_SIDE / len(rows)
    for down, row in enumerate(rows):
        for across, is_dark in enumerate(row):
            if is_dark:
                top = y + QR_SIDE - down * module
                canvas.rect(x + across * module, top - module, module, module, stroke=0, fill=1)
    return QR_SIDE


def _cut_line(canvas: Canvas, x: float, y: float, width: float, height: float) -> None:
    canvas.saveState()
    canvas.setDash(3, 3)
    canvas.setLineWidth(0.5)
    canvas.rect(x, y, width, height, stroke=1, fill=0)
    canvas.restoreState()


def _hints(canvas: Canvas, sheet: LabelSheet, x: float, y: float, width: float) -> None:
    """Draw below the label what the customer is to do."""
    y = _text(canvas, sheet.hints_title, x, y, width, size=12, bold=True) - GAP
    for number, hint in enumerate(sheet.hints, start=1):
        y = _text(canvas, f"{number}. {hint}", x, y, width, size=10) - GAP / 2
    if sheet.send_by is not None:
        _text(canvas, sheet.send_by, x, y - GAP, width, size=11, bold=True)
