"""What a fact keeps of the command that told it, so that the same told again is known.

Either one SHA-256 of all of it; or, where it holds what a person wrote, two: ``whole.plain``, of all of it and of all
but that. The first may be lost, with what it is of (``.plain``): then the second decides.
"""

from __future__ import annotations


def is_same_content(known: str, told: str) -> bool:
    """Tell whether what is told has the content of what is known, as far as that is still kept."""
    known_whole, _, known_plain = known.partition(".")
    told_whole, _, told_plain = told.partition(".")
    if known_whole:
        return known_whole == told_whole
    return known_plain == (told_plain or told_whole)
