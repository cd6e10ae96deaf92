"""Places in JSON values, and a walk over all of them."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, Final

PATH_CHARACTERS_MAX: Final = 1_000

Place = tuple[int | str, Any] | None
"""A place in a body: its last part and the place around it; None for the body itself.

Written out for every value, places that are long or deep would need a thousand times the memory of the body.
"""


def walk(data: Any) -> Iterator[tuple[Any, Place]]:
    """Yield every value with its place, in order. No recursion, since JSON may nest deeper than Python may call."""
    left: list[tuple[Any, Place]] = [(data, None)]
    while left:
        value, place = left.pop()
        yield value, place
        if isinstance(value, list):
            left += [(item, (index, place)) for index, item in enumerate(value)][::-1]
        elif isinstance(value, dict):
            left += [(item, (name, place)) for name, item in value.items()][::-1]


def parts_of(place: Place) -> list[int | str]:
    """Return the names and indices that lead to a place, from the outside in."""
    parts: list[int | str] = []
    while place is not None:
        part, place = place
        parts.append(part)
    return parts[::-1]


def path_of(parts: list[int | str]) -> str:
    """Return a place as a JSON path, such as ``$.lines[0].title``; cut where it is longer than anybody reads."""
    written = (f"[{part}]" if isinstance(part, int) else f".{part[:PATH_CHARACTERS_MAX]}" for part in parts)
    return ("$" + "".join(written))[:PATH_CHARACTERS_MAX]
