"""Spoiled JSON: values at one place changed, then perhaps the bytes; as senders get it wrong, and as attackers do."""

from __future__ import annotations

import copy
import json
import random
from collections.abc import Sequence
from typing import Any, Final

Place = tuple[int | str, ...]

NUMBERS: Final = (
    0, -1, 1, 2, 99, 100, 101, 10_000, 10_001, 1_000_000, 1_000_001, 10**13, 10**13 + 1, 2**31, 2**53, 2**63 - 1, 2**63,
    -(2**63), 0.0, -0.0, 0.5, 1.0, 1e15, 1e16, 1e300, 5e-324,
)  # fmt: skip
TEXTS: Final = (
    "", " ", "a", "A" * 64, "A" * 65, "x" * 4_001, "\x00", "\x1b[31m", "\u202e", "\ufeff", "é", "e\u0301", "\U0001f4a9",
    "\u2028", "\ud7ff", "null", "-1", "1e999", "=1+1", "[/x]", "../../etc/passwd", "'; DROP TABLE events; --",
    "00000000-0000-0000-0000-000000000000", "{00000000-0000-4000-8000-000000000001}", "DE", "XX", "EUR", "XXX",
    "2026-02-29T00:00:00Z", "2024-02-29T23:59:60Z", "1970-01-01T00:00:00+14:00", "2199-12-31T23:59:59-23:59",
    "0001-01-01T00:00:00Z", "9999-12-31T23:59:59Z", "2026-03-01T09:00:00", "2026-03-01", "sealed:v1:AAAA",
)  # fmt: skip
OTHERS: Final[tuple[Any, ...]] = (None, True, False, [], {}, [[]], [None], {"": ""}, [{}] * 3)
PATCHES: Final = (
    b"\\ud800", b"\\u0000", b"\xff", b"\xc3", b"NaN", b"Infinity", b"1e999", b'"', b"\\", b"[" * 120, b'{"a":' * 120,
    b"0" * 400, b",", b"}", b"]", b"\xef\xbb\xbf", b"-", b"1" * 40,
)  # fmt: skip
CHANGES: Final = (1, 1, 1, 1, 2, 4)
BYTES_CHANGED: Final = 0.05
"""Share of texts whose bytes are spoiled, too."""
PLACES_MAX: Final = 2_000
"""What has more is changed no further, and no list in it is said again and again: it would grow without end."""
NESTED: Final = 101


def spoiled(values: Any, chance: random.Random, others: Sequence[Any]) -> Any:
    """Return JSON values with one to a few changes; ``others`` are values of which parts may be put in."""
    changed = copy.deepcopy(values)
    for _ in range(chance.choice(CHANGES)):
        changed = _changed(changed, chance, others)
        if len(places(changed)) > PLACES_MAX:
            break
    return changed


def written(values: Any, chance: random.Random) -> bytes:
    """Return values as JSON; now and then as what is none any more."""
    text = json.dumps(values, ensure_ascii=False).encode("utf-8", "surrogatepass")  # nests deeper than others write
    return spoiled_bytes(text, chance) if chance.random() < BYTES_CHANGED else text


def spoiled_bytes(text: bytes, chance: random.Random) -> bytes:
    """Return bytes of which some were cut out, said twice, turned or put in."""
    begin = chance.randrange(len(text) + 1)
    end = min(len(text), begin + chance.choice((1, 2, 8, 64)))
    match chance.randrange(4):
        case 0:
            return text[:begin] + text[end:]
        case 1:
            return text[:end] + text[begin:]
        case 2:
            return text[:begin] + bytes(byte ^ (1 << chance.randrange(8)) for byte in text[begin:end]) + text[end:]
        case _:
            return text[:begin] + chance.choice(PATCHES) + text[begin:]


def places(values: Any, at: Place = ()) -> list[Place]:
    """Return every place in JSON values, the whole first."""
    found = [at]
    parts = values.items() if isinstance(values, dict) else enumerate(values) if isinstance(values, list) else ()
    for name, part in parts:
        found += places(part, (*at, name))
    return found


def part_at(values: Any, place: Place) -> Any:
    """Return what stands at a place."""
    for step in place:
        values = values[step]
    return values


def _changed(values: Any, chance: random.Random, others: Sequence[Any]) -> Any:
    place = chance.choice(places(values))
    part = part_at(values, place)
    if isinstance(part, dict) and part and chance.random() < 0.7:
        return _put(values, place, _object_changed(part, chance))
    if isinstance(part, list) and chance.random() < 0.7:
        return _put(values, place, _list_changed(part, chance))
    return _put(values, place, _another(part, chance, others))


def _another(part: Any, chance: random.Random, others: Sequence[Any]) -> Any:
    """Return what may stand in the place of a value: mostly one of its kind."""
    match chance.randrange(12):
        case 0:
            return chance.choice(OTHERS)
        case 1:
            return chance.choice(NUMBERS)
        case 2:
            return chance.choice(TEXTS)
        case 3:
            return _nested(part)
        case 4 | 5 | 6:
            other = chance.choice(others)
            found = [part_at(other, place) for place in places(other)]
            alike = [one for one in found if type(one) is type(part)]
            return copy.deepcopy(chance.choice(alike or found))
        case _ if isinstance(part, str):
            return chance.choice((part + "x", part[:-1], part.upper(), part * 2, f" {part}", *TEXTS))
        case _ if isinstance(part, int | float):
            return chance.choice((part + 1, part - 1, -part, part * 2, float(part), str(part)))
        case _:
            return chance.choice((part, [part], {"value": part}))


def _nested(part: Any) -> Any:
    for _ in range(NESTED):
        part = [part]
    return part


def _object_changed(part: dict[str, Any], chance: random.Random) -> dict[str, Any]:
    changed, name = dict(part), chance.choice(list(part))
    match chance.randrange(3):
        case 0:
            del changed[name]
        case 1:
            changed[chance.choice((name.upper(), name + " ", "", "__class__", "constructor", "type"))] = part[name]
        case _:
            changed[name] = part[chance.choice(list(part))]
    return changed


def _list_changed(part: list[Any], chance: random.Random) -> list[Any]:
    match chance.randrange(4):
        case 0:
            return part * 2
        case 1:
            return part[1:]
        case 2:
            return part[::-1]
        case _:
            return part * (chance.choice((60, 101, 600)) if len(places(part)) < 10 else 2)


def _put(values: Any, place: Place, part: Any) -> Any:
    if not place:
        return part
    part_at(values, place[:-1])[place[-1]] = part
    return values
