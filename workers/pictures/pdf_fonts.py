"""The fonts of our PDFs: which letters are in which, and texts marked by them.

Latin comes from a font that reportlab brings along. Chinese needs one of Debian's TrueType fonts, that of
`fonts-droid-fallback` or of `fonts-wqy-zenhei`, which then is in the file with the letters that are used. Without them
the letters are left to whoever reads the PDF: most readers bring such a font along, printers that take PDFs do not.
"""

from __future__ import annotations

from functools import cache
from itertools import groupby
from pathlib import Path
from typing import Final, Literal
from xml.sax.saxutils import escape

from reportlab.lib.styles import ParagraphStyle
from reportlab.pdfbase import pdfmetrics
from reportlab.pdfbase.cidfonts import UnicodeCIDFont
from reportlab.pdfbase.ttfonts import TTFont

LATIN: Final = "Vera"
LATIN_BOLD: Final = "VeraBd"
CHINESE: Final = "Chinese"
EAST_ASIAN: Final = "STSong-Light"
"""A font that is only named in the file: readers of PDF bring it along."""
OF_DEBIAN: Final = tuple(
    map(
        Path,
        (
            "/usr/share/fonts/truetype/droid/DroidSansFallbackFull.ttf",
            "/usr/share/fonts/truetype/wqy/wqy-zenhei.ttc",
            "/usr/share/fonts/truetype/wqy/wqy-microhei.ttc",
        ),
    )
)
Align = Literal["left", "center", "right"]
ALIGNED: Final[dict[Align, Literal[0, 1, 2]]] = {"left": 0, "center": 1, "right": 2}


def chinese_font() -> Path | None:
    """Return the file of a font with Chinese letters that this machine has, or None."""
    return next((path for path in OF_DEBIAN if path.is_file()), None)


def style(size: float, *, bold: bool = False, align: Align = "left") -> ParagraphStyle:
    """Return how a paragraph looks."""
    _fonts()
    made = ParagraphStyle(
        f"{size}{bold}{align}", fontName=LATIN_BOLD if bold else LATIN, fontSize=size, leading=size * 1.4
    )
    made.splitLongWords, made.alignment = 1, ALIGNED[align]
    return made


def marked(text: str) -> str:
    """Return a text as a paragraph takes it: nothing in it is markup, and each letter is in a font that has it."""
    latin, *_ = _fonts()
    text = text.replace("−", "\N{EN DASH}") if ord("−") not in latin[1] else text
    parts = []
    for font, letters in groupby(text, key=_font_of):
        part = escape("".join(letters))
        parts.append(part if font == LATIN else f'<font name="{font}">{part}</font>')
    return "".join(parts)


def _font_of(letter: str) -> str:
    return next((name for name, known in _fonts() if ord(letter) in known), EAST_ASIAN)


@cache
def _fonts() -> tuple[tuple[str, frozenset[int]], ...]:
    """Register the fonts; return those that are in our files, each with the letters that it has."""
    latin, bold = TTFont(LATIN, "Vera.ttf"), TTFont(LATIN_BOLD, "VeraBd.ttf")
    path = chinese_font()
    own = [latin] if path is None else [latin, TTFont(CHINESE, path)]
    for font in (*own, bold, UnicodeCIDFont(EAST_ASIAN)):
        pdfmetrics.registerFont(font)
    return tuple((font.fontName, frozenset(font.face.charToGlyph)) for font in own)
