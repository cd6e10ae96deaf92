"""What others have named and people read off things: article, serial and tracking numbers, references."""

from __future__ import annotations

import re
from typing import Final

NAME_MAX: Final = 128
UNSEEN: Final = (
    r"\x00-\x1f\x7f-\xa0"
    "\u00ad\u061c\u1680\u180e\u2000-\u200f\u2028-\u202f\u205f-\u206f\u3000\ue000-\uf8ff\ufeff\ufff9-\ufffb\ufffe\uffff"
)
"""What nobody can tell by looking at it: control and format characters, spaces other than U+0020, private characters.

As the inside of a regular expression's brackets. Above U+001F they stand for themselves, which every dialect can read.
"""
NAME: Final = f"^[^ {UNSEEN}]([^{UNSEEN}]*[^ {UNSEEN}])?$"


def name_in(text: str) -> str:
    """Return what of a text can be a name: without what nobody sees, cut to ``NAME_MAX``; empty where nothing is left.

    For what comes from outside with news that must not be lost for its form.
    """
    return re.sub(f"[{UNSEEN}]", "", text).strip(" ")[:NAME_MAX].rstrip(" ")
