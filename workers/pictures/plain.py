"""Printing where not every character can be: what looks alike takes the place of what the stream cannot write."""

from __future__ import annotations

import codecs
import io
import sys
import unicodedata
from typing import Final

from rich.cells import cell_len

ALIKE: Final = {
    "✓": "+", "✗": "x", "→": ">", "▶": ">", "•": "*", "●": "*", "○": "o", "·": "-", "…": "~", "×": "x", "µ": "u",
    "−": "-", "–": "-", "—": "-", "‘": "'", "’": "'", "“": '"', "”": '"', "─": "-", "━": "-", "│": "|", "┃": "|",
    "█": "#", "▉": "#", "▊": "#", "▋": "#", "▌": "#", "▍": "=", "▎": "=", "▏": "=", "£": "L",
}  # fmt: skip
"""As wide as what they stand for, so that columns stay where they are."""
ERRORS: Final = "alike"
"""Name of the error handler."""


def alike(error: UnicodeError) -> tuple[str, int]:
    """Return characters for those that cannot be encoded, and where to go on; for ``codecs.register_error``."""
    if not isinstance(error, UnicodeEncodeError):
        raise error
    return "".join(map(_ascii, error.object[error.start : error.end])), error.end


def _ascii(character: str) -> str:
    if character in ALIKE:
        return ALIKE[character]
    without_accent = unicodedata.normalize("NFKD", character)[:1]
    return without_accent if without_accent.isascii() and without_accent else "?" * max(1, cell_len(character))


def print_alike() -> None:
    """Let standard output and error print what their encoding lacks by what looks alike, instead of failing."""
    codecs.register_error(ERRORS, alike)
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors=ERRORS)
