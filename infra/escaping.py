"""Text from outside, spelt so that it does nothing where it is shown: on a terminal, in a log, in a JSON document."""

from __future__ import annotations

import json
import re
from typing import Final

ACTIVE: Final = (
    r"\x00-\x1f\x7f-\x9f"  # control characters: they move the cursor, and begin what terminals obey
    r"\u061c\u200e\u200f\u202a-\u202e\u2066-\u2069"  # bidirectional marks: they show text in another order
    r"\u180e\u200b\u2028\u2029\u2060-\u2065\u206a-\u206f\ufeff\ufff9-\ufffb\U000e0000-\U000e007f"  # invisible ones
    r"\ud800-\udfff"  # halves of a character: no encoding writes them
)
ACTIVE_CHARACTER: Final = re.compile(f"[{ACTIVE}]")
ACTIVE_IN_LINES: Final = re.compile(f"(?!\n)[{ACTIVE}]")


def escaped(text: str) -> str:
    r"""Return a text as one line in which every active character is spelt, such as ``\x1b`` or ``\u202e``."""
    return ACTIVE_CHARACTER.sub(_spelt, text)


def escaped_lines(text: str) -> str:
    """Return a text of several lines, each of them escaped."""
    return ACTIVE_IN_LINES.sub(_spelt, text)


def escaped_json(document: str) -> str:
    """Return a JSON document that says the same, its active characters spelt as JSON spells them."""
    if document.isascii() and document.isprintable():  # most log lines: told in half the time of the search
        return document
    return ACTIVE_IN_LINES.sub(lambda found: json.dumps(found[0])[1:-1], document)


def _spelt(found: re.Match[str]) -> str:
    return found[0].encode("unicode_escape").decode("ascii")
