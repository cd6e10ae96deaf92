"""What a scenario expected beside what was found, value by value, and readable."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from decimal import Decimal, InvalidOperation
from typing import Final
from uuid import UUID

ABSENT: Final = "(none)"


@dataclass(frozen=True, slots=True)
class Compared:
    """One value that was looked at: its name, the two sides as text, and whether they agree."""

    name: str
    expected: str
    found: str
    same: bool


def same_value(expected: object, found: object) -> bool:
    """Tell whether a value of a scenario file means the value found in a view or a result.

    Numbers compare by value, times as instants, UUIDs by what they name, lists and objects part by part; a number is
    no text, and a truth value is no number.
    """
    match found:
        case bool() | None:
            return expected is found
        case int() | float() | Decimal():
            return _same_number(expected, found)
        case datetime():
            return _instant(expected) == found
        case date():
            return isinstance(expected, str) and expected == found.isoformat()
        case UUID():
            return isinstance(expected, str) and expected.lower() == str(found)
        case str():
            return isinstance(expected, str) and _same_text(expected, found)
        case _:
            return _same_parts(expected, found)


def _same_parts(expected: object, found: object) -> bool:
    if isinstance(expected, dict) and isinstance(found, Mapping):
        return expected.keys() == found.keys() and all(same_value(expected[key], found[key]) for key in found)
    if isinstance(expected, list) and isinstance(found, Sequence) and len(expected) == len(found):
        return all(same_value(one, other) for one, other in zip(expected, found, strict=True))
    return False


def _same_number(expected: object, found: float | Decimal) -> bool:
    if isinstance(expected, bool) or not isinstance(expected, int | float):
        return False
    try:
        return Decimal(str(expected)) == Decimal(str(found))
    except InvalidOperation:
        return False


def _same_text(expected: str, found: str) -> bool:
    return expected == found or (_instant(found) is not None and _instant(expected) == _instant(found))


def _instant(value: object) -> datetime | None:
    """Return the instant that a text with date, time and offset names, or None."""
    if not isinstance(value, str) or len(value) < len("2026-03-01T10:00Z"):
        return None
    try:
        instant = datetime.fromisoformat(value)
    except ValueError:
        return None
    return instant if instant.tzinfo else None


def shown(value: object) -> str:
    """Return a value as JSON, so that a text and a number that look alike can be told apart."""
    return json.dumps(value, default=str, ensure_ascii=False)


def compare_least(name: str, expected: Mapping[str, object], found: Mapping[str, object]) -> list[Compared]:
    """Compare the keys that are expected; further ones found do not matter, inside objects too."""
    compared: list[Compared] = []
    for key, want in expected.items():
        label, have = f"{name}.{key}", found.get(key)
        if key not in found:
            compared.append(Compared(label, shown(want), ABSENT, same=False))
        elif isinstance(want, dict) and isinstance(have, Mapping):
            compared += compare_least(label, want, have)
        else:
            compared.append(Compared(label, shown(want), shown(have), same_value(want, have)))
    return compared


def compare_rows(expected: Sequence[Mapping[str, object]], found: Sequence[Mapping[str, object]]) -> list[Compared]:
    """Compare rows in any order; an empty list says that each expected row is one of those found, and none is left.

    Otherwise the rows without a partner stand beside the most similar ones.
    """
    partner = _partners(expected, found)
    if len(expected) == len(found) == len(partner):
        return []
    taken = set(partner.values())
    left = [index for index in range(len(found)) if index not in taken]
    compared: list[Compared] = []
    for number, row in enumerate(expected):
        if number in partner:
            continue
        nearest = max(left, key=lambda index: _agreeing(row, found[index]), default=None)
        if nearest is not None:
            left.remove(nearest)
        compared += _side_by_side(f"row {number + 1}", row, None if nearest is None else found[nearest])
    for index in left:
        compared.append(Compared("a row too many", ABSENT, _brief(expected, found[index]), same=False))
    return compared


def _partners(expected: Sequence[Mapping[str, object]], found: Sequence[Mapping[str, object]]) -> dict[int, int]:
    """Return a largest pairing of expected with found rows (rows may check different columns, so greed would fail)."""
    fits = [[_fits(row, candidate) for candidate in found] for row in expected]
    owner: dict[int, int] = {}

    def place(number: int, tried: set[int]) -> bool:
        for index, fit in enumerate(fits[number]):
            if fit and index not in tried:
                tried.add(index)
                if index not in owner or place(owner[index], tried):
                    owner[index] = number
                    return True
        return False

    for number in range(len(expected)):
        place(number, set())
    return {number: index for index, number in owner.items()}


def _fits(row: Mapping[str, object], candidate: Mapping[str, object]) -> bool:
    return _agreeing(row, candidate) == len(row)


def _agreeing(row: Mapping[str, object], candidate: Mapping[str, object]) -> int:
    return sum(same_value(want, candidate[column]) for column, want in row.items())


def _side_by_side(name: str, row: Mapping[str, object], candidate: Mapping[str, object] | None) -> list[Compared]:
    if candidate is None:
        return [Compared(name, shown(row), ABSENT, same=False)]
    return [
        Compared(f"{name} · {column}", shown(want), shown(candidate[column]), same_value(want, candidate[column]))
        for column, want in row.items()
    ]


def _brief(expected: Sequence[Mapping[str, object]], row: Mapping[str, object]) -> str:
    """Return a row cut down to the columns that any expected row checks, or whole where none does."""
    checked = {column for other in expected for column in other}
    return shown({column: value for column, value in row.items() if not checked or column in checked})
